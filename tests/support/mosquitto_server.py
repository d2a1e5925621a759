"""A real mosquitto broker for tests: on a free port, its files in a folder of the test, ended by its process id."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_LIMIT_S = 15.0
STOP_LIMIT_S = 10.0


def mosquitto_binary() -> str | None:
    """Return where mosquitto is, also where a Debian user's path does not look; None if it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@dataclass
class MosquittoServer:
    """A broker that can be stopped and started again with the same port and memory.

    Attributes:
        folder: where its configuration, log and persistent messages are.
        port: its port on 127.0.0.1.
        users: passwords by user name; empty lets anyone in.
        extra: further lines of its configuration, e.g. for TLS.
    """

    folder: Path
    port: int
    users: dict[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the broker and return when it answers."""
        binary = mosquitto_binary()
        assert binary is not None, "mosquitto is not installed"
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([binary, "-c", str(self._configure())], stdout=log, stderr=log)
        deadline = time.monotonic() + START_LIMIT_S
        while not self._answers():
            assert self._process.poll() is None, f"mosquitto ended: {self.log()}"
            assert time.monotonic() < deadline, f"mosquitto did not start: {self.log()}"
            time.sleep(0.02)

    def stop(self) -> None:
        """End the broker; with SIGTERM it writes what it holds to its folder."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_LIMIT_S)
        self._process = None

    def log(self) -> str:
        """Return the end of what the broker has written."""
        return (self.folder / "mosquitto.log").read_text(errors="replace")[-4000:]

    def _configure(self) -> Path:
        lines = [f"listener {self.port} 127.0.0.1", *self.extra]
        lines += ["persistence true", f"persistence_location {self.folder}/", "connection_messages true"]
        if os.geteuid() == 0:
            lines.append("user root")  # else it gives up its rights and cannot read the test's folder
        lines.append(f"allow_anonymous {'false' if self.users else 'true'}")
        if self.users:
            lines.append(f"password_file {self._write_passwords()}")
        path = self.folder / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n")
        return path

    def _write_passwords(self) -> Path:
        path = self.folder / "passwords"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        for user, password in self.users.items():
            subprocess.run(["mosquitto_passwd", "-b", str(path), user, password], check=True, capture_output=True)
        return path

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_mosquitto(
    folder: Path, *, users: dict[str, str] | None = None, extra: tuple[str, ...] = ()
) -> Iterator[MosquittoServer]:
    """Yield a started broker and end it."""
    folder.mkdir(parents=True, exist_ok=True)
    server = MosquittoServer(folder, free_port(), users or {}, extra)
    server.start()
    try:
        yield server
    finally:
        server.stop()
