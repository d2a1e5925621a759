"""The demonstration's worker: a child process that is started again when it dies, but not for ever."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from console.children import last_lines, start_child, stop_child
from console.errors import DemoFailedError
from console.options import environment_without_settings
from schemas.clock import ScaledClock
from topologies.settings import Settings

RESTARTS_MAX = 3
READY_TIMEOUT_S = 60.0
# On a new checkout the worker first compiles; see topologies.preparation.
PREPARED_TIMEOUT_S = 240.0
# What the worker says while it prepares; worth a line where it takes long.
_PREPARING = "engine: "
_SILENT_S = 4.0
# A worker ends within a second of SIGTERM; its last unit of work is done by then.
STOP_GRACE_S = 5.0
# While it joins its group it cannot answer for seconds, and has decided nothing that could be lost.
STOP_GRACE_UNREADY_S = 0.3
_LOOK_S = 0.1
_HTTP_TIMEOUT_S = 1.0


class WorkerProcess:
    """``goldentime worker`` as a context manager; the process is gone after ``__exit__``.

    Args:
        settings: the worker's ``GOLDENTIME_*`` variables.
        log_path: where its output goes.
        tell: called with a line when it had to be started again.
        web_port: loopback port of its endpoints; None takes a free one.

    Raises:
        DemoFailedError: the port is taken.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        log_path: Path,
        tell: Callable[[str], None],
        *,
        web_port: int | None = None,
    ) -> None:
        self.restarts = 0
        self._grace_s = STOP_GRACE_UNREADY_S
        self._web_port = _port(web_port)
        own = {"GOLDENTIME_WEB_PORT": str(self._web_port), "GOLDENTIME_WEB_HOST": "127.0.0.1"}
        # Settings of a real deployment in this shell must not reach the demonstration.
        self._environment = environment_without_settings() | dict(settings) | own
        self._log_path = log_path
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the base URL of the worker's endpoints."""
        return f"http://127.0.0.1:{self._web_port}"

    def __enter__(self) -> "WorkerProcess":
        """Start it."""
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        process, self._process = self._process, None
        if process is not None:
            stop_child(process, first=signal.SIGTERM, grace_s=self._grace_s)

    def _start(self) -> None:
        arguments = [sys.executable, "-m", "console.cli", "worker"]
        self._process = start_child(arguments, log_path=self._log_path, environment=self._environment)

    def ask_to_stop(self) -> None:
        """Tell it to stop, without waiting; ``__exit__`` waits. Cancel :meth:`keep_running` before."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    async def keep_running(self) -> None:
        """Start it again whenever it ends, until cancelled.

        Raises:
            DemoFailedError: it ended more than ``RESTARTS_MAX`` times.
        """
        while True:
            await asyncio.sleep(_LOOK_S)
            code = None if self._process is None else self._process.poll()
            if code is None:
                continue
            if self.restarts == RESTARTS_MAX:
                raise DemoFailedError(
                    f"the worker ended {RESTARTS_MAX + 1} times, last with code {code}:\n{last_lines(self._log_path)}"
                )
            self.restarts += 1
            self._tell(f"the worker ended with code {code} and is started again")
            self._start()

    async def ready(self, tell: Callable[[str], None], tell_long: Callable[[str], None]) -> None:
        """Wait until it is ready; run :meth:`keep_running` beside it.

        Args:
            tell: called with what is still missing.
            tell_long: called once with what it prepares, if that takes long.

        Raises:
            DemoFailedError: it was not ready within ``READY_TIMEOUT_S`` after it was prepared.
        """
        missing, since_s, told = "starting", time.monotonic(), False
        timeout_s = READY_TIMEOUT_S
        try:
            async with asyncio.timeout(timeout_s) as deadline:
                while missing:
                    tell(missing)
                    await asyncio.sleep(_LOOK_S)
                    missing = await asyncio.to_thread(_missing, f"{self.url}/readyz")
                    if _PREPARING not in missing:
                        continue
                    if not told and time.monotonic() - since_s > _SILENT_S:
                        told = True
                        tell_long(missing.partition(_PREPARING)[2].partition(";")[0])
                        timeout_s = PREPARED_TIMEOUT_S
                        deadline.reschedule(asyncio.get_running_loop().time() + timeout_s)
        except TimeoutError as error:
            raise DemoFailedError(
                f"the worker was not ready within {timeout_s:.0f} s ({missing}):\n{last_lines(self._log_path)}"
            ) from error
        self._grace_s = STOP_GRACE_S


def _missing(url: str) -> str:
    """Return what a worker says is missing, empty when it is ready."""
    try:
        with urllib.request.urlopen(url, timeout=_HTTP_TIMEOUT_S):  # noqa: S310 - a loopback address of ours
            return ""
    except urllib.error.HTTPError as answer:
        with answer:
            reasons: dict[str, str] = json.loads(answer.read()).get("reasons", {})
        return "; ".join(f"{what}: {why}" for what, why in reasons.items()) or "not ready"
    except (OSError, ValueError):
        return "starting"


def _port(wanted: int | None) -> int:
    """Return a port of the loopback that is free now: the wanted one, or any."""
    with socket.socket() as probe:
        # Without it a port counts as taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError as error:
            raise DemoFailedError(f"port {wanted} is taken; choose another with --web-port") from error
        port: int = probe.getsockname()[1]
        return port


def variables_of(settings: Settings, clock: ScaledClock) -> dict[str, str]:
    """Return the variables that give a worker these settings and this clock."""
    return {
        "GOLDENTIME_BOOTSTRAP_SERVERS": settings.bootstrap_servers[0],
        "GOLDENTIME_CITY": settings.city,
        "GOLDENTIME_CITIES_DIR": str(settings.cities_dir),
        "GOLDENTIME_CLOCK": clock.setting(),
        "GOLDENTIME_TICK_S": str(settings.tick_s),
        "GOLDENTIME_DATA_DIR": str(settings.data_dir),
        "GOLDENTIME_CACHE_DIR": str(settings.cache_dir),
        "GOLDENTIME_SESSION_TIMEOUT_S": str(settings.session_timeout_s),
    }
