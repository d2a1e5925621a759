"""What one camera with one aim shows of each place, as the choice counts it: for looks that are weighed."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.choosing import lens_of, rules_of, sight_of
from pipeline.choosing_hits import (
    EDGE_DEG,
    bin_of,
    heading_share,
    middle_deg,
    observe_range_m,
    turn_deg,
)
from pipeline.choosing_layout import Lens, Rules, Sight
from pipeline.compiled import compiled
from pipeline.optics import DETECT_PER_OBSERVE, FIXED, LOOSE, TURNING, Optics
from pipeline.policy import ViewPolicy
from pipeline.world import World


def shown(
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
    rules, lens = rules_of(optics, view, None), lens_of(optics)
    _show(lens, sight_of(world), rules, row, float(pan_deg), float(field_deg), cells, xs_m, ys_m, p, weak)
    return p, weak


@compiled
def _show(
    lens: Lens,
    sight: Sight,
    rules: Rules,
    row: int,
    pan_deg: float,
    field_deg: float,
    cell: NDArray[np.int32],
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    p: NDArray[np.float32],
    weak: NDArray[np.bool_],
) -> None:
    """Write probability and weakness of each place."""
    motion = int(lens.motion[row])
    observe_m = float(lens.observe_m[row, 0])
    if motion == TURNING:
        observe_m = observe_range_m(lens, row, rules.zoom_deg, field_deg)
    for i in range(len(cell)):
        bearing_bin, metres, share = _sight_of(lens, sight, row, cell[i], x_m[i], y_m[i])
        if share == 0 or metres > float(lens.reach_m[row]) or metres > observe_m * DETECT_PER_OBSERVE:
            continue
        aimed = _aimed(lens, row, motion, bearing_bin, pan_deg, field_deg)
        p[i] = share / 255.0 * rules.fade[metres] * float(lens.factor[row, bearing_bin // 10]) * aimed
        weak[i] = metres > observe_m and aimed > 0.0


@compiled
def _aimed(lens: Lens, row: int, motion: int, bearing_bin: int, pan_deg: float, field_deg: float) -> float:
    """Return the probability that a camera looks towards a bearing."""
    if motion == FIXED:
        off_deg = turn_deg(float(lens.azimuth_deg[row]), middle_deg(bearing_bin))
        return 1.0 if off_deg <= float(lens.field_deg[row]) / 2 + EDGE_DEG else 0.0
    if motion == LOOSE:
        return heading_share(lens, row, bearing_bin)
    if motion != TURNING:
        return 1.0
    if math.isnan(pan_deg):
        return min(field_deg / 360.0, 1.0)
    return 1.0 if turn_deg(pan_deg, middle_deg(bearing_bin)) <= field_deg / 2 + EDGE_DEG else 0.0


@compiled
def _sight_of(lens: Lens, sight: Sight, row: int, cell: int, x_m: float, y_m: float) -> tuple[int, int, int]:
    """Return bearing bin, distance in metres and share of sight (0 to 255) of a place; share 0 out of sight."""
    if cell >= 0 and len(sight.first) > 0:
        if row >= len(sight.first):
            return 0, 0, 0
        low, end = sight.first[row], sight.first[row] + sight.count[row]
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
    dx_m, dy_m = x_m - lens.x_m[row], y_m - lens.y_m[row]
    metres = math.sqrt(dx_m * dx_m + dy_m * dy_m) + 0.5
    if not metres < 256.0:
        return 0, 0, 0
    return bin_of(dx_m, dy_m), int(metres), 255
