"""Positions as Korean dispatch systems write them: longitude in X, latitude in Y, with the faults of real exports."""

import math
from dataclasses import dataclass
from typing import Any

from connectors.context import DefaultPoint
from connectors.korean_grid import UTM_K_X_M, UTM_K_Y_M, from_utm_k
from schemas.location import Location, LocationQuality

# South Korea with its islands, from Marado to the northern border and from Baengnyeongdo to Dokdo, rounded outwards.
# A latitude is never in the range of its longitudes, so swapped axes are recognised without doubt.
KOREA_LAT_DEG = (33.0, 38.7)
KOREA_LON_DEG = (124.5, 132.0)
# Mean radius of the GRS 80 ellipsoid (Moritz 2000, J. Geodesy 74:128); only for distances of some metres here.
_EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class Place:
    """A position as far as it could be read.

    Attributes:
        location: None where the source gave no position at all; quality ``none`` where it gave an impossible one.
        finding: what was noticed, kebab-case: ``no-coordinates``, ``impossible-coordinates``, ``default-point``,
            ``swapped-axes`` or ``outside-city``; None where all is well.
    """

    location: Location | None
    finding: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """What is known of a source's positions.

    Attributes:
        accuracy_m: radius in metres that holds the true position with 68 % probability.
        quality: how the source obtains its positions, one of ``LocationQuality``.
        default_points: positions that stand for "unknown"; (0, 0) always does.
        city_box: south, west, north, east in degrees; what lies outside is noted and kept. None does not check.
    """

    accuracy_m: float
    quality: str = LocationQuality.ADDRESS.value
    default_points: tuple[DefaultPoint, ...] = ()
    city_box: tuple[float, float, float, float] | None = None


def place_of(x: Any, y: Any, rules: PlaceRules) -> Place:
    """Return the place that X (longitude or UTM-K easting) and Y (latitude or northing) name. Never raises."""
    if _is_absent(x) and _is_absent(y):
        return Place(None, "no-coordinates")
    x_value, y_value = number_of(x), number_of(y)
    if x_value is None or y_value is None:
        return Place(_nowhere(LocationQuality.NONE), "impossible-coordinates")
    if x_value == 0 and y_value == 0:
        return Place(_nowhere(LocationQuality.DEFAULT), "default-point")
    swapped = False
    if _within(x_value, UTM_K_X_M) and _within(y_value, UTM_K_Y_M):
        y_value, x_value = from_utm_k(x_value, y_value)
    elif _in_korea(x_value, y_value):
        swapped = True
        x_value, y_value = y_value, x_value
    if not _in_korea(y_value, x_value):
        return Place(_nowhere(LocationQuality.NONE), "impossible-coordinates")
    return _judged(y_value, x_value, rules, swapped=swapped)


def _judged(lat_deg: float, lon_deg: float, rules: PlaceRules, *, swapped: bool) -> Place:
    quality = rules.quality
    finding = "swapped-axes" if swapped else None
    if any(_is_near(lat_deg, lon_deg, point) for point in rules.default_points):
        quality, finding = LocationQuality.DEFAULT.value, "default-point"
    if finding is None and rules.city_box is not None:
        south, west, north, east = rules.city_box
        if not (south <= lat_deg <= north and west <= lon_deg <= east):
            finding = "outside-city"
    location = Location(lat_deg=lat_deg, lon_deg=lon_deg, accuracy_m=rules.accuracy_m, quality=quality)
    return Place(location, finding)


def cell_accuracy_m(lat_deg: float, width_deg: float, height_deg: float) -> float:
    """Return the radius in metres around a grid cell's centre that holds 68 % of the cell's area.

    A circle of that area fits into a square; in a long cell it reaches over the edges, and is then a little too small.
    """
    metres_per_deg = math.radians(1) * _EARTH_RADIUS_M
    area_m2 = abs(width_deg * height_deg) * metres_per_deg**2 * math.cos(math.radians(lat_deg))
    return math.sqrt(0.68 * area_m2 / math.pi)


def number_of(value: Any) -> float | None:
    """Return a cell as a finite number; None where it is not one."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > 64:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan", "null"))


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _in_korea(lat_deg: float, lon_deg: float) -> bool:
    return _within(lat_deg, KOREA_LAT_DEG) and _within(lon_deg, KOREA_LON_DEG)


def _nowhere(quality: LocationQuality) -> Location:
    return Location(lat_deg=0.0, lon_deg=0.0, accuracy_m=0.0, quality=quality.value)


def _is_near(lat_deg: float, lon_deg: float, point: DefaultPoint) -> bool:
    north_m = math.radians(lat_deg - point.lat_deg) * _EARTH_RADIUS_M
    east_m = math.radians(lon_deg - point.lon_deg) * _EARTH_RADIUS_M * math.cos(math.radians(point.lat_deg))
    return math.hypot(north_m, east_m) <= point.radius_m
