"""Which places each camera has in sight, and what it shows of them: the kernel's inner loops.

Bearings are kept in bins of 3 degrees and distances in whole metres, for places on streets and on the plane alike, so
that a choice does not depend on where a number came from.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.choice.layout import Lens, Sight, Streetwise, Work
from pipeline.compiled import compiled_lean
from pipeline.rules.levels import DETECT_PER_OBSERVE
from pipeline.sight.optics import BIN_DEG, FIXED, LOOSE, NO_DIRECTION, TURNING

BINS = 120
# A camera of unknown heading shows what lies within this of the street direction it looks along.
HALF_FIELD_LOOSE_DEG = 37.5
# Rounding of a field's edge.
EDGE_DEG = 1e-6


@compiled_lean
def turn_deg(from_deg: float, to_deg: float) -> float:
    """Return the angle between two bearings of 0 to 360, 0 to 180."""
    angle = abs(to_deg - from_deg)
    return 360.0 - angle if angle > 180.0 else angle


@compiled_lean
def bearing_deg(dx_m: float, dy_m: float) -> float:
    """Return the bearing of a step, 0 to 360; of no step 0."""
    angle = math.atan2(dx_m, dy_m) * (180.0 / math.pi)
    return angle + 360.0 if angle < 0.0 else angle


@compiled_lean
def bin_of(dx_m: float, dy_m: float) -> int:
    """Return the bearing bin of a step, 0 to 119."""
    at = int(bearing_deg(dx_m, dy_m) / BIN_DEG)
    return at - BINS if at >= BINS else at


@compiled_lean
def middle_deg(bearing_bin: int) -> float:
    """Return the bearing of a bin's middle."""
    return (bearing_bin + 0.5) * BIN_DEG


@compiled_lean
def level(metres: int, observe_m: float, weak_view: float) -> float:
    """Return what a view at a distance counts: 1 up to the observe range, a little up to the detect range, else 0."""
    if metres <= observe_m:
        return 1.0
    return weak_view if metres <= observe_m * DETECT_PER_OBSERVE else 0.0


@compiled_lean
def observe_range_m(ranges_m: NDArray[np.float64], zoom_deg: NDArray[np.float64], field_deg: float) -> float:
    """Return the range of 62 px/m of what turns at any field: R grows with 1 / tan(field / 2)."""
    for z in range(len(zoom_deg)):
        if abs(zoom_deg[z] - field_deg) < 0.01:
            return float(ranges_m[z])
    wide, narrow = math.tan(math.radians(zoom_deg[0]) / 2), math.tan(math.radians(min(field_deg, 170.0)) / 2)
    return float(ranges_m[0]) * wide / narrow


@compiled_lean
def heading_share(facing: NDArray[np.uint8], n: int, field_deg: float, bearing_bin: int) -> float:
    """Return the probability that a camera of unknown heading looks towards a bearing, before mates are counted.

    Args:
        facing: u1 (4,), bins of the street directions at its pole.
        n: among how many directions its heading is shared; 0 for any.
        field_deg: its field of view, which counts without streets.
        bearing_bin: the bearing.
    """
    if n == 0:
        return min(field_deg / 360.0, 1.0)
    count = 0
    for k in range(len(facing)):
        direction = int(facing[k])
        if (
            direction != NO_DIRECTION
            and turn_deg(middle_deg(direction), middle_deg(bearing_bin)) <= HALF_FIELD_LOOSE_DEG
        ):
            count += 1
    return min(count / n, 1.0)


@compiled_lean
def heading_after(p: float, mates: int) -> float:
    """Return the heading's probability when j pole-mates are taken to look elsewhere: p / (1 - j p), at most 1."""
    if mates == 0:
        return p
    rest = 1.0 - mates * p
    return p / rest if rest > p else 1.0


@compiled_lean
def gather(  # noqa: PLR0917 - a kernel takes plain arguments
    lens: Lens,
    sight: Sight,
    streets: Streetwise,
    work: Work,
    off_streets: int,
    start: int,
    stop: int,
) -> None:
    """Write down the places that candidates ``start`` to ``stop`` may show, behind the hits of those before.

    Args:
        lens: optics.
        sight: sight lines to street cells.
        streets: which place is on which cell.
        work: candidates, hits, places and rules.
        off_streets: how many of the places are on no street.
        start: first candidate.
        stop: behind the last one.
    """
    candidates, hits, cell_place, has_lines = work.candidates, work.hits, streets.cell_place, len(sight.first)
    off_street = streets.off_street[:off_streets]
    at = int(candidates[start - 1]["end"]) if start > 0 else 0
    for c in range(start, stop):
        row, begin = candidates[c]["row"], at
        reach_m = float(lens.reach_m[row])
        if row < has_lines:
            first = sight.first[row]
            for i in range(first, first + sight.cells[row]):
                place = cell_place[sight.cell[i]]
                # Sight lines reach a little farther than the camera: they are shared by all cameras of a pole.
                if place >= 0 and sight.metres[i] <= reach_m:
                    hits[at]["place"], hits[at]["bin"] = place, sight.bearing[i]
                    hits[at]["metres"], hits[at]["share"] = sight.metres[i], sight.share[i]
                    at += 1
        if off_streets > 0:
            at = _gather_plane(off_street, work.places, hits, at, (lens.x_m[row], lens.y_m[row], reach_m))
        if at > begin:
            optic = (float(lens.azimuth_deg[row]), float(lens.field_deg[row]), work.ranges_m[c, 0])
            weak_view, motion = work.rules[0]["weak_view"], int(candidates[c]["motion"])
            at = _sift(hits, begin, at, motion, optic, work.fade, lens.factor[row], weak_view)
        if candidates[c]["motion"] == LOOSE and at > begin:
            facing_n, field_deg = int(lens.facing_n[row]), float(lens.field_deg[row])
            at = _share_headings(hits, begin, at, lens.facing[row], facing_n, field_deg)
        candidates[c]["first"], candidates[c]["end"] = begin, at


