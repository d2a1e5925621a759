"""The pumps of a worker: one per input partition it owns, taken over and given up as the group decides."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import TopicPartition

from schemas.topics import (
    ACCESS_AUDITS,
    CAMERA_KNOWLEDGE,
    CASE_BELIEFS,
    CASE_STATES,
    PROTECTED_SUBJECTS,
    PTZ_HEADS,
    SUBJECT_TRACKS,
    WANDERING_STATES,
)
from topologies.batches import RecordBatch
from topologies.partitioning import partition_of
from topologies.pump import UNIT_INPUTS, Pump, Workbench
from topologies.reading import BulkReader
from topologies.table_feed import TableFeed
from topologies.unit_of_work import marked_offsets

log = logging.getLogger(__name__)
# What a partition's state is restored from: its own rows, and of the knowledge of cameras those that hash to it.
OWN_STATE = (CASE_STATES, SUBJECT_TRACKS, CASE_BELIEFS, WANDERING_STATES, PTZ_HEADS)
# Rows by topic, without the city's prefix, and key.
Rows = dict[str, dict[bytes, bytes]]


class Crew:
    """Owns the pumps; tells the transport what it must know (``topologies.batches.BatchControl``).

    Args:
        bench: what the pumps share.
        fail: called once with the first unexpected error; it ends the worker.
        feeds: what feeds tables from topics that are collapsed too.
    """

    def __init__(
        self, bench: Workbench, fail: Callable[[BaseException], None], feeds: Sequence[TableFeed] = ()
    ) -> None:
        self.pumps: dict[int, Pump] = {}
        self.running = asyncio.Event()
        self.joined_s: float | None = None
        # Where the reading of a partition's case states ended.
        self.restored_to: dict[int, int] = {}
        self._bench = bench
        self._fail = fail
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._generation = 0
        # Between the end of the old assignment and the restored state of the new one nothing is taken.
        self._taking = False
        self._short_names = {bench.full_name(topic.name): topic.name for topic in UNIT_INPUTS}
        self.unit_topics = frozenset(self._short_names)
        self._feeds = {feed.full_name: feed for feed in feeds}
        self.collapsed_topics = self.unit_topics | self._feeds.keys()
        self.read_committed = bench.unit_of_work.guarantee == "transactional"

    def durable_offset(self, topic: str, partition: int) -> int | None:
        """Return the offset that Faust should commit; None where the unit of work commits itself."""
        return self._bench.unit_of_work.durable_offset(topic, partition)

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Return the first offset of a collapsed topic not yet taken; None where nobody knows."""
        feed = self._feeds.get(topic)
        if feed is not None:
            return feed.expected_offset
        pump = self.pumps.get(partition)
        short = self._short_names.get(topic)
        return pump.next_offsets[short] if pump is not None and short is not None else None

    def put(self, records: RecordBatch) -> None:
        """Hand a fetched batch to the pump of its partition; batches of partitions that are gone are dropped."""
        pump = self.pumps.get(records[0].partition)
        if pump is None or not self._taking:
            return  # it is read again from the committed offset by whoever owns the partition next
        try:
            pump.put(records, self._short_names[records[0].topic])
        except Exception as error:
            self._fail(error)

    def joined(self) -> None:
        """Take note of when the worker first joined the group."""
        self.joined_s = self.joined_s or time.monotonic()

    async def pause(self) -> None:
        """Let running units end, start no new ones and drop what waits, because partitions are about to move."""
        self.running.clear()
        self._taking = False
        for pump in self.pumps.values():
            async with pump.lock:
                pump.forget_waiting()

    def resume(self) -> None:
        """Start deciding (again); what waited is delivered again from the committed offsets."""
        self.running.set()

    async def take_over(self, partitions: set[int], generation: int) -> None:
        """Become the owner of exactly these partitions; returns when their state is restored.

        Args:
            partitions: what the group gave to this worker.
            generation: the group's count of rebalances. Where it grew by more than one, another worker may have owned
                our partitions meanwhile: everything is restored then.
        """
        kept = partitions & self.pumps.keys() if generation == self._generation + 1 else set()
        self._generation = generation
        await self._give_up(self.pumps.keys() - kept)
        new = sorted(partitions - kept)
        if new:
            await self._restore(new)
        self._taking = True

    async def _restore(self, new: list[int]) -> None:
        started_s = time.monotonic()
        # Order matters: fence the owner before, then read offsets and state, which nobody else can change any more.
        await self._bench.unit_of_work.claim(new)
        topics = sorted(self._short_names)
        offsets = await self._bench.unit_of_work.next_offsets(topics, new)
        rows = await self._restored_rows(new, offsets)
        for partition in new:
            self._start(partition, offsets, rows[partition])
        self._bench.metrics.restored("cases", time.monotonic() - started_s)

    async def close(self) -> None:
        """Finish the running units, then give everything up."""
        await self.pause()
        await self._give_up(set(self.pumps))
        await self._bench.unit_of_work.close()

    def _start(self, partition: int, offsets: dict[TopicPartition, int], rows: Rows) -> None:
        state = self._bench.engine.restore(partition, rows)
        next_offsets = {short: offsets[TopicPartition(full, partition)] for full, short in self._short_names.items()}
        pump = self.pumps[partition] = Pump(self._bench, partition, state, next_offsets)
        task = self._tasks[partition] = asyncio.create_task(pump.run(self.running), name=f"pump-{partition}")
        task.add_done_callback(self._pump_ended)

    def _pump_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._fail(task.exception() or RuntimeError(f"{task.get_name()} ended by itself"))

    async def _give_up(self, partitions: set[int]) -> None:
        for partition in partitions:
            task = self._tasks.pop(partition)
            task.cancel()
            await asyncio.wait([task])
            del self.pumps[partition]
            self._bench.metrics.partition_gone(partition)
        await self._bench.unit_of_work.release(sorted(partitions))

    async def _restored_rows(self, partitions: Sequence[int], offsets: dict[TopicPartition, int]) -> dict[int, Rows]:
        """Return the newest row of every key of every state topic, by partition.

        Where a row says that the state stands further than the committed offsets, ``offsets`` is moved on.
        Registrations are an input that is kept: those that were read before are state, the others are read again.
        """
        topics = {
            self._bench.full_name(topic.name): topic.name
            for topic in (*OWN_STATE, PROTECTED_SUBJECTS, CAMERA_KNOWLEDGE)
        }
        knowledge = self._bench.full_name(CAMERA_KNOWLEDGE.name)
        rows: dict[int, Rows] = {p: {name: {} for name in topics.values()} for p in partitions}
        registered, registrations = self._bench.full_name(PROTECTED_SUBJECTS.name), list[Any]()
        reader = BulkReader(self._bench.settings, read_committed=self.read_committed, shared=[knowledge])
        start = {TopicPartition(name, p): 0 for name in topics if name != knowledge for p in partitions}
        async for tp, records in reader.read({**start, TopicPartition(knowledge, 0): 0}):
            if tp.topic == registered:
                registrations += records
                continue
            for record in records:
                partition = tp.partition if tp.topic != knowledge else self._partition_of(record.key)
                if partition in rows:
                    _take_row(rows[partition][topics[tp.topic]], record)
                    _move_on(offsets, record, partition)
        for record in registrations:
            if record.offset < offsets[TopicPartition(registered, record.partition)]:
                _take_row(rows[record.partition][PROTECTED_SUBJECTS.name], record)
        case_states = self._bench.full_name(CASE_STATES.name)
        self.restored_to |= {tp.partition: end for tp, end in reader.positions.items() if tp.topic == case_states}
        for partition, record in (await self._last_audits(reader, partitions)).items():
            rows[partition][ACCESS_AUDITS.name] = {record.key: record.value}
        return rows

    async def _last_audits(self, reader: BulkReader, partitions: Sequence[int]) -> dict[int, Any]:
        """Return the end of each partition's chain of access audits."""
        audits = self._bench.full_name(ACCESS_AUDITS.name)
        last = await reader.last_records([TopicPartition(audits, partition) for partition in partitions])
        return {tp.partition: record for tp, record in last.items()}

    def _partition_of(self, key: bytes | None) -> int:
        return partition_of(key or b"", self._bench.settings.case_partitions)


def _take_row(rows: dict[bytes, bytes], record: Any) -> None:
    if record.value is None:
        rows.pop(record.key, None)
    else:
        rows[record.key] = record.value


def _move_on(offsets: dict[TopicPartition, int], record: Any, partition: int) -> None:
    if record.headers:
        for topic, offset in marked_offsets(record.headers).items():
            source = TopicPartition(topic, partition)
            offsets[source] = max(offset, offsets.get(source, 0))
