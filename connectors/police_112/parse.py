"""One row of a 112 export to one incident. Pure: no clock, no files; a row gives a record or a refusal."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.context import DefaultPoint
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import Parsed, digest, plausible_us, text_of, usable_number
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.korean_places import Place, PlaceRules, cell_accuracy_m, number_of, place_of
from connectors.kit.reading.local_times import local_date_and_time_us, local_time_us
from connectors.police_112 import codes
from schemas.incident import Incident, IncidentStatus

SOURCE = "police_112"
# The Daejeon agency writes its own address for a call it could not locate, without any mark that it did.
AGENCY_DEFAULT_POINT = DefaultPoint(lat_deg=36.341685, lon_deg=127.404663, radius_m=5.0, name="Daejeon police agency")
CORNERS = ("SW", "SE", "NE", "NW")

# What a refused row may keep: codes, times and positions that look like such.
_COORDINATE = r"-?\d{1,3}(\.\d{1,12})?"
_CODE = r"\d{1,3}(\.0)?"
KEPT_COLUMNS: dict[str, str] = {
    "RECV_CPLT_DT": r"\d{8}",
    "RECV_CPLT_TM": r"\d{1,6}(\.0)?",
    "RECV_CPLT_DM": r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d(\.\d{1,9})?",
    "NPA_CL": _CODE,
    "RECV_EMG_CD": r"C\d",
    "EVT_STAT_CD": _CODE,
    "EVT_CL_CD": _CODE,
    "END_CD": _CODE,
    "SME_EVT_YN": r"[YN]",
    "HPPN_X": _COORDINATE,
    "HPPN_Y": _COORDINATE,
}

_NUMBER = re.compile(r"0*(\d{1,3})(?:\.0*)?", re.ASCII)
# Also with its word, as the code book prints it: C0 긴급, C0(긴급).
_URGENCY = re.compile(r"C ?(\d)(?:[ :(\[].*)?", re.ASCII)
_YES = frozenset({"Y", "YES", "1", "TRUE"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading a row.

    Attributes:
        zone: zone of the times, which the export does not write.
        places: what is known of the positions.
        case_column: column with the case number, upper case; where it is not there, an id is made of the row.
        related_column: column with the number of the case that a duplicate belongs to.
        child_column: column that says whether a missing person (509) is a child; empty where there is none.
        changed_column: column with the time of the change that a row tells of; empty where there is none.
        occurred_column: column with the time at which it happened; empty where the export has the call's time only.
        future_tolerance_us: how far a time may lie in the future before the time of reading is taken, microseconds.
        as_reported: True takes every row as a call just taken, whatever its state: for rehearsals on old exports.
    """

    zone: ZoneInfo
    places: PlaceRules
    case_column: str
    related_column: str
    child_column: str
    future_tolerance_us: int
    changed_column: str = ""
    occurred_column: str = ""
    as_reported: bool = False


