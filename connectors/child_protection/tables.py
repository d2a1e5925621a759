"""Two small tables of the scanner network: where each scanner hangs, and which child carries which beacon.

They lie in CSV files that the network's owner keeps, read again when they change; a broken row is left out and counted.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from connectors.kit.errors import ConnectorConfigError, EntryRefusedError
from connectors.kit.reading.dispatch_rows import text_of
from connectors.kit.reading.json_bodies import decoded_text
from connectors.kit.reading.places import number_of
from connectors.kit.reading.tracked import Note, usual_tracker_id

T = TypeVar("T")
TABLE_BYTES_MAX = 16 * 1024 * 1024
ROWS_MAX = 200_000
RANGE_M_MAX = 2_000.0


@dataclass(frozen=True, slots=True)
class Scanner:
    """Where a scanner hangs.

    Attributes:
        lat_deg: WGS 84 latitude in degrees.
        lon_deg: WGS 84 longitude in degrees.
        range_m: how far it hears a beacon, metres; None takes the configured range.
    """

    lat_deg: float
    lon_deg: float
    range_m: float | None = None


def scanners_of(text: str, note: Note) -> dict[str, Scanner]:
    """Return the scanners of a CSV text with the columns scanner, lat, lon and, if known, range_m."""
    found: dict[str, Scanner] = {}
    for row in _rows(text, ("scanner", "lat", "lon")):
        name, lat_deg, lon_deg = text_of(row, "scanner"), number_of(row.get("lat")), number_of(row.get("lon"))
        if not name or lat_deg is None or lon_deg is None or abs(lat_deg) > 90 or abs(lon_deg) > 180:
            note("unusable-scanner-row")
            continue
        range_m = number_of(row.get("range_m"))
        usable = range_m is not None and 0 < range_m <= RANGE_M_MAX
        found[usual_tracker_id(name)] = Scanner(lat_deg, lon_deg, range_m if usable else None)
    return found


def children_of(text: str, note: Note) -> dict[str, str]:
    """Return which child carries a beacon, of a CSV text with the columns beacon and child."""
    found: dict[str, str] = {}
    for row in _rows(text, ("beacon", "child")):
        beacon, child = text_of(row, "beacon"), text_of(row, "child")
        if not beacon or not child:
            note("unusable-beacon-row")
            continue
        found[usual_tracker_id(beacon)] = child
    return found


def _rows(text: str, columns: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Yield the rows of a CSV text; raise ``ConnectorConfigError`` where it lacks a column or has too many rows."""
    rows = csv.reader(io.StringIO(text))
    header = [cell.strip().lower() for cell in next(rows, [])]
    missing = [name for name in columns if name not in header]
    if missing:
        raise ConnectorConfigError(f"the header lacks {', '.join(missing)}")
    for number, row in enumerate(rows, start=1):
        if number > ROWS_MAX:
            raise ConnectorConfigError(f"at most {ROWS_MAX} rows are read")
        if any(cell.strip() for cell in row):
            yield dict(zip(header, row, strict=False))


class TableFile(Generic[T]):
    """A table in a file that may change while the connector runs.

    Args:
        path: the file; empty for a table without rows.
        read: makes the table of the file's text.
        note: called with a kebab-case word for what was noticed.
    """

    def __init__(self, path: str, read: Callable[[str, Note], Mapping[str, T]], note: Note) -> None:
        self._path = Path(path).expanduser() if path else None
        self._read = read
        self._note = note
        self._stamp: tuple[int, int] | None = None
        self._rows: Mapping[str, T] = {}

    def rows(self) -> Mapping[str, T]:
        """Return the table as the file has it now; as it was, where the file cannot be read any more.

        Raises:
            ConnectorConfigError: the file could never be read.
        """
        if self._path is None:
            return self._rows
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                if status.st_size > TABLE_BYTES_MAX:
                    raise ConnectorConfigError(f"at most {TABLE_BYTES_MAX} bytes are read")
                self._rows, self._stamp = self._read(decoded_text(self._path.read_bytes()), self._note), stamp
        except (OSError, csv.Error, EntryRefusedError, ConnectorConfigError) as error:
            if self._stamp is None:
                reason = str(error) if isinstance(error, ConnectorConfigError) else type(error).__name__
                raise ConnectorConfigError(f"{self._path.name} cannot be read: {reason}") from error
            self._note("table-unreadable")
        return self._rows
