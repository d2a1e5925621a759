"""Crowd levels, polled area by area."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from connectors.crowd_density.parse import KEPT, NAME, CityArea, Rules, areas_from, condition_of, items_of
from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import number_option, option_file_text, refuse_unknown, text_option
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.source import Accepted, Entry
from schemas.topics import CONDITIONS

TRANSPORTS = ("http-poll",)
DEFAULT_AREAS = Path(__file__).with_name("areas.json")
AREAS_BYTES_MAX = 33_554_432


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    areas: Mapping[str, CityArea]
    valid_us: int

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that options describe.

        Raises:
            ConnectorConfigError: an option is missing, unknown or wrong; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | {"areas", "valid_s"})
        name = text_option(options, "areas", "")
        path = Path(name) if name else DEFAULT_AREAS
        return cls(
            transport_from(options, TRANSPORTS, name=NAME),
            areas_from(option_file_text("areas", path, bytes_max=AREAS_BYTES_MAX)),
            int(number_option(options, "valid_s", 1800, least=60, most=86_400) * 1_000_000),
        )


class CrowdDensitySource(PayloadSource):
    """Where the URL ends in an area's code, the others of the file are asked for after it."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        super().__init__(config.transport, context, topic=CONDITIONS)
        self._rules = Rules(config.areas, ZoneInfo(context.time_zone), config.valid_us)
        self._following = dict(pairwise(config.areas))

    def next_url(self, payload: bytes, arrival: Arrival) -> str | None:
        """Return the code of the next area, which takes the place of the last in the URL."""
        del payload
        following = self._following.get(unquote(arrival.origin.rpartition("/")[2]))
        return None if following is None else quote(following)

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the conditions of the areas of an answer."""
        return self.each(items_of(payload), lambda item: self._one(item, arrival), kept=KEPT)

    def _one(self, item: Any, arrival: Arrival) -> Accepted:
        return Accepted(CONDITIONS, condition_of(item, self._rules, arrival.now_us, self.note))
