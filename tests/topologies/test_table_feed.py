"""Feeding the camera table: in bulk, live, after losses, and what is refused."""

import asyncio
import time
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from pipeline.reading.batch import Refusal
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.topics import CAMERAS
from tests.topologies.counting_engine import CountingCameras, CountingEngine
from tests.topologies.running import read, running_worker, until, write
from topologies import table_feed
from topologies.batches import RecordBatch
from topologies.settings import Settings
from topologies.table_feed import TableFeed
from topologies.topics import ensure_topics


def feed_of(settings: Settings, prefix: str, cameras: CountingCameras, flow: list[bool] | None = None) -> TableFeed:
    refusals: list[Refusal] = []
    return TableFeed(
        settings,
        CAMERAS,
        f"{prefix}.{CAMERAS.name}",
        apply=cameras.apply_cameras,
        refused=refusals.append,
        read_committed=False,
        set_flow=lambda topic, partition, flowing: flow.append(flowing) if flow is not None else None,
        restored=lambda what, seconds: None,
    )


def live(offsets: range, follows: int | None = None) -> RecordBatch:
    return RecordBatch(
        [
            SimpleNamespace(topic="cameras", partition=0, offset=o, key=b"k%d" % o, value=b"v%d" % o, timestamp=1)
            for o in offsets
        ],
        follows,
    )


async def test_the_whole_topic_is_loaded_and_tombstones_remove(settings: Settings, prefix: str) -> None:
    ensure_topics(settings, prefix)
    rows = [(b"k%d" % (n % 1000), b"v%d" % n) for n in range(12_000)]
    await write(settings.bootstrap_servers[0], f"{prefix}.{CAMERAS.name}", [*rows, (b"k7", None)])
    cameras = CountingCameras()
    feed = feed_of(settings, prefix, cameras)
    await feed.catch_up()
    assert len(cameras) == 999
    assert cameras.rows[b"k999"] == b"v11999"
    assert (feed.loaded, feed.next_offset, feed.rows) == (True, 12_001, 12_001)


async def test_an_empty_topic_is_loaded_too(settings: Settings, prefix: str) -> None:
    ensure_topics(settings, prefix)
    feed = feed_of(settings, prefix, CountingCameras())
    await feed.catch_up()
    assert (feed.loaded, feed.next_offset) == (True, 0)


class SlowCameras(CountingCameras):
    def apply_cameras(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> list[tuple[int, Exception]]:
        time.sleep(len(keys) * 50e-6)
        return super().apply_cameras(keys, values, last_offset)


async def test_live_rows_are_applied_once_and_leave_time_for_decisions(settings: Settings, prefix: str) -> None:
    feed = feed_of(settings, prefix, SlowCameras())
    running = asyncio.create_task(feed.run())
    feed.take(live(range(10_000)))
    feed.take(live(range(9_000, 14_000), follows=9_000))
    waits_s = []
    while feed.next_offset < 14_000:
        started_s = time.perf_counter()
        await asyncio.sleep(0)
        waits_s.append(time.perf_counter() - started_s)
    assert feed.rows == 14_000
    assert max(waits_s) < 0.2
    assert sum(wait_s < 0.001 for wait_s in waits_s) > 100
    running.cancel()


async def test_rows_lost_on_the_way_are_read_again(settings: Settings, prefix: str) -> None:
    ensure_topics(settings, prefix)
    rows = [(b"k%d" % n, b"v%d" % n) for n in range(30)]
    await write(settings.bootstrap_servers[0], f"{prefix}.{CAMERAS.name}", rows)
    cameras = CountingCameras()
    feed = feed_of(settings, prefix, cameras)
    running = asyncio.create_task(feed.run())
    feed.take(live(range(10)))
    await until(lambda: feed.next_offset == 10)
    feed.take(live(range(20, 25), follows=20))
    await until(lambda: feed.next_offset == 30)
    assert len(cameras) == 30
    running.cancel()


async def test_too_many_waiting_rows_hold_the_topic_back(settings: Settings, prefix: str) -> None:
    flow: list[bool] = []
    feed = feed_of(settings, prefix, CountingCameras(), flow)
    feed.take(live(range(table_feed.WAITING_ROWS_MAX + 1)))
    assert flow == [False]
    running = asyncio.create_task(feed.run())
    await until(lambda: flow == [False, True])
    running.cancel()


@pytest.mark.slow
async def test_live_changes_arrive_as_batches_and_a_refused_row_is_answered_once(
    settings: Settings, prefix: str
) -> None:
    servers = settings.bootstrap_servers[0]
    topic = f"{prefix}.{CAMERAS.name}"
    ensure_topics(settings, prefix)
    await write(servers, topic, [(b"good", b"row"), (b"wrong", b"bad before the start")])
    async with running_worker(settings, prefix, CountingEngine()) as worker:
        assert worker.topology is not None
        assert len(worker.topology.cameras) == 1
        assert worker.app is not None
        events = worker.app.monitor.messages_received_total
        await write(servers, topic, [(b"k%d" % n, b"row") for n in range(5_000)])
        await write(servers, topic, [(b"wrong", b"bad while running")])
        feed = worker.topology.feeds[0]
        await until(lambda: feed.next_offset == 5_003)
        assert len(worker.topology.cameras) == 5_001
        assert worker.app.monitor.messages_received_total - events < 20
        first = await read(servers, f"{topic}-dlq", 1, lambda r: len(r) >= 2)
    async with running_worker(settings, prefix, CountingEngine()) as worker:
        assert worker.topology is not None
        await write(servers, topic, [(b"wrong", b"bad again")])
        again = await read(servers, f"{topic}-dlq", 1, lambda r: len(r) >= 3)
    letters = [decode(DeadLetter, record.value) for record in again]
    assert [letter.origin_offset for letter in letters] == [1, 5_002, 5_003]
    assert len(first) == 2
    assert letters[0].payload == b"bad before the start"
