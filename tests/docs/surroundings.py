"""What stands around the reader of a page: a broker, the outside systems of its examples, and a folder of their own.

The pages speak of hosts, ports and folders that are not here. :data:`REPLACED` is the one table of what stands in for
them; everything else of a line is run as it is printed.
"""

import asyncio
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from connectors.kit.examples import EXAMPLE_NOW_US
from console.embedded_broker import EmbeddedBroker
from schemas.clock import ScaledClock
from tests.docs.pages import ROOT
from tests.support.loopback import LoopbackServer
from tests.support.mosquitto_server import MosquittoServer, free_port, running_mosquitto

T = TypeVar("T")
# What a page shows, and what it is here; {names} are attributes of Surroundings.
REPLACED = (
    (r"(kafka-1:9092,kafka-2:9092|kafka:9092|localhost:9092|127\.0\.0\.1:9092)", "{broker}"),
    (r"127\.0\.0\.1:8480|goldentime\.example:8480", "127.0.0.1:{push_port}"),
    (r"127\.0\.0\.1:8490", "127.0.0.1:{status_port}"),
    (r"127\.0\.0\.1:8080", "127.0.0.1:{web_port}"),
    (r"--web-port 8080", "--web-port {web_port}"),
    (r"https?://(?:[a-z0-9-]+\.)+(?:example|go\.kr)(?::\d+)?|http://127\.0\.0\.1:8000", "{outside}"),
    (r"http://192\.0\.2\.7", "{head}"),
    (r"(?<![\w.])/(?=etc/goldentime/|var/lib/goldentime|srv/)", "{folder}/"),
    # A reader who has seen enough presses Ctrl-C.
    (r"--live(.*) --for \S+", r"--live\1 --for 3s"),
    (r"(goldentime .*connect dry-run .*)$", r"\1 --within 3"),
    (r"(goldentime (?!.*--status).*connect run\b.*)$", r"\1 --status 127.0.0.1:{status_port}"),
)
# Folders that stand on the reader's machine.
FOLDERS = ("etc/goldentime", "var/lib/goldentime", "srv")
SECRET = "a-secret-of-the-documents-83c1f2a7"
PROGRAM = """#!/bin/sh
exec "{python}" -m console.cli "$@"
"""


class Outside:
    """The systems that are called: answers every question with one body and keeps what it was told.

    Attributes:
        body: the answer to whoever asks.
        told: bodies that were sent, in order.
    """

    def __init__(self) -> None:
        self.body = b"{}"
        self.told: list[bytes] = []
        self.server = LoopbackServer(self._answer)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return web.Response(body=self.body)
        self.told.append(await request.read())
        created = request.path.endswith("/upsert")
        return web.json_response(_ids(self.told[-1]) if created else {}, status=201 if created else 200)


def _ids(body: bytes) -> list[str]:
    """Return the ids of entities, as a context broker answers those that are new."""
    return [entity["id"] for entity in json.loads(body)]


def _district(name: str, south: float) -> dict[str, Any]:
    """Return a district of two kilometres each way."""
    west, north, east = 126.97, south + 0.02, 126.99
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"name": name}, "geometry": polygon}


@dataclass
class Surroundings:
    """What a page is followed in.

    Attributes:
        folder: the present folder of the reader; it has ``cities/`` as the checkout has.
        broker: host:port of an embedded broker of the page's own.
        mosquitto: the MQTT broker; None where mosquitto is not installed.
        outside: URL of the systems that are called or asked.
        called: those systems.
        head: URL of a PTZ head; empty unless a page has one.
        database_port: of PostgreSQL.
        environment: of the commands.
    """

    folder: Path
    broker: str
    mosquitto: MosquittoServer | None
    outside: str
    called: Outside
    head: str = ""
    database_port: int = 5432
    push_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)
    status_port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """Return a text of the page with what stands in for hosts, ports and folders."""
        for pattern, stand_in in REPLACED:
            text = re.sub(pattern, self._filled(stand_in), text)
        return text

    def _filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: str(getattr(self, match[1])), text)

    def options_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return an instance's options with the brokers and databases that are here."""
        made: dict[str, Any] = json.loads(self.here(json.dumps(options, ensure_ascii=False)))
        if "host" in made and "database" in made:
            made |= {"port": self.database_port}
        elif "link_url" in made:
            made |= {"listen": f"127.0.0.1:{self.push_port}"}
        elif "host" in made and self.mosquitto is not None:
            # TLS is tried in tests/connectors/owntracks; certificates are not what these pages are about.
            made = {name: value for name, value in made.items() if name != "tls"}
            made |= {"host": "127.0.0.1", "port": self.mosquitto.port}
        return made

    def secret(self, where: str) -> None:
        """Write a secret where the page says that one lies."""
        path = self.folder / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET + "\n")


class Loop:
    """An event loop in a thread of its own, for servers that answer while a test waits."""

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what work on the loop gives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def __enter__(self) -> "Loop":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def surroundings(folder: Path, python: str, *, mqtt: bool, story: bool = True) -> Iterator[Surroundings]:
    """Give a reader's surroundings; all ends with the block.

    Args:
        folder: an empty folder.
        python: the interpreter that runs ``goldentime``.
        mqtt: whether an MQTT broker is needed.
        story: whether commands live at noon on 2026-03-01, of which the pages tell, instead of today.
    """
    shutil.copytree(ROOT / "cities", folder / "cities")
    (folder / "connectors").symlink_to(ROOT / "connectors")
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    # The pages say that Seoul's districts come from the Ministry; two rough ones do here.
    features = [_district(name, south) for name, south in (("종로구", 37.57), ("중구", 37.55))]
    districts = {"type": "FeatureCollection", "features": features}
    (folder / "cities" / "seoul" / "districts.geojson").write_text(json.dumps(districts, ensure_ascii=False), "utf-8")
    for program in (folder / "bin" / "goldentime", folder / ".venv" / "bin" / "goldentime"):
        program.parent.mkdir(parents=True)
        program.write_text(PROGRAM.format(python=python))
        program.chmod(0o755)
    called = Outside()
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker()).bootstrap_servers
        mosquitto = stack.enter_context(running_mosquitto(folder / "mosquitto")) if mqtt else None
        loop = stack.enter_context(Loop())
        url = loop.wait_for(called.server.start())
        stack.callback(lambda: loop.wait_for(called.server.stop()))
        clock = ScaledClock(time.time_ns() // 1000, EXAMPLE_NOW_US, 1.0)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENTIME_")}
        environment |= {
            "PATH": f"{folder / 'bin'}:{environment['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GOLDENTIME_BOOTSTRAP_SERVERS": broker,
            "GOLDENTIME_CITIES_DIR": "cities",
            "GOLDENTIME_PSEUDONYM_KEY": SECRET,
        }
        if story:
            environment["GOLDENTIME_CLOCK"] = clock.setting()
        yield Surroundings(folder, broker, mosquitto, url, called, environment=environment)
