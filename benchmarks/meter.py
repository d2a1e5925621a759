"""Measures the process it runs in: CPU by stage, records, and memory, as a line of JSON ten times a second.

CPU-time of the whole process is exact. Its split over stages comes from samples: at every 5 ms of CPU the kernel sends
SIGPROF, and what the main thread has used since the sample before counts for the stage whose code it stands in. What
other threads use is Faust's consumer thread: fetch.
"""

import atexit
import json
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType, FrameType

SAMPLE_S = 0.005
LINE_S = 0.1
STAGES = ("fetch", "decode", "engine", "encode", "produce", "commit", "other")
# The innermost frame whose file has one of these in its path names the stage; None says: ask who called.
_STAGE_OF_FILE = (
    ("/schemas/", None),
    ("/pipeline/reading/columns.py", None),
    ("/pipeline/reading/column_layout.py", None),
    ("/pipeline/reading/intake.py", "decode"),
    ("/pipeline/", "engine"),
    ("/topologies/outputs.py", "encode"),
    ("/topologies/dead_letters.py", "encode"),
    ("/topologies/unit_of_work.py", "produce"),
    ("/aiokafka/producer/", "produce"),
    ("/faust/topics.py", "produce"),
    ("/topologies/batches.py", "fetch"),
    ("/topologies/crew.py", "fetch"),
    ("/topologies/gathering.py", "fetch"),
    ("/aiokafka/consumer/", "fetch"),
    ("/faust/", "fetch"),
    ("/mode/", "fetch"),
    # Connections of the main thread are the producers'; the consumer's are in its own thread.
    ("/aiokafka/", "produce"),
)
# Methods of aiokafka's sender that talk to the transaction and group coordinators.
_COMMIT_METHODS = ("_do_add_partitions_to_txn", "_do_add_offsets_to_txn", "_do_txn_offset_commit", "_do_txn_commit")


class Meter:
    """Writes lines ``{"at_s", "cpu_s", "rss_mb", "stages_s": {…}, **counts}`` to a file until the process ends.

    Args:
        path: the file.
        counts: returns what the process counts of its work, by name; all of it grows.
    """

    def __init__(self, path: Path, counts: Callable[[], Mapping[str, int]]) -> None:
        self._path = path
        self._counts = counts
        self._stages_s = dict.fromkeys(STAGES, 0.0)
        self._main_s = 0.0
        self._stage_of_code: dict[CodeType, str | None] = {}

    def start(self) -> None:
        """Begin; call it in the main thread."""
        self._main_s = time.thread_time()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
        # While Python ends, SIGPROF would meet its default: to end the process with an error.
        atexit.register(signal.setitimer, signal.ITIMER_PROF, 0)
        threading.Thread(target=self._write, name="meter", daemon=True).start()

    def _sample(self, number: int, frame: FrameType | None) -> None:
        main_s = time.thread_time()
        self._stages_s[self._stage(frame)] += main_s - self._main_s
        self._main_s = main_s

    def _stage(self, frame: FrameType | None) -> str:
        found = None
        while frame is not None:
            code = frame.f_code
            if code.co_name in _COMMIT_METHODS:
                return "commit"
            if found is None:
                if code not in self._stage_of_code:
                    self._stage_of_code[code] = _stage_of_file(code.co_filename)
                found = self._stage_of_code[code]
            frame = frame.f_back
        return found or "other"

    def _write(self) -> None:
        with self._path.open("w", buffering=1) as lines:
            while True:
                line = {"at_s": time.monotonic(), "cpu_s": time.process_time(), "rss_mb": rss_mb()}
                lines.write(json.dumps({**line, "stages_s": self._all_stages(), **self._counts()}) + "\n")
                time.sleep(LINE_S)

    def _all_stages(self) -> dict[str, float]:
        """Return the stages with the other threads' share, so that they add up to the process's CPU-time."""
        others_s = max(0.0, time.process_time() - sum(self._stages_s.values()))
        return {**self._stages_s, "fetch": self._stages_s["fetch"] + others_s}


def _stage_of_file(path: str) -> str | None:
    return next((stage for part, stage in _STAGE_OF_FILE if part in path), None)


def rss_mb(pid: int | None = None) -> float:
    """Return the resident memory of a process in MB, of this one without a pid."""
    status = Path(f"/proc/{pid or 'self'}/status").read_text("ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
