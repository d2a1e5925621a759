"""Finds the processes that a test has started, children of children included, by a mark in their environment."""

import os
import sys
import time
import uuid
from pathlib import Path

MARK = "CONSOLE_TEST_MARK"
on_linux = sys.platform == "linux"


def marked_environment(**variables: str) -> tuple[str, dict[str, str]]:
    """Return a new mark, and this process's environment with it, without settings of a real deployment."""
    mark = uuid.uuid4().hex
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENTIME_")}
    return mark, clean | variables | {MARK: mark}


def marked_processes(mark: str) -> list[int]:
    """Return the ids of living processes that carry the mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (OSError, IndexError):
            continue  # it ended while we looked
    return found


def wait_until_gone(mark: str, timeout_s: float = 5.0) -> list[int]:
    """Wait until no process carries the mark; return those that still do when the time is over."""
    deadline_s = time.monotonic() + timeout_s
    while (left := marked_processes(mark)) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return left
