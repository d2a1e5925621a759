"""The cases that a look can be about: digests that are resolved, drills that are known, a broker that is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from connectors.kit.errors import EntryRefusedError, SourceUnavailableError
from connectors.kit.source import Accepted, Entry, Refused
from connectors.ngsi_ld_entities.parse import ALERT_IDS, CAMERA_IDS, alert_id_of, camera_id_of
from connectors.video_analytics import references
from connectors.video_analytics.source import Config, VideoAnalyticsSource
from schemas.codec import encode
from tests.connectors.link_gateway.gateways import assignment
from tests.connectors.local_context import NOON_US, a_context
from tests.support.memory_log import MemoryLog
from tests.support.memory_pictures import MemoryPictures

CASE = "police_112:2026-000017"
TOKEN = "t" * 24
LOOK = {"case_id": CASE, "camera_id": "cam-1", "result": "seen", "at": NOON_US // 1_000_000}


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKS_TOKEN", TOKEN)


def test_names_of_cases_and_cameras_are_those_of_the_sink_for_ngsi_ld() -> None:
    assert (references.ALERT_IDS, references.CAMERA_IDS) == (ALERT_IDS, CAMERA_IDS)
    assert references.camera_of(camera_id_of("강남#1")) == "강남#1"


def test_a_case_that_stands_is_taken_by_its_name_whatever_that_is() -> None:
    cases = references.Cases()
    odd = "center:종로-17/1772333100000000"
    with pytest.raises(EntryRefusedError, match="case_id"):
        references.case_of(odd, "case_id", cases)
    cases.put(odd, exercise=False)
    assert references.case_of(odd, "case_id", cases) == odd
    assert references.case_of(f"{odd}/1772333200000000", "session", cases) == odd


def test_cases_are_remembered_to_a_limit_and_forgotten_whole() -> None:
    cases = references.Cases(cases_max=2)
    for name in ("112:1", "112:2", "112:3"):
        cases.put(name, exercise=name == "112:3")
    assert (len(cases), cases.is_drill("112:1"), cases.is_drill("112:3")) == (2, None, True)
    assert cases.of_digest(alert_id_of("112:1").removeprefix(ALERT_IDS)) is None
    cases.forget("112:2")
    assert (len(cases), cases.of_digest(alert_id_of("112:2").removeprefix(ALERT_IDS))) == (1, None)


class Running:
    """A source that follows the cases of a log, and whoever sends to it."""

    def __init__(self, **options: Any) -> None:
        self.log = MemoryLog()
        self.pictures = MemoryPictures(self.log)
        self.source = VideoAnalyticsSource(
            Config.from_options({"listen": "127.0.0.1:0", "token_env": "LOOKS_TOKEN", **options}),
            replace(a_context(), pictures=self.pictures),
        )

    def stands(self, case_id: str, **changes: Any) -> None:
        record = assignment(case_id=case_id, **changes)
        self.log.append("camera-assignments", 0, case_id.encode(), encode(record))

    async def told(self, item: dict[str, Any]) -> Entry:
        """Return what comes of an item that is sent."""
        async with aclosing(self.source.entries(None)) as entries, sending(self.source, item):
            entry = await asyncio.wait_for(anext(entries), 5)
            assert entry.cursor is not None
            self.source.acknowledged(entry.cursor)
            return entry


@asynccontextmanager
async def sending(source: VideoAnalyticsSource, item: dict[str, Any]) -> AsyncIterator[None]:
    async def send() -> None:
        while (port := source.context.listeners.port_of("127.0.0.1", 0)) is None:
            await asyncio.sleep(0.002)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            await session.post(f"http://127.0.0.1:{port}/in/video_analytics", json=item)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_alert_of_the_ngsi_ld_broker_is_the_case_it_was_made_of() -> None:
    running = Running()
    running.stands("police_112:9")
    running.stands(CASE)
    entry = await running.told({**LOOK, "case_id": alert_id_of(CASE)})
    assert isinstance(entry, Accepted)
    assert entry.record is not None
    assert entry.record.case_id == CASE


async def test_a_look_for_a_drill_is_one_unless_it_says_otherwise() -> None:
    running = Running()
    running.stands(CASE, exercise=True)
    entry = await running.told(LOOK)
    assert isinstance(entry, Accepted)
    assert entry.record is not None
    assert entry.record.exercise
    real = await running.told({**LOOK, "exercise": False})
    assert isinstance(real, Accepted)
    assert real.record is not None
    assert not real.record.exercise


async def test_a_digest_of_no_case_is_refused() -> None:
    entry = await Running().told({**LOOK, "case_id": alert_id_of("112:1")})
    assert isinstance(entry, Refused)
    assert (entry.reason, entry.field) == ("unknown-case", "case_id")


async def test_a_broker_that_is_away_is_waited_for() -> None:
    running = Running()
    running.pictures.is_away = True
    with pytest.raises(SourceUnavailableError):
        await running.told(LOOK)


async def test_without_following_cases_looks_come_all_the_same() -> None:
    running = Running(follow_cases=False)
    running.pictures.is_away = True
    assert isinstance(await running.told(LOOK), Accepted)
