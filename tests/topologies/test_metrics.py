"""What a unit of work adds to the worker's metrics."""

from collections import Counter
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.reading.batch import RawBatch, StepResult
from schemas.camera_assignment import AssignedCamera, CameraAssignment, InputRef, Target
from tests.pipeline.head_records import HeadRun
from tests.support.policies import CITIES
from tests.support.records import T0_US, an_incident, batches_of
from tests.topologies.counting_engine import assignment
from topologies.city_files import load_city
from topologies.golden_time import CityTerms, terms_of
from topologies.metrics import FlowMetrics

S = 1_000_000


def value(metrics: FlowMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def a_first_view(**fields: Any) -> CameraAssignment:
    source = InputRef(topic="incidents", partition=0, offset=1)
    return replace(assignment("c", 1, source, 9 * S, "cameras@1/health@-1"), services=("fire",), **fields)


def where(district: str | None) -> Target:
    return Target(lat_deg=37.4, lon_deg=127.4, accuracy_m=20, search_radius_m=300, district=district, position_us=T0_US)


def test_the_golden_time_is_counted_from_what_happened_and_the_answer_from_the_arrival() -> None:
    metrics = FlowMetrics()
    first_view = a_first_view(occurred_us=4 * S, decided_us=9 * S)
    result = StepResult(reported=[("fire", 10 * S)], first_views=[first_view])

    metrics.unit_done(3, result, now_us=12 * S)

    assert value(metrics, "goldentime_report_to_assignment_seconds_sum", service="fire") == 2.0
    assert value(metrics, "goldentime_time_to_first_view_seconds_sum", service="fire") == 5.0
    assert value(metrics, "goldentime_batch_size_sum") == 3.0


def test_where_the_report_is_told_apart_from_what_happened_the_golden_time_and_its_hour_are_the_reports() -> None:
    metrics = FlowMetrics()
    at = {"occurred_us": 4 * S, "reported_us": 3_604 * S, "decided_us": 3_611 * S}

    metrics.unit_done(1, StepResult(first_views=[a_first_view(**at)]), now_us=3_612 * S)

    assert value(metrics, "goldentime_time_to_first_view_seconds_sum", service="fire") == 7.0
    assert value(metrics, "goldentime_time_to_first_view_by_hour_seconds_count", hour="01") == 1.0


def test_the_golden_time_is_told_by_kind_district_and_hour_of_the_citys_day() -> None:
    metrics = FlowMetrics(CityTerms(time_zone=ZoneInfo("America/New_York")))
    half_past_eleven_us = 1_773_027_000_000_000  # 2026-03-08 23:30 in New York, the first day of summer time
    at = {"occurred_us": half_past_eleven_us, "decided_us": half_past_eleven_us + 7 * S}
    fire = a_first_view(kind="structure-fire", where=where("Harbor"), **at)
    nowhere = a_first_view(kind="structure-fire", where=where(None), **at)

    metrics.unit_done(2, StepResult(first_views=[fire, nowhere]), now_us=half_past_eleven_us + 8 * S)

    name = "goldentime_time_to_first_view_by_{}_seconds_{}"
    assert value(metrics, name.format("kind", "sum"), kind="structure-fire") == 14.0
    assert value(metrics, name.format("district", "count"), district="Harbor") == 1.0
    assert value(metrics, name.format("district", "count"), district="unknown") == 1.0
    assert value(metrics, name.format("hour", "count"), hour="23") == 2.0


@pytest.mark.parametrize("occurred_us", [-(2**63), 2**63 - 1])
def test_a_report_with_a_time_that_is_none_does_not_stop_the_measuring(occurred_us: int) -> None:
    metrics = FlowMetrics()
    metrics.unit_done(1, StepResult(first_views=[a_first_view(occurred_us=occurred_us)]), now_us=S)
    assert value(metrics, "goldentime_time_to_first_view_seconds_count", service="fire") == 1


def test_a_drill_has_no_golden_time() -> None:
    metrics = FlowMetrics()
    metrics.unit_done(1, StepResult(first_views=[a_first_view(exercise=True, occurred_us=1 * S)]), now_us=S)

    assert value(metrics, "goldentime_time_to_first_view_seconds_count", service="fire") is None


def test_kinds_without_end_get_one_label_and_those_of_the_city_keep_theirs() -> None:
    metrics = FlowMetrics(CityTerms(kinds=frozenset({"robbery"})))
    kinds = [*(f"made-up-{number}" for number in range(500)), "x" * 10_000, "robbery"]
    views = [a_first_view(kind=kind, occurred_us=8 * S) for kind in kinds]
    metrics.unit_done(1, StepResult(first_views=views), now_us=10 * S)

    counted = "goldentime_time_to_first_view_by_kind_seconds_count"
    labels = {s.labels["kind"] for m in metrics.registry.collect() for s in m.samples if s.name == counted}
    assert len(labels) == 101
    assert value(metrics, counted, kind="robbery") == 1.0
    assert value(metrics, counted, kind="other") == 402.0


def test_the_kinds_and_districts_of_a_city_come_from_its_files() -> None:
    terms = terms_of(load_city(CITIES, "demo"))

    assert terms.time_zone == ZoneInfo("Asia/Seoul")
    assert {"robbery", "missing-child", "structure-fire"} <= terms.kinds


def test_outcomes_hand_overs_and_denials_are_counted_by_their_few_labels() -> None:
    metrics = FlowMetrics()
    source = InputRef(topic="incidents", partition=0, offset=1)
    denied = replace(assignment("c", 1, source, S, "cameras@1/health@-1"), status="denied", reason="not-urgent")
    outcomes = Counter({("tracker-fixes", "kept"): 7, ("tracker-fixes", "late"): 2})

    metrics.unit_done(9, StepResult(assignments=[denied], outcomes=outcomes, handovers=Counter(overlap=3)), now_us=S)

    assert value(metrics, "goldentime_records_total", topic="tracker-fixes", outcome="kept") == 7.0
    assert value(metrics, "goldentime_late_events_total", topic="tracker-fixes") == 2.0
    assert value(metrics, "goldentime_handovers_total", outcome="overlap") == 3.0
    assert value(metrics, "goldentime_decisions_denied_total", reason="not-urgent") == 1.0


def test_cases_without_a_view_are_those_open_and_not_active() -> None:
    metrics = FlowMetrics()
    metrics.open_cases(0, {("police", "active"): 2, ("police", "needs-location"): 1})
    metrics.open_cases(1, {("police", "waiting"): 4})
    metrics.open_cases(1, {("police", "waiting"): 1})

    assert value(metrics, "goldentime_open_cases", service="police", status="active") == 2.0
    assert value(metrics, "goldentime_cases_without_view", service="police") == 2.0


def test_lost_heads_are_counted_and_the_oldest_assignment_of_all_partitions_is_shown() -> None:
    metrics = FlowMetrics()
    run = HeadRun()
    grants = [*run.ask(0, value=0.1).grants, *run.ask(60, "case-b", value=0.9).grants]
    metrics.unit_done(2, StepResult(ptz_grants=grants), now_us=S)
    metrics.oldest_assignment(0, 10 * S, now_us=70 * S)
    metrics.oldest_assignment(1, 40 * S, now_us=70 * S)

    assert value(metrics, "goldentime_ptz_preemptions_total") == 1.0
    assert value(metrics, "goldentime_assignment_age_seconds") == 60.0
    metrics.oldest_assignment(0, None, now_us=70 * S)
    assert value(metrics, "goldentime_assignment_age_seconds") == 30.0


def test_the_time_without_a_view_is_measured_until_a_case_has_a_camera_again() -> None:
    metrics = FlowMetrics()
    source = InputRef(topic="incidents", partition=0, offset=1)

    def told(version: int, at_s: int, **changes: Any) -> None:
        one = replace(assignment("c", version, source, at_s * S, "cameras@1/health@-1"), decided_us=at_s * S, **changes)
        metrics.unit_done(1, StepResult(assignments=[one]), now_us=at_s * S)

    camera = AssignedCamera(
        camera_id="cam-1", site_id="s", owner="o", role="view", rank=0, distance_m=1.0, bearing_deg=0.0,
        level="observe", p_view=0.5, since_us=S,
    )  # fmt: skip
    told(1, 10, cameras=(camera,), services=("fire",), status="active")
    told(2, 20, cameras=(), released=("cam-1",), services=("fire",), status="waiting")
    told(3, 25, cameras=(), services=("fire",), status="waiting")
    told(4, 34, cameras=(camera,), services=("fire",), status="active")
    assert value(metrics, "goldentime_handover_gap_seconds_sum", service="fire") == 14.0
    told(5, 40, cameras=(), released=("cam-1",), services=("fire",), status="released")
    told(6, 99, cameras=(camera,), services=("fire",), status="active")
    assert value(metrics, "goldentime_handover_gap_seconds_count", service="fire") == 1.0


def test_each_source_has_its_lag_and_its_silence() -> None:
    metrics = FlowMetrics()
    one = replace(an_incident("i", observed_us=T0_US), source="police_112")
    two = replace(an_incident("j", observed_us=T0_US + 2 * S), source="fire_119")
    metrics.heard(a_batch([(T0_US + 5 * S, one), (T0_US + 9 * S, two)]))
    metrics.sources(T0_US + 10 * S)
    lag, idle = "goldentime_event_time_lag_seconds", "goldentime_source_idle_seconds"
    assert (value(metrics, lag, source="police_112"), value(metrics, idle, source="police_112")) == (5.0, 5.0)
    assert (value(metrics, lag, source="fire_119"), value(metrics, idle, source="fire_119")) == (7.0, 1.0)


def test_the_age_of_the_oldest_dead_letter_is_zero_without_any() -> None:
    metrics = FlowMetrics()
    metrics.dead_letter_oldest(T0_US, T0_US + 90 * S)
    assert value(metrics, "goldentime_dead_letter_oldest_seconds") == 90.0
    metrics.dead_letter_oldest(None, T0_US)
    assert value(metrics, "goldentime_dead_letter_oldest_seconds") == 0.0


def a_batch(records: list[tuple[int, Any]]) -> RawBatch:
    (batch,) = batches_of(records)
    return batch
