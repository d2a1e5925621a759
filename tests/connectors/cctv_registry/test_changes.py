"""Newer files: what is told, what is taken back, and what is not believed."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.cctv_registry.source import CctvRegistrySource, Config
from connectors.kit.cameras.changes import GONE, Standing, changes_of
from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.source import Accepted, Refused
from schemas.codec import encode
from schemas.topics import CAMERAS
from tests.connectors.cctv_registry.files import a_row, many_rows, write_file
from tests.connectors.local_context import a_context
from tests.support.golden import assignments_for, camera_grid, entries_of
from tests.support.memory_log import MemoryLog
from tests.support.memory_pictures import MemoryPictures


class Registry:
    """A registry file and the cameras that stand, as a broker would hold them."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.path = folder / "registry.csv"
        self.log = MemoryLog()
        self.pictures = MemoryPictures(self.log)
        self.options = options

    def source(self, **options: Any) -> CctvRegistrySource:
        config = Config.from_options({"path": str(self.path), **self.options, **options})
        return CctvRegistrySource(config, replace(a_context(), pictures=self.pictures))

    def take(self, entry: Any) -> None:
        """Publish an entry, as the runner would."""
        if isinstance(entry, Accepted):
            key = entry.key if entry.key is not None else CAMERAS.key_of(entry.record)
            self.log.append("cameras", 0, key, None if entry.record is None else encode(entry.record))

    async def read(self, rows: list[Any], **options: Any) -> tuple[CctvRegistrySource, list[Any]]:
        """Write a file, read it to its end, and publish what it gives."""
        write_file(self.path, rows)
        source = self.source(**options)
        entries = [entry async for entry in source.entries(None)]
        for entry in entries:
            self.take(entry)
        return source, entries

    def standing(self) -> set[str]:
        picture = {stored.key.decode(): stored.record for stored in self.log.of("cameras")}
        return {camera_id for camera_id, camera in picture.items() if camera is not None}


def row(number: str, **changes: str) -> Any:
    return a_row(관리번호=number, **changes)


