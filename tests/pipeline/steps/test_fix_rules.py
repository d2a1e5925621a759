"""What a fix means for its subject's track."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reading.batch import StepResult
from schemas.subject_track import SubjectTrack
from tests.pipeline.engine_runs import DEMO, EngineRun, a_grid, reasons
from tests.support.records import T0_US, S, a_fix, a_table, an_alert, at

ELDER = "s:elder"
FIXES = "tracker-fixes"


def a_run() -> EngineRun:
    return EngineRun(a_table(*a_grid()))


def with_case() -> EngineRun:
    """Return a run in which the elder's case is open, without a place yet."""
    run = a_run()
    run.tell(an_alert(ELDER), now_s=0)
    return run


def fix(seconds: float, east_m: float = 0.0, **changes: Any) -> Any:
    return a_fix(ELDER, T0_US + int(seconds * S), **{"location": at(east_m), **changes})


def tell(run: EngineRun, *fixes: Any, now_s: float) -> dict[str, int]:
    return outcomes(run.tell(*fixes, now_s=now_s))


def outcomes(result: StepResult) -> dict[str, int]:
    return {outcome: count for (topic, outcome), count in result.outcomes.items() if topic == FIXES and count}


def track(run: EngineRun) -> SubjectTrack:
    found = run.state.subjects.track(run.state.subjects.slot_of[ELDER.encode()])
    assert found is not None
    return found


def test_a_fix_without_a_case_is_remembered_and_leads_to_no_cameras() -> None:
    run = a_run()
    result = run.tell(fix(0), now_s=1)
    assert outcomes(result) == {"tracked": 1}
    assert (result.assignments, result.case_states) == ([], {})
    assert [key for key, value in result.tracks if value] == [ELDER.encode()]
    assert (track(run).fix_us, track(run).updated_us) == (T0_US, T0_US + S)


def test_the_first_fix_of_an_open_case_without_a_place_locates_it() -> None:
    result = with_case().tell(fix(1), now_s=2)
    assert outcomes(result) == {"decided": 1}
    assert reasons(result) == ["located"]
    assert result.assignments[0].status == "active"


def test_a_fix_that_moves_little_is_kept_and_changes_no_cameras() -> None:
    run = with_case()
    run.tell(fix(1), now_s=2)
    result = run.tell(fix(61, 15), now_s=62)
    assert (outcomes(result), result.assignments) == ({"kept": 1}, [])
    assert track(run).fix_us == T0_US + 61 * S


def test_a_fix_out_of_the_circle_has_cameras_chosen_anew() -> None:
    run = with_case()
    run.tell(fix(1), now_s=2)
    result = run.tell(fix(61, 60), now_s=62)
    assert (outcomes(result), reasons(result)) == ({"decided": 1}, ["moved"])


def test_the_circle_is_as_wide_as_half_the_error_of_the_fix() -> None:
    run = with_case()
    run.tell(fix(1), now_s=2)
    assert tell(run, fix(61, 60, location=at(60, accuracy_m=200)), now_s=62) == {"kept": 1}


def test_a_fix_older_than_the_track_is_late() -> None:
    run = a_run()
    run.tell(fix(60, 10), now_s=61)
    assert tell(run, fix(59, 50), now_s=62) == {"late": 1}
    assert track(run).fix_us == T0_US + 60 * S


def test_a_fix_of_the_same_moment_is_a_duplicate_wherever_it_is() -> None:
    run = a_run()
    run.tell(fix(60), now_s=61)
    assert tell(run, fix(60), fix(60, 5_000), now_s=62) == {"duplicate": 2}


def test_a_jump_faster_than_anyone_moves_is_answered_and_not_believed() -> None:
    run = a_run()
    run.tell(fix(0), now_s=1)
    far_m = DEMO.movement.max_speed_mps * 10 + 10 + 10 + 1
    result = run.tell(fix(10, far_m), now_s=11)
    assert outcomes(result) == {"dead-letter": 1}
    (refusal,) = result.refusals
    assert (refusal.reason, refusal.field, refusal.key, refusal.offset) == (
        "implausible-jump",
        "location",
        ELDER.encode(),
        1,
    )
    assert track(run).fix_us == T0_US
    assert tell(run, fix(10, far_m - 3), now_s=12) == {"tracked": 1}


def test_after_a_jump_the_next_plausible_fix_counts() -> None:
    run = a_run()
    run.tell(fix(0), fix(10, 90_000), now_s=11)
    assert tell(run, fix(20, 20), now_s=21) == {"tracked": 1}


def test_two_fixes_within_a_second_are_judged_as_a_second_apart() -> None:
    run = a_run()
    run.tell(fix(0), now_s=1)
    assert tell(run, fix(0.001, 50), now_s=1) == {"tracked": 1}


