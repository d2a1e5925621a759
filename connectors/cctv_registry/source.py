"""A registry file as a source of cameras, row by row, with a cursor."""

import asyncio
import heapq
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import RegistryLoad, load
from connectors.cctv_registry.report import RegistryReport
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, ConnectorError
from connectors.kit.source import Accepted, Entry
from schemas.topics import CAMERAS

__all__ = ["CctvRegistrySource", "Config"]


class CctvRegistrySource:
    """Gives the cameras of one registry file and ends.

    The cursor is ``<row number>@<fingerprint of the file>``: a file with another content is read from its first row.
    Of the cameras of one row only the last carries the cursor, so that a resume never loses half a row.

    Attributes:
        total_rows: rows to account for, as soon as the file is read; None before.
        rows_done: the number of rows given so far, for a progress bar.
        report: the account of every row, as soon as the file is read; None before.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        if not config.path:
            raise ConnectorConfigError("path must name the registry file, got none")
        if config.city_box is None and not config.districts:
            config = replace(config, city_box=context.city_box)
        self._config = replace(config, time_zone=config.time_zone or context.time_zone)
        self._clock = context.clock
        self.total_rows: int | None = None
        self.rows_done = 0
        self.report: RegistryReport | None = None

    async def entries(self, cursor: str | None) -> AsyncIterator[Entry]:
        """Yield the file's cameras and refusals after ``cursor``, in the order of its rows.

        Raises:
            ConnectorConfigError: the file cannot be used at all.
            SourceUnavailableError: the file cannot be read now.
        """
        loaded = await self._load()
        # A comparison with the cameras of the last file, and tombstones for those that are gone, belong here: the load
        # has all ids of the new file before the first entry is given.
        self.report = loaded.report
        self.total_rows = loaded.report.rows
        self.rows_done = 0
        done_row = _row_of(cursor, loaded.fingerprint)
        last_row = 0
        for row, entry in _in_row_order(loaded):
            if row != last_row:
                self.rows_done += 1
                last_row = row
            if row > done_row:
                yield entry

    async def _load(self) -> RegistryLoad:
        """Return the loaded file; the work is done in a thread, which stops soon when this is cancelled."""
        stop = threading.Event()

        def stop_when_asked(_done: int, _total: int | None) -> None:
            if stop.is_set():
                # Nobody waits for the thread's answer any more.
                raise ConnectorError("the load was cancelled")

        try:
            return await asyncio.to_thread(
                load, Path(self._config.path), self._config, self._clock.now_us(), progress=stop_when_asked
            )
        finally:
            stop.set()


def _row_of(cursor: str | None, fingerprint: str) -> int:
    """Return the last row that is done; 0 when there is no cursor or it is of another file."""
    row, _, file = (cursor or "").partition("@")
    return int(row) if file == fingerprint and row.isdecimal() else 0


def _in_row_order(loaded: RegistryLoad) -> Iterator[tuple[int, Entry]]:
    refused: Iterator[tuple[int, Entry]] = (
        (r.number, replace(r, cursor=f"{r.number}@{loaded.fingerprint}")) for r in loaded.refused
    )
    return heapq.merge(_accepted(loaded), refused, key=lambda numbered: numbered[0])


def _accepted(loaded: RegistryLoad) -> Iterator[tuple[int, Entry]]:
    rows = loaded.camera_rows
    for index, camera in enumerate(loaded.cameras):
        row = rows[index]
        is_last = index + 1 == len(rows) or rows[index + 1] != row
        yield row, Accepted(CAMERAS, camera, f"{row}@{loaded.fingerprint}" if is_last else None)
