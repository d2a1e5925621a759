"""Writes the records of topics into a JSON-lines file that the source of this connector can replay."""

import asyncio
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.option_values import names_option, refuse_unknown, text_option
from connectors.kit.reading.json_records import record_to_json
from connectors.kit.sink import Delivered
from schemas.topics import BY_NAME, Topic

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is written where.

    Attributes:
        path: the file; it is continued if it is there.
        topics: the topics to write.
    """

    path: Path
    topics: tuple[Topic, ...]

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that options describe.

        Raises:
            ConnectorConfigError: an option is missing, unknown or wrong; the message names it.
        """
        refuse_unknown(options, frozenset({"path", "topics"}))
        names = names_option(options, "topics")
        if not names:
            raise ConnectorConfigError("option topics is required: the names of the topics to write")
        unknown = [name for name in names if name not in BY_NAME]
        if unknown:
            raise ConnectorConfigError(f"option topics names {unknown[0]!r}; topics are {', '.join(BY_NAME)}")
        path = Path(text_option(options, "path")).expanduser()
        return cls(path=path, topics=tuple(BY_NAME[name] for name in names))


class JsonLinesSink:
    """Appends records to a file; every batch is on disk when ``write`` returns.

    A record is in the file once: those whose (topic, partition, offset) it holds already are passed over, also after a
    restart. Topics that were deleted and made again count their offsets anew and need a new file.

    Attributes:
        topics: the topics it wants.
        passed_over: how many records the file held already.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        del context  # nothing in a file depends on its surroundings
        self.topics = config.topics
        self.passed_over = 0
        self._path = config.path
        self._file: FileIO | None = None
        # Newest offset in the file by (topic, partition).
        self._newest: dict[tuple[str, int], int] = {}

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Append the records that the file does not hold yet, and wait until they are on disk.

        Raises:
            SinkUnavailableError: the disk does not take them now, e.g. because it is full.
        """
        try:
            await asyncio.to_thread(self._append, batch)
        except OSError as error:
            # What of the batch reached the disk is found again when the file is opened the next time.
            self._forget()
            raise SinkUnavailableError(
                f"{self._path.name} cannot be written: {error.strerror or type(error).__name__}"
            ) from error

    async def close(self) -> None:
        """Close the file; safe to call twice."""
        self._forget()

    def _forget(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _append(self, batch: Sequence[Delivered]) -> None:
        file = self._file or self._open()
        lines = []
        for delivered in batch:
            place = (delivered.topic.name, delivered.partition)
            if delivered.offset <= self._newest.get(place, -1):
                self.passed_over += 1
                continue
            self._newest[place] = delivered.offset
            lines.append(_line(delivered))
        if lines:
            _write_whole(file, b"".join(lines))
            os.fsync(file.fileno())

    def _open(self) -> FileIO:
        """Open the file behind its last whole line, knowing what it holds."""
        # Unbuffered: a failed write leaves nothing behind that a later close would write after all.
        file = open(self._path, "ab+", buffering=0)  # noqa: SIM115, PTH123 - it stays open between batches
        self._newest = {}
        whole_bytes = 0
        with self._path.open("rb") as reader:
            for raw in reader:
                if not raw.endswith(b"\n"):
                    break
                whole_bytes += len(raw)
                self._remember(raw)
        if file.seek(0, os.SEEK_END) > whole_bytes:
            logger.warning("%s ended in the middle of a line, which was cut off", self._path.name)
            file.truncate(whole_bytes)
        self._file = file
        return file

    def _remember(self, raw: bytes) -> None:
        try:
            line = json.loads(raw)
            place, offset = (str(line["topic"]), int(line["partition"])), int(line["offset"])
        except (ValueError, KeyError, TypeError):
            return  # a line that a person wrote; it stays
        self._newest[place] = max(offset, self._newest.get(place, -1))


def _write_whole(file: FileIO, data: bytes) -> None:
    """Write all of the data; a disk that fills up takes a part first and raises on the rest."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _line(delivered: Delivered) -> bytes:
    line = {
        "topic": delivered.topic.name,
        "partition": delivered.partition,
        "offset": delivered.offset,
        "key": None if delivered.key is None else delivered.key.decode(errors="replace"),
        "record": record_to_json(delivered.record),
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
