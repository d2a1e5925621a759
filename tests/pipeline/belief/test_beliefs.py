"""Beliefs of a partition as the engine keeps them: restored rows, late fixes, stale beliefs, jumps, overlaps."""

import numpy as np
import pytest

from pipeline.belief.beliefs import STALE_S, Beliefs
from schemas.camera_assignment import CameraRole
from tests.pipeline.engine_runs import DEMO, EngineRun, a_grid, only, policy_with
from tests.support.records import T0_US, S, a_fix, a_table, an_alert, at

ELDER = "s:elder"
KEY = ELDER.encode()


def later(seconds: float) -> int:
    return T0_US + int(seconds * S)


def a_lost_person() -> EngineRun:
    run = EngineRun(a_table(*a_grid()))
    run.tell(an_alert(ELDER, location=at()), now_s=0)
    return run


def beliefs_of(run: EngineRun) -> Beliefs:
    return run.state.beliefs_on(None, run.policy)


def middle_m(run: EngineRun, now_s: float) -> tuple[float, float, float]:
    """Return east, north and radius of the belief from the tests' place."""
    seen = beliefs_of(run).glance([KEY], np.array([later(now_s)])).whereabouts()
    here = at()
    x_m, y_m = run.scenery.plane.to_metres(here.lat_deg, here.lon_deg)
    return float(seen.x_m[0] - x_m), float(seen.y_m[0] - y_m), float(seen.r68_m[0])


def test_a_restored_belief_is_the_one_in_memory_then_and_later() -> None:
    run = a_lost_person()
    result = run.tell(a_fix(ELDER, later(30), location=at(20)), now_s=30)
    restored = Beliefs(run.policy.belief, None)
    restored.restore({key: value for key, value in result.beliefs if value is not None})
    for seconds in (30, 31, 75, 400):
        one, other = (b.glance([KEY], np.array([later(seconds)])).particles for b in (beliefs_of(run), restored))
        assert one.tobytes() == other.tobytes()


def test_when_anybody_looked_does_not_change_where_a_person_can_be() -> None:
    often, seldom = a_lost_person(), a_lost_person()
    for seconds in range(1, 100, 7):
        middle_m(often, seconds)
    assert middle_m(often, 100) == middle_m(seldom, 100)


def test_a_late_fix_is_no_news() -> None:
    run = a_lost_person()
    run.tell(a_fix(ELDER, later(60), location=at(30)), now_s=60)
    before = beliefs_of(run).stored[beliefs_of(run).row_of[KEY]].tobytes()
    result = run.tell(a_fix(ELDER, later(50), location=at(-60)), now_s=61)
    assert result.outcomes["tracker-fixes", "late"] == 1
    assert beliefs_of(run).stored[beliefs_of(run).row_of[KEY]].tobytes() == before


def test_after_long_silence_a_fix_starts_the_belief_anew() -> None:
    run = EngineRun(
        a_table(*a_grid()), policy_with(lease={"lease_s_by_rank": (20_000.0,) * len(DEMO.lease.lease_s_by_rank)})
    )
    run.tell(an_alert(ELDER, location=at()), now_s=0)
    run.tell(a_fix(ELDER, later(STALE_S + 60), location=at(900)), now_s=STALE_S + 60)
    east_m, north_m, r68_m = middle_m(run, STALE_S + 60)
    assert (east_m, north_m) == (pytest.approx(900, abs=10), pytest.approx(0, abs=10))
    assert r68_m < 30


def test_a_jump_is_refused_until_enough_fixes_agree_with_it() -> None:
    run = a_lost_person()
    run.tell(a_fix(ELDER, later(10), location=at()), now_s=10)
    needed = DEMO.belief.jump_fixes
    for number in range(1, needed + 1):
        jump = a_fix(ELDER, later(10 + number), location=at(9_000, number))
        refused = run.tell(jump, now_s=10 + number).refusals
        assert [r.reason for r in refused] == (["implausible-jump"] if number < needed else [])
    for number in range(needed + 1, needed + 6):
        run.tell(a_fix(ELDER, later(10 + number), location=at(9_000, number)), now_s=10 + number)
    assert middle_m(run, 20)[0] == pytest.approx(9_000, abs=60)


def test_replaced_cameras_go_on_until_the_new_views_have_begun() -> None:
    run = a_lost_person()
    made = only(run.tell(a_fix(ELDER, later(60), location=at(100)), now_s=60))
    ending = [c for c in made.cameras if c.role == CameraRole.ENDING]
    assert ending
    assert {c.until_us for c in ending} == {later(60 + DEMO.selection.overlap_s)}
    assert {c.camera_id for c in ending} <= set(made.kept)
    again = run.tell(a_fix(ELDER, later(120), location=at(-100)), now_s=120).assignments
    assert all(c.camera_id not in {e.camera_id for e in ending} or c.since_us for a in again for c in a.cameras)
