"""One case's life: how reports open, change, merge and close it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cases.case import (
    RECENT_EVENT_IDS_MAX,
    REPORTS_MAX,
    Standing,
    apply_alert,
    apply_incident,
    is_ended,
    standing_of,
)
from pipeline.rules.policy import Policy
from schemas.case_state import CaseState
from schemas.incident import Incident, RespondingUnit
from schemas.location import Area, Location
from schemas.wandering_alert import WanderingAlert
from tests.support.policies import DEMO, SEOUL_CITY
from tests.support.records import T0_US, S, an_alert, an_incident, at


def later(seconds: float) -> int:
    return T0_US + int(seconds * S)


def case_after(*events: Incident | WanderingAlert, case: CaseState | None = None) -> CaseState:
    """Return the case after events that all count, each arriving a second after it was observed."""
    for event in events:
        apply = apply_incident if isinstance(event, Incident) else apply_alert
        applied = apply(case, event, event.observed_us + S)  # type: ignore[arg-type]
        assert applied.outcome == "changed", applied.outcome
        case = applied.case
    assert case is not None
    return case


def ended(case: CaseState) -> CaseState:
    return replace(case, status="released", ended_us=later(9_000), version=3)


def closed_reasons(case: CaseState) -> dict[str, str | None]:
    return {report.report_id: report.closed_reason for report in case.reports}


def standing(case: CaseState, policy: Policy = DEMO) -> Standing:
    found = standing_of(case, policy)
    assert found is not None
    return found


def test_a_report_opens_a_case() -> None:
    applied = apply_incident(None, an_incident("i", subject_ref="s:x", native_code="101"), later(5))
    case = applied.case
    assert (applied.outcome, applied.reason) == ("changed", "reported")
    assert case is not None
    assert (case.case_id, case.version, case.exercise, case.subject_ref) == ("i", 0, False, "s:x")
    assert (case.opened_us, case.evidence_us) == (later(5), later(5))
    (report,) = case.reports
    assert (report.report_id, report.kind, report.urgency_native, report.native_code) == ("i", "robbery", "C0", "101")
    assert not is_ended(case)


def test_an_update_changes_its_report_and_keeps_what_it_does_not_say() -> None:
    before = case_after(an_incident("i", location=at(5)))
    after = case_after(an_incident("i", later(9), status="updated", location=None, urgency_native="C2"), case=before)
    (report,) = after.reports
    assert (report.urgency_native, report.location) == ("C2", at(5))
    assert (after.opened_us, after.evidence_us) == (before.opened_us, later(10))


def test_an_update_whose_kind_nobody_could_read_keeps_the_kind_and_another_code_changes_it() -> None:
    fire = an_incident("i", service="fire", kind="fire", native_code="602")
    unread = an_incident("i", later(9), status="updated", kind="other", native_code=None)
    (kept,) = case_after(fire, unread).reports
    assert (kept.service, kept.kind, kept.native_code) == ("fire", "fire", "602")
    (changed,) = case_after(fire, replace(unread, native_code="999")).reports
    assert (changed.service, changed.kind, changed.native_code) == ("police", "other", "999")


@pytest.mark.parametrize("nowhere", [at(quality="default"), at(quality="none"), None])
def test_an_update_that_knows_no_place_keeps_the_place_that_is_known(nowhere: Location | None) -> None:
    incident = case_after(an_incident("i", location=at(5)), an_incident("i", later(9), location=nowhere))
    assert incident.reports[0].location == at(5)
    alert = case_after(an_alert("s", location=at(5)), an_alert("s", later(9), location=nowhere))
    assert alert.reports[0].location == at(5)


def test_an_update_that_knows_a_place_replaces_one_that_did_not() -> None:
    case = case_after(an_incident("i", location=at(quality="default")), an_incident("i", later(9), location=at(7)))
    assert case.reports[0].location == at(7)


AREA = Area(district_names=("Old Town",))
UNITS = (RespondingUnit(unit_ref="engine-1", position=at(300)),)


def test_an_update_that_names_no_area_and_no_units_keeps_those_that_are_known() -> None:
    case = case_after(an_incident("i", area=AREA, units=UNITS), an_incident("i", later(9), status="updated"))
    assert (case.reports[0].area, case.reports[0].units) == (AREA, UNITS)


def test_an_event_that_replaces_takes_back_what_it_leaves_empty() -> None:
    before = an_incident("i", location=at(5), area=AREA, units=UNITS)
    point = case_after(before, an_incident("i", later(9), location=at(7), replaces=True))
    assert (point.reports[0].location, point.reports[0].area, point.reports[0].units) == (at(7), None, ())
    smaller = Area(district_names=("Harbour",))
    area = case_after(before, an_incident("i", later(9), location=None, area=smaller, replaces=True))
    assert (area.reports[0].location, area.reports[0].area) == (None, smaller)
    nowhere = case_after(before, an_incident("i", later(9), location=at(quality="none"), replaces=True))
    assert nowhere.reports[0].location == at(quality="none")


def test_an_event_that_replaces_leaves_a_place_that_somebody_else_corrected() -> None:
    seen = at(20, accuracy_m=5, quality="other")
    before = case_after(an_incident("i", location=at(accuracy_m=30), area=AREA))
    corrected = replace(before, reports=tuple(replace(report, location=seen) for report in before.reports))
    for told in (None, at(accuracy_m=30)):
        after = case_after(an_incident("i", later(9), location=told, replaces=True), case=corrected)
        assert (after.reports[0].location, after.reports[0].area) == (seen, None)


def test_an_older_event_does_not_bring_back_what_a_newer_one_took() -> None:
    case = case_after(an_incident("i", later(10), area=None, replaces=True))
    applied = apply_incident(case, an_incident("i", later(9), area=AREA), later(11))
    assert (applied.outcome, case.reports[0].area) == ("late", None)


places = st.sampled_from([None, at(5), at(60, 9), at(quality="default")])
incidents = st.builds(
    dict,
    location=places,
    area=st.sampled_from([None, AREA, Area(district_names=("Harbour",))]),
    units=st.sampled_from([(), UNITS]),
    replaces=st.booleans(),
)


@given(st.lists(incidents, max_size=5), incidents)
def test_after_an_event_that_replaces_nothing_is_left_of_those_before(
    history: list[dict[str, Any]], last: dict[str, Any]
) -> None:
    told = [an_incident("i", later(n), **fields) for n, fields in enumerate(history, 1)]
    newest = an_incident("i", later(60), **last | {"replaces": True})
    (left,) = case_after(*told, newest).reports
    # But for the clock of the golden time, which began with the first of them.
    assert (replace(left, reported_us=None),) == case_after(newest).reports


def test_an_older_event_is_late_and_changes_nothing() -> None:
    case = case_after(an_incident("i", later(10)))
    applied = apply_incident(case, an_incident("i", later(9), status="closed"), later(11))
    assert applied.outcome == "late"
    assert closed_reasons(case) == {"i": None}


def test_an_event_delivered_twice_counts_once() -> None:
    incident, alert = an_incident("i"), an_alert("i")
    case = case_after(incident, alert)
    assert apply_incident(case, incident, later(60)).outcome == "duplicate"
    assert apply_alert(case, alert, later(60)).outcome == "duplicate"


def test_a_bounded_number_of_event_ids_is_remembered() -> None:
    events = [an_incident("i", later(n)) for n in range(RECENT_EVENT_IDS_MAX + 5)]
    case = case_after(*events)
    assert case.recent_event_ids == tuple(e.event_id for e in events[5:])


@pytest.mark.parametrize(
    ("status", "merged_into", "reason"),
    [
        ("closed", None, "closed"),
        ("cancelled", None, "cancelled"),
        ("merged", "inc-7", "merged-into:inc-7"),
        ("merged", None, "merged-into:unknown"),
        ("merged", "i", "merged"),
    ],
)
def test_closing_cancelling_and_merging_end_the_report(status: str, merged_into: str | None, reason: str) -> None:
    opened = case_after(an_incident("i"))
    applied = apply_incident(opened, an_incident("i", later(9), status=status, merged_into=merged_into), later(10))
    assert (applied.outcome, applied.reason) == ("changed", reason)
    assert applied.case is not None
    assert closed_reasons(applied.case) == {"i": reason}
    assert standing_of(applied.case, DEMO) is None


@pytest.mark.parametrize("status", ["updated", "closed", "cancelled", "merged"])
def test_after_its_end_only_a_new_report_opens_an_incident_again(status: str) -> None:
    closed = case_after(an_incident("i"), an_incident("i", later(9), status="closed"))
    assert apply_incident(closed, an_incident("i", later(20), status=status), later(21)).outcome == "after-close"
    again = case_after(an_incident("i", later(20)), case=ended(closed))
    assert closed_reasons(again) == {"i": None}
    assert (again.opened_us, again.version) == (later(21), 3)


def test_a_report_that_comes_after_the_news_of_its_end_does_not_open_it() -> None:
    case = case_after(an_incident("i", later(9), status="closed"))
    assert apply_incident(case, an_incident("i"), later(20)).outcome == "late"


def test_two_services_with_one_case_share_it_and_the_more_urgent_leads() -> None:
    case = case_after(
        an_incident("x", incident_id="112:1", urgency_native="C2"),
        an_incident("x", incident_id="119:1", service="fire", kind="structure-fire", urgency_native="level-1"),
    )
    found = standing(case)
    assert (found.services, found.rank, found.lead.report_id) == (("fire", "police"), 1, "119:1")
    alone = case_after(an_incident("x", later(9), incident_id="119:1", service="fire", status="closed"), case=case)
    assert standing(alone).services == ("police",)


def test_a_second_report_of_the_same_thing_that_is_merged_leaves_the_first_standing() -> None:
    case = case_after(an_incident("x", incident_id="112:1"), an_incident("x", later(1), incident_id="112:2"))
    merged = an_incident("x", later(9), incident_id="112:2", status="merged", merged_into="x")
    case = case_after(merged, case=case)
    assert closed_reasons(case) == {"112:1": None, "112:2": "merged"}
    assert standing(case).lead.report_id == "112:1"


def test_one_case_of_two_services_is_for_the_recipients_of_both() -> None:
    case = case_after(
        an_incident("x", incident_id="112:1"),
        an_incident("x", incident_id="119:1", service="fire", kind="structure-fire"),
    )
    assert standing(case).allowed_services == {"police", "fire"}


def test_a_case_that_one_service_hands_over_to_another_goes_on_for_the_other_alone() -> None:
    case = case_after(
        an_incident("x", incident_id="112:1", kind="missing-child"),
        an_incident("x", later(60), incident_id="child:1", service="child", kind="missing-child"),
        an_incident("x", later(61), incident_id="112:1", status="closed"),
    )
    found = standing(case)
    assert (found.services, sorted(found.allowed_services), found.lead.report_id) == (("child",), ["child"], "child:1")
    assert case.opened_us == later(1)


@pytest.mark.parametrize(("urgency", "rank"), [("C0", 0), ("C1", 1), ("C2", 2), ("C3", 3)])
def test_a_case_takes_the_urgency_of_the_newest_word(urgency: str, rank: int) -> None:
    case = case_after(an_incident("i", urgency_native="C3"), an_incident("i", later(9), urgency_native=urgency))
    assert standing(case).rank == rank


def test_a_kind_that_changes_in_flight_changes_what_is_allowed() -> None:
    brawl = an_incident("i", later(9), status="updated", kind="brawl", urgency_native="C3")
    case = case_after(an_incident("i", urgency_native="C3"), brawl)
    assert standing(case).permission.reason == "outside-the-seven-crimes"
    murder = an_incident("i", later(20), status="updated", kind="murder", urgency_native="C3")
    again = case_after(murder, case=replace(ended(case), status="denied"))
    assert standing(again).permission.purpose == "serious-crime"
    assert again.opened_us == later(21)


def test_found_ends_all_alerts_of_the_case_and_leaves_other_reports() -> None:
    case = case_after(
        an_alert("s", kind="safe-zone-exit"),
        an_alert("s", later(5), kind="sos", hazards=("water",)),
        an_incident("s", later(6), incident_id="112:1", kind="missing-person"),
        an_alert("s", later(60), kind="found"),
    )
    found = {"alert:safe-zone-exit": "found", "alert:sos": "found", "alert:found": "found", "112:1": None}
    assert closed_reasons(case) == found
    assert standing(case).services == ("police",)


def test_an_alert_from_before_the_person_was_found_is_late_and_one_from_after_opens_again() -> None:
    case = case_after(an_alert("s"), an_alert("s", later(60), kind="found"))
    assert apply_alert(case, an_alert("s", later(59), kind="sos"), later(61)).outcome == "late"
    assert apply_alert(case, an_alert("s", later(59)), later(61)).outcome == "late"
    again = case_after(an_alert("s", later(99)), case=ended(case))
    assert standing(again).lead.report_id == "alert:safe-zone-exit"
    assert again.opened_us == later(100)


def test_found_from_before_a_newer_alert_is_late() -> None:
    case = case_after(an_alert("s", later(60)))
    assert apply_alert(case, an_alert("s", later(59), kind="found"), later(61)).outcome == "late"


def test_found_before_any_alert_keeps_older_alerts_from_opening_the_case() -> None:
    case = case_after(an_alert("s", later(60), kind="found"))
    assert standing_of(case, DEMO) is None
    assert apply_alert(case, an_alert("s", later(50)), later(61)).outcome == "late"


def test_an_alert_says_when_the_person_was_last_seen() -> None:
    case = case_after(an_alert("s", later(60), last_seen_us=later(-600)))
    assert case.reports[0].occurred_us == later(-600)


@pytest.mark.parametrize("drill", [an_incident("x", later(9), exercise=True), an_alert("x", later(9), exercise=True)])
def test_a_drill_does_not_touch_a_real_case(drill: Any) -> None:
    case = case_after(an_incident("x"))
    apply = apply_incident if isinstance(drill, Incident) else apply_alert
    applied = apply(case, drill, later(10))
    assert (applied.outcome, applied.case) == ("exercise-mix", case)


def test_a_real_report_wins_over_a_drill_and_takes_nothing_from_it() -> None:
    drill = case_after(an_incident("x", incident_id="drill", exercise=True, location=at(99)))
    real = case_after(an_incident("x", later(9), incident_id="112:1"), case=drill)
    assert (real.exercise, closed_reasons(real), real.opened_us) == (False, {"112:1": None}, later(10))


def test_a_drill_on_an_ended_real_case_takes_nothing_from_it() -> None:
    real = ended(case_after(an_incident("x", location=at(99))))
    drill = case_after(an_incident("x", later(9_999), incident_id="drill", exercise=True), case=real)
    assert (drill.exercise, closed_reasons(drill)) == (True, {"drill": None})


def test_more_reports_than_a_case_holds_push_out_the_oldest_closed_first() -> None:
    case = case_after(*(an_incident("x", later(n), incident_id=f"i{n:02}") for n in range(REPORTS_MAX)))
    case = case_after(an_incident("x", later(99), incident_id="i20", status="closed"), case=case)
    case = case_after(an_incident("x", later(100), incident_id="new"), case=case)
    assert len(case.reports) == REPORTS_MAX
    assert set(closed_reasons(case)) == {f"i{n:02}" for n in range(REPORTS_MAX) if n != 20} | {"new"}
    case = case_after(an_incident("x", later(101), incident_id="newer"), case=case)
    assert "i00" not in closed_reasons(case)
    assert len(case.reports) == REPORTS_MAX


def test_reports_stand_in_order_of_their_ids() -> None:
    case = case_after(*(an_incident("x", later(n), incident_id=i) for n, i in enumerate("cab")))
    assert [report.report_id for report in case.reports] == ["a", "b", "c"]


def test_a_later_event_adds_the_subject_and_never_changes_it() -> None:
    case = case_after(an_incident("x"), an_incident("x", later(1), subject_ref="s:1"))
    case = case_after(an_incident("x", later(2), subject_ref="s:2"), case=case)
    assert case.subject_ref == "s:1"


def test_the_purposes_of_all_allowed_reports_are_joined_and_any_beats_all() -> None:
    robbery = case_after(an_incident("x", incident_id="a"))
    urgent = case_after(an_incident("x", incident_id="b", kind="brawl", urgency_native="C1"), case=robbery)
    fire = case_after(an_incident("x", incident_id="c", service="fire", kind="fire"), case=urgent)
    assert "disaster" not in standing(robbery).camera_purposes
    assert standing(robbery).camera_purposes | {"disaster"} == standing(urgent).camera_purposes
    assert standing(fire).camera_purposes == frozenset()


def test_a_denied_report_lends_nothing_to_an_allowed_one() -> None:
    case = case_after(
        an_incident("x", incident_id="a", kind="brawl", urgency_native="C2"),
        an_incident("x", incident_id="b", service="fire", kind="ems"),
    )
    found = standing(case)
    assert (found.lead.report_id, found.permission.purpose) == ("b", "fire-and-rescue")


@pytest.mark.parametrize(
    ("policy", "incident", "reason"),
    [
        (DEMO, an_incident("x", kind="brawl", urgency_native="C3"), "outside-the-seven-crimes"),
        (DEMO, an_incident("x", urgency_native="C4"), "not-urgent"),
        (DEMO, an_incident("x", service="fire", kind="advice"), "not-urgent"),
        (DEMO, an_incident("x", service="other"), "no-rule"),
        (SEOUL_CITY, an_incident("x", exercise=True), "exercise"),
    ],
)
def test_without_an_allowed_report_the_case_is_denied_with_the_reason(
    policy: Policy, incident: Incident, reason: str
) -> None:
    found = standing(case_after(incident), policy)
    assert (found.permission.allowed, found.permission.reason) == (False, reason)


def test_a_report_of_the_last_rank_is_denied_even_where_the_gate_allows_it() -> None:
    no_ranks = replace(DEMO, ranks=replace(DEMO.ranks, rules=(), default_rank=4))
    found = standing(case_after(an_incident("x")), no_ranks)
    assert (found.permission.allowed, found.permission.reason) == (False, "rank-without-cameras")


def test_a_city_may_look_for_drills() -> None:
    assert standing(case_after(an_incident("x", exercise=True)), DEMO).permission.allowed
