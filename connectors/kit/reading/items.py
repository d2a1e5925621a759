"""Fields of a JSON item as most feeds have them: ids, times, people, codes; with refusals that name the field."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from connectors.kit.errors import EntryRefusedError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.dispatch_rows import plausible_us, text_of, usable_number
from connectors.kit.reading.iso_times import epoch_us, iso_us

T = TypeVar("T")
PERSON_ID_CHARACTERS_MAX = 256


def plain_id(item: Mapping[str, Any], name: str) -> str:
    """Return an id as it may be kept: up to 40 letters, digits and ``._-``, and no phone number.

    Raises:
        EntryRefusedError: it is missing or no such id.
    """
    text = text_of(item, name)
    if not text:
        raise EntryRefusedError("missing-field", name, f"{name}: must be given")
    number = usable_number(text)
    if number is None:
        rule = "must be up to 40 letters, digits, '.', '_' and '-', and no phone number"
        raise EntryRefusedError("unusable-id", name, f"{name}: {rule}, got {len(text)} characters")
    return number


def time_us_of(
    item: Mapping[str, Any],
    name: str,
    *,
    now_us: int,
    tolerance_us: int,
    note: Callable[[str], None],
    zone: ZoneInfo | None = None,
) -> int:
    """Return a time in ISO 8601 or since the epoch, as UTC microseconds; the time of reading where it cannot be.

    Args:
        item: the item.
        name: its field with the time.
        now_us: when it was read, UTC microseconds since the epoch.
        tolerance_us: how far the sender's clock may be ahead, microseconds.
        note: called with ``unreadable-time`` or ``clock-skew`` where the item's time is not taken.
        zone: what a time without an offset means; None takes it for unreadable.
    """
    value = item.get(name)
    found_us = iso_us(value, zone) if isinstance(value, str) else epoch_us(value)
    return plausible_us(found_us, now_us, tolerance_us, note)


def person_ref(item: Mapping[str, Any], name: str, pseudonyms: Pseudonyms, scheme: str = "person") -> str:
    """Return the pseudonym of the person or tracker whose id a field holds.

    Raises:
        EntryRefusedError: there is no id, or one far too long.
    """
    text = text_of(item, name)
    if not text or len(text) > PERSON_ID_CHARACTERS_MAX:
        reason = "too-long" if text else "missing-field"
        rule = f"must be 1 to {PERSON_ID_CHARACTERS_MAX} characters"
        raise EntryRefusedError(reason, name, f"{name}: {rule}, got {len(text)}")
    return pseudonyms.of(scheme, text)


def word_of(item: Mapping[str, Any], name: str, table: Mapping[str, T], other: T, note: Callable[[str], None]) -> T:
    """Return what a code stands for, compared without case; ``other`` and a finding where the table has it not."""
    text = text_of(item, name).lower()
    if text in table:
        return table[text]
    # Tables are written as the system writes its codes, often in capitals.
    for code, meant in table.items():
        if code.lower() == text:
            return meant
    note(f"unknown-{name}".replace("_", "-"))
    return other


def is_true(item: Mapping[str, Any], name: str) -> bool:
    """Return whether a flag is set: true, or the text "true", as XML and tables write it; anything else is false."""
    value = item.get(name)
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
