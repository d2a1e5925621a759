"""What an operator's order does to a case, and which orders are not obeyed."""

from dataclasses import replace

import pytest

from pipeline.cases.bars import BARRED_MAX, barred_ids, next_bar_end_us
from pipeline.cases.case import RECENT_EVENT_IDS_MAX, Applied, apply_alert, apply_incident, standing_of
from pipeline.steps.orders import PINNED_MAX, apply_order
from schemas.case_state import BarredCamera, CaseState, HeldCamera
from tests.support.policies import DEMO
from tests.support.records import T0_US, S, an_alert, an_incident, an_order

SKEW_US = int(DEMO.movement.clock_skew_s * S)


def later(seconds: float) -> int:
    return T0_US + int(seconds * S)


def open_case(**changes: object) -> CaseState:
    """Return a case with one report that holds cam-1 and was opened at T0."""
    case = apply_incident(None, an_incident("i"), T0_US).case
    assert case is not None
    held = (HeldCamera(camera_id="cam-1", role="view", since_us=T0_US),)
    usual = replace(case, version=1, status="active", held=held, valid_until_us=later(900))
    return replace(usual, **changes)  # type: ignore[arg-type]


def over(case: CaseState) -> CaseState:
    return replace(case, status="released", ended_us=later(50), held=())


def ordered(case: CaseState | None, command: str, now_s: float = 60, **changes: object) -> Applied:
    return apply_order(case, an_order("i", command, later(now_s), **changes), later(now_s))


def changed(case: CaseState, command: str, now_s: float = 60, **changes: object) -> CaseState:
    applied = ordered(case, command, now_s, **changes)
    assert applied.outcome == "changed", applied.outcome
    assert applied.case is not None
    return applied.case


def test_an_order_for_a_case_that_is_not_there_changes_nothing() -> None:
    assert ordered(None, "close") == Applied(None, "unknown-case")


def test_an_order_delivered_twice_counts_once() -> None:
    command = an_order("i", "extend", later(60))
    case = apply_order(open_case(), command, later(60)).case
    assert apply_order(case, command, later(61)) == Applied(case, "duplicate")


@pytest.mark.parametrize("exercise", [True, False])
def test_orders_for_drills_and_for_real_cases_do_not_mix(exercise: bool) -> None:
    case = open_case(exercise=exercise)
    assert ordered(case, "close", exercise=not exercise) == Applied(case, "exercise-mix")
    assert ordered(case, "close", exercise=exercise).outcome == "changed"


@pytest.mark.parametrize("command", ["release", "close", "extend", "exclude-camera", "pin-camera", "take-over"])
def test_a_case_that_is_over_takes_no_orders(command: str) -> None:
    case = over(open_case())
    assert ordered(case, command, camera_id="cam-1") == Applied(case, "after-close")


def test_an_order_from_before_the_case_was_opened_is_late_but_clocks_may_differ() -> None:
    case = open_case()
    order = an_order("i", "close", T0_US - SKEW_US - 1)
    assert apply_order(case, order, later(1), skew_us=SKEW_US) == Applied(case, "late")
    within = an_order("i", "close", T0_US - SKEW_US)
    assert apply_order(case, within, later(1), skew_us=SKEW_US).outcome == "changed"


def test_extending_asks_for_a_version_and_keeps_who_ordered_it() -> None:
    case = open_case()
    applied = ordered(case, "extend", actor_ref="op:9")
    assert (applied.outcome, applied.reason, applied.ptz_request) == ("changed", "extended-by-order", None)
    assert applied.case is not None
    assert applied.case.extended_by == "op:9"
    assert applied.case.reports == case.reports


def test_the_operators_own_word_goes_into_the_reason() -> None:
    assert ordered(open_case(), "close", reason="found-by-patrol").reason == "closed-by-order:found-by-patrol"
    pinned = ordered(open_case(), "pin-camera", camera_id="cam-2", reason="better-view")
    assert pinned.reason == "camera-pinned:cam-2:better-view"


