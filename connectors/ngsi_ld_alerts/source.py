"""NGSI-LD alerts as a source: notifications to incidents."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import number_option, refuse_unknown
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.places import PlaceRules
from connectors.kit.source import Accepted, Entry
from connectors.ngsi_ld_alerts.parse import Rules, entities_of, parse_alert
from schemas.topics import INCIDENTS

TRANSPORTS = ("http-push",)
_OWN = frozenset({"accuracy_m", "age_max_s", "future_tolerance_s"})


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    accuracy_m: float = 50.0
    age_max_s: float = 10_800.0
    future_tolerance_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | _OWN)
        return cls(
            transport=transport_from(options, TRANSPORTS, name="ngsi_ld_alerts"),
            accuracy_m=number_option(options, "accuracy_m", 50.0, least=1, most=5000),
            age_max_s=number_option(options, "age_max_s", 10_800.0, least=60, most=2_592_000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
        )


class NgsiLdAlertsSource(PayloadSource):
    """Entities of type Alert, each one incident."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        super().__init__(config.transport, context, topic=INCIDENTS)
        self._rules = Rules(
            places=PlaceRules(
                accuracy_m=config.accuracy_m,
                quality="gps",
                default_points=context.default_points,
                city_box=context.city_box,
            ),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            age_max_us=int(config.age_max_s * 1_000_000),
        )

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return one entry per alert of a notification."""

        def mapped(item: Any) -> Entry | None:
            incident = parse_alert(item, arrival.now_us, self._rules, self.note)
            return None if incident is None else Accepted(INCIDENTS, incident)

        return self.each(entities_of(payload), mapped)
