"""Whatever is killed: nothing is lost, and with transactions nothing is decided twice."""

import asyncio
import dataclasses
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode
from schemas.topics import CAMERA_ASSIGNMENTS, INCIDENTS, TRACKER_FIXES
from tests.topologies.counting_engine import CountingEngine
from tests.topologies.processes import WorkerProcess, environment
from tests.topologies.running import Row, read, running_worker, write
from topologies.settings import Settings
from topologies.topics import ensure_topics

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
PARTITIONS = 4
CASES = 200
INPUTS = (INCIDENTS.name, TRACKER_FIXES.name)
Place = tuple[str, int, int]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def rows(count: int, prefix: str) -> list[Row]:
    return [(f"{prefix}-c{number % CASES}".encode(), b"x") for number in range(count)]


async def feed(servers: str, prefix: str, rounds: int, rows_per_round: int, *, mixed: bool) -> int:
    """Write to both inputs and all partitions, bit by bit; return how many records there are then.

    ``mixed`` cases get records from both inputs; otherwise the order of a case's records is that of one topic.
    """
    for _ in range(rounds):
        for topic in INPUTS:
            for partition in range(PARTITIONS):
                case_prefix = f"p{partition}" if mixed else f"p{partition}-{topic}"
                await write(servers, f"{prefix}.{topic}", rows(rows_per_round, case_prefix), partition)
        await asyncio.sleep(0.3)
    return rounds * rows_per_round * len(INPUTS) * PARTITIONS


def decided(records: list[Any]) -> list[tuple[CameraAssignment, Place]]:
    assignments = [decode(CameraAssignment, record.value) for record in records]
    return [(a, (a.sources[0].topic, a.sources[0].partition, a.sources[0].offset)) for a in assignments]


def wrong_sequences(records: list[Any]) -> list[str]:
    """Return the cases whose versions are not 1, 2, 3, … in the order of the log."""
    newest: Counter[str] = Counter()
    wrong = []
    for assignment, _ in decided(records):
        if assignment.version != newest[assignment.case_id] + 1:
            wrong.append(f"{assignment.case_id}: {newest[assignment.case_id]} then {assignment.version}")
        newest[assignment.case_id] = assignment.version
    return wrong


async def two_workers_ready(kafka_broker: str, prefix: str, folder: Path, stack: ExitStack) -> list[WorkerProcess]:
    """Return a worker with static and one with dynamic membership, both ready."""
    workers = []
    for number, membership in enumerate(({"group_instance_id": "w0"}, {})):
        own = environment(kafka_broker, prefix, folder, worker_id=f"w{number}", **membership)
        worker = WorkerProcess(folder / f"worker-{number}.log", own)
        stack.callback(worker.end)
        worker.start()
        workers.append(worker)
    for worker in workers:
        await asyncio.to_thread(worker.wait_until_ready)
    return workers


async def assert_each_decided_once(kafka_broker: str, prefix: str, total: int) -> None:
    records = await read(
        kafka_broker, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", PARTITIONS, lambda r: len(r) >= total, timeout_s=120
    )
    places = Counter(place for _, place in decided(records))
    assert len(places) == total
    assert max(places.values()) == 1
    assert wrong_sequences(records) == []


