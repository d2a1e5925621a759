"""The unit of work: outputs, state changes and input offsets of a partition, committed together.

Two forms behind one protocol. ``TransactionalUnitOfWork`` uses one transactional producer per input partition, whose
start fences whoever owned the partition before; Faust never commits those offsets. ``PlainUnitOfWork`` is for brokers
without transactions: it waits until everything is acknowledged and only then lets Faust commit the offsets, so that
after a crash records are decided again, with the same ids and versions.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from topologies.connection import client_options
from topologies.errors import FencedError, UnitFailedError
from topologies.reading import committed_offsets
from topologies.settings import Settings

# Record batches are closed at this size; well under what brokers accept (message.max.bytes, 1 MiB by default).
BATCH_BYTES = 512 << 10
# A transaction that a dead worker left open holds up readers for at most this long.
TRANSACTION_TIMEOUT_MS = 10_000

# Brokers refuse the first records of a transaction while the last one is still being completed (a few milliseconds);
# aiokafka's own pause of 100 ms would be most of a unit's time.
RETRY_BACKOFF_MS = 5
# Without transactions, state rows of a unit carry the offsets up to which the state stands.
NEXT_OFFSETS_HEADER = "goldentime_next_offsets"

Header = tuple[str, bytes]
# aiokafka takes nothing but a list; nobody changes this one.
NO_HEADERS: list[Header] = []


@dataclass(slots=True)
class Outgoing:
    """Records for one topic; the lists have equal length, ``headers`` may be empty for none at all.

    Attributes:
        topic: full topic name.
        partition: where they go; None for the partition of the unit.
        covers: full names of the inputs whose effect is held by these rows of the worker's own state; empty for what
            is no state.
        keys: Kafka keys.
        values: values in the wire format; None is a tombstone.
        timestamps_ms: the records' times, milliseconds since the epoch.
        headers: Kafka headers of each record.
    """

    topic: str
    partition: int | None = None
    covers: frozenset[str] = frozenset()
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    timestamps_ms: list[int] = field(default_factory=list)
    headers: list[list[Header]] = field(default_factory=list)

    def add(
        self, key: bytes | None, value: bytes | None, timestamp_ms: int, headers: list[Header] = NO_HEADERS
    ) -> None:
        """Append one record."""
        self.keys.append(key)
        self.values.append(value)
        self.timestamps_ms.append(timestamp_ms)
        self.headers.append(headers)


@dataclass(slots=True)
class Unit:
    """What is committed together. Outputs go to the partition of the same number as the input's, or where they say.

    Attributes:
        partition: the input partition.
        outgoing: records per output topic, in the order in which a broker without transactions gets them.
        next_offsets: by full input topic name, the offset after the last record of this unit.
    """

    partition: int
    outgoing: list[Outgoing]
    next_offsets: dict[str, int]


class UnitOfWork(Protocol):
    """Commits units; owns the producers."""

    guarantee: str

    async def claim(self, partitions: Sequence[int]) -> None:
        """Become the owner of partitions: fence the one before, before any state or offset is read."""

    async def release(self, partitions: Sequence[int]) -> None:
        """Give partitions up."""

    async def next_offsets(self, topics: Sequence[str], partitions: Sequence[int]) -> dict[TopicPartition, int]:
        """Return the first offset not yet worked on, of every topic and partition."""

    async def commit(self, unit: Unit) -> None:
        """Commit a unit; when this returns, it is durable.

        Raises:
            FencedError: another worker owns the partition now.
            UnitFailedError: the broker refused or did not answer in time.
        """

    def durable_offset(self, topic: str, partition: int) -> int | None:
        """Return the offset Faust should commit; None where committing is not Faust's."""

    async def close(self) -> None:
        """Give everything up and stop all producers."""


class _Producing:
    """What both forms share: settings and the sending of record batches."""

    def __init__(self, settings: Settings, group: str) -> None:
        self._settings = settings
        self._group = group

    def _producer(self, name: str, **options: Any) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            client_id=f"goldentime-{self._settings.worker_id}-{name}",
            acks="all",
            linger_ms=0,
            retry_backoff_ms=RETRY_BACKOFF_MS,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(self._settings.request_timeout_s * 1000),
            **options,
            **client_options(self._settings),
        )

    async def next_offsets(self, topics: Sequence[str], partitions: Sequence[int]) -> dict[TopicPartition, int]:
        tps = [TopicPartition(topic, partition) for partition in partitions for topic in topics]
        return await committed_offsets(self._settings, self._group, tps)


async def send(producer: AIOKafkaProducer, outgoing: Outgoing, partition: int) -> list[asyncio.Future[Any]]:
    """Send the records as record batches; return a future per batch that ends when the broker has it.

    Args:
        producer: of the unit.
        outgoing: the records.
        partition: where they go unless they say otherwise.
    """
    acknowledgements = []
    partition = partition if outgoing.partition is None else outgoing.partition
    batch = producer.create_batch()
    rows = zip(outgoing.keys, outgoing.values, outgoing.timestamps_ms, outgoing.headers, strict=True)
    for key, value, timestamp_ms, headers in rows:
        if batch.append(key=key, value=value, timestamp=timestamp_ms, headers=headers) is None:
            acknowledgements.append(await producer.send_batch(batch, outgoing.topic, partition=partition))
            batch = producer.create_batch()
            if batch.append(key=key, value=value, timestamp=timestamp_ms, headers=headers) is None:
                raise UnitFailedError(f"a record for {outgoing.topic} is larger than a record batch may be")
    if batch.record_count():
        batch.close()
        acknowledgements.append(await producer.send_batch(batch, outgoing.topic, partition=partition))
    return acknowledgements


