"""What a worker does before it joins its group."""

import asyncio
import dataclasses
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from pipeline.compiled import IS_COMPILED
from pipeline.world.streets import streets_from
from schemas.codec import encode
from schemas.topics import CAMERAS
from tests.support.records import a_camera, at
from tests.topologies.counting_engine import CountingCameras, CountingEngine
from tests.topologies.running import running_worker, until, write
from topologies.city_engine import SIGHTLINES_FOLDER, CityEngine, engine_for
from topologies.city_files import City, load_city
from topologies.city_map import city_plane, write_map
from topologies.rehearsal import rehearse
from topologies.settings import Settings
from topologies.worker import Worker

CITIES = Path(__file__).parents[2] / "cities"


@pytest.fixture
def mapped_city(tmp_path: Path) -> City:
    """Return the demo city with a crossing of two streets as its map."""
    city = dataclasses.replace(load_city(CITIES, "demo"), folder=tmp_path)
    here = [at(-200.0), at(0.0), at(200.0)], [at(0.0, -200.0), at(0.0), at(0.0, 200.0)]
    lines = [np.array([(p.lon_deg, p.lat_deg) for p in line]) for line in here]
    write_map(city, streets_from(lines, city_plane(city)), None, {})
    return city


def with_cameras(engine: CityEngine) -> Any:
    cameras = engine.new_cameras()
    records = [a_camera(f"cam-{n}", location=at(10.0 * n), site_id=f"pole-{n}") for n in range(12)]
    assert not cameras.apply_cameras([CAMERAS.key_of(c) for c in records], [encode(c) for c in records], 11)
    return cameras


def sights(engine: CityEngine) -> Any:
    scenery = engine._scenery
    assert scenery is not None
    assert scenery.world.sightlines is not None
    return scenery.world.sightlines


def test_a_city_with_a_map_decides_on_its_streets_and_one_without_on_the_plane(mapped_city: City) -> None:
    assert engine_for(mapped_city).has_streets
    assert not engine_for(load_city(CITIES, "demo")).has_streets


def test_lines_of_sight_are_computed_once_and_then_remembered(mapped_city: City, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = engine_for(mapped_city, cache)
    first.prepare(with_cameras(first))
    assert sights(first).computed == 12
    assert len(list((cache / SIGHTLINES_FOLDER).iterdir())) == 1
    second = engine_for(mapped_city, cache)
    second.prepare(with_cameras(second))
    assert sights(second).computed == 0
    assert sights(second).count[:12].tolist() == sights(first).count[:12].tolist()
    assert sights(first).count[:12].min() > 0


def test_preparing_again_computes_only_what_has_come(mapped_city: City) -> None:
    engine = engine_for(mapped_city)
    cameras = with_cameras(engine)
    engine.prepare(cameras)
    camera = a_camera("cam-new", location=at(0.0, 50.0), site_id="pole-new")
    cameras.apply_cameras([CAMERAS.key_of(camera)], [encode(camera)], 12)
    engine.prepare(cameras)
    assert sights(engine).computed == 13


def test_a_cache_that_cannot_be_written_is_done_without(mapped_city: City, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    engine = engine_for(mapped_city, tmp_path / "file")
    engine.prepare(with_cameras(engine))
    assert sights(engine).computed == 12


@pytest.mark.skipif(not IS_COMPILED, reason="numba is not installed: nothing is compiled")
@pytest.mark.parametrize("with_map", [False, True])
def test_a_rehearsal_reaches_the_kernels_of_belief_and_choice(with_map: bool) -> None:
    rehearse(load_city(CITIES, "demo").policy, with_map=with_map)
    kernels = {
        f"{name}.{key}": value
        for name, module in list(sys.modules.items())
        if name.startswith("pipeline.")
        for key, value in vars(module).items()
        if hasattr(value, "py_func") and value.py_func.__module__ == name
    }
    reached = {name for name, kernel in kernels.items() if kernel.signatures}
    wanted = {
        "pipeline.choice.kernel.choose_all",
        "pipeline.belief.evidence.weigh_fix_cases",
        "pipeline.belief.looks.weigh_by_looks",
        "pipeline.belief.walks.move_cases",
        "pipeline.belief.whereabouts.where_of_cases",
        "pipeline.belief.fresh_draws.start_cases",
    }
    assert wanted <= reached
    if with_map:
        assert "pipeline.sight.sight_kernels.see_from_poles" in reached


class SlowlyPrepared(CountingEngine):
    """Waits in its preparation until it is let go; remembers how many cameras it was prepared with."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()
        self.prepared: list[int] = []

    def prepare(self, cameras: CountingCameras) -> None:
        assert self.may_go_on.wait(30)
        self.prepared.append(len(cameras))


async def test_a_worker_joins_its_group_only_when_it_is_prepared_and_says_so(settings: Settings, prefix: str) -> None:
    engine = SlowlyPrepared()
    said: list[str] = []
    worker = Worker(settings, prefix=prefix, city="test", engine=engine, announce=said.append)
    running = asyncio.create_task(worker.run())
    try:
        await until(lambda: worker.topology is not None and worker.topology.preparation.stage.startswith("looking"))
        assert worker.web is not None
        await until(lambda: worker.web is not None and bool(worker.web.port))
        async with aiohttp.ClientSession() as session, session.get(f"{worker.web.url}/readyz") as answer:
            body: Mapping[str, Any] = await answer.json()
        assert answer.status == 503
        assert body["reasons"]["engine"].startswith("looking along the streets")
        assert body["reasons"]["partitions"] == "not a member of the group yet"
        engine.may_go_on.set()
        await until(worker.ready.is_set)
    finally:
        engine.may_go_on.set()
        worker.stop()
        await running


async def test_cameras_that_come_later_are_prepared_slice_by_slice(settings: Settings, prefix: str) -> None:
    engine = SlowlyPrepared()
    engine.may_go_on.set()
    async with running_worker(settings, prefix, engine) as worker:
        assert engine.prepared == [0]
        await write(settings.bootstrap_servers[0], f"{prefix}.{CAMERAS.name}", [(b"cam-1", encode(a_camera("cam-1")))])
        await until(lambda: engine.prepared[-1] == 1)
        assert worker.topology is not None
        assert worker.topology.preparation.stage == ""