@pytest.mark.kafka
async def test_two_workers_killed_again_and_again_lose_and_repeat_nothing(
    kafka_broker: str, settings: Settings, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    dice = random.Random(7)
    on_kafka = dataclasses.replace(settings, bootstrap_servers=(kafka_broker,), case_partitions=PARTITIONS)
    ensure_topics(on_kafka, prefix)
    workers = await two_workers_ready(kafka_broker, prefix, tmp_path, stack)
    feeding = asyncio.create_task(feed(kafka_broker, prefix, rounds=30, rows_per_round=150, mixed=True))
    for kill in range(6):
        await asyncio.sleep(dice.uniform(1.0, 3.0))
        victim = workers[kill % 2]
        victim.send(signal.SIGKILL)
        await asyncio.to_thread(victim.wait, 10)
        await asyncio.sleep(dice.uniform(0.0, 1.0))
        victim.start()
    await assert_each_decided_once(kafka_broker, prefix, await feeding)
    for worker in workers:
        worker.send(signal.SIGTERM)
    assert [await asyncio.to_thread(worker.wait, 30) for worker in workers] == [0, 0]


@pytest.mark.kafka
async def test_a_worker_that_wakes_up_after_its_partitions_were_given_away_decides_nothing_twice(
    kafka_broker: str, settings: Settings, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    on_kafka = dataclasses.replace(settings, bootstrap_servers=(kafka_broker,), case_partitions=PARTITIONS)
    ensure_topics(on_kafka, prefix)
    workers = await two_workers_ready(kafka_broker, prefix, tmp_path, stack)
    feeding = asyncio.create_task(feed(kafka_broker, prefix, rounds=40, rows_per_round=100, mixed=True))
    for sleeper in workers:
        await asyncio.sleep(1)
        sleeper.send(signal.SIGSTOP)
        await asyncio.sleep(6)  # twice the session timeout: the group gives the partitions away
        sleeper.send(signal.SIGCONT)
        await asyncio.sleep(3)
        assert sleeper.process is not None
        if sleeper.process.poll() is not None:
            assert sleeper.process.returncode == 1, "a fenced worker ends with an error"
            sleeper.start()
    await assert_each_decided_once(kafka_broker, prefix, await feeding)


@pytest.mark.kafka
async def test_a_restore_longer_than_the_session_keeps_the_membership(
    kafka_broker: str, settings: Settings, prefix: str
) -> None:
    class SlowlyRestored(CountingEngine):
        def restore(self, partition: int, rows: Mapping[str, Mapping[bytes, bytes]]) -> dict[bytes, int]:
            time.sleep(3)
            return super().restore(partition, rows)

    on_kafka = dataclasses.replace(settings, bootstrap_servers=(kafka_broker,), session_timeout_s=2)
    ensure_topics(on_kafka, prefix)
    async with running_worker(on_kafka, prefix, SlowlyRestored()) as worker:
        assert worker.app is not None
        assert worker.app.rebalancing_count == 1
        await write(kafka_broker, f"{prefix}.{INCIDENTS.name}", [(b"a", b"1")])
        await read(kafka_broker, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 1)
        # The next heartbeat would hear that the group has thrown the worker out.
        await asyncio.sleep(on_kafka.session_timeout_s)
        assert worker.app.rebalancing_count == 1


async def test_without_transactions_a_killed_worker_loses_nothing(
    embedded_broker: str, settings: Settings, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    ensure_topics(dataclasses.replace(settings, case_partitions=PARTITIONS), prefix)
    worker = WorkerProcess(tmp_path / "worker.log", environment(embedded_broker, prefix, tmp_path))
    stack.callback(worker.end)
    worker.start()
    await asyncio.to_thread(worker.wait_until_ready)

    feeding = asyncio.create_task(feed(embedded_broker, prefix, rounds=20, rows_per_round=100, mixed=False))
    for _ in range(2):
        await asyncio.sleep(2)
        worker.send(signal.SIGKILL)
        await asyncio.to_thread(worker.wait, 10)
        worker.start()
    total = await feeding

    def complete(records: list[Any]) -> bool:
        return len(records) >= total and len({place for _, place in decided(records)}) >= total

    records = await read(embedded_broker, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", PARTITIONS, complete, timeout_s=90)
    contents: dict[tuple[str, int], set[Place]] = {}
    for assignment, place in decided(records):
        contents.setdefault((assignment.case_id, assignment.version), set()).add(place)
    # A repeat is a repeat: the same version of a case always stands for the same input.
    assert all(len(places) == 1 for places in contents.values())
    assert len(contents) == total
