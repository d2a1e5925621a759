"""Whole files in a folder: taken when complete, put away when safe, and nothing else there is touched."""

import asyncio
import json
import os
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.payloads import Arrival, PayloadSource, transport_from
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.reading.json_records import record_from_json, record_to_json
from connectors.kit.source import Accepted, Entry, Refused
from connectors.kit.transports import whole_files
from schemas.incident import Incident
from schemas.topics import INCIDENTS
from tests.connectors.helpers import incident
from tests.connectors.local_context import a_context

QUICK = {"settle_s": 0, "look_every_s": 0.01}


class Records(PayloadSource):
    """Our own records, as JSON lines in each file."""

    origins: list[str]

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        self.origins = [*getattr(self, "origins", []), arrival.origin]
        return self.each(json_items(payload), lambda item: Accepted(INCIDENTS, record_from_json(Incident, item)))


def body(*numbers: int) -> bytes:

    return "\n".join(json.dumps(record_to_json(incident(number))) for number in numbers).encode()


def a_source(folder: Path, *, is_trial: bool = False, **options: Any) -> Records:
    transport = transport_from({"folder": str(folder), **QUICK, **options}, ("file-drop",), name="records")
    return Records(transport, replace(a_context(), is_trial=is_trial), topic=INCIDENTS)


async def take(source: Records, count: int, cursor: str | None = None, *, safe: bool = True) -> list[Entry]:
    """Return the next entries; each counts as safe at once, as if Kafka had it, unless told otherwise."""
    taken: list[Entry] = []
    async with asyncio.timeout(10), aclosing(source.entries(cursor)) as entries:
        async for entry in entries:
            taken.append(entry)
            if safe and entry.cursor:
                source.acknowledged(entry.cursor)
            if len(taken) == count:
                break
    return taken


async def meanwhile(source: Records, until: Callable[[], bool]) -> list[Entry]:
    """Return what comes before something holds."""
    taken: list[Entry] = []

    async def read() -> None:
        async with aclosing(source.entries(None)) as entries:
            async for entry in entries:
                taken.append(entry)
                source.acknowledged(entry.cursor or "")

    reading = asyncio.create_task(read())
    try:
        async with asyncio.timeout(10):
            while not until() and not reading.done():
                await asyncio.sleep(0.005)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    if not reading.cancelled():
        reading.result()
    return taken


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def numbers_of(entries: Iterable[Entry]) -> list[str]:
    return [entry.record.incident_id for entry in entries if isinstance(entry, Accepted) and entry.record is not None]


async def test_files_come_oldest_first_and_are_put_away_when_their_records_are_safe(tmp_path: Path) -> None:
    for age_s, number in ((10, 1), (30, 2), (20, 3)):
        path = tmp_path / f"{number}.json"
        path.write_bytes(body(number, number + 10))
        os.utime(path, (1_700_000_000 - age_s, 1_700_000_000 - age_s))
    source = a_source(tmp_path)
    entries = await take(source, 6)
    assert numbers_of(entries) == [incident(n).incident_id for n in (2, 12, 3, 13, 1, 11)]
    assert source.origins == ["2.json", "3.json", "1.json"]
    assert names(tmp_path) == ["done/1.json", "done/2.json", "done/3.json"]


async def test_a_file_whose_records_are_not_safe_stays_and_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(body(1, 2))
    first = await take(a_source(tmp_path), 2, safe=False)
    assert names(tmp_path) == ["a.json"]
    assert numbers_of(await take(a_source(tmp_path), 2)) == numbers_of(first)
    assert first[0].cursor == ""
    assert names(tmp_path) == ["done/a.json"]


async def test_a_file_that_was_safe_when_the_process_died_is_only_put_away(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(body(1))
    (safe,) = await take(a_source(tmp_path), 1, safe=False)
    (tmp_path / "b.json").write_bytes(body(2))
    entries = await take(a_source(tmp_path), 1, safe.cursor)
    assert numbers_of(entries) == [incident(2).incident_id]
    assert names(tmp_path) == ["done/a.json", "done/b.json"]


async def test_a_position_of_another_transport_is_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(body(1))
    for cursor in ('{"n": 4, "etag": "x"}', "7", "[]", "no json", "12:calls.csv"):
        assert len(await take(a_source(tmp_path), 1, cursor, safe=False)) == 1


async def test_a_file_that_still_grows_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(body(1)[:50])
    source = a_source(tmp_path, settle_s=0.15)

    async def write_on() -> None:
        for end in (100, 150, len(body(1))):
            await asyncio.sleep(0.05)
            path.write_bytes(body(1)[:end])

    writing = asyncio.create_task(write_on())
    (entry,) = await take(source, 1)
    await writing
    assert isinstance(entry, Accepted)


async def test_a_file_that_is_replaced_before_its_records_are_safe_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(body(1))
    source = a_source(tmp_path)
    taken: list[Entry] = []
    async with asyncio.timeout(10), aclosing(source.entries(None)) as entries:
        async for entry in entries:
            taken.append(entry)
            if len(taken) == 1:
                (tmp_path / "new").write_bytes(body(2))
                (tmp_path / "new").replace(path)
            source.acknowledged(entry.cursor or "")
            if len(taken) == 2:
                break
    assert numbers_of(taken) == [incident(1).incident_id, incident(2).incident_id]
    assert names(tmp_path) == ["done/a.json"]


async def test_what_is_not_meant_for_it_is_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(body(7))
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "inner.json").mkdir()
    (folder / "link.json").symlink_to(outside)
    os.mkfifo(folder / "pipe.json")
    (folder / "opened.json").touch()
    for name in (".hidden.json", "a.json.part", "b.txt", "json", ".json"):
        (folder / name).write_bytes(body(8))
    (folder / "good.JSON").write_bytes(body(1))
    before = names(folder)
    source = a_source(folder)
    entries = await meanwhile(source, (folder / "done" / "good.JSON").exists)
    assert numbers_of(entries) == [incident(1).incident_id]
    assert names(folder) == sorted({*before, "done/good.JSON"} - {"good.JSON"})
    assert outside.exists()


