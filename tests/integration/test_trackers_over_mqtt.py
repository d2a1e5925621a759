"""A person with a tracker leaves home: mosquitto, connector, broker, worker, cameras; bad messages and a kill between.

Sent = decided + answered, no fix is lost when the connector is killed, and no name of a person or device is on any
topic.
"""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from connectors.context import ConnectorContext
from connectors.cursors import KafkaCursors
from connectors.manifest import build
from connectors.owntracks.source import OwntracksSource
from connectors.pseudonyms import Pseudonyms
from connectors.publish import Publisher
from connectors.runner import SourceJob, run_source
from connectors.settings import ConnectorSettings
from schemas.camera_assignment import CameraAssignment
from schemas.clock import Clock, SystemClock
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS, TOPICS, TRACKER_FIXES, WANDERING_ALERTS, Topic, dead_letters_of
from schemas.tracker_fix import TrackerFix
from tests.connectors.helpers import read_topic
from tests.integration.outcomes import get, settled_outcomes
from tests.support.mosquitto_server import MosquittoServer, mosquitto_binary, running_mosquitto
from tests.support.records import a_camera, at
from tests.topologies.running import running_worker, until, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

pytestmark = [
    pytest.mark.slow,
    pytest.mark.mosquitto,
    pytest.mark.skipif(mosquitto_binary() is None, reason="mosquitto is not installed"),
]

CITIES = Path(__file__).parents[2] / "cities"
CITY = load_city(CITIES, "demo")
KEY = "k" * 32
S = 1_000_000
LIMIT_S = 30.0
TRACKER = "owntracks/kim-younghee/watch-7"
PERSONAL = (
    "kim",
    "younghee",
    "watch-7",
    "kim home",
    "김영희",
    "010-1234-5678",
    "park",
    "pager-3",
    "lee-minsu",
    "aa:bb",
)
POLE_STEP_M = 40
MINUTES = 8
METRES_A_MINUTE = 60


class HandClock:
    """A clock that only moves when it is told to, so that a walk of minutes needs no minutes."""

    def __init__(self) -> None:
        self._now_us = time.time_ns() // 1000

    def now_us(self) -> int:
        return self._now_us

    @property
    def now_s(self) -> int:
        return self._now_us // S

    def advance(self, seconds: int) -> None:
        self._now_us += seconds * S


@dataclass(frozen=True)
class Street:
    """A worker whose cameras stand along a street, and the mosquitto that trackers talk to."""

    outside: ConnectorSettings
    mosquitto: MosquittoServer
    url: str

    def records(self, topic: Topic) -> list[Any]:
        return read_topic(self.outside, topic, 0)

    def assignments(self, subject_ref: str) -> list[CameraAssignment]:
        """Return all versions of a person's case in order."""
        records = [r for r in self.records(CAMERA_ASSIGNMENTS) if r.key == subject_ref.encode() and r.value]
        return [decode(CameraAssignment, record.value) for record in records]

    async def assignment(self, subject_ref: str, wanted: Callable[[CameraAssignment], bool]) -> CameraAssignment:
        """Return the first version of a person's case that is as wanted, as soon as there is one."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for version in await asyncio.to_thread(self.assignments, subject_ref):
                    if wanted(version):
                        return version

    def letters(self) -> list[DeadLetter]:
        topics = (dead_letters_of(TRACKER_FIXES), dead_letters_of(WANDERING_ALERTS))
        return [decode(DeadLetter, record.value) for topic in topics for record in self.records(topic)]

    async def send(self, *messages: tuple[str, bytes]) -> None:
        async with aiomqtt.Client("127.0.0.1", self.mosquitto.port) as client:
            for topic, payload in messages:
                await client.publish(topic, payload, qos=1)

    async def subscribed(self) -> None:
        """Wait until mosquitto keeps messages for the connector."""
        await until(lambda: "Sending SUBACK to goldentime-owntracks" in self.mosquitto.log(), LIMIT_S)


@asynccontextmanager
async def a_street(broker: str, prefix: str, folder: Path, clock: Clock, length_m: int) -> AsyncIterator[Street]:
    """Give a street with a camera every 40 m, a worker and a mosquitto."""
    settings = Settings(bootstrap_servers=(broker,), city="demo", data_dir=folder, clock=clock, session_timeout_s=6)
    outside = ConnectorSettings(bootstrap_servers=(broker,), topic_prefix=prefix, clock=clock)
    await asyncio.to_thread(ensure_topics, settings, prefix)
    poles = [a_camera(f"cam-{east:04}", location=at(east, 5)) for east in range(0, length_m, POLE_STEP_M)]
    await write(broker, f"{prefix}.{CAMERAS.name}", [(CAMERAS.key_of(pole), encode(pole)) for pole in poles])
    log_all = ("log_type all",)
    with running_mosquitto(folder / "mosquitto", extra=log_all) as mosquitto:
        async with running_worker(settings, prefix, CityEngine(CITY.policy)) as worker:
            assert worker.web is not None
            street = Street(outside, mosquitto, f"http://127.0.0.1:{worker.web.port}")
            yield street
            await asyncio.to_thread(get, street.url + "/readyz")  # raises unless it is 200: nothing has stopped


def message(east_m: float, tst: int, topic: str = TRACKER, **changes: Any) -> tuple[str, bytes]:
    """Return what the app of a person at so many metres along the street sends; ``...`` leaves a field out."""
    place = at(east_m)
    body = {
        "_type": "location",
        "tid": "yh",
        "lat": place.lat_deg,
        "lon": place.lon_deg,
        "tst": tst,
        "acc": 8,
        "SSID": "Kim home",
        "BSSID": "aa:bb:cc:dd:ee:ff",
        "name": "김영희",
        "phone": "010-1234-5678",
    }
    return topic, json.dumps({k: v for k, v in (body | changes).items() if v is not ...}).encode()


def subject_of(topic: str) -> str:
    _, user, device, *_ = topic.split("/")
    return Pseudonyms(KEY.encode()).of("tracker", f"{user}/{device}")


@dataclass(frozen=True)
class Bad:
    """A message that must not become a fix of the case, and where it ends: a dead letter's reason, or an outcome."""

    sent: tuple[str, bytes]
    letter: str | None = None
    outcome: str | None = None


