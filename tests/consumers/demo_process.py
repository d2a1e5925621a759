"""``goldentime demo`` as a process that tests look at from outside."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.console.processes import marked_environment, marked_processes, wait_until_gone

WAIT_S = 90.0


@dataclass(frozen=True)
class DemoProcess:
    """A running demonstration; its output goes to a file."""

    process: "subprocess.Popen[bytes]"
    out: Path
    mark: str

    def text(self) -> str:
        """Return what it has printed."""
        return self.out.read_text("utf-8", errors="replace")

    async def printed(self, text: str) -> None:
        """Wait until a text has been printed."""
        async with asyncio.timeout(WAIT_S):
            while text not in self.text():
                assert self.process.poll() is None, self.text()
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        """Return its exit code when it has ended."""
        return await asyncio.to_thread(self.process.wait, 30)

    def addresses(self) -> tuple[str, str, str]:
        """Return broker, registry and topic as it tells them to consumers."""
        told = re.search(r"--broker (\S+) --registry (\S+) --topic (\S+)", self.text())
        assert told is not None, self.text()
        return told[1], told[2], told[3]

    def settings(self) -> dict[str, str]:
        """Return the variables that it prints for another terminal."""
        exported = re.search(r"export (.*)", self.text())
        assert exported is not None, self.text()
        return dict(pair.split("=", 1) for pair in exported[1].split())

    def worker_pid(self) -> int:
        """Return the process id of its worker."""
        for pid in marked_processes(self.mark):
            if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        raise AssertionError("no worker")


@asynccontextmanager
async def running_demo(folder: Path, *options: str) -> AsyncIterator[DemoProcess]:
    """Give a running demonstration; none of its processes is left afterwards."""
    mark, environment = marked_environment(TMPDIR=str(folder))
    out = folder / "out.txt"
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "console.cli", "demo", *options],
            env=environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield DemoProcess(process, out, mark)
    finally:
        for pid in marked_processes(mark):
            os.kill(pid, signal.SIGCONT)  # what is held could not end
        if process.poll() is None:
            process.kill()
        process.wait(10)
        assert wait_until_gone(mark) == []
