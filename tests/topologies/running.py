"""Helpers of these tests: a worker that runs while a block lasts, records written and read in bulk."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from topologies.decisions import DecisionEngine
from topologies.projection_files import CityAccess
from topologies.settings import Settings
from topologies.unit_of_work import BATCH_BYTES
from topologies.worker import NO_ACCESS, Worker

Row = tuple[bytes | None, bytes | None]


@asynccontextmanager
async def running_worker(
    settings: Settings,
    prefix: str,
    engine: DecisionEngine,
    announce: Callable[[str], None] = lambda line: None,
    access: CityAccess = NO_ACCESS,
) -> AsyncIterator[Worker]:
    """Give a worker that is ready; stop it afterwards; raise what ended it before."""
    worker = Worker(settings, prefix=prefix, city="test", engine=engine, announce=announce, access=access)
    task = asyncio.create_task(worker.run())
    ready = asyncio.create_task(worker.ready.wait())
    await asyncio.wait([task, ready], timeout=60, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    try:
        if task.done():
            task.result()
        assert worker.ready.is_set(), "the worker was not ready within 60 s"
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(task, 60)


async def write(servers: str, topic: str, rows: Sequence[Row], partition: int = 0) -> None:
    """Write rows in order and wait until the broker has them."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", max_batch_size=BATCH_BYTES)
    await producer.start()
    try:
        batch = producer.create_batch()
        for key, value in rows:
            if batch.append(key=key, value=value, timestamp=None) is None:
                await (await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()


async def read(
    servers: str, topic: str, partitions: int, done: Callable[[list[Any]], bool], timeout_s: float = 60
) -> list[Any]:
    """Return the committed records of a topic, in order per partition, as soon as ``done`` says that it is enough."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    records: list[Any] = []
    try:
        tps = [TopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        async with asyncio.timeout(timeout_s):
            while not done(records):
                for fetched in (await consumer.getmany(timeout_ms=100)).values():
                    records += fetched
    finally:
        await consumer.stop()
    return records


async def until(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)
