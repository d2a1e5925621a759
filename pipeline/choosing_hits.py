"""Which places each camera has in sight, and what it shows of them: the kernel's inner loops.

Bearings are kept in bins of 3 degrees and distances in whole metres, for places on streets and on the plane alike, so
that a choice does not depend on where a number came from.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.choosing_layout import Ask, Lens, Rules, Scratch, Sight
from pipeline.compiled import compiled
from pipeline.optics import BIN_DEG, DETECT_PER_OBSERVE, FIXED, LOOSE, NO_DIRECTION, TURNING

BINS = 120
# A camera of unknown heading shows what lies within this of the street direction it looks along.
HALF_FIELD_LOOSE_DEG = 37.5
# Rounding of a field's edge.
EDGE_DEG = 1e-6


@compiled
def turn_deg(from_deg: float, to_deg: float) -> float:
    """Return the angle between two bearings, 0 to 180."""
    return abs((to_deg - from_deg + 180.0) % 360.0 - 180.0)


@compiled
def bearing_deg(dx_m: float, dy_m: float) -> float:
    """Return the bearing of a step, 0 to 360; of no step 0."""
    angle = math.atan2(dx_m, dy_m) * (180.0 / math.pi)
    return angle + 360.0 if angle < 0.0 else angle


@compiled
def bin_of(dx_m: float, dy_m: float) -> int:
    """Return the bearing bin of a step, 0 to 119."""
    at = int(bearing_deg(dx_m, dy_m) / BIN_DEG)
    return at - BINS if at >= BINS else at


@compiled
def middle_deg(bearing_bin: int) -> float:
    """Return the bearing of a bin's middle."""
    return (bearing_bin + 0.5) * BIN_DEG


@compiled
def level(metres: int, observe_m: float, weak_view: float) -> float:
    """Return what a view at a distance counts: 1 up to the observe range, a little up to the detect range, else 0."""
    if metres <= observe_m:
        return 1.0
    return weak_view if metres <= observe_m * DETECT_PER_OBSERVE else 0.0


@compiled
def observe_range_m(lens: Lens, row: int, zoom_deg: NDArray[np.float64], field_deg: float) -> float:
    """Return the range of 62 px/m of what turns at any field: R grows with 1 / tan(field / 2)."""
    for z in range(len(zoom_deg)):
        if abs(zoom_deg[z] - field_deg) < 0.01:
            return float(lens.observe_m[row, z])
    wide, narrow = math.tan(math.radians(zoom_deg[0]) / 2), math.tan(math.radians(field_deg) / 2)
    return float(lens.observe_m[row, 0]) * wide / narrow


@compiled
def heading_share(lens: Lens, row: int, bearing_bin: int) -> float:
    """Return the probability that a camera of unknown heading looks towards a bearing, before mates are counted."""
    n = int(lens.facing_n[row])
    if n == 0:
        return min(float(lens.field_deg[row]) / 360.0, 1.0)
    count = 0
    for k in range(lens.facing.shape[1]):
        facing = int(lens.facing[row, k])
        if facing != NO_DIRECTION:
            off_deg = turn_deg(middle_deg(facing), middle_deg(bearing_bin))
            count += 1 if off_deg <= HALF_FIELD_LOOSE_DEG else 0
    return min(count / n, 1.0)


@compiled
def heading_after(p: float, mates: int) -> float:
    """Return the heading's probability when so many pole-mates are taken to look elsewhere: p / (1 - j p), at most 1."""
    rest = 1.0 - mates * p
    return p / rest if rest > p else 1.0


@compiled
def add_hit(
    lens: Lens, rules: Rules, s: Scratch, row: int, at: int, place: int, bearing_bin: int, metres: int, share: int
) -> int:
    """Write down that a camera may show a place, unless range or field forbid it; return where the next one goes."""
    # Sight lines reach a little farther than the camera: they are shared by all cameras of a pole.
    if metres > float(lens.reach_m[row]):
        return at
    motion = int(lens.motion[row])
    p = share / 255.0 * rules.fade[metres] * float(lens.factor[row, bearing_bin // 10])
    heading = 1.0
    observe_m = float(lens.observe_m[row, 0])
    if motion == TURNING:
        if metres > observe_m * DETECT_PER_OBSERVE and metres > float(lens.observe_m[row, -1]):
            return at
    else:
        p *= level(metres, observe_m, rules.weak_view)
        if motion == FIXED:
            off_deg = turn_deg(float(lens.azimuth_deg[row]), middle_deg(bearing_bin))
            if off_deg > float(lens.field_deg[row]) / 2 + EDGE_DEG:
                return at
        elif motion == LOOSE:
            heading = heading_share(lens, row, bearing_bin)
    if p <= 0.0 or heading <= 0.0:
        return at
    s.hit_place[at] = place
    s.hit_bin[at] = bearing_bin
    s.hit_metres[at] = metres
    s.hit_share[at] = share
    s.hit_p[at] = p
    s.hit_heading[at] = heading
    return at + 1


@compiled
def gather(
    lens: Lens, sight: Sight, rules: Rules, ask: Ask, s: Scratch, case: int, row: int, off_streets: int, at: int
) -> int:
    """Write down all places of a case that a camera may show, from ``at`` on; return where they end.

    Args:
        lens: optics.
        sight: sight lines to street cells.
        rules: numbers of the policy.
        ask: the cases; their places on streets are in ``s.cell_place``.
        s: scratch memory.
        case: which case.
        row: the camera's row.
        off_streets: how many of the case's places are in ``s.off_street``: on no street, or without sight lines.
        at: where the first hit goes.
    """
    if row < len(sight.first):
        begin = sight.first[row]
        for i in range(begin, begin + sight.count[row]):
            place = s.cell_place[sight.cell[i]]
            if place >= 0:
                bearing_bin, metres, share = int(sight.bearing[i]), int(sight.metres[i]), int(sight.share[i])
                at = add_hit(lens, rules, s, row, at, place, bearing_bin, metres, share)
    if off_streets == 0:
        return at
    x_m, y_m, reach_m = lens.x_m[row], lens.y_m[row], float(lens.reach_m[row]) + 0.5
    for i in range(off_streets):
        place = s.off_street[i]
        dx_m = ask.x_m[ask.first[case] + place] - x_m
        dy_m = ask.y_m[ask.first[case] + place] - y_m
        square_m2 = dx_m * dx_m + dy_m * dy_m
        if square_m2 <= reach_m * reach_m:
            metres = int(math.sqrt(square_m2) + 0.5)
            at = add_hit(lens, rules, s, row, at, place, bin_of(dx_m, dy_m), metres, 255)
    return at


@compiled
def hit_seen(
    motion: int, mates: int, pan_deg: float, half_deg: float, observe_m: float, rules: Rules, s: Scratch, hit: int
) -> float:
    """Return the probability that a camera, aimed so, shows the place of a hit.

    What turns and has no known aim (NaN) shows nothing. ``half_deg`` and ``observe_m`` matter only for what turns.
    """
    if motion != TURNING:
        return float(s.hit_p[hit]) * heading_after(float(s.hit_heading[hit]), mates)
    if not turn_deg(pan_deg, middle_deg(int(s.hit_bin[hit]))) <= half_deg + EDGE_DEG:
        return 0.0
    return float(s.hit_p[hit]) * level(int(s.hit_metres[hit]), observe_m, rules.weak_view)
