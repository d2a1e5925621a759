"""A member of a sink's group on a real Kafka that polls in short steps, as one does on an overloaded machine."""

import time

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from connectors.kit.running import group_reader
from connectors.kit.running.group_reader import GroupReader
from connectors.kit.settings import ConnectorSettings

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(60)]
LIMIT_S = 15.0


async def test_a_rebalance_that_outlasts_a_poll_is_ended_by_the_polls_after_it(
    kafka_broker: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each poll ends before the group has answered; partitions that are added make the member join again.
    monkeypatch.setattr(group_reader, "POLL_MS", 1)
    monkeypatch.setattr(group_reader, "METADATA_MS", 300)
    topic = f"{prefix}.growing"
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker)
    producer = KafkaProducer(bootstrap_servers=kafka_broker, metadata_max_age_ms=300)
    reader = GroupReader("wall", [topic], ConnectorSettings(bootstrap_servers=(kafka_broker,), topic_prefix=prefix))
    try:
        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
        await reader.connect()
        assert await partitions_heard(reader, producer, topic, 1) == {0}
        admin.create_partitions({topic: 2})
        assert await partitions_heard(reader, producer, topic, 2) == {0, 1}
    finally:
        await reader.close()
        reader.free()
        producer.close()
        admin.close()


async def partitions_heard(reader: GroupReader, producer: KafkaProducer, topic: str, count: int) -> set[int]:
    """Write to the first ``count`` partitions until the reader heard of each, or the time is over; return which."""
    heard: set[int] = set()
    sent_s, until_s = 0.0, time.monotonic() + LIMIT_S
    while len(heard) < count and time.monotonic() < until_s:
        if time.monotonic() - sent_s > 0.1:
            sent_s = time.monotonic()
            for number in set(producer.partitions_for(topic)) & set(range(count)):
                producer.send(topic, b"a record", partition=number)
        # At once again: kafka-python begins a join anew that ends between two polls.
        heard |= {tp.partition for tp in await reader.poll(500)}
    return heard
