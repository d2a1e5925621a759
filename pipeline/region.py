"""Where a target can be, as weighted points: the one form that points, moving people, areas and ways share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.geo import Plane
from schemas.location import Area, Point

# A disc is sampled by this many points: enough that a finer sample changes no choice in tests, cheap enough to be fast.
DISC_POINTS = 48
AREA_POINTS = 96
ROUTE_STEP_M = 40.0
ROUTE_POINTS_MAX = 60
# Nobody drives further to a scene; a longer way is a fault in a position and gets no corridor.
ROUTE_M_MAX = 100_000.0
_EARTH_DEG = shapely.box(-180.0, -90.0, 180.0, 90.0)
# 68 % of a two-dimensional normal distribution lie within 1.51 standard deviations: sqrt(-2 ln 0.32).
R68_PER_SIGMA = 1.51
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
_DISC_WEIGHTS = np.full(DISC_POINTS, 1 / DISC_POINTS)


@dataclass(frozen=True, slots=True)
class Region:
    """Weighted points a target may be at.

    Attributes:
        plane: metres around a reference point; x east, y north.
        x_m: array of shape (n,).
        y_m: array of shape (n,).
        weights: array of shape (n,), adding up to 1.
        lat_deg: latitude of the centre.
        lon_deg: longitude of the centre.
        radius_m: distance from the centre that holds nearly all points.
        extended: the target is everywhere at once (an area, a way) and not at one of the points; each camera then
            looks at the part that is near it.
    """

    plane: Plane
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    weights: NDArray[np.float64]
    lat_deg: float
    lon_deg: float
    radius_m: float
    extended: bool = False


def disc(lat_deg: float, lon_deg: float, r68_m: float) -> Region:
    """Return the region of a position with a 68 % radius."""
    sigma_m = max(r68_m, 1.0) / R68_PER_SIGMA
    plane = Plane(lat_deg, lon_deg)
    return Region(plane, _DISC_X * sigma_m, _DISC_Y * sigma_m, _DISC_WEIGHTS, lat_deg, lon_deg, 2 * sigma_m)


def polygon_of(area: Area) -> shapely.Polygon | None:
    """Return the area's polygon in (lon, lat) degrees; None without a usable ring."""
    if len({(p.lon_deg, p.lat_deg) for p in area.polygon}) < 3:
        return None
    polygon = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in area.polygon])
    if not polygon.is_valid:
        polygon = shapely.make_valid(polygon).convex_hull
    return polygon if isinstance(polygon, shapely.Polygon) and polygon.area > 0 else None


def spread_over(polygon: shapely.Geometry) -> Region:
    """Return points spread evenly over a polygon or several, equal weights."""
    centre = polygon.representative_point()
    plane = Plane(centre.y, centre.x)
    west, south, east, north = polygon.bounds
    (x0, x1), (y0, y1) = (corners.tolist() for corners in plane.to_metres([south, north], [west, east]))
    # The box holds more points than the polygon by the ratio of their areas.
    share = min(max(polygon.area / ((east - west) * (north - south)), 0.02), 1.0)
    step_m = float(np.sqrt((x1 - x0) * (y1 - y0) * share / AREA_POINTS))
    grid_x, grid_y = np.meshgrid(_cell_centres_m(x0, x1, step_m, share), _cell_centres_m(y0, y1, step_m, share))
    lat_deg, lon_deg = plane.to_degrees(grid_x.ravel(), grid_y.ravel())
    inside = shapely.contains_xy(polygon, lon_deg, lat_deg)
    x_m, y_m = grid_x.ravel()[inside], grid_y.ravel()[inside]
    if not len(x_m):
        x_m, y_m = np.zeros(1), np.zeros(1)
    radius_m = float(np.hypot(max(abs(x0), abs(x1)), max(abs(y0), abs(y1))))
    return Region(plane, x_m, y_m, np.full(len(x_m), 1 / len(x_m)), centre.y, centre.x, radius_m, extended=True)


def _cell_centres_m(low_m: float, high_m: float, step_m: float, share: float) -> NDArray[np.float64]:
    """Return the middles of cells about a step wide: at least one, and in a hair-thin strip not millions."""
    size_m = high_m - low_m
    count = int(min(max(round(size_m / step_m), 1), AREA_POINTS / share))
    return np.asarray(low_m + (np.arange(count) + 0.5) * (size_m / count), np.float64)


def strip_along(region: Region, width_m: float) -> shapely.Polygon:
    """Return the strip of so many metres on either side of a way's points, in (lon, lat) degrees, within the map."""
    strip = shapely.LineString(np.column_stack([region.x_m, region.y_m])).buffer(width_m)

    def to_degrees(points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        lat_deg, lon_deg = region.plane.to_degrees(points_m[:, 0], points_m[:, 1])
        return np.column_stack([lon_deg, lat_deg])

    return shapely.intersection(shapely.transform(strip, to_degrees), _EARTH_DEG)


def along(route: Sequence[Point]) -> Region | None:
    """Return points along a way, the same distance apart, in driving order.

    None with fewer than two points, or if the way is longer than ``ROUTE_M_MAX``.
    """
    if len(route) < 2:
        return None
    middle = route[len(route) // 2]
    plane = Plane(middle.lat_deg, middle.lon_deg)
    x_m, y_m = plane.to_metres(np.array([p.lat_deg for p in route]), np.array([p.lon_deg for p in route]))
    travelled_m = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x_m), np.diff(y_m)))])
    if travelled_m[-1] > ROUTE_M_MAX:
        return None
    count = int(np.clip(travelled_m[-1] // ROUTE_STEP_M + 1, 2, ROUTE_POINTS_MAX))
    at_m = np.linspace(0, travelled_m[-1], count)
    xs, ys = np.interp(at_m, travelled_m, x_m), np.interp(at_m, travelled_m, y_m)
    radius_m = float(np.hypot(xs, ys).max())
    return Region(plane, xs, ys, np.full(count, 1 / count), middle.lat_deg, middle.lon_deg, radius_m, extended=True)
