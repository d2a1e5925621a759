"""A registry file as a source of cameras, row by row, with a cursor."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from connectors.kit.cameras.belonging import FOREIGN_FILE, Belonging
from connectors.kit.cameras.changes import Changes, Standing, changes_of
from connectors.kit.cameras.files import Progress, find_file
from connectors.kit.cameras.making import RegistryLoad
from connectors.kit.cameras.report import RegistryReport
from connectors.kit.cameras.telling import goodbyes, in_row_order, is_news, row_of, standing_cameras
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, ConnectorError, SourceUnavailableError
from connectors.kit.reading.registry_difference import SUSPICIOUS_SHRINK
from connectors.kit.source import Entry, Refused
from schemas.topics import CAMERAS

Load = Callable[[Path, int, Progress], RegistryLoad]


class FileOptions(Protocol):
    """The options that every registry file has; see ``connectors/cctv_registry/config.py``."""

    @property
    def path(self) -> str:
        """Return the file."""

    @property
    def every_s(self) -> float:
        """Return how often it is looked for a newer file, seconds; 0 reads it once and ends."""

    @property
    def owners(self) -> tuple[str, ...]:
        """Return whose cameras the file lists completely; empty: those whom it names."""

    @property
    def shrink_max_pct(self) -> float:
        """Return how much of what stands a file may take back, percent."""

    @property
    def accept(self) -> str:
        """Return the fingerprint of a file that may take back more."""


class RegistryFileSource:
    """Gives the cameras of one registry file, and goes on with newer ones where it is told how often to look.

    Where there is a broker, a file is held against the cameras that stand: what is as it was is not told again, what is
    no longer listed is taken back by a tombstone, and a file that takes back too much is refused as a whole. So is one
    that is rather another's, also where nothing stands yet.

    The cursor is ``<row number>@<fingerprint of the file>``: a file with another content is read from its first row.
    Of the cameras of one row only the last carries the cursor, so that a resume never loses half a row.

    Args:
        options: which file, how often, and what it may take back.
        context: the surroundings.
        load: reads the file: path, now in UTC microseconds, progress.
        belonging: whose the file is said to be; None doubts nothing.

    Attributes:
        total_rows: rows to account for, as soon as the file is read; None before.
        rows_done: the number of rows given so far, for a progress bar.
        report: the account of every row, as soon as the file is read; None before.
        changes: what the newest file changed; None before, and where nothing tells what stands.
        findings: how many cameras were added, moved, changed, unchanged and gone; files by what was wrong.
    """

    def __init__(
        self, options: FileOptions, context: ConnectorContext, load: Load, belonging: Belonging | None = None
    ) -> None:
        if not options.path:
            raise ConnectorConfigError("path must name the registry file, got none")
        self._options = options
        self._read = load
        self._belonging = belonging
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
            ConnectorConfigError: there is no such file.
            SourceUnavailableError: the file cannot be read now, or is not there yet; or the broker does not answer.
        """
        seen: tuple[int, ...] | None = None
        while True:
            stamp = await asyncio.to_thread(self._stamp)
            if stamp != seen:
                async with aclosing(self._entries_of_file(cursor)) as entries:
                    async for entry in entries:
                        yield entry
                # A file that was written to meanwhile has another stamp and is read again.
                seen, cursor = stamp, None
            if not self._options.every_s:
                return
            await asyncio.sleep(self._options.every_s)

    async def _entries_of_file(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        try:
            loaded = await self._load()
        except ConnectorConfigError as error:
            yield self._refused("unusable-file", str(error), {})
            return
        self.report = loaded.report
        self.total_rows = loaded.report.rows
        self.rows_done = 0
        standing = await self._standing(loaded)
        foreign = await self._foreign(loaded, standing)
        if foreign is not None:
            yield self._refused(FOREIGN_FILE, foreign, {"cameras": len(loaded.cameras)})
            return
        changes = self.changes = await self._compared(loaded, standing)
        message = None if changes is None else self._doubt(changes, loaded.fingerprint)
        if changes is not None and message is not None:
            yield self._refused(SUSPICIOUS_SHRINK, message, {"gone": len(changes.gone), "standing": changes.standing})
            return
        done_row = row_of(cursor, loaded.fingerprint) if changes is None else 0
        last_row = 0
        for row, entry in in_row_order(loaded):
            if row != last_row:
                self.rows_done += 1
                last_row = row
            if row > done_row and is_news(entry, changes):
                yield entry
        if changes is not None:
            self.findings += changes.counts
        for entry in goodbyes(changes):
            yield entry

    async def _standing(self, loaded: RegistryLoad) -> dict[str, Standing] | None:
        """Return the cameras that stand; None where nothing tells what does."""
        return None if self._pictures is None else await standing_cameras(self._pictures, loaded.source)

    async def _foreign(self, loaded: RegistryLoad, standing: dict[str, Standing] | None) -> str | None:
        """Return why the file is refused as another's; None where it may be taken."""
        if self._belonging is None or self._options.accept == loaded.fingerprint:
            return None
        words = await asyncio.to_thread(self._belonging.doubt, loaded.cameras, standing)
        if words is None:
            return None
        return f"{loaded.report.file}: {words}; if that is true, set accept to {loaded.fingerprint}"

    async def _compared(self, loaded: RegistryLoad, standing: dict[str, Standing] | None) -> Changes | None:
        """Return what the file changes of what stands; None where nothing tells what does."""
        if standing is None:
            return None
        belonging = self._belonging
        scope = self._options.owners if belonging is None else belonging.scope(loaded.cameras)
        return await asyncio.to_thread(changes_of, loaded.cameras, standing, scope)

    def _doubt(self, changes: Changes, fingerprint: str) -> str | None:
        options = self._options
        return changes.shrink_message(options.shrink_max_pct, fingerprint=fingerprint, accept=options.accept)

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
            path = find_file(Path(self._options.path))
            facts = path.stat()
        except (ConnectorConfigError, OSError) as error:
            if self._options.every_s:
                raise SourceUnavailableError(f"{Path(self._options.path).name} is not there yet") from error
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
            return await asyncio.to_thread(self._read, Path(self._options.path), self._clock.now_us(), stop_when_asked)
        finally:
            stop.set()
