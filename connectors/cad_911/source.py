"""A CAD as a source: rows of dropped files, or pushed ones, to incidents."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.cad_911.form import Form, form_from
from connectors.cad_911.parse import SOURCE, Rules, kept_columns, parse_row
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import number_option, refuse_unknown, text_option
from connectors.kit.reading.dispatch_source import DISPATCH_OPTIONS, DispatchSource, Way, way_from
from connectors.kit.reading.forms import read_form_table
from connectors.kit.reading.places import PlaceRules

_OPTIONS = DISPATCH_OPTIONS | {"form", "system", "point_accuracy_m", "future_tolerance_s"}


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    way: Way
    form: str = ""
    system: str = ""
    point_accuracy_m: float = 30.0
    future_tolerance_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, _OPTIONS)
        system = text_option(options, "system", "")
        if system and not (system.isascii() and system.isalnum() and system.islower() and len(system) <= 20):
            raise ConnectorConfigError("option system must be up to 20 small letters and digits")
        return cls(
            way=way_from(options, SOURCE),
            form=text_option(options, "form", ""),
            system=system,
            point_accuracy_m=number_option(options, "point_accuracy_m", 30.0, least=1, most=5000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
        )


class Cad911Source(DispatchSource):
    """Calls of a 911 centre."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        form = read_form(config.form, context.city_folder)
        rules = Rules(
            form=form,
            zone=ZoneInfo(context.time_zone),
            places=PlaceRules(
                accuracy_m=config.point_accuracy_m,
                default_points=context.default_points,
                city_box=context.city_box,
            ),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            system=config.system,
        )
        required = (form.columns["number"], form.columns["nature"])
        super().__init__(config.way, context, partial(parse_row, rules=rules), kept_columns(form), required)


def read_form(name: str, city_folder: Path | None) -> Form:
    """Return the form in a file.

    Args:
        name: the file, from the city's folder where it has no other beginning; empty takes the usual form.
        city_folder: the city's folder, if there is a city.

    Raises:
        ConnectorConfigError: the file cannot be read, or a field of it is wrong; the message names it.
    """
    return form_from(*read_form_table(name, city_folder, resources.files("connectors.cad_911") / "form.toml"))
