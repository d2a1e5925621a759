"""Seoul's 25 districts as 25 sources, each with its owner and its own cadence, on one topic."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.cctv_registry.source import CctvRegistrySource
from connectors.kit.instances import ConnectorInstance, instances_of
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_sources
from tests.connectors.cctv_registry.files import a_row, write_file
from tests.connectors.local_context import a_context
from tests.support.memory_log import SETTINGS, MemoryCursors, MemoryLog
from tests.support.memory_pictures import MemoryPictures

CITIES = Path(__file__).parents[3] / "cities"
DISTRICTS = [i for i in instances_of(CITIES, "seoul") if i.kind == "cctv_registry"]


def test_every_district_is_a_source_of_its_own() -> None:
    assert len(DISTRICTS) == 25
    for option in ("owner", "path", "every_s"):
        assert len({instance.options[option] for instance in DISTRICTS}) == 25
    assert all(str(instance.options["owner"]).endswith("구") for instance in DISTRICTS)
    assert all(isinstance(instance.build_source(a_context()), CctvRegistrySource) for instance in DISTRICTS)


def cameras(owner: str, *numbers: str) -> list[Any]:
    # The position makes the id, so that no two districts' cameras are one.
    return [a_row("seoul-ansimi", 자치구=owner, **{"위도": f"37.5{n}", "안심 주소": f"길 {n}"}) for n in numbers]


async def test_districts_change_side_by_side_and_one_that_is_not_there_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drop" / "cctv").mkdir(parents=True)
    chosen = [_often(instance) for instance in DISTRICTS[:3]]
    first, second, _missing = chosen
    write_file(Path(first.options["path"]), cameras("강남구", "101", "102"), "seoul-ansimi")
    write_file(Path(second.options["path"]), cameras("강동구", "201"), "seoul-ansimi")
    log, stop = MemoryLog(), asyncio.Event()
    context = replace(a_context(), pictures=MemoryPictures(log))
    jobs = [
        SourceJob(name=i.name, kind=i.kind, source=i.build_source(context), backoff=Backoff(first_s=0.01, limit_s=0.05))
        for i in chosen
    ]
    publisher = Publisher(SETTINGS, opener=log.opener)
    running = asyncio.create_task(run_sources(jobs, publisher, MemoryCursors(), stop, context.clock))
    try:
        await _until(lambda: len(_standing(log)) == 3)
        write_file(Path(first.options["path"]), cameras("강남구", "102", "103"), "seoul-ansimi")
        await _until(lambda: any(stored.value is None for stored in log.of("cameras")))
        assert sorted(camera.owner for camera in _standing(log).values()) == ["강남구", "강남구", "강동구"]
        assert sorted(camera.location.lat_deg for camera in _standing(log).values()) == [37.5102, 37.5103, 37.5201]
        assert jobs[2].counters.unavailable >= 1
    finally:
        stop.set()
        await asyncio.wait_for(running, 3)
        await publisher.close()


def _often(instance: ConnectorInstance) -> ConnectorInstance:
    return replace(instance, options={**instance.options, "every_s": 0.01})


def _standing(log: MemoryLog) -> dict[bytes, Any]:
    picture = {stored.key: stored.record for stored in log.of("cameras")}
    return {key: camera for key, camera in picture.items() if camera is not None}


async def _until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)
