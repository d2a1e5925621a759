"""Rows of an xlsx workbook as text cells, read as a stream."""

import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from connectors.kit.errors import ConnectorConfigError

ZIP_MAGIC = b"PK\x03\x04"
OLD_EXCEL_MAGIC = b"\xd0\xcf\x11\xe0"
# Unpacked size: 356,000 rows are about 400 MB of XML; beyond this it is a bomb.
UNPACKED_BYTES_MAX = 2 << 30
COLUMNS_MAX = 64
SHEETS_MAX = 20


def workbook_rows(data: bytes, check_header: Callable[[list[str]], object]) -> Iterator[list[str]]:
    """Yield the rows of the first sheet whose first row is a known header, as text.

    Args:
        data: the file.
        check_header: raises ``ConnectorConfigError`` for a row that is no header.

    Raises:
        ConnectorConfigError: the bytes are no workbook, unpack to too much, or no sheet has a known header.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > UNPACKED_BYTES_MAX:
            raise ConnectorConfigError(
                f"the workbook unpacks to {unpacked} bytes; at most {UNPACKED_BYTES_MAX} are read"
            )
        with warnings.catch_warnings():
            # Portals write workbooks without a style sheet; openpyxl warns, the cells are the same.
            warnings.simplefilter("ignore", UserWarning)
            workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            yield from _known_sheet(workbook.worksheets[:SHEETS_MAX], check_header)
        finally:
            workbook.close()
    # openpyxl lets the errors of zip, XML and its own readers through, at the start and in the midst of a sheet.
    except (
        zipfile.BadZipFile,
        zlib.error,
        InvalidFileException,
        LookupError,
        ValueError,
        SyntaxError,
        EOFError,
    ) as error:
        raise ConnectorConfigError(
            f"the file begins like an xlsx workbook but is none: {type(error).__name__}"
        ) from error


def refuse_old_excel(data: bytes, name: str) -> None:
    """Refuse a workbook of the form before xlsx.

    Raises:
        ConnectorConfigError: it is one.
    """
    if data.startswith(OLD_EXCEL_MAGIC):
        raise ConnectorConfigError(f"{name} is an old Excel file (.xls); save it as .xlsx or CSV")


def _known_sheet(sheets: Iterable[Any], check_header: Callable[[list[str]], object]) -> Iterator[list[str]]:
    failure = ConnectorConfigError("the workbook has no sheet with a row in it")
    for sheet in sheets:
        # Some writers state a wrong size, which would cut the rows short.
        sheet.reset_dimensions()
        rows = (_texts(row) for row in sheet.iter_rows(max_col=COLUMNS_MAX, values_only=True))
        skipped = []
        for row in rows:
            skipped.append(row)
            if not any(row):
                continue
            try:
                check_header(row)
            except ConnectorConfigError as error:
                failure = error
                break
            # Blank rows on top are given as well, so that row numbers are those of the spreadsheet.
            yield from skipped
            yield from _padded(rows, len(row))
            return
    raise failure


def _padded(rows: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    """Yield the rows at least as wide as the header: a workbook does not store empty cells at the end."""
    for row in rows:
        if len(row) < width:
            row.extend([""] * (width - len(row)))
        yield row


def _texts(row: tuple[Any, ...]) -> list[str]:
    cells = [_text(value) for value in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _text(value: Any) -> str:
    """Return a cell's value as the text a person would have typed."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)
