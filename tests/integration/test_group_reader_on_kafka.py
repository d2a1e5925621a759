"""Members of a sink's group on a real Kafka that poll in short steps: on an overloaded machine, or while they wait."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from connectors.kit.errors import SinkUnavailableError
from connectors.kit.running import group_reader
from connectors.kit.running.group_reader import GroupReader
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.sink_runner import SinkJob, run_sink
from connectors.kit.settings import ConnectorSettings
from connectors.kit.sink import Delivered
from schemas.codec import encode
from schemas.topics import CAMERA_ASSIGNMENTS, Topic
from tests.support.assignments_on_kafka import PARTITIONS, assignment, group_lag

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
        heard |= {tp.partition for tp in await reader.poll(500)}
    return heard


class Waiting(GroupReader):
    """A member that only waits, as one does whose outside is down.

    Attributes:
        mine: the partitions that the group has given it; none while the group moves them.
    """

    mine: frozenset[int] = frozenset()

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Take note that the partitions are not its own any more."""
        super().on_partitions_revoked(revoked)
        self.mine = frozenset()

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Take note of its partitions."""
        super().on_partitions_assigned(assigned)
        self.mine = frozenset(tp.partition for tp in assigned)

    async def only_waits(self, stop: asyncio.Event) -> None:
        """Join the group and wait until stopped, again after every move."""
        try:
            await self.connect()
            while not stop.is_set():
                await self.wait(stop, LIMIT_S)
        finally:
            await self.close()
            self.free()


async def test_members_that_all_wait_agree_with_one_that_joins(kafka_broker: str, prefix: str) -> None:
    topic, everyone, stop = f"{prefix}.shared", frozenset(range(6)), asyncio.Event()
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker)
    admin.create_topics([NewTopic(topic, num_partitions=len(everyone), replication_factor=1)])
    admin.close()
    settings = ConnectorSettings(bootstrap_servers=(kafka_broker,), topic_prefix=prefix)
    members = [Waiting("wall", [topic], settings) for _ in range(3)]
    running: list[asyncio.Task[None]] = []
    took_s = []
    try:
        for member in members:
            running.append(asyncio.create_task(member.only_waits(stop)))
            joined = members[: len(running)]
            began_s = time.monotonic()
            while not are_shared(joined, everyone):
                assert time.monotonic() < began_s + LIMIT_S, [sorted(member.mine) for member in joined]
                await asyncio.sleep(0.01)
            took_s.append(time.monotonic() - began_s)
    finally:
        stop.set()
        await asyncio.gather(*running, return_exceptions=True)
    print("agreed after", ", ".join(f"{seconds:.1f} s" for seconds in took_s))


def are_shared(members: list[Waiting], partitions: frozenset[int]) -> bool:
    """Return whether each member has some partitions, and each partition one member, at this moment."""
    shares = [member.mine for member in members]
    return all(shares) and sum(map(len, shares)) == len(partitions) == len(frozenset().union(*shares))


class SlowWall:
    """A sink whose outside answers in time where it gets few records at once, and else not at all."""

    topics: tuple[Topic, ...] = (CAMERA_ASSIGNMENTS,)

    def __init__(self, records_max: int) -> None:
        self.told: list[tuple[int, int]] = []
        self._records_max = records_max

    async def write(self, batch: Sequence[Delivered]) -> None:
        if len(batch) > self._records_max:
            raise SinkUnavailableError("the wall does not answer") from TimeoutError()
        self.told += [(delivered.partition, delivered.offset) for delivered in batch]

    async def close(self) -> None:
        """Nothing to free."""


async def test_what_did_not_fit_into_a_batch_that_timed_out_is_read_again_in_order_and_once(
    kafka_broker: str, prefix: str
) -> None:
    topic, each, stop = f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 100, asyncio.Event()
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker)
    admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS, replication_factor=1)])
    admin.close()
    with KafkaProducer(bootstrap_servers=kafka_broker) as producer:
        for number in range(PARTITIONS * each):
            producer.send(topic, encode(assignment(f"c-{number}")), key=b"k", partition=number % PARTITIONS)
    wall = SlowWall(records_max=15)
    job = SinkJob(name="wall", sink=wall, backoff=Backoff(first_s=0.01))
    settings = ConnectorSettings(bootstrap_servers=(kafka_broker,), topic_prefix=prefix)
    running = asyncio.create_task(run_sink(job, settings, stop))
    try:
        async with asyncio.timeout(LIMIT_S):
            while len(wall.told) < PARTITIONS * each:
                await asyncio.sleep(0.01)
    finally:
        stop.set()
        await running
    for partition in range(PARTITIONS):
        assert [offset for place, offset in wall.told if place == partition] == list(range(each))
    assert not any(group_lag(kafka_broker, prefix, "wall").values())
