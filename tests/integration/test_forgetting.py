"""After a case has ended and its retention is over, no topic tells any more where its subject was.

What a compacted topic holds is forgotten by tombstones: the test reads it whole, keeps the newest value of each key as
compaction does, and looks for positions near where the subject was. On topics that are not compacted a single record
cannot be deleted by its key; there, what holds a position is bounded in time by the broker's ``retention.ms``, which
the test reads back from the broker. The honest best is a day for tracker fixes and sightings, and what follows from
them; reports of incidents and alerts lie seven days, as their sources gave them. Every topic must be named here in one
of these ways, so that a new one cannot be overlooked.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from pipeline import geo
from schemas.codec import decode, encode
from schemas.topics import (
    ACCESS_AUDITS,
    BY_NAME,
    CAMERA_ASSIGNMENTS,
    CAMERA_HEALTH,
    CAMERA_KNOWLEDGE,
    CAMERA_OBSERVATIONS,
    CAMERAS,
    CASE_BELIEFS,
    CASE_STATES,
    CONDITIONS,
    CONNECTOR_CURSORS,
    DAY_MS,
    HOUR_MS,
    INCIDENTS,
    OPERATOR_COMMANDS,
    PROTECTED_SUBJECTS,
    PTZ_COMMANDS,
    PTZ_GRANTS,
    PTZ_HEADS,
    PTZ_REQUESTS,
    SIGHTINGS,
    SUBJECT_TRACKS,
    TOPICS,
    TRACKER_FIXES,
    VIEW_SESSIONS,
    WANDERING_ALERTS,
    WANDERING_STATES,
    Topic,
    dead_letters_of,
)
from tests.support.policies import CITIES, policy_with
from tests.support.records import a_camera, a_fix, a_sighting, an_alert, at
from tests.topologies.running import read, running_worker, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics, topic_config

S = 1_000_000
ELDER = "s:forgotten"
# What Kafka takes for ``segment.ms`` where a topic says nothing: seven days.
KAFKA_SEGMENT_MS = 7 * DAY_MS
# All that the story tells of the subject lies within this distance of the tests' place; no camera's own place counts.
AREA_M = 600.0

# Newest value per key: read whole and searched.
FORGOTTEN_BY_TOMBSTONE = (CAMERA_ASSIGNMENTS, CASE_STATES, SUBJECT_TRACKS, CASE_BELIEFS, WANDERING_STATES)
# Keyed by camera, for as long as there is the camera: the newest value must not say where a subject was.
OVERWRITTEN = (PTZ_COMMANDS, PTZ_HEADS)
# Positions lie there until the broker deletes them.
KEPT_A_DAY = (TRACKER_FIXES, SIGHTINGS, PTZ_REQUESTS, CAMERA_OBSERVATIONS)
KEPT_A_WEEK = (INCIDENTS, WANDERING_ALERTS)
# Where somebody lives, for as long as they are registered; what could not be used of it lies a day.
REGISTERED = (PROTECTED_SUBJECTS,)
# No position of a subject is in their records.
WITHOUT_POSITIONS = (
    OPERATOR_COMMANDS,
    PTZ_GRANTS,
    CAMERAS,
    CAMERA_HEALTH,
    CAMERA_KNOWLEDGE,
    ACCESS_AUDITS,
    CONNECTOR_CURSORS,
    CONDITIONS,
    VIEW_SESSIONS,
)
# A dead letter holds the original bytes, so it may lie no longer than what it was made of.
_LETTERS = {topic.name: topic for topic in TOPICS if topic.name.endswith("-dlq")}
LETTERS_KEPT_A_DAY = tuple(_LETTERS[dead_letters_of(topic).name] for topic in (*KEPT_A_DAY, *REGISTERED))
LETTERS_OF_REPORTS = tuple(_LETTERS[dead_letters_of(topic).name] for topic in KEPT_A_WEEK)
LETTERS_WITHOUT_POSITIONS = tuple(
    _LETTERS[name] for t in WITHOUT_POSITIONS if (name := dead_letters_of(t).name) in _LETTERS
)

POLICY = policy_with(
    load_city(CITIES, "demo").policy,
    lease={"retention_s": 1.0, "track_age_s": 2.0},
    ptz={"home_after_s": 0.0, "dwell_s": 0.0},
)


def test_every_topic_is_named_in_one_way() -> None:
    named = [
        *FORGOTTEN_BY_TOMBSTONE, *OVERWRITTEN, *KEPT_A_DAY, *KEPT_A_WEEK, *REGISTERED, *WITHOUT_POSITIONS,
        *LETTERS_KEPT_A_DAY, *LETTERS_OF_REPORTS, *LETTERS_WITHOUT_POSITIONS,
    ]  # fmt: skip
    assert sorted(topic.name for topic in named) == sorted(BY_NAME)
    assert all(topic.compacted for topic in (*FORGOTTEN_BY_TOMBSTONE, *OVERWRITTEN, *REGISTERED))


@pytest.mark.parametrize("topic", KEPT_A_DAY, ids=lambda topic: topic.name)
def test_what_holds_positions_of_trackers_and_looks_is_kept_a_day_at_most(topic: Topic) -> None:
    assert topic.retention_ms is not None
    assert topic.retention_ms <= DAY_MS


@pytest.mark.parametrize("topic", LETTERS_KEPT_A_DAY, ids=lambda topic: topic.name)
def test_dead_letters_that_hold_positions_lie_no_longer_than_what_they_were_made_of(topic: Topic) -> None:
    assert topic.retention_ms is not None
    assert topic.retention_ms <= DAY_MS


@pytest.mark.parametrize("topic", KEPT_A_WEEK, ids=lambda topic: topic.name)
def test_reports_are_kept_a_week_at_most(topic: Topic) -> None:
    assert topic.retention_ms is not None
    assert topic.retention_ms <= 7 * DAY_MS


@pytest.mark.slow
async def test_after_release_and_retention_no_topic_tells_where_the_subject_was(
    broker: str, prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        bootstrap_servers=(broker,), city="demo", data_dir=tmp_path, case_partitions=1, session_timeout_s=2, tick_s=0.2
    )
    await asyncio.to_thread(ensure_topics, settings, prefix)
    await write(broker, f"{prefix}.cameras", [(c.camera_id.encode(), encode(c)) for c in cameras()])
    async with running_worker(settings, prefix, CityEngine(POLICY)):
        story = Story(broker, prefix)
        await story.get_lost()
        # Nothing is proven about forgetting what was never there.
        for topic in (CAMERA_ASSIGNMENTS, CASE_STATES, SUBJECT_TRACKS):
            await story.wait_until(topic, has_positions=True)
        await story.wait_until_key(CASE_BELIEFS, is_there=True)
        await story.wait_until(PTZ_COMMANDS, has_positions=True)

        await story.be_found()
        for topic in FORGOTTEN_BY_TOMBSTONE:
            await story.wait_until_key(topic, is_there=False)
        for topic in (*FORGOTTEN_BY_TOMBSTONE, *OVERWRITTEN):
            await story.wait_until(topic, has_positions=False)

        # A tracker goes on telling where it is; without an open case that is forgotten too.
        await story.tell_a_fix()
        await story.wait_until_key(SUBJECT_TRACKS, is_there=True)
        await story.wait_until_key(SUBJECT_TRACKS, is_there=False)
    for topic in WITHOUT_POSITIONS:
        if topic not in (CAMERAS, CONNECTOR_CURSORS):
            assert not [p for record in await story.newest(topic) for p in positions(record)], topic.name
    await asyncio.to_thread(check_retention, broker, prefix)


def cameras() -> list[Any]:
    """Return cameras around the story whose own places lie outside its area's middle, some of which turn."""
    spots = [(-60.0, 0.0), (60.0, 0.0), (0.0, -60.0), (0.0, 60.0), (-40.0, 40.0), (40.0, -40.0)]
    kinds = ("ptz", "all-round")
    return [
        a_camera(f"cam-{i}", location=at(*spot), kind=kinds[i % 2], field_of_view_deg=60.0 if i % 2 == 0 else None)
        for i, spot in enumerate(spots)
    ]


