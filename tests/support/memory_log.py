"""A broker in memory for the producer and consumer of the connector kit, which can fail at any record."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from connectors.kit.settings import ConnectorSettings
from schemas.codec import decode
from schemas.connector_cursor import ConnectorCursor
from schemas.topics import BY_NAME

SETTINGS = ConnectorSettings(bootstrap_servers=("127.0.0.1:9",), topic_prefix="t")
CASE_PARTITIONS = 4


@dataclass(frozen=True)
class Stored:
    """A record as the log holds it."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()

    @property
    def record(self) -> Any:
        """Return the decoded record; None for a tombstone."""
        return None if self.value is None else decode(BY_NAME[self.topic].record, self.value)


class _Future:
    def __init__(self, exception: Exception | None) -> None:
        self.is_done = True
        self.exception = exception

    def add_both(self, call: Callable[[Any], None]) -> None:
        call(None)


@dataclass
class MemoryLog:
    """The records of all topics.

    Attributes:
        records: all, in the order in which they came.
        fail_at: the record with this number (from 0) is not taken, once; None takes all.
        sent: how many records were handed over, taken or not.
        committed: offsets of consumer groups.
    """

    records: list[Stored] = field(default_factory=list)
    fail_at: int | None = None
    sent: int = 0
    committed: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    changed: threading.Event = field(default_factory=threading.Event)

    def of(self, *topics: str) -> list[Stored]:
        """Return what is on these topics, or on all."""
        return [stored for stored in list(self.records) if not topics or stored.topic in topics]

    def append(self, topic: str, partition: int, key: bytes, value: bytes | None, headers: Any = ()) -> None:
        """Add a record."""
        offset = sum(s.topic == topic and s.partition == partition for s in self.records)
        self.records.append(Stored(topic, partition, offset, key, value, tuple(headers)))
        self.changed.set()

    def opener(self, settings: ConnectorSettings, delivery_timeout_ms: int) -> tuple[Any, bool]:
        """Return a producer, as the publisher asks for one."""
        del settings, delivery_timeout_ms
        return _Producer(self), True

    def consumer(self, name: str, settings: ConnectorSettings) -> Any:
        """Return a consumer, as the runner of sinks asks for one."""
        del settings
        return _Consumer(self, name)


class _Producer:
    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def partitions_for(self, topic: str) -> set[int]:
        return set(range(BY_NAME[topic.removeprefix("t.")].partitions(CASE_PARTITIONS)))

    def send(self, topic: str, *, value: bytes | None, key: bytes, headers: Any, partition: int, **_: Any) -> _Future:
        log, number = self._log, self._log.sent
        log.sent += 1
        if log.fail_at is not None and number >= log.fail_at:
            log.fail_at = None
            return _Future(KafkaTimeoutError())
        log.append(topic.removeprefix("t."), partition, key, value, headers)
        return _Future(None)

    def close(self, timeout_s: float) -> None:
        del timeout_s


class _Consumer:
    def __init__(self, log: MemoryLog, group: str) -> None:
        self._log = log
        self._group = group
        self._topics: list[str] = []
        self._position: dict[TopicPartition, int] = defaultdict(int)
        self._position |= {tp: offset for (name, tp), offset in log.committed.items() if name == group}
        self._paused: set[TopicPartition] = set()

    def subscribe(self, topics: Sequence[str], listener: Any) -> None:
        del listener  # nobody else is in the group
        self._topics = [topic.removeprefix("t.") for topic in topics]

    def position(self, partition: TopicPartition, timeout_ms: int) -> int:
        del timeout_ms
        return self._position[partition]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._position[partition] = offset

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("t." + s.topic, s.partition) for s in self._log.of(*self._topics)}

    def poll(self, timeout_ms: int = 0, max_records: int = 500) -> dict[TopicPartition, list[Any]]:
        found = self._take(max_records)
        if not found and timeout_ms:
            self._log.changed.wait(0.005)
            self._log.changed.clear()
        return found

    def _take(self, max_records: int) -> dict[TopicPartition, list[Any]]:
        found: dict[TopicPartition, list[Any]] = defaultdict(list)
        for stored in self._log.of(*self._topics):
            place = TopicPartition("t." + stored.topic, stored.partition)
            taken = sum(map(len, found.values()))
            if place in self._paused or stored.offset < self._position[place] or taken >= max_records:
                continue
            found[place].append(
                _Consumed("t." + stored.topic, stored.partition, stored.offset, stored.key, stored.value)
            )
            self._position[place] = stored.offset + 1
        return dict(found)

    def commit(self, offsets: dict[TopicPartition, Any], timeout_ms: int = 0) -> None:
        del timeout_ms
        self._log.committed |= {(self._group, tp): meta.offset for tp, meta in offsets.items()}

    def pause(self, *partitions: TopicPartition) -> None:
        self._paused |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self._paused -= set(partitions)

    def paused(self) -> set[TopicPartition]:
        return set(self._paused)

    def close(self, **_: Any) -> None:
        self._topics = []


@dataclass(frozen=True)
class _Consumed:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None


class MemoryCursors:
    """Cursors that outlive a run, as those in Kafka do."""

    def __init__(self) -> None:
        self.written: list[ConnectorCursor] = []

    async def read(self, connector: str) -> ConnectorCursor | None:
        """Return the newest cursor of a connector."""
        return next((cursor for cursor in reversed(self.written) if cursor.connector == connector), None)

    async def write(self, cursor: ConnectorCursor) -> None:
        """Keep a cursor."""
        self.written.append(cursor)
