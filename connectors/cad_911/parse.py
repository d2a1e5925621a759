"""One row of a CAD export to one incident, by the city's form. Pure: no clock, no files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from connectors.cad_911.form import Form, Nature
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import Parsed, digest, plausible_us, text_of, usable_number
from connectors.kit.reading.forms import plain
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.places import Place, PlaceRules, place_at
from schemas.incident import Incident, IncidentStatus

SOURCE = "cad_911"
UNKNOWN_KIND = "other"
TIME_CHARACTERS_MAX = 64
# Nothing that is alarmed now happened before; a slip of a digit does.
_FIRST_YEAR, _LAST_YEAR = 2000, 2099
_YES = frozenset({"Y", "YES", "TRUE", "1"})
# North American numbering plan: area code, exchange, line. Separators tell it from an incident number of ten digits.
_PHONE = re.compile(r"(?:\+?1[-. ]?)?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}", re.ASCII)
# A code that the form does not list may be kept where it cannot be a word: it has a digit and no space.
_UNLISTED_CODE = re.compile(r"(?=[A-Z/-]*\d)[A-Z0-9][A-Z0-9/-]{0,11}", re.ASCII)
_COORDINATE = r"-?\d{1,3}(\.\d{1,12})?"
_TIME = r"\d{1,4}[-/]\d{1,2}[-/]\d{1,4}([T ]\d{1,2}:\d\d(:\d\d(\.\d{1,9})?)?( ?[AP]M)?( ?[A-Z]{1,4}|[+-]\d\d:\d\d)?)?"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading a row.

    Attributes:
        form: columns and codes of the city's CAD.
        zone: of times without an offset.
        places: what is known of the positions.
        future_tolerance_us: how far a time may lie in the future before the time of reading is taken, microseconds.
        system: tells two CADs of one city apart in the ids; empty where there is one.
    """

    form: Form
    zone: ZoneInfo
    places: PlaceRules
    future_tolerance_us: int
    system: str = ""

    def id_of(self, number: str) -> str:
        """Return the incident id of a number."""
        return f"{SOURCE}:{self.system}:{number}" if self.system else f"{SOURCE}:{number}"


def parse_row(cells: Mapping[str, Any], now_us: int, rules: Rules) -> Parsed:
    """Return the incident that a row tells of.

    Args:
        cells: the row's values by column name in upper case.
        now_us: when the row was read, UTC microseconds since the epoch.
        rules: how to read it.

    Raises:
        EntryRefusedError: the row has neither a nature nor a readable time, so it is no call.
    """
    findings: list[str] = []
    code = _code(cells, rules.form, "nature")
    received_us = _received_us(cells, rules, findings)
    if not code and received_us is None:
        column = rules.form.columns["nature"]
        raise EntryRefusedError("not-a-call", column, f"{column} and the time must be readable, got neither")
    nature = _nature(code, rules.form, findings)
    reported_us = plausible_us(received_us, now_us, rules.future_tolerance_us, findings.append)
    happened_us = _time_us(cells, rules, "occurred")
    # What is said to have happened after the call was received is a slip, or a clock that is ahead.
    occurred_us = reported_us if happened_us is None else min(happened_us, reported_us)
    changed_us = _time_us(cells, rules, "changed")
    observed_us = reported_us if changed_us is None or changed_us > now_us + rules.future_tolerance_us else changed_us
    place = _place(cells, rules, findings)
    number = _number(cells, rules.form, "number", findings)
    incident_id = rules.id_of(number or _made_up_number(cells, rules.form))
    status, merged_into = _status(cells, incident_id, rules, findings)
    urgency = _urgency(cells, rules.form, findings)
    exercise = nature.exercise or _code(cells, rules.form, "exercise") in _YES
    # All that may change in a call's life. Times as written: the id must not depend on when the row is read.
    moment = (received_us, changed_us, exercise, code, *(() if happened_us is None else (f"happened {happened_us}",)))
    incident = Incident(
        event_id=f"{incident_id}:{digest(status, merged_into, nature.kind, urgency, *moment, place.location)}",
        source=SOURCE,
        observed_us=max(observed_us, reported_us),
        ingested_us=now_us,
        exercise=exercise,
        case_id=incident_id,
        incident_id=incident_id,
        status=status,
        merged_into=merged_into,
        service=nature.service,
        kind=nature.kind,
        native_code=_native_code(code, rules.form),
        urgency_native=urgency,
        occurred_us=occurred_us,
        location=place.location,
        reported_us=None if reported_us == occurred_us else reported_us,
    )
    return Parsed(incident, tuple(findings))


def kept_columns(form: Form) -> dict[str, str]:
    """Return the regular expression by column of what a refused row may keep: codes of the form, times, positions."""
    patterns = {
        "received": _TIME, "received_time": r"\d{1,2}:\d\d(:\d\d)?", "changed": _TIME, "occurred": _TIME,
        "lat": _COORDINATE, "lon": _COORDINATE, "priority": r"[A-Z0-9]{1,2}", "exercise": r"[YN01]",
    }  # fmt: skip
    return {form.columns[name]: pattern for name, pattern in patterns.items() if name in form.columns}


