"""What sightings mean for their cases, before any belief is touched: which count, how much they are believed, as looks.

A look is evidence of where the subject was at ``seen_us``. What is too old for that to say anything of now is late.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.cases.case import AFTER_CLOSE, DUPLICATE, EXERCISE_MIX, LATE, UNKNOWN_CASE, is_ended
from pipeline.reading.sighting_columns import Sightings
from pipeline.rules.policy import US_PER_S, Policy
from schemas.case_state import CaseState
from schemas.sighting import SightingSource

COUNTS, NO_CASE, ENDED, MIXED, OLD, REPEATED = range(6)
# How each verdict is counted; a mixed one is also answered in the dead letters.
OUTCOMES = ("weighed", UNKNOWN_CASE, AFTER_CLOSE, EXERCISE_MIX, LATE, DUPLICATE)
# "Not seen there" wears off: in so many steps of the belief (10 s each) a walker crosses what a camera shows.
NOT_SEEN_STEPS = 3.0
# Ids remembered of one case. A source that repeats itself does so at once; what is older is late anyway.
RECENT_LOOKS_MAX = 256


@dataclass(frozen=True, slots=True)
class Looks:
    """Looks that count, as columns of equal length, in the order of the rows that were asked for.

    Attributes:
        row: which row of the sightings each is.
        camera_id: the camera looked through; None for a place that was clicked or told.
        seen: True for seen, False for looked and not seen.
        level: ``sighting_columns.LEVEL_CODES`` of the view, -1 where not told.
        reliability: probability that the statement is true, 0 to 1.
        seen_us: when it was looked, UTC microseconds, never after its now.
        lag_s: how long before its now that was, 0 or more.
        lat_deg: WGS 84 of the place; NaN without one, as for all three.
        lon_deg: WGS 84.
        accuracy_m: radius that holds the true place with 68 % probability.
    """

    row: NDArray[np.intp]
    camera_id: tuple[str | None, ...]
    seen: NDArray[np.bool_]
    level: NDArray[np.int8]
    reliability: NDArray[np.float32]
    seen_us: NDArray[np.int64]
    lag_s: NDArray[np.float32]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    accuracy_m: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many looks there are."""
        return len(self.row)


class RecentLooks:
    """The newest sightings of each case by id, to know one that is delivered twice. Lives with the partition's state.

    It is not written anywhere: after a restart a repeat from before it counts once more, if it is not late by then.
    """

    def __init__(self) -> None:
        self._ids: dict[bytes, tuple[deque[bytes], set[bytes]]] = {}

    def is_repeat(self, key: bytes, event_id: bytes) -> bool:
        """Remember a sighting of a case, and return whether it was remembered already."""
        order, known = self._ids.setdefault(key, (deque(), set()))
        if event_id in known:
            return True
        if len(order) >= RECENT_LOOKS_MAX:
            known.discard(order.popleft())
        order.append(event_id)
        known.add(event_id)
        return False

    def forget(self, key: bytes) -> None:
        """Forget what is remembered of a case, as must be done when it ends."""
        self._ids.pop(key, None)

    @property
    def cases(self) -> int:
        """Return how many cases something is remembered of."""
        return len(self._ids)


def judge(  # noqa: PLR0917 - a round's parts, one by one
    sightings: Sightings,
    rows: NDArray[np.intp],
    cases: Sequence[CaseState | None],
    now_us: NDArray[np.int64],
    recent: RecentLooks,
    policy: Policy,
) -> NDArray[np.int8]:
    """Return what becomes of some sightings: ``COUNTS`` or why not, one of the module's constants each.

    A sighting counts for an open case of its own kind (real or drill) that was opened already when it was looked, give
    or take the clocks; not older than ``movement.clock_skew_s`` when the subject was seen, and than
    ``NOT_SEEN_STEPS * belief.step_s`` when not; and once.

    Args:
        sightings: all of the unit.
        rows: which of them.
        cases: the case of each as it is when its turn comes; None where there is none.
        now_us: the now of each.
        recent: what was delivered before; the sightings that count are remembered there.
        policy: the city's rules.
    """
    seen_us = sightings.seen_us[rows]
    skew_us = int(policy.movement.clock_skew_s * US_PER_S)
    not_seen_us = int(NOT_SEEN_STEPS * policy.belief.step_s * US_PER_S)
    old = now_us - seen_us > np.where(sightings.seen[rows], skew_us, min(not_seen_us, skew_us))
    verdict = np.where(old, OLD, COUNTS).astype(np.int8)
    exercise = sightings.exercise[rows].tolist()
    for i, (row, case) in enumerate(zip(rows.tolist(), cases, strict=True)):
        if case is None:
            verdict[i] = NO_CASE
        elif is_ended(case):
            verdict[i] = ENDED
        elif exercise[i] != case.exercise:
            verdict[i] = MIXED
        elif verdict[i] == COUNTS and seen_us[i] + skew_us < case.opened_us:
            verdict[i] = OLD
        elif verdict[i] == COUNTS and recent.is_repeat(sightings.case_id[row], sightings.event_id[row]):
            verdict[i] = REPEATED
    return verdict


def looks_of(
    sightings: Sightings, rows: NDArray[np.intp], now_us: NDArray[np.int64], reliability_by_source: dict[str, float]
) -> Looks:
    """Return some sightings as looks.

    Args:
        sightings: all of the unit.
        rows: those that count, e.g. of one case.
        now_us: the now of each row.
        reliability_by_source: the policy's ``belief.reliability``, for records that tell none.
    """
    places = rows.tolist()
    unknown = reliability_by_source[SightingSource.OTHER]
    usual = [reliability_by_source.get(sightings.by[row].decode(), unknown) for row in places]
    told = sightings.reliability[rows]
    ids = (sightings.camera_id[row] for row in places)
    seen_us = np.minimum(sightings.seen_us[rows], now_us)
    return Looks(
        row=rows,
        camera_id=tuple(None if camera_id is None else camera_id.decode() for camera_id in ids),
        seen=sightings.seen[rows],
        level=sightings.level[rows],
        reliability=np.where(np.isnan(told), usual, told).astype(np.float32),
        seen_us=seen_us,
        lag_s=((now_us - seen_us) / US_PER_S).astype(np.float32),
        lat_deg=sightings.lat_deg[rows],
        lon_deg=sightings.lon_deg[rows],
        accuracy_m=sightings.accuracy_m[rows],
    )
