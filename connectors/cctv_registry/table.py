"""A registry file as a table of text cells, whatever its encoding, header variant and file format."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from connectors.cctv_registry.headers import Layout, layout_of
from connectors.kit.cameras.encoding import REPLACEMENT, decode
from connectors.kit.cameras.files import (
    PROGRESS_ROWS,
    ROWS_MAX,
    Progress,
    csv_records,
    file_bytes,
    find_file,
    fingerprint_of,
)
from connectors.kit.cameras.workbook import ZIP_MAGIC, refuse_old_excel, workbook_rows
from connectors.kit.errors import ConnectorConfigError


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
    data = file_bytes(path)
    refuse_old_excel(data, path.name)
    records: Iterable[list[str] | None]
    if data.startswith(ZIP_MAGIC):
        encoding, records, damaged = "xlsx", workbook_rows(data, layout_of), False
    else:
        text, encoding = decode(data)
        records, damaged = csv_records(text), REPLACEMENT in text
    fingerprint = fingerprint_of(data)
    table = _table_of(records, encoding, fingerprint, progress)
    table.damaged = damaged
    return table


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
