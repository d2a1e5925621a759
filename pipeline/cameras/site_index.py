"""Which cameras are near: a grid over all poles for the bulk, an R-tree for what changed since.

The grid is the cameras sorted by (band, x, y): bands run east to west, ``BAND_M`` high, and within a band the cameras
of a pole lie side by side. A search is one ``searchsorted`` over the bands it touches; the distances of what it finds
are then computed anew around the searched point, so they owe nothing to the plane the grid is drawn on.

Nothing is built while cameras pour in. The first search after changes brings the index up to date: up to
``max(1,000, 2 %)`` moved cameras go to the R-tree, with more the grid is built anew (84,000 cameras: some 20 ms;
2 million: about a second, and not before 40,000 of them have moved).
"""

import math
from collections.abc import Sequence

import numpy as np
import rtree
import shapely
from numpy.typing import NDArray

from pipeline.cameras.camera_columns import CameraColumns
from pipeline.geo import EARTH_RADIUS_M, METRES_PER_DEGREE, Floats, Plane, in_range, offsets_m

Rows = NDArray[np.intp]
# Left, low, right and high edge on the plane, metres.
Box = tuple[float, float, float, float]
# A search of 150 to 500 m touches two or three bands and looks at about twice the cameras it returns.
BAND_M = 500.0
MIN_DELTA = 1_000
DELTA_SHARE = 0.02
# Farther than any policy looks; the plane around the searched point is good to 1e-5 up to here.
MAX_RADIUS_M = 50_000.0
# Rounding of positions on the plane, with much to spare: what it lets through, the exact distance refuses.
_MARGIN_M = 0.01
_NO_ROWS: Rows = np.empty(0, np.intp)