def bad_messages(east_m: float, now_s: int) -> list[list[Bad]]:
    """Return what is sent between two good fixes, a list for each minute; the last good fix was at ``east_m``."""

    def bad(letter: str | None, outcome: str | None = None, tst: int = now_s, **changes: Any) -> Bad:
        return Bad(message(changes.pop("east_m", east_m), tst, **changes), letter, outcome)

    place = at(east_m)
    return [
        [
            Bad((TRACKER, b'{"_type": "location", "name": "\xea\xb9\x80\xec\x98\x81\xed\x9d\xac", '), "broken-json"),
            Bad((TRACKER, b"\xff\xfe\x00"), "broken-json"),
            Bad((TRACKER, b"[" * 9_000), "broken-json"),
        ],
        [bad("wrong-type", lat="37.4"), bad("wrong-type", lon=[127]), bad("wrong-type", tst="now")],  # type: ignore[arg-type]
        [bad("missing-field", tst=...), bad("missing-field", lat=...)],  # type: ignore[arg-type]
        [
            bad("impossible-coordinates", lat=place.lon_deg, lon=place.lat_deg),
            bad("impossible-coordinates", lat=211),
            bad("default-point", lat=0, lon=0),
            bad("implausible-jump", tst=now_s + 1, east_m=100_000),
        ],
        [bad("clock-skew", tst=now_s + 9_999), bad("impossible-time", tst=5), bad("absurd-accuracy", acc=-1)],
        [
            bad("too-large", note="x" * 20_000),
            bad("unknown-type", _type="김영희"),
            bad("encrypted", _type="encrypted", data="김영희"),
            bad("unknown-topic", topic="owntracks//watch-7"),
        ],
        [
            bad("exercise-mix", tst=now_s + 1, exercise=True),
            bad("exercise-mix", exercise=True, alert="sos"),
            bad(None, "exercise-without-case", topic="owntracks/lee-minsu/pager-3", exercise=True),
        ],
        [
            bad(None, "duplicate"),
            bad(None, "late", tst=now_s - 30),
            bad(None, "passed-over", _type="waypoint", desc="Kim home"),
        ],
    ]


