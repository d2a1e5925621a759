"""Bring records to the broker, in bulk or at a steady rate, and receive assignments as an independent consumer."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from numpy.typing import NDArray

from benchmarks.workload import Batch, Rows, Walkers
from connectors.kit.running.publish import partition_of
from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode
from schemas.topics import CAMERA_ASSIGNMENTS, CASE_PARTITIONS, TRACKER_FIXES, Topic, prefixed
from topologies.unit_of_work import Outgoing, send

FIX_SPACING_US = 1
# Fixes leave in steps this long: 5 at 1,000 a second.
PACE_S = 0.005
CONNECT_S = 15.0
# After the last fix its decision may take so long; what came later would be missing from the latencies.
LAST_DECISIONS_S = 10.0


@asynccontextmanager
async def producer(bootstrap_servers: str) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer without idempotence, which the embedded broker does not have."""
    made = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, linger_ms=1, max_batch_size=512 << 10)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def publish(to: AIOKafkaProducer, topic: Topic, prefix: str, slices: Iterable[tuple[Rows, Rows]]) -> int:
    """Publish slices of (keys, values) as fast as the broker takes them; return how many records."""
    name, count = prefixed(prefix)(topic.name), 0
    partitions = topic.partitions(CASE_PARTITIONS)
    for keys, values in slices:
        outgoing = [Outgoing(name) for _ in range(partitions)]
        now_ms = time.time_ns() // 1_000_000
        for key, value in zip(keys, values, strict=True):
            outgoing[partition_of(key, partitions)].add(key, value, now_ms)
        sent = [await send(to, records, partition) for partition, records in enumerate(outgoing)]
        await asyncio.gather(*(acknowledged for part in sent for acknowledged in part))
        count += len(keys)
    return count


async def publish_backlog(to: AIOKafkaProducer, prefix: str, walkers: Walkers, fixes: int) -> int:
    """Publish so many fixes, everybody's next one before anybody's second next; return how many."""

    def rounds() -> Iterable[tuple[Rows, Rows]]:
        left, everybody, at_us = fixes, np.arange(len(walkers)), 0
        while left > 0:
            at_us = max(at_us + len(walkers) * FIX_SPACING_US, time.time_ns() // 1000)
            batch = walkers.fixes(everybody[:left], at_us, FIX_SPACING_US)
            left -= len(batch.keys)
            yield batch.keys, batch.values

    return await publish(to, TRACKER_FIXES, prefix, rounds())


@dataclass(slots=True)
class Latencies:
    """What the paced run saw.

    Attributes:
        sent_s: when the fix at (partition, offset) was handed to the producer, seconds of the wall clock.
        received_s: when an assignment that names it as its source was received.
        sent: how many fixes were sent.
    """

    sent_s: dict[tuple[int, int], float] = field(default_factory=dict)
    received_s: dict[tuple[int, int], float] = field(default_factory=dict)
    sent: int = 0

    def milliseconds(self) -> NDArray[np.float64]:
        """Return the latencies of the fixes that led to an assignment, sorted."""
        known = self.received_s.keys() & self.sent_s.keys()
        return np.sort(np.array([(self.received_s[at] - self.sent_s[at]) * 1000 for at in known]))


async def pace(
    to: AIOKafkaProducer, bootstrap_servers: str, prefix: str, walkers: Walkers, *, rate: int, seconds: float
) -> Latencies:
    """Send fixes at a steady rate and note when the assignments they lead to can be read.

    The consumer reads only what is committed. Everybody sends once before anybody sends again.
    """
    result = Latencies()
    receiving = asyncio.create_task(_receive(bootstrap_servers, prefix, result, ready := asyncio.Event()))
    try:
        await asyncio.wait_for(ready.wait(), CONNECT_S)
        await _send_at(to, prefix, walkers, result, rate=rate, seconds=seconds)
        await asyncio.wait([receiving], timeout=LAST_DECISIONS_S)
        if receiving.done():
            receiving.result()  # it only ends by an error
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    return result


async def _send_at(
    to: AIOKafkaProducer, prefix: str, walkers: Walkers, result: Latencies, *, rate: int, seconds: float
) -> None:
    topic, waiting = prefixed(prefix)(TRACKER_FIXES.name), []
    order = np.random.default_rng(len(walkers)).permutation(len(walkers))
    began_s, total = time.monotonic(), int(rate * seconds)
    while result.sent < total:
        due = min(int((time.monotonic() - began_s) * rate), total)
        if due > result.sent:
            subjects = np.take(order, np.arange(result.sent, min(due, result.sent + len(order))), mode="wrap")
            batch: Batch = walkers.fixes(subjects, time.time_ns() // 1000, FIX_SPACING_US)
            for key, value in zip(batch.keys, batch.values, strict=True):
                partition, at_s = partition_of(key, CASE_PARTITIONS), time.time()
                acknowledged = await to.send(topic, value, key=key, partition=partition)
                waiting.append(asyncio.create_task(_note_sent(acknowledged, result, at_s)))
            result.sent += len(subjects)
            waiting = [task for task in waiting if not task.done()]
        await asyncio.sleep(PACE_S)
    await asyncio.gather(*waiting)


async def _note_sent(acknowledged: "asyncio.Future[Any]", result: Latencies, at_s: float) -> None:
    where = await acknowledged
    result.sent_s[(where.partition, where.offset)] = at_s


async def _receive(bootstrap_servers: str, prefix: str, result: Latencies, ready: asyncio.Event) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    await consumer.start()
    try:
        topic = prefixed(prefix)(CAMERA_ASSIGNMENTS.name)
        consumer.assign([TopicPartition(topic, number) for number in range(CASE_PARTITIONS)])
        since_ms = int(time.time() * 1000)
        ready.set()
        while True:
            fetched = await consumer.getmany(timeout_ms=50, max_records=5_000)
            now_s = time.time()
            for message in (message for messages in fetched.values() for message in messages):
                if message.value is None or message.timestamp < since_ms:
                    continue  # forgotten, or decided before
                for source in decode(CameraAssignment, message.value).sources:
                    if source.topic == TRACKER_FIXES.name:
                        result.received_s.setdefault((source.partition, source.offset), now_s)
    finally:
        await consumer.stop()
