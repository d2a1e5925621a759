"""Arrays for the choosing kernels, from the cameras, the map and the policy."""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.choice.hits import BINS, EDGE_DEG
from pipeline.choice.layout import (
    AIM,
    CANDIDATE,
    CANDIDATES_MAX,
    CONSIDERED_MAX,
    HIT,
    HITS_MAX,
    PLACE,
    RULES,
    Lens,
    Sight,
    Streetwise,
    Work,
)
from pipeline.rules.policy import SelectionPolicy, ViewPolicy
from pipeline.sight.camera_grid import CameraGrid
from pipeline.sight.optics import BIN_DEG, Optics
from pipeline.sight.world import World

_NO_BYTES = np.empty(0, np.uint8)
_NO_SIGHT = Sight(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), _NO_BYTES, _NO_BYTES, _NO_BYTES)
_METRES = np.arange(256)


def lens_of(optics: Optics) -> Lens:
    """Return the columns of optics that the kernels read."""
    return Lens(*(getattr(optics, name) for name in Lens._fields))


def sight_of(world: World) -> Sight:
    """Return the sight lines' arrays; empty ones without a map."""
    lines = world.sightlines
    if lines is None:
        return _NO_SIGHT
    return Sight(lines.first, lines.count, lines.cell, lines.bearing, lines.distance_m, lines.share)


def streetwise_of(world: World, grid: CameraGrid, places: int) -> Streetwise:
    """Return the map from street cells to places, still empty, for cases of so many places."""
    has_lines = world.streets is not None and world.sightlines is not None
    cells = len(world.streets.cell_x_m) if world.streets is not None and has_lines else 0
    return Streetwise(grid.cell_places(cells)[:cells], np.empty(places, np.int32))


def fade_of(view: ViewPolicy) -> NDArray[np.float64]:
    """Return what clutter leaves of sight at 0 to 255 metres."""
    return np.asarray(np.exp(-_METRES / view.clutter_scale_m))


def work_of(optics: Optics, view: ViewPolicy, selection: SelectionPolicy, places: int) -> Work:
    """Return rules and working memory for cases of so many places."""
    rules = np.zeros(1, RULES)
    rules["weak_view"] = view.weak_view
    for name in ("min_gain", "ptz_min_gain", "held_bonus", "travel_cost"):
        rules[name] = getattr(selection, name)
    rules["runners"] = selection.runner_up
    zooms = len(optics.zoom_deg)
    # Memory that is not written costs nothing: the system gives pages when they are touched.
    return Work(
        rows=np.empty(CONSIDERED_MAX, np.int32),
        candidates=np.empty(CANDIDATES_MAX, CANDIDATE),
        hits=np.empty(HITS_MAX, HIT),
        places=np.empty(places, PLACE),
        ranges_m=np.empty((CANDIDATES_MAX, zooms)),
        rings=np.empty((zooms, 2 * BINS + 1)),
        rules=rules,
        fade=fade_of(view),
        zoom_deg=np.array(optics.zoom_deg),
        aims=_aims_of(optics.zoom_deg, selection),
    )


def _aims_of(zoom_deg: tuple[float, ...], selection: SelectionPolicy) -> NDArray[np.void]:
    """Return all aims of a head that are compared, widest field first."""
    aims = []
    for zoom, field_deg in enumerate(zoom_deg):
        step_deg = selection.aim_step_deg if zoom == 0 else selection.zoom_aim_step_deg
        pans_deg = [k * step_deg for k in range(math.ceil(360.0 / step_deg - EDGE_DEG))]
        aims += [(pan_deg, zoom, *_bins_in(pan_deg, field_deg)) for pan_deg in pans_deg]
    return np.array(aims, AIM)


def _bins_in(pan_deg: float, field_deg: float) -> tuple[int, int]:
    """Return the first bearing bin whose middle is in a field, 0 to 119, and how many follow each other."""
    half_deg = field_deg / 2 + EDGE_DEG
    low = math.ceil((pan_deg - half_deg) / BIN_DEG - 0.5)
    high = math.floor((pan_deg + half_deg) / BIN_DEG - 0.5)
    return low % BINS, min(max(high - low + 1, 0), BINS)
