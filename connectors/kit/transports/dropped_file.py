"""One dropped file, CSV or JSON lines, as rows: each row is readable or says why not, and none harms its neighbours."""

import csv
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from connectors.kit.reading.json_bodies import strict_loads

logger = logging.getLogger(__name__)

# Longer than any row of the known exports by a factor of 20; protects memory from a file without line ends.
MAX_ROW_BYTES = 65_536
# A quoted cell may hold line breaks. A stray quote would swallow the rest of the file, so it may swallow this much at
# most before the row is read without its neighbours.
MAX_QUOTED_LINES = 20
MAX_COLUMNS = 500
_SAMPLE_BYTES = 65_536
_BOM = b"\xef\xbb\xbf"
_DELIMITERS = (",", "\t", ";", "|")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row is not readable.

    Attributes:
        reason: class of failure, kebab-case.
        message: rule and what was got, without the row's content.
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    Attributes:
        file: name of the file.
        number: number of the row in its file, from 1, header and empty lines not counted; 0 stands for the whole file.
        cells: values by column name in upper case; text in CSV, any JSON value in JSON lines. Empty with a problem.
        problem: why the row is not readable, if it is not.
        broken_bytes: True where bytes did not decode; they were replaced by U+FFFD.
        ends_file: True where nothing of the file can be read after this.
        cursor: position after this row; None where it must not move.
    """

    file: str
    number: int
    cells: Mapping[str, Any] = field(default_factory=dict)
    problem: RowProblem | None = None
    broken_bytes: bool = False
    ends_file: bool = False
    cursor: str | None = None

    def at(self, cursor: str) -> "Row":
        """Return this row with a cursor."""
        return replace(self, cursor=cursor)


class DroppedFile:
    """Reads a file in chunks. Between two chunks it holds no handle, so there is nothing to free.

    Args:
        path: where the file is.
        name: what to call it.
        encoding: ``auto``, ``utf-8`` or ``cp949``.
        required_columns: columns (upper case) without which a CSV file is refused as a whole.
        rows_done: how many rows were read before; they are passed over.
        follow: True leaves a last line without an end for later.

    Attributes:
        name: what the file is called.
        done: True when nothing more will come.
        waits: True when nothing more is there now.
    """

    def __init__(
        self, path: Path, name: str, encoding: str, required_columns: tuple[str, ...], rows_done: int, *, follow: bool
    ) -> None:
        self.name = name
        self.done = False
        self.waits = False
        self._rows_done = rows_done
        self._path = path
        self._encoding = encoding
        self._required_columns = required_columns
        self._follow = follow
        self._json = path.suffix.lower() in (".jsonl", ".ndjson")
        self._restart()

    def _restart(self) -> None:
        self._offset = 0
        self._number = 0
        self._codec = ""
        self._delimiter = ","
        self._columns: list[str] | None = None

    def read(self, most: int) -> list[Row]:
        """Return the new rows among the next ``most``.

        Raises:
            OSError: the file cannot be read.
        """
        rows: list[Row] = []
        with self._path.open("rb") as file:
            if self._follow and file.seek(0, 2) < self._offset:
                self._restart()  # shorter than what was read: it was begun anew
                self._rows_done = 0
            if not self._codec:
                self._codec = _codec_of(file, self._encoding)
            file.seek(self._offset)
            self.waits = False
            for _ in range(most):
                raw = None if self.done else self._next_raw(file)
                if raw is None:
                    self._end()
                    break
                row = self._row(raw)
                if row is not None and (row.number > self._rows_done or row.ends_file):
                    rows.append(row)
            self._offset = file.tell()
        return rows

    def _end(self) -> None:
        self.waits = self._follow and not self.done
        self.done = not self.waits
        if self._number < self._rows_done:
            logger.warning("%s has %d rows, of which %d were read before", self.name, self._number, self._rows_done)
            self._rows_done = self._number

    def _next_raw(self, file: BinaryIO) -> bytes | None:
        """Return the bytes of the next row, over several lines where a quoted cell holds line breaks."""
        start = file.tell()
        first = file.readline(MAX_ROW_BYTES + 1)
        if not first or (self._follow and not first.endswith(b"\n") and len(first) <= MAX_ROW_BYTES):
            file.seek(start)
            return None
        if len(first) > MAX_ROW_BYTES:
            _skip_line(file, first)
            return first
        end_of_first = file.tell()
        raw = first
        if not self._json:
            for _ in range(MAX_QUOTED_LINES):
                if not _quote_is_open(raw, self._delimiter.encode()) or len(raw) > MAX_ROW_BYTES:
                    break
                more = file.readline(MAX_ROW_BYTES + 1)
                if not more:
                    break
                raw += more
            if len(raw) > MAX_ROW_BYTES or _quote_is_open(raw, self._delimiter.encode()):
                file.seek(end_of_first)
                return first
        return raw

    def _row(self, raw: bytes) -> Row | None:
        """Return the row that the bytes are; None for an empty line and for a good header."""
        if not raw.strip():
            return None
        text, broken = _decode(raw, self._codec)
        is_header = self._columns is None and not self._json
        if not is_header:
            self._number += 1
        if len(raw) > MAX_ROW_BYTES:
            too_large = RowProblem("row-too-large", f"a row has at most {MAX_ROW_BYTES} bytes")
            return Row(self.name, self._number, problem=too_large, ends_file=self._end_if(is_header))
        if is_header:
            return self._header(text)
        cells, problem = self._from_json(text) if self._json else self._from_csv(text)
        return Row(self.name, self._number, cells=cells, problem=problem, broken_bytes=broken)

    def _end_if(self, is_header: bool) -> bool:
        self.done = self.done or is_header
        return is_header

    def _header(self, text: str) -> Row | None:
        self._delimiter = max(_DELIMITERS, key=text.count)
        columns = [name.strip().upper() for name in _csv_cells(text, self._delimiter)]
        missing = [name for name in self._required_columns if name not in columns]
        if missing or len(columns) > MAX_COLUMNS:
            rule = f"the header lacks {', '.join(missing)}" if missing else f"the header has over {MAX_COLUMNS} columns"
            problem = RowProblem("unusable-header", f"{self.name}: {rule}; none of its rows was read")
            return Row(self.name, 0, problem=problem, ends_file=self._end_if(True))
        self._columns = columns
        return None

    def _from_csv(self, text: str) -> tuple[dict[str, Any], RowProblem | None]:
        columns = self._columns or []
        cells = _csv_cells(text, self._delimiter)
        # A comma at the end of each row is common; what it adds is empty.
        if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
            message = f"expected {len(columns)} columns, got {len(cells)}"
            return {}, RowProblem("wrong-column-count", message)
        values: dict[str, Any] = {}
        for name, cell in zip(columns, cells, strict=False):
            values.setdefault(name, cell)  # of two columns with one name the first counts
        return values, None

    def _from_json(self, text: str) -> tuple[dict[str, Any], RowProblem | None]:
        try:
            value = strict_loads(text)
        except (ValueError, RecursionError):
            return {}, RowProblem("broken-json", f"not JSON, got {len(text)} characters")
        if not isinstance(value, dict):
            return {}, RowProblem("broken-json", f"expected an object, got {type(value).__name__}")
        return {str(name).strip().upper(): cell for name, cell in value.items()}, None


def kept_payload(cells: Mapping[str, Any], patterns: Mapping[str, str], row: Row) -> bytes:
    """Return what may be kept of a refused row: file, row number and the cells that look like what they should be.

    Any other cell is replaced by its length, because shifted columns bring names and phone numbers anywhere.

    Args:
        cells: the row's values.
        patterns: regular expression by column, of the values that carry no person's data.
        row: where the cells are from.
    """
    kept: dict[str, Any] = {"file": row.file, "row": row.number}
    for name, pattern in patterns.items():
        text = str(cells.get(name, "")).strip()
        if text:
            kept[name] = text if re.fullmatch(pattern, text, re.ASCII) else f"<{len(text)} characters>"
    return json.dumps(kept, ensure_ascii=False).encode()


def _skip_line(file: BinaryIO, part: bytes) -> None:
    while part and not part.endswith(b"\n"):
        part = file.readline(MAX_ROW_BYTES)


def _codec_of(file: BinaryIO, encoding: str) -> str:
    """Return the encoding of a file: as told, by its mark, else by what most lines with non-ASCII bytes are."""
    file.seek(0)
    sample = file.read(_SAMPLE_BYTES)
    if sample.startswith(_BOM):
        return "utf-8"
    if encoding != "auto":
        return encoding
    # The last line of the sample may be cut in the middle of a character.
    lines = [line for line in sample.split(b"\n")[:-1] or [sample] if not line.isascii()]
    # By majority, so that one line with broken bytes does not turn a whole file into the other encoding.
    utf8 = sum(1 for line in lines if not _decode(line, "utf-8")[1])
    return "utf-8" if utf8 * 2 >= len(lines) else "cp949"


def _decode(raw: bytes, codec: str) -> tuple[str, bool]:
    """Return the text and whether bytes had to be replaced."""
    raw = raw.removeprefix(_BOM)
    try:
        return raw.decode(codec), False
    except UnicodeDecodeError:
        return raw.decode(codec, errors="replace"), True


def _csv_cells(text: str, delimiter: str) -> list[str]:
    # One row of text in, its line breaks only within quotes: the first row of the reader is all there is.
    try:
        return next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:  # a cell over csv.field_size_limit, which MAX_ROW_BYTES excludes, or a bare carriage return
        return text.rstrip("\r\n").split(delimiter)


def _quote_is_open(raw: bytes, delimiter: bytes) -> bool:
    """Return whether a quoted cell has begun and not ended. Quotes and delimiters are ASCII in UTF-8 and CP949."""
    if b'"' not in raw:
        return False
    is_open = False
    for cell in raw.split(delimiter):
        quotes = cell.count(b'"')
        if is_open:
            is_open = quotes % 2 == 0
        elif cell.lstrip(b"\r\n").startswith(b'"'):
            is_open = quotes % 2 == 1
    return is_open
