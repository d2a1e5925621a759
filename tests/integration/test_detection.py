"""Detection through the whole worker: a registration and fixes in, an alert and an assignment out; restart, replay."""

import asyncio
import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest

from console.replaying.check import check
from console.replaying.log import city_log, read_records
from console.replaying.partition_run import RunLimits
from console.replaying.run import run_log
from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode, encode
from schemas.topics import (
    CAMERA_ASSIGNMENTS,
    CAMERAS,
    PROTECTED_SUBJECTS,
    TRACKER_FIXES,
    WANDERING_ALERTS,
    WANDERING_STATES,
    prefixed,
)
from schemas.wandering_alert import WanderingAlert
from tests.support.records import S, a_camera, a_fix, a_registration, at
from tests.topologies.running import read, running_worker, until, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

CITY = load_city(Path(__file__).parents[2] / "cities", "demo")
KEY = b"s:elder"


def fix_row(east_m: float, fix_us: int) -> tuple[bytes, bytes]:
    return KEY, encode(a_fix(fix_us=fix_us, location=at(east_m)))


async def _seen(worker: Any, topic: str, offset: int) -> None:
    pumps = worker.topology.crew.pumps
    await until(lambda: pumps[0].next_offsets[topic] >= offset)


@pytest.mark.slow
async def test_who_leaves_home_gets_cameras_also_when_the_worker_restarts_on_the_doorstep(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        bootstrap_servers=(embedded_broker,), city="demo", data_dir=tmp_path, case_partitions=1, session_timeout_s=2
    )
    await _story(settings, prefix)


@pytest.mark.slow
@pytest.mark.kafka
async def test_the_same_on_real_kafka(kafka_broker: str, prefix: str, tmp_path: Path) -> None:
    settings = Settings(
        bootstrap_servers=(kafka_broker,), city="demo", data_dir=tmp_path, case_partitions=1, session_timeout_s=6
    )
    await _story(settings, prefix)


async def _story(settings: Settings, prefix: str) -> None:
    broker, name = settings.bootstrap_servers[0], prefixed(prefix)
    await asyncio.to_thread(ensure_topics, settings, prefix)
    cameras = [a_camera(f"cam-{n}", location=at(20.0 * n), site_id=f"site-{n}") for n in range(20)]
    await write(broker, name(CAMERAS.name), [(c.camera_id.encode(), encode(c)) for c in cameras])
    start_us = time.time_ns() // 1000 - 300 * S
    registration = dataclasses.replace(a_registration(observed_us=start_us), hazards=("water",))
    fixes = name(TRACKER_FIXES.name)
    async with running_worker(settings, prefix, CityEngine(CITY.policy)) as worker:
        await write(broker, name(PROTECTED_SUBJECTS.name), [(KEY, encode(registration))])
        await _seen(worker, PROTECTED_SUBJECTS.name, 1)
        await write(broker, fixes, [fix_row(10, start_us), fix_row(115, start_us + 60 * S)])
        await _seen(worker, TRACKER_FIXES.name, 2)
    async with running_worker(settings, prefix, CityEngine(CITY.policy)):
        await write(broker, fixes, [fix_row(118, start_us + 120 * S)])
        (alert,) = [decode(WanderingAlert, r.value) for r in await read(broker, name(WANDERING_ALERTS.name), 1, len)]
        (first, *_) = await _assignments(broker, name, "active")
        await write(broker, fixes, [fix_row(20, start_us + 180 * S), fix_row(15, start_us + 240 * S)])
        last = (await _assignments(broker, name, "released"))[-1]
    assert alert.why == ("outside zone home by 18 m ± 10 m", "2 fixes in a row")
    assert (first.kind, first.rank, first.status) == ("safe-zone-exit", 1, "active")  # water near: rank 1
    assert first.cameras
    assert (last.status, last.reason) == ("released", "returned")
    states = await read(broker, name(WANDERING_STATES.name), 1, lambda r: bool(r) and r[-1].value is None)
    assert {record.key for record in states} == {KEY}
    await asyncio.to_thread(_replays_the_same, settings, prefix)


async def _assignments(broker: str, name: Any, status: str) -> list[CameraAssignment]:
    """Return the versions until one has a status."""

    def there(records: list[Any]) -> bool:
        return any(decode(CameraAssignment, r.value).status == status for r in records if r.value is not None)

    records = await read(broker, name(CAMERA_ASSIGNMENTS.name), 1, there)
    return [decode(CameraAssignment, record.value) for record in records if record.value is not None]


def _replays_the_same(settings: Settings, prefix: str) -> None:
    options = {"bootstrap_servers": list(settings.bootstrap_servers)}
    log = city_log(read_records(options, prefixed(prefix), records_max=10_000, timeout_s=60))
    compared = check(log, run_log(CityEngine(CITY.policy), log, RunLimits(round(settings.tick_s * 1e6), 1e12)))
    assert compared.equal, compared
    assert compared.differing == 0, compared
