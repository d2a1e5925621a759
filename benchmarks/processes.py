"""Start a measured process, follow its meter, and take figures from a window of its lines."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.meter import STAGES
from console.children import last_lines, start_child, stop_child

STOP_GRACE_S = 30.0
_POLL_S = 0.05

Line = dict[str, Any]


class Measured:
    """A measured process for the time of a ``with`` block.

    Args:
        kind: which, see ``benchmarks.measured``.
        prefix: prefix of its topics.
        bootstrap_servers: its broker.
    """

    def __init__(self, kind: str, *, prefix: str, bootstrap_servers: str) -> None:
        self._kind = kind
        self._prefix = prefix
        self._servers = bootstrap_servers
        self._folder = tempfile.TemporaryDirectory(prefix="goldentime-bench-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        options = {
            "prefix": self._prefix,
            "bootstrap_servers": self._servers,
            "data_dir": str(folder / "data"),
            "lines": str(folder / "meter.jsonl"),
        }
        arguments = [sys.executable, "-m", "benchmarks.measured", self._kind, json.dumps(options)]
        self._started_s = time.monotonic()
        self._process = start_child(arguments, log_path=folder / "log")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            stop_child(self._process, first=signal.SIGTERM, grace_s=STOP_GRACE_S)
        self._folder.cleanup()

    @property
    def log(self) -> str:
        """Last lines of its output."""
        return last_lines(Path(self._folder.name) / "log", count=20, characters=4_000)

    def lines(self) -> list[Line]:
        """Return all complete lines of its meter."""
        path = Path(self._folder.name) / "meter.jsonl"
        text = path.read_text("ascii") if path.exists() else ""
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    async def wait_until_ready(self, timeout_s: float) -> dict[str, float]:
        """Wait for its word; return start_s (process start to ready) and, of a worker, join_s (group join to ready)."""
        await self._wait(lambda: "ready" in self.log, "is not ready", timeout_s)
        start_s = time.monotonic() - self._started_s
        found = re.search(r"([\d.]+) s after joining", self.log)
        return {"start_s": start_s, "join_s": float(found[1]) if found else start_s}

    async def wait_until_done(self, records: int, timeout_s: float) -> None:
        """Wait until it has worked on so many records."""

        def done() -> bool:
            lines = self.lines()
            return bool(lines) and lines[-1]["records"] >= records

        await self._wait(done, f"has not done {records} records", timeout_s)

    async def _wait(self, condition: Callable[[], bool], complaint: str, timeout_s: float) -> None:
        assert self._process is not None
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self._kind} ended with code {self._process.returncode}:\n{self.log}")
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{self._kind} {complaint} after {timeout_s:.0f} s:\n{self.log}")
            await asyncio.sleep(_POLL_S)


def window(lines: list[Line], first_record: float, last_record: float) -> dict[str, Any]:
    """Return what was used between two counts of records: the warm part of a run.

    Returns:
        cpu_us: CPU-µs per record; stages_us: the same by stage; records_per_s; and the growth of every other count.
    """
    inside = [line for line in lines if first_record <= line["records"] <= last_record]
    if len(inside) < 2:
        raise ValueError(f"the run was too short to measure: {len(inside)} lines between its records")
    first, last = inside[0], inside[-1]
    records, elapsed_s = max(1, last["records"] - first["records"]), last["at_s"] - first["at_s"]
    stages = {s: (last["stages_s"][s] - first["stages_s"][s]) / records * 1e6 for s in STAGES}
    counts = {k: last[k] - first[k] for k in last if k not in ("at_s", "cpu_s", "rss_mb", "stages_s")}
    return {
        "cpu_us": (last["cpu_s"] - first["cpu_s"]) / records * 1e6,
        "stages_us": stages,
        "records_per_s": records / elapsed_s,
        "rss_mb": last["rss_mb"],
        **counts,
    }