def mark_offsets(unit: Unit) -> None:
    """Put the unit's offsets on the last row of the first state topic that covers them, if it changes any state."""
    unmarked = dict(unit.next_offsets)
    for outgoing in unit.outgoing:
        covered = {topic: offset for topic, offset in unmarked.items() if topic in outgoing.covers}
        if covered:
            marked = (NEXT_OFFSETS_HEADER, json.dumps(covered).encode())
            outgoing.headers[-1] = [*outgoing.headers[-1], marked]
            unmarked = {topic: offset for topic, offset in unmarked.items() if topic not in covered}


def marked_offsets(headers: Sequence[Header]) -> dict[str, int]:
    """Return the next offsets by full topic name that a state row carries; empty if it carries none."""
    text = next((value for name, value in headers if name == NEXT_OFFSETS_HEADER), None)
    return {str(topic): int(offset) for topic, offset in json.loads(text).items()} if text else {}


class TransactionalUnitOfWork(_Producing):
    """Exactly once: outputs, state and offsets in one transaction per unit."""

    guarantee = "transactional"

    def __init__(self, settings: Settings, group: str) -> None:
        super().__init__(settings, group)
        self._producers: dict[int, AIOKafkaProducer] = {}

    async def claim(self, partitions: Sequence[int]) -> None:
        """Start a transactional producer per partition; its start aborts what the owner before left open."""
        new = [partition for partition in partitions if partition not in self._producers]
        await asyncio.gather(*(self._claim(partition) for partition in new))

    async def _claim(self, partition: int) -> None:
        producer = self._producer(
            f"unit-{partition}",
            transactional_id=f"{self._group}-{partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        )
        self._producers[partition] = producer
        try:
            await producer.start()
        except KafkaError as error:
            raise UnitFailedError(f"partition {partition}: no transactional producer: {error!r}") from error

    async def release(self, partitions: Sequence[int]) -> None:
        """Stop the producers of the partitions."""
        leaving = [self._producers.pop(p) for p in partitions if p in self._producers]
        await asyncio.gather(*(producer.stop() for producer in leaving))

    async def close(self) -> None:
        """Stop all producers."""
        await self.release(list(self._producers))

    async def commit(self, unit: Unit) -> None:
        """Commit the unit in one transaction; the next owner aborts what this one leaves open."""
        producer = self._producers[unit.partition]
        offsets = {TopicPartition(topic, unit.partition): offset for topic, offset in unit.next_offsets.items()}
        try:
            await producer.begin_transaction()
            acknowledgements = [a for out in unit.outgoing for a in await send(producer, out, unit.partition)]
            if offsets:
                await asyncio.gather(*acknowledgements, producer.send_offsets_to_transaction(offsets, self._group))
            else:
                await asyncio.gather(*acknowledgements)
            await producer.commit_transaction()
        except ProducerFenced as error:
            raise FencedError(f"partition {unit.partition} has another owner now") from error
        except KafkaError as error:
            raise UnitFailedError(f"partition {unit.partition}: transaction failed: {error!r}") from error

    def durable_offset(self, topic: str, partition: int) -> int | None:
        """Return None: the transaction holds the offsets."""
        return None


class PlainUnitOfWork(_Producing):
    """At least once: everything acknowledged before the offsets may be committed."""

    guarantee = "plain"

    def __init__(self, settings: Settings, group: str) -> None:
        super().__init__(settings, group)
        self._shared: AIOKafkaProducer | None = None
        self._durable: dict[tuple[str, int], int] = {}

    async def claim(self, partitions: Sequence[int]) -> None:
        """Start the producer that all partitions share."""
        if self._shared is None and partitions:
            self._shared = self._producer("unit")
            await self._shared.start()

    async def release(self, partitions: Sequence[int]) -> None:
        """Forget the partitions' offsets; the producer stays for those that are left."""
        gone = set(partitions)
        self._durable = {key: offset for key, offset in self._durable.items() if key[1] not in gone}

    async def close(self) -> None:
        """Stop the producer."""
        producer, self._shared = self._shared, None
        if producer is not None:
            await producer.stop()

    async def commit(self, unit: Unit) -> None:
        """Send everything, topic by topic, and wait for the acknowledgements; then the offsets may go.

        State comes after what was decided from it, and its last row says how far it stands. So a crash before that row
        repeats the unit from the old state, with the same versions; after it, the unit is skipped.
        """
        if self._shared is None:
            raise UnitFailedError(f"partition {unit.partition}: nothing was claimed yet")
        try:
            mark_offsets(unit)
            for _, of_topic in groupby(unit.outgoing, key=lambda outgoing: outgoing.topic):
                sent = [a for outgoing in of_topic for a in await send(self._shared, outgoing, unit.partition)]
                await asyncio.gather(*sent)
        except KafkaError as error:
            raise UnitFailedError(f"partition {unit.partition}: {error!r}") from error
        self._note(unit.partition, unit.next_offsets)

    def _note(self, partition: int, next_offsets: Mapping[str, int]) -> None:
        for topic, offset in next_offsets.items():
            self._durable[(topic, partition)] = offset

    def durable_offset(self, topic: str, partition: int) -> int | None:
        """Return the offset up to which everything is acknowledged."""
        return self._durable.get((topic, partition))
