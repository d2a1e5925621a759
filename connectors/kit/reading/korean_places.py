"""Positions as Korean dispatch systems write them: longitude in X, latitude in Y, with the faults of real exports."""

import math
from typing import Any

from connectors.kit.reading.korean_grid import UTM_K_X_M, UTM_K_Y_M, from_utm_k
from connectors.kit.reading.places import Place, PlaceRules, is_absent, judged, nowhere, number_of
from schemas.location import LocationQuality

__all__ = ["KOREA_LAT_DEG", "KOREA_LON_DEG", "Place", "PlaceRules", "cell_accuracy_m", "number_of", "place_of"]

# South Korea with its islands, from Marado to the northern border and from Baengnyeongdo to Dokdo, rounded outwards.
# A latitude is never in the range of its longitudes, so swapped axes are recognised without doubt.
KOREA_LAT_DEG = (33.0, 38.7)
KOREA_LON_DEG = (124.5, 132.0)
# Mean radius of the GRS 80 ellipsoid (Moritz 2000, J. Geodesy 74:128); only for distances of some metres here.
_EARTH_RADIUS_M = 6_371_008.8


def place_of(x: Any, y: Any, rules: PlaceRules) -> Place:
    """Return the place that X (longitude or UTM-K easting) and Y (latitude or northing) name. Never raises."""
    if is_absent(x) and is_absent(y):
        return Place(None, "no-coordinates")
    x_value, y_value = number_of(x), number_of(y)
    if x_value is None or y_value is None:
        return Place(nowhere(LocationQuality.NONE), "impossible-coordinates")
    if x_value == 0 and y_value == 0:
        return Place(nowhere(LocationQuality.DEFAULT), "default-point")
    swapped = False
    if _within(x_value, UTM_K_X_M) and _within(y_value, UTM_K_Y_M):
        y_value, x_value = from_utm_k(x_value, y_value)
    elif _in_korea(x_value, y_value):
        swapped = True
        x_value, y_value = y_value, x_value
    if not _in_korea(y_value, x_value):
        return Place(nowhere(LocationQuality.NONE), "impossible-coordinates")
    return judged(y_value, x_value, rules, swapped=swapped)


def cell_accuracy_m(lat_deg: float, width_deg: float, height_deg: float) -> float:
    """Return the radius in metres around a grid cell's centre that holds 68 % of the cell's area.

    A circle of that area fits into a square; in a long cell it reaches over the edges, and is then a little too small.
    """
    metres_per_deg = math.radians(1) * _EARTH_RADIUS_M
    area_m2 = abs(width_deg * height_deg) * metres_per_deg**2 * math.cos(math.radians(lat_deg))
    return math.sqrt(0.68 * area_m2 / math.pi)


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _in_korea(lat_deg: float, lon_deg: float) -> bool:
    return _within(lat_deg, KOREA_LAT_DEG) and _within(lon_deg, KOREA_LON_DEG)
