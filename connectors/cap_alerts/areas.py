"""Polygons and circles of CAP as outlines within the city. Pure. CAP writes latitude first, WGS 84, kilometres."""

import math
import re
from collections.abc import Callable, Sequence

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from schemas.location import Point

Box = tuple[float, float, float, float]

POINTS_MAX = 10_000
# What comes out: an outline of so many points holds a district's form to some metres.
OUTLINE_POINTS_MAX = 500
RADIUS_KM_MAX = 2_000.0
# A circle of no size means a point; the nearest cameras of it lie within this.
RADIUS_KM_MIN = 0.05
_KM_PER_DEG = 111.32
_CORNERS = 32
_NUMBER = re.compile(r"[+-]?\d{1,4}(?:\.\d{1,20})?", re.ASCII)
_TEXT_CHARACTERS_MAX = 500_000


def outlines_of(
    polygons: Sequence[str], circles: Sequence[str], box: Box | None, note: Callable[[str], None]
) -> list[Polygon]:
    """Return the parts of an alert's area that lie in the city, largest first; empty where none does.

    Args:
        polygons: texts ``lat,lon lat,lon ...``.
        circles: texts ``lat,lon radius``, the radius in km.
        box: south, west, north, east of the city in degrees; None cuts nothing off.
        note: called with ``impossible-area``, ``swapped-axes`` or ``outside-city``.
    """
    shapes = [shape for text in polygons if (shape := _polygon(text, box, note)) is not None]
    shapes += [shape for text in circles if (shape := _circle(text, box, note)) is not None]
    if not shapes:
        return []
    area: BaseGeometry = shapely.union_all(shapes)
    if box is not None:
        area = area.intersection(_as_polygon(box))
    parts = sorted(_polygons_in(area), key=lambda part: part.area, reverse=True)
    if not parts:
        note("outside-city")
    return [_thinned(part) for part in parts]


def ring_of(outline: Polygon) -> tuple[Point, ...]:
    """Return the outer ring of an outline; holes are not told."""
    return tuple(Point(lat_deg=round(lat, 6), lon_deg=round(lon, 6)) for lon, lat in outline.exterior.coords)


def _polygon(text: str, box: Box | None, note: Callable[[str], None]) -> BaseGeometry | None:
    pairs = [_pair(word) for word in text[:_TEXT_CHARACTERS_MAX].split()]
    points = [pair for pair in pairs if pair is not None]
    if len(points) != len(pairs) or not 3 <= len(points) <= POINTS_MAX:
        note("impossible-area")
        return None
    return _turned(lambda swap: _valid([pair if swap else pair[::-1] for pair in points]), box, note)


def _circle(text: str, box: Box | None, note: Callable[[str], None]) -> BaseGeometry | None:
    words = text[:_TEXT_CHARACTERS_MAX].split()
    centre = _pair(words[0]) if len(words) == 2 else None
    radius = float(words[1]) if len(words) == 2 and _NUMBER.fullmatch(words[1]) else math.nan
    if centre is None or not 0 <= radius <= RADIUS_KM_MAX:
        note("impossible-area")
        return None
    radius_km = max(radius, RADIUS_KM_MIN)
    return _turned(lambda swap: _disc(*(centre[::-1] if swap else centre), radius_km), box, note)


def _turned(
    draw: Callable[[bool], BaseGeometry | None], box: Box | None, note: Callable[[str], None]
) -> BaseGeometry | None:
    """Return the shape as written; with its axes turned where only so it lies on the earth or meets the city."""
    written, turned = draw(False), draw(True)
    city = None if box is None else _as_polygon(box)
    meets = city is not None and written is not None and written.intersects(city)
    if city is not None and not meets and turned is not None and turned.intersects(city):
        note("swapped-axes")
        return turned
    if written is None:
        note("impossible-area")
    return written


def _disc(lat_deg: float, lon_deg: float, radius_km: float) -> BaseGeometry | None:
    if abs(lat_deg) > 85:
        return None
    north_deg = radius_km / _KM_PER_DEG
    east_deg = north_deg / math.cos(math.radians(lat_deg))
    angles = [2 * math.pi * corner / _CORNERS for corner in range(_CORNERS)]
    return _valid([(lon_deg + east_deg * math.cos(a), lat_deg + north_deg * math.sin(a)) for a in angles])


def _valid(corners: list[tuple[float, float]]) -> BaseGeometry | None:
    """Return the polygon of (lon, lat) corners with an area on the earth; None where it is none."""
    if any(abs(lon) > 180 or abs(lat) > 90 for lon, lat in corners):
        return None
    polygon = Polygon(corners)
    shape = polygon if polygon.is_valid else shapely.make_valid(polygon)
    return shape if shape.area > 0 else None


def _pair(word: str) -> tuple[float, float] | None:
    numbers = word.split(",")
    if len(numbers) != 2 or not all(_NUMBER.fullmatch(number) for number in numbers):
        return None
    return float(numbers[0]), float(numbers[1])


def _as_polygon(box: Box) -> Polygon:
    south, west, north, east = box
    return shapely.box(west, south, east, north)


def _polygons_in(area: BaseGeometry) -> list[Polygon]:
    if isinstance(area, Polygon):
        return [] if area.is_empty else [area]
    if isinstance(area, MultiPolygon) or hasattr(area, "geoms"):
        return [part for geometry in area.geoms for part in _polygons_in(geometry)]
    return []


def _thinned(outline: Polygon) -> Polygon:
    tolerance_deg = 1e-5
    while len(outline.exterior.coords) > OUTLINE_POINTS_MAX:
        thinner = outline.simplify(tolerance_deg)
        outline = thinner if isinstance(thinner, Polygon) and not thinner.is_empty else outline.convex_hull
        tolerance_deg *= 2
    return outline
