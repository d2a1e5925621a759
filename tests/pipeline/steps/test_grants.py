"""What the arbitration of heads tells a case."""

from dataclasses import replace

import pytest

from pipeline.cases.bars import BARRED_MAX, awaits_plan, barred_ids, prices_now
from pipeline.cases.case import Applied
from pipeline.steps.grants import apply_grant
from schemas.case_state import BarredCamera, CaseState, HeldCamera
from tests.pipeline.steps.test_orders import later, open_case, over
from tests.support.records import T0_US, a_grant

NOW_US = later(10)


def held(case: CaseState | None, camera_id: str = "cam-1") -> HeldCamera:
    assert case is not None
    return next(h for h in case.held if h.camera_id == camera_id)


def test_a_granted_head_is_marked_until_its_lease_ends_and_makes_no_version() -> None:
    applied = apply_grant(open_case(), a_grant("i", until_us=later(70)), NOW_US)
    assert (applied.outcome, applied.reason) == ("noted", "head-granted")
    assert (held(applied.case).ptz, held(applied.case).ptz_until_us) == ("granted", later(70))


def test_a_granted_head_that_is_granted_longer_is_noted_again() -> None:
    case = apply_grant(open_case(), a_grant("i", until_us=later(70)), NOW_US).case
    longer = apply_grant(case, a_grant("i", until_us=later(90)), NOW_US)
    assert (longer.outcome, held(longer.case).ptz_until_us) == ("noted", later(90))


@pytest.mark.parametrize(
    ("result", "outcome", "reason"),
    [("denied", "noted", "head-denied"), ("pre-empted", "changed", "head-pre-empted")],
)
def test_a_head_that_others_hold_is_barred_for_a_time_and_the_case_is_planned_anew(
    result: str, outcome: str, reason: str
) -> None:
    applied = apply_grant(open_case(), a_grant("i", result, until_us=later(70)), NOW_US)
    assert (applied.outcome, applied.reason) == (outcome, reason)
    case = applied.case
    assert case is not None
    assert awaits_plan(case)
    assert (held(case).ptz, held(case).ptz_until_us) == ("denied", later(70))
    assert barred_ids(case, later(69)) == ("cam-1",)
    assert barred_ids(case, later(70)) == ()


def test_a_head_that_may_be_asked_for_again_at_once_is_not_barred() -> None:
    applied = apply_grant(open_case(), a_grant("i", "pre-empted", until_us=NOW_US), NOW_US)
    assert applied.outcome == "changed"
    assert applied.case is not None
    assert applied.case.barred == ()


def test_a_head_that_was_given_back_is_marked_so() -> None:
    case = apply_grant(open_case(), a_grant("i"), NOW_US).case
    applied = apply_grant(case, a_grant("i", "ended"), NOW_US)
    assert (applied.outcome, applied.reason) == ("noted", "head-ended")
    assert (held(applied.case).ptz, held(applied.case).ptz_until_us) == ("none", 0)


@pytest.mark.parametrize("result", ["granted", "denied", "pre-empted", "ended"])
def test_the_same_word_twice_changes_nothing(result: str) -> None:
    grant = a_grant("i", result)
    case = apply_grant(open_case(), a_grant("i"), NOW_US).case if result == "ended" else open_case()
    after = apply_grant(case, grant, NOW_US).case
    again = apply_grant(after, grant, NOW_US)
    assert again == Applied(after, "duplicate")
    assert again.case is after


def test_what_does_not_speak_of_the_case_as_it_is_changes_nothing() -> None:
    case = open_case()
    assert apply_grant(None, a_grant("i"), NOW_US) == Applied(None, "unknown-case")
    assert apply_grant(over(case), a_grant("i"), NOW_US).outcome == "after-close"
    assert apply_grant(case, a_grant("i", opened_us=T0_US - 1), NOW_US) == Applied(case, "late")
    assert apply_grant(case, a_grant("i", until_us=NOW_US), NOW_US) == Applied(case, "late")
    assert apply_grant(case, a_grant("i", exercise=True), NOW_US) == Applied(case, "exercise-mix")
    for result in ("granted", "denied", "pre-empted", "ended"):
        assert apply_grant(case, a_grant("i", result, camera_id="cam-2"), NOW_US) == Applied(case, "not-held")


