"""A registry file as a table of text cells, whatever its encoding, header variant and file format."""

import csv
import hashlib
import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connectors.cctv_registry.encoding import REPLACEMENT, decode
from connectors.cctv_registry.headers import Layout, layout_of
from connectors.cctv_registry.workbook import ZIP_MAGIC, workbook_rows
from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError

# The whole nation is 356,000 rows and about 100 MB; more is not a registry.
FILE_BYTES_MAX = 1 << 30
ROWS_MAX = 3_000_000
OLD_EXCEL_MAGIC = b"\xd0\xcf\x11\xe0"
# How many rows are read between two calls of the progress callback.
PROGRESS_ROWS = 1000

Progress = Callable[[int, int | None], None]


@dataclass(slots=True)
class Table:
    """The rows of a registry file.

    Attributes:
        layout: which column holds what.
        encoding: ``utf-8``, ``utf-8-sig``, ``cp949`` or ``xlsx``.
        fingerprint: 16 hexadecimal digits of the file's content.
        rows: row number and cells; numbers are those a spreadsheet shows, the header being the first row.
        unreadable: numbers of the rows that are no records.
        blank: how many rows had nothing in them; they are not counted as rows.
        damaged: whether bytes did not decode; they stand as U+FFFD in the cells.
    """

    layout: Layout
    encoding: str
    fingerprint: str
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    blank: int = 0
    damaged: bool = False

    @property
    def total(self) -> int:
        """Return how many rows there are to account for."""
        return len(self.rows) + len(self.unreadable)


def read_table(path: Path, *, progress: Progress | None = None) -> Table:
    """Return the file's rows as text cells.

    Args:
        path: a CSV file (CP949, UTF-8, UTF-8 with byte-order mark) or an xlsx workbook, told apart by content.
        progress: called every thousand rows with the rows read so far and None (the total is not known yet); whatever
            it raises stops the reading.

    Raises:
        ConnectorConfigError: there is no such file, it is empty or too large, or its format, encoding or header
            is unknown.
        SourceUnavailableError: the file is there but cannot be read now.
    """
    path = find_file(path)
    data = _bytes_of(path)
    if data.startswith(OLD_EXCEL_MAGIC):
        raise ConnectorConfigError(f"{path.name} is an old Excel file (.xls); save it as .xlsx or CSV")
    records: Iterable[list[str] | None]
    if data.startswith(ZIP_MAGIC):
        encoding, records, damaged = "xlsx", workbook_rows(data), False
    else:
        text, encoding = decode(data)
        records, damaged = csv_records(text), REPLACEMENT in text
    fingerprint = hashlib.blake2b(data, digest_size=8).hexdigest()
    table = _table_of(records, encoding, fingerprint, progress)
    table.damaged = damaged
    return table


def find_file(path: Path) -> Path:
    """Return the path as it is on disk: macOS stores Korean names decomposed (NFD), and people type them composed.

    Raises:
        ConnectorConfigError: there is no such file in either form.
    """
    if path.exists():
        return path
    # The nearest folder that exists under the name as it was typed; below it, each part may be in the other form.
    folder = next(parent for parent in path.parents if parent.exists())
    for part in path.relative_to(folder).parts:
        wanted = unicodedata.normalize("NFC", part)
        entries = folder.iterdir() if folder.is_dir() else iter(())
        found = next((entry for entry in entries if unicodedata.normalize("NFC", entry.name) == wanted), None)
        if found is None:
            raise ConnectorConfigError(f"path: there is no file {path.name!r} in {path.parent}")
        folder = found
    return folder


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise ConnectorConfigError(f"path: {path.name!r} is not a file")
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise ConnectorConfigError(f"{path.name} has {size} bytes; at most {FILE_BYTES_MAX} are read")
        return path.read_bytes()
    except OSError as error:
        raise SourceUnavailableError(f"{path.name} cannot be read now: {type(error).__name__}") from error


def _table_of(records: Iterable[list[str] | None], encoding: str, fingerprint: str, progress: Progress | None) -> Table:
    """Return the table of the records, the first that is not blank being the header; None stands for no record."""
    table: Table | None = None
    for number, cells in enumerate(records, start=1):
        if progress is not None and number % PROGRESS_ROWS == 0:
            progress(number, None)
        if number > ROWS_MAX:
            raise ConnectorConfigError(f"the file has more than {ROWS_MAX} rows")
        if cells is not None and not any(map(str.strip, cells)):
            if table is not None:
                table.blank += 1
        elif table is None:
            table = Table(layout_of(cells or []), encoding, fingerprint)
        elif cells is None:
            table.unreadable.append(number)
        else:
            table.rows.append((number, cells))
    if table is None:
        raise ConnectorConfigError("the file is empty; a header row was expected")
    if not table.total:
        raise ConnectorConfigError("the file has a header but no rows; a registry without a camera is a mistake")
    return table


class _Tape:
    """Lines of a text, remembering those since it was last cleared."""

    def __init__(self, text: str) -> None:
        self.lines: list[str] = []
        self._source = io.StringIO(text, newline="")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._source)
        self.lines.append(line)
        return line


def csv_records(text: str) -> Iterator[list[str] | None]:
    """Yield the records of a CSV text, blank lines as empty lists, and None for a line that is no record.

    A quote that is opened and never closed would swallow the rows after it. Where a record spans several lines and its
    cells do not fit, or one of those lines is a full row by itself, the lines are read one by one without quotes.
    """
    first = text.lstrip().partition("\n")[0]
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    tape = _Tape(text)
    reader = csv.reader(tape, delimiter=delimiter)
    width = 0
    while True:
        tape.lines.clear()
        cells: list[str] | None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        width = width or len(cells or ())
        if len(tape.lines) > 1 and width:
            singles = [_unquoted(line, delimiter) for line in tape.lines]
            if cells is None or len(cells) != width or any(s and len(s) == width for s in singles[1:]):
                yield from singles
                continue
        yield cells


def _unquoted(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of one line in which quotes mean nothing, None if it is no record."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
    except csv.Error:
        return None
    return [cell.strip('"') for cell in cells]
