"""What one camera with one aim shows of each place, as the choice counts it: for looks that are weighed."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.choice.hits import aimed_at, bin_of, heading_share, observe_range_m
from pipeline.choice.layout import Lens, Sight
from pipeline.choice.work import fade_of, lens_of, sight_of
from pipeline.compiled import compiled_lean
from pipeline.rules.levels import DETECT_PER_OBSERVE
from pipeline.rules.policy import ViewPolicy
from pipeline.sight.optics import FIXED, LOOSE, TURNING, Optics
from pipeline.sight.world import World


def shown(  # noqa: PLR0917 - the interface of the belief
    world: World,
    optics: Optics,
    row: int,
    pan_deg: float,
    field_deg: float,
    cell: ArrayLike,
    x_m: ArrayLike,
    y_m: ArrayLike,
    view: ViewPolicy,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return for each place the probability that the camera shows it, and whether only between 25 and 62 px/m.

    The probability is without the factor of such weak views: those have a rate of recognition of their own.

    Args:
        world: the map.
        optics: the cameras.
        row: which camera; whether it can be used does not matter.
        pan_deg: where it looks if it turns; NaN if that is not known: then it looks anywhere.
        field_deg: with which field if it turns; NaN for its widest.
        cell: i4 (p,), street cell of each place, -1 for none; any order, any number of times.
        x_m: f8 (p,), metres on the city's plane.
        y_m: f8 (p,).
        view: clutter.

    Raises:
        ValueError: the arrays are not of one length.
    """
    cells, xs_m, ys_m = np.asarray(cell, np.int32), np.asarray(x_m, np.float64), np.asarray(y_m, np.float64)
    if not cells.shape == xs_m.shape == ys_m.shape:
        raise ValueError(f"cell, x_m and y_m must be of one length, got {cells.shape}, {xs_m.shape}, {ys_m.shape}")
    p, weak = np.zeros(len(cells), np.float32), np.zeros(len(cells), np.bool_)
    if not field_deg > 0:
        field_deg = optics.zoom_deg[0]
    lens, observe_m = lens_of(optics), float(optics.observe_m[row, 0])
    if optics.motion[row] == TURNING:
        zoom_deg, ranges_m = np.array(optics.zoom_deg), optics.observe_m[row].astype(np.float64)
        observe_m = observe_range_m(ranges_m, zoom_deg, float(field_deg))
    aim = (float(pan_deg) % 360.0, float(field_deg), observe_m)
    _show(lens, sight_of(world), fade_of(view), row, aim, cells, xs_m, ys_m, p, weak)
    return p, weak


@compiled_lean
def _show(  # noqa: PLR0917 - a kernel takes plain arguments
    lens: Lens,
    sight: Sight,
    fade: NDArray[np.float64],
    row: int,
    aim: tuple[float, float, float],
    cell: NDArray[np.int32],
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    p: NDArray[np.float32],
    weak: NDArray[np.bool_],
) -> None:
    """Write probability and weakness of each place; the aim is (pan, field, range of 62 px/m)."""
    factor, observe_m = lens.factor[row], aim[2]
    farthest_m = min(float(lens.reach_m[row]), observe_m * DETECT_PER_OBSERVE)
    for i in range(len(cell)):
        bearing_bin, metres, share = _sight_of(lens, sight, row, cell[i], (x_m[i], y_m[i]))
        if share == 0 or metres > farthest_m:
            continue
        towards = _towards(lens, row, bearing_bin, aim[0], aim[1])
        p[i] = share / 255.0 * fade[metres] * float(factor[bearing_bin // 10]) * towards
        weak[i] = metres > observe_m and towards > 0.0


@compiled_lean
def _towards(lens: Lens, row: int, bearing_bin: int, pan_deg: float, field_deg: float) -> float:
    """Return the probability that a camera looks towards a bearing."""
    motion, own_field_deg = int(lens.motion[row]), float(lens.field_deg[row])
    if motion == FIXED:
        return 1.0 if aimed_at(float(lens.azimuth_deg[row]), own_field_deg / 2, bearing_bin) else 0.0
    if motion == LOOSE:
        return heading_share(lens.facing[row], int(lens.facing_n[row]), own_field_deg, bearing_bin)
    if motion != TURNING:
        return 1.0
    if math.isnan(pan_deg):
        return min(field_deg / 360.0, 1.0)
    return 1.0 if aimed_at(pan_deg, field_deg / 2, bearing_bin) else 0.0


@compiled_lean
def _sight_of(lens: Lens, sight: Sight, row: int, cell: int, at_m: tuple[float, float]) -> tuple[int, int, int]:
    """Return bearing bin, distance in metres and share of sight (0 to 255) of a place; share 0 out of sight."""
    if cell >= 0 and len(sight.first) > 0:
        if row >= len(sight.first):
            return 0, 0, 0
        low, end = sight.first[row], sight.first[row] + sight.cells[row]
        high = end
        while low < high:
            middle = (low + high) // 2
            if sight.cell[middle] < cell:
                low = middle + 1
            else:
                high = middle
        if low < end and sight.cell[low] == cell:
            return int(sight.bearing[low]), int(sight.metres[low]), int(sight.share[low])
        return 0, 0, 0
    dx_m, dy_m = at_m[0] - lens.x_m[row], at_m[1] - lens.y_m[row]
    metres = math.sqrt(dx_m * dx_m + dy_m * dy_m) + 0.5
    if not metres < 256.0:
        return 0, 0, 0
    return bin_of(dx_m, dy_m), int(metres), 255
