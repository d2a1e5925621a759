"""What sightings mean for their cases before any belief is touched."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.reading.intake import read
from pipeline.reading.sighting_columns import LEVEL_CODES, Sightings
from pipeline.steps.sightings import NOT_SEEN_STEPS, OUTCOMES, RECENT_LOOKS_MAX, RecentLooks, judge, looks_of
from schemas.case_state import CaseState
from schemas.sighting import Sighting
from tests.pipeline.steps.test_orders import later, open_case, over
from tests.support.policies import DEMO
from tests.support.records import T0_US, S, a_sighting, at, batches_of

SKEW_S = DEMO.movement.clock_skew_s
NOT_SEEN_S = NOT_SEEN_STEPS * DEMO.belief.step_s


def columns(*records: Sighting, now_s: float = 400) -> Sightings:
    found = read(batches_of([(later(now_s), record) for record in records]), DEMO).sightings
    assert found is not None
    assert len(found) == len(records)
    return found


def outcomes(sightings: Sightings, *cases: CaseState | None, recent: RecentLooks | None = None) -> list[str]:
    """Return how sightings end whose cases are these; one case is everybody's."""
    rows = np.arange(len(sightings))
    each = list(cases) if len(cases) == len(sightings) else list(cases) * len(sightings)
    verdicts = judge(sightings, rows, each, sightings.now_us, recent or RecentLooks(), DEMO)
    return [OUTCOMES[v] for v in verdicts]


def a_look(seen_s: float = 399, **changes: Any) -> Sighting:
    return a_sighting("i", later(seen_s), **changes)


def test_a_look_for_an_open_case_is_weighed() -> None:
    assert outcomes(columns(a_look(), a_look(result="looked-not-seen")), open_case()) == ["weighed", "weighed"]


def test_looks_for_no_case_and_for_one_that_is_over_are_named_so() -> None:
    found = columns(a_look(), a_look())
    assert outcomes(found, None, over(open_case())) == ["unknown-case", "after-close"]


@pytest.mark.parametrize("exercise", [True, False])
def test_drills_and_real_cases_do_not_mix(exercise: bool) -> None:
    found = columns(a_look(exercise=True), a_look(exercise=False))
    expected = ["weighed", "exercise-mix"] if exercise else ["exercise-mix", "weighed"]
    assert outcomes(found, open_case(exercise=exercise)) == expected


def test_a_look_says_nothing_of_now_when_it_is_too_old_and_not_seen_wears_off_sooner() -> None:
    found = columns(
        a_look(400 - SKEW_S),
        a_look(400 - SKEW_S - 1),
        a_look(400 - NOT_SEEN_S, result="looked-not-seen"),
        a_look(400 - NOT_SEEN_S - 1, result="looked-not-seen"),
    )
    assert outcomes(found, open_case()) == ["weighed", "late", "weighed", "late"]


def test_a_look_from_well_before_the_case_was_opened_is_late() -> None:
    opened = replace(open_case(), opened_us=later(400))
    assert outcomes(columns(a_look(399)), opened) == ["weighed"]
    opened_later = replace(open_case(), opened_us=later(400 + SKEW_S))
    assert outcomes(columns(a_look(399)), opened_later) == ["late"]


def test_a_look_delivered_twice_counts_once_and_each_case_has_its_own_memory() -> None:
    recent, look = RecentLooks(), a_look()
    elsewhere = replace(look, case_id="j")
    assert outcomes(columns(look, look, elsewhere), open_case(), recent=recent) == ["weighed", "duplicate", "weighed"]
    assert outcomes(columns(look), open_case(), recent=recent) == ["duplicate"]
    recent.forget(b"i")
    assert recent.cases == 1
    assert outcomes(columns(look), open_case(), recent=recent) == ["weighed"]


def test_a_look_that_did_not_count_is_not_remembered() -> None:
    recent, look = RecentLooks(), a_look()
    assert outcomes(columns(look), None, recent=recent) == ["unknown-case"]
    assert recent.cases == 0
    assert outcomes(columns(look), open_case(), recent=recent) == ["weighed"]


def test_a_bounded_number_of_ids_is_remembered() -> None:
    recent = RecentLooks()
    ids = [f"e{n}".encode() for n in range(RECENT_LOOKS_MAX + 1)]
    assert not any(recent.is_repeat(b"i", event_id) for event_id in ids)
    assert recent.is_repeat(b"i", ids[-1])
    assert recent.is_repeat(b"i", ids[1])
    assert not recent.is_repeat(b"i", ids[0])


def test_looks_are_columns_with_the_reliability_that_is_told_or_usual() -> None:
    place = at(3, 4, accuracy_m=9.0)
    found = columns(
        a_look(390, level="observe"),
        a_look(396, by="analytics", result="looked-not-seen", camera_id="cam-2"),
        a_look(397, by="unit", camera_id=None, location=place),
        a_look(398, by="a-source-of-tomorrow"),
        a_look(450, reliability=0.25),
    )
    rows = np.array([0, 1, 2, 3, 4])
    looks = looks_of(found, rows, found.now_us, DEMO.belief.reliability)
    usual = DEMO.belief.reliability
    told = [usual["operator"], usual["analytics"], usual["unit"], usual["other"], 0.25]
    assert looks.reliability.tolist() == [np.float32(p) for p in told]
    assert looks.camera_id == ("cam-1", "cam-2", None, "cam-1", "cam-1")
    assert looks.seen.tolist() == [True, False, True, True, True]
    assert looks.level.tolist() == [LEVEL_CODES[b"observe"], -1, -1, -1, -1]
    assert looks.lag_s.tolist() == [10.0, 4.0, 3.0, 2.0, 0.0]
    assert looks.seen_us.tolist() == [later(390), later(396), later(397), later(398), later(400)]
    assert (looks.lat_deg[2], looks.lon_deg[2], looks.accuracy_m[2]) == (place.lat_deg, place.lon_deg, 9.0)
    assert np.isnan(looks.lat_deg[[0, 1, 3, 4]]).all()
    assert len(looks) == 5


def test_looks_of_one_case_can_be_picked_out_in_any_order() -> None:
    found = columns(a_look(390), a_sighting("j", later(391)), a_look(392))
    rows = np.array([2, 0])
    looks = looks_of(found, rows, found.now_us[rows], DEMO.belief.reliability)
    assert looks.seen_us.tolist() == [later(392), later(390)]
    assert (looks.row.tolist(), T0_US + 390 * S) == ([2, 0], later(390))
