"""CAP as a source: documents to incidents, links followed, ends kept in mind."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from connectors.cap_alerts.cases import Cases
from connectors.cap_alerts.documents import Link, alerts_of, is_list, links_of, root_of
from connectors.cap_alerts.parse import Rules, parse_alert
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, EntryRefusedError
from connectors.kit.option_values import names_option, number_option, refuse_unknown, text_option
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.districts import SHARED_KOREAN, DistrictNames
from connectors.kit.source import Accepted, Entry
from connectors.kit.transports.http_poll import PAGES_MAX, PollConfig
from schemas.topics import INCIDENTS

TRANSPORTS = ("http-poll", "http-push", "file-drop")
_OWN = frozenset({"language", "senders", "city_names", "districts", "geocodes", "age_max_s", "future_tolerance_s"})
# A link that gives nothing is asked so often; one broken entry must not stop a list.
TRIES_MAX = 3
LINKS_KNOWN_MAX = 10_000
# How long at most is waited before the clock is looked at again, seconds.
LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    language: str = "ko"
    senders: tuple[str, ...] = ()
    city_names: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()
    age_max_s: float = 86_400.0
    future_tolerance_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | _OWN)
        codes = [tuple(word.strip() for word in pair.split("=")) for pair in names_option(options, "geocodes")]
        if any(len(pair) != 2 or not all(pair) for pair in codes):
            raise ConnectorConfigError("option geocodes must be words such as 11110=종로구")
        return cls(
            transport=transport_from(options, TRANSPORTS, name="cap_alerts"),
            language=text_option(options, "language", "ko"),
            senders=names_option(options, "senders"),
            city_names=names_option(options, "city_names"),
            districts=names_option(options, "districts"),
            geocodes=tuple((code, region) for code, region in codes),
            age_max_s=number_option(options, "age_max_s", 86_400.0, least=60, most=2_592_000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
        )


class CapAlertsSource(PayloadSource):
    """CAP messages, each an incident per part of its area."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self._cases = Cases()
        super().__init__(config.transport, context, topic=INCIDENTS, memory=self._cases)
        districts = config.districts or context.districts
        self._rules = Rules(
            zone=ZoneInfo(context.time_zone),
            language=config.language,
            senders=frozenset(config.senders),
            districts=DistrictNames(districts, config.city_names, SHARED_KOREAN),
            geocodes=dict(config.geocodes),
            box=context.city_box,
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            age_max_us=int(config.age_max_s * 1_000_000),
        )
        self._follows = isinstance(config.transport, PollConfig)
        # Links that wait, those that were read, and how often others were asked for.
        self._waiting: list[Link] = []
        self._read: dict[Link, None] = {}
        self._tries: dict[Link, int] = {}
        self._asked = Link("", "")

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of all documents after ``cursor``, and the end of each alert when its time has come.

        Raises:
            SourceUnavailableError: the other system does not answer.
            ConnectorConfigError: a secret is not there, or two connectors want one address.
        """
        self._waiting, self._read = [], {}  # what was on its way and got lost must come again
        async with aclosing(super().entries(cursor)) as found:
            coming: asyncio.Task[Entry | None] | None = None
            try:
                while True:
                    coming = coming or asyncio.create_task(_next_of(found))
                    await asyncio.wait({coming}, timeout=self._pause_s())
                    if coming.done():
                        done, coming = coming, None
                        entry = done.result()
                        if entry is None:
                            return
                        yield entry
                        continue
                    ended = self._cases.ended(self.context.clock.now_us())
                    for incident in ended:
                        yield Accepted(INCIDENTS, incident)
                    for kept in self.newly_remembered() if ended else ():
                        yield kept
            finally:
                if coming is not None:
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the entries of a document: one alert, several, or a list."""
        root = root_of(payload)
        alerts = alerts_of(root)
        if not alerts and not is_list(root):
            raise EntryRefusedError("no-alert", None, "no alert and no list of links is in the document")
        if not self._follows and links_of(root):
            self.note("links-not-followed")

        def mapped(alert: Element) -> list[Entry] | None:
            told = parse_alert(alert, arrival.now_us, self._rules, self.note)
            if told is None:
                return None
            return [Accepted(INCIDENTS, one) for one in self._cases.incidents_of(told, arrival.now_us)]

        return self.each(alerts, mapped)

    def next_url(self, payload: bytes, arrival: Arrival) -> str | None:
        """Return the next link of a list that was not read yet; only links to the list's own server are followed."""
        try:
            root = root_of(payload)
            links = links_of(root) if is_list(root) else None
        except EntryRefusedError:
            links = None
        if links is None:
            self._tries.pop(self._asked, None)  # the link gave something
        else:
            self._waiting = [link for link in links if self._is_wanted(link, arrival.origin)]
            if len(self._waiting) >= PAGES_MAX:
                self.note("links-left-for-later")
                del self._waiting[PAGES_MAX - 1 :]
        if not self._waiting:
            return None
        link = self._waiting.pop(0)
        self._read[link] = None
        self._tries[link] = self._tries.get(link, 0) + 1
        for table in (self._read, self._tries):
            while len(table) > LINKS_KNOWN_MAX:
                del table[next(iter(table))]
        self._asked = link
        return link.target

    def _is_wanted(self, link: Link, origin: str) -> bool:
        if link in self._read:
            return False
        if self._tries.get(link, 0) >= TRIES_MAX:
            self.note("link-gives-nothing")
            return False
        if urlsplit(urljoin(origin, link.target))[:2] != urlsplit(origin)[:2]:
            self.note("link-elsewhere")
            return False
        return True

    def _pause_s(self) -> float:
        """Return how long to wait for an entry before the clock is looked at again, seconds."""
        next_us = self._cases.next_end_us()
        left_s = LOOK_S if next_us is None else (next_us - self.context.clock.now_us()) / 1_000_000
        return min(max(left_s, 0.05), LOOK_S)


async def _next_of(entries: AsyncGenerator[Entry, None]) -> Entry | None:
    """Return the next entry; None after the last."""
    return await anext(entries, None)
