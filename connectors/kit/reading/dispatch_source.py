"""What the connectors for dispatch systems (112, 119) share: their records from dropped files or pushed over HTTP.

Both ways lead through one reading of a row, so a call that comes in twice, once each way, is one call.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Protocol, cast

from connectors.kit.arrival import Arrival
from connectors.kit.case_book import Remembers
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, EntryRefusedError
from connectors.kit.option_values import choice_option
from connectors.kit.payloads import HTTP_PUSH, PayloadSource, Transport, refusal
from connectors.kit.reading.dispatch_rows import Parsed
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.source import Accepted, Entry
from connectors.kit.transports.dropped_file import Row, RowProblem, kept_payload
from connectors.kit.transports.file_drop import DROP_OPTIONS, FileDrop, FileDropConfig
from connectors.kit.transports.http_push import PUSH_OPTIONS, PushConfig
from schemas.topics import INCIDENTS

FILE = "file"
DISPATCH_OPTIONS = DROP_OPTIONS | PUSH_OPTIONS | {"transport"}
# How a row comes in: from the files of a drop, or in the body of a request.
Way = FileDropConfig | PushConfig


def way_from(options: Mapping[str, Any], name: str) -> Way:
    """Return the way that the options choose: ``file``, which is the default, or ``http-push``.

    Args:
        options: the connector's options.
        name: the connector's name; pushes come to ``/in/<name>`` unless an option says otherwise.

    Raises:
        ConnectorConfigError: an option is missing or wrong, or belongs to the other way.
    """
    is_pushed = choice_option(options, "transport", FILE, (FILE, HTTP_PUSH)) == HTTP_PUSH
    others = sorted((DROP_OPTIONS if is_pushed else PUSH_OPTIONS) & {n for n, value in options.items() if value})
    if others:
        raise ConnectorConfigError(f"option {others[0]} belongs to transport {FILE if is_pushed else HTTP_PUSH}")
    return (
        PushConfig.from_options(options, url_path=f"/in/{name}") if is_pushed else FileDropConfig.from_options(options)
    )


class ReadsRow(Protocol):
    """A connector's reading of one row."""

    def __call__(self, cells: Mapping[str, Any], now_us: int, /) -> Parsed | None:
        """Return the incident of the row, None where it tells nothing new; ``EntryRefusedError`` where it is none."""


class DispatchSource(PayloadSource):
    """The rows of a file drop, or of JSON bodies that are pushed, as entries for the topic ``incidents``.

    Args:
        way: where rows come from.
        context: the surroundings.
        read_row: the connector's reading of one row.
        kept_columns: regular expression by column, of what a refused row may keep.
        required_columns: columns (upper case) without which a CSV file is refused as a whole.
        memory: what ``read_row`` remembers of the rows before; None where it remembers none. With pushes the kit keeps
            it over a restart; with files it begins anew, and what was read before of the file in which reading stopped
            is read again, for the memory only.

    Attributes:
        findings: how often what was noticed in accepted rows, by kebab-case word, e.g. ``default-point``.
    """

    def __init__(
        self,
        way: Way,
        context: ConnectorContext,
        read_row: ReadsRow,
        kept_columns: Mapping[str, str],
        required_columns: tuple[str, ...],
        *,
        memory: Remembers | None = None,
    ) -> None:
        # With files there is no link to be made, so the base class never looks at their configuration.
        super().__init__(cast(Transport, way), context, topic=INCIDENTS, memory=memory)
        self._files = way if isinstance(way, FileDropConfig) else None
        self._drop = None if self._files is None else FileDrop(self._files, required_columns)
        self._required_columns = required_columns
        self._rows_before = memory
        self._read_row = read_row
        self._kept_columns = kept_columns

    @property
    def is_connected(self) -> bool:
        """Return whether rows can come: a folder always can."""
        return self._drop is not None or super().is_connected

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries after ``cursor``: of the files in their order, or of the bodies as they come."""
        if self._rows_before is not None and self._files is not None:
            self._rows_before.recall({}, is_kept=False)
            await self._remember(self._files, cursor)
        stream = super().entries(cursor) if self._drop is None else self._of_files(self._drop, cursor)
        async with aclosing(stream) as entries:
            async for entry in entries:
                yield entry

    def read(self, payload: bytes, arrival: Arrival) -> Sequence[Entry]:
        """Return one entry per row of a JSON body: an object, an array or a line each."""
        rows = [_row(item, number) for number, item in enumerate(json_items(payload), start=1)]
        entries = [self.entry_of(row, arrival.now_us) for row in rows]
        return [entry for entry in entries if entry is not None]

    def entry_of(self, row: Row, now_us: int) -> Entry | None:
        """Return the entry that a row makes; None where it tells nothing new.

        Args:
            row: the row.
            now_us: when it was read, UTC microseconds since the epoch.
        """
        try:
            if row.problem is not None:
                raise EntryRefusedError(row.problem.reason, None, row.problem.message)
            parsed = self._read_row(row.cells, now_us)
        except EntryRefusedError as error:
            kept = kept_payload(row.cells, self._kept_columns, row)
            return replace(refusal(INCIDENTS, error, kept, row.number), cursor=row.cursor)
        if parsed is None:
            self.note("passed-over")
            return None
        self.findings.update(parsed.findings)
        if row.broken_bytes:
            self.note("broken-bytes")
        return Accepted(INCIDENTS, parsed.incident, cursor=row.cursor)

    async def _remember(self, files: FileDropConfig, cursor: str | None) -> None:
        """Read what was read before of the file in which reading stopped: what it tells of may still go on."""
        rows, _, name = (cursor or "").partition(":")
        path = files.path / name if files.path.is_dir() else files.path
        if not name or not path.is_file():
            return
        before = FileDrop(replace(files, path=path, once=True, follow=False), self._required_columns)
        async with aclosing(before.rows(None)) as read:
            async for row in read:
                if rows.isdigit() and row.number > int(rows):
                    return
                with suppress(EntryRefusedError):
                    self._read_row(row.cells, self.context.clock.now_us())

    async def _of_files(self, drop: FileDrop, cursor: str | None) -> AsyncGenerator[Entry, None]:
        async with aclosing(drop.rows(cursor)) as rows:
            async for row in rows:
                entry = self.entry_of(row, self.context.clock.now_us())
                if entry is not None:
                    yield entry


def _row(item: Any, number: int) -> Row:
    """Return an item of a body in the form of a row of a file."""
    if isinstance(item, dict):
        return Row("", number, {str(name).strip().upper(): cell for name, cell in item.items()})
    problem = RowProblem("broken-json", f"expected an object, got {type(item).__name__}")
    return Row("", number, problem=problem)
