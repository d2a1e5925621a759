"""A city's table of sensors: ``[[kind]]`` says when which reading is an alarm, ``[[sensor]]`` where a sensor stands."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import flag_option, names_option, number_option, refuse_unknown, text_option

KINDS_MAX, SENSORS_MAX, TABLE_BYTES_MAX = 200, 100_000, 33_554_432
_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KIND_FIELDS = frozenset(
    {
        "name", "match", "topic", "field", "unit", "words", "threshold_on", "threshold_off", "min_on_s", "min_off_s",
        "rearm_s", "momentary", "incident", "urgency", "accuracy_m",
    }
)  # fmt: skip
_SENSOR_FIELDS = frozenset({"id", "kind", "lat", "lon", "accuracy_m", "exercise"})
_ID = "{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorKind:
    """When a reading of one kind of sensor is an alarm.

    Attributes:
        name: of the kind, kebab-case; the incident's native code.
        match: names of the observed property or datastream, in lower case.
        topic: MQTT topic pattern; ``{id}`` is the level that names the sensor, ``+`` any level.
        value_field: dotted field of the value in a JSON object; empty where the payload is the value itself.
        unit: unit that readings must have where they name one; empty for any.
        words: values for texts and flags, by lower-case text, e.g. ``pressed`` is 1.
        threshold_on: from this value on it is an alarm; below it where ``threshold_off`` is larger.
        threshold_off: at or beyond this value the alarm is over.
        min_on_s: so long it must hold before it is told, seconds of the readings' own time.
        min_off_s: so long it must be over before the end is told.
        rearm_s: so long after its end nothing new is told.
        momentary: whether a reading is a push of a button, which has no end.
        incident: kind of the incident.
        urgency: its urgency in the city's own code; None for none.
        accuracy_m: 68 % radius of its place, metres.
    """

    name: str
    match: frozenset[str] = frozenset()
    topic: str = ""
    value_field: str = "value"
    unit: str = ""
    words: Mapping[str, float] = field(default_factory=dict)
    threshold_on: float
    threshold_off: float
    min_on_s: float = 0.0
    min_off_s: float = 0.0
    rearm_s: float = 0.0
    momentary: bool = False
    incident: str
    urgency: str | None = None
    accuracy_m: float = 20.0

    def is_on(self, value: float) -> bool:
        """Return whether a value is an alarm."""
        return value <= self.threshold_on if self.threshold_off > self.threshold_on else value >= self.threshold_on

    def is_off(self, value: float) -> bool:
        """Return whether a value ends an alarm."""
        return value >= self.threshold_off if self.threshold_off > self.threshold_on else value <= self.threshold_off


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorPlace:
    """What the table says of one sensor.

    Attributes:
        kind: name of its kind; empty where the reading says it.
        lat: latitude in degrees; None where the reading says it.
        lon: longitude in degrees.
        accuracy_m: 68 % radius, metres; None for that of the kind.
        exercise: whether it is there for drills and tests.
    """

    kind: str = ""
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class SensorTable:
    """Kinds by name and sensors by id."""

    kinds: Mapping[str, SensorKind]
    sensors: Mapping[str, SensorPlace]

    def kind_named(self, *names: str) -> SensorKind | None:
        """Return the first kind that one of the names of a property or datastream matches."""
        for name in names:
            for kind in self.kinds.values():
                if name.strip().lower() in kind.match:
                    return kind
        return None

    def kind_of_topic(self, topic: str) -> tuple[SensorKind, str | None] | None:
        """Return the first kind whose pattern an MQTT topic fits, and the sensor's id where the topic names it."""
        for kind in self.kinds.values():
            if kind.topic and (found := fitted(kind.topic, topic)) is not None:
                return kind, found or None
        return None

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """Return what to subscribe to for all kinds."""
        return tuple(dict.fromkeys(kind.topic.replace(_ID, "+") for kind in self.kinds.values() if kind.topic))


def fitted(pattern: str, topic: str) -> str | None:
    """Return the sensor's id where a topic fits a pattern, empty where the pattern has no place for it; else None."""
    levels, expected = topic.split("/"), pattern.split("/")
    if len(levels) != len(expected):
        return None
    found = ""
    for level, wanted in zip(levels, expected, strict=True):
        if wanted == _ID:
            found = level
        elif wanted not in ("+", level):
            return None
    return found


