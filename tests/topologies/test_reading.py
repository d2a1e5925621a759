"""Reading the end of a partition: only the newest record, whatever lies behind it."""

import asyncio
import dataclasses

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from faust.types import TP

from schemas.topics import ACCESS_AUDITS, CAMERA_KNOWLEDGE, INCIDENTS
from tests.topologies.counting_engine import CountingEngine
from tests.topologies.running import running_worker, until, write
from topologies.reading import TAIL_RECORDS, BulkReader
from topologies.settings import Settings
from topologies.topics import ensure_topics


async def test_the_newest_record_of_each_partition_is_found(settings: Settings, prefix: str) -> None:
    ensure_topics(settings, prefix)
    topic = f"{prefix}.{ACCESS_AUDITS.name}"
    rows = [(b"case", b"%d" % n) for n in range(5 * TAIL_RECORDS)]
    await write(settings.bootstrap_servers[0], topic, rows, partition=1)
    reader = BulkReader(settings, read_committed=False)
    last = await reader.last_records([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    assert {tp.partition: record.value for tp, record in last.items()} == {1: rows[-1][1]}


async def transactional(servers: str, name: str) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=name, transaction_timeout_ms=10_000)
    await producer.start()
    return producer


@pytest.mark.slow
@pytest.mark.kafka
async def test_the_newest_committed_record_is_found_behind_markers_and_aborted_records(
    settings: Settings, kafka_broker: str, prefix: str
) -> None:
    on_kafka = dataclasses.replace(settings, bootstrap_servers=(kafka_broker,))
    ensure_topics(on_kafka, prefix)
    topic = f"{prefix}.{ACCESS_AUDITS.name}"
    producer = await transactional(kafka_broker, f"{prefix}-audits")
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"kept", partition=0)
        for _ in range(TAIL_RECORDS):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"aborted", partition=0)
            await producer.abort_transaction()
    finally:
        await producer.stop()
    last = await BulkReader(on_kafka, read_committed=True).last_records([TopicPartition(topic, 0)])
    assert [record.value for record in last.values()] == [b"kept"]


@pytest.mark.slow
@pytest.mark.kafka
async def test_committed_rows_behind_an_open_transaction_of_another_are_waited_for(
    settings: Settings, kafka_broker: str, prefix: str
) -> None:
    on_kafka = dataclasses.replace(settings, bootstrap_servers=(kafka_broker,))
    ensure_topics(on_kafka, prefix)
    topic = f"{prefix}.{CAMERA_KNOWLEDGE.name}"
    slow, quick = await transactional(kafka_broker, f"{prefix}-1"), await transactional(kafka_broker, f"{prefix}-2")
    try:
        await slow.begin_transaction()
        await slow.send_and_wait(topic, b"slow", key=b"a", partition=0)
        async with quick.transaction():
            await quick.send_and_wait(topic, b"quick", key=b"b", partition=0)
        reader = BulkReader(on_kafka, read_committed=True, shared=[topic])

        async def values() -> list[bytes]:
            return [r.value async for _, rs in reader.read({TopicPartition(topic, 0): 0}) for r in rs]

        reading = asyncio.create_task(values())
        done, _ = await asyncio.wait([reading], timeout=1)
        assert not done, "it must not stop in front of the open transaction"
        await slow.commit_transaction()
        assert await asyncio.wait_for(reading, 10) == [b"slow", b"quick"]
    finally:
        await slow.stop()
        await quick.stop()


@pytest.mark.slow
@pytest.mark.kafka
async def test_an_input_that_ends_with_a_marker_is_read_to_its_end(
    settings: Settings, kafka_broker: str, prefix: str
) -> None:
    on_kafka = dataclasses.replace(settings, bootstrap_servers=(kafka_broker,))
    ensure_topics(on_kafka, prefix)
    topic = f"{prefix}.{INCIDENTS.name}"
    producer = await transactional(kafka_broker, f"{prefix}-input")
    try:
        async with running_worker(on_kafka, prefix, CountingEngine()) as worker:
            for _ in range(3):
                async with producer.transaction():
                    await producer.send_and_wait(topic, b"1", key=b"a", partition=0)
            assert worker.app is not None
            assert worker.topology is not None
            consumer, pump = worker.app.consumer, worker.topology.crew.pumps[0]
            await until(lambda: pump.next_offsets[INCIDENTS.name] == 5, 10)
            # The log ends with the marker at offset 5; nothing waits all the same.
            await until(lambda: consumer.end_offset(TP(topic, 0)) == 5, 10)
    finally:
        await producer.stop()
