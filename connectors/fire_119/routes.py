"""Shapes on the map that a dispatch brings: the part of a way that lies ahead, and the circle of a large fire."""

import itertools
import math
from collections.abc import Sequence

from schemas.location import Area, Point

# Mean radius of the GRS 80 ellipsoid (Moritz 2000, J. Geodesy 74:128); over some kilometres a sphere is near enough.
_METRES_PER_DEG = math.radians(1) * 6_371_008.8
# Farther from its way than a wide road with a wrong fix, a vehicle has chosen another.
OFF_ROUTE_M = 150.0
CIRCLE_CORNERS = 24


def distance_m(a: Point, b: Point) -> float:
    """Return the distance between two points of a city, metres."""
    north_m, east_m = _offset_m(a, b)
    return math.hypot(north_m, east_m)


def route_ahead(route: Sequence[Point], position: Point) -> tuple[Point, ...] | None:
    """Return the way from a vehicle's position on, position first; None where it has left the way.

    Args:
        route: the whole way in driving order, at least two points.
        position: where the vehicle is.
    """
    legs = [_off_leg_m(position, start, end) for start, end in itertools.pairwise(route)]
    nearest = min(range(len(legs)), key=legs.__getitem__)
    if legs[nearest] > OFF_ROUTE_M:
        return None
    return (position, *route[nearest + 1 :])


def circle(centre: Point, radius_m: float) -> Area:
    """Return a polygon around a point whose corners lie at a distance in metres."""
    east_deg = radius_m / (_METRES_PER_DEG * math.cos(math.radians(centre.lat_deg)))
    north_deg = radius_m / _METRES_PER_DEG
    angles = [2 * math.pi * corner / CIRCLE_CORNERS for corner in range(CIRCLE_CORNERS)]
    corners = (
        Point(
            lat_deg=round(centre.lat_deg + north_deg * math.sin(angle), 7),
            lon_deg=round(centre.lon_deg + east_deg * math.cos(angle), 7),
        )
        for angle in angles
    )
    return Area(polygon=tuple(corners))


def _offset_m(origin: Point, point: Point) -> tuple[float, float]:
    """Return how far north and east of the origin a point lies, metres."""
    north_m = (point.lat_deg - origin.lat_deg) * _METRES_PER_DEG
    east_m = (point.lon_deg - origin.lon_deg) * _METRES_PER_DEG * math.cos(math.radians(origin.lat_deg))
    return north_m, east_m


def _off_leg_m(position: Point, start: Point, end: Point) -> float:
    """Return how far a position is from the straight line between two points, metres."""
    (start_n, start_e), (end_n, end_e) = _offset_m(position, start), _offset_m(position, end)
    leg_n, leg_e = end_n - start_n, end_e - start_e
    length_squared = leg_n**2 + leg_e**2
    share = 0.0 if not length_squared else -(start_n * leg_n + start_e * leg_e) / length_squared
    share = min(max(share, 0.0), 1.0)
    return math.hypot(start_n + share * leg_n, start_e + share * leg_e)
