import asyncio
import json
import os
import time
from pathlib import Path

import pytest
from kafka import KafkaProducer

from connectors.file_replay.sink import Config, JsonLinesSink
from connectors.file_replay.source import Config as SourceConfig
from connectors.file_replay.source import FileReplaySource
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.publish import Publisher
from connectors.kit.running.sink_runner import SinkJob, run_sink
from connectors.kit.settings import ConnectorSettings
from connectors.kit.sink import Delivered
from connectors.kit.source import Accepted
from schemas.topics import CAMERAS, INCIDENTS
from tests.connectors.helpers import context, incident
from tests.connectors.kit.test_runner import until


def sink(path: Path) -> JsonLinesSink:
    return JsonLinesSink(Config.from_options({"path": str(path), "topics": "incidents, cameras"}), context())


def delivered(number: int, offset: int | None = None) -> Delivered:
    return Delivered(INCIDENTS, 0, number if offset is None else offset, f"112:{number}".encode(), incident(number))


def offsets(path: Path) -> list[int]:
    return [json.loads(line)["offset"] for line in path.read_text("utf-8").splitlines()]


async def test_what_is_written_can_be_replayed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    out = sink(path)
    await out.write([delivered(1), delivered(2), Delivered(CAMERAS, 0, 5, b"cam-1", None)])
    await out.close()
    source = FileReplaySource(SourceConfig(path=path), context())
    entries = [entry async for entry in source.entries(None)]
    assert [(e.topic, e.record, e.key) for e in entries if isinstance(e, Accepted)] == [
        (INCIDENTS, incident(1), None),
        (INCIDENTS, incident(2), None),
        (CAMERAS, None, b"cam-1"),
    ]


async def test_records_that_come_again_are_written_once_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    first = sink(path)
    await first.write([delivered(0), delivered(1)])
    await first.write([delivered(1), delivered(2)])
    await first.close()
    second = sink(path)
    await second.write([delivered(1), delivered(2), delivered(3)])
    await second.close()
    assert offsets(path) == [0, 1, 2, 3]
    assert (first.passed_over, second.passed_over) == (1, 2)


async def test_a_line_that_was_cut_off_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    first = sink(path)
    await first.write([delivered(0), delivered(1)])
    await first.close()
    os.truncate(path, path.stat().st_size - 10)
    second = sink(path)
    await second.write([delivered(0), delivered(1)])
    await second.close()
    assert offsets(path) == [0, 1]


async def test_a_folder_that_is_not_there_is_unavailable_until_it_is(tmp_path: Path) -> None:
    path = tmp_path / "later" / "out.jsonl"
    out = sink(path)
    with pytest.raises(SinkUnavailableError, match=r"out\.jsonl cannot be written: No such file"):
        await out.write([delivered(0)])
    path.parent.mkdir()
    await out.write([delivered(0)])
    await out.close()
    assert offsets(path) == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "a"}, "option topics is required"),
        ({"path": "a", "topics": ["accidents"]}, "option topics names 'accidents'"),
        ({"topics": ["incidents"]}, "option path is required"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        Config.from_options(options)


async def run_until(city: ConnectorSettings, job: SinkJob, path: Path, lines: int) -> None:
    """Run a sink until its file has so many lines, and see that it stops in time."""
    stop = asyncio.Event()
    running = asyncio.ensure_future(run_sink(job, city, stop))
    try:
        await until(lambda: path.exists() and len(path.read_bytes().splitlines()) >= lines, 40)
    finally:
        stop.set()
        began_s = time.monotonic()
        await running
    assert time.monotonic() - began_s < 2


def recorder(path: Path) -> SinkJob:
    return SinkJob(name="recorder", sink=sink(path), backoff=Backoff(first_s=0.05, limit_s=0.2))


@pytest.mark.slow
async def test_a_topic_is_recorded_once_over_restarts_and_a_missing_disk(
    city: ConnectorSettings, tmp_path: Path
) -> None:
    path = tmp_path / "later" / "out.jsonl"
    first, second = recorder(path), recorder(path)

    async def mount() -> None:
        await until(lambda: first.counters.unavailable >= 2, 40)
        path.parent.mkdir()

    async with Publisher(city) as publisher:
        await publisher.publish_all(INCIDENTS, [incident(n) for n in range(200)], source="test")
        await asyncio.gather(mount(), run_until(city, first, path, 200))
        await publisher.publish_all(INCIDENTS, [incident(n) for n in range(200, 300)], source="test")
        await run_until(city, second, path, 300)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert sorted(line["record"]["incident_id"] for line in lines) == sorted(f"112:{n}" for n in range(300))
    assert (first.counters.accepted, second.counters.accepted) == (200, 100)


async def test_bytes_that_are_no_record_are_counted_and_their_neighbours_written(
    city: ConnectorSettings, tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"
    async with Publisher(city) as publisher:
        await publisher.publish_all(INCIDENTS, [incident(1)], source="test")
        with KafkaProducer(**city.client_options()) as producer:
            producer.send(f"{city.topic_prefix}.incidents", b"garbage", key=b"112:1")
        await publisher.publish_all(INCIDENTS, [incident(2)], source="test")
    job = recorder(path)
    await run_until(city, job, path, 2)
    assert job.counters.refusals == {("incidents", "not-confluent-framed"): 1}
    assert job.counters.accepted == 2
