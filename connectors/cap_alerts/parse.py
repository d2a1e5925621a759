"""One CAP alert to what it says, in the contract's words. Pure: no clock, no network, no memory of other alerts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from connectors.cap_alerts.areas import Box, outlines_of, ring_of
from connectors.cap_alerts.codes import DRILLS, MESSAGES, OTHER_KIND, SEVERITIES, STATUSES, kind_of, urgency_of
from connectors.cap_alerts.documents import children, text_at
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import digest, plausible_us, usable_number
from connectors.kit.reading.districts import DistrictNames
from connectors.kit.reading.iso_times import iso_us
from schemas.location import Point

SOURCE = "cap_alerts"
# Of these the largest are followed; an alert of more parts is one of a country's islands.
PARTS_MAX = 8
REFERENCES_MAX = 200
INFOS_MAX = 100
AREAS_MAX = 1_000
ID_CHARACTERS_MAX = 512
_CODE = re.compile(r"[A-Z0-9][A-Za-z0-9_.-]{0,19}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading an alert.

    Attributes:
        zone: zone of times without an offset.
        language: infos in this language are read where there are any; a prefix such as ``ko``.
        senders: whose alerts are believed; empty believes all that the transport lets in.
        districts: the names of the city's districts.
        geocodes: which region a code beginning so stands for, as a text for ``districts``.
        box: south, west, north, east of the city in degrees; None cuts nothing off.
        future_tolerance_us: how far a time may lie in the future, microseconds.
        age_max_us: alerts without an end that were sent longer ago are passed over, microseconds.
    """

    zone: ZoneInfo
    language: str
    senders: frozenset[str]
    districts: DistrictNames
    geocodes: Mapping[str, str]
    box: Box | None
    future_tolerance_us: int
    age_max_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an alert says.

    Attributes:
        key: digest of sender and identifier.
        references: keys of the alerts it speaks of, earliest first.
        content: digest of what would make another word of the same alert.
        sent_us: when it was sent, UTC microseconds since the epoch.
        onset_us: when what it tells of begins, or when it was sent.
        expires_us: when it ends; None where it does not say.
        is_exercise: whether it is a drill or a test.
        message: ``Alert``, ``Update`` or ``Cancel``.
        is_over: whether it calls all clear.
        kind: what happens.
        native_code: the code of the event, where it has one.
        urgency: one of the city's words.
        rings: the parts of its area in the city, largest first; empty without.
        districts: districts of the city, where no outline was drawn.
        tells_area: False where it has an area that nobody here understands; without any it tells that it has none.
        is_elsewhere: whether its area is outside the city.
    """

    key: str
    references: tuple[str, ...]
    content: str
    sent_us: int
    onset_us: int
    expires_us: int | None
    is_exercise: bool
    message: str
    is_over: bool
    kind: str
    native_code: str | None
    urgency: str
    rings: tuple[tuple[Point, ...], ...]
    districts: tuple[str, ...]
    tells_area: bool
    is_elsewhere: bool


def parse_alert(alert: Element, now_us: int, rules: Rules, note: Callable[[str], None]) -> Told | None:
    """Return what an alert says; None for one that asks for nothing here.

    An update whose area is elsewhere may have moved out of the city: who knows the alerts before it must know of it.

    Args:
        alert: the element.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: called with a kebab-case word for what was noticed.

    Raises:
        EntryRefusedError: the alert breaks a rule.
    """
    sender, identifier = _id_part(alert, "sender"), _id_part(alert, "identifier")
    status = _one_of(alert, "status", STATUSES)
    message = _one_of(alert, "msgType", MESSAGES)
    if status == "Draft":
        raise EntryRefusedError("not-actionable", "status", "status: a draft is for nobody to act on")
    if rules.senders and sender not in rules.senders:
        raise EntryRefusedError("unknown-sender", "sender", f"sender: is not on the list of {len(rules.senders)}")
    if status == "System" or message in ("Ack", "Error"):
        note("not-for-the-public")
        return None
    sent_us = plausible_us(iso_us(text_at(alert, "sent"), rules.zone), now_us, rules.future_tolerance_us, note)
    infos = _infos_of(alert, rules.language)
    expires_us = _latest(infos, "expires", rules.zone)
    if message != "Cancel" and expires_us is None and now_us - sent_us > rules.age_max_us:
        note("old")
        return None
    area = _Area((), ()) if message == "Cancel" else _area_of(infos, rules, note)
    if area is None:
        note("elsewhere")
        if message != "Update":
            return None
    lead = min(infos, key=_severity, default=None)
    kind = OTHER_KIND if lead is None else kind_of(text_at(lead, "event"), text_at(lead, "category"))
    urgency = "minor" if lead is None else urgency_of(*(text_at(lead, n) for n in ("severity", "urgency", "certainty")))
    if lead is not None and kind == OTHER_KIND:
        note("unknown-event")
    key = digest(sender, identifier)
    return Told(
        key=key,
        references=_references_of(alert, key),
        content=digest(key, text_at(alert, "sent"), message, kind, urgency, expires_us),
        sent_us=sent_us,
        onset_us=min(_first(infos, "onset", rules.zone) or sent_us, sent_us),
        expires_us=expires_us,
        is_exercise=status in DRILLS,
        message=message,
        is_over=bool(infos) and all("AllClear" in _texts(info, "responseType") for info in infos),
        kind=kind,
        native_code=None if lead is None else _code_of(lead),
        urgency=urgency,
        rings=() if area is None else area.rings,
        districts=() if area is None else area.districts,
        tells_area=area is None or area.is_understood,
        is_elsewhere=area is None,
    )


@dataclass(frozen=True, slots=True)
class _Area:
    rings: tuple[tuple[Point, ...], ...]
    districts: tuple[str, ...]
    is_understood: bool = True


def _area_of(infos: list[Element], rules: Rules, note: Callable[[str], None]) -> _Area | None:
    """Return where an alert holds; None where that is not in the city."""
    areas = [area for info in infos for area in children(info, "area")][:AREAS_MAX]
    polygons = [text for area in areas for text in _texts(area, "polygon")]
    circles = [text for area in areas for text in _texts(area, "circle")]
    found: list[str] = []

    def noted(finding: str) -> None:
        found.append(finding)
        note(finding)

    outlines = outlines_of(polygons, circles, rules.box, noted)
    if outlines:
        if len(outlines) > PARTS_MAX:
            note("small-parts-left-out")
        return _Area(tuple(ring_of(outline) for outline in outlines[:PARTS_MAX]), ())
    if "outside-city" in found:
        return None
    names, elsewhere = _named(areas, rules, note)
    if not names and elsewhere:
        return None
    if not names:
        note("area-unknown")
    return _Area((), names, is_understood=bool(names or not areas))


def _named(areas: list[Element], rules: Rules, note: Callable[[str], None]) -> tuple[tuple[str, ...], bool]:
    """Return the districts that geocodes, or else area names, stand for, and whether other cities were named."""
    codes = [text_at(code, "value") for area in areas for code in children(area, "geocode")]
    prefixes = sorted(rules.geocodes, key=len, reverse=True)
    regions = [next((rules.geocodes[p] for p in prefixes if code.startswith(p)), None) for code in codes]
    by_code = rules.districts.regions_of(", ".join(region for region in regions if region))
    if by_code.names:
        return by_code.names, True
    named = rules.districts.regions_of(", ".join(text_at(area, "areaDesc") for area in areas))
    if named.ambiguous:
        note("ambiguous-district")
    is_elsewhere = bool(named.elsewhere and not named.unknown and not named.ambiguous)
    return named.names, is_elsewhere or bool(prefixes and codes and not any(regions))


def _infos_of(alert: Element, language: str) -> list[Element]:
    """Return the infos in the wanted language, else those in the language of the first."""
    infos = list(children(alert, "info"))[:INFOS_MAX]
    # CAP 1.2, 3.2.2: without a language an info is in English.
    spoken = [(text_at(info, "language") or "en-US").lower() for info in infos]
    wanted = [info for info, one in zip(infos, spoken, strict=True) if one.startswith(language.lower())]
    return wanted or [info for info, one in zip(infos, spoken, strict=True) if one == spoken[0]]


def _references_of(alert: Element, own: str) -> tuple[str, ...]:
    """Return the keys of the alerts that are spoken of, by the time they were sent: ``sender,identifier,sent``."""
    found: list[tuple[int, str]] = []
    for word in text_at(alert, "references").split()[:REFERENCES_MAX]:
        parts = word.split(",")
        if len(parts) >= 3:
            found.append((iso_us(parts[-1]) or 0, digest(parts[0], ",".join(parts[1:-1]))))
    return tuple(key for _, key in sorted(found) if key != own)


def _id_part(alert: Element, name: str) -> str:
    text = text_at(alert, name)
    if not text:
        raise EntryRefusedError("missing-field", name, f"{name}: must be given")
    if len(text) > ID_CHARACTERS_MAX:
        raise EntryRefusedError("too-long", name, f"{name}: at most {ID_CHARACTERS_MAX} characters, got {len(text)}")
    return text


def _one_of(alert: Element, name: str, words: frozenset[str]) -> str:
    text = text_at(alert, name)
    if text not in words:
        rule = f"must be one of {', '.join(sorted(words))}"
        raise EntryRefusedError("unknown-code", name, f"{name}: {rule}, got {len(text)} characters")
    return text


def _texts(element: Element, name: str) -> list[str]:
    return [(child.text or "").strip() for child in children(element, name)]


def _severity(info: Element) -> int:
    severity = text_at(info, "severity")
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _code_of(info: Element) -> str | None:
    """Return the first code of the event that looks like one; a name is no code."""
    codes: list[Any] = [text_at(code, "value") for code in children(info, "eventCode")]
    return next((code for code in codes if _CODE.fullmatch(code) and usable_number(code)), None)


def _latest(infos: list[Element], name: str, zone: ZoneInfo) -> int | None:
    """Return the latest of a time over all infos; None where one has none: that one does not end."""
    times = [iso_us(text_at(info, name), zone) for info in infos]
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(times) else None


def _first(infos: list[Element], name: str, zone: ZoneInfo) -> int | None:
    return min((time for info in infos if (time := iso_us(text_at(info, name), zone)) is not None), default=None)