async def test_a_walk_is_followed_from_camera_to_camera_whatever_else_is_sent(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    clock, kim, drill = HandClock(), subject_of(TRACKER), "owntracks/park/pager-3"
    stop, sent, bad = asyncio.Event(), 0, []
    async with (
        a_street(embedded_broker, prefix, tmp_path, clock, 800) as street,
        Publisher(street.outside) as publisher,
    ):
        source = _source(street, clock)
        job = SourceJob(name="trackers", kind="owntracks", source=source)
        cursors = KafkaCursors(street.outside, publisher)
        running = asyncio.create_task(run_source(job, publisher, cursors, stop, clock))
        await street.subscribed()

        await street.send(message(0, clock.now_s, TRACKER + "/event", _type="transition", event="leave", desc="Kim"))
        await street.send(message(0, clock.now_s, drill, alert="sos", exercise=True))
        versions = [await street.assignment(kim, lambda a: a.status == "active")]
        sent += 2
        for minute in range(1, MINUTES + 1):
            between = bad_messages(METRES_A_MINUTE * (minute - 1), clock.now_s)[minute - 1]
            await street.send(*(message.sent for message in between))
            clock.advance(60)
            await street.send(message(METRES_A_MINUTE * minute, clock.now_s))
            versions.append(await street.assignment(kim, _measured_at(clock.now_s)))
            sent, bad = sent + len(between) + 1, bad + between
        await street.send(message(METRES_A_MINUTE * MINUTES, clock.now_s, alert="found"))
        released = await street.assignment(kim, lambda a: a.status == "released")
        rehearsal = await street.assignment(subject_of(drill), lambda a: True)
        stop.set()
        counters = await running
        counts = {topic.name: len(street.records(topic)) for topic in (WANDERING_ALERTS, TRACKER_FIXES)}
        outcomes = await settled_outcomes(street.url, counts)
        letters = street.letters()
        everything = _everything(street)

    _check_walk(versions)
    assert (released.reason, released.cameras, released.where) == ("found", (), None)
    assert set(released.released) == {c.camera_id for c in _newest(released, versions).cameras}
    assert rehearsal.exercise
    assert not any(version.exercise for version in versions)

    # Sent = decided + answered: by the connector, by the worker, one for each.
    assert sent + 1 == counters.accepted + counters.refused + source.findings["other-type"]
    assert sum(counts.values()) == counters.accepted
    by_worker = sum(n for (_, outcome), n in outcomes.items() if outcome == "dead-letter")
    assert len(letters) == counters.refused + by_worker
    assert Counter(letter.reason for letter in letters) == Counter(b.letter for b in bad if b.letter)
    for outcome in ("exercise-without-case", "duplicate", "late"):
        assert outcomes[TRACKER_FIXES.name, outcome] == sum(b.outcome == outcome for b in bad)
    assert outcomes[TRACKER_FIXES.name, "decided"] == MINUTES
    assert not _names_in(everything)


def _source(street: Street, clock: Clock) -> OwntracksSource:
    context = ConnectorContext(clock=clock, pseudonyms=Pseudonyms(KEY.encode()), city_box=CITY.box_deg)
    source = build("owntracks", {"host": "127.0.0.1", "port": street.mosquitto.port}, context)
    assert isinstance(source, OwntracksSource)
    return source


def _measured_at(moment_s: int) -> Callable[[CameraAssignment], bool]:
    return lambda a: a.where is not None and a.where.position_us == moment_s * S


def _newest(released: CameraAssignment, versions: list[CameraAssignment]) -> CameraAssignment:
    (newest,) = [version for version in versions if version.version == released.version - 1]
    return newest


def _check_walk(versions: list[CameraAssignment]) -> None:
    """Check that the cameras go with the person: the nearest pole is among them, the first ones are let go."""
    for minute, version in enumerate(versions):
        chosen = {camera.camera_id for camera in version.cameras}
        nearest = round(METRES_A_MINUTE * minute / POLE_STEP_M) * POLE_STEP_M
        assert version.status == "active"
        assert f"cam-{nearest:04}" in chosen, (minute, sorted(chosen))
    first, last = ({c.camera_id for c in version.cameras} for version in (versions[0], versions[-1]))
    assert not first & last
    assert len({tuple(c.camera_id for c in version.cameras) for version in versions}) == len(versions)


def _everything(street: Street) -> dict[str, bytes]:
    """Return all bytes of all topics, keys and headers included, by topic."""
    found = {}
    for topic in TOPICS:
        records = street.records(topic)
        parts = [part for r in records for part in (r.key, r.value, repr(r.headers).encode()) if part]
        found[topic.name] = b"\n".join(parts)
    return found


def _names_in(everything: dict[str, bytes]) -> list[tuple[str, str]]:
    assert everything[TRACKER_FIXES.name]
    assert everything[CAMERA_ASSIGNMENTS.name]
    return [
        (topic, name)
        for topic, content in everything.items()
        for name in PERSONAL
        if name.encode() in content.lower() or json.dumps(name).strip('"').encode() in content
    ]


class Connectors:
    """``goldentime connect run`` in a process of its own, which can be killed."""

    def __init__(self, street: Street, folder: Path) -> None:
        self._folder = folder
        shutil.copytree(CITIES / "demo", folder / "cities" / "demo")
        city_file = folder / "cities" / "demo" / "city.toml"
        prefix = street.outside.topic_prefix
        city_file.write_text(
            city_file.read_text("utf-8").replace('topic_prefix = "demo"', f'topic_prefix = "{prefix}"'), "utf-8"
        )
        options = f'options = {{ host = "127.0.0.1", port = {street.mosquitto.port} }}'
        (folder / "cities" / "demo" / "connectors.toml").write_text(
            f'[[connector]]\nname = "trackers"\nkind = "owntracks"\n{options}\n', "utf-8"
        )
        (folder / "key").write_text(KEY)
        self._arguments = [sys.executable, "-m", "console.cli", "--broker", street.outside.bootstrap_servers[0]]
        self._arguments += ["--city", "demo", "--cities-dir", str(folder / "cities"), "connect", "run", "--json"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {"GOLDENTIME_PSEUDONYM_KEY_FILE": str(self._folder / "key"), "PATH": "/usr/bin:/bin"}
        with (self._folder / "connectors.out").open("wb") as out, (self._folder / "connectors.log").open("ab") as log:
            self._process = subprocess.Popen(self._arguments, env=environment, stdout=out, stderr=log)

    def send(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(LIMIT_S)

    def output(self) -> str:
        return (self._folder / "connectors.out").read_text("utf-8")

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(LIMIT_S)


async def test_a_connector_that_is_killed_in_the_middle_loses_no_fix(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    kim, began_s = subject_of(TRACKER), int(time.time()) - 4_000
    walking, sent = asyncio.Event(), 0

    async def walk(street: Street) -> None:
        nonlocal sent
        async with aiomqtt.Client("127.0.0.1", street.mosquitto.port) as client:
            while not walking.is_set():
                sent += 1
                await client.publish(*message(sent, began_s + sent), qos=1)
                await asyncio.sleep(0.001)

    async with a_street(embedded_broker, prefix, tmp_path, SystemClock(), 3_600) as street:
        connectors = Connectors(street, tmp_path)
        try:
            connectors.start()
            await street.subscribed()
            await street.send(message(0, began_s, TRACKER + "/event", _type="transition", event="leave"))
            walk_task = asyncio.create_task(walk(street))
            await _arrived(street, 100)
            assert connectors.send(signal.SIGKILL) == -signal.SIGKILL
            at_the_kill = sent
            await until(lambda: sent >= at_the_kill + 200)
            connectors.start()
            await _arrived(street, at_the_kill + 300)
            walking.set()
            await walk_task
            sent += 1
            # A minute later and 60 m on, so that the case moves to where the walk ends.
            await street.send(message(sent + 60, began_s + sent + 60))
            await _arrived(street, sent)
            last = await street.assignment(kim, _measured_at(began_s + sent + 60))
            counts = {topic.name: len(street.records(topic)) for topic in (WANDERING_ALERTS, TRACKER_FIXES)}
            outcomes = await settled_outcomes(street.url, counts)
            assert connectors.send(signal.SIGINT) == 0
        finally:
            connectors.end()
        everything, letters = _everything(street), street.letters()

    assert last.status == "active"
    assert last.where is not None
    assert last.where.lon_deg == pytest.approx(at(sent + 60).lon_deg, abs=1e-6)
    repeats = counts[TRACKER_FIXES.name] - sent
    assert 0 <= repeats <= 100  # what mosquitto had sent ahead, 20 at a time, and had not heard of yet
    assert outcomes[TRACKER_FIXES.name, "late"] + outcomes[TRACKER_FIXES.name, "duplicate"] == repeats
    assert letters == []
    assert not _names_in(everything)


async def _arrived(street: Street, count: int) -> None:
    """Wait until so many different fixes are on the topic."""
    async with asyncio.timeout(LIMIT_S):
        while len(await asyncio.to_thread(_fixes, street)) < count:
            pass


def _fixes(street: Street) -> set[str]:
    return {decode(TrackerFix, record.value).event_id for record in street.records(TRACKER_FIXES)}
