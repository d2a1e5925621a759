"""The person with dementia of the story: where they truly are at each moment, which nobody in the story knows."""

import bisect
import itertools
import math
from dataclasses import dataclass
from random import Random

from console.demo.streets import Spot

# Metres per second; another one from corner to corner.
PACE_MPS, PACE_SPREAD = 0.9, 0.2
# Every few hundred metres they stop somewhere, mostly for a minute.
STOPS_PER_M, STOP_MEDIAN_S, STOP_SPREAD, STOP_MAX_S = 1 / 300, 50.0, 0.8, 240.0


@dataclass(frozen=True, slots=True)
class Walker:
    """A walk.

    Attributes:
        case_id: pseudonym of the person, which names the case.
        begin_s: when they leave, seconds from the story's start.
        end_s: when they are found.
        times_s: when they are at each of the spots, rising.
        spots: where they are then; on straight lines in between.
    """

    case_id: str
    begin_s: float
    end_s: float
    times_s: tuple[float, ...]
    spots: tuple[Spot, ...]

    def place(self, at_s: float) -> Spot:
        """Return where the person is at a moment of the story; before and after the walk at its ends."""
        after = bisect.bisect_right(self.times_s, at_s)
        if after == 0 or after == len(self.times_s):
            return self.spots[min(after, len(self.spots) - 1)]
        start_s, end_s = self.times_s[after - 1], self.times_s[after]
        share = (at_s - start_s) / (end_s - start_s)
        here, there = self.spots[after - 1], self.spots[after]
        return here.towards(there, share * here.distance_m(there))


def walk_along(random: Random, way: list[Spot], *, case_id: str, begin_s: float, end_s: float) -> Walker:
    """Return a walk along a way, with changing pace and stops; the way must be long enough for the time.

    Args:
        random: where chance comes from.
        way: the corners that are passed.
        case_id: pseudonym of the person.
        begin_s: when they leave, seconds from the story's start.
        end_s: when they are found.
    """
    times_s, spots = [begin_s], [way[0]]
    for here, there in itertools.pairwise(way):
        pace_mps = max(0.4, random.gauss(PACE_MPS, PACE_SPREAD))
        length_m = max(here.distance_m(there), 0.1)
        until_stop_m = random.expovariate(STOPS_PER_M)
        if until_stop_m < length_m:
            stop_s = min(STOP_MEDIAN_S * math.exp(random.gauss(0, STOP_SPREAD)), STOP_MAX_S)
            reached_s = times_s[-1] + until_stop_m / pace_mps
            times_s += [reached_s, reached_s + stop_s]
            spots += [here.towards(there, until_stop_m)] * 2
            length_m -= until_stop_m
        times_s.append(times_s[-1] + length_m / pace_mps)
        spots.append(there)
        if times_s[-1] >= end_s:
            break
    return Walker(case_id, begin_s, end_s, tuple(times_s), tuple(spots))
