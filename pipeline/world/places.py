"""Where targets can be, as weighted places: the one form that reports, beliefs, areas and ways share.

Places lie on street cells where streets are known, else on the city's plane.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from pipeline.geo import Plane
from pipeline.world.streets import Streets, cells_within, nearest_cells
from schemas.location import Point

# A report's error is sampled by this many points: enough that a finer sample changes no choice in tests.
DISC_POINTS = 48
# Places of an area at most: cameras see cells of 5 m, so that of a large area only a sample is looked at.
AREA_PLACES_MAX = 400
# Points of an area without streets: a place every so often is enough for ranges of 60 m and more.
AREA_POINTS = 96
ROUTE_STEP_M = 40.0
ROUTE_POINTS_MAX = 60
# Nobody drives further to a scene; a longer way is a fault in a position and gets no corridor.
ROUTE_M_MAX = 100_000.0
# A report is taken to be on the street if one is this near; farther from all streets people stand where they are.
STREET_M_MAX = 60.0
# Street cells are looked at up to this many standard deviations of a report; beyond are 1.1 %.
SIGMAS_MAX = 3.0
# Farther off than this a report says too little for all cells around it to be gone through: a sample must do.
SIGMA_M_MAX = 300.0
_GOLDEN = (5**0.5 - 1) / 2
_GOLDEN_ANGLE_RAD = np.pi * (3 - np.sqrt(5))


def _unit_disc() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a sunflower of a standard normal distribution: equal weights, radii at its quantiles.

    Source: H. Vogel, "A better way to construct the sunflower head", Mathematical Biosciences 44 (1979) 179.
    """
    index = np.arange(DISC_POINTS)
    radius = np.sqrt(-2 * np.log(1 - (index + 0.5) / DISC_POINTS))
    angle = index * _GOLDEN_ANGLE_RAD
    return radius * np.cos(angle), radius * np.sin(angle)


_DISC_X, _DISC_Y = _unit_disc()


