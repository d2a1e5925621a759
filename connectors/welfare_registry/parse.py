"""One registration to what is kept of it. Pure: no clock, no network; it gives records and removals or a refusal."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import EntryRefusedError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.dispatch_rows import digest, text_of, usable_number
from connectors.kit.reading.iso_times import iso_us
from connectors.kit.reading.items import PERSON_ID_CHARACTERS_MAX, time_us_of
from connectors.kit.reading.places import PlaceRules, is_absent
from connectors.kit.reading.tracked import (
    TRACKER_ID_CHARACTERS_MAX,
    TRACKER_SCHEME,
    Note,
    hazards_of,
    usual_tracker_id,
)
from connectors.welfare_registry.zones import zones_of
from schemas.protected_subject import ProtectedSubject

SOURCE = "welfare_registry"
KEPT = ("state", "quiet_from", "quiet_until", "valid_until")
# The states of a registration, in English and as Korean registries write them.
ACTIVE = frozenset({"active", "registered", "등록", "이용중"})
ENDED = frozenset({"ended", "removed", "deleted", "withdrawn", "해지", "종료", "삭제", "철회"})
TRACKERS_MAX = 20
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Of a text that was cut or read by the wrong table: it would be another id.
_HALF_CHARACTER = re.compile("[\ud800-\udfff\ufffd]")
# How databases write that something has no end.
_OPEN_END = "9999-"
_YES = frozenset({"true", "yes", "y", "1"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading a registration.

    Attributes:
        places: what is known of the registry's positions.
        id_scheme: the kind of id that the registry gives people.
        zone: zone of times without an offset, and of dates.
        future_tolerance_us: how far a time may lie in the future, microseconds.
        pseudonyms: turns ids of people and trackers into keyed pseudonyms.
        list_name: the list that states the registrations; empty where they come one by one.
    """

    places: PlaceRules
    id_scheme: str
    zone: ZoneInfo
    future_tolerance_us: int
    pseudonyms: Pseudonyms
    list_name: str = ""

    @property
    def id_prefix(self) -> str:
        """Return what the event ids begin with: they say which list stated a registration, and nobody else's do."""
        return f"{SOURCE}/{self.list_name}:" if self.list_name else f"{SOURCE}:"


@dataclass(frozen=True, slots=True)
class Registration:
    """What is kept of a registration.

    Attributes:
        subjects: the person as each of their pseudonyms; empty where the registration has ended.
        removed: pseudonyms under which nothing is kept any longer.
        is_dated: whether the registry says when it was changed, so that ``observed_us`` is its own word.
    """

    subjects: tuple[ProtectedSubject, ...]
    removed: tuple[str, ...]
    is_dated: bool = False


def parse_item(item: Mapping[str, Any], now_us: int, rules: Rules, note: Note) -> Registration:
    """Return what is kept of a registration.

    Args:
        item: its fields, by name in lower case.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: called with a kebab-case word for what was noticed in a registration that is taken all the same.

    Raises:
        EntryRefusedError: it breaks a rule; what was registered before stands.
    """
    present = refs_of(item, rules)
    former = tuple(_trackers(item, "former_trackers", rules))
    state = text_of(item, "state").lower() or "active"
    if state in ENDED:
        return Registration((), _once((*present, *former)))
    if state not in ACTIVE:
        raise EntryRefusedError("unknown-state", "state", "state must be active or ended")
    kept = _kept(item, rules, note)
    observed_us = time_us_of(
        item, "updated", now_us=now_us, tolerance_us=rules.future_tolerance_us, note=_unless_absent(item, note),
        zone=rules.zone,
    )  # fmt: skip
    content = digest(text_of(item, "updated")[:100], sorted(kept.items(), key=str))
    subjects = tuple(
        ProtectedSubject(
            event_id=f"{rules.id_prefix}{digest(ref, content)}",
            source=SOURCE,
            observed_us=observed_us,
            ingested_us=now_us,
            case_id=ref,
            subject_ref=ref,
            **kept,
        )
        for ref in present
    )
    is_dated = observed_us != now_us and bool(text_of(item, "updated"))
    return Registration(subjects, tuple(ref for ref in _once(former) if ref not in present), is_dated)


