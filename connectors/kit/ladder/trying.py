"""Listening to the live system for a while: nothing is written, and no trace is left with the other system."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.kit.arrival import Arrival
from connectors.kit.ladder.validating import Sample
from connectors.kit.payloads import PayloadSource
from connectors.kit.source import Entry, Source
from connectors.kit.transports.file_drop import SUFFIXES

# Of a dropped file so much is looked at for suggestions.
FILE_HEAD_BYTES = 1_048_576
# The word of the option ``transport`` for files, where a connector reads both.
_FILE = "file"


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a live source.

    Attributes:
        samples: the payloads with what the source made of them; for a source of files one sample of all entries.
        repeats: how many payloads came again; a sender repeats what is not taken from it.
    """

    samples: tuple[Sample, ...]
    repeats: int = 0


async def dry_run(source: Source, *, most: int, within_s: float) -> list[Entry]:
    """Return the first entries of a live source, as many as came within a time.

    Nothing is acknowledged: a push is answered with 503, an MQTT broker keeps its messages for the real run, files stay
    where they are, a cursor is not stored.

    Args:
        source: the source, made with a context whose ``is_trial`` is set.
        most: at most so many entries.
        within_s: how long to wait for them, seconds.

    Raises:
        SourceUnavailableError: the system does not answer.
        ConnectorConfigError: something that a person must mend.
    """
    entries: list[Entry] = []
    stream = source.entries(None)
    try:
        async with asyncio.timeout(within_s), aclosing(stream):  # type: ignore[type-var]
            async for entry in stream:
                entries.append(entry)
                if len(entries) >= most:
                    break
    except TimeoutError:
        pass
    return entries


async def listen(source: Source, options: Mapping[str, Any], *, most: int, within_s: float) -> Heard:
    """Return the first payloads of a live source with what it makes of them; for a source of files its first entries.

    It is as harmless as :func:`dry_run`, whose arguments and errors it has.

    Args:
        source: the source, made with a context whose ``is_trial`` is set.
        options: its options; ``path`` says where files lie.
        most: at most so many payloads, or entries of files.
        within_s: how long to wait for them, seconds.
    """
    reads_files = bool(options.get("path")) and options.get("transport", _FILE) in ("", _FILE)
    if not isinstance(source, PayloadSource) or reads_files:
        entries = await dry_run(source, most=most, within_s=within_s)
        return Heard((Sample(_head(options), entries),) if entries else ())
    source.ear = ear = _Ear(source, most)
    reading = asyncio.create_task(_read_on(source))
    enough = asyncio.create_task(ear.has_enough.wait())
    try:
        await asyncio.wait({reading, enough}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            reading.result()
    finally:
        enough.cancel()
        reading.cancel()
        await asyncio.gather(enough, reading, return_exceptions=True)
    return Heard(tuple(ear.samples), ear.repeats)


class _Ear:
    """Stands between a transport and a source and keeps what goes through, each payload once."""

    def __init__(self, source: PayloadSource, most: int) -> None:
        self.samples: list[Sample] = []
        self.repeats = 0
        self.has_enough = asyncio.Event()
        self._source = source
        self._most = most
        self._digests: set[bytes] = set()

    def answers(self, payload: bytes, arrival: Arrival) -> Sequence[Entry]:
        entries = self._source.answers(payload, arrival)
        digest = hashlib.sha256(arrival.origin.encode() + b"\n" + payload).digest()
        if digest in self._digests:
            self.repeats += 1
        elif not self.has_enough.is_set():
            self._digests.add(digest)
            self.samples.append(Sample(payload, entries))
        if len(self.samples) >= self._most:
            self.has_enough.set()
        return entries

    def next_url(self, payload: bytes, arrival: Arrival) -> str | None:
        return None if self.has_enough.is_set() else self._source.next_url(payload, arrival)

    def note(self, finding: str) -> None:
        self._source.note(finding)


async def _read_on(source: Source) -> None:
    stream = source.entries(None)
    async with aclosing(stream):  # type: ignore[type-var]
        async for _ in stream:
            pass


def _head(options: Mapping[str, Any]) -> bytes:
    """Return the beginning of the first file of a drop, in which suggestions are looked for; empty for none."""
    path = Path(str(options.get("path", ""))).expanduser()
    try:
        if path.is_dir():
            path = min(entry for entry in path.iterdir() if entry.name.lower().endswith(SUFFIXES))
        with path.open("rb") as file:
            return file.read(FILE_HEAD_BYTES)
    except (OSError, ValueError):
        return b""
