"""What a message of a plain MQTT sensor says: which sensor, how much, when and where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import text_of, usable_number
from connectors.kit.reading.items import is_true, time_us_of
from connectors.kit.reading.json_bodies import BROKEN, decoded_text, json_value
from connectors.kit.sensors.alarms import Reading
from connectors.kit.sensors.table import SensorKind

# A bare value is a number or a word; anything longer is no reading.
BARE_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How messages are read.

    Attributes:
        id_field: field with the sensor's id.
        time_field: field with the time.
        lat_field: field with the latitude.
        lon_field: field with the longitude.
        zone: what a time without an offset means.
        tolerance_us: how far a sensor's clock may be ahead, microseconds.
    """

    id_field: str
    time_field: str
    lat_field: str
    lon_field: str
    zone: ZoneInfo
    tolerance_us: int


def message_of(payload: bytes, kind: SensorKind) -> dict[str, Any]:
    """Return the fields of a message; a bare value is the field of its kind.

    Raises:
        EntryRefusedError: it is neither a JSON object nor a short value.
    """
    text = decoded_text(payload).strip()
    if text.startswith("{"):
        value = json_value(text)
        if isinstance(value, dict):
            return value
    if not text or len(text) > BARE_CHARACTERS_MAX or text.startswith(("[", "{")):
        raise EntryRefusedError(BROKEN, None, f"expected an object or a short value, got {len(text)} characters")
    return {kind.value_field: text.strip('"')}


def reading_of(
    item: Mapping[str, Any],
    known: tuple[SensorKind, str | None],
    now_us: int,
    rules: Rules,
    note: Callable[[str], None],
) -> Reading:
    """Return the reading of a message.

    Args:
        item: its fields.
        known: what the topic says it measures, and the sensor that it names; None where it names none.
        now_us: when it was received, UTC microseconds since the epoch.
        rules: how to read it.
        note: counts a finding.

    Raises:
        EntryRefusedError: it has no usable id, or another unit than the table says.
    """
    kind, topic_id = known
    text = text_of(item, rules.id_field) or topic_id or ""
    sensor_id = usable_number(text)
    if sensor_id is None:
        rule = "must be up to 40 letters, digits, '.', '_' and '-', and no phone number"
        reason = "unusable-id" if text else "missing-field"
        raise EntryRefusedError(reason, rules.id_field, f"{rules.id_field}: {rule}, got {len(text)} characters")
    unit = text_of(item, "unit")
    if kind.unit and unit and unit != kind.unit:
        raise EntryRefusedError("wrong-unit", "unit", f"unit: must be {kind.unit}, got {len(unit)} characters")
    return Reading(
        sensor_id=sensor_id,
        kind=kind,
        value=_at(item, kind.value_field),
        at_us=_time_us(item, now_us, rules, note),
        lat=item.get(rules.lat_field),
        lon=item.get(rules.lon_field),
        exercise=is_true(item, "test"),
    )


def _time_us(item: Mapping[str, Any], now_us: int, rules: Rules, note: Callable[[str], None]) -> int:
    if item.get(rules.time_field) is None:
        return now_us  # most small devices have no clock
    return time_us_of(
        item, rules.time_field, now_us=now_us, tolerance_us=rules.tolerance_us, note=note, zone=rules.zone
    )


def _at(item: Mapping[str, Any], path: str) -> Any:
    """Return what lies at a dotted path; None where nothing does."""
    value: Any = item
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
