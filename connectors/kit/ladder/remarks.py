"""What looks wrong in a sample although it may have been taken: misspelt names, codes, axes, places and times.

Nothing of a person is shown: of values only codes that are nearly one of the connector's, degrees with one decimal,
offsets of clocks, and the shape of a text (``2026/3/1`` is ``9999/9/9``).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.ladder.likeness import nearest, plain
from connectors.kit.ladder.sample_items import Leaves
from connectors.kit.ladder.vocabulary import Vocabulary
from connectors.kit.reading.iso_times import epoch_us, iso_us
from connectors.kit.reading.places import number_of

NUMBERS_SHOWN = 3
REMARKS_MAX = 20
# A code is shown where it is so near a known one that it is a slip of the pen and no name.
CODES_ALIKE = 0.8
_CODE = re.compile(r"[^\W_][\w-]{3,23}")
_SHAPE_CHARACTERS_MAX = 30
# From a name for the latitude to that for the longitude; "lot" is that of Korean standards.
_ENDINGS = (
    ("latitude", "longitude"),
    ("lat", "lon"),
    ("lat", "lng"),
    ("lat", "long"),
    ("lat", "lot"),
    ("위도", "경도"),
)
_NO_PLACE = frozenset({"impossible-coordinates", "no-coordinates"})
_TIME = re.compile(r"(^|_)(time|timestamp|date|datetime|at|ts|dt|when)$|[a-z](Time|Date|At)$|일시$|시각$")
_HOUR_US = 3_600_000_000
# Coordinates of projected grids stay below ten million metres; what is larger is degrees in fine steps.
_SCALED_LEAST = 1e7
_USUAL_DELAY_US = _HOUR_US // 4
# The zone that is farthest ahead of UTC.
_ZONE_HOURS_MAX = 14
_UNKNOWN = "unknown-"
_ANY_ZONE = ZoneInfo("UTC")
_UNREADABLE, _NO_OFFSET = "unreadable-time", "no-offset"
# Names of fields that hold a position as a list of two.
_POSITION = re.compile(r"coord|position|location|point|latl|geo|gps|좌표|위치", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that looks wrong.

    Attributes:
        reason: class of it, kebab-case.
        field: name of the field in the sample.
        message: what was seen and what was meant.
        count: how many items have it.
        numbers: numbers of the first of them, from 1.
    """

    reason: str
    field: str
    message: str
    count: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What tells a good value from a bad one.

    Attributes:
        vocabulary: the connector's words.
        now_us: when the sample is read, UTC microseconds since the epoch.
        city_box: south, west, north, east in degrees; None does not know the city.
        findings: what the connector noticed, kebab-case words.
    """

    vocabulary: Vocabulary
    now_us: int
    city_box: tuple[float, float, float, float] | None = None
    findings: frozenset[str] = frozenset()


def remarks_of(items: Sequence[Leaves], around: Surroundings) -> tuple[Remark, ...]:
    """Return what looks wrong in the items of a sample, the most frequent first."""
    meant = cache(partial(_misspelt, vocabulary=around.vocabulary))
    looks: list[Callable[[Leaves], Iterable[tuple[str, str, str]]]] = [
        lambda item: meant(frozenset(name for name, _ in item)),
        lambda item: _places(item, around),
        lambda item: _times(item, around),
    ]
    if any(finding.startswith(_UNKNOWN) for finding in around.findings):
        looks.append(lambda item: _codes(item, around.vocabulary))
    found: dict[tuple[str, str, str], list[int]] = {}
    for number, item in enumerate(items, start=1):
        for look in looks:
            for remark in look(item):
                found.setdefault(remark, []).append(number)
    # A connector that reads times of the city without an offset would be told of each of them for one that is wrong.
    reasons = {reason for reason, _, _ in found}
    told = reasons - {_NO_OFFSET} if _UNREADABLE in reasons else reasons
    remarks = [
        Remark(reason, field, message, len(numbers), tuple(numbers[:NUMBERS_SHOWN]))
        for (reason, field, message), numbers in found.items()
        if reason in told
    ]
    return tuple(sorted(_by_field(remarks), key=lambda remark: -remark.count)[:REMARKS_MAX])


def shape_of(text: str) -> str:
    """Return the shape of a text: digits as 9, letters as a, the rest as it is."""
    shown = text[:_SHAPE_CHARACTERS_MAX]
    shape = "".join("9" if c.isdigit() else "a" if c.isalpha() else c if c.isprintable() else "?" for c in shown)
    return shape if len(text) == len(shown) else f"{shape}…"


def _by_field(remarks: Iterable[Remark]) -> list[Remark]:
    """Return one remark per reason and field: with the words of the first and the count of all."""
    found: dict[tuple[str, str], Remark] = {}
    for remark in remarks:
        place = (remark.reason, remark.field if remark.reason != _UNKNOWN + "code" else remark.message)
        same = found.get(place)
        count = remark.count + (same.count if same else 0)
        numbers = tuple(sorted({*remark.numbers, *(same.numbers if same else ())})[:NUMBERS_SHOWN])
        message = same.message if same else remark.message
        found[place] = Remark(remark.reason, remark.field, message, count, numbers)
    return list(found.values())


def _misspelt(seen: frozenset[str], vocabulary: Vocabulary) -> list[tuple[str, str, str]]:
    """Return a remark for each name that the connector does not know, and that is near one that lacks."""
    # Columns of tables are read whatever their case, and written in capitals most often; keys of JSON are not.
    fold = str.casefold if all(name == name.upper() for name in seen) else str
    known, there = {fold(word) for word in vocabulary.words}, {fold(name) for name in seen}
    lacking = {word for word in vocabulary.fields if fold(word) not in there}
    found = []
    for name in sorted(seen):
        if fold(name) in known:
            continue
        word = nearest(name, lacking)
        if word is not None:
            found.append((_UNKNOWN + "field", name, f"{name}: unknown field, did you mean {word}?"))
    return found


def _codes(item: Leaves, vocabulary: Vocabulary) -> Iterator[tuple[str, str, str]]:
    for field, value in item:
        if not isinstance(value, str) or not _CODE.fullmatch(value) or value in vocabulary.codes:
            continue
        word = nearest(value, vocabulary.codes, alike=CODES_ALIKE, synonyms=False)
        if word is not None and word.casefold() != value.casefold():
            yield _UNKNOWN + "code", field, f"{field} {value!r}: not in the table, nearest {word!r}"


def _places(item: Leaves, around: Surroundings) -> Iterator[tuple[str, str, str]]:
    for (lat_name, lat), (lon_name, lon) in _pairs(item):
        lat_deg, lon_deg = number_of(lat), number_of(lon)
        if lat_deg is not None and lon_deg is not None and _are_swapped(lat_deg, lon_deg, around.city_box):
            yield "swapped-axes", lat_name, f"{lat_name}={lat_deg:.1f}, {lon_name}={lon_deg:.1f}: axes look swapped"
            continue
        if not around.findings & _NO_PLACE:
            continue  # what the connector takes is right, metres of a grid for example
        for name, value, most in ((lat_name, lat, 90), (lon_name, lon, 180)):
            hint = _no_degrees(value, most)
            if hint:
                yield "unusable-coordinates", name, f"{name}: {hint}"
    if around.findings & _NO_PLACE:
        for name, values in _lists_of_two(item):
            # Systems differ in which axis comes first, so each may be as large as a longitude.
            hint = next((hint for value in values if (hint := _no_degrees(value, 180))), "")
            if hint:
                yield "unusable-coordinates", name, f"{name}: {hint}"


def _lists_of_two(item: Leaves) -> Iterator[tuple[str, list[Any]]]:
    """Yield the positions that are lists of two under one name."""
    by_name: dict[str, list[Any]] = {}
    for name, value in item:
        by_name.setdefault(name, []).append(value)
    yield from ((name, values) for name, values in by_name.items() if len(values) == 2 and _POSITION.search(name))


def _pairs(item: Leaves) -> Iterator[tuple[tuple[str, Any], tuple[str, Any]]]:
    """Yield the latitudes of an item with their longitudes, told by names that differ in this alone."""
    by_name = {plain(name): (name, value) for name, value in item}
    for name, lat in by_name.items():
        ways = [name.replace(ending, other) for ending, other in _ENDINGS if ending in name]
        ways += [name[:-1] + "x"] if name.endswith("y") else []
        lon = next((by_name[way] for way in ways if way in by_name), None)
        if lon is not None:
            yield lat, lon


def _are_swapped(lat_deg: float, lon_deg: float, box: tuple[float, float, float, float] | None) -> bool:
    if box is None:
        return 90 < abs(lat_deg) <= 180 and abs(lon_deg) <= 90
    south, west, north, east = box
    inside = south <= lat_deg <= north and west <= lon_deg <= east
    return not inside and south <= lon_deg <= north and west <= lat_deg <= east


def _no_degrees(value: Any, most: int) -> str:
    """Return what a coordinate that is no degrees looks like; empty where it is degrees or nothing."""
    number = number_of(value)
    if number is None:
        return _no_number(value) if isinstance(value, str) and value.strip() else ""
    size = abs(number)
    if size <= most:
        return ""
    if size >= _SCALED_LEAST:
        power = next(power for power in range(5, 320) if size / 10.0**power <= most)
        return f"looks like degrees times 10^{power}; write decimal degrees"
    if size < 100 * most:
        return "looks like degrees and minutes in one number (NMEA, ddmm.mmmm); write decimal degrees"
    return "looks like metres of a projected grid; write WGS 84 degrees, or let the connector convert them"


def _no_number(text: str) -> str:
    if number_of(text.replace(",", ".")) is not None:
        return f"a decimal comma ({shape_of(text)}); write a point"
    if re.search("[°'′\"″]", text):
        return f"degrees, minutes and seconds ({shape_of(text)}); write decimal degrees"
    return f"no number ({shape_of(text)}); write decimal degrees"


def _times(item: Leaves, around: Surroundings) -> Iterator[tuple[str, str, str]]:
    for name, value in item:
        if not _TIME.search(name) or isinstance(value, bool) or not isinstance(value, str | int | float):
            continue
        time_us = iso_us(value) if isinstance(value, str) and not value.strip().isdigit() else epoch_us(value)
        if time_us is not None:
            hint = _ahead(time_us - around.now_us)
            if hint:
                yield "clock-skew", name, f"{name}: {hint}"
        elif _UNREADABLE in around.findings and isinstance(value, str) and iso_us(value, _ANY_ZONE) is not None:
            yield _NO_OFFSET, name, f"{name}: has no offset ({shape_of(value)}); write Z or +09:00"
        elif _UNREADABLE in around.findings and str(value).strip():
            # Many systems write times of their own, so whether one is unreadable is the connector's to say.
            yield _UNREADABLE, name, f"{name}: is not read as a time ({shape_of(str(value))})"


def _ahead(ahead_us: int) -> str:
    """Return what is wrong with a time that lies so far ahead of now; empty where nothing is."""
    hours = round(ahead_us / _HOUR_US)
    # A report is some minutes old when it comes, so local time taken for UTC lies a little under whole hours ahead.
    if 1 <= hours <= _ZONE_HOURS_MAX and -_USUAL_DELAY_US < ahead_us - hours * _HOUR_US < _HOUR_US // 60:
        return f"about {hours} h ahead of now; is it local time that is written as UTC?"
    return "lies in the future; look at the sender's clock and the unit" if ahead_us > _HOUR_US else ""
