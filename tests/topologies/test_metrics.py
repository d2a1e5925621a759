"""What a unit of work adds to the worker's metrics."""

from collections import Counter
from dataclasses import replace
from typing import Any

from pipeline.reading.batch import RawBatch, StepResult
from schemas.camera_assignment import AssignedCamera, InputRef
from tests.pipeline.head_records import HeadRun
from tests.support.records import T0_US, an_incident, batches_of
from tests.topologies.counting_engine import assignment
from topologies.metrics import FlowMetrics

S = 1_000_000


def value(metrics: FlowMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_the_golden_time_is_counted_from_what_happened_and_the_answer_from_the_report() -> None:
    metrics = FlowMetrics()
    result = StepResult(reported=[("fire", 10 * S)], first_views=[("fire", 4 * S, 9 * S)])

    metrics.unit_done(3, result, now_us=12 * S)

    assert value(metrics, "goldentime_report_to_assignment_seconds_sum", service="fire") == 2.0
    assert value(metrics, "goldentime_time_to_first_view_seconds_sum", service="fire") == 5.0
    assert value(metrics, "goldentime_batch_size_sum") == 3.0


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
