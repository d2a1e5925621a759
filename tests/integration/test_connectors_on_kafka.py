"""A sink in a process of its own on a real Kafka: killed again and again, it loses nothing and keeps the order."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.assignments_on_kafka import ABORTED, AssignmentWriter, assignment, group_lag, writer
from tests.support.connector_process import ConnectorCity, ConnectorProcess, until
from tests.support.video_wall import VideoWall, video_wall

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(120)]
KILLS = 4
CASES_PER_ROUND, LONG_CASES = 60, 20


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def started(city: ConnectorCity, stack: ExitStack, *names: str) -> ConnectorProcess:
    """Return a process of the city that was started; it is killed when the test ends."""
    process = city.process(*names)
    stack.callback(process.kill)
    process.start()
    return process


def wall_sink(city: ConnectorCity, wall: VideoWall) -> str:
    """Add a sink to the city that tells the wall; return its name."""
    key = city.secret("wall.key", "key-of-the-wall")
    return city.connector("wall", "vms_webhook", role="sink", url=wall.url, hmac_file=key)


async def flow(writing: AssignmentWriter, stop: asyncio.Event) -> None:
    """Write cases of one version each and cases of many, in transactions between aborted ones, until stopped."""
    number = 0
    while not stop.is_set():
        number += 1
        short = [assignment(f"c-{number}-{n}") for n in range(CASES_PER_ROUND)]
        await writing.commit(short + [assignment(f"long-{n}", number) for n in range(LONG_CASES)])
        await writing.abort([assignment(f"{ABORTED}-{number}-{n}") for n in range(10)])
        await asyncio.sleep(0.25)


async def test_a_sink_killed_again_and_again_tells_every_assignment_in_order_and_none_that_was_aborted(
    kafka_broker: str, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    dice = random.Random(11)
    city = ConnectorCity(tmp_path, kafka_broker, prefix)
    async with video_wall(takes_s=0.001) as wall:
        process = started(city, stack, wall_sink(city, wall))
        await process.wait_until(lambda state: "wall" in state)  # the topics are there
        async with writer(kafka_broker, prefix) as writing:
            stop = asyncio.Event()
            flowing = asyncio.create_task(flow(writing, stop))
            for _ in range(KILLS):
                before = wall.came
                await until(lambda: wall.came > before, says=lambda: process.output)  # noqa: B023
                await asyncio.sleep(dice.uniform(0.1, 1.5))
                process.kill()
                wall.run += 1
                process.start()
            stop.set()
            await flowing
            await until(lambda: wall.newest == writing.newest, says=lambda: (len(wall.newest), process.output))
        # Also what was aborted behind the last record counts as read.
        await until(lambda: not any(group_lag(kafka_broker, prefix, "wall").values()))
        took_s = process.stop()
        print(
            f"{writing.count} records, {writing.aborted} aborted, {KILLS} kills, {len(wall.calls)} calls, "
            f"{wall.repeats} repeats, stopped in {took_s:.2f} s"
        )
    assert took_s < 2
    assert not [told for told in wall.calls if told.case_id.startswith(ABORTED)]
    assert set(wall.done.values()) == {1}
    assert wall.backward() == []
    # Offsets outlive a kill: without them every start would tell all cases again.
    assert wall.repeats < KILLS * 500
