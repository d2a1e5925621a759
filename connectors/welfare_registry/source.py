"""The welfare registry as a source: rows of dropped files, pushes or polls to records and removals."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeGuard, cast
from zoneinfo import ZoneInfo

from connectors.kit.arrival import with_cursor
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import EntryRefusedError
from connectors.kit.payloads import Arrival, PayloadSource, Transport, refusal
from connectors.kit.reading.json_bodies import json_items, require_object
from connectors.kit.reading.places import PlaceRules
from connectors.kit.reading.registry_difference import SUSPICIOUS_SHRINK
from connectors.kit.reading.standing import standing_on
from connectors.kit.source import Accepted, Entry, Refused, removed
from connectors.kit.transports.dropped_file import Row, kept_payload
from connectors.kit.transports.file_drop import FileDrop, FileDropConfig
from connectors.welfare_registry.config import Config
from connectors.welfare_registry.list_files import cursor_of, newest_list
from connectors.welfare_registry.parse import KEPT, Registration, Rules, parse_item, refs_of
from connectors.welfare_registry.whole_list import ENTRIES_MAX, ShrinkRule, Standing, WholeList, entries_of_list
from schemas.topics import PROTECTED_SUBJECTS

__all__ = ["Config", "WelfareRegistrySource"]

# What a refused row may keep, where it looks like what it should be.
_KEPT_CELLS = {"STATE": r"[A-Za-z]{1,20}", "QUIET_FROM": r"[\d:]{1,8}", "QUIET_UNTIL": r"[\d:]{1,8}"}


@dataclass(frozen=True, slots=True)
class _Listed(Accepted):
    """A polled answer that is a whole list, on its way to be held against who stands; it never leaves this module."""

    listing: WholeList | None = None


class WelfareRegistrySource(PayloadSource):
    """Registrations, each a record per pseudonym of the person, or removals.

    A whole list is held against who stands on the topic, where there is a broker: who is as they were is not told
    again, and who is left out is ended. What stood lies on the topic alone, so a restart in the middle of a list finds
    what is left to tell. A trial shows what a list says, not what it changes.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        # With files there is no link to be made, so the base class never looks at their configuration.
        super().__init__(cast(Transport, config.way), context, topic=PROTECTED_SUBJECTS)
        self._drop = config.way if isinstance(config.way, FileDropConfig) else None
        self._items_path = config.items_path
        self._rules = Rules(
            places=PlaceRules(accuracy_m=0.0, city_box=context.city_box),
            id_scheme=config.id_scheme,
            zone=ZoneInfo(context.time_zone),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            pseudonyms=context.pseudonyms,
            list_name=config.list_name,
        )
        self._shrink = ShrinkRule(id_prefix=self._rules.id_prefix, most_pct=config.shrink_max_pct, accept=config.accept)
        self._pictures = context.pictures if config.list_name and not context.is_trial else None
        # The position before the newest list, and that after it, which must stand before the next is compared.
        self._before = ""
        self._awaited = ""
        self._stands = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Return whether registrations can come: a folder always can."""
        return self._drop is not None or super().is_connected

    def acknowledged(self, cursor: str) -> None:
        """Take note that every entry up to ``cursor`` stands in Kafka."""
        super().acknowledged(cursor)
        if cursor == self._awaited:
            self._stands.set()

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries after ``cursor``: of the files in their order, or of the payloads as they come."""
        self._before, self._awaited = cursor or "", ""
        if self._drop is None:
            stream = super().entries(cursor)
        else:
            stream = self._of_files(self._drop, cursor) if self._pictures is None else self._of_lists(self._drop)
        async with aclosing(stream) as entries:
            async for entry in entries:
                if isinstance(entry, _Listed) and entry.listing is not None:
                    for changed in await self._changes(entry.listing, entry.cursor or ""):
                        yield changed
                else:
                    yield entry

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the entries of each registration: a JSON object, an array, or a line each."""
        items = json_items(payload, self._items_path)
        if self._pictures is not None:
            return [self._listed(items, arrival.now_us)]
        registered: set[bytes] = set()
        ended: set[bytes] = set()

        def mapped(item: Any) -> Sequence[Entry]:
            registration = parse_item(require_object(item), arrival.now_us, self._rules, self.note)
            refs = [subject.case_id for subject in registration.subjects]
            registered.update(ref.encode() for ref in refs)
            ended.update(ref.encode() for ref in registration.removed if not refs)
            return _entries_of(registration)

        entries = self.each(items, mapped, kept=KEPT)
        # A tracker may go from one person to another in one body, where the one who hands it back comes last.
        passed_on = registered - ended
        return [entry for entry in entries if not (_is_removal(entry) and entry.key in passed_on)]

    def _listed(self, items: Iterable[Any], now_us: int) -> Entry:
        """Return a polled answer as the list that it is."""
        listing = WholeList()

        def taken(item: Any) -> None:
            self._take(listing, item, now_us)

        listing.refusals += self.each(items, taken, kept=KEPT)
        return _Listed(PROTECTED_SUBJECTS, None, listing=listing)

    def _take(self, listing: WholeList, item: Any, now_us: int) -> None:
        """Put an item into a list.

        Raises:
            EntryRefusedError: it breaks a rule; the list knows of it.
        """
        refs = None
        try:
            fields = require_object(item)
            refs = refs_of(fields, self._rules)
            listing.take(parse_item(fields, now_us, self._rules, self.note))
        except EntryRefusedError:
            listing.refuse(refs)
            raise

    async def _of_files(self, config: FileDropConfig, cursor: str | None) -> AsyncGenerator[Entry, None]:
        async with aclosing(FileDrop(config, ()).rows(cursor)) as rows:
            async for row in rows:
                entries = self._of_row(row)
                # The cursor is on the last entry of a row, so that a resume never loses half of a registration.
                for entry in (*entries[:-1], *(replace(entry, cursor=row.cursor) for entry in entries[-1:])):
                    yield entry

    async def _of_lists(self, config: FileDropConfig) -> AsyncGenerator[Entry, None]:
        """Yield what the newest file of a drop changes, and go on with newer ones; a single file is read once."""
        done = self._before
        stamp: tuple[int, int, int] | None = None
        while True:
            file = await asyncio.to_thread(newest_list, config.path)
            if file is not None and file.stamp != stamp:
                after = await asyncio.to_thread(cursor_of, file)
                listing = None if after == done else await self._read_list(replace(config, path=file.path, once=True))
                if not file.is_as_it_was:
                    self.note("file-is-being-written")
                    await asyncio.sleep(config.poll_interval_s)
                    continue
                stamp = file.stamp
                if listing is not None:
                    for entry in await self._changes(listing, after):
                        yield entry
                    done = after
            if config.once or (file is not None and file.path == config.path):
                return
            await asyncio.sleep(config.poll_interval_s)

    async def _read_list(self, config: FileDropConfig) -> WholeList:
        listing = WholeList()
        async with aclosing(FileDrop(config, ()).rows(None)) as rows:
            async for row in rows:
                try:
                    if row.problem is not None:
                        listing.refuse(None)
                        raise EntryRefusedError(row.problem.reason, None, row.problem.message)
                    self._take(listing, _cells(row), self.context.clock.now_us())
                except EntryRefusedError as error:
                    listing.refusals.append(_refusal(row, error))
                if listing.is_full:
                    break
        return listing

    async def _changes(self, listing: WholeList, after: str) -> list[Entry]:
        """Return what a list changes; the position after it is on the last entry only.

        A list that is refused as a whole does not move the position: once ``accept`` names it, it is read again.

        Raises:
            SourceUnavailableError: the broker does not say who stands.
        """
        if listing.is_full:
            self.note("too-many")
            message = f"a list has at most {ENTRIES_MAX} entries; nobody is ended and nothing of it is taken"
            return with_cursor([Refused(PROTECTED_SUBJECTS, "too-many", None, message, b"{}", 0)], after, self._before)
        if self._awaited:
            await self._stands.wait()  # what the list before changed must stand before it can be compared with
        standing: Mapping[str, Standing] = {}
        if self._pictures is not None:
            standing = await standing_on(self._pictures, PROTECTED_SUBJECTS, Standing.of)
        now_us = self.context.clock.now_us()
        entries = await asyncio.to_thread(entries_of_list, listing, standing, self._shrink, now_us, self.findings)
        if any(isinstance(entry, Refused) and entry.reason == SUSPICIOUS_SHRINK for entry in entries[-1:]):
            return with_cursor(entries, self._before, self._before)
        entries = with_cursor(entries, after, self._before)
        if entries:
            self._before = self._awaited = after
            self._stands.clear()
        return entries

    def _of_row(self, row: Row) -> list[Entry]:
        try:
            if row.problem is not None:
                raise EntryRefusedError(row.problem.reason, None, row.problem.message)
            now_us = self.context.clock.now_us()
            return _entries_of(parse_item(_cells(row), now_us, self._rules, self.note))
        except EntryRefusedError as error:
            return [_refusal(row, error)]


def _entries_of(registration: Registration) -> list[Entry]:
    gone: list[Entry] = [removed(PROTECTED_SUBJECTS, ref) for ref in registration.removed]
    return gone + [Accepted(PROTECTED_SUBJECTS, subject) for subject in registration.subjects]


def _is_removal(entry: Entry) -> TypeGuard[Accepted]:
    return isinstance(entry, Accepted) and entry.record is None


def _cells(row: Row) -> dict[str, Any]:
    return {name.lower(): cell for name, cell in row.cells.items()}


def _refusal(row: Row, error: EntryRefusedError) -> Refused:
    return refusal(PROTECTED_SUBJECTS, error, kept_payload(row.cells, _KEPT_CELLS, row), row.number)
