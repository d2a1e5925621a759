"""Conditions through the whole worker: read before it is ready, followed while it runs, named by the decision."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS, CONDITIONS, DEAD_LETTER_SUFFIX, INCIDENTS, prefixed
from tests.support.conditions import a_crowd
from tests.support.records import S, a_camera, an_incident, at
from tests.topologies.running import read, running_worker, until, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

CITY = load_city(Path(__file__).parents[2] / "cities", "demo")


@pytest.mark.slow
async def test_a_crowd_is_known_before_the_worker_is_ready_and_followed_afterwards(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        bootstrap_servers=(embedded_broker,), city="demo", data_dir=tmp_path, case_partitions=1, session_timeout_s=2
    )
    name, now_us = prefixed(prefix), time.time_ns() // 1000
    await asyncio.to_thread(ensure_topics, settings, prefix)
    cameras = [a_camera(f"cam-{n}", location=at(10.0 * n), site_id=f"site-{n}") for n in range(20)]
    await write(embedded_broker, name(CAMERAS.name), [(c.camera_id.encode(), encode(c)) for c in cameras])
    crowd = a_crowd("busy", valid_until_us=now_us + 3_600 * S)
    await write(embedded_broker, name(CONDITIONS.name), [(b"c:crowd", encode(crowd))])
    async with running_worker(settings, prefix, CityEngine(CITY.policy)) as worker:
        assert worker.topology is not None
        (feed,) = [feed for feed in worker.topology.feeds if feed.topic is CONDITIONS]
        assert (feed.loaded, feed.rows) == (True, 1)
        await _report(embedded_broker, name, "inc-1", now_us)
        crowded = (await _decided(embedded_broker, name, 1))[-1]
        await write(embedded_broker, name(CONDITIONS.name), [(b"c:crowd", None), (b"c:bad", b"garbage")])
        await until(lambda: feed.rows == 3 and not feed.waiting)
        await _report(embedded_broker, name, "inc-2", now_us)
        (letter,) = await read(embedded_broker, name(CONDITIONS.name) + DEAD_LETTER_SUFFIX, 1, bool)
        quiet = (await _decided(embedded_broker, name, 2))[-1]
    assert crowded.camera_table_version.endswith("/conditions@0")
    assert {camera.why.get("crowd") for camera in crowded.cameras if camera.distance_m < 40} == {0.8}
    assert len(crowded.cameras) == len(quiet.cameras) + 1
    assert decode(DeadLetter, letter.value).payload == b"garbage"
    assert quiet.camera_table_version.endswith("/conditions@2")
    assert not any("crowd" in camera.why for camera in quiet.cameras)


async def _report(broker: str, name: Any, case_id: str, now_us: int) -> None:
    report = an_incident(case_id, observed_us=now_us, location=at(accuracy_m=10))
    await write(broker, name(INCIDENTS.name), [(case_id.encode(), encode(report))])


async def _decided(broker: str, name: Any, count: int) -> list[CameraAssignment]:
    records = await read(broker, name(CAMERA_ASSIGNMENTS.name), 1, lambda records: len(records) >= count)
    return [decode(CameraAssignment, record.value) for record in records]
