"""Newer lists from a file and from a portal: what is told, what is taken back, and what is not believed."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.camera_list.source import CameraListSource, Config
from connectors.kit.arrival import Arrival
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.source import Accepted, Refused
from schemas.codec import encode
from schemas.topics import CAMERAS
from tests.connectors.camera_list.lists import ROW, a_row, csv_bytes
from tests.connectors.local_context import a_context
from tests.support.golden import assignments_for, camera_grid, entries_of
from tests.support.loopback import LoopbackServer
from tests.support.memory_log import MemoryLog
from tests.support.memory_pictures import MemoryPictures


class Standing:
    """The cameras that stand, as a broker would hold them."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.pictures = MemoryPictures(self.log)

    def source(self, **options: Any) -> CameraListSource:
        return CameraListSource(Config.from_options(options), replace(a_context(), pictures=self.pictures))

    def take(self, entry: Any) -> None:
        """Publish an entry, as the runner would."""
        if isinstance(entry, Accepted):
            key = entry.key if entry.key is not None else CAMERAS.key_of(entry.record)
            self.log.append("cameras", 0, key, None if entry.record is None else encode(entry.record))

    def ids(self) -> set[str]:
        picture = {stored.key.decode(): stored.record for stored in self.log.of("cameras")}
        return {camera_id for camera_id, camera in picture.items() if camera is not None}


def rows(*numbers: str, **changed: str) -> list[dict[str, str]]:
    return [a_row(CAMERA_ID=number, **changed) for number in numbers]


async def read(stands: Standing, path: Path, listed: list[dict[str, str]], **options: Any) -> list[Any]:
    """Write a list, read it to its end, and publish what it gives."""
    path.write_bytes(csv_bytes(listed))
    source = stands.source(path=str(path), **options)
    entries = [entry async for entry in source.entries(None)]
    for entry in entries:
        stands.take(entry)
    return entries


async def test_a_newer_file_tells_only_what_it_changes_and_takes_back_what_is_gone(tmp_path: Path) -> None:
    stands, path = Standing(), tmp_path / "cameras.csv"
    for camera in camera_grid(37.5, 127.0, side=2):
        stands.take(Accepted(CAMERAS, camera))
    others = stands.ids()
    await read(stands, path, [*rows("A", "B", "C"), *rows("P", OWNER="Parks")])
    entries = await read(stands, path, [*rows("A", "D"), *rows("B", LATITUDE="40.204112")])
    assert [(e.record.camera_id if e.record else None, e.key) for e in entries] == [
        ("D", None), ("B", None), (None, b"C"),
    ]  # fmt: skip
    assert stands.ids() - others == {"A", "B", "D", "P"}
    assert others <= stands.ids()


async def test_lists_of_different_systems_take_nothing_of_each_others_back(tmp_path: Path) -> None:
    stands, path = Standing(), tmp_path / "cameras.csv"
    form = tmp_path / "parks.toml"
    columns = 'id = "CAMERA_ID"\nlatitude = "LATITUDE"\nlongitude = "LONGITUDE"'
    form.write_text(f'[list]\nsystem = "parks"\n[columns]\n{columns}\n')
    await read(stands, path, rows("A"))
    await read(stands, path, rows("B"), form=str(form))
    await read(stands, path, rows("C"))
    assert stands.ids() == {"C", "parks-B"}


async def test_a_file_that_shrinks_too_much_is_refused_until_it_is_named(tmp_path: Path) -> None:
    stands, path = Standing(), tmp_path / "cameras.csv"
    await read(stands, path, rows(*(f"C{n}" for n in range(40))))
    (refused,) = await read(stands, path, rows(*(f"C{n}" for n in range(25))))
    assert isinstance(refused, Refused)
    assert (refused.reason, len(stands.ids())) == ("suspicious-shrink", 40)
    fingerprint = refused.message.rpartition(" ")[2]
    await read(stands, path, rows(*(f"C{n}" for n in range(25))), accept=fingerprint)
    assert len(stands.ids()) == 25


async def test_a_portal_that_is_asked_again_tells_only_what_changed() -> None:
    stands, shown = Standing(), rows("A", "B")

    async def answer(request: web.BaseRequest) -> web.Response:
        del request
        return web.Response(body=json.dumps(shown).encode())

    server = LoopbackServer(answer)
    url = await server.start()
    options = {"transport": "http-poll", "url": f"{url}/cameras.json", "interval_s": 0.01}
    try:
        async with asyncio.timeout(10), aclosing(stands.source(**options).entries(None)) as entries:
            first: list[Any] = [await anext(entries), await anext(entries)]
            shown[:] = rows("B", "C")
            newer: list[Any] = [await anext(entries), await anext(entries)]
        for entry in (*first, *newer):
            stands.take(entry)
        shown[:] = rows("C", "D")
        async with asyncio.timeout(10), aclosing(stands.source(**options).entries(None)) as entries:
            again: list[Any] = [await anext(entries), await anext(entries)]
    finally:
        await server.stop()
    assert [entry.record.camera_id for entry in first] == ["A", "B"]
    assert (newer[0].record.camera_id, newer[1].key) == ("C", b"A")
    assert (again[0].record.camera_id, again[1].key) == ("D", b"B")


async def test_an_answer_that_shrinks_too_much_is_answered_and_changes_nothing() -> None:
    stands = Standing()
    source = stands.source(transport="http-poll", url="http://portal.example/cameras.json")
    many = json.dumps(rows(*(f"C{n}" for n in range(40)))).encode()
    source._standing = {}
    assert len(source.answers(many, Arrival(1_772_334_000_000_000))) == 40
    few = json.dumps(rows("C1")).encode()
    (refused,) = source.answers(few, Arrival(1_772_334_000_000_000))
    assert isinstance(refused, Refused)
    assert (refused.reason, source.findings["suspicious-shrink"]) == ("suspicious-shrink", 1)
    assert source.answers(many, Arrival(1_772_334_000_000_000)) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "option path is required"),
        ({"path": "x", "url": "http://x"}, "option url belongs to transport http-poll"),
        ({"transport": "http-poll", "url": "http://x", "path": "y"}, "option path belongs to transport file"),
        ({"path": "x", "shrink_max_pct": 200}, "shrink_max_pct"),
        ({"path": "x", "colour": 1}, "'colour' is not known"),
    ],
)
def test_options_that_do_not_fit_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        Config.from_options(options)


def test_from_the_bytes_of_the_list_to_the_cameras_of_an_assignment() -> None:
    listed = [
        {**ROW, "CAMERA_ID": f"R{n}", "LATITUDE": f"{37.5665 + n * 0.0002:.6f}", "LONGITUDE": "126.978"}
        for n in range(6)
    ]
    cameras = entries_of("camera_list", csv_bytes(listed), options={"transport": "file"}, origin="cameras.csv")
    call = (
        '{"topic": "incidents", "record": {"event_id": "e-1", "source": "s", "observed_us": 1772334000000000, '
        '"ingested_us": 1772334000000000, "case_id": "112:17", "incident_id": "112:17", "status": "reported", '
        '"service": "police", "kind": "robbery", "occurred_us": 1772334000000000, "location": '
        '{"lat_deg": 37.5666, "lon_deg": 126.978, "accuracy_m": 10.0, "quality": "gps"}}}\n'
    )
    decided = assignments_for([*cameras, *entries_of("file_replay", call.encode(), origin="e.jsonl")])
    assert {camera.camera_id for camera in decided[-1].cameras} <= {f"R{n}" for n in range(6)}
    assert decided[-1].cameras
