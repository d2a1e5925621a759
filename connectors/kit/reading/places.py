"""Positions in WGS 84 degrees as systems anywhere write them, with the faults that real feeds have."""

import math
from dataclasses import dataclass
from typing import Any

from connectors.kit.context import DefaultPoint
from schemas.location import Location, LocationQuality

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


def place_at(lat: Any, lon: Any, rules: PlaceRules) -> Place:
    """Return the place that a latitude and a longitude name, anywhere on Earth. Never raises.

    Swapped axes are recognised where the city's box says so: the pair lies outside as written and inside when turned.

    Args:
        lat: degrees as the source wrote them: a number, a text, or nothing.
        lon: the same.
        rules: what is known of the source's positions.
    """
    if is_absent(lat) and is_absent(lon):
        return Place(None, "no-coordinates")
    lat_deg, lon_deg = number_of(lat), number_of(lon)
    if lat_deg is None or lon_deg is None:
        return Place(nowhere(LocationQuality.NONE), "impossible-coordinates")
    if lat_deg == 0 and lon_deg == 0:
        return Place(nowhere(LocationQuality.DEFAULT), "default-point")
    box = rules.city_box
    swapped = box is not None and not _in_box(lat_deg, lon_deg, box) and _in_box(lon_deg, lat_deg, box)
    if swapped:
        lat_deg, lon_deg = lon_deg, lat_deg
    if not (-90 <= lat_deg <= 90 and -180 <= lon_deg <= 180):
        return Place(nowhere(LocationQuality.NONE), "impossible-coordinates")
    return judged(lat_deg, lon_deg, rules, swapped=swapped)


def judged(lat_deg: float, lon_deg: float, rules: PlaceRules, *, swapped: bool) -> Place:
    """Return the place of a possible position: a default point, swapped, outside the city, or all well."""
    quality = rules.quality
    finding = "swapped-axes" if swapped else None
    if any(_is_near(lat_deg, lon_deg, point) for point in rules.default_points):
        quality, finding = LocationQuality.DEFAULT.value, "default-point"
    if finding is None and rules.city_box is not None and not _in_box(lat_deg, lon_deg, rules.city_box):
        finding = "outside-city"
    location = Location(lat_deg=lat_deg, lon_deg=lon_deg, accuracy_m=rules.accuracy_m, quality=quality)
    return Place(location, finding)


def nowhere(quality: LocationQuality) -> Location:
    """Return the location of what has none; its quality says so."""
    return Location(lat_deg=0.0, lon_deg=0.0, accuracy_m=0.0, quality=quality.value)


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


def is_absent(value: Any) -> bool:
    """Return whether a cell holds nothing: null, empty, or the words that table programs write for it."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan", "null"))


def _in_box(lat_deg: float, lon_deg: float, box: tuple[float, float, float, float]) -> bool:
    south, west, north, east = box
    return south <= lat_deg <= north and west <= lon_deg <= east


def _is_near(lat_deg: float, lon_deg: float, point: DefaultPoint) -> bool:
    north_m = math.radians(lat_deg - point.lat_deg) * _EARTH_RADIUS_M
    east_m = math.radians(lon_deg - point.lon_deg) * _EARTH_RADIUS_M * math.cos(math.radians(point.lat_deg))
    return math.hypot(north_m, east_m) <= point.radius_m
