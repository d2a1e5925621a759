"""An area, looked at finely where its best cameras look: the places and the cameras among which a choice is made.

A sample of a large area says little of a camera that shows a thousandth of it: of thousands of cameras those are chosen
that happen to have a place or two of the sample before them, and each counts as if it showed all that such a place
stands for. So the cameras are ranked by what each shows of the area by itself, and the best are held against all
street cells in their sight, or against a fine grid around them where no streets are known. What nobody of them shows
has no places, only its mass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.choice.alone import Rows, shown_of_plane, shown_of_streets
from pipeline.choice.kernel import FILL_M_MAX
from pipeline.choice.layout import HITS_MAX, PICKS_MAX
from pipeline.choice.scenery import Scenery
from pipeline.geo import Floats, Plane
from pipeline.sight.camera_grid import Bins, CameraGrid
from pipeline.sight.optics import REACH_M_MAX
from pipeline.sight.pole_sights import ranges
from pipeline.sight.sightlines import Sightlines
from pipeline.world.places import Places, cells_in, places_over, without_ties
from pipeline.world.streets import Streets

# Cameras that are weighed finely: four times as many as an assignment has at most.
CAMERAS_MAX = 64
# Of cameras that stand in one square of this size, about twice the usual range, few are weighed.
NEIGHBOURS_M = 60.0
# More, nearest to the middle of the area: for places of the list that nothing else is worth.
NEAREST = 16
# Cameras that are ranked; of more an even sample by the hash of their ids.
RANKED_MAX = 1_000
# So that each of these cameras, and each that is held or pinned, has room for all places in the choice.
PLACES_MAX = HITS_MAX // (CAMERAS_MAX + NEAREST + 4 * PICKS_MAX)
# Gains are limited (``min_gain``, ``ptz_min_gain``) as for a place of this size: of a larger area no camera shows more
# than a trace, and yet somebody must look. About the streets of 0.4 square kilometres.
CELLS_OF_UNIT = 2_000
# The same without streets, where sight fades faster.
UNIT_M2 = 50_000.0
# Steps of the grid around cameras: a fifth of the usual range of 62 px/m, if there is room.
STEP_M = (4.0, 12.0)
# Points of the whole grid, most of which nobody sees.
GRID_MAX = 4_000_000
# Beyond any city's plane.
_EVERYWHERE_M = 1e9


class FewCameras(CameraGrid):
    """A grid of some cameras alone, wherever they stand; it lends the scratch memory of the grid of all."""

    def __init__(self, rows: Rows, every: CameraGrid) -> None:
        """Take the cameras of these rows."""
        super().__init__()
        ends, none = np.array([0, len(rows)], np.int32), np.empty(0, np.int32)
        self.bins = Bins(-_EVERYWHERE_M, -_EVERYWHERE_M, 2 * _EVERYWHERE_M, 1, 1, ends, rows.astype(np.int32), none)
        self._every = every

    def cell_places(self, cells: int) -> NDArray[np.int32]:
        """Return the map of the grid of all."""
        return self._every.cell_places(cells)


@dataclass(frozen=True, slots=True)
class Survey:
    """Places of one area and the cameras to choose among.

    Attributes:
        places: one case; where masses add up to more than 1, the area is larger than a unit.
        grid: the cameras.
        scale: the mass of the whole area: what is reckoned with these masses is to be divided by it.
    """

    places: Places
    grid: CameraGrid
    scale: float


def area_of(
    polygon: shapely.Geometry, scenery: Scenery, purposes: int, keep: Sequence[int]
) -> tuple[Places, Survey | None]:
    """Return an even sample of the places of an area, and its survey; None where no camera reaches it.

    Args:
        polygon: one or several, in (longitude, latitude) degrees, with an area.
        scenery: what cameras show.
        purposes: set of purposes of which a camera must have one, 0 for any.
        keep: cameras that are to be weighed whatever they show: held ones and pinned ones.
    """
    streets, plane, rows = scenery.streets, scenery.plane, np.array(keep, np.intp)
    cells = None if streets is None else cells_in(polygon, plane, streets)
    sample = places_over(polygon, plane, streets, cells)
    lines = scenery.world.sightlines
    if streets is not None and lines is not None and cells is not None and len(cells):
        survey = _survey_of_streets(cells, streets, lines, scenery, purposes, rows)
    else:
        polygon_m = shapely.transform(polygon, lambda at: _metres(plane, at))
        survey = _survey_of_plane(polygon_m, scenery, purposes, rows)
    return sample, survey if len(survey.places.mass) else None


def _metres(plane: Plane, lon_lat: Floats) -> Floats:
    return np.column_stack(plane.to_metres(lon_lat[:, 1], lon_lat[:, 0]))


def _survey_of_streets(  # noqa: PLR0917 - all that it is made of
    cells: NDArray[np.intp], streets: Streets, lines: Sightlines, scenery: Scenery, purposes: int, keep: Rows
) -> Survey:
    """Return the survey of an area's street cells, ascending, at least one, in a city with lines of sight."""
    x_m, y_m = streets.cell_x_m[cells], streets.cell_y_m[cells]
    middle_m = (float(x_m.mean()), float(y_m.mean()))
    rows = _around(scenery, (x_m.min(), x_m.max(), y_m.min(), y_m.max()), purposes)
    inside = np.zeros(len(streets), np.bool_)
    inside[cells] = True
    rows = rows[rows < len(lines.first)]
    counts = lines.count[rows]
    at = ranges(lines.first[rows], counts)
    of = np.repeat(np.arange(len(rows)), counts)
    seen = np.flatnonzero(inside[lines.cell[at]])
    at, of = at[seen], of[seen]
    metres, bins = lines.distance_m[at], lines.bearing[at]
    p = lines.share[at] / 255.0 * np.exp(-metres / scenery.view.clutter_scale_m)
    p *= scenery.optics.factor[rows[of], bins // 10]
    shown = shown_of_streets(scenery, rows, of, bins.astype(np.int64), metres, p)
    best = _best(scenery, rows, shown, middle_m, keep, purposes)
    best = best[best < len(lines.first)]  # later rows have no lines yet
    place = cells
    if len(cells) > PLACES_MAX:
        place, best = _in_sight_of(best, lines, inside)
    scale = max(len(cells) / CELLS_OF_UNIT, 1.0)
    x_m, y_m = streets.cell_x_m[place], streets.cell_y_m[place]
    return _survey(scenery, best, place.astype(np.int32), (x_m, y_m), 1 / len(cells), scale)


def _in_sight_of(best: Rows, lines: Sightlines, wanted: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Return the wanted cells that some cameras have in sight, ascending, and of these as many as there is room for.

    ``wanted`` is by cell, and no longer says so of what is returned.
    """
    found, room = [], PLACES_MAX
    for number, row in enumerate(best.tolist()):
        start = int(lines.first[row])
        new = lines.cell[start : start + int(lines.count[row])]
        new = new[wanted[new]]
        if len(new) > room:
            best = best[:number]
            break
        room -= len(new)
        wanted[new] = False
        found.append(new)
    return np.sort(np.concatenate([np.empty(0, np.intp), *found])), best


def _survey_of_plane(polygon: shapely.Geometry, scenery: Scenery, purposes: int, keep: Rows) -> Survey:
    """Return the survey of an area without streets; the polygon is in metres on the city's plane."""
    optics, scale = scenery.optics, max(polygon.area / UNIT_M2, 1.0)
    x0_m, y0_m, x1_m, y1_m = polygon.bounds
    rows = _around(scenery, (x0_m, x1_m, y0_m, y1_m), purposes)
    shapely.prepare(polygon)
    shown = shown_of_plane(scenery, rows, polygon)
    middle = polygon.centroid
    best = _best(scenery, rows, shown, (middle.x, middle.y), keep, purposes)
    reach_m = optics.reach_m[best].astype(np.float64)
    ground_m2 = min(float((np.pi * reach_m**2).sum()), polygon.area)
    step_m = float(np.clip(np.sqrt(ground_m2 / PLACES_MAX), *STEP_M))
    columns, lines = (int(size_m / step_m) + 1 for size_m in (x1_m - x0_m, y1_m - y0_m))
    step_m *= max(np.sqrt(columns * lines / GRID_MAX), 1.0)
    found = np.zeros((int((y1_m - y0_m) / step_m) + 1, int((x1_m - x0_m) / step_m) + 1), np.bool_)
    room = PLACES_MAX
    for number, row in enumerate(best.tolist()):
        at_m = (float(optics.x_m[row]) - x0_m, float(optics.y_m[row]) - y0_m)
        new = _new_points(found, at_m, float(optics.reach_m[row]) + 1.0, step_m)
        new = new[shapely.contains_xy(polygon, x0_m + (new[:, 1] + 0.5) * step_m, y0_m + (new[:, 0] + 0.5) * step_m)]
        if len(new) > room:
            best = best[:number]
            break
        room -= len(new)
        found[new[:, 0], new[:, 1]] = True
    line, column = np.nonzero(found)
    at = (x0_m + (column + 0.5) * step_m, y0_m + (line + 0.5) * step_m)
    return _survey(scenery, best, np.full(len(line), -1, np.int32), at, step_m**2 / polygon.area, scale)


def _new_points(found: NDArray[np.bool_], at_m: tuple[float, float], reach_m: float, step_m: float) -> Rows:
    """Return the points of a grid within reach of a place that are not found yet, as pairs of line and column."""
    (low_x, high_x), (low_y, high_y) = (
        (max(int((at - reach_m) / step_m), 0), min(int((at + reach_m) / step_m) + 1, size))
        for at, size in zip(at_m, found.shape[::-1], strict=True)
    )
    if high_x <= low_x or high_y <= low_y:
        return np.empty((0, 2), np.intp)
    x_m = (np.arange(low_x, high_x) + 0.5) * step_m - at_m[0]
    y_m = (np.arange(low_y, high_y) + 0.5) * step_m - at_m[1]
    near = x_m**2 + (y_m**2)[:, None] <= reach_m**2
    return np.asarray(np.argwhere(near & ~found[low_y:high_y, low_x:high_x]) + np.array([low_y, low_x]), np.intp)


def _survey(  # noqa: PLR0917 - all that it is made of
    scenery: Scenery, best: Rows, cell: NDArray[np.int32], at_m: tuple[Floats, Floats], mass: float, scale: float
) -> Survey:
    count = len(cell)
    places = Places(np.array([0, count], np.int32), cell, *at_m, np.full(count, mass))
    if count:
        whole = mass * count * scale
        places = without_ties(places)
        places.mass[:] *= whole
    return Survey(places, FewCameras(best, scenery.grid), scale)


def _around(
    scenery: Scenery, box_m: tuple[float, float, float, float], purposes: int, within_m: float | None = None
) -> Rows:
    """Return the cameras that may be looked through and reach a box (left, right, low, high), of very many a sample.

    With a distance those as near to it as that, whatever their reach.
    """
    optics, (left_m, right_m, low_m, high_m) = scenery.optics, box_m
    most_m = REACH_M_MAX + 1.0 if within_m is None else within_m
    rows = np.flatnonzero((optics.x_m >= left_m - most_m) & (optics.x_m <= right_m + most_m))
    x_m, y_m = optics.x_m[rows], optics.y_m[rows]
    reach_m = optics.reach_m[rows] + 1.0 if within_m is None else within_m
    near = (x_m >= left_m - reach_m) & (x_m <= right_m + reach_m)
    near &= (y_m >= low_m - reach_m) & (y_m <= high_m + reach_m) & optics.usable[rows]
    if purposes:
        near &= (optics.purposes[rows] & np.uint16(purposes)) != 0
    rows = rows[near]
    if len(rows) > RANKED_MAX:
        rows = rows[np.argpartition(optics.id_hash[rows], RANKED_MAX)[:RANKED_MAX]]
    return rows


def _best(  # noqa: PLR0917 - all that it depends on
    scenery: Scenery, rows: Rows, shown: Floats, middle_m: tuple[float, float], keep: Rows, purposes: int
) -> Rows:
    """Return the cameras to weigh finely: those to keep, the best by themselves, and those nearest to the middle."""
    optics = scenery.optics
    # The second best of a neighbourhood counts half, the third a third: they mostly show what the best shows.
    line, column = np.floor(optics.y_m[rows] / NEIGHBOURS_M), np.floor(optics.x_m[rows] / NEIGHBOURS_M)
    order = np.lexsort((optics.id_hash[rows], -shown, column, line))
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (np.diff(line[order]) != 0) | (np.diff(column[order]) != 0)
    place = np.arange(len(rows)) - np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))
    ranked = rows[order][np.lexsort((optics.id_hash[rows[order]], -shown[order] / (1 + place)))[:CAMERAS_MAX]]
    around = _around(scenery, (middle_m[0], middle_m[0], middle_m[1], middle_m[1]), purposes, FILL_M_MAX)
    off_m = np.hypot(optics.x_m[around] - middle_m[0], optics.y_m[around] - middle_m[1])
    nearest = around[np.lexsort((optics.id_hash[around], off_m))[:NEAREST]]
    every = np.concatenate([keep, ranked, nearest]).astype(np.intp)
    _, first = np.unique(every, return_index=True)
    return every[np.sort(first)]
