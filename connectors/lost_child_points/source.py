"""Reports at lost-child points, pushed by HTTP or over MQTT."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import number_option, option_file_text, refuse_unknown, text_option
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.source import Accepted, Entry
from connectors.lost_child_points.parse import KEPT, NAME, Rules, booths_from, incident_of
from schemas.location import Location
from schemas.topics import INCIDENTS

TRANSPORTS = ("http-push", "mqtt")
TOPIC_FILTERS = ("lost-child/+/report",)
DEFAULT_BOOTHS = Path(__file__).with_name("booths.toml")
BOOTHS_BYTES_MAX = 4_194_304


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    booths: Mapping[str, Location]
    tolerance_us: int

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that options describe.

        Raises:
            ConnectorConfigError: an option is missing, unknown or wrong; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | {"booths", "clock_tolerance_s"})
        name = text_option(options, "booths", "")
        path = Path(name) if name else DEFAULT_BOOTHS
        return cls(
            transport_from(options, TRANSPORTS, name=NAME, topic_filters=TOPIC_FILTERS),
            booths_from(option_file_text("booths", path, bytes_max=BOOTHS_BYTES_MAX)),
            int(number_option(options, "clock_tolerance_s", 300, least=0, most=86_400) * 1_000_000),
        )


class LostChildPointsSource(PayloadSource):
    """Reports as incidents."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        super().__init__(config.transport, context, topic=INCIDENTS)
        self._rules = Rules(
            booths=config.booths,
            default_points=context.default_points,
            city_box=context.city_box,
            zone=ZoneInfo(context.time_zone),
            tolerance_us=config.tolerance_us,
        )

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the incidents of the reports of a payload."""
        return self.each(
            json_items(payload),
            lambda item: Accepted(INCIDENTS, incident_of(item, arrival.now_us, self._rules, self.note)),
            kept=KEPT,
        )