def _kept(item: Mapping[str, Any], rules: Rules, note: Note) -> dict[str, Any]:
    """Return the fields of the record that say nothing of who it is."""
    quiet_from, quiet_until = _minutes(item, "quiet_from"), _minutes(item, "quiet_until")
    if quiet_from is None or quiet_until is None or quiet_from == quiet_until:
        if quiet_from is not None or quiet_until is not None:
            note("half-a-night-rest")
        quiet_from = quiet_until = None
    guardian = text_of(item, "guardian")
    guardian_ref = usable_number(guardian)
    if guardian and guardian_ref is None:
        note("guardian-is-no-reference")
    return {
        "exercise": _is_yes(item, "exercise"),
        "safe_zones": zones_of(item.get("zones"), rules.places, note),
        "quiet_from_min": quiet_from,
        "quiet_until_min": quiet_until,
        "detects_patterns": _is_yes(item, "patterns"),
        "hazards": hazards_of(item.get("hazards")),
        "guardian_ref": guardian_ref,
        "valid_until_us": _valid_until_us(item, rules.zone),
    }


def refs_of(item: Mapping[str, Any], rules: Rules) -> tuple[str, ...]:
    """Return the pseudonyms of a person: that of the registry's own id, then those of the trackers.

    Raises:
        EntryRefusedError: it is not told who it is.
    """
    refs = list(_trackers(item, "trackers", rules))
    person = _id_text(item.get("person"), "person")
    if person:
        if len(person) > PERSON_ID_CHARACTERS_MAX:
            rule = f"must be at most {PERSON_ID_CHARACTERS_MAX} characters"
            raise EntryRefusedError("too-long", "person", f"person: {rule}, got {len(person)}")
        refs.insert(0, rules.pseudonyms.of(rules.id_scheme, person))
    if not refs:
        raise EntryRefusedError("missing-field", "person", "person or trackers must be given")
    return _once(refs)


def _trackers(item: Mapping[str, Any], name: str, rules: Rules) -> list[str]:
    value = item.get(name)
    parts = value if isinstance(value, list) else re.split(r"[;,\s]+", _id_text(value, name))
    ids = [usual_tracker_id(text) for text in (_id_text(part, name) for part in parts) if text]
    if len(ids) > TRACKERS_MAX:
        raise EntryRefusedError("too-many", name, f"{name}: at most {TRACKERS_MAX} are read, got {len(ids)}")
    if any(len(text) > TRACKER_ID_CHARACTERS_MAX for text in ids):
        raise EntryRefusedError("too-long", name, f"{name}: an id has at most {TRACKER_ID_CHARACTERS_MAX} characters")
    return [rules.pseudonyms.of(TRACKER_SCHEME, text) for text in ids]


def _id_text(value: Any, name: str) -> str:
    """Return an id as text; empty where there is none. Whole numbers are ids too, e.g. an IMEI.

    What is neither is refused: if it were passed over, its tracker would look for nobody, and nobody would know.
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise EntryRefusedError("wrong-type", name, f"{name}: an id must be text, got {type(value).__name__}")
    text = str(value).strip()
    if _HALF_CHARACTER.search(text):
        raise EntryRefusedError("broken-text", name, f"{name}: an id must be whole characters")
    return "" if is_absent(text) else text


def _once(refs: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(refs))


def _minutes(item: Mapping[str, Any], name: str) -> int | None:
    """Return a time of the clock as minutes after midnight; None where there is none."""
    text = text_of(item, name)
    if not text or is_absent(text):
        return None
    if text in ("24:00", "24:00:00"):
        return 0  # the end of a day, as ISO 8601 of 1988 to 2004 and 2019 and many tables write it
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise EntryRefusedError("unreadable-time", name, f"{name}: must be HH:MM from 00:00 to 23:59")
    return int(match.group(1)) * 60 + int(match.group(2))


def _valid_until_us(item: Mapping[str, Any], zone: ZoneInfo) -> int | None:
    """Return when a registration ends: a moment, or the end of a local day."""
    text = text_of(item, "valid_until")
    if not text or is_absent(text) or text.startswith(_OPEN_END):
        return None
    found_us = iso_us(text, zone)
    if found_us is not None and _DATE.fullmatch(text):
        day_after = datetime.fromisoformat(text) + timedelta(days=1)
        found_us = round(day_after.replace(tzinfo=zone).timestamp() * 1_000_000)
    if found_us is None:
        raise EntryRefusedError("unreadable-time", "valid_until", "valid_until: must be a date or time in ISO 8601")
    return found_us


def _is_yes(item: Mapping[str, Any], name: str) -> bool:
    return text_of(item, name).lower() in _YES


def _unless_absent(item: Mapping[str, Any], note: Note) -> Note:
    """Return where to count findings of the time; a registration need not say when it was changed."""
    return note if text_of(item, "updated") else lambda finding: None
