"""Disaster text messages as a source: the service's answers to incidents."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.disaster_text.parse import KEPT, Rules, parse_text, texts_of
from connectors.kit.case_book import MAIN, CaseBook
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import names_option, number_option, refuse_unknown
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.districts import SHARED_KOREAN, DistrictNames
from connectors.kit.source import Accepted, Entry
from schemas.topics import INCIDENTS

TRANSPORTS = ("http-poll", "http-push", "file-drop")
# The whole country sends some hundred texts a day; one is corrected within hours.
TEXTS_MAX = 10_000
_OWN = frozenset({"city_names", "districts", "shared_names", "age_max_s", "future_tolerance_s"})


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    city_names: tuple[str, ...]
    districts: tuple[str, ...] = ()
    shared_names: tuple[str, ...] = ()
    age_max_s: float = 10_800.0
    future_tolerance_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | _OWN)
        city_names = names_option(options, "city_names")
        if not city_names:
            raise ConnectorConfigError("option city_names is required: how messages name the city")
        return cls(
            transport=transport_from(options, TRANSPORTS, name="disaster_text"),
            city_names=city_names,
            districts=names_option(options, "districts"),
            shared_names=names_option(options, "shared_names"),
            age_max_s=number_option(options, "age_max_s", 10_800.0, least=60, most=604_800),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
        )


class DisasterTextSource(PayloadSource):
    """Texts, each one incident over districts of the city."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        # Ids of the incidents that were told.
        self._told: CaseBook[bool] = CaseBook(TEXTS_MAX, write=lambda _: {MAIN: True}, read=lambda parts: parts[MAIN])
        super().__init__(config.transport, context, topic=INCIDENTS, memory=self._told)
        districts = config.districts or context.districts
        self._rules = Rules(
            zone=ZoneInfo(context.time_zone),
            districts=DistrictNames(districts, config.city_names, config.shared_names or SHARED_KOREAN),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            age_max_us=int(config.age_max_s * 1_000_000),
        )

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return one entry per text of this city."""

        def mapped(item: Any) -> Entry | None:
            incident = parse_text(item, arrival.now_us, self._rules, self.note, self._told)
            if incident is None:
                return None
            self._told.put(incident.incident_id, True)
            return Accepted(INCIDENTS, incident)

        return self.each(texts_of(payload), mapped, kept=KEPT)
