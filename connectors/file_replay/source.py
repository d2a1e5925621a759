"""Reads a replay file line by line, paced by the clock, and goes on where an earlier run stopped."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from connectors.file_replay.parse import LINE_BYTES_MAX, Line, kept_of, parse_line, topic_of
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, EntryRefusedError, SourceUnavailableError
from connectors.kit.option_values import choice_option, flag_option, number_option, refuse_unknown, text_option
from connectors.kit.source import Accepted, Entry, Refused
from schemas.topics import BY_NAME, DEAD_LETTER_SUFFIX, INCIDENTS, Topic

# The wait for a line that is due is cut into pieces of real time, so that a clock that is set is noticed.
WAIT_S_MAX = 0.5
# A different file under the same name is told by its first bytes.
FINGERPRINT_BYTES = 4_096
_WITH_DEAD_LETTERS = tuple(name for name in BY_NAME if name + DEAD_LETTER_SUFFIX in BY_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Which file is replayed and how fast.

    Attributes:
        path: the file.
        speed: how many times faster than written; 0 as fast as possible.
        refused_topic: topic in whose dead letters lines are answered that do not name a topic themselves.
        follow: wait for more lines at the end instead of ending.
        poll_interval_s: with ``follow``, pause between two looks for more lines, real seconds, 0.01 to 3600.
    """

    path: Path
    speed: float = 1.0
    refused_topic: str = INCIDENTS.name
    follow: bool = False
    poll_interval_s: float = 0.5

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that options describe.

        Raises:
            ConnectorConfigError: an option is missing, unknown or wrong; the message names it.
        """
        refuse_unknown(options, frozenset(cls.__slots__))
        return cls(
            path=Path(text_option(options, "path")).expanduser(),
            speed=number_option(options, "speed", 1.0, least=0, most=100_000),
            refused_topic=choice_option(options, "refused_topic", INCIDENTS.name, _WITH_DEAD_LETTERS),
            follow=flag_option(options, "follow", default=False),
            poll_interval_s=number_option(options, "poll_interval_s", 0.5, least=0.01, most=3600),
        )


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a replay is: next byte, lines done, when it began, and which file it was."""

    byte: int
    line: int
    start_us: int
    fingerprint: str

    def cursor(self) -> str:
        return f"{self.byte}:{self.line}:{self.start_us}:{self.fingerprint}"


class FileReplaySource:
    """Gives the records of a JSON-lines file.

    The cursor is ``<byte>:<line>:<start_us>:<fingerprint>``. A file with other first bytes is read from its start.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self._config = config
        self._clock = context.clock

    async def entries(self, cursor: str | None) -> AsyncIterator[Entry]:
        """Yield the file's records and refusals after ``cursor``, each when it is due.

        Raises:
            SourceUnavailableError: the file is not there or cannot be read now.
            ConnectorConfigError: the cursor is not one of this connector.
        """
        stored = _position_of(cursor)
        try:
            with self._config.path.open("rb") as file:
                start = await asyncio.to_thread(self._start, file, stored)
                async for entry in self._lines(file, start):
                    yield entry
        except OSError as error:
            raise SourceUnavailableError(
                f"{self._config.path.name} cannot be read: {error.strerror or type(error).__name__}"
            ) from error

    def _start(self, file: BinaryIO, stored: _Position | None) -> _Position:
        if stored is not None and _is_of(stored, file):
            file.seek(stored.byte)
            return stored
        file.seek(0)
        return _Position(0, 0, self._clock.now_us(), "")

    async def _lines(self, file: BinaryIO, position: _Position) -> AsyncIterator[Entry]:
        byte, number = position.byte, position.line
        fingerprint = position.fingerprint
        while True:
            raw = file.readline(LINE_BYTES_MAX + 1)
            if not raw or (self._config.follow and not raw.endswith(b"\n") and len(raw) <= LINE_BYTES_MAX):
                if not self._config.follow:
                    return
                file.seek(byte)
                # Not by the clock: a writer of lines lives in real time, however fast the clock of a rehearsal runs.
                await asyncio.sleep(self._config.poll_interval_s)
                continue
            byte += len(raw) + _skip_rest(file, raw)
            number += 1
            fingerprint = fingerprint or _fingerprint(raw)
            after = _Position(byte, number, position.start_us, fingerprint).cursor()
            if raw.strip():
                yield await self._entry(raw, number, position.start_us, after)

    async def _entry(self, raw: bytes, number: int, start_us: int, cursor: str) -> Entry:
        try:
            line = parse_line(raw, start_us=start_us, speed=self._config.speed, now_us=self._clock.now_us())
        except EntryRefusedError as error:
            return self._refused(raw, number, error, cursor)
        await self._until_due(line, start_us)
        return Accepted(line.topic, line.record, cursor=cursor, key=line.key)

    async def _until_due(self, line: Line, start_us: int) -> None:
        if line.at_s is None or self._config.speed == 0:
            return
        due_us = start_us + round(line.at_s * 1_000_000)
        factor = float(getattr(self._clock, "factor", 1.0))  # seconds of a scaled clock in a real one
        while (left_us := due_us - self._clock.now_us()) > 0:
            await asyncio.sleep(min(left_us / 1_000_000 / factor, WAIT_S_MAX))

    def _refused(self, raw: bytes, number: int, error: EntryRefusedError, cursor: str) -> Refused:
        named = topic_of(raw)
        topic = named if named is not None and named.name in _WITH_DEAD_LETTERS else self._refused_topic()
        return Refused(topic, error.reason, error.field, str(error), kept_of(raw, number), number, cursor)

    def _refused_topic(self) -> Topic:
        return BY_NAME[self._config.refused_topic]


def _position_of(cursor: str | None) -> _Position | None:
    if cursor is None:
        return None
    byte, _, rest = cursor.partition(":")
    line, _, rest = rest.partition(":")
    start_us, _, fingerprint = rest.partition(":")
    if not (byte.isdecimal() and line.isdecimal() and start_us.isdecimal() and fingerprint):
        raise ConnectorConfigError("the stored cursor is not one of file_replay; reset it to read from the start")
    return _Position(int(byte), int(line), int(start_us), fingerprint)


def _is_of(position: _Position, file: BinaryIO) -> bool:
    """Return whether a position is one in this file: the same first line, and not beyond its end."""
    file.seek(0)
    first_line = file.readline(FINGERPRINT_BYTES)
    return _fingerprint(first_line) == position.fingerprint and position.byte <= file.seek(0, 2)


def _fingerprint(first_line: bytes) -> str:
    return hashlib.sha256(first_line[:FINGERPRINT_BYTES].rstrip(b"\r\n")).hexdigest()[:16]


def _skip_rest(file: BinaryIO, raw: bytes) -> int:
    """Pass over the rest of a line that is too long; return how many bytes that was."""
    skipped = 0
    while len(raw) > LINE_BYTES_MAX and not raw.endswith(b"\n"):
        part = file.readline(LINE_BYTES_MAX)
        if not part:
            break
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped
