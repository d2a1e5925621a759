"""Safe zones as registries write them: circles and GeoJSON polygons, as JSON or in one cell. Pure."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from shapely.geometry import Polygon

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import text_of, usable_number
from connectors.kit.reading.places import PlaceRules, is_absent, number_of, place_at
from connectors.kit.reading.tracked import Note
from schemas.location import Point
from schemas.protected_subject import SafeZone

ZONES_MAX = 16
POINTS_MAX = 500
# Smaller than a receiver's error a zone is left all the time; wider than a city it is none.
RADIUS_M_MIN, RADIUS_M_MAX = 10.0, 20_000.0
# Of latitude, on a sphere of 6,371 km; near enough for a limit.
_M_PER_DEG = 111_195.0
# One zone of a cell: id, latitude, longitude, radius in metres, with spaces between.
_CELL = re.compile(r"(\S{1,40})\s+(\S{1,24})\s+(\S{1,24})\s+(\S{1,12})")


def zones_of(value: Any, rules: PlaceRules, note: Note) -> tuple[SafeZone, ...]:
    """Return the safe zones of a registration; none where it names none.

    Args:
        value: a list of objects, the same as JSON text, or ``id lat lon radius_m; …`` in one cell.
        rules: what is known of the registry's positions.
        note: called with a kebab-case word for what was noticed.

    Raises:
        EntryRefusedError: a zone cannot be where or what it says; then none of them is taken, because a person whose
            home is left out would be alarmed for at home.
    """
    items = _items(value)
    if len(items) > ZONES_MAX:
        raise EntryRefusedError("too-many", "zones", f"zones: at most {ZONES_MAX} are read, got {len(items)}")
    return tuple(_zone(item, number, rules, note) for number, item in enumerate(items, start=1))


def _items(value: Any) -> Sequence[Any]:
    if is_absent(value):
        return ()
    if isinstance(value, str):
        text = value.strip()
        if not text.startswith("["):
            return [_of_cell(part) for part in text.split(";") if part.strip()]
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise EntryRefusedError("broken-json", "zones", "zones: not JSON") from error
    if not isinstance(value, list):
        raise EntryRefusedError("wrong-type", "zones", f"zones: must be a list, got {type(value).__name__}")
    return value


def _of_cell(text: str) -> dict[str, Any]:
    match = _CELL.fullmatch(text.strip())
    if match is None:
        raise EntryRefusedError("wrong-type", "zones", "zones: write 'id lat lon radius_m', with ';' between zones")
    return dict(zip(("id", "lat", "lon", "radius_m"), match.groups(), strict=True))


def _zone(item: Any, number: int, rules: PlaceRules, note: Note) -> SafeZone:
    where = f"zones[{number}]"
    if not isinstance(item, Mapping):
        raise EntryRefusedError("wrong-type", where, f"{where}: must be an object, got {type(item).__name__}")
    zone_ref = usable_number(text_of(item, "id"))
    if zone_ref is None:
        note("zone-without-plain-id")  # an address or a name, which must not come out
        zone_ref = f"zone-{number}"
    if item.get("area") is not None:
        ring = _ring(item["area"], f"{where}.area", rules, note)
        inside = Polygon([(point.lon_deg, point.lat_deg) for point in ring]).representative_point()
        return SafeZone(zone_ref=zone_ref, centre=Point(lat_deg=inside.y, lon_deg=inside.x), polygon=ring)
    centre = _point(item.get("lat"), item.get("lon"), where, rules, note)
    radius_m = number_of(item.get("radius_m"))
    if radius_m is None or not RADIUS_M_MIN <= radius_m <= RADIUS_M_MAX:
        rule = f"must be from {RADIUS_M_MIN:.0f} to {RADIUS_M_MAX:.0f} m"
        raise EntryRefusedError("impossible-radius", f"{where}.radius_m", f"{where}.radius_m: {rule}")
    return SafeZone(zone_ref=zone_ref, centre=centre, radius_m=radius_m)


def _ring(area: Any, where: str, rules: PlaceRules, note: Note) -> tuple[Point, ...]:
    """Return the outer ring of a GeoJSON polygon (RFC 7946: longitude first)."""
    rings = area.get("coordinates") if isinstance(area, Mapping) and area.get("type") == "Polygon" else None
    ring = rings[0] if isinstance(rings, list) and rings else None
    if not isinstance(ring, list) or not 3 <= len(ring) <= POINTS_MAX:
        rule = f"must be a GeoJSON Polygon with 3 to {POINTS_MAX} points"
        raise EntryRefusedError("impossible-area", where, f"{where}: {rule}")
    points = []
    for pair in ring:
        lon, lat = pair[:2] if isinstance(pair, list) and len(pair) >= 2 else (None, None)
        points.append(_point(lat, lon, where, rules, note))
    polygon = Polygon([(point.lon_deg, point.lat_deg) for point in points])
    west, south, east, north = polygon.bounds
    if max(north - south, (east - west) * math.cos(math.radians(north))) * _M_PER_DEG > 2 * RADIUS_M_MAX:
        rule = f"must not be wider than {2 * RADIUS_M_MAX:.0f} m"
        raise EntryRefusedError("impossible-area", where, f"{where}: {rule}")
    if not polygon.is_valid or polygon.area <= 0:
        raise EntryRefusedError("impossible-area", where, f"{where}: its border must not cross itself")
    return tuple(points)


def _point(lat: Any, lon: Any, where: str, rules: PlaceRules, note: Note) -> Point:
    place = place_at(lat, lon, rules)
    if place.location is None or place.finding in ("impossible-coordinates", "default-point"):
        raise EntryRefusedError("impossible-coordinates", where, f"{where}: lat and lon must be a point on Earth")
    if place.finding is not None:
        note(place.finding)
    return Point(lat_deg=place.location.lat_deg, lon_deg=place.location.lon_deg)
