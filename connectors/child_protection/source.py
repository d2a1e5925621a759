"""The child-protection platform as a source: payloads to incidents and fixes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from connectors.child_protection.parse import KEPT, Rules, is_found, parse_item
from connectors.child_protection.reports import Reports
from connectors.child_protection.tables import TableFile, children_of, scanners_of
from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import number_option, refuse_unknown, text_option
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.reading.places import PlaceRules
from connectors.kit.source import Accepted, Entry
from schemas.incident import Incident
from schemas.location import LocationQuality
from schemas.topics import INCIDENTS, TRACKER_FIXES

TRANSPORTS = ("http-push", "http-poll", "mqtt")
_OWN = frozenset(
    {
        "scanners_file", "beacons_file", "beacon_range_m", "report_accuracy_m", "phone_accuracy_m", "id_scheme",
        "future_tolerance_s",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    scanners_file: str = ""
    beacons_file: str = ""
    beacon_range_m: float = 40.0
    report_accuracy_m: float = 100.0
    phone_accuracy_m: float = 50.0
    id_scheme: str = "child"
    future_tolerance_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | _OWN)
        filters = ("child-protection/#",)
        return cls(
            transport=transport_from(options, TRANSPORTS, name="child_protection", topic_filters=filters),
            scanners_file=text_option(options, "scanners_file", ""),
            beacons_file=text_option(options, "beacons_file", ""),
            beacon_range_m=number_option(options, "beacon_range_m", 40.0, least=1, most=2000),
            report_accuracy_m=number_option(options, "report_accuracy_m", 100.0, least=1, most=5000),
            phone_accuracy_m=number_option(options, "phone_accuracy_m", 50.0, least=1, most=5000),
            id_scheme=text_option(options, "id_scheme", "child"),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
        )


class ChildProtectionSource(PayloadSource):
    """Items of the platform, each one incident or one fix."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self._reports = Reports()
        super().__init__(config.transport, context, topic=INCIDENTS, memory=self._reports.book)
        self._scanners = TableFile(config.scanners_file, scanners_of, self.note)
        self._beacons = TableFile(config.beacons_file, children_of, self.note)
        self._rules = Rules(
            reported=PlaceRules(
                accuracy_m=config.report_accuracy_m,
                quality=LocationQuality.ADDRESS.value,
                default_points=context.default_points,
                city_box=context.city_box,
            ),
            # What measures a place may well do so at an agency's own address: there are no default points.
            measured=PlaceRules(
                accuracy_m=config.phone_accuracy_m, quality=LocationQuality.GPS.value, city_box=context.city_box
            ),
            beacon_range_m=config.beacon_range_m,
            id_scheme=config.id_scheme,
            zone=ZoneInfo(context.time_zone),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            pseudonyms=context.pseudonyms,
            scanners=self._scanners.rows(),
            children=self._beacons.rows(),
        )

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return one entry per item: a JSON object, an array, or a line each."""
        rules = replace(self._rules, scanners=self._scanners.rows(), children=self._beacons.rows())

        def mapped(item: Any) -> list[Entry]:
            record = parse_item(item, arrival.now_us, rules, self.note)
            if not isinstance(record, Incident):
                return [Accepted(TRACKER_FIXES, record)]
            return [Accepted(INCIDENTS, one) for one in self._reports.told(record, is_found=is_found(item))]

        return self.each(json_items(payload), mapped, kept=KEPT)
