"""Pushed tracker messages as a source: payloads to fixes and alerts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import number_option, refuse_unknown, text_option
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.reading.places import PlaceRules
from connectors.kit.source import Accepted, Entry
from connectors.tracker_push.parse import KEPT, Rules, parse_item
from schemas.location import LocationQuality
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS
from schemas.tracker_fix import TrackerFix

TRANSPORTS = ("http-push", "mqtt", "http-poll")
_OWN = frozenset({"items_path", "accuracy_m", "future_tolerance_s"})


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    items_path: str = ""
    accuracy_m: float = 100.0
    future_tolerance_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | _OWN)
        return cls(
            transport=transport_from(options, TRANSPORTS, name="tracker_push", topic_filters=("trackers/+",)),
            items_path=text_option(options, "items_path", ""),
            accuracy_m=number_option(options, "accuracy_m", 100.0, least=1, most=5000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
        )


class TrackerPushSource(PayloadSource):
    """Items of the form, each one fix or one alert."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        super().__init__(config.transport, context, topic=TRACKER_FIXES)
        self._items_path = config.items_path
        self._rules = Rules(
            # A tracker measures where it is: at an agency's own address it is there, so there are no default points.
            places=PlaceRules(
                accuracy_m=config.accuracy_m, quality=LocationQuality.GPS.value, city_box=context.city_box
            ),
            zone=ZoneInfo(context.time_zone),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            pseudonyms=context.pseudonyms,
        )

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return one entry per item: a JSON object, an array, or a line each."""

        def mapped(item: Any) -> Entry:
            record = parse_item(item, arrival.now_us, self._rules, self.note)
            return Accepted(TRACKER_FIXES if isinstance(record, TrackerFix) else WANDERING_ALERTS, record)

        return self.each(json_items(payload, self._items_path), mapped, kept=KEPT)
