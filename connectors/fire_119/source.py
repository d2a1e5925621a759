"""The 119 feed as a source: rows of dropped files to incidents."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from connectors.fire_119.parse import KEPT_COLUMNS, Rules, parse_row
from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import flag_option, number_option, refuse_unknown
from connectors.kit.reading.dispatch_rows import DispatchRows
from connectors.kit.reading.korean_places import PlaceRules
from connectors.kit.transports.file_drop import DROP_OPTIONS, FileDrop, FileDropConfig

_OPTIONS = DROP_OPTIONS | {"point_accuracy_m", "future_tolerance_s", "as_reported"}


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    drop: FileDropConfig
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
            drop=FileDropConfig.from_options(options),
            point_accuracy_m=number_option(options, "point_accuracy_m", 50.0, least=1, most=5000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            as_reported=flag_option(options, "as_reported", default=False),
        )


class Fire119Source(DispatchRows):
    """Dispatches of fire, rescue and ambulance."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        rules = Rules(
            zone=ZoneInfo(context.time_zone),
            places=PlaceRules(
                accuracy_m=config.point_accuracy_m,
                default_points=context.default_points,
                city_box=context.city_box,
            ),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            as_reported=config.as_reported,
        )
        drop = FileDrop(config.drop, required_columns=("STTE_DT", "EMG_TY_NM1"))
        super().__init__(drop, context.clock, partial(parse_row, rules=rules), KEPT_COLUMNS)
