"""One disaster text to one incident. Pure: no clock, no network; an item gives a record, nothing, or a refusal."""

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.disaster_text.codes import DRILLS, KINDS, MISSING, OTHER_KIND, URGENCIES
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import digest, plausible_us, text_of
from connectors.kit.reading.districts import DistrictNames, Regions
from connectors.kit.reading.items import plain_id
from connectors.kit.reading.json_bodies import json_items, require_object
from connectors.kit.reading.local_times import local_date_and_time_us, local_time_us
from schemas.incident import Incident, IncidentStatus
from schemas.location import Area

SOURCE = "disaster_text"
# What a refused item may keep. All else may hold free text, whatever its name says.
KEPT = ("SN", "CRT_DT")
# "... 경보가 해제되었습니다" lifts it, "해제 시까지 대피" does not.
_LIFTS = re.compile(r"해제\s*(?:되었|됐|됨|되어|되었음|하였|했|함|합니다|안내|알림|\.|$)")
_DRILL = re.compile(r"\[\s*(?:훈련|모의)[^\]]{0,20}\]|훈련\s*(?:상황|문자|메시지)|실제\s*상황\s*(?:이\s*)?아")
_MESSAGE_CHARACTERS_MAX = 2_000
# Corrected so, a text that was told is none of this city's any more.
_WITHDRAWS = frozenset({"elsewhere", "lifted"})
_GOOD_CODES = frozenset({"00", "0", "0000", "000", ""})


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading a text.

    Attributes:
        zone: zone of its times.
        districts: the names of the city's districts.
        future_tolerance_us: how far a time may lie in the future, microseconds.
        age_max_us: texts older than this are passed over, microseconds: a list shows those of days.
    """

    zone: ZoneInfo
    districts: DistrictNames
    future_tolerance_us: int
    age_max_us: int


def texts_of(payload: bytes) -> list[Any]:
    """Return the texts of a payload: the service's answer, an array, one text, or a line each.

    Raises:
        EntryRefusedError: it is no JSON, or the service says that it failed.
    """
    items = json_items(payload)
    if len(items) != 1 or not isinstance(items[0], dict) or not {"header", "body"} & set(items[0]):
        return items
    answer = items[0]
    header = answer.get("header")
    code = text_of(header, "resultCode") if isinstance(header, dict) else ""
    if code not in _GOOD_CODES:
        # The service's own words are short codes; a longer one is no code.
        shown = code if re.fullmatch(r"[A-Za-z0-9_-]{1,20}", code) else f"{len(code)} characters"
        raise EntryRefusedError("service-error", "header.resultCode", f"header.resultCode: must be 00, got {shown}")
    body = answer.get("body")
    return body if isinstance(body, list) else [] if body is None else [body]


def parse_text(
    item: Any, now_us: int, rules: Rules, note: Callable[[str], None], told: Container[str] = ()
) -> Incident | None:
    """Return the incident that a text tells of; None for one that is not this city's, old, or no disaster.

    A text that was told and is corrected so that it is none of these any more ends its incident.

    Args:
        item: one text.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: called with a kebab-case word for what was noticed.
        told: ids of the incidents that were made of texts before.

    Raises:
        EntryRefusedError: the text breaks a rule.
    """
    item = require_object(item)
    number = plain_id(item, "SN")
    created_us = _created_us(item.get("CRT_DT"), rules.zone)
    time_us = plausible_us(created_us, now_us, rules.future_tolerance_us, note)
    type_name = text_of(item, "DST_SE_NM")
    message = text_of(item, "MSG_CN")[:_MESSAGE_CHARACTERS_MAX]
    incident_id = f"{SOURCE}:{number}"
    regions = rules.districts.regions_of(text_of(item, "RCPTN_RGN_NM"))
    passed = _passed_over(type_name, message, now_us - time_us > rules.age_max_us)
    if not passed and not regions.names and regions.elsewhere and not regions.ambiguous and not regions.unknown:
        passed = "elsewhere"
    if passed:
        note(passed)
        if incident_id not in told or passed not in _WITHDRAWS:
            return None
    else:
        _require_place(text_of(item, "RCPTN_RGN_NM"), regions, note)
    kind, urgency = KINDS.get(type_name, OTHER_KIND), _urgency(item, note)
    if kind == OTHER_KIND:
        note("unknown-type")
    words = (created_us, text_of(item, "MDFCN_YMD"), kind, urgency, regions.names)
    content = digest(*words, passed) if passed else digest(*words)
    return Incident(
        event_id=f"{incident_id}:{content}",
        source=SOURCE,
        observed_us=time_us,
        ingested_us=now_us,
        exercise=type_name in DRILLS or _DRILL.search(message) is not None,
        case_id=incident_id,
        incident_id=incident_id,
        status=(IncidentStatus.CLOSED if passed else IncidentStatus.REPORTED).value,
        service="disaster",
        kind=kind,
        native_code=type_name if type_name in KINDS else None,
        urgency_native=urgency,
        occurred_us=time_us,
        area=Area(district_names=regions.names) if regions.names else None,
        replaces=True,
    )


def _created_us(value: Any, zone: ZoneInfo) -> int | None:
    """Return CRT_DT: ``2026/07/29 16:30:00``, the same with dashes, or a date alone."""
    found = local_time_us(value, zone)
    return local_date_and_time_us(value, "0", zone) if found is None else found


def _passed_over(type_name: str, message: str, is_old: bool) -> str | None:
    """Return why a text is none of ours, as a finding; None where it is."""
    if type_name in MISSING:
        return "missing-person"
    if is_old:
        return "old"
    return "lifted" if _LIFTS.search(message) else None


def _require_place(text: str, regions: Regions, note: Callable[[str], None]) -> None:
    """Make sure that a district of the city is named, and note what of the regions was left out.

    Raises:
        EntryRefusedError: none is.
    """
    name = "RCPTN_RGN_NM"
    if not text:
        raise EntryRefusedError("missing-field", name, f"{name}: must be given")
    if regions.ambiguous and not regions.names:
        several = ", ".join(regions.ambiguous)
        raise EntryRefusedError("ambiguous-district", name, f"{name}: must name the city of {several}")
    if not regions.names:
        raise EntryRefusedError(
            "unknown-district", name, f"{name}: must name districts of the city's file, got {regions.unknown} others"
        )
    if regions.ambiguous:
        note("ambiguous-district")
    if regions.unknown:
        note("unknown-district")


def _urgency(item: dict[str, Any], note: Callable[[str], None]) -> str | None:
    step = text_of(item, "EMRG_STEP_NM").replace(" ", "")
    if step not in URGENCIES:
        note("unknown-step")
    return URGENCIES.get(step)
