"""On Apache Kafka a topic holds more than the newest record of each case: consumers must not mind.

Real workers decide a story; then the topic gets what time brings: records of an aborted transaction, repeats, records
of a version of the schema that is not published yet with words that nobody knows yet, and compaction.
"""

import asyncio
import io
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are in its documentation, not in its __all__
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from schemas.registry import PublishedSchema, newest_schema, published_schemas
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.consumers.city_run import (
    ELDER,
    CityRun,
    Picture,
    middle_of_leases,
    picture_of,
    pictured,
    running_city,
)
from tests.consumers.commands import build_java, java_command, python_command, why_no_java
from tests.support.kafka_server import KafkaServer, why_not_available
from tests.support.schema_registry import running_registry
from topologies.schema_registry import SchemaRegistry, register_schemas

FUTURE_ID = 90_001
VERSION_1 = Path(__file__).parents[2] / "schemas" / "published" / "CameraAssignment" / "v1.avsc"
COMPACTED_WITHIN_S = 45.0
# What may be compacted is compacted at once.
HASTY = """
log.cleaner.backoff.ms=200
log.cleaner.min.cleanable.ratio=0.01
"""
# Only segments that are closed may be compacted; a week passes before one is, if nothing is said.
SEGMENT_MS = 500

pytestmark = [
    pytest.mark.slow,
    pytest.mark.kafka,
    pytest.mark.timeout(300),
    pytest.mark.skipif(why_not_available() is not None, reason=str(why_not_available())),
]


class HastyKafka(KafkaServer):
    """A Kafka that compacts whatever it may."""

    def _format(self, properties: Path) -> None:
        properties.write_text(properties.read_text() + HASTY)
        super()._format(properties)


@dataclass(frozen=True)
class Seen:
    """What was seen of the topic.

    Attributes:
        watched: newest assignment of each case as ``goldentime watch`` told it before.
        now_us: the moment of the pictures.
        versions: versions of the wandering case that the topic holds at last, in order.
        pictures: by program, and by the version of the schema it read with.
    """

    watched: dict[str, dict[str, Any]]
    now_us: int
    versions: list[int]
    pictures: dict[tuple[str, str], Picture]


def future_schema() -> dict[str, Any]:
    """Return the newest schema of an assignment with a field that nobody knows yet."""
    fields = [*newest_schema("CameraAssignment").schema["fields"], {"name": "mood", "type": "string", "default": ""}]
    return {**newest_schema("CameraAssignment").schema, "fields": fields}


def opened(value: bytes) -> dict[str, Any]:
    """Return a record as plain values, decoded by the schema it names."""
    published: PublishedSchema = published_schemas()[int.from_bytes(value[1:5], "big")]
    record = fastavro.schemaless_reader(io.BytesIO(value[5:]), dict(published.schema), None)
    assert isinstance(record, dict)
    return record


def future_record(value: bytes) -> bytes:
    """Return an assignment in the schema of the future, with a status and a role of the future."""
    record = opened(value)
    cameras = [{**camera, "role": "drone", "ptz": "flies"} for camera in record["cameras"]]
    changes = {"case_id": "inc-future", "status": "paused", "cameras": cameras, "mood": "hopeful"}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, future_schema(), record | changes)
    return b"\0" + FUTURE_ID.to_bytes(4, "big") + out.getvalue()


def forged(value: bytes) -> bytes:
    """Return an assignment with a version that never was."""
    out = io.BytesIO()
    schema_id = int.from_bytes(value[1:5], "big")
    fastavro.schemaless_writer(
        out, dict(published_schemas()[schema_id].schema), opened(value) | {"version": 999_999, "status": "released"}
    )
    return value[:5] + out.getvalue()


async def write_in_transaction(run: CityRun, rows: Sequence[tuple[str, bytes | None, int]], *, commit: bool) -> None:
    """Write rows of (case, value, partition), and commit or abort when the broker has them."""
    producer = AIOKafkaProducer(bootstrap_servers=run.broker, transactional_id=f"test-{uuid.uuid4().hex}")
    await producer.start()
    try:
        await producer.begin_transaction()
        for case, value, partition in rows:
            await producer.send_and_wait(run.topic, value, key=case.encode(), partition=partition)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