@dataclass(frozen=True, slots=True)
class Places:
    """Places of n cases, one case after the other.

    Attributes:
        first: i4 (n + 1,): the places of case i are ``first[i]`` to ``first[i + 1]``.
        cell: i4, street cell, -1 for a place on no street; a cell comes once in a case.
        x_m: f8, metres on the city's plane.
        y_m: f8.
        mass: f8, probability of the place; those of a case add up to 1.
    """

    first: NDArray[np.int32]
    cell: NDArray[np.int32]
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    mass: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many cases there are."""
        return len(self.first) - 1

    def of(self, case: int) -> "Places":
        """Return the places of one case alone."""
        part = slice(int(self.first[case]), int(self.first[case + 1]))
        first = np.array([0, part.stop - part.start], np.int32)
        return Places(first, self.cell[part], self.x_m[part], self.y_m[part], self.mass[part])

    def centre(self, case: int) -> tuple[float, float, float]:
        """Return the mean place of a case and the radius around it that holds 68 % of the mass: x, y, metres."""
        one = self.of(case)
        if not len(one.mass):
            return float("nan"), float("nan"), float("nan")
        x_m, y_m = float(one.mass @ one.x_m), float(one.mass @ one.y_m)
        off_m = np.hypot(one.x_m - x_m, one.y_m - y_m)
        order = np.argsort(off_m, kind="stable")
        at = int(np.searchsorted(np.cumsum(one.mass[order]), 0.68))
        return x_m, y_m, float(off_m[order][min(at, len(order) - 1)])


def join(parts: Sequence[Places]) -> Places:
    """Return the places of all cases of several, in order."""
    sizes = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.first) for part in parts)])
    return Places(
        np.cumsum(sizes).astype(np.int32),
        np.concatenate([np.empty(0, np.int32), *(part.cell for part in parts)]),
        np.concatenate([np.empty(0), *(part.x_m for part in parts)]),
        np.concatenate([np.empty(0), *(part.y_m for part in parts)]),
        np.concatenate([np.empty(0), *(part.mass for part in parts)]),
    )


def places_around(x_m: ArrayLike, y_m: ArrayLike, sigma_m: ArrayLike, streets: Streets | None) -> Places:
    """Return the places of reports with a normal error, one case for each.

    Args:
        x_m: where it is reported, on the city's plane; shape (n,) or a number.
        y_m: the same.
        sigma_m: standard deviation of the error on each axis, taken as at least 1 m.
        streets: the city's. A report near one is on the streets, each cell as likely as its distance from the report.
            Of others, and of errors above ``SIGMA_M_MAX``, the points of a disc that lie within ``STREET_M_MAX`` of a
            street are moved onto it.
    """
    xs_m, ys_m, sigmas_m = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, np.float64)) for a in (x_m, y_m, sigma_m)))
    if streets is not None:
        near = [
            _cells_around(x, y, max(sigma, 1.0), streets)
            for x, y, sigma in zip(xs_m.tolist(), ys_m.tolist(), sigmas_m.tolist(), strict=True)
        ]
        if any(one is not None for one in near):
            return join(
                [
                    _disc(xs_m[i : i + 1], ys_m[i : i + 1], sigmas_m[i : i + 1], streets) if one is None else one
                    for i, one in enumerate(near)
                ]
            )
    return _disc(xs_m, ys_m, sigmas_m, streets)


def _cells_around(x_m: float, y_m: float, sigma_m: float, streets: Streets) -> Places | None:
    """Return the street cells that a report with a normal error can mean; None if it is far from all or too vague."""
    near_m = max(STREET_M_MAX, sigma_m)
    nearest = int(nearest_cells(streets, x_m, y_m, near_m)[0])
    if nearest < 0 or sigma_m > SIGMA_M_MAX:
        return None
    off_m = float(np.hypot(streets.cell_x_m[nearest] - x_m, streets.cell_y_m[nearest] - y_m))
    cell = cells_within(streets, x_m, y_m, float(np.hypot(off_m, SIGMAS_MAX * sigma_m)) + 0.01)
    # Every n-th is an even sample, because cells follow each other along the streets.
    cell = cell[:: -(-len(cell) // AREA_PLACES_MAX)]
    d2_m2 = (streets.cell_x_m[cell] - x_m) ** 2 + (streets.cell_y_m[cell] - y_m) ** 2
    mass = np.exp((d2_m2.min() - d2_m2) / (2 * sigma_m**2))
    first = np.array([0, len(cell)], np.int32)
    return Places(first, cell, streets.cell_x_m[cell], streets.cell_y_m[cell], mass / mass.sum())


def _disc(
    xs_m: NDArray[np.float64], ys_m: NDArray[np.float64], sigmas_m: NDArray[np.float64], streets: Streets | None
) -> Places:
    """Return a disc of points around each report, those near a street moved onto it."""
    spread_m = np.maximum(sigmas_m, 1.0)[:, None]
    grid_x_m, grid_y_m = xs_m[:, None] + spread_m * _DISC_X, ys_m[:, None] + spread_m * _DISC_Y
    case = np.repeat(np.arange(len(xs_m)), DISC_POINTS)
    return _on_streets(len(xs_m), case, grid_x_m.ravel(), grid_y_m.ravel(), streets)


def cells_in(polygon: shapely.Geometry, plane: Plane, streets: Streets) -> NDArray[np.intp]:
    """Return the street cells whose middle lies in a polygon of (longitude, latitude) degrees, ascending."""
    west, south, east, north = polygon.bounds
    (x0_m, x1_m), (y0_m, y1_m) = (edges.tolist() for edges in plane.to_metres([south, north], [west, east]))
    boxed = (streets.cell_x_m >= x0_m) & (streets.cell_x_m <= x1_m)
    cells = np.flatnonzero(boxed & (streets.cell_y_m >= y0_m) & (streets.cell_y_m <= y1_m))
    lat_deg, lon_deg = plane.to_degrees(streets.cell_x_m[cells], streets.cell_y_m[cells])
    return np.asarray(cells[shapely.contains_xy(polygon, lon_deg, lat_deg)])


def places_over(
    polygon: shapely.Geometry, plane: Plane, streets: Streets | None, cells: NDArray[np.intp] | None = None
) -> Places:
    """Return equally likely places over a polygon or several, as one case.

    These are the street cells inside, evenly thinned to ``AREA_PLACES_MAX``; where there are none, points of a grid.

    Args:
        polygon: in (longitude, latitude) degrees, with an area.
        plane: the city's.
        streets: the city's.
        cells: the street cells inside, if they are known already.
    """
    if streets is not None:
        inside = cells_in(polygon, plane, streets) if cells is None else cells
        if len(inside):
            # Cells follow each other along the streets and those from tile to tile: every n-th is an even sample.
            step = -(-len(inside) // AREA_PLACES_MAX)
            sample = inside[step // 2 :: step].astype(np.int32)
            return _one_case(sample, streets.cell_x_m[sample], streets.cell_y_m[sample])
    west, south, east, north = polygon.bounds
    (x0_m, x1_m), (y0_m, y1_m) = (edges.tolist() for edges in plane.to_metres([south, north], [west, east]))
    share = min(max(polygon.area / ((east - west) * (north - south)), 0.02), 1.0)
    step_m = float(np.sqrt((x1_m - x0_m) * (y1_m - y0_m) * share / AREA_POINTS))
    grid_x, grid_y = np.meshgrid(_middles_m(x0_m, x1_m, step_m, share), _middles_m(y0_m, y1_m, step_m, share))
    lat_deg, lon_deg = plane.to_degrees(grid_x.ravel(), grid_y.ravel())
    inside = shapely.contains_xy(polygon, lon_deg, lat_deg)
    x_m, y_m = grid_x.ravel()[inside], grid_y.ravel()[inside]
    if not len(x_m):
        point = polygon.representative_point()
        x_m, y_m = plane.to_metres([point.y], [point.x])
    return _one_case(np.full(len(x_m), -1, np.int32), x_m, y_m)


def places_along(route: Sequence[Point], plane: Plane, streets: Streets | None) -> Places | None:
    """Return equally likely places along a way, in driving order, as one case; a cell passed twice comes once.

    None with fewer than two points, or if the way is longer than ``ROUTE_M_MAX``.

    Args:
        route: its points.
        plane: the city's.
        streets: the city's; points within ``STREET_M_MAX`` of one are moved onto it.
    """
    if len(route) < 2:
        return None
    x_m, y_m = plane.to_metres(np.array([p.lat_deg for p in route]), np.array([p.lon_deg for p in route]))
    travelled_m = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x_m), np.diff(y_m)))])
    if not travelled_m[-1] <= ROUTE_M_MAX:
        return None
    count = int(np.clip(travelled_m[-1] // ROUTE_STEP_M + 1, 2, ROUTE_POINTS_MAX))
    at_m = np.linspace(0, travelled_m[-1], count)
    xs_m, ys_m = np.interp(at_m, travelled_m, x_m), np.interp(at_m, travelled_m, y_m)
    return _on_streets(1, np.zeros(count, np.int64), xs_m, ys_m, streets)


def without_ties(places: Places) -> Places:
    """Return the places of an area or a way with masses that differ by a thousandth at most.

    Of cameras that show equally much the nearest to the middle are taken, which would gather them all there. Fractions
    of multiples of the golden ratio are spread evenly however many of the largest are taken.
    """
    mass = places.mass * (1 + 1e-3 * (np.arange(len(places.mass)) * _GOLDEN % 1))
    return replace(places, mass=mass / mass.sum())


def _middles_m(low_m: float, high_m: float, step_m: float, share: float) -> NDArray[np.float64]:
    """Return the middles of parts about a step wide: at least one, and in a hair-thin strip not millions."""
    size_m = high_m - low_m
    count = int(min(max(round(size_m / max(step_m, 1e-9)), 1), AREA_POINTS / share))
    return np.asarray(low_m + (np.arange(count) + 0.5) * (size_m / count), np.float64)


def _one_case(cell: NDArray[np.int32], x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> Places:
    """Return equally likely places as one case."""
    count = len(cell)
    return Places(np.array([0, count], np.int32), cell, x_m, y_m, np.full(count, 1 / count))


def _on_streets(
    cases: int,
    case: NDArray[np.int64],
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    streets: Streets | None,
) -> Places:
    """Return equally likely points as places: moved onto streets, each cell once, in the order of their first point.

    Args:
        cases: how many cases.
        case: each point's case, ascending, each with at least one.
        x_m: metres.
        y_m: metres.
        streets: the city's.
    """
    count = len(x_m)
    point_mass = 1.0 / np.bincount(case, minlength=cases)[case]
    if streets is None:
        first = np.searchsorted(case, np.arange(cases + 1)).astype(np.int32)
        return Places(first, np.full(count, -1, np.int32), x_m, y_m, point_mass)
    cell = np.asarray(nearest_cells(streets, x_m, y_m, STREET_M_MAX), np.int32)
    on_street = cell >= 0
    # Points on no street stay apart: each gets a number of its own below 0.
    place = np.where(on_street, cell.astype(np.int64), -1 - np.arange(count))
    _, start, inverse = np.unique(np.stack([case, place]), axis=1, return_index=True, return_inverse=True)
    mass = np.bincount(inverse.ravel(), weights=point_mass).astype(np.float64)
    order = np.argsort(start, kind="stable")
    start, mass = start[order], mass[order]
    first = np.searchsorted(case[start], np.arange(cases + 1)).astype(np.int32)
    x_m, y_m = x_m.copy(), y_m.copy()
    x_m[on_street], y_m[on_street] = streets.cell_x_m[cell[on_street]], streets.cell_y_m[cell[on_street]]
    return Places(first, cell[start], x_m[start], y_m[start], mass)