class Story:
    """A person gets lost, is seen and found; told to the topics of one prefix, and read back from them."""

    def __init__(self, broker: str, prefix: str) -> None:
        self._broker = broker
        self._prefix = prefix

    async def get_lost(self) -> None:
        """Tell an alert, fixes along a way, and a look that saw the person at a clicked place."""
        now_us = time.time_ns() // 1000
        await self._tell(WANDERING_ALERTS, an_alert(ELDER, now_us, location=at(0, 0)))
        for step in range(3):
            fix_us = now_us + step * S // 2
            await self._tell(TRACKER_FIXES, a_fix(ELDER, fix_us, location=at(5.0 * step, 3.0 * step)))
        await self._tell(SIGHTINGS, a_sighting(ELDER, now_us, camera_id="cam-0", location=at(12, 5)))

    async def be_found(self) -> None:
        """Tell that the person was found, and where."""
        await self._tell(WANDERING_ALERTS, an_alert(ELDER, time.time_ns() // 1000, kind="found", location=at(15, 9)))

    async def tell_a_fix(self) -> None:
        """Tell a fix of now."""
        await self._tell(TRACKER_FIXES, a_fix(ELDER, time.time_ns() // 1000, location=at(20, 9)))

    async def newest(self, topic: Topic) -> list[Any]:
        """Return the newest record of each key of a topic; all records where it is not compacted."""
        rows = await self._rows(topic)
        values = dict(rows).values() if topic.compacted else [value for _, value in rows]
        return [decode(topic.record, value) for value in values if value is not None]

    async def wait_until(self, topic: Topic, *, has_positions: bool) -> None:
        """Wait until a topic tells, or no longer tells, positions in the story's area."""
        async with _patience(f"{topic.name}: positions near the subject, want {has_positions}"):
            while bool([p for record in await self.newest(topic) for p in positions(record)]) != has_positions:
                await asyncio.sleep(0.2)

    async def wait_until_key(self, topic: Topic, *, is_there: bool) -> None:
        """Wait until the newest value of the case's key is there, or is a tombstone."""
        async with _patience(f"{topic.name}: a value of the case's key, want {is_there}"):
            while (dict(await self._rows(topic)).get(ELDER.encode()) is not None) != is_there:
                await asyncio.sleep(0.2)

    async def _tell(self, topic: Topic, record: Any) -> None:
        await write(self._broker, f"{self._prefix}.{topic.name}", [(topic.key_of(record), encode(record))])

    async def _rows(self, topic: Topic) -> list[tuple[bytes | None, bytes | None]]:
        """Return key and value of all records of a topic's one partition, until a fetch brings no more."""
        counts: list[int] = []

        def quiet(records: list[Any]) -> bool:
            counts.append(len(records))
            return len(counts) > 3 and counts[-1] == counts[-3]

        return [(r.key, r.value) for r in await read(self._broker, f"{self._prefix}.{topic.name}", 1, quiet)]


@asynccontextmanager
async def _patience(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(45):
            yield
    except TimeoutError as error:
        raise AssertionError(what) from error


def positions(record: Any) -> Iterator[tuple[float, float]]:
    """Yield every (lat, lon) within a record, however deep, that lies in the story's area."""
    if isinstance(record, tuple | list):
        for item in record:
            yield from positions(item)
    elif is_dataclass(record):
        values = {f.name: getattr(record, f.name) for f in fields(record)}
        for name, lat_deg in values.items():
            if name.endswith("lat_deg") and isinstance(lat_deg, float):
                lon_deg = values[name.removesuffix("lat_deg") + "lon_deg"]
                if _is_near(lat_deg, lon_deg):
                    yield lat_deg, lon_deg
        for value in values.values():
            yield from positions(value)


def _is_near(lat_deg: float, lon_deg: float) -> bool:
    here = at()
    off_m = geo.distance_m(here.lat_deg, here.lon_deg, np.float64(lat_deg), np.float64(lon_deg))
    return bool(off_m < AREA_M)  # NaN is nowhere


def check_retention(broker: str, prefix: str) -> None:
    """Check on the broker itself how long the topics that are not compacted keep their records.

    Kafka deletes whole segments, and a segment that is still written to stays: the oldest record of a topic lies there
    for ``retention.ms`` and ``segment.ms`` together.
    """
    limits_ms = {**dict.fromkeys(KEPT_A_DAY, DAY_MS), **dict.fromkeys(KEPT_A_WEEK, 7 * DAY_MS)}
    admin = KafkaAdminClient(bootstrap_servers=broker)
    try:
        for topic, limit_ms in limits_ms.items():
            name = f"{prefix}.{topic.name}"
            told = configuration_told(admin, name)
            if not told:
                # The embedded broker tells no configuration. It keeps all in memory and ends with its process: what it
                # was asked for at creation counts.
                told = {"segment.ms": "0", **topic_config(topic)}
            assert 0 < int(told["retention.ms"]) <= limit_ms, name
            segment_ms = int(told.get("segment.ms", KAFKA_SEGMENT_MS))
            assert int(told["retention.ms"]) + segment_ms <= limit_ms + HOUR_MS, f"{name}: segments of {segment_ms} ms"
    finally:
        admin.close()


def configuration_told(admin: Any, name: str) -> dict[str, str]:
    """Return what the broker says of a topic's configuration, as far as it differs from its defaults."""
    answer = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {option: told["value"] for option, told in answer["topic"][name].items()}
