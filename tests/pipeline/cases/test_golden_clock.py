"""From when the golden time of a case counts."""

from dataclasses import replace

import pytest

from pipeline.cases.case import apply_alert, apply_incident
from pipeline.cases.golden_clock import clock_start_us, first_report_us
from schemas.case_state import CaseState
from schemas.incident import Incident
from schemas.wandering_alert import WanderingAlert
from tests.support.records import T0_US, S, an_alert, an_incident


def later(seconds: float) -> int:
    return T0_US + int(seconds * S)


def case_after(*events: Incident | WanderingAlert, case: CaseState | None = None) -> CaseState:
    """Return the case after events, each arriving a second after it was observed."""
    for event in events:
        apply = apply_incident if isinstance(event, Incident) else apply_alert
        case = apply(case, event, event.observed_us + S).case  # type: ignore[arg-type]
    assert case is not None
    return case


def test_what_happened_an_hour_ago_counts_from_its_report() -> None:
    case = case_after(an_incident("i", later(0), occurred_us=later(-3_600), reported_us=later(-20)))
    assert first_report_us(case) == later(-20)
    assert case.reports[0].occurred_us == later(-3_600)


def test_without_a_time_of_the_report_what_happened_counts() -> None:
    case = case_after(an_incident("i", later(0), occurred_us=later(-60)))
    assert first_report_us(case) == later(-60)
    assert case.reports[0].reported_us is None


@pytest.mark.parametrize("corrected", [{"reported_us": later(30)}, {"reported_us": later(-900)}, {}])
def test_an_update_that_corrects_the_times_keeps_the_first_report(corrected: dict[str, int]) -> None:
    told = an_incident("i", later(0), occurred_us=later(-600), reported_us=later(-20))
    update = an_incident("i", later(40), status="updated", occurred_us=later(-1_200), **corrected)
    case = case_after(told, update)
    assert first_report_us(case) == later(-20)
    assert case.reports[0].occurred_us == later(-1_200)


def test_an_update_that_says_when_it_really_happened_does_not_move_the_clock() -> None:
    told = an_incident("i", later(0), occurred_us=later(0))
    case = case_after(told, an_incident("i", later(40), status="updated", occurred_us=later(-1_800)))
    assert first_report_us(case) == later(0)


def test_the_first_of_two_reports_of_a_case_starts_the_clock() -> None:
    first = an_incident("x", later(0), incident_id="a", occurred_us=later(-600), reported_us=later(-5))
    second = an_incident("x", later(30), incident_id="b", occurred_us=later(-900), reported_us=later(25))
    assert first_report_us(case_after(first, second)) == later(-5)


def test_the_clock_goes_on_where_the_report_that_started_it_is_closed_and_another_stands() -> None:
    first = an_incident("x", later(0), incident_id="a", reported_us=later(-5))
    second = an_incident("x", later(30), incident_id="b", reported_us=later(25))
    closed = an_incident("x", later(60), incident_id="a", status="closed")
    assert first_report_us(case_after(first, second, closed)) == later(-5)


def test_a_report_before_what_it_tells_of_stands_and_one_from_the_future_came_now() -> None:
    announced = case_after(an_incident("i", later(0), occurred_us=later(600), reported_us=later(-60)))
    assert first_report_us(announced) == later(-60)
    ahead = case_after(an_incident("i", later(0), occurred_us=later(-60), reported_us=later(9_999)))
    assert first_report_us(ahead) == later(1)


def test_an_alert_is_its_own_report_however_long_ago_the_person_was_seen() -> None:
    case = case_after(an_alert("s", later(60), last_seen_us=later(-7_200)))
    assert case.reports[0].occurred_us == later(-7_200)
    assert first_report_us(case) == later(60)
    again = case_after(an_alert("s", later(90), last_seen_us=later(-7_200)), case=case)
    assert first_report_us(again) == later(60)


def test_a_case_that_opens_again_has_a_clock_of_its_own() -> None:
    morning = case_after(an_alert("s", later(0), last_seen_us=later(-60)), an_alert("s", later(60), kind="found"))
    over = replace(morning, status="released", ended_us=later(61), version=3)
    evening = case_after(an_alert("s", later(36_000), last_seen_us=later(35_000)), case=over)
    assert evening.opened_us == later(36_001)
    assert first_report_us(evening) == later(36_000)


def test_a_report_made_anew_after_its_end_has_a_clock_of_its_own() -> None:
    ended = case_after(an_incident("i", later(0), reported_us=later(-5)), an_incident("i", later(9), status="closed"))
    over = replace(ended, status="released", ended_us=later(10), version=2)
    again = case_after(an_incident("i", later(600), occurred_us=later(500), reported_us=later(590)), case=over)
    assert first_report_us(again) == later(590)


def test_a_version_or_report_written_before_reports_were_told_apart_counts_from_what_happened() -> None:
    case = case_after(an_incident("i", later(0), occurred_us=later(-60), reported_us=later(-20)))
    old = replace(case.reports[0], reported_us=None)
    assert clock_start_us(old) == later(-60)
    assert first_report_us(replace(case, reports=())) is None
