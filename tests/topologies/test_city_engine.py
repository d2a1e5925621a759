"""The whole path with the real engine and a city's policy: cameras and an incident in, assignments out."""

import dataclasses
import time
from pathlib import Path

import pytest

from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS, INCIDENTS
from tests.support.records import a_camera, an_incident, at
from tests.topologies.running import read, running_worker, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

CITIES = Path(__file__).parents[2] / "cities"


def engine() -> CityEngine:
    return CityEngine(load_city(CITIES, "demo").policy)


async def story_of_a_robbery(settings: Settings, prefix: str) -> list[CameraAssignment]:
    """Report a robbery, restart the worker, move the robbery; return what was decided."""
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    cameras = [a_camera(f"cam-{n}", location=at(20.0 * n, 0.0), site_id=f"site-{n}") for n in range(30)]
    await write(servers, f"{prefix}.{CAMERAS.name}", [(c.camera_id.encode(), encode(c)) for c in cameras])
    now_us = time.time_ns() // 1000
    incidents, assignments = f"{prefix}.{INCIDENTS.name}", f"{prefix}.{CAMERA_ASSIGNMENTS.name}"
    report = an_incident(observed_us=now_us, location=at(30.0))
    moved = an_incident(observed_us=now_us + 1, location=at(500.0), status="updated")
    async with running_worker(settings, prefix, engine()):
        garbage = (b"inc-1", b"\x00 this is no Avro")
        await write(servers, incidents, [(b"inc-1", encode(report)), garbage])
        await read(servers, assignments, 2, lambda r: len(r) >= 1)
        letters = await read(servers, f"{incidents}-dlq", 2, lambda r: len(r) >= 1)
        assert decode(DeadLetter, letters[0].value).payload == garbage[1]
    async with running_worker(settings, prefix, engine()):
        await write(servers, incidents, [(b"inc-1", encode(moved))])
        records = await read(servers, assignments, 2, lambda r: len(r) >= 2)
    return [decode(CameraAssignment, record.value) for record in records]


def check(first: CameraAssignment, second: CameraAssignment) -> None:
    assert (first.case_id, first.version, first.status) == ("inc-1", 1, "active")
    assert first.cameras
    assert all(camera.distance_m < 500 for camera in first.cameras)
    assert first.camera_table_version == "cameras@29/health@-1"
    assert (second.case_id, second.version) == ("inc-1", 2)
    assert second.cameras[0].camera_id != first.cameras[0].camera_id
    assert set(second.kept) | set(second.added) == {camera.camera_id for camera in second.cameras}
    assert set(second.kept) | set(second.released) == {camera.camera_id for camera in first.cameras}


@pytest.mark.slow
async def test_a_case_goes_on_where_it_was_after_a_restart(settings: Settings, prefix: str) -> None:
    check(*await story_of_a_robbery(settings, prefix))


@pytest.mark.slow
@pytest.mark.kafka
async def test_a_case_goes_on_where_it_was_after_a_restart_on_real_kafka(
    settings: Settings, kafka_broker: str, prefix: str
) -> None:
    check(*await story_of_a_robbery(dataclasses.replace(settings, bootstrap_servers=(kafka_broker,)), prefix))