def table_from(path: Path) -> SensorTable:
    """Return the table in a TOML file.

    Raises:
        ConnectorConfigError: it cannot be read, or a field is wrong; the message names file and field.
    """
    try:
        if path.stat().st_size > TABLE_BYTES_MAX:
            raise ConnectorConfigError(f"{path.name}: at most {TABLE_BYTES_MAX} bytes are read")
        fields = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConnectorConfigError(f"option table cannot be read: {type(error).__name__}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConnectorConfigError(f"{path.name}: {error}") from error
    return _table(path.name, fields)


def _table(where: str, fields: Mapping[str, Any]) -> SensorTable:
    try:
        refuse_unknown(fields, frozenset({"kind", "sensor"}))
        kinds = {}
        for number, kind_fields in enumerate(_tables(fields, "kind", KINDS_MAX), start=1):
            kind = _at(f"kind {number}", _kind, kind_fields)
            if kind.name in kinds:
                raise ConnectorConfigError(f"kind {number}: name {kind.name!r} is given twice")
            kinds[kind.name] = kind
        sensors = {}
        for number, sensor_fields in enumerate(_tables(fields, "sensor", SENSORS_MAX), start=1):
            sensor_id, sensor = _at(f"sensor {number}", _sensor, sensor_fields)
            if sensor.kind and sensor.kind not in kinds:
                raise ConnectorConfigError(f"sensor {number}: kind {sensor.kind!r} is not in the table")
            if sensor_id in sensors:
                raise ConnectorConfigError(f"sensor {number}: id {sensor_id!r} is given twice")
            sensors[sensor_id] = sensor
    except ConnectorConfigError as error:
        raise ConnectorConfigError(f"{where}: {error}") from error
    if not kinds:
        raise ConnectorConfigError(f"{where}: at least one [[kind]] must be given")
    return SensorTable(kinds, sensors)


def _at(place: str, read: Any, fields: Mapping[str, Any]) -> Any:
    try:
        return read(fields)
    except ConnectorConfigError as error:
        raise ConnectorConfigError(f"{place}: {error}") from error


def _tables(fields: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
    tables = fields.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise ConnectorConfigError(f"{name} must be written as [[{name}]]")
    if len(tables) > most:
        raise ConnectorConfigError(f"at most {most} [[{name}]], got {len(tables)}")
    return tables


def _kind(fields: Mapping[str, Any]) -> SensorKind:
    refuse_unknown(fields, _KIND_FIELDS)
    limits = {"least": -1e12, "most": 1e12}
    day_s = {"least": 0, "most": 86_400}
    words = fields.get("words", {})
    if not isinstance(words, Mapping):
        raise ConnectorConfigError("option words must be a table of text to number")
    kind = SensorKind(
        name=text_option(fields, "name"),
        match=frozenset(name.lower() for name in names_option(fields, "match")),
        topic=text_option(fields, "topic", ""),
        value_field=text_option(fields, "field", "value"),
        unit=text_option(fields, "unit", ""),
        words={str(word).lower(): number_option(words, word, 0, **limits) for word in words},
        threshold_on=number_option(fields, "threshold_on", float("nan"), **limits),
        threshold_off=number_option(fields, "threshold_off", float("nan"), **limits),
        min_on_s=number_option(fields, "min_on_s", 0, **day_s),
        min_off_s=number_option(fields, "min_off_s", 0, **day_s),
        rearm_s=number_option(fields, "rearm_s", 0, **day_s),
        momentary=flag_option(fields, "momentary", default=False),
        incident=text_option(fields, "incident"),
        urgency=text_option(fields, "urgency", "") or None,
        accuracy_m=number_option(fields, "accuracy_m", 20, least=0.1, most=50_000),
    )
    for name, value in (("name", kind.name), ("incident", kind.incident)):
        if not _KEBAB.fullmatch(value):
            raise ConnectorConfigError(f"option {name} must be kebab-case, got {value!r}")
    if kind.threshold_on == kind.threshold_off:
        raise ConnectorConfigError("option threshold_off must differ from threshold_on: between them nothing changes")
    if kind.topic.count(_ID) > 1 or "#" in kind.topic:
        raise ConnectorConfigError("option topic may have {id} once, and + for other levels, but no #")
    return kind


def _sensor(fields: Mapping[str, Any]) -> tuple[str, SensorPlace]:
    refuse_unknown(fields, _SENSOR_FIELDS)
    if ("lat" in fields) != ("lon" in fields):
        raise ConnectorConfigError("option lat and option lon belong together")
    placed = "lat" in fields
    return text_option(fields, "id"), SensorPlace(
        kind=text_option(fields, "kind", ""),
        lat=number_option(fields, "lat", 0, least=-90, most=90) if placed else None,
        lon=number_option(fields, "lon", 0, least=-180, most=180) if placed else None,
        accuracy_m=number_option(fields, "accuracy_m", 0, least=0.1, most=50_000) if "accuracy_m" in fields else None,
        exercise=flag_option(fields, "exercise", default=False),
    )
