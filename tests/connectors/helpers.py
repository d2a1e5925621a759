"""What the tests of the connector kit share: records, sources, reading topics back, a broker that can be cut off."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import SourceUnavailableError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Accepted, Entry, Refused
from schemas.clock import Clock, SystemClock
from schemas.connector_cursor import ConnectorCursor
from schemas.incident import Incident
from schemas.location import Location
from schemas.topics import INCIDENTS, Topic, prefixed

# For tests in which the broker goes away: kafka-python leaves sockets of failed connections unclosed.
OUTAGE = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
NOON_US = 1_770_000_000_000_000


def incident(number: int, *, case_id: str = "", kind: str = "robbery") -> Incident:
    """Return the incident with a number; the same number is the same incident."""
    return Incident(
        event_id=f"112:{number}:1",
        source="police_112",
        observed_us=NOON_US + number * 1_000_000,
        ingested_us=NOON_US + number * 1_000_000,
        case_id=case_id or f"112:{number}",
        incident_id=f"112:{number}",
        status="reported",
        service="police",
        kind=kind,
        occurred_us=NOON_US + number * 1_000_000,
        location=Location(lat_deg=37.5, lon_deg=127.0, accuracy_m=30.0, quality="address"),
    )


def context(clock: Clock | None = None) -> ConnectorContext:
    """Return a context for tests."""
    return ConnectorContext(clock=clock or SystemClock(), pseudonyms=Pseudonyms(b"k" * 32))


def read_topic(settings: ConnectorSettings, topic: Topic, expected: int, limit_s: float = 20.0) -> list[Any]:
    """Return the consumer records of a topic, in order per partition, read to its end, at least so many."""
    name = prefixed(settings.topic_prefix)(topic.name)
    consumer = KafkaConsumer(**settings.client_options(), group_id=None, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(name, p) for p in range(topic.partitions(4))]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        records: list[Any] = []
        deadline_s = time.monotonic() + limit_s
        while True:
            for batch in consumer.poll(100, max_records=20_000).values():
                records.extend(batch)
            ends = [consumer.highwater(p) for p in partitions]
            at_end = all(e is not None and consumer.position(p) >= e for p, e in zip(partitions, ends, strict=True))
            if at_end and len(records) >= expected:
                return records
            assert time.monotonic() < deadline_s, f"{name}: {len(records)} of {expected} records after {limit_s:g} s"
    finally:
        consumer.close(autocommit=False)


class ListSource:
    """A source over a list of incidents whose cursor is the number of entries given; it can wait, fail and be counted.

    Args:
        records: what it gives.
        down: how often it is unavailable before it answers.
        fails_after: it is unavailable once after so many entries.
        stays: wait for ever after the last entry, as a subscription does.
    """

    def __init__(
        self, records: Sequence[Any], *, down: int = 0, fails_after: int | None = None, stays: bool = False
    ) -> None:
        self.calls: list[str | None] = []
        self.freed = 0
        self._records = records
        self._down = down
        self._fails_after = fails_after
        self._stays = stays

    async def entries(self, cursor: str | None) -> AsyncIterator[Entry]:
        self.calls.append(cursor)
        if len(self.calls) <= self._down:
            raise SourceUnavailableError("the list does not answer")
        try:
            done = int(cursor or 0)
            for number, record in enumerate(self._records[done:], start=done + 1):
                if self._fails_after is not None and number > self._fails_after:
                    self._fails_after = None
                    raise SourceUnavailableError("the list went away")
                if isinstance(record, Exception):
                    raise record
                if record is None:
                    yield Refused(INCIDENTS, "broken", None, "rows must be whole", b"", number, str(number))
                else:
                    yield Accepted(INCIDENTS, record, cursor=str(number))
            if self._stays:
                await asyncio.Event().wait()
        finally:
            self.freed += 1


class MemoryCursors:
    """Cursors in memory, for tests that are not about where they are kept."""

    def __init__(self) -> None:
        self.written: list[ConnectorCursor] = []

    async def read(self, connector: str) -> ConnectorCursor | None:
        return next((cursor for cursor in reversed(self.written) if cursor.connector == connector), None)

    async def write(self, cursor: ConnectorCursor) -> None:
        self.written.append(cursor)


class BrokerProxy:
    """A TCP port in front of a broker that can be cut off and joined again, and that can refuse producer ids.

    The broker must advertise the proxy's address.
    """

    def __init__(self, *, refuse_producer_ids: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.target_port = 0
        self._refuse_producer_ids = refuse_producer_ids
        self._joined = True
        self._pairs: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        self._joined = False
        pairs, self._pairs = self._pairs, []
        for end in pairs:
            _shut(end)

    def join(self) -> None:
        """Let connections through again."""
        self._joined = True

    def close(self) -> None:
        self.cut()
        _shut(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._joined:
                _shut(client)
                continue
            broker = socket.create_connection(("127.0.0.1", self.target_port))
            self._pairs += [client, broker]
            init_ids: set[bytes] = set()
            for source, sink, change in ((client, broker, _note), (broker, client, _refuse)):
                use = change if self._refuse_producer_ids else _as_it_is
                threading.Thread(target=_pass_on, args=(source, sink, use, init_ids), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket, change: Any, init_ids: set[bytes]) -> None:
    """Hand over frame by frame: four bytes of length, then the frame."""
    try:
        while length := _exactly(source, 4):
            frame = _exactly(source, int.from_bytes(length, "big"))
            sink.sendall(length + change(frame, init_ids))
    except OSError:
        pass
    finally:
        _shut(source)
        _shut(sink)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = source.recv(count - len(data))
        if not part:
            return b""
        data += part
    return data


def _as_it_is(frame: bytes, init_ids: set[bytes]) -> bytes:
    return frame


def _note(frame: bytes, init_ids: set[bytes]) -> bytes:
    """Remember the correlation id of an InitProducerId request: api key 22, version, correlation id."""
    if frame[:2] == b"\x00\x16":
        init_ids.add(frame[4:8])
    return frame


def _refuse(frame: bytes, init_ids: set[bytes]) -> bytes:
    """Answer UNKNOWN_SERVER_ERROR (-1): after correlation id, tag byte and 4 bytes of throttle time."""
    if frame[:4] in init_ids:
        return frame[:9] + b"\xff\xff" + frame[11:]
    return frame


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
