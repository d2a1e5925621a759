"""How much of an area each camera shows by itself, with its best aim: for choosing whom to weigh finely."""

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.choice.hits import BINS, HALF_FIELD_LOOSE_DEG
from pipeline.choice.scenery import Scenery
from pipeline.geo import Floats
from pipeline.rules.levels import DETECT_PER_OBSERVE
from pipeline.sight.optics import BIN_DEG, FIXED, LOOSE, TURNING

Rows = NDArray[np.intp]
_MIDDLES_DEG = np.asarray((np.arange(BINS) + 0.5) * BIN_DEG, np.float64)


def _off_deg(bearing_deg: Floats) -> Floats:
    """Return how far the middle of each bin is off a bearing; the bins are a last axis."""
    return np.asarray(np.abs((_MIDDLES_DEG - bearing_deg + 180.0) % 360.0 - 180.0))


# By the bearing bin of a street: which bins a camera shows that looks along it; of no street none.
_ALONG = np.zeros((256, BINS), np.uint8)
_ALONG[:BINS] = _off_deg(_MIDDLES_DEG[:, None]) <= HALF_FIELD_LOOSE_DEG


def shown_of_streets(  # noqa: PLR0917 - columns of hits
    scenery: Scenery,
    rows: Rows,
    of: Rows,
    bins: NDArray[np.int64],
    metres: NDArray[np.uint8],
    p: Floats,
) -> Floats:
    """Return how much each camera shows by itself with its best aim, in places.

    Args:
        scenery: optics, and what a weak view counts.
        rows: the cameras.
        of: of which of these each hit is.
        bins: its bearing bin.
        metres: its distance.
        p: what it counts in a view of 62 px/m.
    """
    optics, weak = scenery.optics, scenery.view.weak_view
    best = np.zeros(len(rows))
    turning = optics.motion[rows] == TURNING
    for zoom, field_deg in enumerate(optics.zoom_deg):
        observe_m = optics.observe_m[rows, zoom][of]
        level = np.where(metres <= observe_m, 1.0, np.where(metres <= observe_m * DETECT_PER_OBSERVE, weak, 0.0))
        level[metres > optics.reach_m[rows[of]]] = 0.0
        by_bin = np.bincount(of * BINS + bins, p * level, len(rows) * BINS).reshape(len(rows), BINS)
        if zoom == 0:
            best = np.where(turning, 0.0, (by_bin * _headings(scenery, rows)).sum(axis=1))
        width = max(round(field_deg / BIN_DEG), 1)
        around = np.cumsum(np.tile(by_bin[turning], 2), axis=1)
        aimed = (around[:, width : width + BINS] - around[:, :BINS]).max(axis=1, initial=0.0)
        best[turning] = np.maximum(best[turning], aimed)
    return best


def _headings(scenery: Scenery, rows: Rows) -> Floats:
    """Return with which probability each camera that does not turn looks towards each bearing bin."""
    optics = scenery.optics
    motion, field_deg = optics.motion[rows], optics.field_deg[rows].astype(np.float64)
    headings = np.ones((len(rows), BINS))
    fixed, loose = np.flatnonzero(motion == FIXED), np.flatnonzero(motion == LOOSE)
    azimuth_deg = optics.azimuth_deg[rows[fixed]].astype(np.float64)
    headings[fixed] = _off_deg(azimuth_deg[:, None]) <= field_deg[fixed, None] / 2
    n = optics.facing_n[rows[loose], None]
    along = _ALONG[optics.facing[rows[loose]]].sum(axis=1)
    headings[loose] = np.minimum(np.where(n == 0, field_deg[loose, None] / 360, along / np.maximum(n, 1)), 1.0)
    return headings


def shown_of_plane(scenery: Scenery, rows: Rows, polygon: shapely.Geometry) -> Floats:
    """Return how many square metres each camera shows by itself, about; as much of its range as lies in the area."""
    optics, view = scenery.optics, scenery.view
    scale_m = view.clutter_scale_m

    def disc_m2(radius_m: Floats) -> Floats:
        return np.asarray(2 * np.pi * scale_m**2 * (1 - np.exp(-radius_m / scale_m) * (1 + radius_m / scale_m)))

    near_m = optics.observe_m[rows].astype(np.float64)
    far_m = np.minimum(near_m * DETECT_PER_OBSERVE, optics.reach_m[rows][:, None])
    near_m = np.minimum(near_m, far_m)
    full = (1 - view.weak_view) * disc_m2(near_m) + view.weak_view * disc_m2(far_m)
    turning = optics.motion[rows] == TURNING
    zoomed = (full * np.array(optics.zoom_deg) / 360).max(axis=1)
    shown = np.where(turning, zoomed, full[:, 0] * np.minimum(optics.field_deg[rows] / 360, 1.0))
    shown *= optics.factor[rows].mean(axis=1)
    turn_rad = np.arange(16) * (2 * np.pi / 16)
    out_m = near_m[:, :1] * np.where(np.arange(16) % 2, 0.9, 0.45)
    x_m, y_m = (
        optics.x_m[rows][:, None] + out_m * np.sin(turn_rad),
        optics.y_m[rows][:, None] + out_m * np.cos(turn_rad),
    )
    return np.asarray(shown * shapely.contains_xy(polygon, x_m.ravel(), y_m.ravel()).reshape(x_m.shape).mean(axis=1))
