"""Whose turn it is among the cases that wait because a camera or a condition changed."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.steps.wakes import WAIT_BY_RANK_US, Touch, Wakes
from schemas.case_state import CaseState
from tests.pipeline.engine_runs import EngineRun, a_grid
from tests.support.records import S, a_table, an_incident


def a_case(name: str = "i", opened_us: int = 0) -> CaseState:
    run = EngineRun(a_table(*a_grid(1, 1)))
    run.tell(an_incident("i"), now_s=1)
    return replace(run.case("i"), case_id=name, opened_us=opened_us)


CASE = a_case()


def named(name: str, opened_us: int = 0) -> CaseState:
    return replace(CASE, case_id=name, opened_us=opened_us)


def order(wakes: Wakes) -> list[str]:
    """Return the ids of all that wait, in turn, taken one by one."""
    return [wakes.take(1)[0][0].decode() for _ in range(len(wakes))]


def test_a_lost_camera_goes_before_a_crowd_then_rank_then_age_then_id_decide() -> None:
    wakes = Wakes()
    wakes.note(named("crowd-urgent"), Touch.CROWD, 0, 9)
    wakes.note(named("crowd-old", 1), Touch.CROWD, 2, 9)
    wakes.note(named("crowd-new-b", 2), Touch.CROWD, 2, 9)
    wakes.note(named("crowd-new-a", 2), Touch.WAY, 2, 9)
    wakes.note(named("camera"), Touch.CAMERA, 3, 8)
    assert order(wakes) == ["camera", "crowd-urgent", "crowd-old", "crowd-new-a", "crowd-new-b"]


def test_a_case_that_is_touched_twice_waits_once_with_all_that_changed_and_keeps_its_earlier_turn() -> None:
    wakes = Wakes()
    wakes.note(named("twice"), Touch.CROWD, 1, 0)
    wakes.note(named("other"), Touch.CROWD, 0, 1)
    wakes.note(named("twice"), Touch.CAMERA, 1, 1)
    wakes.note(named("twice"), Touch.WAY, 1, 5)
    assert len(wakes) == 2
    assert wakes.take(3) == [(b"other", Touch.CROWD), (b"twice", Touch.CROWD | Touch.CAMERA | Touch.WAY)]
    wakes.note(named("twice"), Touch.CROWD, 4, 6)  # nothing of its earlier turns is left
    wakes.note(named("other"), Touch.CROWD, 0, 7)
    assert order(wakes) == ["other", "twice"]


def test_urgent_cases_that_keep_coming_hold_a_case_up_for_no_longer_than_its_rank_says() -> None:
    wakes, rank = Wakes(), 3
    wakes.note(named("patient"), Touch.CROWD, rank, 0)
    for second in range(60):
        wakes.note(named(f"urgent-{second}"), Touch.CROWD, 0, second * S)
        wakes.note(named(f"more-{second}"), Touch.CROWD, 0, second * S)
        if wakes.take(1)[0][0] == b"patient":
            break
    # One is taken each second and two come: it waits until all from before its turn are gone.
    assert second <= 2 * rank * WAIT_BY_RANK_US / S + 2


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(list(Touch)), st.integers(0, 4), st.integers(0, 20)), max_size=40
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_cases_are_found_in_a_tick_does_not_matter(
    told: list[tuple[int, Touch, int, int]], rnd: Any
) -> None:
    mixed = list(told)
    rnd.shuffle(mixed)
    one, other = Wakes(), Wakes()
    for wakes, notes in ((one, told), (other, mixed)):
        for number, touch, rank, now_us in notes:
            wakes.note(named(f"i{number}"), touch, rank, now_us)
    assert len(one) == len({number for number, *_ in told})
    assert one.take(99) == other.take(99)
    assert len(one) == 0
