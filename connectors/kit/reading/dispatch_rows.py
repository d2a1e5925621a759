"""What the connectors for dropped dispatch exports (112, 119) share: from the rows of files to incidents."""

import hashlib
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.kit.errors import EntryRefusedError
from connectors.kit.source import Accepted, Entry, Refused
from connectors.kit.transports.dropped_file import Row, kept_payload
from connectors.kit.transports.file_drop import FileDrop
from schemas.clock import Clock
from schemas.incident import Incident
from schemas.topics import INCIDENTS

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
# A number shaped like a Korean phone number is taken for one: better a made-up id than one that leads to a person.
_PHONE = re.compile(r"(?:\+?82-?|0)\d{1,2}[-. ]?\d{3,4}[-. ]?\d{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The incident of a row and what was noticed in it (kebab-case words, for counting)."""

    incident: Incident
    findings: tuple[str, ...]


class ReadsRow(Protocol):
    """A connector's pure reading of one row."""

    def __call__(self, cells: Mapping[str, Any], now_us: int, /) -> Parsed:
        """Return the incident of the row, or raise ``EntryRefusedError`` where it is none."""


class DispatchRows:
    """The rows of a file drop as entries for the topic ``incidents``: one entry per row.

    Args:
        drop: the files.
        clock: where ``ingested_us`` comes from.
        read_row: the connector's reading of one row.
        kept_columns: regular expression by column, of what a refused row may keep.

    Attributes:
        findings: how often what was noticed in accepted rows, by kebab-case word, e.g. ``default-point``.
    """

    def __init__(self, drop: FileDrop, clock: Clock, read_row: ReadsRow, kept_columns: Mapping[str, str]) -> None:
        self.findings: Counter[str] = Counter()
        self._drop = drop
        self._clock = clock
        self._read_row = read_row
        self._kept_columns = kept_columns

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield one entry per row after ``cursor``, in the order of the files."""
        async with aclosing(self._drop.rows(cursor)) as rows:
            async for row in rows:
                yield self.entry_of(row)

    def entry_of(self, row: Row) -> Entry:
        """Return the entry that a row makes."""
        try:
            if row.problem is not None:
                raise EntryRefusedError(row.problem.reason, None, row.problem.message)
            parsed = self._read_row(row.cells, self._clock.now_us())
        except EntryRefusedError as error:
            return Refused(
                topic=INCIDENTS,
                reason=error.reason,
                field=error.field,
                message=str(error),
                payload=kept_payload(row.cells, self._kept_columns, row),
                number=row.number,
                cursor=row.cursor,
            )
        self.findings.update(parsed.findings)
        if row.broken_bytes:
            self.findings["broken-bytes"] += 1
        return Accepted(INCIDENTS, parsed.incident, cursor=row.cursor)


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