def parse_row(cells: Mapping[str, Any], now_us: int, rules: Rules) -> Parsed:
    """Return the incident that a row tells of.

    Args:
        cells: the row's values by column name in upper case.
        now_us: when the row was read, UTC microseconds since the epoch.
        rules: how to read it.

    Raises:
        EntryRefusedError: the row has neither a readable case type nor a readable time, so it is no call.
    """
    findings: list[str] = []
    type_code = _code(cells, "EVT_CL_CD")
    registered_us = _registered_us(cells, rules.zone)
    if type_code is None and registered_us is None:
        raise EntryRefusedError("not-a-call", "EVT_CL_CD", "EVT_CL_CD and the time must be readable, got neither")
    reported_us = plausible_us(registered_us, now_us, rules.future_tolerance_us, findings.append)
    happened_us = _happened_us(cells, rules, findings)
    # What is said to have happened after the call was registered is a slip, or a clock that is ahead.
    occurred_us = reported_us if happened_us is None else min(happened_us, reported_us)
    changed_us = _changed_us(cells, now_us, rules, findings)
    case_type = _case_type(type_code, findings)
    place = _place(cells, rules)
    if place.finding:
        findings.append(place.finding)
    case_number = _case_number(cells, rules.case_column, findings)
    incident_id = f"{SOURCE}:{case_number or _made_up_number(cells)}"
    status, merged_into = _status(cells, incident_id, rules, findings)
    urgency = _urgency(cells, findings)
    state, end_code = _code(cells, "EVT_STAT_CD"), _code(cells, "END_CD")
    kind = case_type.kind
    if type_code == codes.MISSING_TYPE and _is_yes(cells, rules.child_column):
        kind = "missing-child"
    # All that may change in a call's life. Without a time of the change a call that goes back to what it was cannot be
    # told from a row that is read twice.
    moment = (state, end_code, registered_us) if changed_us is None else (state, end_code, registered_us, changed_us)
    if happened_us is not None:
        moment = (*moment, f"happened {happened_us}")
    incident = Incident(
        event_id=f"{incident_id}:{digest(status, merged_into, kind, urgency, *moment, place.location)}",
        source=SOURCE,
        observed_us=reported_us if changed_us is None else changed_us,
        ingested_us=now_us,
        exercise=type_code == codes.EXERCISE_TYPE or end_code == codes.EXERCISE_END,
        case_id=incident_id,
        incident_id=incident_id,
        status=status,
        merged_into=merged_into,
        service=case_type.service,
        kind=kind,
        native_code=None if type_code is None else str(type_code),
        urgency_native=urgency,
        occurred_us=occurred_us,
        location=place.location,
        reported_us=None if reported_us == occurred_us else reported_us,
    )
    return Parsed(incident, tuple(findings))


def _registered_us(cells: Mapping[str, Any], zone: ZoneInfo) -> int | None:
    """Return the time of registration from whichever of the exports' columns is there."""
    for date_column, clock_column in (("RECV_CPLT_DT", "RECV_CPLT_TM"), ("DAY", "TIME")):
        moment_us = local_date_and_time_us(cells.get(date_column), cells.get(clock_column), zone)
        if moment_us is not None:
            return moment_us
    for column in ("RECV_CPLT_DM", "RECV_CPLT_DT"):
        moment_us = _moment_us(cells.get(column), zone)
        if moment_us is not None:
            return moment_us
    return None


def _moment_us(value: Any, zone: ZoneInfo) -> int | None:
    """Return a time as exports write it, or in ISO 8601 as pushes may, as UTC microseconds since the epoch."""
    moment_us = local_time_us(value, zone)
    return iso_us(value, zone) if moment_us is None else moment_us


def _changed_us(cells: Mapping[str, Any], now_us: int, rules: Rules, findings: list[str]) -> int | None:
    """Return when what a row tells of came about; None where the row does not say."""
    if not text_of(cells, rules.changed_column):
        return None
    changed_us = _moment_us(cells.get(rules.changed_column), rules.zone)
    return plausible_us(changed_us, now_us, rules.future_tolerance_us, findings.append)


def _happened_us(cells: Mapping[str, Any], rules: Rules, findings: list[str]) -> int | None:
    """Return when it happened, as the caller says; None where the row does not say it."""
    if not text_of(cells, rules.occurred_column):
        return None
    happened_us = _moment_us(cells.get(rules.occurred_column), rules.zone)
    if happened_us is None:
        findings.append("unreadable-time")
    return happened_us


def _urgency(cells: Mapping[str, Any], findings: list[str]) -> str | None:
    match = _URGENCY.fullmatch(unicodedata.normalize("NFKC", text_of(cells, "RECV_EMG_CD")[:40]).upper())
    if match and f"C{match.group(1)}" in codes.URGENCIES:
        return f"C{match.group(1)}"
    findings.append("unknown-urgency")
    return None


def _case_type(type_code: int | None, findings: list[str]) -> codes.CaseType:
    if type_code is None:
        findings.append("unreadable-type")
        return codes.UNKNOWN_TYPE
    case_type = codes.CASE_TYPES.get(type_code)
    if case_type is None:
        findings.append("unknown-type")
        return codes.UNKNOWN_TYPE
    return case_type