@compiled_lean
def gather_nothing(work: Work, start: int, stop: int) -> None:
    """Write down that candidates ``start`` to ``stop`` show no place."""
    at = int(work.candidates[start - 1]["end"]) if start > 0 else 0
    for c in range(start, stop):
        work.candidates[c]["first"] = work.candidates[c]["end"] = at


@compiled_lean
def _gather_plane(
    off_street: NDArray[np.int32],
    places: NDArray[np.void],
    hits: NDArray[np.void],
    at: int,
    camera: tuple[float, float, float],
) -> int:
    """Write down the places on no street within reach of a camera (x, y, reach); return where they end."""
    x_m, y_m, reach_m = camera
    for place in off_street:
        dx_m, dy_m = places[place]["x_m"] - x_m, places[place]["y_m"] - y_m
        square_m2 = dx_m * dx_m + dy_m * dy_m
        if square_m2 > (reach_m + 1.0) * (reach_m + 1.0):
            continue
        metres = int(math.sqrt(square_m2) + 0.5)
        if metres <= reach_m:
            hits[at]["place"], hits[at]["bin"], hits[at]["metres"] = place, bin_of(dx_m, dy_m), metres
            hits[at]["share"] = 255
            at += 1
    return at


@compiled_lean
def _sift(  # noqa: PLR0917 - a kernel takes plain arguments
    hits: NDArray[np.void],
    begin: int,
    end: int,
    motion: int,
    optic: tuple[float, float, float],
    fade: NDArray[np.float64],
    factor: NDArray[np.float32],
    weak_view: float,
) -> int:
    """Keep of a camera's hits those that its range and field allow, with what they show; return where they end.

    Args:
        hits: all hits.
        begin: the camera's first.
        end: behind its last.
        motion: what it can turn to.
        optic: its azimuth, its field, and its range of 62 px/m.
        fade: what clutter leaves, by metres.
        factor: its learned multipliers.
        weak_view: what a view between 25 and 62 px/m counts.
    """
    azimuth_deg, field_deg, observe_m = optic
    half_deg, to = field_deg / 2 + EDGE_DEG, begin
    for i in range(begin, end):
        one = hits[i]
        metres, bearing_bin, share = int(one["metres"]), int(one["bin"]), int(one["share"])
        p = share / 255.0 * fade[metres] * float(factor[bearing_bin // 10])
        if motion != TURNING:
            p *= level(metres, observe_m, weak_view)
        if motion == FIXED and turn_deg(azimuth_deg, middle_deg(bearing_bin)) > half_deg:
            continue
        if p > 0.0:
            kept = hits[to]
            kept["place"], kept["p"], kept["heading"] = one["place"], p, 1.0
            kept["bin"], kept["metres"], kept["share"] = bearing_bin, metres, share
            to += 1
    return to


@compiled_lean
def _share_headings(  # noqa: PLR0917 - a kernel takes plain arguments
    hits: NDArray[np.void], begin: int, end: int, facing: NDArray[np.uint8], n: int, field_deg: float
) -> int:
    """Set the probability that a camera of unknown heading looks towards each of its hits; return where they end."""
    to = begin
    for i in range(begin, end):
        one, kept = hits[i], hits[to]
        heading = heading_share(facing, n, field_deg, int(one["bin"]))
        if heading > 0.0:
            kept["place"], kept["p"], kept["heading"] = one["place"], one["p"], heading
            kept["bin"], kept["metres"], kept["share"] = one["bin"], one["metres"], one["share"]
            to += 1
    return to


@compiled_lean
def aimed_at(pan_deg: float, half_deg: float, bearing_bin: int) -> bool:
    """Return whether a bearing is in the field of what is aimed so; never if the aim is not known (NaN)."""
    return turn_deg(pan_deg, middle_deg(bearing_bin)) <= half_deg + EDGE_DEG
