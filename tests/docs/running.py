"""Commands that go on while a page is followed, and waiting for what becomes of them."""

import json
import os
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Running:
    """A command that goes on.

    Attributes:
        line: the command.
        process: its process.
        log: what it prints.
        instances: names of its connectors that must take something.
        status_port: where it tells what they took.
    """

    line: str
    process: subprocess.Popen[bytes]
    log: Path
    instances: list[str]
    status_port: int

    @property
    def is_over(self) -> bool:
        """Return whether it has ended."""
        return self.process.poll() is not None

    def states(self) -> list[dict[str, Any]]:
        """Return what its connectors have done, as the status page has it; nothing before it is there."""
        url = f"http://127.0.0.1:{self.status_port}/connectors"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return list(json.loads(answer.read()))
        except OSError:
            return []

    def have_taken(self) -> bool:
        """Return whether each connector has taken something, or has found that nothing is new."""
        taken = {s["name"]: s["accepted"] or "unchanged" in s["findings"] for s in self.states()}
        return all(taken.get(name) for name in self.instances)


@contextmanager
def terminal(log: Path) -> Iterator[int]:
    """Give a terminal whose screen goes into a log; a command that draws draws at once there."""
    screen, typed = os.openpty()

    def copy() -> None:
        with log.open("ab") as out, suppress(OSError):  # the last writer has gone
            while text := os.read(screen, 4096):
                out.write(text)
                out.flush()
        os.close(screen)

    threading.Thread(target=copy, daemon=True).start()
    yield typed
    os.close(typed)


def await_(condition: Callable[[], bool], within_s: float, problem: Callable[[], str]) -> None:
    """Wait until a condition holds; fail with the problem where it does not in time."""
    until_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until_s, problem()
        time.sleep(0.05)