def _place(cells: Mapping[str, Any], rules: Rules) -> Place:
    """Return the call's point, or the centre of its grid cell where the export gives only that."""
    point = place_of(cells.get("HPPN_X"), cells.get("HPPN_Y"), rules.places)
    if point.finding != "no-coordinates":
        return point
    xs = [number_of(cells.get(f"HPPN_X_{corner}")) for corner in CORNERS if f"HPPN_X_{corner}" in cells]
    ys = [number_of(cells.get(f"HPPN_Y_{corner}")) for corner in CORNERS if f"HPPN_Y_{corner}" in cells]
    x_values, y_values = [x for x in xs if x is not None], [y for y in ys if y is not None]
    if len(x_values) < 2 or len(y_values) < 2:
        return point
    x_centre, y_centre = (min(x_values) + max(x_values)) / 2, (min(y_values) + max(y_values)) / 2
    centre = place_of(x_centre, y_centre, rules.places)
    if centre.location is None or centre.finding in ("default-point", "impossible-coordinates"):
        return centre
    width_deg, height_deg = max(x_values) - min(x_values), max(y_values) - min(y_values)
    if not (width_deg < 0.1 and height_deg < 0.1):  # about 10 km: corners of different cells
        return place_of("?", "?", rules.places)
    accuracy_m = max(cell_accuracy_m(centre.location.lat_deg, width_deg, height_deg), 1.0)
    cell_rules = PlaceRules(accuracy_m, rules.places.quality, rules.places.default_points, rules.places.city_box)
    return place_of(x_centre, y_centre, cell_rules)


def _case_number(cells: Mapping[str, Any], column: str, findings: list[str]) -> str | None:
    text = text_of(cells, column)
    number = usable_number(text)
    if text and number is None:
        findings.append("unusable-case-number")
    return number


def _made_up_number(cells: Mapping[str, Any]) -> str:
    """Return an id for a row without one: the same for the same agency, time, type and place."""
    columns = ("RECV_DEPT_NM", "NPA_CL", "RECV_CPLT_DT", "RECV_CPLT_TM", "RECV_CPLT_DM", "DAY", "TIME", "EVT_CL_CD")
    corners = tuple(f"HPPN_{axis}_{corner}" for axis in "XY" for corner in CORNERS)
    return "h-" + digest(*(text_of(cells, name) for name in (*columns, "HPPN_X", "HPPN_Y", *corners)))


def _status(cells: Mapping[str, Any], incident_id: str, rules: Rules, findings: list[str]) -> tuple[str, str | None]:
    """Return the status and the case that a duplicate goes on in."""
    if rules.as_reported:
        return IncidentStatus.REPORTED.value, None
    end_code = _code(cells, "END_CD") or 0
    related = _case_number(cells, rules.related_column, findings)
    merged_into = f"{SOURCE}:{related}" if related and f"{SOURCE}:{related}" != incident_id else None
    if end_code == codes.SAME_CASE_END or _is_yes(cells, "SME_EVT_YN"):
        if merged_into:
            return IncidentStatus.MERGED.value, merged_into
        findings.append("same-case-without-number")
    if end_code == codes.SAME_CASE_END or end_code in codes.CANCELLING_ENDS:
        return IncidentStatus.CANCELLED.value, None
    if end_code:
        return IncidentStatus.CLOSED.value, None
    state = _code(cells, "EVT_STAT_CD")
    if state not in codes.STATES:
        if text_of(cells, "EVT_STAT_CD"):
            findings.append("unknown-state")
        return IncidentStatus.REPORTED.value, None
    return codes.STATES[state], None


def _code(cells: Mapping[str, Any], column: str) -> int | None:
    """Return a code of up to three digits, also as ``401.0``; None where there is none."""
    match = _NUMBER.fullmatch(text_of(cells, column))
    return int(match.group(1)) if match else None


def _is_yes(cells: Mapping[str, Any], column: str) -> bool:
    return text_of(cells, column).upper() in _YES
