"""Observations of a SensorThings server, polled page by page or as MQTT messages."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.case_book import KEPT_US, MAIN, CaseBook
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import EntryRefusedError
from connectors.kit.option_values import number_option, refuse_unknown, text_option
from connectors.kit.payloads import Arrival, Transport, transport_from, transport_options
from connectors.kit.reading.json_bodies import ITEMS_MAX
from connectors.kit.sensors.source import SensorSource
from connectors.kit.sensors.table import SensorTable, table_from
from connectors.kit.source import Accepted, Entry
from connectors.sensor_things.parse import KEPT, Rules, page_of, reading_of, time_of

NAME = "sensor_things"
TRANSPORTS = ("http-poll", "mqtt")
TOPIC_FILTERS = ("v1.1/Observations",)
DEFAULT_TABLE = Path(__file__).with_name("sensors.toml")
US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    table: SensorTable
    max_age_us: int
    tolerance_us: int

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that options describe.

        Raises:
            ConnectorConfigError: an option is missing, unknown or wrong; the message names it.
        """
        own = frozenset({"table", "max_age_s", "clock_tolerance_s"})
        refuse_unknown(options, transport_options(*TRANSPORTS) | own)
        path = text_option(options, "table", "")
        return cls(
            transport_from(options, TRANSPORTS, name=NAME, topic_filters=TOPIC_FILTERS),
            table_from(Path(path).expanduser() if path else DEFAULT_TABLE),
            int(number_option(options, "max_age_s", 86_400, least=1, most=2_592_000) * US_PER_S),
            int(number_option(options, "clock_tolerance_s", 300, least=0, most=86_400) * US_PER_S),
        )


class SensorThingsSource(SensorSource):
    """Observations, in the order of their times over all pages of a look."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        # Newest observation by datastream, so that a page that shows old ones again begins no alarm again.
        self._newest_us: CaseBook[int] = CaseBook(
            ITEMS_MAX, write=lambda time_us: {MAIN: time_us}, read=lambda parts: int(parts[MAIN])
        )
        self._newest_us.kept_us = max(KEPT_US, config.max_age_us)
        super().__init__(config.transport, context, name=NAME, table=config.table, newest=self._newest_us)
        self._rules = Rules(table=config.table, zone=ZoneInfo(context.time_zone), tolerance_us=config.tolerance_us)
        self._max_age_us = config.max_age_us
        # Observations of the pages of this look, until the last page has come.
        self._held: list[Any] = []
        self._more = False

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of all looks after ``cursor``, for ever; a look that broke off begins anew.

        Raises:
            SourceUnavailableError: the other system or the broker does not answer.
            ConnectorConfigError: a secret is not there.
        """
        self._held, self._more = [], False
        async with aclosing(super().entries(cursor)) as entries:
            async for entry in entries:
                yield entry

    def next_url(self, payload: bytes, arrival: Arrival) -> str | None:
        """Return the next page, unless this one reaches back to what is known, or to what is too old."""
        self._more = False
        try:
            items, link = page_of(payload)
        except EntryRefusedError:
            return None
        times = [time_us for item in items if (time_us := time_of(item, self._rules.zone)) is not None]
        if link is None or not times:
            return None
        known_us = max(self._newest_us, default=0)
        floor_us = max(arrival.now_us - self._max_age_us, known_us)
        if times[0] > times[-1] and times[-1] < floor_us:
            return None  # newest first, and the rest is older
        if len(self._held) + len(items) > ITEMS_MAX:
            self.note("too-many-pages")
            return None
        self._more = True
        return link

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the incidents of all pages, once the last has come; of a message at once."""
        try:
            items, _ = page_of(payload)
        except EntryRefusedError:
            self._held = []
            raise
        if self._more:
            self._held += items
            return []
        items, self._held = self._held + items, []
        zone, now_us = self._rules.zone, arrival.now_us
        items.sort(key=lambda item: time_of(item, zone) or now_us)
        entries = self.each(items, lambda item: self._one(item, arrival), kept=KEPT)
        self._forget_old(now_us)
        return entries

    def _one(self, item: Any, arrival: Arrival) -> Accepted | None:
        reading = reading_of(item, arrival.origin, arrival.now_us, self._rules, self.note)
        if reading is None:
            return None
        if reading.at_us < arrival.now_us - self._max_age_us:
            self.note("too-old")
            return None
        if reading.at_us <= (self._newest_us.get(reading.sensor_id) or 0):
            self.note("known")
            return None
        entry = self.alarms.take(reading, arrival.now_us)
        self._newest_us.put(reading.sensor_id, reading.at_us)
        return entry

    def _forget_old(self, now_us: int) -> None:
        """Forget the newest times of what is too old anyway."""
        for name, time_us in self._newest_us.items():
            if time_us < now_us - self._max_age_us:
                self._newest_us.forget(name)
