"""Reading typed fields out of the TOML files of connectors, with errors that name file and field."""

from collections.abc import Mapping
from typing import Any

from connectors.kit.errors import ConnectorConfigError


def text_field(where: str, fields: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a field as text; without a default it must be there.

    Raises:
        ConnectorConfigError: it is not text, or missing.
    """
    value = fields.get(name, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        got = "nothing" if value is None or value == "" else type(value).__name__
        raise ConnectorConfigError(f"{where}: {name} must be text, got {got}")
    return value.strip()


def flag_field(where: str, fields: Mapping[str, Any], name: str) -> bool:
    """Return a field that is true or false; false where it is not there.

    Raises:
        ConnectorConfigError: it is neither.
    """
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ConnectorConfigError(f"{where}: {name} must be true or false, got {type(value).__name__}")
    return value


def one_of_field(where: str, name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return a value that is one of a few words.

    Raises:
        ConnectorConfigError: it is none of them.
    """
    if value not in allowed:
        raise ConnectorConfigError(f"{where}: {name} must be one of {', '.join(allowed)}, got {value!r}")
    return value


def refuse_unknown_fields(where: str, fields: Mapping[str, Any], known: frozenset[str]) -> None:
    """Make sure that a table has no field but these.

    Raises:
        ConnectorConfigError: it has another.
    """
    unknown = sorted(set(fields) - known)
    if unknown:
        raise ConnectorConfigError(f"{where}: {unknown[0]} is not known; known are {', '.join(sorted(known))}")
