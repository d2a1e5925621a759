"""Registry files as they lie on disk: found, read whole, and CSV as people make it."""

import csv
import io
import unicodedata
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError

# The whole nation of South Korea is 356,000 rows and about 100 MB; more is not a registry.
FILE_BYTES_MAX = 1 << 30
ROWS_MAX = 3_000_000
# How many rows are read between two calls of the progress callback.
PROGRESS_ROWS = 1000
DELIMITERS = (",", "\t", ";", "|")

# Called now and then with rows done and rows in all, or None while that is not known; what it raises ends the work.
Progress = Callable[[int, int | None], None]


def fingerprint_of(data: bytes) -> str:
    """Return 16 hexadecimal digits that stand for a file's content."""
    return blake2b(data, digest_size=8).hexdigest()


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


def file_bytes(path: Path) -> bytes:
    """Return the content of a registry file.

    Raises:
        ConnectorConfigError: it is no file, or larger than any registry.
        SourceUnavailableError: it is there but cannot be read now.
    """
    if not path.is_file():
        raise ConnectorConfigError(f"path: {path.name!r} is not a file")
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise ConnectorConfigError(f"{path.name} has {size} bytes; at most {FILE_BYTES_MAX} are read")
        return path.read_bytes()
    except OSError as error:
        raise SourceUnavailableError(f"{path.name} cannot be read now: {type(error).__name__}") from error


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


def csv_records(text: str, delimiter: str | None = None) -> Iterator[list[str] | None]:
    """Yield the records of a CSV text, blank lines as empty lists, and None for a line that is no record.

    A quote that is opened and never closed would swallow the rows after it. Where a record spans several lines and its
    cells do not fit, or one of those lines is a full row by itself, the lines are read one by one without quotes.

    Args:
        text: the file.
        delimiter: what stands between cells; None takes the one of comma, tab, semicolon and bar that is most often in
            the first line.
    """
    if delimiter is None:
        first = text.lstrip().partition("\n")[0]
        delimiter = max(DELIMITERS, key=first.count)
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
