"""A log in a file, to decide it again where its broker is not: gzip, a JSON array per line.

Such a file holds positions of people. It is made readable by its owner alone; delete it as the topics would.
"""

import base64
import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from console.errors import LogFileError, LogTooLargeError
from console.replaying.log import INPUT_TOPICS, TABLE_TOPICS, LogRecord
from schemas.topics import CAMERA_ASSIGNMENTS

FORMAT = "goldentime-log-1"
# A record has at most 1 MiB (schemas.codec), a third more in base 64.
_LINE_CHARACTERS_MAX = 2 << 20
_TOPICS = {topic.name for topic in (*INPUT_TOPICS, *TABLE_TOPICS, CAMERA_ASSIGNMENTS)}


def save_records(path: Path, records: Iterable[LogRecord]) -> None:
    """Write records to a new file.

    Raises:
        LogFileError: the file is there already, or cannot be written.
    """
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "wb") as raw, gzip.open(raw, "wt", encoding="ascii") as file:
            file.write(json.dumps([FORMAT]) + "\n")
            for r in records:
                row = [r.topic, r.partition, r.offset, r.appended_us, _text(r.key), _text(r.value)]
                file.write(json.dumps(row) + "\n")
    except OSError as error:
        raise LogFileError(f"{path.name} cannot be written: {error.strerror or type(error).__name__}") from error


def load_records(path: Path, records_max: int) -> list[LogRecord]:
    """Return the records of a file, in the order they were read.

    Raises:
        LogFileError: the file cannot be read or is no such log; the message names the line.
        LogTooLargeError: it has more records than are allowed.
    """
    records: list[LogRecord] = []
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            for number, line in enumerate(_lines(file), 1):
                if len(records) >= records_max:
                    raise LogTooLargeError(f"{path.name} has more than {records_max:,} records; see --most-records")
                try:
                    row = json.loads(line)
                    if number == 1 and row == [FORMAT]:
                        continue
                    if number == 1:
                        raise ValueError("no such log")
                    records.append(_record(row))
                except (ValueError, TypeError, RecursionError) as error:
                    raise LogFileError(f"{path.name}, line {number}: not a record of {FORMAT}") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise LogFileError(f"{path.name} cannot be read: {type(error).__name__}") from error
    return records


def _lines(file: Any) -> Iterator[str]:
    while line := file.readline(_LINE_CHARACTERS_MAX):
        yield line


def _record(row: Any) -> LogRecord:
    topic, partition, offset, appended_us, key, value = row
    if topic not in _TOPICS:
        raise ValueError(f"unknown topic {topic!r}")
    return LogRecord(topic, int(partition), int(offset), int(appended_us), _bytes(key), _bytes(value))


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)
