"""What an Observation of a SensorThings server says: which datastream, what property, how much, when and where."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import plausible_us, usable_number
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.json_bodies import ITEMS_MAX, json_object, require_object
from connectors.kit.reading.places import number_of
from connectors.kit.sensors.alarms import Reading
from connectors.kit.sensors.table import SensorTable

ID, NEXT = "@iot.id", "@iot.nextLink"
KEPT = (ID, "phenomenonTime")
_DATASTREAM = re.compile(r"Datastreams\('?([^')]{1,40})'?\)")
_POINTS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How observations are read.

    Attributes:
        table: the city's table.
        zone: what a time without an offset means.
        tolerance_us: how far a sensor's clock may be ahead, microseconds.
    """

    table: SensorTable
    zone: ZoneInfo
    tolerance_us: int


def page_of(payload: bytes) -> tuple[list[Any], str | None]:
    """Return the observations of an answer, or the one of a message, and the link to the next page.

    Raises:
        EntryRefusedError: it holds none.
    """
    body = json_object(payload)
    if "value" not in body:
        if "result" not in body:
            raise EntryRefusedError("missing-field", "value", "value: must be given, or result of one observation")
        return [body], None
    items = body["value"]
    if not isinstance(items, list):
        raise EntryRefusedError("wrong-type", "value", f"value: must be an array, got {type(items).__name__}")
    if len(items) > ITEMS_MAX:
        raise EntryRefusedError("too-many", "value", f"value: at most {ITEMS_MAX} are read, got {len(items)}")
    link = body.get(NEXT)
    return items, link if isinstance(link, str) and link else None


def time_of(item: Any, zone: ZoneInfo) -> int | None:
    """Return when an observation was made, UTC microseconds since the epoch: the end of an interval; None unread."""
    if not isinstance(item, Mapping):
        return None
    for name in ("phenomenonTime", "resultTime"):
        value = item.get(name)
        if isinstance(value, str) and (found := iso_us(value.rpartition("/")[2], zone)) is not None:
            return found
    return None


def reading_of(item: Any, origin: str, now_us: int, rules: Rules, note: Callable[[str], None]) -> Reading | None:
    """Return the reading of an observation; None where the table does not name what it observes.

    Args:
        item: the observation.
        origin: the MQTT topic or URL it came from, which may name the datastream.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: counts a finding.

    Raises:
        EntryRefusedError: the datastream has no id, or its unit is another than the table's.
    """
    item = require_object(item)
    datastream = _object(item.get("Datastream"))
    sensor_id = _datastream_id(item, datastream, origin)
    row = rules.table.sensors.get(sensor_id)
    names = (_text(_object(datastream.get("ObservedProperty")).get("name")), _text(datastream.get("name")))
    kind = rules.table.kinds[row.kind] if row is not None and row.kind else rules.table.kind_named(*names)
    if kind is None:
        note("unknown-kind")
        return None
    unit = _text(_object(datastream.get("unitOfMeasurement")).get("symbol"))
    if kind.unit and unit and unit != kind.unit:
        raise EntryRefusedError(
            "wrong-unit", "unitOfMeasurement", f"unitOfMeasurement: must be {kind.unit}, got {len(unit)} characters"
        )
    lat, lon = _place(item, datastream)
    return Reading(
        sensor_id=sensor_id,
        kind=kind,
        value=item.get("result"),
        at_us=plausible_us(time_of(item, rules.zone), now_us, rules.tolerance_us, note),
        lat=lat,
        lon=lon,
    )


def _datastream_id(item: Mapping[str, Any], datastream: Mapping[str, Any], origin: str) -> str:
    found = datastream.get(ID)
    if found is None:
        places = (_text(item.get("Datastream@iot.navigationLink")), origin)
        found = next((match.group(1) for place in places if (match := _DATASTREAM.search(place))), None)
    text = "" if found is None or isinstance(found, bool | dict | list) else str(found).strip()
    sensor_id = usable_number(text)
    if sensor_id is None:
        rule = "must be up to 40 letters, digits, '.', '_' and '-', and no phone number"
        reason = "unusable-id" if text else "missing-field"
        raise EntryRefusedError(reason, "Datastream", f"Datastream: its {ID} {rule}, got {len(text)} characters")
    return sensor_id


def _place(item: Mapping[str, Any], datastream: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return latitude and longitude as written: of the feature observed, else of the thing; None and None without."""
    things = _object(datastream.get("Thing")).get("Locations")
    first = _object(things[0]) if isinstance(things, list) and things else {}
    geometries = (_object(item.get("FeatureOfInterest")).get("feature"), first.get("location"))
    for geometry in geometries:
        found = _middle(geometry)
        if found is not None:
            return found
    return None, None


def _middle(geometry: Any) -> tuple[Any, Any] | None:
    """Return the latitude and longitude of a GeoJSON point, or the middle of a polygon's ring."""
    geometry = _object(geometry)
    if geometry.get("type") == "Feature":
        geometry = _object(geometry.get("geometry"))
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list) or not coordinates:
        return None
    if geometry.get("type") == "Point":
        return (coordinates[1], coordinates[0]) if len(coordinates) >= 2 else None
    ring = coordinates[0] if geometry.get("type") == "Polygon" else None
    if not isinstance(ring, list) or not 3 <= len(ring) <= _POINTS_MAX:
        return None
    points = [(number_of(p[1]), number_of(p[0])) for p in ring if isinstance(p, list) and len(p) >= 2]
    lats, lons = [lat for lat, _ in points if lat is not None], [lon for _, lon in points if lon is not None]
    if len(lats) != len(ring) or len(lons) != len(ring):
        return None
    return (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
