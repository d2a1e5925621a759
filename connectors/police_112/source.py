"""The 112 system as a source: rows of dropped files, or pushed ones, to incidents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import flag_option, number_option, refuse_unknown, text_option
from connectors.kit.reading.dispatch_source import DISPATCH_OPTIONS, DispatchSource, Way, way_from
from connectors.kit.reading.korean_places import PlaceRules
from connectors.police_112.calls import Calls
from connectors.police_112.parse import AGENCY_DEFAULT_POINT, KEPT_COLUMNS, Rules

_OPTIONS = DISPATCH_OPTIONS | {
    "case_column",
    "related_column",
    "child_column",
    "changed_column",
    "occurred_column",
    "point_accuracy_m",
    "future_tolerance_s",
    "as_reported",
}


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    way: Way
    case_column: str = "RECV_NO"
    related_column: str = "RLT_RECV_NO"
    child_column: str = ""
    changed_column: str = "UPD_DT"
    occurred_column: str = ""
    point_accuracy_m: float = 50.0
    future_tolerance_s: float = 300.0
    as_reported: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, _OPTIONS)
        return cls(
            way=way_from(options, "police_112"),
            case_column=text_option(options, "case_column", "RECV_NO").strip().upper(),
            related_column=text_option(options, "related_column", "RLT_RECV_NO").strip().upper(),
            child_column=text_option(options, "child_column", "").strip().upper(),
            changed_column=text_option(options, "changed_column", "UPD_DT").strip().upper(),
            occurred_column=text_option(options, "occurred_column", "").strip().upper(),
            point_accuracy_m=number_option(options, "point_accuracy_m", 50.0, least=1, most=5000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            as_reported=flag_option(options, "as_reported", default=False),
        )


class Police112Source(DispatchSource):
    """Calls of the police 112 system."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        rules = Rules(
            zone=ZoneInfo(context.time_zone),
            places=PlaceRules(
                accuracy_m=config.point_accuracy_m,
                default_points=(AGENCY_DEFAULT_POINT, *context.default_points),
                city_box=context.city_box,
            ),
            case_column=config.case_column,
            related_column=config.related_column,
            child_column=config.child_column,
            changed_column=config.changed_column,
            occurred_column=config.occurred_column,
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            as_reported=config.as_reported,
        )
        calls = Calls(rules)
        super().__init__(config.way, context, calls.read_row, KEPT_COLUMNS, ("EVT_CL_CD",), memory=calls.book)
