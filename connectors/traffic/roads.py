"""Where on the road: positions in Seoul's grid, stretches of road, and the links that feeds name."""

import csv
import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.reading.korean_grid import from_utm_k
from connectors.kit.reading.places import Place, PlaceRules, number_of, place_at
from schemas.location import LocationQuality, Point

# A closed stretch within a city, and all links of the national network with their corners.
LINE_POINTS_MAX = 1_000
LINK_ROWS_MAX = 5_000_000
LINK_COLUMNS = ("LINK_ID", "VER_SEQ", "GRS80TM_X", "GRS80TM_Y")
# Ranges of the grid EPSG:5181 over the peninsula, metres; degrees lie far outside.
TM_X_M, TM_Y_M = (-100_000.0, 700_000.0), (-150_000.0, 650_000.0)
# Two values below the first are meant as degrees, whatever they are; with one below the second, the units are mixed.
_METRES_MIN, _DEGREES_MAX = 1_000.0, 180.0
# EPSG:5181 is EPSG:5179 with another meridian, scale and false origin, over the same ellipsoid and latitude of origin.
_SCALE, _MERIDIANS_APART_DEG = 0.9996, 0.5
_NO_PLACE = (LocationQuality.NONE.value, LocationQuality.DEFAULT.value)

RoadOf = Callable[[str], tuple[Point, ...]]


def from_tm(x_m: float, y_m: float) -> tuple[float, float]:
    """Return (latitude, longitude) in degrees of a point in EPSG:5181, "Korea 2000 / Central Belt"."""
    lat_deg, lon_deg = from_utm_k(1_000_000 + (x_m - 200_000) * _SCALE, 2_000_000 + (y_m - 500_000) * _SCALE)
    return lat_deg, lon_deg - _MERIDIANS_APART_DEG


def place_of(x: Any, y: Any, rules: PlaceRules) -> Place:
    """Return the place that X and Y name: longitude and latitude, or metres in EPSG:5181. Never raises."""
    x_value, y_value = number_of(x), number_of(y)
    if x_value is None or y_value is None or max(abs(x_value), abs(y_value)) < _METRES_MIN:
        return place_at(y, x, rules)
    is_mixed = min(abs(x_value), abs(y_value)) <= _DEGREES_MAX
    if is_mixed or not (_within(x_value, TM_X_M) and _within(y_value, TM_Y_M)):
        return place_at("?", "?", rules)
    place = place_at(*from_tm(x_value, y_value), rules)
    if place.finding == "outside-city":
        turned = place_at(*from_tm(y_value, x_value), rules)
        if turned.finding is None:
            return Place(turned.location, "swapped-axes")
    return place


def line_of(text: str, rules: PlaceRules) -> tuple[Point, ...]:
    """Return the points of ``lon lat;lon lat;…``; none at all where one is unusable, for a gap misleads."""
    pairs = [pair.split() for pair in text.strip("; ").split(";")]
    if not 2 <= len(pairs) <= LINE_POINTS_MAX or any(len(pair) != 2 for pair in pairs):
        return ()
    places = [place_of(x, y, rules).location for x, y in pairs]
    points = [Point(lat_deg=p.lat_deg, lon_deg=p.lon_deg) for p in places if p and p.quality not in _NO_PLACE]
    return tuple(points) if len(points) == len(pairs) else ()


def links_from(path: Path) -> dict[str, tuple[Point, ...]]:
    """Return the lines of road links by id, from a CSV file of their corners in EPSG:5181, as TOPIS publishes them.

    Args:
        path: a file with the columns of :data:`LINK_COLUMNS`, UTF-8.

    Raises:
        ConnectorConfigError: it cannot be read, lacks a column, or is no table of links.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            names = {name.strip().upper(): name for name in rows.fieldnames or ()}
            if missing := [name for name in LINK_COLUMNS if name not in names]:
                raise ConnectorConfigError(f"{path.name} lacks the column {missing[0]}")
            return _lines(rows, names)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConnectorConfigError(f"option links_file cannot be read: {type(error).__name__}") from error


def _lines(rows: Iterable[Mapping[str, str]], names: Mapping[str, str]) -> dict[str, tuple[Point, ...]]:
    corners: dict[str, list[tuple[int, Point]]] = {}
    for row in itertools.islice(rows, LINK_ROWS_MAX):
        link, number, x, y = (row.get(names[name]) or "" for name in LINK_COLUMNS)
        x_m, y_m, place = number_of(x), number_of(y), number_of(number)
        if not link.strip() or x_m is None or y_m is None or place is None:
            continue
        if _within(x_m, TM_X_M) and _within(y_m, TM_Y_M):
            lat_deg, lon_deg = from_tm(x_m, y_m)
            corners.setdefault(link.strip(), []).append(
                (int(place), Point(lat_deg=round(lat_deg, 7), lon_deg=round(lon_deg, 7)))
            )
    in_order = {link: sorted(points, key=lambda corner: corner[0]) for link, points in corners.items()}
    return {link: tuple(point for _, point in points) for link, points in in_order.items() if len(points) > 1}


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
