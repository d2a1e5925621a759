"""Messages of plain MQTT sensors; the topic says what a message measures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import number_option, refuse_unknown, text_option
from connectors.kit.payloads import Arrival, Transport, transport_from, transport_options
from connectors.kit.sensors.source import SensorSource
from connectors.kit.sensors.table import SensorTable, table_from
from connectors.kit.source import Entry
from connectors.mqtt_sensors.parse import Rules, message_of, reading_of

NAME = "mqtt_sensors"
TRANSPORTS = ("mqtt",)
DEFAULT_TABLE = Path(__file__).with_name("sensors.toml")
US_PER_S = 1_000_000
_FIELDS = {"id_field": "id", "time_field": "time", "lat_field": "lat", "lon_field": "lon"}


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    table: SensorTable
    fields: Mapping[str, str]
    max_age_us: int
    tolerance_us: int

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that options describe.

        Raises:
            ConnectorConfigError: an option is missing, unknown or wrong; the message names it.
        """
        own = frozenset({"table", "max_age_s", "clock_tolerance_s", *_FIELDS})
        refuse_unknown(options, transport_options(*TRANSPORTS) | own)
        path = text_option(options, "table", "")
        table = table_from(Path(path).expanduser() if path else DEFAULT_TABLE)
        return cls(
            transport_from(options, TRANSPORTS, name=NAME, topic_filters=table.topic_filters),
            table,
            {name: text_option(options, name, default) for name, default in _FIELDS.items()},
            int(number_option(options, "max_age_s", 86_400, least=1, most=2_592_000) * US_PER_S),
            int(number_option(options, "clock_tolerance_s", 300, least=0, most=86_400) * US_PER_S),
        )


class MqttSensorsSource(SensorSource):
    """Messages as readings, readings as incidents."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        super().__init__(config.transport, context, name=NAME, table=config.table)
        zone = ZoneInfo(context.time_zone)
        self._rules = Rules(**config.fields, zone=zone, tolerance_us=config.tolerance_us)
        self._max_age_us = config.max_age_us

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the incident that a message begins or ends; nothing where the table does not name its topic."""
        known = self.table.kind_of_topic(arrival.origin)
        if known is None:
            self.note("unknown-kind")
            return []
        item = message_of(payload, known[0])
        reading = reading_of(item, known, arrival.now_us, self._rules, self.note)
        if reading.at_us < arrival.now_us - self._max_age_us:
            self.note("too-old")
            return []
        entry = self.alarms.take(reading, arrival.now_us)
        return [] if entry is None else [entry]
