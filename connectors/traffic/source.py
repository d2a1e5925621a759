"""Traffic feeds as a source: polled or pushed documents to incidents and closed roads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.arrival import Arrival
from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import number_option, refuse_unknown, text_option
from connectors.kit.payloads import PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.places import PlaceRules
from connectors.kit.source import Accepted, Entry
from connectors.kit.transports.http_poll import PollConfig
from connectors.traffic.documents import document_of
from connectors.traffic.known import UNKNOWN, known_events
from connectors.traffic.parse import KEPT_FIELDS, RoadEvent, parse_item
from connectors.traffic.records import Rules, records_of
from connectors.traffic.roads import links_from
from schemas.topics import CONDITIONS, INCIDENTS

TRANSPORTS = ("http-poll", "http-push", "file-drop")
_OPTIONS = transport_options(*TRANSPORTS) | {
    "accuracy_m", "future_tolerance_s", "news_h", "road_width_m", "links_file",
}  # fmt: skip
# An end is told again for so long: if Kafka did not take it the first time, it comes with the next document.
ENDS_TOLD_US = 600_000_000


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    accuracy_m: float = 50.0
    future_tolerance_s: float = 300.0
    news_h: float = 24.0
    road_width_m: float = 20.0
    links_file: str = ""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, _OPTIONS)
        return cls(
            transport=transport_from(options, TRANSPORTS, name="traffic"),
            accuracy_m=number_option(options, "accuracy_m", 50.0, least=1, most=5000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            news_h=number_option(options, "news_h", 24.0, least=0.1, most=8784),
            road_width_m=number_option(options, "road_width_m", 20.0, least=2, most=200),
            links_file=text_option(options, "links_file", ""),
        )


class TrafficSource(PayloadSource):
    """Accidents, breakdowns and closed roads.

    A polled document shows what is there now, so what was there and is no more has ended, also where it vanished while
    nobody looked. A push tells of single events and says itself when they end.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self._known = known_events()
        super().__init__(config.transport, context, topic=INCIDENTS, memory=self._known)
        links = links_from(Path(config.links_file).expanduser()) if config.links_file else {}
        self._zone = ZoneInfo(context.time_zone)
        self._places = PlaceRules(
            accuracy_m=config.accuracy_m, default_points=context.default_points, city_box=context.city_box
        )
        self._rules = Rules(
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            news_us=int(config.news_h * 3_600_000_000),
            road_width_m=config.road_width_m,
            road_of=lambda link_id: links.get(link_id, ()),
        )
        self._is_polled = isinstance(config.transport, PollConfig)

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the entries of a document or of single items, and of what ended since the document before."""
        document = document_of(payload)
        shown: dict[str, RoadEvent] = {}

        def of_item(item: Any) -> list[Entry] | None:
            event, findings = parse_item(item, arrival.now_us, self._zone, self._places)
            self.findings.update(findings)
            records = records_of(event, arrival.now_us, self._rules, self.note)
            before = (self._known.get(event.number) or UNKNOWN).closure
            if event.closes_road and before is not None and not any(record.topic is CONDITIONS for record in records):
                # It does not say where any more: the road is closed where it was.
                event = replace(event, place=before.place, line=before.line, link_id=before.link_id)
                records = records_of(event, arrival.now_us, self._rules, self.note)
            shown[event.number] = event
            return list(records + self._lifted(event, records, arrival.now_us)) or None

        entries = self.each(document.items, of_item, kept=KEPT_FIELDS)
        if self._is_polled and document.is_whole:
            entries += self._ended(shown, arrival.now_us)
        return entries

    def _lifted(self, event: RoadEvent, records: list[Accepted], now_us: int) -> list[Accepted]:
        """Return the end of the closure that an event had and has no more; with it of planned works, which it was."""
        if any(record.topic is CONDITIONS for record in records):
            known = self._known.get(event.number) or UNKNOWN
            self._known.put(event.number, replace(known, closure=event))
            return []
        before = (self._known.get(event.number) or UNKNOWN).closure
        if before is None:
            return []
        told = {record.topic for record in records}
        ends = records_of(before, now_us, self._rules, self.note, is_gone=True)
        return [end for end in ends if end.topic not in told]

    def _ended(self, shown: dict[str, RoadEvent], now_us: int) -> list[Entry]:
        """Return the ends of events that were shown before and are no more."""
        for number, known in self._known.items():
            if known.shown is None or number in shown:
                continue
            if known.gone_us is None:
                self._known.put(number, replace(known, gone_us=now_us))
            elif now_us - known.gone_us > ENDS_TOLD_US:
                self._known.put(number, replace(known, shown=None, gone_us=None))
        for number, event in shown.items():
            known = self._known.get(number) or UNKNOWN
            if (known.shown, known.gone_us) != (event, None):
                self._known.put(number, replace(known, shown=event, gone_us=None))
        gone = [(known.gone_us, known.shown) for _, known in self._known.items() if known.gone_us is not None]
        ends: list[Entry] = []
        for _, lost in sorted(gone, key=lambda item: -item[0]):
            if lost is not None:
                ends += records_of(lost, now_us, self._rules, self.note, is_gone=True)
        return ends
