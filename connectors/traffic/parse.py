"""One item of a traffic feed to what happens on a road. Pure: no clock, no files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import digest, text_of, usable_number
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.json_bodies import require_object
from connectors.kit.reading.local_times import local_date_and_time_us, local_time_us
from connectors.kit.reading.places import Place, PlaceRules
from connectors.traffic import codes
from connectors.traffic.roads import line_of, place_of
from schemas.location import Point

# What a dead letter may keep of an item: ids, codes, times and positions.
KEPT_FIELDS = (
    "acc_id", "acc_type", "acc_dtype", "occr_date", "occr_time", "link_id", "eventid", "startdate", "enddate", "linkid",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoadEvent:
    """What an item tells.

    Attributes:
        number: the event's number in its feed, with the feed's name, e.g. ``topis-593894``.
        kind: the contract's word.
        native_code: the feed's code or word.
        begun_us: when it began, UTC microseconds since the epoch; None where that is not readable.
        end_us: when it is expected to end; None where nothing is said.
        is_over: whether the item says that it is over.
        closes_road: whether all lanes are shut.
        lanes: which lanes are shut, in the feed's code; empty where it does not say.
        place: where.
        line: the stretch of road, where the item draws it.
        link_id: the road link, for which the city may have a line.
    """

    number: str
    kind: str
    native_code: str | None
    begun_us: int | None
    end_us: int | None
    is_over: bool
    closes_road: bool
    lanes: str
    place: Place
    line: tuple[Point, ...]
    link_id: str

    @property
    def is_sudden(self) -> bool:
        """Return whether it is of a kind that nobody plans."""
        return self.kind in codes.SUDDEN


def parse_item(item: Any, now_us: int, zone: ZoneInfo, places: PlaceRules) -> tuple[RoadEvent, tuple[str, ...]]:
    """Return what an item tells, and what was noticed (kebab-case words).

    Args:
        item: its fields by name in lower case.
        now_us: when it was read, UTC microseconds since the epoch.
        zone: zone of the times, which the feeds do not write.
        places: what is known of positions.

    Raises:
        EntryRefusedError: it has neither a known type nor a readable time, so it is no event of a road.
    """
    fields = require_object(item)
    is_topis = any(name in fields for name in ("acc_id", "acc_type", "occr_date"))
    findings: list[str] = []
    event = _topis(fields, zone, places, findings) if is_topis else _its(fields, now_us, zone, places, findings)
    if event.native_code is None:
        if event.begun_us is None:
            field = "acc_type" if is_topis else "eventtype"
            rule = f"{field} and the time must be readable, got neither"
            raise EntryRefusedError("not-an-event", field, f"{field}: {rule}")
        findings.append("unknown-type")
    if event.place.finding:
        findings.append(event.place.finding)
    return event, tuple(findings)


def _topis(fields: Mapping[str, Any], zone: ZoneInfo, places: PlaceRules, findings: list[str]) -> RoadEvent:
    code = text_of(fields, "acc_type").upper()
    kind = codes.TOPIS_KINDS.get(code)
    place = place_of(fields.get("grs80tm_x"), fields.get("grs80tm_y"), places)
    text = text_of(fields, "acc_info")
    begun_us = _day_and_time_us(fields, "occr", zone)
    number = _number(fields, "acc_id", findings) or _made_up(code, begun_us, fields, ("grs80tm_x", "grs80tm_y"))
    detail = text_of(fields, "acc_dtype").upper()
    return RoadEvent(
        number=f"topis-{number}",
        kind=kind or codes.UNKNOWN_KIND,
        native_code=None if kind is None else _code_and_detail(code, detail),
        begun_us=begun_us,
        end_us=_day_and_time_us(fields, "exp_clr", zone),
        # What is expected to be clear is not yet so; the feed ends an event by no longer showing it.
        is_over=codes.is_over(text),
        closes_road=codes.is_closure(text),
        lanes="",
        place=place,
        line=line_of(text_of(fields, "roadline"), places),
        link_id=_number(fields, "link_id", findings) or "",
    )


def _its(fields: Mapping[str, Any], now_us: int, zone: ZoneInfo, places: PlaceRules, findings: list[str]) -> RoadEvent:
    words = f"{text_of(fields, 'eventdetailtype')} {text_of(fields, 'eventtype')}"
    word, kind = next(((word, kind) for word, kind in codes.ITS_KINDS if word in words), (None, codes.UNKNOWN_KIND))
    lanes, message = text_of(fields, "lanesblocktype"), _message(fields)
    begun_us = _moment_us(fields.get("startdate"), zone) or _old_moment_us(fields, "start", zone)
    end_us = _moment_us(fields.get("enddate"), zone) or _old_moment_us(fields, "end", zone)
    number = _number(fields, "eventid", findings)
    link_id = _number(fields, "linkid", findings) or ""
    return RoadEvent(
        number=f"its-{number or _made_up(word, begun_us, fields, ('linkid', 'coordx', 'coordy'))}",
        kind=kind,
        native_code=word,
        begun_us=begun_us,
        end_us=end_us,
        is_over=codes.is_over(message) or (end_us is not None and end_us <= now_us),
        closes_road=lanes in codes.ALL_LANES or codes.is_closure(f"{text_of(fields, 'lanesblocked')} {message}"),
        lanes=lanes if lanes in ("0", "1", "2", "3") else "",
        place=place_of(fields.get("coordx"), fields.get("coordy"), places),
        line=line_of(text_of(fields, "roadline"), places),
        link_id=link_id,
    )


def _message(fields: Mapping[str, Any]) -> str:
    return text_of(fields, "message") or text_of(fields, "eventstatusmsg")


def _moment_us(value: Any, zone: ZoneInfo) -> int | None:
    moment_us = local_time_us(value, zone)
    return iso_us(value, zone) if moment_us is None else moment_us


def _day_and_time_us(fields: Mapping[str, Any], name: str, zone: ZoneInfo) -> int | None:
    """Return a date YYYYMMDD with a time HHMMSS or HHMM, in which the feed mixes both; the time has all its zeros."""
    clock = text_of(fields, f"{name}_time")
    return local_date_and_time_us(fields.get(f"{name}_date"), f"{clock}00" if len(clock) == 4 else clock, zone)


def _old_moment_us(fields: Mapping[str, Any], name: str, zone: ZoneInfo) -> int | None:
    """Return eventstartday and eventstarttime of the older form; the time may be missing or have a colon."""
    clock = text_of(fields, f"event{name}time").replace(":", "") or "0"
    clock = f"{clock}00" if len(clock) == 4 else clock
    return local_date_and_time_us(fields.get(f"event{name}day"), clock, zone)


def _code_and_detail(code: str, detail: str) -> str:
    """Return a code with its detail, where that looks like one, e.g. ``A04/04B01``."""
    return f"{code}/{detail}" if len(detail) == 5 and detail.isascii() and detail.isalnum() else code


def _number(fields: Mapping[str, Any], name: str, findings: list[str]) -> str | None:
    text = text_of(fields, name)
    number = usable_number(text)
    if text and number is None:
        findings.append("unusable-id")
    return number


def _made_up(code: str | None, begun_us: int | None, fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return an id for an item without one: the same for the same type, time and place."""
    return "h-" + digest(code, begun_us, *(text_of(fields, name) for name in names))