@pytest.mark.parametrize(("command", "reason"), [("release", "released-by-order"), ("close", "closed-by-order")])
def test_release_and_close_end_every_open_report_and_keep_who_ordered_it(command: str, reason: str) -> None:
    joint = apply_incident(open_case(), an_incident("i", later(1), incident_id="119:1"), later(1)).case
    joint = apply_incident(joint, an_incident("i", later(2), incident_id="119:1", status="cancelled"), later(2)).case
    assert joint is not None
    case = changed(joint, command, actor_ref="op:9")
    assert {r.report_id: r.closed_reason for r in case.reports} == {"i": reason, "119:1": "cancelled"}
    assert standing_of(case, DEMO) is None
    assert case.extended_by == "op:9"


def test_after_a_release_the_next_word_of_the_source_opens_the_case_again() -> None:
    case = over(changed(open_case(), "release"))
    again = apply_incident(case, an_incident("i", later(99), status="updated"), later(99))
    assert again.outcome == "changed"
    assert again.case is not None
    assert standing_of(again.case, DEMO) is not None


def test_after_a_close_only_a_new_report_opens_the_case_again() -> None:
    case = over(changed(open_case(), "close"))
    assert apply_incident(case, an_incident("i", later(99), status="updated"), later(99)).outcome == "after-close"
    assert apply_incident(case, an_incident("i", later(99)), later(99)).outcome == "changed"


@pytest.mark.parametrize("command", ["release", "close"])
def test_what_was_observed_before_the_order_and_is_told_after_it_does_not_undo_it(command: str) -> None:
    incident = changed(open_case(), command, 60)
    assert apply_incident(incident, an_incident("i", later(59), status="updated"), later(61)).outcome == "late"
    lost = apply_alert(None, an_alert("i"), T0_US).case
    assert lost is not None
    alerted = changed(replace(lost, version=1), command, 60)
    assert apply_alert(alerted, an_alert("i", later(59)), later(61)).outcome == "late"
    assert apply_alert(alerted, an_alert("i", later(59), kind="sos"), later(61)).outcome == "late"
    assert apply_alert(alerted, an_alert("i", later(99), kind="sos"), later(99)).outcome == "changed"


def test_an_operators_clock_that_is_ahead_does_not_make_what_follows_late() -> None:
    command = an_order("i", "release", later(9_000))
    case = apply_order(open_case(), command, later(60)).case
    assert apply_incident(case, an_incident("i", later(99), status="updated"), later(99)).outcome == "changed"


def test_an_excluded_camera_is_barred_until_the_case_ends_and_no_longer_pinned() -> None:
    case = changed(open_case(pinned=("cam-1", "cam-2")), "exclude-camera", camera_id="cam-1")
    assert case.barred == (BarredCamera(camera_id="cam-1", reason="operator"),)
    assert case.pinned == ("cam-2",)
    assert barred_ids(case, later(10**6)) == ("cam-1",)
    assert next_bar_end_us(case, later(0)) is None


def test_pinning_an_excluded_camera_takes_the_order_back() -> None:
    excluded = changed(open_case(), "exclude-camera", camera_id="cam-1")
    case = changed(excluded, "pin-camera", camera_id="cam-1")
    assert (case.barred, case.pinned) == ((), ("cam-1",))


def test_pinning_a_camera_does_not_give_it_a_head_that_others_hold() -> None:
    bar = BarredCamera(camera_id="cam-1", reason="head-denied", until_us=later(90))
    case = changed(open_case(barred=(bar,)), "pin-camera", camera_id="cam-1")
    assert (case.barred, case.pinned) == ((bar,), ("cam-1",))


def test_an_operators_bar_outlives_a_heads() -> None:
    bar = BarredCamera(camera_id="cam-1", reason="head-denied", until_us=later(90))
    case = changed(open_case(barred=(bar,)), "exclude-camera", camera_id="cam-1")
    assert barred_ids(case, later(91)) == ("cam-1",)


