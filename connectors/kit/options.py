"""What a manifest says of each option, and the options that come with the transports."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.toml_fields import flag_field, one_of_field, refuse_unknown_fields, text_field

# What a person may write for an option; the connector's own Config checks the value.
OPTION_TYPES = ("text", "path", "integer", "number", "flag", "choice", "names", "box", "boxes", "secret-file")
TRANSPORTS = ("http-push", "http-poll", "mqtt", "file-drop", "http-calls")
_OPTION_FIELDS = frozenset({"type", "default", "required", "description", "least", "most", "choices"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a connector.

    Attributes:
        name: its name.
        type: what to write, one of :data:`OPTION_TYPES`.
        description: what it does.
        required: whether it must be given.
        default: what holds when it is not given; None where there is no default.
        choices: the words a choice allows.
    """

    name: str
    type: str
    description: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()


def option_of(where: str, name: str, table: Any) -> Option:
    """Return the option that a table describes.

    Raises:
        ConnectorConfigError: a field is wrong; the message names file, option and field.
    """
    label = f"{where}: options.{name}"
    if not isinstance(table, dict):
        raise ConnectorConfigError(f"{label} must be a table")
    refuse_unknown_fields(label, table, _OPTION_FIELDS)
    required = flag_field(label, table, "required")
    if required and "default" in table:
        raise ConnectorConfigError(f"{label}: default is of no use to an option that is required")
    return Option(
        name=name,
        type=one_of_field(label, "type", text_field(label, table, "type"), OPTION_TYPES),
        description=text_field(label, table, "description"),
        required=required,
        default=table.get("default"),
        choices=tuple(table.get("choices", ())),
    )


def transport_option_tables(names: tuple[str, ...]) -> dict[str, Option]:
    """Return the options that the transports of a connector bring, by name.

    With more than one the option ``transport`` chooses; what one of them requires is then checked by the connector's
    ``Config``.

    Raises:
        ConnectorConfigError: there is no such transport.
    """
    options: dict[str, Option] = {}
    if len(names) > 1:
        description = "Where payloads come from."
        options["transport"] = Option(
            name="transport", type="choice", description=description, default=names[0], choices=names
        )
    for name in names:
        if name not in TRANSPORTS:
            raise ConnectorConfigError(f"transports must be among {', '.join(TRANSPORTS)}, got {name!r}")
        for option in _tables()[name].values():
            one_of_many = len(names) > 1 and option.required
            options.setdefault(option.name, replace(option, required=False, default="") if one_of_many else option)
    return options


@cache
def _tables() -> Mapping[str, Mapping[str, Option]]:
    text = (resources.files("connectors.kit.transports") / "options.toml").read_text("utf-8")
    return {
        transport: {name: option_of("transports/options.toml", name, table) for name, table in tables.items()}
        for transport, tables in tomllib.loads(text).items()
    }
