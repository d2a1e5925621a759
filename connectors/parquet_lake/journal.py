"""Rows that are safe but not yet in a Parquet file: a file of JSON lines, and how far each log had been read.

Order on disk: a row is in the journal before its offset is committed; the Parquet files stand before the positions;
the positions stand before the journal is emptied. So after a crash a row of the journal is either in no file, in a
file that is written again under the same name, or at or below the positions and passed over.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connectors.kit.errors import SinkUnavailableError

JOURNAL, POSITIONS, LOCK = "rows.jsonl", "positions.json", "lock"


@dataclass(slots=True)
class Position:
    """How far one partition of one topic has been taken.

    Attributes:
        newest: newest offset taken; -1 before the first.
        latest_us: latest time of a record taken, UTC microseconds.
        era: which log this is; a topic that is made anew begins another.
    """

    newest: int = -1
    latest_us: int = 0
    era: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that waits for its file.

    Attributes:
        topic: name of its topic.
        time_us: the time that says in which hour it belongs.
        row: its columns.
    """

    topic: str
    time_us: int
    row: dict[str, Any]

    @property
    def log(self) -> str:
        """Return which log it is of, ``topic/partition``."""
        return f"{self.topic}/{self.row['log_partition']}"


class Journal:
    """The journal of a lake; one process holds it at a time.

    Args:
        folder: its folder; made if it is not there.

    Attributes:
        waiting: the rows in it, in the order they were taken.
        positions: how far each ``topic/partition`` was taken, the waiting rows included.
        bytes: its length.

    Raises:
        SinkUnavailableError: another process holds it.
        OSError: the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = (folder / LOCK).open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise SinkUnavailableError(f"another process writes to {folder.parent.name}") from error
        self.waiting: list[Waiting] = []
        self.positions: dict[str, Position] = {}
        self.bytes = 0
        try:
            self._file = (folder / JOURNAL).open("ab", buffering=0)
        except OSError:
            self._lock.close()
            raise
        try:
            self._recover()
        except BaseException:
            self.close()
            raise

    def append(self, rows: Iterable[Waiting]) -> None:
        """Put rows on disk; they count as waiting once this has returned."""
        rows = list(rows)
        data = b"".join(_line(row) for row in rows)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        os.fsync(self._file.fileno())
        self.bytes += len(data)
        for row in rows:
            self._keep(row)

    def empty(self) -> None:
        """Forget the waiting rows: they stand in files."""
        replace_file(self._folder / POSITIONS, json.dumps({k: asdict(p) for k, p in self.positions.items()}).encode())
        self._file.truncate(0)
        os.fsync(self._file.fileno())
        self.waiting, self.bytes = [], 0

    def close(self) -> None:
        """Let go of the files; another process may take them."""
        self._file.close()
        self._lock.close()

    def _recover(self) -> None:
        path = self._folder / POSITIONS
        if path.is_file():
            self.positions = {log: Position(**fields) for log, fields in json.loads(path.read_bytes()).items()}
        data = (self._folder / JOURNAL).read_bytes()
        found, self.bytes = _rows_of(data)
        if self.bytes < len(data):
            self._file.truncate(self.bytes)
        # What stands here may not have reached the disk when the process before ended.
        os.fsync(self._file.fileno())
        for waiting in found:
            position = self.positions.get(waiting.log, Position())
            era, offset = waiting.row["log_era"], waiting.row["log_offset"]
            if (era, offset) > (position.era, position.newest):
                self._keep(waiting)

    def _keep(self, row: Waiting) -> None:
        position = self.positions.setdefault(row.log, Position())
        era = row.row["log_era"]
        if era > position.era:
            position.era, position.newest = era, -1
        position.newest = max(position.newest, row.row["log_offset"])
        position.latest_us = max(position.latest_us, row.time_us)
        self.waiting.append(row)


def _rows_of(data: bytes) -> tuple[list[Waiting], int]:
    """Return the rows of a journal and how many bytes they are, up to the first line that cannot be read.

    Only the last append can be broken, by a kill or a power cut, as each is on disk before the next begins. Its offsets
    were not committed: its rows come again.
    """
    rows: list[Waiting] = []
    length = 0
    for line in data.splitlines(keepends=True):
        try:
            fields = json.loads(line) if line.endswith(b"\n") else {}
            rows.append(Waiting(fields["topic"], fields["time_us"], fields["row"]))
        except (ValueError, KeyError, TypeError):
            break
        length += len(line)
    return rows, length


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in its place whole or not at all: written aside, on disk, then renamed."""
    aside = path.with_name(f"{path.name}.new")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk; a rename is safe only then."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(waiting: Waiting) -> bytes:
    fields = {"topic": waiting.topic, "time_us": waiting.time_us, "row": waiting.row}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
