"""A registry file as a source of cameras, row by row, with a cursor."""

import asyncio
import heapq
import json
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from connectors.cctv_registry.changes import Changes, Standing, changes_of
from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import SOURCE, RegistryLoad, load
from connectors.cctv_registry.report import RegistryReport
from connectors.cctv_registry.table import find_file
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, ConnectorError, SourceUnavailableError
from connectors.kit.source import Accepted, Entry, Refused
from schemas.topics import CAMERAS

__all__ = ["CctvRegistrySource", "Config"]


class CctvRegistrySource:
    """Gives the cameras of one registry file, and goes on with newer ones where it is told how often to look.

    Where there is a broker, a file is held against the cameras that stand: what is as it was is not told again, what is
    no longer listed is taken back by a tombstone, and a file that takes back too much is refused as a whole.

    The cursor is ``<row number>@<fingerprint of the file>``: a file with another content is read from its first row.
    Of the cameras of one row only the last carries the cursor, so that a resume never loses half a row.

    Attributes:
        total_rows: rows to account for, as soon as the file is read; None before.
        rows_done: the number of rows given so far, for a progress bar.
        report: the account of every row, as soon as the file is read; None before.
        changes: what the newest file changed; None before, and where nothing tells what stands.
        findings: how many cameras were added, moved, changed, unchanged and gone; files by what was wrong.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        if not config.path:
            raise ConnectorConfigError("path must name the registry file, got none")
        if config.city_box is None and not config.districts:
            config = replace(config, city_box=context.city_box)
        self._config = replace(config, time_zone=config.time_zone or context.time_zone)
        self._clock = context.clock
        # A trial may be made without a broker, and shows what a file says, not what it changes.
        self._pictures = None if context.is_trial else context.pictures
        self.total_rows: int | None = None
        self.rows_done = 0
        self.report: RegistryReport | None = None
        self.changes: Changes | None = None
        self.findings: Counter[str] = Counter()

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the file's cameras and refusals after ``cursor``, in the order of its rows, then those that are gone.

        A file whose content is of no use is answered by one refusal.

        Raises:
            ConnectorConfigError: there is no such file, or the districts cannot be read.
            SourceUnavailableError: the file cannot be read now, or is not there yet; or the broker does not answer.
        """
        self._config.city()
        seen: tuple[int, ...] | None = None
        while True:
            stamp = await asyncio.to_thread(self._stamp)
            if stamp != seen:
                async with aclosing(self._entries_of_file(cursor)) as entries:
                    async for entry in entries:
                        yield entry
                # A file that was written to meanwhile has another stamp and is read again.
                seen, cursor = stamp, None
            if not self._config.every_s:
                return
            await asyncio.sleep(self._config.every_s)

    async def _entries_of_file(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        try:
            loaded = await self._load()
        except ConnectorConfigError as error:
            yield self._refused("unusable-file", str(error), {})
            return
        self.report = loaded.report
        self.total_rows = loaded.report.rows
        self.rows_done = 0
        changes = self.changes = await self._compared(loaded)
        if changes is not None and changes.shrinks_too_much(self._config.shrink_max_pct):
            gone, stood = len(changes.gone), changes.standing
            if self._config.accept != loaded.fingerprint:
                message = (
                    f"{gone} of {stood} cameras are gone, more than {self._config.shrink_max_pct:g} %; if that is "
                    f"true, set accept to {loaded.fingerprint}"
                )
                yield self._refused("suspicious-shrink", message, {"gone": gone, "standing": stood})
                return
        unchanged: frozenset[str] = frozenset() if changes is None else changes.unchanged
        done_row = _row_of(cursor, loaded.fingerprint) if changes is None else 0
        last_row = 0
        for row, entry in _in_row_order(loaded):
            if row != last_row:
                self.rows_done += 1
                last_row = row
            if row > done_row and _camera_id(entry) not in unchanged:
                yield entry
        if changes is not None:
            self.findings += changes.counts
            for camera_id in changes.gone:
                yield Accepted(CAMERAS, None, key=camera_id.encode())

    async def _compared(self, loaded: RegistryLoad) -> Changes | None:
        """Return what the file changes of what stands; None where nothing tells what does."""
        if self._pictures is None:
            return None
        standing: dict[str, Standing] = {}
        async with aclosing(self._pictures.batches(CAMERAS, follow=False)) as batches:
            async for batch in batches:
                for delivered in batch:
                    camera = delivered.record
                    camera_id = (delivered.key or b"").decode("utf-8", "replace")
                    if camera is None or camera.source != SOURCE:
                        standing.pop(camera_id, None)
                    else:
                        standing[camera_id] = Standing.of(camera)
        return await asyncio.to_thread(changes_of, loaded.cameras, standing, self._config.owners)

    def _refused(self, reason: str, message: str, payload: dict[str, int]) -> Refused:
        self.findings[reason] += 1
        return Refused(CAMERAS, reason, None, message, json.dumps(payload).encode(), 0)

    def _stamp(self) -> tuple[int, ...]:
        """Return what changes when the file does.

        Raises:
            ConnectorConfigError: there is no such file.
            SourceUnavailableError: there is none yet, and it is looked for again.
        """
        try:
            path = find_file(Path(self._config.path))
            facts = path.stat()
        except (ConnectorConfigError, OSError) as error:
            if self._config.every_s:
                raise SourceUnavailableError(f"{Path(self._config.path).name} is not there yet") from error
            raise
        if not path.is_file():
            raise ConnectorConfigError(f"path: {path.name!r} is not a file")
        return (facts.st_mtime_ns, facts.st_size, facts.st_ino)

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


def _camera_id(entry: Entry) -> str | None:
    return entry.record.camera_id if isinstance(entry, Accepted) and entry.record is not None else None


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
