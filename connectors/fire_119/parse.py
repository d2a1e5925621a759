"""One row of the 119 feed to one incident. Pure: no clock, no files; a row gives a record or a refusal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from connectors.fire_119 import codes
from connectors.fire_119.routes import circle
from connectors.fire_119.units import units_of
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import Parsed, digest, plausible_us, text_of, usable_number
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.korean_places import PlaceRules, place_of
from connectors.kit.reading.local_times import local_time_us
from schemas.incident import Incident, IncidentStatus, Service
from schemas.location import Area, Location, LocationQuality, Point

SOURCE = "fire_119"
TYPE_COLUMNS = ("EMG_TY_NM1", "EMG_TY_NM2", "EMG_TY_NM3")
# What a refused row may keep: ids, times and positions that look like such.
_COORDINATE = r"-?\d{1,7}(\.\d{1,12})?"
KEPT_COLUMNS: dict[str, str] = {
    "OBJT_ID": r"\d{1,9}",
    "STTE_DT": r"20\d{12}(\.0)?",
    "CTPRVN_CD": r"\d{2}",
    "SGG_CD": r"\d{5}",
    "X": _COORDINATE,
    "Y": _COORDINATE,
}

# 대응2단계 해제: the level is lifted.
LIFTED = "해제"
# A level that is not the one lifted: of 대응3단계 해제, 대응1단계 발령 the first is over and the second stands.
_LEVEL = re.compile(r"(?:([123])\s*단계|단계\s*([123]))(?!\D{0,40}해제)")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading a row.

    Attributes:
        zone: zone of the times, which the feed does not write.
        places: what is known of the positions.
        future_tolerance_us: how far a time may lie in the future before the time of reading is taken, microseconds.
        as_reported: True takes every row as a call just taken, whatever its progress: for rehearsals on old exports.
        radius_m_by_level: how far around the scene a fire of a response level is looked at, metres; a level that is not
            named, or has 0, is looked at where it is.
    """

    zone: ZoneInfo
    places: PlaceRules
    future_tolerance_us: int
    as_reported: bool = False
    radius_m_by_level: Mapping[str, float] = field(default_factory=dict)


def parse_row(cells: Mapping[str, Any], now_us: int, rules: Rules) -> Parsed:
    """Return the incident that a row tells of.

    Args:
        cells: the row's values by column name in upper case.
        now_us: when the row was read, UTC microseconds since the epoch.
        rules: how to read it.

    Raises:
        EntryRefusedError: the row has neither a known type nor a readable time, so it is no dispatch.
    """
    findings: list[str] = []
    kind, native_code = kind_of(cells)
    registered_us = moment_us(cells.get("STTE_DT"), rules.zone)
    if native_code is None and registered_us is None:
        raise EntryRefusedError("not-a-dispatch", "STTE_DT", "EMG_TY_NM1 and STTE_DT must be readable, got neither")
    if native_code is None:
        findings.append("unknown-type")
    occurred_us = plausible_us(registered_us, now_us, rules.future_tolerance_us, findings.append)
    changed_us = _changed_us(cells, now_us, rules, findings)
    place = place_of(cells.get("X"), cells.get("Y"), rules.places)
    if place.finding:
        findings.append(place.finding)
    incident_id = incident_id_of(_object_id(cells, findings) or _made_up_id(cells))
    status = IncidentStatus.REPORTED.value if rules.as_reported else _status(cells, findings)
    urgency = _urgency(cells, kind)
    progress = _progress(cells)
    units, units_refused = units_of(cells, rules.places)
    if units_refused:
        findings.append("unusable-unit")
    exercise = any(codes.EXERCISE_WORD in text_of(cells, name) for name in (*TYPE_COLUMNS, "PROGRS_STN"))
    moment = (status, progress, kind, urgency, registered_us, place.location, units, *(["exercise"] * exercise))
    incident = Incident(
        event_id=f"{incident_id}:{digest(*moment) if changed_us is None else digest(*moment, changed_us)}",
        source=SOURCE,
        observed_us=occurred_us if changed_us is None else changed_us,
        ingested_us=now_us,
        exercise=exercise,
        case_id=incident_id,
        incident_id=incident_id,
        status=status,
        service=Service.FIRE.value,
        kind=kind,
        native_code=native_code,
        urgency_native=urgency,
        occurred_us=occurred_us,
        location=place.location,
        area=_area(place.location, rules.radius_m_by_level.get(urgency or "", 0.0)),
        units=units,
    )
    return Parsed(incident, tuple(findings))