async def test_a_newer_file_tells_what_is_new_moved_or_changed_and_nothing_else(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    await registry.read([row("A"), row("B"), row("C")])
    source, entries = await registry.read([row("A"), row("B", WGS84위도="37.5101"), row("C", 보관일수="60"), row("D")])
    assert [entry.record.camera_id for entry in entries] == ["3990000-B", "3990000-C", "3990000-D"]
    assert source.findings == {"unchanged": 1, "moved": 1, "changed": 1, "added": 1}


async def test_what_is_no_longer_listed_is_taken_back_after_the_rest(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    await registry.read([row("A"), row("B")])
    _, entries = await registry.read([row("B"), row("C")])
    assert [(e.record is None, e.key) for e in entries] == [(False, None), (True, b"3990000-A")]
    assert registry.standing() == {"3990000-B", "3990000-C"}


async def test_the_same_file_again_tells_nothing_in_any_order(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    await registry.read([row("A"), row("B")])
    _, entries = await registry.read([row("B"), row("A")])
    assert entries == []


async def test_other_owners_and_other_connectors_cameras_are_left_alone(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for camera in camera_grid(37.5, 127.0, side=2):
        registry.take(Accepted(CAMERAS, camera))
    await registry.read([row("A"), row("N", 관리기관명="가람시 해오름구청")])
    before = registry.standing()
    await registry.read([row("A")])
    assert registry.standing() == before
    await registry.read([row("A")], owners=["가람시 누리구청", "가람시 해오름구청"])
    assert before - registry.standing() == {"3990000-N"}


async def test_a_file_that_shrinks_too_much_is_refused_as_a_whole_unless_it_is_named(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    await registry.read(many_rows(40))
    before = registry.standing()
    source, entries = await registry.read([*many_rows(25), row("NEW")])
    (refused,) = entries
    assert isinstance(refused, Refused)
    assert (refused.reason, "15 of 40" in refused.message) == ("suspicious-shrink", True)
    assert registry.standing() == before
    assert source.report is not None
    fingerprint = refused.message.rpartition(" ")[2]
    _, entries = await registry.read([*many_rows(25), row("NEW")], accept=fingerprint)
    assert sum(entry.record is None for entry in entries) == 15
    assert len(registry.standing()) == 26


async def test_a_few_cameras_may_always_go(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    await registry.read(many_rows(12))
    await registry.read(many_rows(4))
    assert len(registry.standing()) == 4


async def test_it_is_looked_again_for_a_newer_file(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    write_file(registry.path, [row("A")])
    source = registry.source(every_s=0.01)
    async with asyncio.timeout(10), aclosing(source.entries(None)) as entries:
        first: Any = await anext(entries)
        registry.take(first)
        write_file(registry.path, [row("B")])
        newer: Any = await anext(entries)
        gone: Any = await anext(entries)
    assert [first.record.camera_id, newer.record.camera_id, gone.key] == ["3990000-A", "3990000-B", b"3990000-A"]


async def test_a_file_that_is_not_there_yet_is_waited_for_only_by_who_looks_again(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with pytest.raises(SourceUnavailableError, match="not there yet"):
        await anext(registry.source(every_s=5).entries(None))
    with pytest.raises(ConnectorConfigError):
        await anext(registry.source().entries(None))


async def test_a_file_of_no_use_takes_nothing_back(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    await registry.read([row("A")])
    registry.path.write_text("name;age\n", "utf-8")
    (refused,) = [entry async for entry in registry.source().entries(None)]
    assert isinstance(refused, Refused)
    assert refused.reason == "unusable-file"


async def test_a_broker_that_is_away_is_waited_for(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.pictures.is_away = True
    write_file(registry.path, [row("A")])
    with pytest.raises(SourceUnavailableError):
        await anext(registry.source().entries(None))


async def test_without_a_broker_all_cameras_are_given(tmp_path: Path) -> None:
    path = write_file(tmp_path / "registry.csv", [row("A"), row("B")])
    source = CctvRegistrySource(Config(path=str(path)), a_context())
    assert len([entry async for entry in source.entries(None)]) == 2
    assert source.changes is None


IDS = st.sets(st.integers(0, 30), max_size=30)


@given(before=IDS, after=IDS)
def test_after_any_change_exactly_the_cameras_of_the_file_stand(before: set[int], after: set[int]) -> None:
    grid = camera_grid(37.5, 127.0, side=6)
    standing = {grid[n].camera_id: Standing.of(grid[n]) for n in before}
    changes = changes_of([grid[n] for n in after], standing, ["Riverside"])
    told = {grid[n].camera_id for n in after} - changes.unchanged
    assert set(standing) - set(changes.gone) | told == {grid[n].camera_id for n in after}
    assert changes.counts[GONE] == len(changes.gone)
    assert sum(changes.counts.values()) == len(before | after)


def test_from_the_bytes_of_the_file_to_the_cameras_of_an_assignment(tmp_path: Path) -> None:
    rows = [row(f"R{n}", WGS84위도=f"{37.5665 + n * 0.0002:.6f}", WGS84경도="126.978") for n in range(6)]
    cameras = entries_of("cctv_registry", write_file(tmp_path / "r.csv", rows).read_bytes(), origin="r.csv")
    call = (
        '{"topic": "incidents", "record": {"event_id": "e-1", "source": "s", "observed_us": 1772334000000000, '
        '"ingested_us": 1772334000000000, "case_id": "112:17", "incident_id": "112:17", "status": "reported", '
        '"service": "police", "kind": "robbery", "occurred_us": 1772334000000000, "location": '
        '{"lat_deg": 37.5666, "lon_deg": 126.978, "accuracy_m": 10.0, "quality": "gps"}}}\n'
    )
    decided = assignments_for([*cameras, *entries_of("file_replay", call.encode(), origin="e.jsonl")])
    assert {camera.camera_id for camera in decided[-1].cameras} <= {f"3990000-R{n}" for n in range(6)}
    assert decided[-1].cameras