def test_more_cameras_than_a_case_keeps_are_refused() -> None:
    pinned = open_case(pinned=tuple(f"c{n}" for n in range(PINNED_MAX)))
    applied = ordered(pinned, "pin-camera", camera_id="one-more")
    assert applied == Applied(pinned, "refused", "too-many-cameras")
    assert changed(pinned, "pin-camera", camera_id="c3").pinned[-1] == "c3"
    full = open_case(barred=tuple(BarredCamera(camera_id=f"c{n}", reason="operator") for n in range(BARRED_MAX)))
    assert ordered(full, "exclude-camera", camera_id="one-more") == Applied(full, "refused", "too-many-cameras")


def test_when_the_bars_are_full_the_heads_bar_that_ends_first_makes_room() -> None:
    bars = tuple(
        BarredCamera(camera_id=f"c{n}", reason="head-denied", until_us=later(1_000 - n)) for n in range(BARRED_MAX)
    )
    case = changed(open_case(barred=bars), "exclude-camera", camera_id="one-more")
    assert len(case.barred) == BARRED_MAX
    assert {b.camera_id for b in bars} - {b.camera_id for b in case.barred} == {f"c{BARRED_MAX - 1}"}


def test_bars_that_have_ended_hold_no_more_and_make_room() -> None:
    bars = (
        BarredCamera(camera_id="ended", reason="head-denied", until_us=later(60)),
        BarredCamera(camera_id="holds", reason="head-denied", until_us=later(61)),
    )
    case = open_case(barred=bars)
    assert barred_ids(case, later(60)) == ("holds",)
    assert next_bar_end_us(case, later(60)) == later(61)
    assert [b.camera_id for b in changed(case, "exclude-camera", 60, camera_id="x").barred] == ["holds", "x"]


def test_taking_a_head_over_changes_nothing_in_the_case_and_is_passed_on() -> None:
    case = open_case()
    applied = ordered(case, "take-over", camera_id="cam-1", actor_ref="op:9", event_id="console/5")
    request = applied.ptz_request
    assert applied.outcome == "noted"
    assert request is not None
    assert (request.action, request.camera_id, request.case_id, request.actor_ref) == (
        "take-over", "cam-1", "i", "op:9",
    )  # fmt: skip
    assert (request.opened_us, request.version, request.requested_us) == (case.opened_us, 1, later(60))
    assert request.deadline_us == case.valid_until_us
    assert request.event_id.endswith("/console/5")
    assert applied.case == replace(case, recent_event_ids=(*case.recent_event_ids, "console/5"))


def test_an_order_gives_nobody_a_camera_that_the_case_does_not_hold() -> None:
    case = open_case()
    assert ordered(case, "take-over", camera_id="cam-2") == Applied(case, "refused", "camera-not-held")


@pytest.mark.parametrize("case", [open_case(), over(open_case())], ids=["open", "over"])
def test_a_head_can_always_be_given_back(case: CaseState) -> None:
    applied = ordered(case, "resume", camera_id="cam-7")
    assert applied.outcome == "noted"
    assert applied.ptz_request is not None
    assert applied.ptz_request.action == "resume"
    assert applied.ptz_request.deadline_us >= applied.ptz_request.requested_us


def test_orders_push_out_the_oldest_event_ids_and_no_more() -> None:
    case = open_case()
    for number in range(RECENT_EVENT_IDS_MAX + 3):
        case = changed(case, "extend", event_id=f"e{number}")
    assert case.recent_event_ids == tuple(f"e{n}" for n in range(3, RECENT_EVENT_IDS_MAX + 3))


def test_a_new_opening_starts_without_the_orders_of_the_one_before() -> None:
    case = changed(open_case(), "exclude-camera", camera_id="a")
    case = changed(case, "pin-camera", camera_id="b")
    case = over(changed(case, "close"))
    again = apply_incident(case, an_incident("i", later(99)), later(99)).case
    assert again is not None
    assert (again.barred, again.pinned, again.extended_by) == ((), (), None)


def test_a_real_report_that_takes_a_drills_place_takes_none_of_its_orders() -> None:
    drill = changed(open_case(exercise=True), "pin-camera", camera_id="b", exercise=True)
    real = apply_incident(drill, an_incident("i", later(99)), later(99)).case
    assert real is not None
    assert (real.exercise, real.pinned) == (False, ())
