"""Pacing and lapping in the corners of a way.

Ways of people with dementia are direct, random, pacing (there and back between two places, repeatedly) or lapping
(round a circuit, repeatedly): D. Martino-Saltzman, B. B. Blasch, R. D. Morris, L. W. McNeal, "Travel behavior of
nursing home residents perceived as wanderers and nonwanderers", The Gerontologist 31(5), 1991, 666-672. That a fixed
rule can tell them from the order of places: N. K. Vuong, S. Chan, C. T. Lau, "Automated detection of wandering patterns
in people with dementia", Gerontechnology 12(3), 2014, 127-147. Outdoors, from fixes as they come, wandering shows as
loops: Q. Lin, D. Zhang, X. Huang, H. Ni, X. Zhou, "Detecting wandering behavior based on GPS traces for elders with
dementia", ICARCV 2012, 672-677.

Fixes do not come from rooms, so places are replaced by measures: turns back along the main axis of the way, and rounds
about its middle. Random ways are not told: on a street they cannot be told from an errand. The thresholds are ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# A way is looked at from so many corners back: there and back, and a round, have at least as many.
CORNERS_MIN = 6
# The way to where somebody laps is part of no round: starts are tried this many corners apart.
START_STEP = 3
# Pacing is narrow: across it spreads at most this share of what it spreads along.
NARROW = 0.5
# Of all turning about the middle, so much goes one way in rounds; noise and errands turn both ways.
ONE_WAY = 0.75

# (x_m east, y_m north, time in seconds)
Corner = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a way shows.

    Attributes:
        name: ``pacing`` or ``lapping``.
        count: turns back, or rounds.
        size_m: least length between two turns, or the mean radius of the rounds.
        minutes: how long it has gone on.
    """

    name: str
    count: float
    size_m: float
    minutes: float

    @property
    def words(self) -> str:
        """Return it in a few words."""
        if self.name == "pacing":
            return f"pacing: {self.count:.0f} turns back, {self.size_m:.0f} m apart or more, in {self.minutes:.0f} min"
        return f"lapping: {self.count:.1f} rounds, radius {self.size_m:.0f} m, in {self.minutes:.0f} min"


def pattern_in(way: Sequence[Corner], *, turns: int, leg_m: float, rounds: float, radius_m: float) -> Pattern | None:
    """Return the pattern that the newest part of a way shows, the shortest part that shows one; None without.

    Args:
        way: its corners, oldest first, on a plane in metres.
        turns: so many turns back are pacing.
        leg_m: least length between two turns, metres.
        rounds: so many rounds are lapping.
        radius_m: least mean radius of rounds, metres.
    """
    for start in range(len(way) - CORNERS_MIN, -1, -START_STEP):
        part = way[start:]
        found = _lapping(part, rounds, radius_m) or _pacing(part, turns, leg_m)
        if found is not None:
            return found
    return None


def _minutes(part: Sequence[Corner]) -> float:
    return (part[-1][2] - part[0][2]) / 60.0


def _middle(part: Sequence[Corner]) -> tuple[float, float]:
    return sum(c[0] for c in part) / len(part), sum(c[1] for c in part) / len(part)


def _lapping(part: Sequence[Corner], rounds: float, radius_m: float) -> Pattern | None:
    """Return lapping if the way goes round its middle often enough, mostly one way, and not too near to it."""
    x_m, y_m = _middle(part)
    net = total = radii_m = 0.0
    before: float | None = None
    for corner_x, corner_y, _ in part:
        angle = math.atan2(corner_y - y_m, corner_x - x_m)
        radii_m += math.hypot(corner_x - x_m, corner_y - y_m)
        if before is not None:
            turn = math.remainder(angle - before, math.tau)
            net += turn
            total += abs(turn)
        before = angle
    mean_radius_m = radii_m / len(part)
    if abs(net) < rounds * math.tau or abs(net) < ONE_WAY * total or mean_radius_m < radius_m:
        return None
    return Pattern("lapping", abs(net) / math.tau, mean_radius_m, _minutes(part))


def _pacing(part: Sequence[Corner], turns: int, leg_m: float) -> Pattern | None:
    """Return pacing if a narrow way turns back often enough along its main axis."""
    x_m, y_m = _middle(part)
    xx = sum((c[0] - x_m) ** 2 for c in part)
    yy = sum((c[1] - y_m) ** 2 for c in part)
    xy = sum((c[0] - x_m) * (c[1] - y_m) for c in part)
    spread = math.hypot(xx - yy, 2 * xy)
    along, across = (xx + yy + spread) / 2, (xx + yy - spread) / 2
    if across > NARROW * NARROW * along:
        return None
    axis = 0.5 * math.atan2(2 * xy, xx - yy)
    cos, sin = math.cos(axis), math.sin(axis)
    found = _turns_back([(c[0] - x_m) * cos + (c[1] - y_m) * sin for c in part], leg_m)
    return Pattern("pacing", found, leg_m, _minutes(part)) if found >= turns else None


def _turns_back(along_m: Sequence[float], leg_m: float) -> int:
    """Return how often a movement along a line turns, legs shorter than ``leg_m`` not counted."""
    turns, direction = 0, 0
    low = high = extreme = along_m[0]
    for s in along_m[1:]:
        if direction == 0:
            low, high = min(low, s), max(high, s)
            direction = 1 if s >= low + leg_m else -1 if s <= high - leg_m else 0
            extreme = s
        elif (s - extreme) * direction > 0:
            extreme = s
        elif (extreme - s) * direction >= leg_m:
            turns, direction, extreme = turns + 1, -direction, s
    return turns
