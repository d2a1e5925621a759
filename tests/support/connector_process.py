"""``goldentime connect run`` in processes of its own, in a city made for one test, killed and stopped by process id."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.kafka_server import REPOSITORY, free_port


class ConnectorCity:
    """A city of its own with the demonstration's policy: its files, and processes that run its connectors.

    Args:
        folder: where its files and logs go.
        servers: ``host:port`` of the broker.
        prefix: name and topic prefix.
    """

    def __init__(self, folder: Path, servers: str, prefix: str) -> None:
        self.folder, self.servers, self.prefix = folder, servers, prefix
        self._cities = folder / "cities"
        self._own = self._cities / prefix
        shutil.copytree(REPOSITORY / "cities" / "demo", self._own)
        about = self._own / "city.toml"
        about.write_text(about.read_text("utf-8").replace('"demo"', f'"{prefix}"'), "utf-8")
        (self._own / "connectors.toml").unlink()

    def connector(self, name: str, kind: str, *, role: str = "source", **options: Any) -> str:
        """Add a connector to the city; return its name."""
        written = ", ".join(f"{option} = {json.dumps(value)}" for option, value in options.items())
        table = f'[[connector]]\nname = "{name}"\nkind = "{kind}"\nrole = "{role}"\noptions = {{ {written} }}\n\n'
        with (self._own / "connectors.toml").open("a", encoding="utf-8") as file:
            file.write(table)
        return name

    def secret(self, name: str, text: str) -> str:
        """Write a secret to a file; return its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def process(self, *names: str) -> "ConnectorProcess":
        """Return a process, not yet started, that runs these connectors."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GOLDENTIME_BOOTSTRAP_SERVERS": self.servers,
            "GOLDENTIME_CITIES_DIR": str(self._cities),
            "GOLDENTIME_CITY": self.prefix,
            "GOLDENTIME_PSEUDONYM_KEY": "k" * 32,
        }
        # The command has the broker and the city as options too, with defaults of their own.
        options = ["--broker", self.servers, "--city", self.prefix]
        return ConnectorProcess(self.folder / f"{'-'.join(names)}-{free_port()}.log", environment, options, names)


class ConnectorProcess:
    """One process of connectors; what it prints goes to a file."""

    def __init__(self, log: Path, environment: dict[str, str], options: list[str], names: tuple[str, ...]) -> None:
        self._log, self._environment, self._options, self._names = log, environment, options, names
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()

    def start(self) -> None:
        """Start it; it need not be at work yet."""
        command = ["connect", "run", *self._names, "--status", f"127.0.0.1:{self._port}", "--json"]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "console.cli", *self._options, *command],
                cwd=REPOSITORY,
                env=self._environment,
                stdout=out,
                stderr=out,
            )

    def kill(self) -> None:
        """Kill it with SIGKILL, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def sleep(self) -> None:
        """Put it to sleep with SIGSTOP, as a machine does that is overloaded."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> float:
        """Stop it with SIGTERM; return the seconds it took. It must end by itself with code 0 or 1."""
        began_s = time.monotonic()
        self._signal(signal.SIGTERM)
        assert self._process is not None
        code = self._process.wait(20)
        took_s = time.monotonic() - began_s
        assert code in (0, 1), self.output
        return took_s

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def is_running(self) -> bool:
        """Return whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """Return what all starts of it have printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def status(self) -> dict[str, dict[str, Any]]:
        """Return what ``/connectors`` shows, by name; empty while nobody answers."""
        try:
            return {state["name"]: state for state in json.loads((await self.get("/connectors"))[1])}
        except aiohttp.ClientError:
            return {}

    async def health(self) -> int:
        """Return the status of ``/healthz``."""
        return (await self.get("/healthz"))[0]

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"http://127.0.0.1:{self._port}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def wait_until(
        self, condition: Callable[[dict[str, dict[str, Any]]], bool], limit_s: float = 30
    ) -> dict[str, dict[str, Any]]:
        """Wait until a condition holds for what ``/connectors`` shows; return that."""
        deadline_s = time.monotonic() + limit_s
        while True:
            assert self.is_running, f"the process ended:\n{self.output[-3000:]}"
            state = await self.status()
            if state and condition(state):
                return state
            assert time.monotonic() < deadline_s, f"waited {limit_s:g} s: {state}\n{self.output[-3000:]}"
            await asyncio.sleep(0.02)


async def until(
    condition: Callable[[], bool | Awaitable[bool]], limit_s: float = 30, says: Callable[[], object] = lambda: ""
) -> None:
    """Wait until a condition holds."""
    deadline_s = time.monotonic() + limit_s
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return
        assert time.monotonic() < deadline_s, f"waited {limit_s:g} s: {says()}"
        await asyncio.sleep(0.01)
