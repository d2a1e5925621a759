"""One NGSI-LD entity of type Alert to one incident. Pure: no clock, no network; an entity gives a record or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import digest, plausible_us
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.json_bodies import json_items, require_object
from connectors.kit.reading.places import PlaceRules, number_of, place_at
from connectors.ngsi_ld_alerts.codes import FIRES, KINDS, OTHER_KIND, PASSED_OVER, SERVICES, URGENCIES
from schemas.incident import Incident, IncidentStatus
from schemas.location import Area, Location, LocationQuality, Point

SOURCE = "ngsi_ld_alerts"
# The ids that the sink ngsi_ld_entities gives to its own alerts begin so.
OWN_IDS = "urn:ngsi-ld:Alert:goldentime:"
ID_CHARACTERS_MAX = 512
RING_POINTS_MAX = 2_000
UNUSABLE = (LocationQuality.NONE, LocationQuality.DEFAULT)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading an alert.

    Attributes:
        places: what is known of its positions.
        future_tolerance_us: how far a time may lie in the future, microseconds.
        age_max_us: alerts issued longer ago are passed over, unless they end, microseconds.
    """

    places: PlaceRules
    future_tolerance_us: int
    age_max_us: int


def entities_of(payload: bytes) -> list[Any]:
    """Return the entities of a notification; an entity or an array of them is taken too.

    Raises:
        EntryRefusedError: it is no JSON, or a notification without data.
    """
    items = json_items(payload)
    if len(items) == 1 and isinstance(items[0], dict) and _is_of(items[0], "Notification"):
        data = items[0].get("data")
        if not isinstance(data, list | dict):
            raise EntryRefusedError("missing-field", "data", "data: a notification must have entities")
        return data if isinstance(data, list) else [data]
    return items


def parse_alert(item: Any, now_us: int, rules: Rules, note: Callable[[str], None]) -> Incident | None:
    """Return the incident that an entity tells of; None for other types, our own alerts, and old ones.

    Args:
        item: the entity.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: called with a kebab-case word for what was noticed.

    Raises:
        EntryRefusedError: the entity breaks a rule.
    """
    entity = require_object(item)
    number = entity.get("id", entity.get("@id"))
    if not isinstance(number, str) or not number.strip() or len(number) > ID_CHARACTERS_MAX:
        size = len(number) if isinstance(number, str) else 0
        rule = f"must be a URI of 1 to {ID_CHARACTERS_MAX} characters"
        raise EntryRefusedError("too-long" if size else "missing-field", "id", f"id: {rule}, got {size}")
    if not _is_of(entity, "Alert"):
        note("other-type")
        return None
    if number.startswith(OWN_IDS):
        note("own-alert")
        return None
    category = _word(entity, "category")
    ended_us = iso_us(_value(entity, "deletedAt"))
    valid_us = iso_us(_value(entity, "validTo"))
    issued_us = iso_us(_value(entity, "dateIssued"))
    changed_us = plausible_us(
        ended_us or iso_us(_value(entity, "modifiedAt")) or issued_us, now_us, rules.future_tolerance_us, note
    )
    is_over = ended_us is not None or (valid_us is not None and valid_us <= now_us)
    if category in PASSED_OVER or (not is_over and now_us - changed_us > rules.age_max_us):
        note("not-for-cameras" if category in PASSED_OVER else "old")
        return None
    kind, service = _kind(entity, category, note)
    location, area = _where(_value(entity, "location"), rules.places, note)
    incident_id = f"{SOURCE}:{digest(number)}"
    urgency = URGENCIES.get(_word(entity, "severity"))
    content = digest(changed_us if ended_us or issued_us else None, is_over, kind, urgency, location, area)
    return Incident(
        event_id=f"{incident_id}:{content}",
        source=SOURCE,
        observed_us=changed_us,
        ingested_us=now_us,
        exercise=_value(entity, "exercise") is True,
        case_id=incident_id,
        incident_id=incident_id,
        status=(IncidentStatus.CLOSED if is_over else IncidentStatus.REPORTED).value,
        service=service,
        kind=kind,
        urgency_native=urgency,
        occurred_us=min(issued_us or changed_us, changed_us),
        location=location,
        area=area,
        # An entity is what is so now: a point that was an area is none any more. Where it says nothing that can be
        # read, what is known stays: subscribers may be sent a part of the attributes.
        replaces=area is not None or (location is not None and location.quality not in UNUSABLE),
    )


