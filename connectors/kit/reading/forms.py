"""Forms: TOML files of a city that say which column of its lists holds what, and what its codes mean."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError

FORM_BYTES_MAX = 1 << 20
# No list of codes of one city is longer; the emergency medical dispatch determinants have under 2,000.
CODES_MAX = 5_000
CODE_CHARACTERS_MAX = 64


def plain(text: str) -> str:
    """Return a code or column name in the form in which they are compared: upper case, single spaces."""
    return " ".join(text.split()).upper()


def read_form_table(name: str, city_folder: Path | None, usual: Traversable) -> tuple[str, dict[str, Any]]:
    """Return (file name, parsed table) of a form.

    Args:
        name: the file, from the city's folder where it has no other beginning; empty takes the usual form.
        city_folder: the city's folder, if there is a city.
        usual: the form that is read where a city gives none of its own.

    Raises:
        ConnectorConfigError: the file cannot be read or is no TOML; the message names it.
    """
    path = usual
    if name:
        path = Path(name).expanduser() if city_folder is None else city_folder / Path(name).expanduser()
    try:
        with path.open("rb") as file:
            raw = file.read(FORM_BYTES_MAX + 1)
        if len(raw) > FORM_BYTES_MAX:
            raise ConnectorConfigError(f"option form: {path.name} must have at most {FORM_BYTES_MAX} bytes")
        return path.name, tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConnectorConfigError(f"option form: {path.name} cannot be read: {reason}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConnectorConfigError(f"option form: {path.name}: {error}") from error


def subtable(where: str, table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table of a form; empty where it has none.

    Raises:
        ConnectorConfigError: it is something else.
    """
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise ConnectorConfigError(f"{where}: {name} must be a table, got {type(value).__name__}")
    return value


def codes_of(where: str, table: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Yield (code in plain form, its value) of a table of codes.

    Raises:
        ConnectorConfigError: it has too many codes, or one is empty or too long.
    """
    codes = subtable(where, table, name)
    if len(codes) > CODES_MAX:
        raise ConnectorConfigError(f"{where}: {name} must have at most {CODES_MAX} codes, got {len(codes)}")
    for code, value in codes.items():
        if not 0 < len(plain(code)) <= CODE_CHARACTERS_MAX:
            raise ConnectorConfigError(f"{where}: {name} has a code of no or over {CODE_CHARACTERS_MAX} characters")
        yield plain(code), value
