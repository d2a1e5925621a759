"""Heartbeats: changes only, silence, and a feed that is away."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from connectors.camera_health.source import CameraHealthSource, Config
from connectors.kit.errors import SourceUnavailableError
from connectors.kit.payloads import Arrival
from schemas.camera import CameraHealth
from schemas.codec import encode
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.golden import assignments_for, camera_grid, entries_of
from tests.support.memory_log import MemoryLog
from tests.support.memory_pictures import MemoryPictures

S = 1_000_000


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_TOKEN", "t" * 24)


def beat(h: Happening) -> bytes:
    state = h.code if h.code is not None else "down" if h.closed else "up" if h.revision == 1 else "covered"
    fields = {
        "camera_id": h.number,
        "state": None if h.nulls else state,
        "at": None if h.nulls else h.time_text,
        "since": None,
        "exercise": h.exercise,
        "technician": h.person_name,
        "phone": h.person_phone,
        "note": h.person_text,
        **h.extra,
    }
    return json.dumps(fields, ensure_ascii=False).encode()


UGLY = [b"{", b'[{"camera_id": 7}]', b'{"camera_id": "a b"}', b'{"camera_id": "a", "state": {}}', b"[3]", b'"x"']

TestCameraHealth = connector_suite(
    "camera_health", Samples(write=beat, options={"token_env": "HEALTH_TOKEN"}, hostile=UGLY)
)
TestCameraHealthMqtt = connector_suite(
    "camera_health", Samples(write=beat, options={"transport": "mqtt"}, origin="cameras/17/health")
)


class Feed:
    """A source whose beats are handed over and whose clock is set by hand."""

    def __init__(self, **options: Any) -> None:
        self.log = MemoryLog()
        self.pictures = MemoryPictures(self.log)
        self.context = replace(a_context(), pictures=self.pictures)
        self.source = CameraHealthSource(
            Config.from_options({"listen": "127.0.0.1:0", "token_env": "HEALTH_TOKEN", **options}), self.context
        )

    def at_s(self, seconds: float) -> int:
        self.context.clock.now = NOON_US + int(seconds * S)  # type: ignore[attr-defined]
        return self.context.clock.now_us()

    def hear(self, seconds: float, *cameras: str, state: str = "up") -> list[tuple[str, str]]:
        """Hand over beats and return the changes."""
        now_us = self.at_s(seconds)
        body = json.dumps([{"camera_id": c, "state": state, "at": now_us // S} for c in cameras]).encode()
        entries: list[Any] = list(self.source.answers(body, Arrival(now_us)))
        return [(e.record.camera_id, e.record.state) for e in entries]

    def silent(self, seconds: float) -> list[CameraHealth]:
        """Let time go on and return what became silent."""
        self.at_s(seconds)
        return [entry.record for entry in self.source.gone_silent() if entry.record is not None]


def test_only_changes_are_told() -> None:
    feed = Feed()
    assert feed.hear(0, "a", "b") == [("a", "up"), ("b", "up")]
    assert feed.hear(30, "a", "b") == []
    assert feed.hear(60, "a", state="video_loss") == [("a", "down")]
    assert feed.hear(90, "a") == [("a", "up")]


def test_a_camera_that_is_not_heard_of_is_down_from_then_on() -> None:
    feed = Feed(silent_s=120)
    feed.hear(0, "a", "b")
    feed.hear(110, "b")
    assert feed.silent(119) == []
    (down,) = feed.silent(121)
    assert (down.camera_id, down.state, down.since_us) == ("a", "down", NOON_US + 120 * S)
    assert feed.silent(122) == []
    assert feed.hear(130, "a") == [("a", "up")]


def test_a_feed_that_is_away_takes_no_camera_down_unless_it_is_told_to() -> None:
    held, down = Feed(silent_s=60), Feed(silent_s=60, feed_silence="down")
    for feed in (held, down):
        feed.hear(0, "a", "b")
    assert held.silent(1_000) == []
    assert [health.camera_id for health in down.silent(1_000)] == ["a", "b"]


def test_who_is_serviced_or_obstructed_may_be_silent_or_not() -> None:
    feed = Feed(silent_s=60)
    feed.hear(0, "a", state="maintenance")
    feed.hear(0, "b", state="covered")
    feed.hear(59, "c")
    assert [health.camera_id for health in feed.silent(61)] == ["b"]


def test_an_older_word_changes_nothing() -> None:
    feed = Feed()
    feed.hear(60, "a", state="down")
    late = json.dumps({"camera_id": "a", "state": "up", "at": NOON_US // S}).encode()
    assert list(feed.source.answers(late, Arrival(feed.at_s(61)))) == []


def test_what_a_drill_said_of_a_camera_does_not_hide_that_it_is_so() -> None:
    feed = Feed()
    beats = [{"camera_id": "a", "state": "down", "at": NOON_US // S, "exercise": drill} for drill in (True, False)]
    told: list[Any] = list(feed.source.answers(json.dumps(beats).encode(), Arrival(NOON_US)))
    assert [(entry.record.state, entry.record.exercise) for entry in told] == [("down", True), ("down", False)]


def test_memory_is_bounded() -> None:
    feed = Feed(cameras_max=2, silent_s=10)
    feed.hear(0, "a", "b", "c")
    feed.hear(9, "c")
    assert [health.camera_id for health in feed.silent(11)] == ["b"]


def test_silence_can_be_switched_off() -> None:
    feed = Feed(silent_s=0, feed_silence="down")
    feed.hear(0, "a")
    assert feed.silent(1_000_000) == []


async def test_after_a_restart_silence_is_noticed_of_its_own_cameras_only() -> None:
    feed = Feed(feed="north", silent_s=0.05, feed_silence="down")
    for name, source in (("a", "camera_health:north"), ("b", "camera_health:south")):
        up = CameraHealth(
            event_id=name, source=source, observed_us=NOON_US, ingested_us=NOON_US, camera_id=name, state="up",
            since_us=NOON_US,
        )  # fmt: skip
        feed.log.append("camera-health", 0, name.encode(), encode(up))
    waiting = asyncio.create_task(_first(feed.source))
    while feed.source.context.listeners.port_of("127.0.0.1", 0) is None and not waiting.done():
        await asyncio.sleep(0.002)
    feed.at_s(1)
    entry = await asyncio.wait_for(waiting, 5)
    assert (entry.record.camera_id, entry.record.state) == ("a", "down")
    assert feed.hear(2, "a") == [("a", "up")]


async def test_a_broker_that_is_away_is_waited_for() -> None:
    feed = Feed()
    feed.pictures.is_away = True
    with pytest.raises(SourceUnavailableError):
        await _first(feed.source)


async def _first(source: CameraHealthSource) -> Any:
    async with aclosing(source.entries(None)) as entries:
        return await anext(entries)


def test_from_a_beat_to_an_assignment_without_the_camera_that_is_down() -> None:
    cameras = camera_grid(37.5665, 126.978)
    call = (
        '{"topic": "incidents", "record": {"event_id": "e-1", "source": "s", "observed_us": 1772334000000000, '
        '"ingested_us": 1772334000000000, "case_id": "112:17", "incident_id": "112:17", "status": "reported", '
        '"service": "police", "kind": "robbery", "occurred_us": 1772334000000000, "location": '
        '{"lat_deg": 37.5665, "lon_deg": 126.978, "accuracy_m": 10.0, "quality": "gps"}}}\n'
    )
    incident = entries_of("file_replay", call.encode(), origin="e.jsonl")
    best = assignments_for(incident, cameras=cameras)[-1].cameras[0].camera_id
    down = json.dumps({"camera_id": best, "state": "offline", "at": NOON_US // S}).encode()
    decided = assignments_for([*entries_of("camera_health", down), *incident], cameras=cameras)[-1]
    assert best not in {camera.camera_id for camera in decided.cameras}
    assert decided.excluded["health"] >= 1
