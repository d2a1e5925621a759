"""Messages of a LoRaWAN network server as a source: payloads to fixes and alerts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import choice_option, names_option, number_option, refuse_unknown
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.reading.places import PlaceRules
from connectors.kit.source import Accepted, Entry
from connectors.lorawan.parse import (
    ALERTS,
    ALWAYS,
    CHIRPSTACK,
    KEPT,
    NEVER,
    THINGS_STACK,
    TOPIC_FILTERS,
    Rules,
    parse_message,
)
from connectors.lorawan.payload_fields import FieldNames
from connectors.lorawan.uplink import RSSI_ACCURACY_M
from schemas.location import LocationQuality
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS
from schemas.tracker_fix import TrackerFix

TRANSPORTS = ("http-push", "mqtt")
_NAMES = ("latitude_fields", "longitude_fields", "battery_fields", "sos_fields")
_OWN = frozenset({"form", "accuracy_m", "gateway_places", "gateway_accuracy_m", "future_tolerance_s", *_NAMES})


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    form: str
    names: FieldNames
    accuracy_m: float = 50.0
    gateway_places: str = ALERTS
    gateway_accuracy_m: float = RSSI_ACCURACY_M
    future_tolerance_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | _OWN)
        form = choice_option(options, "form", CHIRPSTACK, (CHIRPSTACK, THINGS_STACK))
        return cls(
            transport=transport_from(options, TRANSPORTS, name="lorawan", topic_filters=TOPIC_FILTERS[form]),
            form=form,
            names=FieldNames(*(names_option(options, name) for name in _NAMES)),
            accuracy_m=number_option(options, "accuracy_m", 50.0, least=1, most=5000),
            gateway_places=choice_option(options, "gateway_places", ALERTS, (ALWAYS, ALERTS, NEVER)),
            gateway_accuracy_m=number_option(options, "gateway_accuracy_m", RSSI_ACCURACY_M, least=50, most=20_000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
        )


class LorawanSource(PayloadSource):
    """Messages of devices, each alerts or a fix."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        super().__init__(config.transport, context, topic=TRACKER_FIXES)
        self._rules = Rules(
            form=config.form,
            # A tracker measures where it is: at an agency's own address it is there, so there are no default points.
            places=PlaceRules(
                accuracy_m=config.accuracy_m, quality=LocationQuality.GPS.value, city_box=context.city_box
            ),
            names=config.names,
            gateway_places=config.gateway_places,
            gateway_accuracy_m=config.gateway_accuracy_m,
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            pseudonyms=context.pseudonyms,
        )

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the entries of a message; none for one that tells of no position and no alarm."""

        def mapped(item: Any) -> list[Entry] | None:
            records = parse_message(item, arrival.now_us, self._rules, self.note)
            return [
                Accepted(TRACKER_FIXES if isinstance(record, TrackerFix) else WANDERING_ALERTS, record)
                for record in records
            ] or None

        return self.each(json_items(payload), mapped, kept=KEPT)
