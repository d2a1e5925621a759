"""Whole files in a folder: taken when complete, put away when safe, and nothing else there is touched."""

import asyncio
import errno
import io
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


def looks_from_now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list that grows with each look into a folder."""
    looks: list[float] = []
    look = whole_files.WholeFilesLink._look

    def counted(link: Any, now_s: float) -> Any:
        looks.append(now_s)
        return look(link, now_s)

    monkeypatch.setattr(whole_files.WholeFilesLink, "_look", counted)
    return looks


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


async def test_a_newer_file_of_the_same_name_stays_until_its_own_records_are_safe(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(body(1))
    source = a_source(tmp_path)
    cursors: list[str] = []
    async with asyncio.timeout(10), aclosing(source.entries(None)) as entries:
        async for entry in entries:
            cursors.append(entry.cursor or "")
            if len(cursors) == 2:
                break
            (tmp_path / "new").write_bytes(body(2))
            (tmp_path / "new").replace(path)
        source.acknowledged(cursors[0])
        assert names(tmp_path) == ["a.json"]
        source.acknowledged(cursors[1])
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
    looks = looks_from_now(monkeypatch)
    entries = await meanwhile(source, lambda: len(looks) > 4)
    assert len(entries) == 1
    assert source.findings == {"file-not-moved": 1}


async def test_a_content_that_comes_again_after_another_is_read_again_though_it_was_the_last_before_a_restart(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(body(1))
    (safe,) = await take(a_source(tmp_path), 1)
    path.write_bytes(body(2))
    source = a_source(tmp_path)
    taken: list[Entry] = []
    async with asyncio.timeout(10), aclosing(source.entries(safe.cursor)) as entries:
        async for entry in entries:
            taken.append(entry)
            source.acknowledged(entry.cursor or "")
            if len(taken) == 2:
                break
            path.write_bytes(body(1))
    assert numbers_of(taken) == [incident(2).incident_id, incident(1).incident_id]


async def test_after_older_files_that_come_again_the_last_safe_one_comes_again_too(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.json").write_bytes(body(number))
    _, safe = await take(a_source(tmp_path), 2, safe=False)
    again = await take(a_source(tmp_path), 2, safe.cursor, safe=False)
    assert numbers_of(again) == [incident(1).incident_id, incident(2).incident_id]


async def test_the_position_before_the_first_file_of_a_run_is_the_one_of_the_run_before(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(body(1))
    (safe,) = await take(a_source(tmp_path), 1)
    (tmp_path / "b.json").write_bytes(body(2, 3))
    first, _ = await take(a_source(tmp_path), 2, safe.cursor)
    assert first.cursor == safe.cursor


async def test_a_file_that_could_not_be_moved_is_moved_later_and_not_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_files, "AGAIN_S", 0.05)
    (tmp_path / "a.json").write_bytes(body(1))
    source = a_source(tmp_path)
    in_the_way = tmp_path / "done" / "a.json"
    in_the_way.mkdir(parents=True)

    def moved() -> bool:
        if source.findings and in_the_way.is_dir():
            in_the_way.rmdir()
        return in_the_way.is_file()

    assert len(await meanwhile(source, moved)) == 1
    assert names(tmp_path) == ["done/a.json"]
    assert source.findings == {"file-not-moved": 1}


async def test_the_files_of_a_folder_that_is_not_ours_to_write_in_are_read_once_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    for number in (1, 2):
        (tmp_path / f"{number}.json").write_bytes(body(number))
    source, looks = a_source(tmp_path), looks_from_now(monkeypatch)
    entries = await meanwhile(source, lambda: len(looks) > 4)
    assert len(entries) == 2
    assert names(tmp_path) == ["1.json", "2.json"]
    assert source.findings == {"file-not-moved": 2}


async def test_files_that_others_have_removed_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_files, "STUCK_MAX", 2)
    source = a_source(tmp_path)
    taken: list[Entry] = []
    for number in range(6):
        (tmp_path / "done" / f"{number}.json").mkdir(parents=True)
    (tmp_path / "0.json").write_bytes(body(0))
    async with asyncio.timeout(10), aclosing(source.entries(None)) as entries:
        async for entry in entries:
            source.acknowledged(entry.cursor or "")
            (tmp_path / f"{len(taken)}.json").unlink()
            taken.append(entry)
            if len(taken) == 6:
                break
            (tmp_path / f"{len(taken)}.json").write_bytes(body(len(taken)))
    assert len(taken) == 6


async def test_a_file_that_could_not_be_read_is_tried_again_and_holds_no_neighbour_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_files, "AGAIN_S", 0.05)
    (tmp_path / "a.json").write_bytes(body(1))
    (tmp_path / "b.json").write_bytes(body(2))
    source = a_source(tmp_path)
    read = os.fdopen

    class Broken(io.BytesIO):
        """A file on a disk that fails."""

        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "no answer")

    failures = [Broken()]
    monkeypatch.setattr(os, "fdopen", lambda fd, mode: failures.pop() if failures else read(fd, mode))
    entries = await take(source, 2)
    assert numbers_of(entries) == [incident(2).incident_id, incident(1).incident_id]
    assert source.findings == {"unreadable-file": 1}


async def test_a_file_that_is_written_to_while_it_is_read_is_read_again_when_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(body(1)[:50])
    rest, opened = [body(1)[50:]], os.fdopen

    class Growing(io.FileIO):
        """A file that its writer goes on with in the middle of our reading."""

        def read(self, size: int | None = -1) -> bytes:
            content = super().read(size)
            with path.open("ab") as writing:
                writing.write(rest.pop())
            return content

    monkeypatch.setattr(os, "fdopen", lambda fd, mode: Growing(fd) if rest else opened(fd, mode))
    (entry,) = await take(a_source(tmp_path), 1)
    assert isinstance(entry, Accepted)


async def test_what_cannot_be_removed_from_done_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "done").mkdir()
    for number in range(3):
        (tmp_path / "done" / f"{number}.json").write_bytes(body(number))
    (tmp_path / "a.json").write_bytes(body(1))

    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(os, "unlink", read_only)
    source = a_source(tmp_path, done_max=1)
    assert len(await take(source, 1)) == 1
    assert source.findings["done-not-tidied"] >= 1


async def test_a_done_that_turns_into_a_link_meanwhile_gets_nothing(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "drop"
    elsewhere.mkdir()
    folder.mkdir()
    (folder / "a.json").write_bytes(body(1))
    source = a_source(folder)
    async with asyncio.timeout(10), aclosing(source.entries(None)) as entries:
        async for entry in entries:
            (folder / "done").rmdir()
            (folder / "done").symlink_to(elsewhere)
            source.acknowledged(entry.cursor or "")
            break
    assert list(elsewhere.iterdir()) == []
    assert (folder / "a.json").exists()


async def test_a_file_that_takes_the_name_in_the_moment_of_the_move_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rename = tmp_path / "a.json", os.rename
    path.write_bytes(body(1))
    newer = [body(2)]

    def just_before(*args: Any, **kwargs: Any) -> None:
        if newer:
            (tmp_path / "new").write_bytes(newer.pop())
            (tmp_path / "new").replace(path)
        rename(*args, **kwargs)

    monkeypatch.setattr(os, "rename", just_before)
    assert numbers_of(await take(a_source(tmp_path), 2)) == [incident(1).incident_id, incident(2).incident_id]


async def test_two_instances_on_one_folder_give_all_files_and_neither_stops(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:03}.json").write_bytes(body(number))
    one, other = a_source(tmp_path, done_max=3), a_source(tmp_path, done_max=3)

    def empty() -> bool:
        return not list(tmp_path.glob("*.json"))

    given = await asyncio.gather(meanwhile(one, empty), meanwhile(other, empty))
    assert {number for entries in given for number in numbers_of(entries)} == {
        incident(number).incident_id for number in range(200)
    }


async def test_a_folder_that_is_away_is_waited_for(tmp_path: Path) -> None:
    source = a_source(tmp_path / "later")
    with pytest.raises(SourceUnavailableError, match="folder later cannot be read"):
        await take(source, 1)
    assert not source.is_connected


async def test_a_link_in_place_of_done_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "done").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceUnavailableError, match="got a link"):
        await take(a_source(tmp_path / "drop"), 1)
    (tmp_path / "drop" / "done").unlink()
    (tmp_path / "drop" / "done").touch()
    with pytest.raises(SourceUnavailableError, match="or a file"):
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
