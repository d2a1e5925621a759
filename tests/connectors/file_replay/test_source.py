import asyncio
import json
import time
from pathlib import Path

import pytest

from connectors.file_replay.source import Config, FileReplaySource
from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.reading.json_records import record_to_json
from connectors.kit.source import Accepted, Entry, Refused
from schemas.clock import Clock, ScaledClock
from schemas.topics import INCIDENTS, TRACKER_FIXES
from tests.connectors.helpers import NOON_US, context, incident


def text(number: int, **changes: object) -> str:
    return json.dumps({"topic": "incidents", "record": record_to_json(incident(number)), **changes})


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


async def read(path: Path, cursor: str | None = None, clock: Clock | None = None, **options: object) -> list[Entry]:
    config = Config.from_options({"path": str(path), **options})
    return [entry async for entry in FileReplaySource(config, context(clock)).entries(cursor)]


def numbers(entries: list[Entry]) -> list[str]:
    return [entry.record.event_id for entry in entries if isinstance(entry, Accepted) and entry.record]


async def test_bad_lines_are_answered_with_their_number_and_their_neighbours_pass(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        text(1),
        "{broken",
        "",
        text(2, topic="nowhere"),
        text(3),
        json.dumps({"topic": "tracker-fixes", "record": {"event_id": "Kim Minsu"}}),
        text(4),
    )
    entries = await read(path)
    assert numbers(entries) == ["112:1:1", "112:3:1", "112:4:1"]
    refused = [entry for entry in entries if isinstance(entry, Refused)]
    assert [(r.number, r.reason, r.topic) for r in refused] == [
        (2, "broken-json", INCIDENTS),
        (4, "unknown-topic", INCIDENTS),
        (6, "missing-field", TRACKER_FIXES),
    ]
    assert not any(b"Minsu" in r.payload or "Minsu" in r.message for r in refused)


async def test_reading_goes_on_behind_any_cursor_with_the_same_records(tmp_path: Path) -> None:
    record = record_to_json(incident(2)) | {"occurred_us": {"at_s": 3}}
    path = write(tmp_path / "a.jsonl", text(1), json.dumps({"topic": "incidents", "record": record}), "{", text(4))
    whole = await read(path)
    for done, entry in enumerate(whole, start=1):
        assert await read(path, entry.cursor) == whole[done:]


async def test_another_file_under_the_same_name_is_read_from_its_start(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", text(1), text(2))
    cursor = (await read(path))[-1].cursor
    assert await read(path, cursor) == []
    assert numbers(await read(write(path, text(7), text(8), text(9)), cursor)) == ["112:7:1", "112:8:1", "112:9:1"]
    # The same first line, but shorter than what was read.
    assert numbers(await read(write(path, text(1)), cursor)) == ["112:1:1"]


async def test_lines_that_were_added_are_read_behind_the_cursor(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", text(1))
    cursor = (await read(path))[-1].cursor
    write(path, text(1), text(2))
    assert numbers(await read(path, cursor)) == ["112:2:1"]


async def test_lines_come_when_they_are_due_by_a_clock_that_runs_faster(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", text(1, at_s=0), text(2, at_s=30), text(3, at_s=60), text(4))
    clock = ScaledClock(time.time_ns() // 1000, NOON_US, 300.0)
    began_s = time.monotonic()
    assert len(await read(path, clock=clock)) == 4
    assert 0.2 <= time.monotonic() - began_s < 1.5


async def test_speed_zero_waits_for_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", text(1, at_s=3600), text(2, at_s=7200))
    assert numbers(await asyncio.wait_for(read(path, speed=0), 2)) == ["112:1:1", "112:2:1"]


async def test_a_line_without_end_counts_unless_the_file_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text(1))
    assert numbers(await read(path)) == ["112:1:1"]
    entries = FileReplaySource(Config(path=path, follow=True), context()).entries(None)
    first = asyncio.ensure_future(anext(entries))
    done, _ = await asyncio.wait({first}, timeout=0.1)
    assert not done
    path.write_text(text(1) + "\n")
    assert numbers([await asyncio.wait_for(first, 5)]) == ["112:1:1"]
    await entries.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("interval_s", "factor", "least_s", "most_s"),
    [(0.01, 0.01, 0.0, 1.0), (0.25, 1000.0, 0.75, 5.0)],
    ids=["often by a slow clock", "seldom by a fast clock"],
)
async def test_a_followed_file_is_looked_at_as_often_as_the_option_says_in_real_time(
    tmp_path: Path, interval_s: float, factor: float, least_s: float, most_s: float
) -> None:
    path = write(tmp_path / "a.jsonl", text(0))
    clock = ScaledClock(time.time_ns() // 1000, NOON_US, factor)
    config = Config.from_options({"path": str(path), "follow": True, "poll_interval_s": interval_s})
    entries = FileReplaySource(config, context(clock)).entries(None)
    assert numbers([await anext(entries)]) == ["112:0:1"]
    took_s = 0.0
    for number in range(1, 4):
        following = asyncio.ensure_future(anext(entries))
        await asyncio.sleep(0)  # it looks once and finds nothing
        with path.open("a") as file:
            file.write(text(number) + "\n")
        began_s = time.monotonic()
        assert numbers([await asyncio.wait_for(following, 5)]) == [f"112:{number}:1"]
        took_s += time.monotonic() - began_s
    assert least_s * 0.9 <= took_s < most_s
    await entries.aclose()  # type: ignore[attr-defined]


async def test_a_line_beyond_the_limit_is_answered_and_the_next_one_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", text(1), "x" * (9 * 1024 * 1024), text(2))
    entries = await read(path)
    assert numbers(entries) == ["112:1:1", "112:2:1"]
    assert isinstance(entries[1], Refused)
    assert entries[1].reason == "too-large"
    assert await read(path, entries[1].cursor) == entries[2:]


async def test_a_file_that_is_not_there_is_unavailable_and_a_strange_cursor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match=r"none\.jsonl cannot be read: No such file"):
        await read(tmp_path / "none.jsonl")
    with pytest.raises(ConnectorConfigError, match="the stored cursor is not one of file_replay"):
        await read(write(tmp_path / "a.jsonl", text(1)), "7")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "option path is required"),
        ({"path": "a", "spede": 2}, "option 'spede' is not known"),
        ({"path": "a", "speed": -1}, "option speed must be a number from 0"),
        ({"path": "a", "refused_topic": "accidents"}, "option refused_topic must be one of incidents"),
        ({"path": "a", "poll_interval_s": 0}, "option poll_interval_s must be a number from 0.01 to 3600, got 0"),
        ({"path": "a", "poll_interval_s": 7200}, "option poll_interval_s must be a number from 0.01 to 3600"),
        ({"path": "a", "follow": "perhaps"}, "option follow must be true or false"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        Config.from_options(options)