def _kind(entity: Mapping[str, Any], category: str, note: Callable[[str], None]) -> tuple[str, str]:
    """Return kind and service; what the tables have not is told as such."""
    kind = KINDS.get(_word(entity, "subCategory"), OTHER_KIND)
    if kind == OTHER_KIND:
        note("unknown-sub-category")
    if category not in SERVICES:
        note("unknown-category")
    return kind, "fire" if kind in FIRES else SERVICES.get(category, "other")


def _is_of(entity: Mapping[str, Any], name: str) -> bool:
    """Return whether an entity has a type, written short or as a URI."""
    types = entity.get("type", entity.get("@type"))
    return any(isinstance(one, str) and _short(one) == name for one in (types if isinstance(types, list) else [types]))


def _value(entity: Mapping[str, Any], name: str) -> Any:
    """Return the value of an attribute, normalised, concise or simplified; None where there is none."""
    found = entity.get(name)
    if found is None:
        found = next((value for key, value in entity.items() if "/" in key and _short(key) == name), None)
    if isinstance(found, list) and found and isinstance(found[0], dict):
        found = found[0]  # several values of one attribute, told apart by their datasetId: the first is the default
    if isinstance(found, dict) and "value" in found:
        found = found["value"]
    if isinstance(found, dict) and "@value" in found:
        found = found["@value"]
    return found


def _short(name: str) -> str:
    return name.rpartition("/")[2].rpartition("#")[2] or name


def _word(entity: Mapping[str, Any], name: str) -> str:
    value = _value(entity, name)
    if isinstance(value, list):
        value = value[0] if value else None
    return value.strip().lower() if isinstance(value, str) else ""


def _where(geometry: Any, places: PlaceRules, note: Callable[[str], None]) -> tuple[Location | None, Area | None]:
    """Return the place or the area that a GeoJSON geometry draws."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind == "Point" and isinstance(coordinates, list) and len(coordinates) >= 2:
        place = place_at(coordinates[1], coordinates[0], places)
        if place.finding:
            note(place.finding)
        return place.location, None
    rings = _rings(kind, coordinates)
    if rings:
        if len(rings) > 1:
            note("parts-left-out")
        return None, Area(polygon=max(rings, key=_extent))
    note("no-coordinates" if geometry is None else "impossible-coordinates")
    return None, None


def _rings(kind: Any, coordinates: Any) -> list[tuple[Point, ...]]:
    """Return the outer rings of a Polygon or MultiPolygon; those that are impossible are left out."""
    polygons = [coordinates] if kind == "Polygon" else coordinates if kind == "MultiPolygon" else []
    outer = [polygon[0] for polygon in (polygons if isinstance(polygons, list) else []) if _is_filled(polygon)]
    return [ring for points in outer[:100] if (ring := _ring(points))]


def _is_filled(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _ring(points: Any) -> tuple[Point, ...]:
    """Return a ring of (longitude, latitude) pairs; empty where one of them is impossible."""
    if not isinstance(points, list) or not 4 <= len(points) <= RING_POINTS_MAX:
        return ()
    ring = []
    for pair in points:
        lon, lat = (number_of(n) for n in pair[:2]) if isinstance(pair, list) and len(pair) >= 2 else (None, None)
        if lon is None or lat is None or abs(lon) > 180 or abs(lat) > 85:
            return ()
        ring.append(Point(lat_deg=lat, lon_deg=lon))
    return tuple(ring)


def _extent(ring: tuple[Point, ...]) -> float:
    lats, lons = [p.lat_deg for p in ring], [p.lon_deg for p in ring]
    return (max(lats) - min(lats)) * (max(lons) - min(lons))