@pytest.mark.parametrize(
    "name",
    [
        b"a\nb.json",
        b"\x1b[31m.json",
        b"\xff\xfe.json",
        "알림 1.json".encode(),
        b"a;rm -rf b.json",
        b"x" * 250 + b".json",
    ],
)
async def test_a_hostile_name_does_no_harm_and_is_shown_in_print(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_bytes(body(1))
    source = a_source(tmp_path)
    (entry,) = await take(source, 1)
    assert entry.cursor is not None
    assert entry.cursor.isascii()
    assert source.origins[0].isprintable()
    assert len(source.origins[0]) <= 120
    assert [os.fsencode(path.name) for path in (tmp_path / "done").iterdir()] == [name]


async def test_what_cannot_be_used_is_refused_once_and_harms_no_neighbour(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"x" * 5_000)
    (tmp_path / "b.json").write_bytes(b"\xff\x00 no json")
    (tmp_path / "d.json").write_bytes(body(1))
    source = a_source(tmp_path, max_file_bytes=2_000)
    entries = await meanwhile(source, (tmp_path / "done" / "d.json").exists)
    refused = [entry for entry in entries if isinstance(entry, Refused)]
    assert refused[0].reason == "too-large"
    assert len(refused) == 2
    assert numbers_of(entries) == [incident(1).incident_id]
    assert names(tmp_path) == [f"done/{name}.json" for name in "abd"]


async def test_of_a_file_no_more_is_read_than_is_allowed(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(1 << 40)
    (refused,) = await take(a_source(tmp_path, max_file_bytes=1_000), 1)
    assert isinstance(refused, Refused)
    assert refused.reason == "too-large"


async def test_a_file_that_gives_nothing_is_put_away_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[]")
    source = a_source(tmp_path)
    assert await meanwhile(source, (tmp_path / "done" / "a.json").exists) == []


async def test_only_the_newest_files_that_are_done_with_are_kept(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / f"{number}.json"
        path.write_bytes(body(number))
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    source = a_source(tmp_path, done_max=2)
    await meanwhile(source, lambda: names(tmp_path) == ["done/4.json", "done/5.json"])
    assert names(tmp_path) == ["done/4.json", "done/5.json"]


async def test_more_files_than_one_look_takes_come_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_files, "FILES_PER_LOOK", 2)
    for number in range(5):
        (tmp_path / f"{number}.json").write_bytes(body(number))
    assert len(await take(a_source(tmp_path), 5)) == 5


async def test_a_file_that_cannot_be_moved_is_read_once_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json").write_bytes(body(1))
    source = a_source(tmp_path)
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "a.json").mkdir()
    looks: list[float] = []
    look = whole_files.WholeFilesLink._look

    def counted(link: Any, now_s: float) -> list[str]:
        looks.append(now_s)
        return look(link, now_s)

    monkeypatch.setattr(whole_files.WholeFilesLink, "_look", counted)
    entries = await meanwhile(source, lambda: len(looks) > 4)
    assert len(entries) == 1
    assert source.findings == {"file-not-moved": 1}


async def test_a_folder_that_is_away_is_waited_for(tmp_path: Path) -> None:
    source = a_source(tmp_path / "later")
    with pytest.raises(SourceUnavailableError, match="folder later cannot be read"):
        await take(source, 1)
    assert not source.is_connected


async def test_a_link_in_place_of_done_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "done").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConnectorConfigError, match="got a link"):
        await take(a_source(tmp_path / "drop"), 1)


async def test_a_trial_reads_what_is_there_and_leaves_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(body(1))
    entries = await take(a_source(tmp_path, is_trial=True, settle_s=60), 5)
    assert len(entries) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"suffixes": ["xml"]}, r"option suffixes must be words such as \.xml"),
        ({"settle_s": -1}, "settle_s"),
        ({"max_file_bytes": 1}, "max_file_bytes"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        a_source(tmp_path, **options)
