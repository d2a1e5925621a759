"""What a source tells of payloads when its process ends and starts again between them, on a log that outlives it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from connectors.kit.arrival import Arrival, with_cursor
from connectors.kit.context import ConnectorContext
from connectors.kit.manifest import build
from connectors.kit.payloads import PayloadSource
from connectors.kit.source import Accepted, Entry, Refused
from schemas.codec import encode
from schemas.topics import CONNECTOR_CURSORS
from tests.connectors.local_context import NOON_US, StillClock, a_context
from tests.support.memory_log import MemoryLog
from tests.support.memory_pictures import MemoryPictures

SECOND_US = 1_000_000
INSTANCE = "one"


def remembering(log: MemoryLog, context: ConnectorContext) -> ConnectorContext:
    """Return the surroundings of an instance whose memory lies on a log."""
    return replace(context, instance=INSTANCE, pictures=MemoryPictures(log))


def keep(log: MemoryLog, entry: Accepted) -> None:
    """Put what an instance remembers on its log."""
    topic, record = entry.topic, entry.record
    log.append(topic.name, 0, entry.key or topic.key_of(record), None if record is None else encode(record))


class Lives:
    """One instance of a connector whose process ends now and then.

    Attributes:
        log: what stands in Kafka.
        clock: the time; a second goes by from payload to payload.
    """

    def __init__(self, name: str, options: Mapping[str, Any], origin: str = "", now_us: int = NOON_US) -> None:
        self.log = MemoryLog()
        self.clock = StillClock(now_us)
        self._name, self._options, self._origin = name, dict(options), origin
        self._number = 0

    async def told(self, payloads: Sequence[bytes], lasts: Callable[[list[Any]], bool] | None = None) -> list[Any]:
        """Let a fresh process take payloads; return the records, and the reasons of what it refused.

        Args:
            payloads: what it takes.
            lasts: whether it goes on waiting after the payloads, by what was told so far; it ends at once if None.
        """
        found: list[Any] = []
        context = remembering(self.log, replace(a_context(), clock=self.clock))
        source = build(self._name, self._options, context)
        assert isinstance(source, PayloadSource)
        link = _Link(self._given(source, payloads), lambda: lasts is not None and lasts(found))
        source._linked = lambda: link  # type: ignore[assignment, return-value, method-assign]
        async with asyncio.timeout(10), aclosing(source.entries(None)) as entries:
            async for entry in entries:
                if isinstance(entry, Refused):
                    found.append(entry.reason)
                elif entry.topic is CONNECTOR_CURSORS:
                    keep(self.log, entry)
                else:
                    found.append(entry.record)
        return found

    def kept(self) -> dict[str, int]:
        """Return how many bytes are kept under each key, newest values only."""
        newest = {s.key.decode(): s.value for s in self.log.of(CONNECTOR_CURSORS.name)}
        return {key: len(key.encode()) + len(value) for key, value in newest.items() if value is not None}

    def _given(self, source: PayloadSource, payloads: Sequence[bytes]) -> Iterator[list[Entry]]:
        for payload in payloads:
            self._number += 1
            self.clock.now += SECOND_US
            arrival = Arrival(self.clock.now, self._number, self._origin)
            yield with_cursor(source.answers(payload, arrival), str(self._number))


class _Link:
    """A transport that hands over some payloads, waits and ends."""

    is_connected = True

    def __init__(self, given: Iterator[list[Entry]], lasts: Callable[[], bool]) -> None:
        self._given = given
        self._lasts = lasts

    def acknowledged(self, cursor: str) -> None:
        """Nothing to do."""

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of each payload."""
        del cursor
        for entries in self._given:
            for entry in entries:
                yield entry
        while self._lasts():
            await asyncio.sleep(0.01)


async def tellings(
    name: str, options: Mapping[str, Any], payloads: Sequence[bytes], origin: str = ""
) -> tuple[list[Any], dict[int, list[Any]]]:
    """Return what is told without a restart, and with one after each number of payloads.

    Args:
        name: the connector's name.
        options: its options.
        payloads: what it takes, one after the other.
        origin: the MQTT topic.
    """
    whole = await Lives(name, options, origin).told(payloads)
    restarted = {}
    for cut in range(1, len(payloads)):
        lives = Lives(name, options, origin)
        restarted[cut] = await lives.told(payloads[:cut]) + await lives.told(payloads[cut:])
    return whole, restarted
