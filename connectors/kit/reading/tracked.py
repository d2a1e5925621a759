"""What the connectors of trackers, beacons and phones share: from what was heard of a person to a fix or an alert."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.dispatch_rows import digest, text_of
from connectors.kit.reading.places import PlaceRules, is_absent, number_of, place_at
from schemas.location import Location
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import AlertKind, Hazard, WanderingAlert

Note = Callable[[str], None]
# What a tracker's side may say of a person; the other kinds are for detection of our own.
OUTSIDE_ALERTS: Mapping[str, AlertKind] = {
    kind.value: kind
    for kind in (
        AlertKind.SOS,
        AlertKind.SAFE_ZONE_EXIT,
        AlertKind.LOW_BATTERY,
        AlertKind.NO_CONTACT,
        AlertKind.GUARDIAN_REPORT,
        AlertKind.FOUND,
    )
}

# The scheme of tracker ids, so that a registry and a tracker's feed give one person one pseudonym.
TRACKER_SCHEME = "tracker"
TRACKER_ID_CHARACTERS_MAX = 256
# A wider circle says nothing; networks write the width of their cells at most.
ACCURACY_M_MAX = 20_000.0
# Faster than any vehicle on the ground (500 km/h).
SPEED_MPS_MAX = 139.0
# An extended unique identifier (EUI-64), as network servers, labels and registries write it.
_EUI = re.compile(r"(?:[0-9A-Fa-f]{2}[-: ]?){7}[0-9A-Fa-f]{2}")
_NOWHERE = frozenset({"default-point", "impossible-coordinates"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Of whom something was heard, when, and how.

    Attributes:
        source: name of the connector.
        subject_ref: pseudonym of the person.
        time_us: when it was so, UTC microseconds since the epoch.
        now_us: when it was received.
        stated: what makes it this message and no other: the sender's id, counter or time as it wrote it.
        exercise: whether it is a drill.
    """

    source: str
    subject_ref: str
    time_us: int
    now_us: int
    stated: tuple[object, ...]
    exercise: bool = False


def usual_tracker_id(text: str) -> str:
    """Return a tracker's id in its one form: an EUI-64 as 16 lower-case digits, any other as it is."""
    plain = text.strip()
    return re.sub(r"[-: ]", "", plain).lower() if _EUI.fullmatch(plain) else plain


def tracker_ref(item: Mapping[str, Any], name: str, pseudonyms: Pseudonyms) -> str:
    """Return the pseudonym of the tracker whose id a field holds.

    Raises:
        EntryRefusedError: there is no id, or one far too long.
    """
    text = usual_tracker_id(text_of(item, name))
    if not text or len(text) > TRACKER_ID_CHARACTERS_MAX:
        reason = "too-long" if text else "missing-field"
        rule = f"must be 1 to {TRACKER_ID_CHARACTERS_MAX} characters"
        raise EntryRefusedError(reason, name, f"{name}: {rule}, got {len(text)}")
    return pseudonyms.of(TRACKER_SCHEME, text)


def location_of(lat: Any, lon: Any, accuracy: Any, rules: PlaceRules, note: Note) -> Location | None:
    """Return where something was; None where nothing usable is said.

    Args:
        lat: degrees, as the sender wrote them.
        lon: the same.
        accuracy: radius in metres that holds the true place with 68 % probability; nothing takes that of the rules.
        rules: what is known of the sender's positions.
        note: called with a kebab-case word for what was noticed.
    """
    place = place_at(lat, lon, rules)
    if place.finding is not None:
        note(place.finding)
    if place.location is None or place.finding in _NOWHERE:
        return None
    found = place.location
    stated_m = None if is_absent(accuracy) else number_of(accuracy)
    # Nothing, zero or less is how trackers say that they do not know.
    if stated_m is None or not 0 < stated_m <= ACCURACY_M_MAX:
        if not is_absent(accuracy):
            note("unusable-accuracy")
        return found
    return Location(lat_deg=found.lat_deg, lon_deg=found.lon_deg, accuracy_m=stated_m, quality=found.quality)


def bounded(item: Mapping[str, Any], name: str, least: float, most: float, note: Note) -> float | None:
    """Return a number that adds to a fix; None where it lacks or lies outside ``least`` to ``most``."""
    if is_absent(item.get(name)):
        return None
    number = number_of(item.get(name))
    if number is not None and least <= number <= most:
        return number
    note(f"unusable-{name}".replace("_", "-"))
    return None


def hazards_of(value: Any) -> tuple[str, ...]:
    """Return the dangers that a list, or a text with commas or semicolons, names; what is none is passed over."""
    words = re.split(r"[,;\s]+", value) if isinstance(value, str) else value if isinstance(value, list) else ()
    named = {word.strip().lower() for word in words[:50] if isinstance(word, str)}
    return tuple(hazard.value for hazard in Hazard if hazard.value in named and hazard is not Hazard.OTHER)


def fix_of(
    heard: Heard,
    location: Location,
    *,
    speed_mps: float | None = None,
    course_deg: float | None = None,
    battery_pct: float | None = None,
) -> TrackerFix:
    """Return the fix that says where a person was."""
    return TrackerFix(
        event_id=_event_id(heard, "fix", location),
        source=heard.source,
        observed_us=heard.time_us,
        ingested_us=heard.now_us,
        exercise=heard.exercise,
        case_id=heard.subject_ref,
        subject_ref=heard.subject_ref,
        fix_us=heard.time_us,
        location=location,
        speed_mps=speed_mps,
        course_deg=course_deg,
        battery_pct=battery_pct,
    )


def alert_of(
    heard: Heard,
    kind: AlertKind,
    location: Location | None,
    *,
    hazards: tuple[str, ...] = (),
    last_seen_us: int | None = None,
) -> WanderingAlert:
    """Return an alert about a person; ``last_seen_us`` is that of the place where nothing else is said."""
    return WanderingAlert(
        event_id=_event_id(heard, kind.value, location),
        source=heard.source,
        observed_us=heard.time_us,
        ingested_us=heard.now_us,
        exercise=heard.exercise,
        case_id=heard.subject_ref,
        subject_ref=heard.subject_ref,
        kind=kind.value,
        location=location,
        last_seen_us=heard.time_us if last_seen_us is None and location is not None else last_seen_us,
        hazards=hazards,
    )


def _event_id(heard: Heard, what: str, location: Location | None) -> str:
    place = None if location is None else (location.lat_deg, location.lon_deg)
    return f"{heard.source}:{digest(heard.subject_ref, what, heard.stated, place)}"
