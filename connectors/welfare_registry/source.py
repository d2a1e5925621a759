"""The welfare registry as a source: rows of dropped files, pushes or polls to records and removals."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast
from zoneinfo import ZoneInfo

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import EntryRefusedError
from connectors.kit.option_values import choice_option, number_option, refuse_unknown, text_option
from connectors.kit.payloads import (
    HTTP_POLL,
    HTTP_PUSH,
    Arrival,
    PayloadSource,
    Transport,
    refusal,
    transport_from,
    transport_options,
)
from connectors.kit.reading.json_bodies import json_items, require_object
from connectors.kit.reading.places import PlaceRules
from connectors.kit.source import Accepted, Entry, removed
from connectors.kit.transports.dropped_file import Row, kept_payload
from connectors.kit.transports.file_drop import DROP_OPTIONS, FileDrop, FileDropConfig
from connectors.welfare_registry.parse import KEPT, Rules, parse_item
from schemas.topics import PROTECTED_SUBJECTS

FILE = "file"
TRANSPORTS = (HTTP_PUSH, HTTP_POLL)
_OWN = frozenset({"items_path", "id_scheme", "future_tolerance_s"})
# What a refused row may keep, where it looks like what it should be.
_KEPT_CELLS = {"STATE": r"[A-Za-z]{1,20}", "QUIET_FROM": r"[\d:]{1,8}", "QUIET_UNTIL": r"[\d:]{1,8}"}


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    way: FileDropConfig | Transport
    items_path: str = ""
    id_scheme: str = "person"
    future_tolerance_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | DROP_OPTIONS | _OWN)
        is_file = choice_option(options, "transport", FILE, (FILE, *TRANSPORTS)) == FILE
        return cls(
            way=FileDropConfig.from_options(options)
            if is_file
            else transport_from(options, TRANSPORTS, name="welfare_registry"),
            items_path=text_option(options, "items_path", ""),
            id_scheme=text_option(options, "id_scheme", "person"),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
        )


class WelfareRegistrySource(PayloadSource):
    """Registrations, each a record per pseudonym of the person, or removals."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        # With files there is no link to be made, so the base class never looks at their configuration.
        super().__init__(cast(Transport, config.way), context, topic=PROTECTED_SUBJECTS)
        self._drop = FileDrop(config.way, ()) if isinstance(config.way, FileDropConfig) else None
        self._items_path = config.items_path
        self._rules = Rules(
            places=PlaceRules(accuracy_m=0.0, city_box=context.city_box),
            id_scheme=config.id_scheme,
            zone=ZoneInfo(context.time_zone),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            pseudonyms=context.pseudonyms,
        )

    @property
    def is_connected(self) -> bool:
        """Return whether registrations can come: a folder always can."""
        return self._drop is not None or super().is_connected

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries after ``cursor``: of the files in their order, or of the payloads as they come."""
        stream = super().entries(cursor) if self._drop is None else self._of_files(self._drop, cursor)
        async with aclosing(stream) as entries:
            async for entry in entries:
                yield entry

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the entries of each registration: a JSON object, an array, or a line each."""

        def mapped(item: Any) -> Sequence[Entry]:
            return self._entries_of(require_object(item), arrival.now_us)

        return self.each(json_items(payload, self._items_path), mapped, kept=KEPT)

    def _entries_of(self, item: Mapping[str, Any], now_us: int) -> list[Entry]:
        registration = parse_item(item, now_us, self._rules, self.note)
        gone: list[Entry] = [removed(PROTECTED_SUBJECTS, ref) for ref in registration.removed]
        return gone + [Accepted(PROTECTED_SUBJECTS, subject) for subject in registration.subjects]

    async def _of_files(self, drop: FileDrop, cursor: str | None) -> AsyncGenerator[Entry, None]:
        async with aclosing(drop.rows(cursor)) as rows:
            async for row in rows:
                entries = self._of_row(row)
                # The cursor is on the last entry of a row, so that a resume never loses half of a registration.
                for entry in (*entries[:-1], *(replace(entry, cursor=row.cursor) for entry in entries[-1:])):
                    yield entry

    def _of_row(self, row: Row) -> list[Entry]:
        try:
            if row.problem is not None:
                raise EntryRefusedError(row.problem.reason, None, row.problem.message)
            cells = {name.lower(): cell for name, cell in row.cells.items()}
            return self._entries_of(cells, self.context.clock.now_us())
        except EntryRefusedError as error:
            return [refusal(PROTECTED_SUBJECTS, error, kept_payload(row.cells, _KEPT_CELLS, row), row.number)]
