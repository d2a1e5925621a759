"""One item of the platform to an incident or a fix. Pure: no clock, no network; an item gives a record or a refusal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from connectors.child_protection.tables import RANGE_M_MAX, Scanner
from connectors.kit.errors import EntryRefusedError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.dispatch_rows import digest, text_of, usable_number
from connectors.kit.reading.items import is_true, person_ref, time_us_of, word_of
from connectors.kit.reading.json_bodies import require_object
from connectors.kit.reading.places import PlaceRules, is_absent, number_of, place_at
from connectors.kit.reading.tracked import Heard, Note, bounded, fix_of, location_of, usual_tracker_id
from schemas.incident import Incident, IncidentStatus, Service
from schemas.location import Location, LocationQuality
from schemas.tracker_fix import TrackerFix

SOURCE = "child_protection"
KIND = "missing-child"
KEPT = ("type", "state", "exercise")
MISSING, BEACON, PHONE = "missing", "beacon", "phone"
STATES = {
    "open": IncidentStatus.REPORTED,
    "updated": IncidentStatus.UPDATED,
    "found": IncidentStatus.CLOSED,
    "closed": IncidentStatus.CLOSED,
    "cancelled": IncidentStatus.CANCELLED,
}
# Of a disc of radius R, taken as equally likely everywhere, the circle of R times the root of 0.68 holds 68 %.
SHARE_OF_RANGE = math.sqrt(0.68)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration, the city and the scanner network say about reading an item.

    Attributes:
        reported: what is known of the places in reports.
        measured: what is known of the places of phones.
        beacon_range_m: how far a scanner hears a beacon where nobody says, metres.
        scanners: the scanners by id.
        children: the child that carries a beacon, by beacon id.
        id_scheme: the kind of id that the platform gives children.
        zone: zone of times without an offset.
        future_tolerance_us: how far a time may lie in the future, microseconds.
        pseudonyms: turns ids of children into keyed pseudonyms.
    """

    reported: PlaceRules
    measured: PlaceRules
    beacon_range_m: float
    id_scheme: str
    zone: ZoneInfo
    future_tolerance_us: int
    pseudonyms: Pseudonyms
    scanners: Mapping[str, Scanner]
    children: Mapping[str, str]


def parse_item(item: Any, now_us: int, rules: Rules, note: Note) -> Incident | TrackerFix:
    """Return the incident or fix that an item tells of.

    Args:
        item: one object of the form.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: called with a kebab-case word for what was noticed in an item that is taken all the same.

    Raises:
        EntryRefusedError: the item breaks a rule.
    """
    item = require_object(item)
    kind = text_of(item, "type").lower()
    if kind == MISSING:
        return _report(item, now_us, rules, note)
    if kind not in (BEACON, PHONE):
        raise EntryRefusedError("unknown-type", "type", f"type must be one of {MISSING}, {BEACON}, {PHONE}")
    heard = Heard(
        source=SOURCE,
        subject_ref=_child_ref(item, rules),
        time_us=_time_us(item, now_us, rules, note),
        now_us=now_us,
        stated=(kind, str(item.get("time"))[:100]),
        exercise=is_true(item, "exercise"),
    )
    location = _beacon_place(item, rules, note) if kind == BEACON else _phone_place(item, rules, note)
    return fix_of(heard, location, battery_pct=bounded(item, "battery_pct", 0, 100, note))


def is_found(item: Mapping[str, Any]) -> bool:
    """Return whether a report says that the child was found."""
    return text_of(item, "state").lower() == "found"


