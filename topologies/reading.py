"""Reading whole partitions in bulk, with a consumer of its own and outside any group."""

import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from topologies.connection import client_options
from topologies.errors import RestoreError
from topologies.settings import Settings

ROWS_PER_SLICE = 5_000
FETCH_BYTES = 8 << 20
# An empty partition answers after this long; it bounds what a look at an idle topic costs.
FETCH_WAIT_MS = 50
# Without a record for this long although the end is not reached, the broker is in trouble.
STALLED_S = 60.0
# How much of a partition's end is read at first to find its newest record, and how much more each time without one.
TAIL_RECORDS = 64
TAIL_GROWTH = 16

Slice = tuple[TopicPartition, list[Any]]


class BulkReader:
    """Reads partitions from an offset to their present end and says where each ended.

    The end is the high watermark that fetch responses carry (with transactions: the last stable offset), because some
    brokers answer the question for the log's end wrongly.

    Args:
        settings: how to reach the broker.
        read_committed: whether to leave out records of open and aborted transactions.
        shared: topics into which several transactional producers write one partition. There the last stable offset
            may lie before committed records, as long as another producer's transaction is open: the end is the high
            watermark at the first look, and it is waited for.
    """

    def __init__(self, settings: Settings, *, read_committed: bool, shared: Collection[str] = ()) -> None:
        self._settings = settings
        self._read_committed = read_committed
        self._shared = frozenset(shared)
        self.positions: dict[TopicPartition, int] = {}

    async def read(self, start: Mapping[TopicPartition, int]) -> AsyncIterator[Slice]:
        """Yield (partition, records in offset order) until every partition is read to its end.

        Args:
            start: the first offset wanted, by partition. ``positions`` holds the offset after the end afterwards.

        Raises:
            RestoreError: the broker gave nothing for a minute although there is more.
        """
        async with self._consumer() as consumer:
            async for slice_ in self._from(consumer, start):
                yield slice_

    async def last_records(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Any]:
        """Return the newest record of each partition (at least one is asked for) that has any, reading only its end.

        The last offsets may be markers of transactions or records of aborted ones, however many: where the end shows no
        record, a longer piece of it is read.

        Raises:
            RestoreError: the broker gave nothing for a minute although there is more.
        """
        found: dict[TopicPartition, Any] = {}
        unknown = list(partitions)
        async with self._consumer() as consumer:
            # Where the broker's word about the end is too low, more is read than needed; too high, everything is.
            ends = await consumer.end_offsets(unknown)
            back = TAIL_RECORDS
            while unknown:
                start = {tp: max(0, ends[tp] - back) for tp in unknown}
                async for tp, records in self._from(consumer, start):
                    found[tp] = records[-1]
                unknown = [tp for tp in unknown if tp not in found and start[tp] > 0]
                back *= TAIL_GROWTH
        return found

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            client_id=f"goldentime-{self._settings.worker_id}-reader",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed" if self._read_committed else "read_uncommitted",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=int(self._settings.request_timeout_s * 1000),
            **client_options(self._settings),
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def _from(self, consumer: AIOKafkaConsumer, start: Mapping[TopicPartition, int]) -> AsyncIterator[Slice]:
        consumer.assign(list(start))
        for tp, offset in start.items():
            consumer.seek(tp, offset)
        async for slice_ in self._slices(consumer, set(start)):
            yield slice_

    async def _slices(self, consumer: AIOKafkaConsumer, unread: set[TopicPartition]) -> AsyncIterator[Slice]:
        heard_s = time.monotonic()
        fixed_ends: dict[TopicPartition, int] = {}
        while unread:
            fetched = await consumer.getmany(*unread, timeout_ms=FETCH_WAIT_MS, max_records=ROWS_PER_SLICE)
            if fetched:
                heard_s = time.monotonic()
            for tp, records in fetched.items():
                yield tp, records
            for tp in list(unread):
                end = consumer.last_stable_offset(tp) if self._read_committed else consumer.highwater(tp)
                if tp.topic in self._shared and end is not None:
                    end = fixed_ends.setdefault(tp, consumer.highwater(tp))
                position = await consumer.position(tp)
                if end is not None and position >= end:
                    unread.discard(tp)
                    self.positions[tp] = position
            if unread and time.monotonic() - heard_s > STALLED_S:
                names = ", ".join(sorted(f"{tp.topic}/{tp.partition}" for tp in unread))
                raise RestoreError(f"no record of {names} for {STALLED_S:.0f} s, but their end is not reached")


async def committed_offsets(
    settings: Settings, group: str, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the group's next offset by partition; 0 where it has never committed."""
    consumer = AIOKafkaConsumer(
        client_id=f"goldentime-{settings.worker_id}-offsets",
        group_id=group,
        enable_auto_commit=False,
        request_timeout_ms=int(settings.request_timeout_s * 1000),
        **client_options(settings),
    )
    await consumer.start()
    try:
        return {tp: (await consumer.committed(tp)) or 0 for tp in partitions}
    finally:
        await consumer.stop()
