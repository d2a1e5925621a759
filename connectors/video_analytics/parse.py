"""One item of the form to a look. Pure: an item gives a record, a refusal, or nothing where it is too unsure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import EntryRefusedError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.dispatch_rows import digest, text_of
from connectors.kit.reading.items import is_true, time_us_of
from connectors.kit.reading.json_bodies import require_object
from connectors.kit.reading.places import PlaceRules, is_absent, number_of, place_at
from connectors.video_analytics.confidence import Scale
from connectors.video_analytics.references import CHARACTERS_MAX, Cases, camera_of, case_of
from schemas.camera_assignment import ViewLevel
from schemas.location import Location, LocationQuality
from schemas.sighting import Sighting, SightingResult, SightingSource

SOURCE = "video_analytics"
# What a dead letter may keep: codes, nothing that speaks of a person.
KEPT = ("result", "level")
# Where a case is named, the first that is there counts: its id, or what the video wall was told as its session.
CASE_FIELDS = ("case_id", "session")
ACCURACY_M_MAX = 5_000.0
SEEN, NOT_SEEN = SightingResult.SEEN, SightingResult.LOOKED_NOT_SEEN
RESULTS: Mapping[str, SightingResult] = {
    **dict.fromkeys(("seen", "found", "match", "hit"), SEEN),
    **dict.fromkeys(("looked-not-seen", "not-seen", "not-found", "no-match"), NOT_SEEN),
}
LEVELS: Mapping[str, ViewLevel] = {
    **{level.value: level for level in ViewLevel if level != ViewLevel.OTHER},
    "identification": ViewLevel.IDENTIFY,
    "recognition": ViewLevel.RECOGNISE,
    "recognize": ViewLevel.RECOGNISE,
    "observation": ViewLevel.OBSERVE,
    "detection": ViewLevel.DETECT,
}
# IEC 62676-4, pixels per metre on the target, the best first.
_PIXELS_PER_M = (
    (250, ViewLevel.IDENTIFY), (125, ViewLevel.RECOGNISE), (62, ViewLevel.OBSERVE), (25, ViewLevel.DETECT),
    (0, ViewLevel.NONE),
)  # fmt: skip
BY = (SightingSource.ANALYTICS.value, SightingSource.OPERATOR.value)
_UNUSABLE = (LocationQuality.NONE, LocationQuality.DEFAULT)


@dataclass(frozen=True, slots=True)
class Rules:
    """How items are read.

    Attributes:
        system: name of the system that sends; empty without one.
        by: who looks, one of ``BY``; empty where each item says.
        late_us: an older look says nothing of now, microseconds; it is only counted.
        places: what is known of clicked places.
        zone: what a time without an offset means.
        future_tolerance_us: how far a clock may be ahead, microseconds.
        scale: what a score is worth.
        pseudonyms: turns operators' ids into pseudonyms.
        cases: the cases that are known.
        note: called with findings.
    """

    system: str
    by: str
    late_us: int
    places: PlaceRules
    zone: ZoneInfo
    future_tolerance_us: int
    scale: Scale
    pseudonyms: Pseudonyms
    cases: Cases
    note: Callable[[str], None]

    @property
    def source(self) -> str:
        """Return what stands in the records as their source."""
        return f"{SOURCE}:{self.system}" if self.system else SOURCE


def parse_look(item: Any, now_us: int, rules: Rules) -> Sighting | None:
    """Return the look that an item tells of; None where its score is too low to say anything.

    Args:
        item: one object of the form.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.

    Raises:
        EntryRefusedError: the item breaks a rule.
    """
    item = require_object(item)
    case_id, camera_id, result, by = _case(item, rules), _camera(item), _result(item), _by(item, rules)
    reliability, is_word = _reliability(item, by, rules)
    if not is_word:
        rules.note("too-unsure")
        return None
    place = _place(item, rules) if result == SEEN else None
    _require_where(result, camera_id, place)
    stated = _stated(item)
    at_us = now_us
    if not is_absent(item.get("at")):
        at_us = time_us_of(
            item, "at", now_us=now_us, tolerance_us=rules.future_tolerance_us, note=rules.note, zone=rules.zone
        )
    if now_us - at_us > rules.late_us:
        rules.note("late")
    return Sighting(
        event_id=f"{rules.source}:{digest(case_id, camera_id, result.value, by, *stated)}",
        source=rules.source,
        observed_us=at_us,
        ingested_us=now_us,
        exercise=_exercise(item, case_id, rules),
        case_id=case_id,
        camera_id=camera_id,
        result=result.value,
        level=_level(item, rules),
        seen_us=at_us,
        by=by,
        reliability=reliability,
        actor_ref=_actor(item, by, rules),
        location=place,
    )


def _case(item: Mapping[str, Any], rules: Rules) -> str:
    for field in CASE_FIELDS:
        value = item.get(field)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise EntryRefusedError("wrong-type", field, f"{field}: must be text, got {type(value).__name__}")
        return case_of(value, field, rules.cases)
    raise EntryRefusedError("missing-field", "case_id", "case_id: must be given, or the session")


def _camera(item: Mapping[str, Any]) -> str | None:
    value = item.get("camera_id")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise EntryRefusedError("wrong-type", "camera_id", f"camera_id: must be text, got {type(value).__name__}")
    return camera_of(value)


def _result(item: Mapping[str, Any]) -> SightingResult:
    found = RESULTS.get(_word(item, "result"))
    if found is None:
        reason = "missing-field" if is_absent(item.get("result")) else "unknown-code"
        raise EntryRefusedError(reason, "result", f"result: must be one of {', '.join(RESULTS)}")
    return found


def _by(item: Mapping[str, Any], rules: Rules) -> str:
    if rules.by:
        return rules.by
    found = _word(item, "by")
    if found not in BY:
        reason = "unknown-code" if found else "missing-field"
        raise EntryRefusedError(reason, "by", f"by: must be one of {', '.join(BY)}")
    return found


def _reliability(item: Mapping[str, Any], by: str, rules: Rules) -> tuple[float | None, bool]:
    """Return how far an item is believed, None for the policy's figure, and whether it is a word at all.

    What people see is believed as the policy says: what they feel sure of is no score.
    """
    value = item.get("confidence")
    if by != SightingSource.ANALYTICS or is_absent(value):
        return None, True
    share = rules.scale.share(value)
    if share is None:
        rule = f"must be a number from 0 to {rules.scale.whole:g}"
        raise EntryRefusedError("out-of-range", "confidence", f"confidence: {rule}, got {type(value).__name__}")
    reliability = rules.scale.reliability(share)
    return reliability, reliability is not None


def _place(item: Mapping[str, Any], rules: Rules) -> Location | None:
    """Return the clicked place; None without one, or with one that stands for none."""
    if is_absent(item.get("lat")) and is_absent(item.get("lon")):
        return None
    accuracy_m = number_of(item.get("accuracy_m"))
    places = rules.places
    if accuracy_m is not None and 0 <= accuracy_m <= ACCURACY_M_MAX:
        places = replace(places, accuracy_m=accuracy_m)
    place = place_at(item.get("lat"), item.get("lon"), places)
    if place.finding is not None:
        rules.note(place.finding)
    return None if place.location is None or place.location.quality in _UNUSABLE else place.location


def _require_where(result: SightingResult, camera_id: str | None, place: Location | None) -> None:
    if camera_id is not None or place is not None:
        return
    rule = "must be given" if result == NOT_SEEN else "must be given, or a place on Earth by lat and lon"
    raise EntryRefusedError("missing-field", "camera_id", f"camera_id: {rule}")


def _stated(item: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return the item's own words that tell it from the next look, so that it has the same id whenever it is read.

    Raises:
        EntryRefusedError: it has neither a time nor an id.
    """
    if is_absent(item.get("at")) and not text_of(item, "id"):
        raise EntryRefusedError("missing-field", "at", "at: must be given, or an id: looks cannot be told apart")
    return text_of(item, "id")[:100], str(item.get("at"))[:100], str(item.get("lat"))[:40], str(item.get("lon"))[:40]


def _level(item: Mapping[str, Any], rules: Rules) -> str | None:
    word, pixels_per_m = _word(item, "level"), number_of(item.get("pixels_per_m"))
    if word in LEVELS:
        return LEVELS[word].value
    if pixels_per_m is not None and pixels_per_m >= 0:
        return next(level.value for least, level in _PIXELS_PER_M if pixels_per_m >= least)
    if word or not is_absent(item.get("pixels_per_m")):
        rules.note("unknown-level")
    return None


def _exercise(item: Mapping[str, Any], case_id: str, rules: Rules) -> bool:
    """Return whether it is about a drill: as the item says, else as the case is."""
    if is_absent(item.get("exercise")):
        return rules.cases.is_drill(case_id) or False
    return is_true(item, "exercise")


def _actor(item: Mapping[str, Any], by: str, rules: Rules) -> str | None:
    """Return who looked: the pseudonym of an operator, the same as at the link gateway, or the name of the system."""
    if by == SightingSource.ANALYTICS:
        return rules.system or None
    name = text_of(item, "operator")
    return rules.pseudonyms.of("operator", name[:CHARACTERS_MAX]) if name else None


def _word(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value.strip().lower().replace("_", "-") if isinstance(value, str) else ""