def close_segments_soon(run: CityRun) -> None:
    entry = ConfigEntry("segment.ms", str(SEGMENT_MS), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, run.topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": run.broker})
    for change in admin.incremental_alter_configs([resource]).values():
        change.result(15)


async def age(run: CityRun) -> list[int]:
    """Let the topic have what time brings; return the versions of the wandering case that are left."""
    records = await run.rows(CAMERA_ASSIGNMENTS)
    newest = {r.key.decode(): r for r in records}
    robbery = newest["inc-robbery"]
    untrue = [("inc-robbery", forged(robbery.value), robbery.partition), (ELDER, None, newest[ELDER].partition)]
    await write_in_transaction(run, [*untrue, ("inc-ghost", robbery.value, 0)], commit=False)
    await write_in_transaction(run, [("inc-future", future_record(robbery.value), robbery.partition)], commit=True)
    before = [opened(r.value)["version"] for r in records if r.key.decode() == ELDER]
    assert len(before) > 2
    repeats = [(case, record.value, record.partition) for case, record in newest.items()]
    await asyncio.to_thread(close_segments_soon, run)
    deadline_s = time.monotonic() + COMPACTED_WITHIN_S
    while time.monotonic() < deadline_s:
        # A repeat closes the segment before it, which may be compacted then.
        await write_in_transaction(run, repeats, commit=True)
        await asyncio.sleep(0.6)
        left = [r for r in await run.rows(CAMERA_ASSIGNMENTS) if r.key.decode() == ELDER]
        versions = [opened(record.value)["version"] for record in left]
        if not set(before) <= set(versions):
            return versions
    raise AssertionError(f"the topic was not compacted within {COMPACTED_WITHIN_S:.0f} s")


async def look(broker: str, folder: Path) -> Seen:
    async with running_city(broker, f"t{uuid.uuid4().hex[:10]}", folder) as run:
        pass  # the workers have ended: nothing moves any more
    watched = await run.watched()
    versions = await age(run)
    now_us = middle_of_leases(watched)
    with running_registry() as registry:
        register_schemas(SchemaRegistry(registry.url), run.prefix)
        registry.subjects[f"{run.topic}-value"][99] = (FUTURE_ID, json.dumps(future_schema()))
        where = (run.broker, registry.url, run.topic, now_us)
        commands = {
            ("python", "as written"): python_command(*where),
            ("python", "version 1"): python_command(*where, schema=VERSION_1),
        }
        if why_no_java() is None:
            commands[("java", "as written")] = java_command(*where)
            commands[("java", "version 1")] = java_command(*where, schema=VERSION_1)
        seen = await asyncio.gather(*(picture_of(command) for command in commands.values()))
    return Seen(watched, now_us, versions, {name: p for name, (p, _) in zip(commands, seen, strict=True)})


@pytest.fixture(scope="module")
def kafka() -> Iterator[HastyKafka]:
    with HastyKafka() as server:
        yield server


@pytest.fixture(scope="module")
def seen(kafka: HastyKafka, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    if why_no_java() is None:
        build_java()
    return asyncio.run(look(kafka.bootstrap_servers, tmp_path_factory.mktemp("city")))


@pytest.fixture(
    params=[
        "python",
        pytest.param("java", marks=pytest.mark.skipif(why_no_java() is not None, reason=str(why_no_java()))),
    ]
)
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def without_future(picture: Picture) -> Picture:
    return {case: seen for case, seen in picture.items() if case != "inc-future"}


def test_the_picture_is_what_was_committed_whatever_was_aborted_or_repeated(seen: Seen, program: str) -> None:
    picture = seen.pictures[program, "as written"]
    assert "inc-ghost" not in picture
    assert without_future(picture) == pictured(seen.watched, seen.now_us)


def test_a_compacted_topic_has_gaps_and_still_the_whole_picture(seen: Seen, program: str) -> None:
    newest = seen.watched[ELDER]["version"]
    assert seen.versions[-1] == newest
    assert set(seen.versions) < set(range(1, newest + 1))
    assert seen.pictures[program, "as written"][ELDER]["version"] == newest


def test_records_of_the_future_with_words_of_the_future_are_read(seen: Seen, program: str) -> None:
    for read_as in ("as written", "version 1"):
        future = seen.pictures[program, read_as]["inc-future"]
        assert future["status"] == "paused"
        assert future["version"] == seen.watched["inc-robbery"]["version"]


def test_who_reads_with_the_first_version_knows_everything_but_when_a_view_ends_early(seen: Seen, program: str) -> None:
    watched = {
        case: assignment | {"cameras": [camera | {"until_us": None} for camera in assignment["cameras"]]}
        for case, assignment in seen.watched.items()
    }
    assert without_future(seen.pictures[program, "version 1"]) == pictured(watched, seen.now_us)
