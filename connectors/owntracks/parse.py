"""One OwnTracks message to one record. Pure: no clock, no network; a message gives a record, a refusal or nothing."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_bodies import strict_loads
from connectors.kit.reading.tracked import OUTSIDE_ALERTS
from schemas.location import Location, LocationQuality
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS, Topic
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import AlertKind, Hazard, WanderingAlert

SOURCE = "owntracks"
# Documented message types that say nothing of where a person is or how they are.
OTHER_TYPES = frozenset(
    {"beacon", "card", "cmd", "configuration", "dump", "request", "status", "steps", "waypoint", "waypoints"}
)
ALL_ZONES = "*"
# 2015-01-01: a tracker without a fix or clock writes times near zero.
FIRST_TIME_S = 1_420_070_400
# A wider circle says nothing; phones write the width of a mobile network's area at most.
MAX_ACCURACY_M = 20_000.0
# Faster than any vehicle on the ground; an aircraft's passenger is not looked for with street cameras.
MAX_SPEED_KMH = 500.0
_KMH_PER_MPS = 3.6


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about reading a message.

    Attributes:
        safe_zones: names of regions whose leaving is an alert, compared without case; ``*`` stands for all.
        default_accuracy_m: accuracy of a fix that states none, metres.
        future_tolerance_us: how far a time may lie in the future, microseconds.
        no_contact_alerts: whether a lost connection is an alert.
    """

    safe_zones: frozenset[str] = frozenset({ALL_ZONES})
    default_accuracy_m: float = 100.0
    future_tolerance_us: int = 300_000_000
    no_contact_alerts: bool = True


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a message is.

    Attributes:
        topic: where its record goes.
        record: the record.
    """

    topic: Topic
    record: TrackerFix | WanderingAlert


@dataclass(frozen=True, slots=True)
class Reception:
    """The circumstances of a message.

    Attributes:
        subject_ref: pseudonym of the user and device it came from.
        now_us: when it was received, UTC microseconds since the epoch.
        rules: how to read it.
        note: called with a kebab-case word for what was noticed in a message that is taken all the same.
    """

    subject_ref: str
    now_us: int
    rules: Rules
    note: Callable[[str], None]


def decoded(payload: bytes) -> dict[str, Any]:
    """Return the JSON object that a message holds.

    Raises:
        EntryRefusedError: it holds none.
    """
    try:
        body = strict_loads(payload)
    # UnicodeDecodeError and JSONDecodeError are ValueErrors; deep nesting ends in a RecursionError.
    except (ValueError, RecursionError) as error:
        raise EntryRefusedError("broken-json", None, f"not JSON, got {len(payload)} bytes") from error
    if not isinstance(body, dict):
        raise EntryRefusedError("broken-json", None, f"expected an object, got {type(body).__name__}")
    return body


def parse_message(body: Mapping[str, Any], reception: Reception) -> Parsed | None:
    """Return the record that a message is; None for a type that is none of ours.

    Args:
        body: the decoded message.
        reception: from whom and when.

    Raises:
        EntryRefusedError: the message breaks a rule.
    """
    message_type = body.get("_type")
    if message_type == "location":
        if "alert" in body:
            return _alert(body, _alert_kind(body["alert"]), reception)
        return _fix(body, reception)
    if message_type == "transition":
        return _transition(body, reception)
    if message_type == "lwt":
        if not reception.rules.no_contact_alerts:
            return None
        return _alert(body, AlertKind.NO_CONTACT, reception)
    if isinstance(message_type, str) and message_type in OTHER_TYPES:
        return None
    if message_type == "encrypted":
        raise EntryRefusedError("encrypted", "_type", "encrypted messages cannot be read; use TLS instead")
    raise EntryRefusedError("unknown-type", "_type", "_type is none of the format's")


def _fix(body: Mapping[str, Any], reception: Reception) -> Parsed:
    fix_us = _time_us(body, reception)
    location = _location(body, reception.rules)
    speed_kmh = _optional(body, "vel", 0, MAX_SPEED_KMH, reception.note)
    record = TrackerFix(
        event_id=_event_id(reception.subject_ref, "fix", fix_us, location),
        source=SOURCE,
        observed_us=fix_us,
        ingested_us=reception.now_us,
        exercise=body.get("exercise") is True,
        case_id=reception.subject_ref,
        subject_ref=reception.subject_ref,
        fix_us=fix_us,
        location=location,
        speed_mps=None if speed_kmh is None else speed_kmh / _KMH_PER_MPS,
        course_deg=_optional(body, "cog", 0, 360, reception.note),
        battery_pct=_optional(body, "batt", 0, 100, reception.note),
    )
    return Parsed(TRACKER_FIXES, record)


def _transition(body: Mapping[str, Any], reception: Reception) -> Parsed:
    event = body.get("event")
    if event not in ("enter", "leave"):
        raise EntryRefusedError("unknown-event", "event", "event must be enter or leave")
    names = {str(body.get(name, "")).strip().casefold() for name in ("desc", "rid")}
    is_safe_zone = ALL_ZONES in reception.rules.safe_zones or not names.isdisjoint(reception.rules.safe_zones)
    if event == "leave" and is_safe_zone:
        return _alert(body, AlertKind.SAFE_ZONE_EXIT, reception)
    # Coming home does not end a case by itself: a region is wide and a fix is rough. A person says "found".
    return _fix(body, reception)


def _alert(body: Mapping[str, Any], kind: AlertKind, reception: Reception) -> Parsed:
    """Return an alert; a call for help is not lost for a wrong clock or place."""
    is_last_will = body.get("_type") == "lwt"
    location, observed_us = None, reception.now_us
    if not is_last_will:  # a last will is written before the fact: its time is that of the connection
        try:
            observed_us = _time_us(body, reception)
        except EntryRefusedError as error:
            reception.note(error.reason)
        try:
            location = _location(body, reception.rules)
        except EntryRefusedError as error:
            reception.note(error.reason)
    stated_time = body.get("tst")
    # Without a time two alerts could not be told apart; then a repeat counts as a new one.
    moment = stated_time if isinstance(stated_time, int | float) else reception.now_us
    record = WanderingAlert(
        event_id=_event_id(reception.subject_ref, kind.value, moment, location),
        source=SOURCE,
        observed_us=observed_us,
        ingested_us=reception.now_us,
        exercise=body.get("exercise") is True,
        case_id=reception.subject_ref,
        subject_ref=reception.subject_ref,
        kind=kind.value,
        location=location,
        last_seen_us=observed_us if location is not None else None,
        hazards=_hazards(body.get("hazards")),
    )
    return Parsed(WANDERING_ALERTS, record)


def _alert_kind(word: Any) -> AlertKind:
    return OUTSIDE_ALERTS.get(word, AlertKind.OTHER) if isinstance(word, str) else AlertKind.OTHER


def _hazards(words: Any) -> tuple[str, ...]:
    if not isinstance(words, list):
        return ()
    return tuple(hazard.value for hazard in Hazard if hazard.value in words and hazard is not Hazard.OTHER)


def _time_us(body: Mapping[str, Any], reception: Reception) -> int:
    seconds = _number(body, "tst")
    if seconds < FIRST_TIME_S or seconds > 10**11:
        raise EntryRefusedError("impossible-time", "tst", "tst must be seconds since 1970 and after 2015")
    time_us = round(seconds * 1_000_000)
    if time_us > reception.now_us + reception.rules.future_tolerance_us:
        ahead_s = (time_us - reception.now_us) // 1_000_000
        raise EntryRefusedError("clock-skew", "tst", f"tst lies {ahead_s} s in the future")
    return time_us


def _location(body: Mapping[str, Any], rules: Rules) -> Location:
    lat_deg, lon_deg = _number(body, "lat"), _number(body, "lon")
    if not -90 <= lat_deg <= 90:
        raise EntryRefusedError("impossible-coordinates", "lat", "lat must be from -90 to 90")
    if not -180 <= lon_deg <= 180:
        raise EntryRefusedError("impossible-coordinates", "lon", "lon must be from -180 to 180")
    if lat_deg == 0 and lon_deg == 0:
        raise EntryRefusedError("default-point", "lat", "(0, 0) stands for no position")
    accuracy_m = rules.default_accuracy_m if body.get("acc") is None else _number(body, "acc")
    # A phone writes a negative accuracy where the position is not valid at all.
    if not 0 <= accuracy_m <= MAX_ACCURACY_M:
        raise EntryRefusedError("absurd-accuracy", "acc", f"acc must be from 0 to {MAX_ACCURACY_M:g} m")
    return Location(lat_deg=lat_deg, lon_deg=lon_deg, accuracy_m=accuracy_m, quality=LocationQuality.GPS.value)


def _number(body: Mapping[str, Any], name: str) -> float:
    """Return a required number; its value is not repeated in errors, for positions are personal."""
    value = body.get(name)
    if value is None:
        raise EntryRefusedError("missing-field", name, f"{name} is required")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EntryRefusedError("wrong-type", name, f"{name} must be a number, got {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise EntryRefusedError("wrong-type", name, f"{name} must be a finite number")
    return number


def _optional(
    body: Mapping[str, Any], name: str, least: float, most: float, note: Callable[[str], None]
) -> float | None:
    """Return a number that adds to a fix; None where it is absent (-1 means that too) or unusable."""
    value = body.get(name)
    if value is None or value == -1:
        return None
    try:
        number = _number(body, name)
    except EntryRefusedError:
        number = math.nan
    if least <= number <= most:
        return number
    note(f"unusable-{name}")
    return None


def _event_id(subject_ref: str, what: str, moment: float, location: Location | None) -> str:
    place = None if location is None else (location.lat_deg, location.lon_deg)
    text = repr((subject_ref, what, moment, place))
    return f"{SOURCE}:{hashlib.sha256(text.encode()).hexdigest()[:24]}"