class SiteIndex:
    """Spatial index over the alive rows of camera columns."""

    def __init__(self, columns: CameraColumns, ids: Sequence[bytes]) -> None:
        """Index nothing yet.

        Args:
            columns: the columns, whose positions are read when the index is brought up to date.
            ids: camera id by row, which decides between equal distances.
        """
        self._columns = columns
        self._ids = ids
        self._grid = _Grid(columns, _NO_ROWS)
        self._in_grid: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._moved: list[Rows] = []
        self._moved_count = 0
        self._delta = rtree.index.Index()
        self._delta_at: dict[int, tuple[float, float]] = {}

    def mark(self, rows: Rows) -> None:
        """Note that these rows were added, moved or removed."""
        known = rows[rows < len(self._in_grid)]
        self._in_grid[known] = False
        self._moved_count += len(rows)
        if self._moved_count > self._delta_limit():
            self._moved.clear()  # the grid will be built anew, whatever moved
        else:
            self._moved.append(rows)

    def near(self, plane: Plane, lat_deg: float, lon_deg: float, radius_m: float) -> tuple[Rows, Floats]:
        """Return the rows within a radius and their distances in metres, sorted by (distance, camera id).

        Raises:
            ValueError: the point is out of range, or the radius is not within 0..MAX_RADIUS_M.
        """
        if not in_range(lat_deg, lon_deg) or not 0.0 <= radius_m <= MAX_RADIUS_M:
            raise ValueError(
                f"need a point on the earth and a radius within 0..{MAX_RADIUS_M:g} m, got a radius of {radius_m}"
            )
        self._bring_up_to_date()
        x_m, y_m, half_x_m = _box_around(plane, lat_deg, lon_deg, radius_m)
        half_y_m = radius_m + _MARGIN_M
        box = (x_m - half_x_m, y_m - half_y_m, x_m + half_x_m, y_m + half_y_m)
        rows, distances_m, poles = self._grid_near(box, lat_deg, lon_deg, radius_m)
        if self._delta_at:
            changed = self._delta_in(*box)
            changed_m = _distances_m(lat_deg, lon_deg, self._columns.lat_deg[changed], self._columns.lon_deg[changed])
            hits = np.flatnonzero(changed_m <= radius_m)
            if len(hits):
                rows = np.concatenate((rows, changed[hits]))
                distances_m = np.concatenate((distances_m, changed_m[hits]))
                poles = np.concatenate((poles, -1 - hits))  # each a pole of its own
                order = distances_m.argsort(kind="stable")
                rows, distances_m, poles = rows[order], distances_m[order], poles[order]
        # The cameras of a pole come in order of their ids; between poles that are equally far the ids still decide.
        if ((distances_m[1:] == distances_m[:-1]) & (poles[1:] != poles[:-1])).any():
            return self._by_distance_and_id(rows, distances_m)
        return rows, distances_m

    def _grid_near(self, box: Box, lat_deg: float, lon_deg: float, radius_m: float) -> tuple[Rows, Floats, Rows]:
        """Return (rows, distances, poles) of the grid, nearest first, the cameras of a pole in order of their ids."""
        grid = self._grid
        places = grid.places_in(*box)
        distances_m = _distances_m(lat_deg, lon_deg, grid.lat_deg[places], grid.lon_deg[places])
        hits = np.flatnonzero(distances_m <= radius_m)
        distances_m = distances_m[hits]
        order = distances_m.argsort(kind="stable")
        places, distances_m = places[hits[order]], distances_m[order]
        grid.order_poles(places, self._ids)
        rows, poles = grid.rows[places], grid.pole[places]
        if not grid.all_valid:
            valid = self._in_grid[rows]
            rows, distances_m, poles = rows[valid], distances_m[valid], poles[valid]
        return rows, distances_m, poles

    def within(self, plane: Plane, area: shapely.Polygon) -> Rows:
        """Return the rows in or on the edge of an area of (longitude, latitude) degrees, sorted by camera id."""
        if area.is_empty:
            return _NO_ROWS
        west_deg, south_deg, east_deg, north_deg = area.bounds
        if not (in_range(south_deg, west_deg) and in_range(north_deg, east_deg)):
            raise ValueError(f"the area must lie on the earth, got bounds {area.bounds}")
        self._bring_up_to_date()
        (left_m, right_m), (low_m, high_m) = plane.to_metres([south_deg, north_deg], [west_deg, east_deg])
        box = (left_m - _MARGIN_M, low_m - _MARGIN_M, right_m + _MARGIN_M, high_m + _MARGIN_M)
        rows = self._grid.rows[self._grid.places_in(*box)]
        rows = np.concatenate((rows[self._in_grid[rows]], self._delta_in(*box)))
        shapely.prepare(area)
        inside = shapely.intersects_xy(area, self._columns.lon_deg[rows], self._columns.lat_deg[rows])
        return np.array(sorted(rows[inside].tolist(), key=self._ids.__getitem__), np.intp)

    def _by_distance_and_id(self, rows: Rows, distances_m: Floats) -> tuple[Rows, Floats]:
        keys = [(distance, self._ids[row]) for distance, row in zip(distances_m.tolist(), rows.tolist(), strict=True)]
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.intp)
        return rows[order], distances_m[order]

    def _delta_limit(self) -> float:
        return max(MIN_DELTA, DELTA_SHARE * len(self._grid.rows))

    def _delta_in(self, left_m: float, low_m: float, right_m: float, high_m: float) -> Rows:
        if not self._delta_at:
            return _NO_ROWS
        return np.fromiter(self._delta.intersection((left_m, low_m, right_m, high_m)), np.intp)

    def _bring_up_to_date(self) -> None:
        if not self._moved_count:
            return
        if self._moved_count + len(self._delta_at) > self._delta_limit():
            self._build_grid()
        else:
            self._move_in_delta(np.unique(np.concatenate(self._moved)))
        self._moved.clear()
        self._moved_count = 0

    def _build_grid(self) -> None:
        alive = np.flatnonzero(self._columns.alive)
        self._grid = _Grid(self._columns, alive)
        self._in_grid = self._columns.alive.copy()
        self._delta = rtree.index.Index()
        self._delta_at.clear()

    def _move_in_delta(self, rows: Rows) -> None:
        columns = self._columns
        self._grid.all_valid = False
        for row in rows.tolist():
            at = self._delta_at.pop(row, None)
            if at is not None:
                self._delta.delete(row, (*at, *at))
            if columns.alive[row]:
                at = (float(columns.x_m[row]), float(columns.y_m[row]))
                self._delta.insert(row, (*at, *at))
                self._delta_at[row] = at