def test_when_operators_have_barred_all_that_can_be_the_mark_on_the_camera_must_do() -> None:
    bars = tuple(BarredCamera(camera_id=f"c{n}", reason="operator") for n in range(BARRED_MAX))
    applied = apply_grant(open_case(barred=bars), a_grant("i", "denied"), NOW_US)
    assert applied.outcome == "noted"
    assert applied.case is not None
    assert applied.case.barred == bars
    assert held(applied.case).ptz == "denied"


def test_an_operators_bar_is_not_shortened_by_a_head() -> None:
    bars = (BarredCamera(camera_id="cam-1", reason="operator"),)
    case = apply_grant(open_case(barred=bars), a_grant("i", "denied"), NOW_US).case
    assert case is not None
    assert case.barred == bars


def test_other_cameras_of_the_case_stay_as_they_are() -> None:
    other = HeldCamera(camera_id="cam-2", role="view", since_us=T0_US, pan_deg=90.0)
    case = open_case()
    case = replace(case, held=(*case.held, other))
    after = apply_grant(case, a_grant("i", "denied"), NOW_US).case
    assert held(after, "cam-2") is other


def test_a_head_of_a_city_that_only_watches_is_marked_so_because_nothing_was_moved() -> None:
    applied = apply_grant(open_case(), a_grant("i", reason="shadow-free", until_us=later(70)), NOW_US)
    assert (applied.outcome, held(applied.case).ptz) == ("noted", "shadow")


@pytest.mark.parametrize("reason", ["manual", "shadow-manual"])
def test_a_head_that_the_cases_own_operator_turns_stays_on_its_list_without_an_aim_of_its_own(reason: str) -> None:
    case = apply_grant(open_case(), a_grant("i", until_us=later(70)), NOW_US).case
    applied = apply_grant(case, a_grant("i", reason=reason, until_us=later(70)), NOW_US)
    assert (applied.outcome, applied.reason) == ("noted", "head-by-hand")
    assert applied.case is not None
    assert (held(applied.case).ptz, applied.case.barred) == ("none", ())


def test_a_head_that_a_higher_bid_would_win_has_a_price_until_its_bar_ends() -> None:
    grant = a_grant("i", "denied", reason="value", until_us=later(130), price=0.2)
    case = apply_grant(open_case(), grant, NOW_US).case
    assert case is not None
    assert prices_now(case, later(129)) == {"cam-1": 0.2}
    assert prices_now(case, later(130)) == {}


def test_a_head_that_no_bid_would_win_has_no_price() -> None:
    case = apply_grant(open_case(), a_grant("i", "denied", reason="dwell", until_us=later(70)), NOW_US).case
    assert case is not None
    assert (prices_now(case, NOW_US), barred_ids(case, NOW_US)) == ({}, ("cam-1",))


def test_the_more_heads_are_kept_from_a_case_the_longer_it_leaves_each_to_others() -> None:
    bars = tuple(BarredCamera(camera_id=f"c{n}", reason="head-denied", until_us=later(500)) for n in range(2))
    grant = a_grant("i", "denied", reason="value", until_us=later(70), price=0.2)
    case = apply_grant(open_case(barred=bars), grant, NOW_US).case
    assert case is not None
    assert case.barred[-1].until_us == NOW_US + 3 * (later(70) - NOW_US)


def test_a_grant_ends_the_bar_of_an_earlier_denial() -> None:
    case = apply_grant(open_case(), a_grant("i", "denied", until_us=later(70)), NOW_US).case
    granted = apply_grant(case, a_grant("i", until_us=later(70)), NOW_US).case
    assert granted is not None
    assert (granted.barred, awaits_plan(granted)) == ((), False)
