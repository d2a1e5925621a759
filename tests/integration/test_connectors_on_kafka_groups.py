"""Two processes of one sink on a real Kafka share its partitions; whatever becomes of one, nothing is lost."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.kit.running.publish import partition_of
from tests.support.assignments_on_kafka import PARTITIONS, AssignmentWriter, assignment, group_lag, writer
from tests.support.connector_process import ConnectorCity, ConnectorProcess, until
from tests.support.video_wall import VideoWall, video_wall

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(120)]
LONG_CASES = 40


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def member(folder: Path, servers: str, prefix: str, wall: VideoWall, stack: ExitStack) -> ConnectorProcess:
    """Return a process, not started, of the one sink; its calls end on the folder's name."""
    folder.mkdir()
    city = ConnectorCity(folder, servers, prefix)
    key = city.secret("wall.key", "key-of-the-wall")
    name = city.connector("wall", "vms_webhook", role="sink", url=f"{wall.url}/{folder.name}", hmac_file=key)
    process = city.process(name)
    stack.callback(process.kill)
    return process


async def flow(writing: AssignmentWriter, stop: asyncio.Event) -> None:
    """Write new cases, and versions of old ones, until stopped."""
    number = 0
    while not stop.is_set():
        number += 1
        short = [assignment(f"c-{number}-{n}") for n in range(20)]
        await writing.commit(short + [assignment(f"long-{n}", number) for n in range(LONG_CASES)])
        await asyncio.sleep(0.1)


def served(wall: VideoWall, since: int) -> dict[str, set[int]]:
    """Return the partitions that each caller has told of since a call."""
    found: dict[str, set[int]] = {}
    for told in wall.calls[since:]:
        found.setdefault(told.by, set()).add(partition_of(told.case_id.encode(), PARTITIONS))
    return found


async def assert_shared(wall: VideoWall, *callers: str) -> None:
    """Wait until each of the callers tells of some partitions; assert that each partition is told of by one."""
    everyone = set(range(PARTITIONS))
    shares: dict[str, set[int]] = {}

    async def is_shared() -> bool:
        nonlocal shares
        since = len(wall.calls)
        await until(lambda: len(wall.calls) >= since + 100)
        shares = served(wall, since)
        one_each = sum(map(len, shares.values())) == len(everyone)
        return set(shares) == set(callers) and one_each and set().union(*shares.values()) == everyone

    await until(is_shared, says=lambda: shares)


async def test_two_processes_share_the_partitions_and_take_over_from_one_that_sleeps_or_dies(
    kafka_broker: str, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    stop = asyncio.Event()
    async with video_wall() as wall:
        first, second = (member(tmp_path / name, kafka_broker, prefix, wall, stack) for name in ("a", "b"))
        first.start()
        await first.wait_until(lambda state: "wall" in state)
        async with writer(kafka_broker, prefix) as writing:
            flowing = asyncio.create_task(flow(writing, stop))
            await assert_shared(wall, "a")
            second.start()
            await assert_shared(wall, "a", "b")

            first.sleep()
            wall.run += 1
            await assert_shared(wall, "b")
            first.wake()
            await assert_shared(wall, "a", "b")
            slept = len(wall.calls)

            second.kill()
            wall.run += 1
            await assert_shared(wall, "a")
            stop.set()
            await flowing
            await until(lambda: wall.newest == writing.newest, says=lambda: first.output)
        await until(lambda: not any(group_lag(kafka_broker, prefix, "wall").values()))
        took_s = first.stop()
        print(f"{writing.count} records, {len(wall.calls)} calls, {wall.repeats} repeats, {slept} when woken, "
              f"{overtaken(wall)} overtaken, stopped in {took_s:.2f} s")  # fmt: skip
    assert took_s < 2
    assert wall.backward() == []
    # Who wakes up may still tell the batch that it held; it does not tell again what others have told meanwhile.
    assert overtaken(wall) <= LONG_CASES


def overtaken(wall: VideoWall) -> int:
    """Return how many calls came after a newer version of their case, whoever told that."""
    newest: dict[str, int] = {}
    count = 0
    for told in wall.calls:
        count += told.version < newest.get(told.case_id, 0)
        newest[told.case_id] = max(told.version, newest.get(told.case_id, 0))
    return count


async def test_a_process_that_joins_while_the_outside_is_down_gets_its_share_and_nothing_is_lost(
    kafka_broker: str, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    async with video_wall() as wall:
        first, second = (member(tmp_path / name, kafka_broker, prefix, wall, stack) for name in ("a", "b"))
        first.start()
        await first.wait_until(lambda state: "wall" in state)
        async with writer(kafka_broker, prefix) as writing:
            await writing.commit(assignment(f"c-{n}") for n in range(400))
            await until(lambda: wall.newest == writing.newest, says=lambda: first.output)
            wall.is_down = True
            await writing.commit(assignment(f"c-{n}", 2) for n in range(400))
            await first.wait_until(lambda state: state["wall"]["unavailable"] >= 2)
            assert await first.health() == 503
            second.start()
            await second.wait_until(lambda state: state["wall"]["unavailable"] >= 1)
            await writing.commit(assignment(f"c-{n}", 3) for n in range(400))
            wall.is_down = False
            since = len(wall.calls)
            await until(lambda: wall.newest == writing.newest, says=lambda: (first.output, second.output))
        assert [len(partitions) for partitions in served(wall, since).values()] == [2, 2]
        assert overtaken(wall) == 0
        for process in (first, second):
            await process.wait_until(lambda state: state["wall"]["state"] == "running")
            assert await process.health() == 200
            assert process.stop() < 2
