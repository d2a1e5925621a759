"""Rows of the files that another system drops into a folder, or of one file, for connectors that read exports.

A file is taken as complete when it carries its final name: the writer writes ``calls.csv.part`` (or a name with a dot
in front) and renames it to ``calls.csv``, which is atomic within a file system. Files are read in the order of their
names, so name them by time. A single file may instead be followed while it grows; then a row counts once its line has
ended.

The cursor is ``<rows done>:<file name>``. A file that appears later than one that sorts after it is read too, but
does not move the cursor back: a stop in the middle of such a late file loses the rest of it, and the log names the
file. A file that is replaced under its old name after it was read is not read again.
"""

import asyncio
import logging
import sys
import unicodedata
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.option_values import choice_option, flag_option, number_option, text_option
from connectors.kit.transports.dropped_file import DroppedFile, Row

logger = logging.getLogger(__name__)

SUFFIXES = (".csv", ".jsonl", ".ndjson")
ENCODINGS = ("auto", "utf-8", "cp949")
DROP_OPTIONS = frozenset({"path", "encoding", "poll_interval_s", "once", "follow"})
# Rows read in one go: a few milliseconds of work, so that a stop is prompt and the loop stays free.
CHUNK_ROWS = 500
# In a cursor instead of the number of rows: the file is done with, whatever it holds.
_END = "end"


@dataclass(frozen=True, slots=True)
class FileDropConfig:
    """Which files are read and how.

    Attributes:
        path: a folder that is watched for new files, or one file.
        encoding: ``auto`` decides per file: byte order mark, else what most lines are, UTF-8 or CP949.
        poll_interval_s: pause between two looks, seconds, 0.01 to 3600.
        once: end when all that is there has been read instead of watching on.
        follow: keep reading a single file while it grows.
    """

    path: Path
    encoding: str = "auto"
    poll_interval_s: float = 1.0
    once: bool = False
    follow: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "FileDropConfig":
        """Return the configuration that the options of :data:`DROP_OPTIONS` make; others are not looked at.

        Raises:
            ConnectorConfigError: an option is missing or wrong; the message names it.
        """
        config = cls(
            path=Path(text_option(options, "path")).expanduser(),
            encoding=choice_option(options, "encoding", "auto", ENCODINGS),
            poll_interval_s=number_option(options, "poll_interval_s", 1.0, least=0.01, most=3600),
            once=flag_option(options, "once", default=False),
            follow=flag_option(options, "follow", default=False),
        )
        if config.follow and config.once:
            raise ConnectorConfigError("option follow and option once exclude each other")
        if config.follow and config.path.is_dir():
            raise ConnectorConfigError("option follow needs option path to be a file, got a folder")
        return config


@dataclass(frozen=True, slots=True)
class _Position:
    file: str
    rows_done: int


class FileDrop:
    """The rows of all files of a drop, oldest file first.

    Args:
        config: which files, and how to read them.
        required_columns: columns (upper case) without which a CSV file is refused as a whole.
    """

    def __init__(self, config: FileDropConfig, required_columns: tuple[str, ...] = ()) -> None:
        self._config = config
        self._required_columns = required_columns

    async def rows(self, cursor: str | None) -> AsyncGenerator[Row, None]:
        """Yield the rows after ``cursor`` (None: from the start); ends only for a single file or with ``once``.

        Raises:
            SourceUnavailableError: the folder or a file in it cannot be read now.
            ConnectorConfigError: the cursor is not one of this drop.
        """
        position = _position(cursor)
        high_name = position.file if position else ""
        seen: set[str] = set()
        first_look = True
        while True:
            names = await asyncio.to_thread(self._names)
            seen &= set(names)  # what is gone needs no memory
            for name in names:
                if name in seen:
                    continue
                seen.add(name)
                if first_look and position and _order(name) < _order(position.file):
                    continue
                late = _order(name) < _order(high_name)
                if late:
                    logger.warning("%s came after %s had been read; it does not move the cursor", name, high_name)
                high_name = max(high_name, name, key=_order)
                rows_done = position.rows_done if position and position.file == name else 0
                async for row in self._rows_of(name, rows_done, late=late):
                    yield row
            if self._config.once or (names and self._single_file()):
                return
            first_look = False
            await asyncio.sleep(self._config.poll_interval_s)

    def _single_file(self) -> bool:
        return not self._config.path.is_dir()

    async def _rows_of(self, name: str, rows_done: int, *, late: bool) -> AsyncGenerator[Row, None]:
        if rows_done == sys.maxsize:
            return
        config = self._config
        path, follow = (config.path, config.follow) if self._single_file() else (config.path / name, False)
        file = DroppedFile(path, name, config.encoding, self._required_columns, rows_done, follow=follow)
        while not file.done:
            for row in await asyncio.to_thread(_read_chunk, file):
                yield row if late else row.at(f"{_END if row.ends_file else row.number}:{name}")
            if file.waits:
                await asyncio.sleep(config.poll_interval_s)

    def _names(self) -> list[str]:
        """Return the names of the complete files, oldest first."""
        path = self._config.path
        try:
            if path.is_file():
                return [path.name]
            names = [entry.name for entry in path.iterdir() if _is_complete(entry.name) and entry.is_file()]
        except OSError as error:
            raise SourceUnavailableError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from error
        return sorted(names, key=_order)


def _order(name: str) -> tuple[str, str]:
    """Return what names are sorted by; macOS writes decomposed Hangul, and order must not depend on the writer."""
    return (unicodedata.normalize("NFC", name), name)


def _is_complete(name: str) -> bool:
    return not name.startswith((".", "~")) and name.lower().endswith(SUFFIXES)


def _read_chunk(file: DroppedFile) -> list[Row]:
    try:
        return file.read(CHUNK_ROWS)
    except OSError as error:
        raise SourceUnavailableError(f"{file.name} cannot be read: {error.strerror or type(error).__name__}") from error


def _position(cursor: str | None) -> _Position | None:
    if cursor is None:
        return None
    rows, colon, name = cursor.partition(":")
    if not colon or not name or not (rows == _END or (rows.isascii() and rows.isdigit())):
        raise ConnectorConfigError(
            "the stored cursor is not '<rows done>:<file name>'; reset it to read from the start"
        )
    return _Position(name, sys.maxsize if rows == _END else int(rows))
