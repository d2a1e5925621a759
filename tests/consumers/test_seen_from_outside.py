"""A city seen from outside: its consumers' pictures, what each agency reads, and the headers of every topic.

The city runs once, its consumers read it, and the tests look at what they got.
"""

import asyncio
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode
from schemas.topics import CAMERA_ASSIGNMENTS, TOPICS, Topic
from schemas.written_topics import WRITTEN_BY_WORKERS, projection_topic
from tests.consumers.city_run import ELDER, CityRun, Picture, assert_same_picture, picture_of, running_city
from tests.consumers.commands import JAVA_PROGRAM, POM, PYTHON_PROGRAM, python_command
from topologies.city_files import load_city
from topologies.projection_files import CityAccess, load_access

ROOT = Path(__file__).parents[2]
AGENCIES = ("police", "fire", "district-saebyeok")
ATTRIBUTES = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time")


@dataclass(frozen=True)
class Seen:
    """What was seen of a run: a consumer's lines, agencies' pictures, and the records of topics written by workers."""

    changes: str
    pictures: dict[str, Picture]
    records: dict[str, list[Any]]
    access: CityAccess

    def assignments(self, topic: Topic) -> list[tuple[str, CameraAssignment | None]]:
        return [
            (r.key.decode(), None if r.value is None else decode(CameraAssignment, r.value))
            for r in self.records[topic.name]
        ]


def projection_command(run: CityRun, agency: str) -> list[str]:
    return python_command(run.broker, run.registry, f"{run.topic}-{agency}", time.time_ns() // 1000)


async def look_at_a_city(broker: str, prefix: str, folder: Path) -> Seen:
    async with running_city(broker, prefix, folder) as run:
        changes = await assert_same_picture(run, partial(python_command, run.broker, run.registry, run.topic))
        agencies = await asyncio.gather(*(picture_of(projection_command(run, name)) for name in AGENCIES))
        city = load_city(run.cities_dir, "demo")
        access = load_access(city.folder, city.policy)
        letters = tuple(topic for topic in TOPICS if topic.name in ("incidents-dlq", "cameras-dlq"))
        written = [t for t in WRITTEN_BY_WORKERS if t in TOPICS]
        topics = (*written, *letters, *access.topics())
        records = await asyncio.gather(*(run.rows(topic) for topic in topics))
    of_agencies = {name: picture for name, (picture, _) in zip(AGENCIES, agencies, strict=True)}
    return Seen(changes, of_agencies, {t.name: rows for t, rows in zip(topics, records, strict=True)}, access)


@pytest.fixture(
    scope="module",
    params=["embedded_broker", pytest.param("kafka_broker", marks=[pytest.mark.slow, pytest.mark.kafka])],
)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    broker = request.getfixturevalue(request.param)
    return asyncio.run(look_at_a_city(broker, f"t{uuid.uuid4().hex[:10]}", tmp_path_factory.mktemp("city")))


def test_a_consumer_in_python_keeps_the_picture_that_watch_shows(seen: Seen) -> None:
    assert "inc-nowhere needs-location" in seen.changes
    assert f"{ELDER} active cam-" in seen.changes


def test_an_agency_reads_its_own_cases_with_the_same_program_and_no_drill(seen: Seen) -> None:
    police = seen.pictures["police"]
    assert {"inc-robbery", ELDER} <= set(police)
    assert not {"inc-fire", "inc-drill", "inc-over"} & set(police)
    assert police["inc-robbery"]["cameras"]


def test_a_case_that_goes_to_another_agency_leaves_the_picture_of_the_first(seen: Seen) -> None:
    assert "inc-handed-on" not in seen.pictures["police"]
    assert seen.pictures["fire"]["inc-handed-on"]["cameras"]
    rows = seen.assignments(projection_topic("police"))
    assert [assignment is None for case, assignment in rows if case == "inc-handed-on"] == [False, True]


def test_a_districts_picture_has_only_its_own_cameras(seen: Seen) -> None:
    shown = {camera for case in seen.pictures["district-saebyeok"].values() for camera in case["cameras"]}
    assert shown
    assert {int(camera.removeprefix("cam-")) % 2 for camera in shown} == {0}  # as the cameras' owners alternate


def test_a_projection_has_every_version_addressed_to_it_reduced_to_what_it_may_see(seen: Seen) -> None:
    whole = [assignment for _, assignment in seen.assignments(CAMERA_ASSIGNMENTS) if assignment is not None]
    for projection in seen.access.projections:
        got = [a for _, a in seen.assignments(projection_topic(projection.name)) if a is not None]
        views = {a.event_id: projection.view(a) for a in whole}
        assert all(a == views[a.event_id] for a in got)
        assert {a.event_id for a in got} == {event_id for event_id, view in views.items() if view is not None}
        assert {a.exercise for a in got} <= {projection.exercise}


def test_a_case_that_is_forgotten_is_forgotten_by_the_agencies_that_had_it(seen: Seen) -> None:
    rows = seen.assignments(projection_topic("police"))
    assert [assignment is None for case, assignment in rows if case == "inc-over"][-2:] == [False, True]
    fire = [assignment is None for case, assignment in seen.assignments(projection_topic("fire")) if case == "inc-over"]
    assert fire == []


def test_every_record_that_workers_write_carries_the_attributes_of_a_cloud_event(seen: Seen) -> None:
    for topic, records in seen.records.items():
        for record in records:
            headers = dict(record.headers)
            if record.value is not None:
                assert set(ATTRIBUTES) <= set(headers), topic
                assert headers["ce_type"].startswith(b"goldentime.")
                assert headers["ce_time"].endswith(b"Z")
    told = {topic for topic, records in seen.records.items() if records}
    assert {"camera-assignments", "access-audits", "case-states", "case-beliefs", "ptz-requests", "ptz-heads"} <= told
    assert {"incidents-dlq", "cameras-dlq", "camera-assignments-training"} <= told


def test_ids_of_events_are_unique_in_their_source(seen: Seen) -> None:
    ids = Counter(
        tuple(dict(record.headers)[name] for name in ("ce_source", "ce_type", "ce_id"))
        for records in seen.records.values()
        for record in records
        if record.value is not None
    )
    assert [event for event, times in ids.items() if times > 1] == []


@pytest.mark.parametrize(("language", "path"), [("python", PYTHON_PROGRAM), ("java", JAVA_PROGRAM), ("xml", POM)])
def test_the_examples_in_the_documents_are_the_programs_tried_here(language: str, path: Path) -> None:
    text = (ROOT / "docs" / "consumers.md").read_text("utf-8")

    assert f"```{language}\n{path.read_text('utf-8')}```" in text