def _report(item: dict[str, Any], now_us: int, rules: Rules, note: Note) -> Incident:
    """Return the incident of a report. It is not lost for want of a place, a time or the child's id."""
    number = usable_number(text_of(item, "report"))
    if number is None:
        rule = "report must be up to 40 letters, digits, '.', '_' and '-', and no phone number"
        raise EntryRefusedError("unusable-id", "report", rule)
    subject_ref = None if is_absent(item.get("child")) else _child_ref(item, rules)
    if subject_ref is None:
        note("no-child-id")  # cameras around the place, but no beacon can be told to be this child's
    seen = item.get("last_seen")
    seen = seen if isinstance(seen, Mapping) else {}
    time_us = _time_us(item, now_us, rules, note)
    occurred_us = time_us if is_absent(seen.get("time")) else min(time_us, _time_us(seen, now_us, rules, note))
    location = _reported_place(seen, rules, note)
    status = word_of(item, "state", STATES, IncidentStatus.OTHER, note)
    incident_id = f"{SOURCE}:{number}"
    exercise = is_true(item, "exercise")
    content = digest(subject_ref, status, item.get("time"), seen.get("time"), location, *(["exercise"] * exercise))
    return Incident(
        event_id=f"{incident_id}:{content}",
        source=SOURCE,
        observed_us=time_us,
        ingested_us=now_us,
        exercise=exercise,
        case_id=subject_ref or incident_id,
        incident_id=incident_id,
        status=status.value,
        service=Service.CHILD.value,
        kind=KIND,
        occurred_us=occurred_us,
        location=location,
        subject_ref=subject_ref,
        reported_us=None if time_us == occurred_us else time_us,
    )


def _reported_place(seen: Mapping[str, Any], rules: Rules, note: Note) -> Location | None:
    place = place_at(seen.get("lat"), seen.get("lon"), rules.reported)
    if place.finding is not None:
        note(place.finding)
    accuracy_m = number_of(seen.get("accuracy_m"))
    if place.location is None or accuracy_m is None or not 0 < accuracy_m <= RANGE_M_MAX:
        return place.location
    return replace(place.location, accuracy_m=accuracy_m)


def _child_ref(item: Mapping[str, Any], rules: Rules) -> str:
    """Return the child's pseudonym, by its id or by the beacon it carries.

    Raises:
        EntryRefusedError: neither is known.
    """
    if is_absent(item.get("child")) and not is_absent(item.get("beacon")):
        child = rules.children.get(usual_tracker_id(text_of(item, "beacon")))
        if child is None:
            raise EntryRefusedError("unknown-beacon", "beacon", "beacon is not in the table of beacons")
        return rules.pseudonyms.of(rules.id_scheme, child)
    return person_ref(item, "child", rules.pseudonyms, rules.id_scheme)


def _beacon_place(item: Mapping[str, Any], rules: Rules, note: Note) -> Location:
    """Return where the scanner hangs that heard a beacon: as the item says, else by the table."""
    name = usual_tracker_id(text_of(item, "scanner"))
    known = rules.scanners.get(name)
    lat, lon, range_m = item.get("lat"), item.get("lon"), bounded(item, "range_m", 1, RANGE_M_MAX, note)
    if is_absent(lat) and is_absent(lon):
        if known is None:
            shown = usable_number(name) or f"<{len(name)} characters>"
            raise EntryRefusedError("unknown-scanner", "scanner", f"scanner {shown} is not in the table of scanners")
        lat, lon, range_m = known.lat_deg, known.lon_deg, range_m or known.range_m
    accuracy_m = SHARE_OF_RANGE * (range_m or rules.beacon_range_m)
    scanner_places = replace(rules.measured, accuracy_m=accuracy_m, quality=LocationQuality.OTHER.value)
    return _required(location_of(lat, lon, None, scanner_places, note))


def _phone_place(item: Mapping[str, Any], rules: Rules, note: Note) -> Location:
    return _required(location_of(item.get("lat"), item.get("lon"), item.get("accuracy_m"), rules.measured, note))


def _required(location: Location | None) -> Location:
    if location is None:
        raise EntryRefusedError("impossible-coordinates", "lat", "lat and lon must be a point on Earth, not (0, 0)")
    return location


def _time_us(item: Mapping[str, Any], now_us: int, rules: Rules, note: Note) -> int:
    return time_us_of(item, "time", now_us=now_us, tolerance_us=rules.future_tolerance_us, note=note, zone=rules.zone)
