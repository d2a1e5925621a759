"""A re-import of the whole registry while the worker runs."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from pipeline.cameras.camera_table import CameraTable
from schemas.camera import Camera
from schemas.codec import encode
from schemas.location import Location
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS, INCIDENTS
from tests.topologies.counting_engine import CountingEngine
from tests.topologies.running import Row, running_worker, until, write
from topologies.settings import Settings
from topologies.topics import ensure_topics

CAMERAS_IN_THE_CITY = 84_000


class EngineWithRealCameras(CountingEngine):
    def new_cameras(self) -> CameraTable:  # type: ignore[override]
        return CameraTable()


def camera_rows(height_m: float) -> list[Row]:
    rows: list[Row] = []
    for number in range(CAMERAS_IN_THE_CITY):
        site = number // 2
        camera = Camera(
            event_id=f"camera-{number}-{height_m}",
            source="test",
            observed_us=1,
            ingested_us=1,
            camera_id=f"cam-{number}",
            site_id=f"site-{site}",
            owner=f"district-{number % 25}",
            location=Location(
                lat_deg=37.4 + (site % 200) / 1000, lon_deg=126.8 + (site // 200) / 1000, accuracy_m=5, quality="gps"
            ),
            kind="fixed",
            height_m=height_m,
        )
        rows.append((camera.camera_id.encode(), encode(camera)))
    return rows


async def delays_while(servers: str, prefix: str, still_going: "asyncio.Task[None]", enough: int) -> list[float]:
    """Write an incident, wait for its assignment, and so on; return the seconds each took."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False, fetch_max_wait_ms=10
    )
    await producer.start()
    await consumer.start()
    delays = []
    try:
        tp = TopicPartition(f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 0)
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        while not still_going.done() or len(delays) < enough:
            started_s = time.perf_counter()
            await producer.send_and_wait(f"{prefix}.{INCIDENTS.name}", key=b"case", value=b"x", partition=0)
            await asyncio.wait_for(consumer.getone(), 30)
            delays.append(time.perf_counter() - started_s)
            await asyncio.sleep(0.02)
    finally:
        await producer.stop()
        await consumer.stop()
    return delays


@pytest.mark.slow
async def test_a_reimport_of_84000_cameras_delays_no_decision_by_a_second(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    before, after = camera_rows(4.0), camera_rows(6.0)
    topic = f"{prefix}.{CAMERAS.name}"
    await write(servers, topic, before)
    async with running_worker(settings, prefix, EngineWithRealCameras()) as worker:
        assert worker.topology is not None
        cameras, feed = worker.topology.cameras, worker.topology.feeds[0]
        assert len(cameras) == CAMERAS_IN_THE_CITY

        async def reimport() -> None:
            await write(servers, topic, after)
            await until(lambda: feed.next_offset >= 2 * CAMERAS_IN_THE_CITY, timeout_s=60)

        cpu_s, started_s = time.process_time(), time.perf_counter()
        going = asyncio.create_task(reimport())
        delays = await delays_while(servers, prefix, going, enough=20)
        await going
        print(
            f"re-import {time.perf_counter() - started_s:.1f} s, {time.process_time() - cpu_s:.1f} s CPU; "
            f"{len(delays)} decisions, worst {max(delays):.3f} s"
        )
        assert isinstance(cameras, CameraTable)
        row = cameras.row_of("cam-83999")
        assert row is not None
        assert cameras.height_m[row] == pytest.approx(6.0)
    assert max(delays) < 1.0
