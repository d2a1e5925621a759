"""Readings to incidents: the threshold decides, the table or the reading says where. Pure but for its memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import digest
from connectors.kit.reading.places import Place, PlaceRules, number_of, place_at
from connectors.kit.sensors.hysteresis import AlarmBook, Change
from connectors.kit.sensors.table import SensorKind, SensorPlace, SensorTable
from connectors.kit.source import Accepted
from schemas.incident import Incident, IncidentStatus, Service
from schemas.location import Location, LocationQuality
from schemas.topics import INCIDENTS

_NOWHERE = SensorPlace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a payload says of one sensor.

    Attributes:
        sensor_id: the sensor's id in its system, fit to be kept.
        kind: what it measures.
        value: as the system wrote it: a number, a text, a flag.
        at_us: when it was measured, UTC microseconds since the epoch.
        lat: latitude as the system wrote it; None where it says none.
        lon: longitude.
        exercise: whether it is a drill.
    """

    sensor_id: str
    kind: SensorKind
    value: Any
    at_us: int
    lat: Any = None
    lon: Any = None
    exercise: bool = False


class SensorAlarms:
    """Makes incidents of readings, for one source.

    Args:
        source: name of the connector.
        table: the city's table.
        context: the surroundings.
        note: counts a finding, a kebab-case word.

    Attributes:
        book: what is remembered of sensors.
    """

    def __init__(self, source: str, table: SensorTable, context: ConnectorContext, note: Callable[[str], None]) -> None:
        self.book = AlarmBook()
        self._source = source
        self._table = table
        self._context = context
        self._note = note

    def take(self, reading: Reading, now_us: int) -> Accepted | None:
        """Return the incident that a reading begins or ends; None where it changes nothing.

        Raises:
            EntryRefusedError: its value is none, or it would begin an alarm that has no place.
        """
        kind = reading.kind
        value = value_of(reading.value, kind.words)
        if value is None:
            raise EntryRefusedError(
                "unusable-value",
                kind.value_field,
                f"{kind.value_field}: must be a number or known word, got {_type(reading)}",
            )
        row = self._table.sensors.get(reading.sensor_id, _NOWHERE)
        place = self._place(reading, row)
        # Before the alarm is remembered: refused, it must not count as told.
        if place.location is None and kind.is_on(value):
            raise EntryRefusedError(
                "missing-place", "location", "location: neither the reading nor the table of sensors says where it is"
            )
        change = self.book.take(reading.sensor_id, kind, value, reading.at_us)
        if change is None:
            self._note("no-change")
            return None
        self._note(f"alarm-{change}")
        if place.finding is not None:
            self._note(place.finding)
        incident = self._incident(reading, change, place.location, now_us, exercise=row.exercise or reading.exercise)
        return Accepted(INCIDENTS, incident)

    def _place(self, reading: Reading, row: SensorPlace) -> Place:
        kind, context = reading.kind, self._context
        by_table = row.lat is not None
        rules = PlaceRules(
            accuracy_m=row.accuracy_m or kind.accuracy_m,
            quality=(LocationQuality.ADDRESS if by_table else LocationQuality.GPS).value,
            default_points=context.default_points,
            city_box=context.city_box,
        )
        return place_at(row.lat, row.lon, rules) if by_table else place_at(reading.lat, reading.lon, rules)

    def _incident(
        self, reading: Reading, change: Change, location: Location | None, now_us: int, *, exercise: bool
    ) -> Incident:
        kind = reading.kind
        case_id = f"{self._source}:{kind.name}-{reading.sensor_id}"
        status = IncidentStatus.REPORTED if change is Change.BEGINS else IncidentStatus.CLOSED
        return Incident(
            event_id=digest(case_id, status.value, str(reading.at_us)),
            source=self._source,
            observed_us=reading.at_us,
            ingested_us=now_us,
            exercise=exercise,
            case_id=case_id,
            incident_id=case_id,
            status=status.value,
            service=Service.IOT.value,
            kind=kind.incident,
            native_code=kind.name,
            urgency_native=kind.urgency,
            occurred_us=reading.at_us,
            location=location,
        )


def value_of(value: Any, words: Mapping[str, float]) -> float | None:
    """Return a reading as a number: itself, by the words of its kind, or true and false as 1 and 0; else None."""
    text = str(value).strip().lower() if isinstance(value, str | bool) else ""
    if text in words:
        return words[text]
    if isinstance(value, bool):
        return float(value)
    return number_of(value)


def _type(reading: Reading) -> str:
    value = reading.value
    return f"{len(value)} characters" if isinstance(value, str) else type(value).__name__