def dispatch_number(cells: Mapping[str, Any]) -> str | None:
    """Return the number of the dispatch that a row names; None where it names none that can be used."""
    return usable_number(text_of(cells, "OBJT_ID"))


def incident_id_of(number: str) -> str:
    """Return the incident's id for the number of a dispatch."""
    return f"{SOURCE}:{number}"


def kind_of(cells: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the kind and the feed's word for the main type; ``other`` and None where the type is unknown.

    Only words of the tables are given on, so whatever else stands in the cells stays outside.
    """
    names = [text_of(cells, name) for name in TYPE_COLUMNS]
    for main, branches in codes.KINDS.items():
        if main not in names[0]:
            continue
        rest = " ".join(names)
        for words, kind in branches:
            hit = next((word for word in words if word in rest), None)
            if hit or not words:
                return kind, f"{main}/{hit}" if hit else main
    return codes.UNKNOWN_KIND, None


def moment_us(value: Any, zone: ZoneInfo) -> int | None:
    """Return a time as the feed writes it, or in ISO 8601 as pushes may, as UTC microseconds since the epoch."""
    local_us = local_time_us(value, zone)
    return iso_us(value, zone) if local_us is None else local_us


def _changed_us(cells: Mapping[str, Any], now_us: int, rules: Rules, findings: list[str]) -> int | None:
    """Return when what a row tells of came about; None where the row does not say."""
    if not text_of(cells, "UPD_DT"):
        return None
    return plausible_us(moment_us(cells["UPD_DT"], rules.zone), now_us, rules.future_tolerance_us, findings.append)


def is_usable(location: Location) -> bool:
    """Return whether a location is a place."""
    return location.quality not in (LocationQuality.NONE, LocationQuality.DEFAULT)


def _area(scene: Location | None, radius_m: float) -> Area | None:
    """Return what has to be looked at around a scene; None where the scene alone has, or is not known."""
    if scene is None or radius_m <= 0 or not is_usable(scene):
        return None
    return circle(Point(lat_deg=scene.lat_deg, lon_deg=scene.lon_deg), radius_m)


def _urgency(cells: Mapping[str, Any], kind: str) -> str | None:
    """Return ``level-1`` to ``level-3`` for a fire's response level, a degree for life safety, else None."""
    level_text = text_of(cells, "RSPNS_LV").removesuffix(".0")
    if level_text in ("1", "2", "3"):
        return f"level-{level_text}"
    names = " ".join((level_text, *(text_of(cells, name) for name in (*TYPE_COLUMNS, "PROGRS_STN"))))
    match = _LEVEL.search(names)
    if match:
        return f"level-{match.group(1) or match.group(2)}"
    if kind.startswith("life-safety"):
        return next((degree for word, degree in codes.DEGREES if word in names), None)
    return None


def lifts_level(cells: Mapping[str, Any]) -> bool:
    """Return whether a row tells that a response level is lifted."""
    return LIFTED in " ".join(text_of(cells, name) for name in ("RSPNS_LV", "PROGRS_STN", "EMG_TY_NM3"))


def _progress(cells: Mapping[str, Any]) -> str:
    # The public file writes the progress into the third type name.
    return (text_of(cells, "PROGRS_STN") or text_of(cells, "EMG_TY_NM3")).replace(" ", "")


def _status(cells: Mapping[str, Any], findings: list[str]) -> str:
    compact = _progress(cells)
    for words, status in codes.PROGRESS:
        if any(word in compact for word in words):
            return status
    if compact:
        findings.append("unknown-progress")
    return IncidentStatus.REPORTED.value


def _object_id(cells: Mapping[str, Any], findings: list[str]) -> str | None:
    text = text_of(cells, "OBJT_ID")
    number = usable_number(text)
    if text and number is None:
        findings.append("unusable-id")
    return number


def _made_up_id(cells: Mapping[str, Any]) -> str:
    """Return an id for a row without one: the same for the same time, type and place."""
    return "h-" + digest(*(text_of(cells, name) for name in ("STTE_DT", *TYPE_COLUMNS[:2], "X", "Y")))
