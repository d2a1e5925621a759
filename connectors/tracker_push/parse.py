"""One item of the push form to a fix or an alert. Pure: no clock, no network; an item gives a record or a refusal."""

from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import EntryRefusedError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.dispatch_rows import text_of
from connectors.kit.reading.iso_times import epoch_us, iso_us
from connectors.kit.reading.items import is_true, time_us_of
from connectors.kit.reading.json_bodies import require_object
from connectors.kit.reading.places import PlaceRules, is_absent
from connectors.kit.reading.tracked import (
    OUTSIDE_ALERTS,
    SPEED_MPS_MAX,
    Heard,
    Note,
    alert_of,
    bounded,
    fix_of,
    hazards_of,
    location_of,
    tracker_ref,
)
from schemas.location import LocationQuality
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import AlertKind, WanderingAlert

SOURCE = "tracker_push"
KEPT = ("type", "quality", "exercise")
FIX = "fix"
# Coming home does not end a case by itself: a zone is wide and a fix is rough. A person says "found".
SAFE_ZONE_ENTER = "safe-zone-enter"
TYPES = (FIX, SAFE_ZONE_ENTER, *OUTSIDE_ALERTS)
# How the tracker knows where it is, in the words of the form. A Wi-Fi position is none of the contract's kinds.
QUALITIES = {
    "gps": LocationQuality.GPS.value,
    "cell": LocationQuality.CELL.value,
    "wifi": LocationQuality.OTHER.value,
    "beacon": LocationQuality.OTHER.value,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading an item.

    Attributes:
        places: what is known of the positions.
        zone: zone of times without an offset.
        future_tolerance_us: how far a time may lie in the future, microseconds.
        pseudonyms: turns ids of trackers into keyed pseudonyms.
    """

    places: PlaceRules
    zone: ZoneInfo
    future_tolerance_us: int
    pseudonyms: Pseudonyms


def parse_item(item: Any, now_us: int, rules: Rules, note: Note) -> TrackerFix | WanderingAlert:
    """Return the fix or alert that an item tells of.

    Args:
        item: one object of the form.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: called with a kebab-case word for what was noticed in an item that is taken all the same.

    Raises:
        EntryRefusedError: the item breaks a rule.
    """
    item = require_object(item)
    subject_ref = tracker_ref(item, "tracker", rules.pseudonyms)
    kind = text_of(item, "type").lower()
    if kind not in TYPES:
        raise EntryRefusedError("unknown-type", "type", f"type must be one of {', '.join(TYPES)}")
    heard = Heard(
        source=SOURCE,
        subject_ref=subject_ref,
        time_us=time_us_of(
            item, "time", now_us=now_us, tolerance_us=rules.future_tolerance_us, note=note, zone=rules.zone
        ),
        now_us=now_us,
        # Two alerts without time and id cannot be told apart; then a repeat counts as the same one.
        stated=(text_of(item, "id")[:100], str(item.get("time"))[:100]),
        exercise=is_true(item, "exercise"),
    )
    if kind in OUTSIDE_ALERTS:
        return _alert(item, OUTSIDE_ALERTS[kind], heard, rules, note)
    return _fix(item, heard, rules, note)


def _fix(item: dict[str, Any], heard: Heard, rules: Rules, note: Note) -> TrackerFix:
    if _stated_us(item, "time", rules) is None:
        raise EntryRefusedError("unreadable-time", "time", "time must be ISO 8601 or seconds since the epoch")
    location = _place(item, rules, note)
    if location is None:
        raise EntryRefusedError("impossible-coordinates", "lat", "lat and lon must be a point on Earth, not (0, 0)")
    return fix_of(
        heard,
        location,
        speed_mps=bounded(item, "speed_mps", 0, SPEED_MPS_MAX, note),
        course_deg=bounded(item, "course_deg", 0, 360, note),
        battery_pct=bounded(item, "battery_pct", 0, 100, note),
    )


def _alert(item: dict[str, Any], kind: AlertKind, heard: Heard, rules: Rules, note: Note) -> WanderingAlert:
    """Return an alert; a call for help is not lost for a wrong clock or place."""
    last_seen_us = _stated_us(item, "last_seen", rules)
    if last_seen_us is not None and last_seen_us > heard.time_us:
        note("last-seen-in-the-future")
        last_seen_us = None
    return alert_of(
        heard,
        kind,
        _place(item, rules, note),
        hazards=hazards_of(item.get("hazards")),
        last_seen_us=last_seen_us,
    )


def _place(item: dict[str, Any], rules: Rules, note: Note) -> Any:
    word = text_of(item, "quality").lower()
    if word and word not in QUALITIES:
        note("unknown-quality")
    places = replace(rules.places, quality=QUALITIES.get(word, rules.places.quality))
    if is_absent(item.get("lat")) and is_absent(item.get("lon")):
        return None
    return location_of(item.get("lat"), item.get("lon"), item.get("accuracy_m"), places, note)


def _stated_us(item: dict[str, Any], name: str, rules: Rules) -> int | None:
    value = item.get(name)
    return iso_us(value, rules.zone) if isinstance(value, str) else epoch_us(value)
