"""The 119 feed as a source: dispatch records and positions of vehicles, dropped or pushed, to incidents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.fire_119.dispatches import Dispatches
from connectors.fire_119.parse import KEPT_COLUMNS, Rules
from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import flag_option, number_option, refuse_unknown
from connectors.kit.reading.dispatch_source import DISPATCH_OPTIONS, DispatchSource, Way, way_from
from connectors.kit.reading.korean_places import PlaceRules

COLUMNS = ("STTE_DT", "EMG_TY_NM1")
LEVELS = ("level-1", "level-2", "level-3")
_OPTIONS = DISPATCH_OPTIONS | {
    "point_accuracy_m",
    "future_tolerance_s",
    "as_reported",
    "vehicle_step_m",
    "level_1_radius_m",
    "level_2_radius_m",
    "level_3_radius_m",
}


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    way: Way
    point_accuracy_m: float = 50.0
    future_tolerance_s: float = 300.0
    as_reported: bool = False
    vehicle_step_m: float = 50.0
    level_radii_m: tuple[float, float, float] = (0.0, 150.0, 300.0)

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, _OPTIONS)
        return cls(
            way=way_from(options, "fire_119"),
            point_accuracy_m=number_option(options, "point_accuracy_m", 50.0, least=1, most=5000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            as_reported=flag_option(options, "as_reported", default=False),
            vehicle_step_m=number_option(options, "vehicle_step_m", 50.0, least=0, most=5000),
            level_radii_m=(
                number_option(options, "level_1_radius_m", 0.0, least=0, most=5000),
                number_option(options, "level_2_radius_m", 150.0, least=0, most=5000),
                number_option(options, "level_3_radius_m", 300.0, least=0, most=5000),
            ),
        )


class Fire119Source(DispatchSource):
    """Dispatches of fire, rescue and ambulance, and the vehicles on their way."""

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
            radius_m_by_level=dict(zip(LEVELS, config.level_radii_m, strict=True)),
        )
        dispatches = Dispatches(rules, config.vehicle_step_m)
        super().__init__(config.way, context, dispatches.read_row, KEPT_COLUMNS, COLUMNS, memory=dispatches)
