"""Worker processes of these tests: started, killed and stopped by their own process ids."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.support.kafka_server import REPOSITORY


class WorkerProcess:
    """One worker process; what it prints goes to a file."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self._log = log
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent), **environment}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it need not be ready yet."""
        with self._log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.topologies.counting_worker"],
                cwd=REPOSITORY,
                env=self._environment,
                stdout=out,
                stderr=out,
            )

    def send(self, signal_number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(signal_number)

    def wait(self, timeout_s: float) -> int:
        """Return the exit code."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def end(self) -> None:
        """Kill the process if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    @property
    def output(self) -> str:
        """What all processes of this worker have printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def wait_until_ready(self, times: int = 1, timeout_s: float = 60) -> None:
        """Wait until the process has said that it is ready, for the ``times``-th time of this worker."""
        deadline = time.monotonic() + timeout_s
        while self.output.count("ready: ") < times:
            assert self.process is not None
            assert self.process.poll() is None, f"the worker ended:\n{self.output[-3000:]}"
            assert time.monotonic() < deadline, f"the worker was not ready:\n{self.output[-3000:]}"
            time.sleep(0.05)


def environment(servers: str, prefix: str, folder: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a worker of the city ``prefix``."""
    return {
        "GOLDENTIME_BOOTSTRAP_SERVERS": servers,
        "GOLDENTIME_CITY": prefix,
        "GOLDENTIME_DATA_DIR": str(folder),
        "GOLDENTIME_SESSION_TIMEOUT_S": "3",
        "GOLDENTIME_REQUEST_TIMEOUT_S": "15",
        **{f"GOLDENTIME_{name.upper()}": value for name, value in settings.items()},
    }
