"""A street of cameras with a worker, a mosquitto and a person with a tracker: what the tests of trackers start from."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt

from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.settings import ConnectorSettings
from schemas.camera_assignment import CameraAssignment
from schemas.clock import Clock
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS, TOPICS, TRACKER_FIXES, WANDERING_ALERTS, Topic, dead_letters_of
from tests.connectors.helpers import read_topic
from tests.integration.outcomes import get
from tests.support.mosquitto_server import MosquittoServer, running_mosquitto
from tests.support.records import a_camera, at
from tests.topologies.running import running_worker, until, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

CITIES = Path(__file__).parents[2] / "cities"
CITY = load_city(CITIES, "demo")
KEY = "k" * 32
S = 1_000_000
LIMIT_S = 30.0
TRACKER = "owntracks/kim-younghee/watch-7"
POLE_STEP_M = 40


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

    def everything(self) -> dict[str, bytes]:
        """Return all bytes of all topics, keys and headers included, by topic."""
        found = {}
        for topic in TOPICS:
            records = self.records(topic)
            parts = [part for r in records for part in (r.key, r.value, repr(r.headers).encode()) if part]
            found[topic.name] = b"\n".join(parts)
        return found

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