def test_a_drill_without_a_case_is_not_remembered() -> None:
    run = a_run()
    result = run.tell(fix(0, exercise=True), fix(9, exercise=True), now_s=10)
    assert outcomes(result) == {"exercise-without-case": 2}
    assert (result.tracks, run.state.subjects.slot_of) == ([], {})


def test_a_drill_fix_beside_a_real_one_changes_nothing() -> None:
    run = a_run()
    assert tell(run, fix(0, exercise=True), fix(1), fix(2, 5, exercise=True), now_s=10) == {
        "tracked": 1,
        "exercise-without-case": 2,
    }
    assert track(run).fix_us == T0_US + S


@pytest.mark.parametrize("drill", [True, False])
def test_drills_and_real_cases_do_not_mix(*, drill: bool) -> None:
    run = a_run()
    run.tell(an_alert(ELDER, exercise=drill), now_s=0)
    result = run.tell(fix(1, exercise=not drill), now_s=2)
    assert outcomes(result) == {"dead-letter": 1}
    assert [(r.reason, r.field) for r in result.refusals] == [("exercise-mix", "exercise")]
    assert tell(run, fix(1, exercise=drill), now_s=3) == {"decided": 1}


def test_where_a_drill_was_played_is_not_where_a_real_person_is_sought() -> None:
    run = a_run()
    run.tell(an_alert(ELDER, exercise=True), fix(1, 60, exercise=True), now_s=2)
    result = run.tell(an_alert(ELDER, T0_US + 9 * S), now_s=10)
    (assignment,) = result.assignments
    assert (assignment.status, assignment.exercise, assignment.where) == ("needs-location", False, None)
    assert assignment.cameras == ()


def test_where_a_real_person_was_is_not_where_a_drill_is_played() -> None:
    run = a_run()
    run.tell(fix(0), now_s=1)
    result = run.tell(an_alert(ELDER, T0_US + 9 * S, exercise=True), now_s=10)
    assert [a.status for a in result.assignments] == ["needs-location"]
    assert result.tracks == [(ELDER.encode(), None)]


def test_a_speed_and_course_that_the_tracker_gives_are_believed() -> None:
    run = a_run()
    run.tell(fix(0), fix(60, 60, speed_mps=0.5, course_deg=200.0), now_s=61)
    assert (track(run).speed_mps, track(run).course_deg) == (0.5, 200.0)


def test_speed_and_course_are_derived_from_two_fixes() -> None:
    run = a_run()
    run.tell(fix(0), now_s=1)
    assert math.isnan(track(run).speed_mps)
    run.tell(fix(60, 90), now_s=61)
    assert track(run).speed_mps == pytest.approx(1.5, rel=0.01)
    assert track(run).course_deg == pytest.approx(90, abs=0.5)


@pytest.mark.parametrize(("step_s", "step_m", "why"), [(60, 9, "noise"), (901, 500, "too long ago")])
def test_no_speed_is_derived_from_noise_or_from_long_ago(step_s: float, step_m: float, why: str) -> None:
    del why
    run = a_run()
    run.tell(fix(0), fix(step_s, step_m), now_s=step_s)
    assert math.isnan(track(run).speed_mps)
    assert math.isnan(track(run).course_deg)


def test_fixes_a_moment_apart_do_not_make_a_person_fly() -> None:
    run = with_case()
    run.tell(fix(1), now_s=2)
    result = run.tell(fix(1.1, 45), now_s=2)
    assert track(run).speed_mps <= DEMO.movement.max_speed_mps
    (assignment,) = result.assignments
    assert all(camera.distance_m < 5_000 for camera in assignment.cameras)


steps = st.lists(
    st.tuples(
        st.integers(-3, 200_000_000), st.integers(-3_000, 3_000), st.sampled_from([0.0, 10.0, 300.0]), st.booleans()
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps, st.booleans())
def test_every_fix_is_counted_once_and_the_track_never_goes_back_or_flies(log: list[Any], has_case: Any) -> None:
    run = with_case() if has_case else a_run()
    fix_us, newest_us, now_s = T0_US, 0, 0.0
    for step_us, east_m, accuracy_m, drill in log:
        fix_us += step_us
        now_s = max(now_s, (fix_us - T0_US) / S)
        record = a_fix(ELDER, fix_us, location=at(east_m, accuracy_m=accuracy_m), exercise=drill)
        result = run.tell(record, now_s=now_s)
        assert sum(outcomes(result).values()) == 1
        slot = run.state.subjects.slot_of.get(ELDER.encode())
        seen = None if slot is None else run.state.subjects.track(slot)
        if seen is not None:
            assert seen.fix_us >= newest_us
            newest_us = seen.fix_us
            assert math.isnan(seen.speed_mps) or 0 <= seen.speed_mps <= DEMO.movement.max_speed_mps
            assert math.isnan(seen.course_deg) or 0 <= seen.course_deg < 360