class _Grid:
    """Rows sorted by (band, x, y), with their positions beside them; a place is a position in this order."""

    def __init__(self, columns: CameraColumns, rows: Rows) -> None:
        x_m, y_m = columns.x_m[rows], columns.y_m[rows]
        self._left_m, self._low_m = (float(x_m.min()), float(y_m.min())) if len(rows) else (0.0, 0.0)
        self._width_m = float(x_m.max()) - self._left_m if len(rows) else 0.0
        # One number sorts by band, then by x: bands are farther apart than the table is wide.
        self._step_m = self._width_m + 1.0
        band = np.floor((y_m - self._low_m) / BAND_M)
        self._top_band = int(band.max()) if len(rows) else -1
        sort_key = band * self._step_m + (x_m - self._left_m)
        order = np.lexsort((y_m, sort_key))
        self._sort_key = sort_key[order]
        self.rows = rows[order]
        self.lat_deg = columns.lat_deg[self.rows]
        self.lon_deg = columns.lon_deg[self.rows]
        self.all_valid = True
        other = (np.diff(self.lat_deg) != 0) | (np.diff(self.lon_deg) != 0)
        starts = np.concatenate((np.zeros(min(len(rows), 1), np.intp), np.flatnonzero(other) + 1))
        self._pole_bounds = np.append(starts, len(rows))
        poles = np.diff(self._pole_bounds)
        self.pole: Rows = np.repeat(np.arange(len(starts)), poles)
        # The cameras of a pole are put in order of their ids when a search first meets them, not 40,000 poles at once.
        self._ordered = np.repeat(poles == 1, poles)

    def places_in(self, left_m: float, low_m: float, right_m: float, high_m: float) -> Rows:
        """Return the places whose x lies in a box and whose band touches it."""
        first = max(math.floor((low_m - self._low_m) / BAND_M), 0)
        last = min(math.floor((high_m - self._low_m) / BAND_M), self._top_band)
        left_m, right_m = left_m - self._left_m, right_m - self._left_m
        if first > last or right_m < 0.0 or left_m > self._width_m:
            return _NO_ROWS
        band_m = np.arange(first, last + 1) * self._step_m
        starts = self._sort_key.searchsorted(band_m + max(left_m, 0.0), "left").tolist()
        ends = self._sort_key.searchsorted(band_m + min(right_m, self._width_m), "right").tolist()
        return np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])

    def order_poles(self, places: Rows, ids: Sequence[bytes]) -> None:
        """Put the rows of the poles at these places in order of their camera ids, where that is not done yet."""
        ordered = self._ordered[places]
        if not ordered.all():
            for pole in np.unique(self.pole[places[~ordered]]).tolist():
                self._order_pole(pole, ids)

    def _order_pole(self, pole: int, ids: Sequence[bytes]) -> None:
        start, end = int(self._pole_bounds[pole]), int(self._pole_bounds[pole + 1])
        self.rows[start:end] = sorted(self.rows[start:end].tolist(), key=ids.__getitem__)
        self._ordered[start:end] = True


def _distances_m(lat_deg: float, lon_deg: float, to_lat_deg: Floats, to_lon_deg: Floats) -> Floats:
    east_m, north_m = offsets_m(lat_deg, lon_deg, to_lat_deg, to_lon_deg)
    distances_m: Floats = np.sqrt(east_m * east_m + north_m * north_m)
    return distances_m


def _box_around(plane: Plane, lat_deg: float, lon_deg: float, radius_m: float) -> tuple[float, float, float]:
    """Return the point on the plane and half the width there of a circle around it.

    The plane is drawn with the cosine of its origin; the circle is widest on it where the latitude is highest.
    """
    metres_per_degree_east = plane.metres_per_degree_east
    x_m = (lon_deg - plane.lon_deg) * metres_per_degree_east
    y_m = (lat_deg - plane.lat_deg) * METRES_PER_DEGREE
    highest_rad = min(math.radians(abs(lat_deg)) + radius_m / EARTH_RADIUS_M, math.radians(89.9))
    stretch = metres_per_degree_east / (METRES_PER_DEGREE * math.cos(highest_rad))
    return x_m, y_m, radius_m * stretch * (1 + 1e-6) + _MARGIN_M
