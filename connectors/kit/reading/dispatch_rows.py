"""What the connectors for dispatch systems (112, 119) share in reading a row. Pure: no clock, no files."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.incident import Incident

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
# A number shaped like a Korean phone number is taken for one: better a made-up id than one that leads to a person.
_PHONE = re.compile(r"(?:\+?82-?|0)\d{1,2}[-. ]?\d{3,4}[-. ]?\d{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The incident of a row and what was noticed in it (kebab-case words, for counting)."""

    incident: Incident
    findings: tuple[str, ...]


def text_of(cells: Mapping[str, Any], column: str) -> str:
    """Return a cell as text without spaces around it; empty where there is none."""
    value = cells.get(column)
    return "" if value is None else str(value).strip()


def looks_like_phone(text: str) -> bool:
    """Return whether a text has the shape of a Korean phone number."""
    return _PHONE.fullmatch(text) is not None


def usable_number(text: str) -> str | None:
    """Return a case or object number as it may be kept: up to 40 plain characters and no phone number; else None."""
    number = text.removesuffix(".0")
    return number if _NUMBER.fullmatch(number) and not looks_like_phone(number) else None


def digest(*parts: object) -> str:
    """Return 24 hexadecimal characters that stand for the parts; of a billion two share one with odds below 10^-10."""
    return hashlib.sha256("\x1f".join(map(repr, parts)).encode("utf-8", "backslashreplace")).hexdigest()[:24]


def plausible_us(registered_us: int | None, now_us: int, tolerance_us: int, note: Callable[[str], None]) -> int:
    """Return the registered time, or the time of reading where that is missing or too far in the future.

    A call must not be lost for a wrong clock, and one from the future would hold back all decisions on it.

    Args:
        registered_us: what the row says, UTC microseconds since the epoch; None where it is not readable.
        now_us: when the row was read, UTC microseconds since the epoch.
        tolerance_us: how far the sender's clock may be ahead, microseconds.
        note: called with ``unreadable-time`` or ``clock-skew`` where the row's time is not taken.
    """
    if registered_us is None:
        note("unreadable-time")
        return now_us
    if registered_us > now_us + tolerance_us:
        note("clock-skew")
        return now_us
    return registered_us
