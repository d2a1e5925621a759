"""What a decoded payload says, whoever wrote the decoder: position, battery, alarms, by the names that are in use.

Names are compared without case, ``_`` and ``-``: ``GPS_Latitude`` is ``gpslatitude``. The payload may nest; the last
part of a name counts, or the whole dotted name where an option gives one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.reading.places import is_absent, number_of
from connectors.kit.reading.tracked import Note
from schemas.wandering_alert import AlertKind

DEPTH_MAX = 5
FIELDS_MAX = 300
LATITUDE = frozenset({"latitude", "lat", "gpslatitude", "gpslat", "latitudedeg", "positionlat"})
LONGITUDE = frozenset(
    {"longitude", "lon", "lng", "long", "gpslongitude", "gpslon", "gpslng", "longitudedeg", "positionlon"}
)
ACCURACY = frozenset({"accuracy", "acc", "accuracym", "hacc", "gpsaccuracy", "horizontalaccuracy", "positionaccuracy"})
SPEED_KMH = frozenset({"speedkmh", "speedkph"})
SPEED_MPS = frozenset({"speedmps", "speedms"})
COURSE = frozenset({"course", "heading", "cog", "bearing"})
BATTERY = frozenset(
    {"batterypct", "batterypercent", "batterypercentage", "batterylevel", "batlevel", "batpercent", "soc"}
)
# Percent or volts, nobody knows: taken as percent where it can be no battery's voltage.
BATTERY_OR_VOLTS = frozenset({"battery", "bat", "batt"})
VOLTS_MAX = 5.0
SOS = frozenset(
    {"sos", "sosevent", "sosalarm", "sosbutton", "panic", "panicbutton", "panicalarm", "emergency", "emergencybutton",
     "emergencyalarm", "alarm", "alarmstatus", "ack1sos", "soskey"}
)  # fmt: skip
LOW_BATTERY = frozenset({"lowbattery", "batterylow", "lowbatteryalarm", "lowbatteryalert", "batteryalarm"})
ZONE = frozenset({"safezone", "geofence", "geofencealarm", "geofencestatus", "fence", "fencestatus", "zonestatus"})
_SET = frozenset({"true", "1", "on", "yes", "sos", "alarm", "alert", "active", "pressed", "panic", "emergency", "low"})
_UNSET = frozenset(
    {"false", "0", "off", "no", "none", "normal", "ok", "inactive", "released", "idle", "clear", "null", ""}
)
_OUTSIDE = frozenset({"exit", "out", "outside", "leave", "left", "exited", "violation"})


@dataclass(frozen=True, slots=True)
class FieldNames:
    """Names of a city's own decoders, which count before the usual ones; dotted where the payload nests."""

    latitude: tuple[str, ...] = ()
    longitude: tuple[str, ...] = ()
    battery: tuple[str, ...] = ()
    sos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a payload says.

    Attributes:
        lat: degrees as the decoder wrote them; None without a position.
        lon: the same.
        accuracy: metres, as the decoder wrote them.
        speed_mps: speed in metres per second.
        course_deg: course in degrees.
        battery_pct: battery in percent.
        alerts: what it calls for, each once.
    """

    lat: Any = None
    lon: Any = None
    accuracy: Any = None
    speed_mps: float | None = None
    course_deg: float | None = None
    battery_pct: float | None = None
    alerts: tuple[AlertKind, ...] = ()


def read_payload(decoded: Mapping[str, Any], names: FieldNames, note: Note) -> Decoded:
    """Return what a decoded payload says.

    Args:
        decoded: what the decoder made.
        names: names of a city's own decoders.
        note: called with a kebab-case word for what was noticed.
    """
    fields = list(_flat(decoded))
    if len(fields) > FIELDS_MAX:
        note("many-fields")
        fields = fields[:FIELDS_MAX]
    lat, lon = _first(fields, LATITUDE, names.latitude), _first(fields, LONGITUDE, names.longitude)
    speed_kmh = number_of(_first(fields, SPEED_KMH))
    speed_mps = number_of(_first(fields, SPEED_MPS))
    return Decoded(
        lat=lat,
        lon=lon,
        accuracy=_first(fields, ACCURACY),
        speed_mps=speed_kmh / 3.6 if speed_mps is None and speed_kmh is not None else speed_mps,
        course_deg=number_of(_first(fields, COURSE)),
        battery_pct=_battery(fields, names, note),
        alerts=tuple(_alerts(fields, names, note)),
    )


def _battery(fields: list[tuple[str, Any]], names: FieldNames, note: Note) -> float | None:
    percent = number_of(_first(fields, BATTERY, names.battery))
    if percent is not None:
        return percent
    perhaps = number_of(_first(fields, BATTERY_OR_VOLTS))
    if perhaps is not None and perhaps <= VOLTS_MAX:
        note("battery-perhaps-in-volts")
        return None
    return perhaps


def _alerts(fields: list[tuple[str, Any]], names: FieldNames, note: Note) -> Iterator[AlertKind]:
    if _any_set(fields, SOS, names.sos, note):
        yield AlertKind.SOS
    if any(name.rpartition(".")[2] in ZONE and _word(value) in _OUTSIDE for name, value in fields):
        yield AlertKind.SAFE_ZONE_EXIT
    if _any_set(fields, LOW_BATTERY, (), note):
        yield AlertKind.LOW_BATTERY


def _any_set(fields: list[tuple[str, Any]], usual: frozenset[str], own: tuple[str, ...], note: Note) -> bool:
    for name, value in fields:
        if name not in map(_plain, own) and (own or name.rpartition(".")[2] not in usual):
            continue
        word = _word(value)
        number = number_of(value)
        if word in _SET or (number is not None and number > 0):
            return True
        if word not in _UNSET:
            note("unreadable-alarm")
    return False


def _first(fields: list[tuple[str, Any]], usual: frozenset[str], own: tuple[str, ...] = ()) -> Any:
    """Return the value of the first field with one of the names, a city's own first; None where there is none."""
    wanted = {_plain(name) for name in own}
    for name, value in fields:
        if name in wanted and not is_absent(value):
            return value
    for name, value in fields:
        if name.rpartition(".")[2] in usual and not is_absent(value):
            return value
    return None


def _flat(value: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield (plain dotted name, value) of all fields, of outer objects before inner ones."""
    if depth >= DEPTH_MAX:
        return
    items = list(value.items()) if isinstance(value, Mapping) else list(enumerate(value[:20]))
    for name, inner in items[:FIELDS_MAX]:
        if not isinstance(inner, Mapping | list):
            yield prefix + _plain(str(name)), inner
    for name, inner in items[:FIELDS_MAX]:
        if isinstance(inner, Mapping | list):
            yield from _flat(inner, f"{prefix}{_plain(str(name))}.", depth + 1)


def _plain(name: str) -> str:
    return name[:80].lower().replace("_", "").replace("-", "").replace(" ", "")


def _word(value: Any) -> str:
    return str(value).strip().lower()[:20]