def local_us(text: str, form: Form, zone: ZoneInfo) -> tuple[int | None, str | None]:
    """Return a time as UTC microseconds since the epoch, and what was noticed in it.

    An offset, or a zone's letters that the form knows, decide where they stand. Else the city's zone does: of the hour
    that autumn repeats the first run is taken (``repeated-hour``), and a time in the hour that spring leaves out counts
    from the clock before (``skipped-hour``), as PEP 495 has it.
    """
    if not 0 < len(text) <= TIME_CHARACTERS_MAX:
        return None, None
    absolute_us = iso_us(text)
    if absolute_us is not None:
        return absolute_us, None
    words, _, letters = text.rpartition(" ")
    offset_s = form.offsets_s.get(letters.upper()) if words else None
    moment = _naive(text if offset_s is None else words, form)
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None, None
    if offset_s is not None:
        moment = moment.replace(tzinfo=timezone(timedelta(seconds=offset_s)))
    return (_us(moment), None) if moment.tzinfo is not None else _in_zone(moment, zone)


def _in_zone(moment: datetime, zone: ZoneInfo) -> tuple[int, str | None]:
    """Return a time that is written without an offset, and whether the zone has it once, twice or never."""
    first, second = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        return _us(first), "skipped-hour"
    return _us(first), None if first.utcoffset() == second.utcoffset() else "repeated-hour"


def _naive(text: str, form: Form) -> datetime | None:
    """Return the time as written, in ISO 8601 or one of the form's formats."""
    if len(text) >= len("2026-03-01T00:00"):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    for written in form.formats:
        try:
            return datetime.strptime(text, written)  # noqa: DTZ007 - the zone is the caller's
        except ValueError:
            continue
    return None


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _received_us(cells: Mapping[str, Any], rules: Rules, findings: list[str]) -> int | None:
    words = [_text(cells, rules.form, name) for name in ("received", "received_time")]
    moment_us, finding = local_us(" ".join(word for word in words if word), rules.form, rules.zone)
    if finding is not None:
        findings.append(finding)
    return moment_us


def _time_us(cells: Mapping[str, Any], rules: Rules, name: str) -> int | None:
    return local_us(_text(cells, rules.form, name), rules.form, rules.zone)[0]


def _text(cells: Mapping[str, Any], form: Form, name: str) -> str:
    column = form.columns.get(name)
    return "" if column is None else text_of(cells, column)


def _code(cells: Mapping[str, Any], form: Form, name: str) -> str:
    return plain(_text(cells, form, name)).removesuffix(".0")


def _nature(code: str, form: Form, findings: list[str]) -> Nature:
    nature = form.nature_of(code) if code else None
    if nature is None:
        findings.append("unknown-type" if code else "unreadable-type")
        return Nature(UNKNOWN_KIND, form.service)
    return nature


def _native_code(code: str, form: Form) -> str | None:
    """Return the code as it may be kept: one of the form's, or one that cannot be a word of somebody's."""
    return code if code in form.natures or _UNLISTED_CODE.fullmatch(code) else None


def _urgency(cells: Mapping[str, Any], form: Form, findings: list[str]) -> str | None:
    if "priority" not in form.columns:
        return None
    urgency = form.priorities.get(_code(cells, form, "priority"))
    if urgency is None:
        findings.append("unknown-urgency")
    return urgency


def _place(cells: Mapping[str, Any], rules: Rules, findings: list[str]) -> Place:
    columns = rules.form.columns
    place = place_at(cells.get(columns.get("lat", "")), cells.get(columns.get("lon", "")), rules.places)
    if place.finding:
        findings.append(place.finding)
    return place


def _number(cells: Mapping[str, Any], form: Form, name: str, findings: list[str]) -> str | None:
    text = _text(cells, form, name)
    number = None if _PHONE.fullmatch(text) else usable_number(text)
    if text and number is None:
        findings.append("unusable-case-number")
    return number


def _made_up_number(cells: Mapping[str, Any], form: Form) -> str:
    """Return an id for a row without a number: the same for the same time, nature and place."""
    return "h-" + digest(*(_text(cells, form, name) for name in ("received", "received_time", "nature", "lat", "lon")))


def _status(cells: Mapping[str, Any], incident_id: str, rules: Rules, findings: list[str]) -> tuple[str, str | None]:
    """Return the status, and the case that a duplicate goes on in."""
    form = rules.form
    end = form.dispositions.get(_code(cells, form, "disposition"))
    parent = _number(cells, form, "parent", findings)
    merged_into = rules.id_of(parent) if parent and rules.id_of(parent) != incident_id else None
    if end == IncidentStatus.MERGED:
        if merged_into:
            return end, merged_into
        findings.append("same-case-without-number")
        return IncidentStatus.CANCELLED.value, None
    code = _code(cells, form, "status")
    status = form.statuses.get(code)
    if status is None and code:
        findings.append("unknown-state")
    if end is not None:
        return end, None
    if status is None and _code(cells, form, "disposition"):
        return IncidentStatus.CLOSED.value, None
    return status or IncidentStatus.REPORTED.value, None
