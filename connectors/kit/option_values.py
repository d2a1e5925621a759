"""Reading typed values out of a connector's options, with errors that name the option.

Options come from a configuration file (typed) or from a command line (all text), so numbers and switches are taken in
both forms.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError

_SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def refuse_unknown(options: Mapping[str, Any], known: frozenset[str]) -> None:
    """Make sure that every option has a known name.

    Raises:
        ConnectorConfigError: one has not; most often it is a slip of the pen that would else go unseen.
    """
    unknown = sorted(str(name) for name in set(options) - known)
    if unknown:
        raise ConnectorConfigError(f"option {unknown[0]!r} is not known; known are {', '.join(sorted(known))}")


def text_option(options: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return an option as text.

    Args:
        options: all options.
        name: the option.
        default: what holds when it is not given; None makes the option required.

    Raises:
        ConnectorConfigError: it is not text, or required and missing or empty.
    """
    value = options.get(name, default)
    if value is None or (default is None and value == ""):
        raise ConnectorConfigError(f"option {name} is required")
    if not isinstance(value, str):
        raise ConnectorConfigError(f"option {name} must be text, got {type(value).__name__}")
    return value


def option_file_text(name: str, path: Path, *, bytes_max: int, encoding: str = "utf-8") -> str:
    """Return the text of the file that option ``name`` names; what lies beyond ``bytes_max`` is not read.

    Raises:
        ConnectorConfigError: the file cannot be read, or is not in this encoding.
    """
    try:
        with path.expanduser().open("rb") as file:
            return file.read(bytes_max).decode(encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise ConnectorConfigError(f"option {name} cannot be read: {type(error).__name__}") from error


def choice_option(options: Mapping[str, Any], name: str, default: str, choices: tuple[str, ...]) -> str:
    """Return an option that must be one of a few words.

    Raises:
        ConnectorConfigError: it is none of them.
    """
    value = text_option(options, name, default)
    if value not in choices:
        raise ConnectorConfigError(f"option {name} must be one of {', '.join(choices)}, got {value!r}")
    return value


def number_option(options: Mapping[str, Any], name: str, default: float, *, least: float, most: float) -> float:
    """Return an option as a number from ``least`` to ``most``.

    Raises:
        ConnectorConfigError: it is no number or outside.
    """
    value = options.get(name, default)
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not least <= number <= most:
        raise ConnectorConfigError(f"option {name} must be a number from {least:g} to {most:g}, got {value!r}")
    return number


def flag_option(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return an option that is on or off.

    Raises:
        ConnectorConfigError: it is neither.
    """
    value = options.get(name, default)
    switch = value if isinstance(value, bool) else _SWITCHES.get(str(value).strip().lower())
    if switch is None:
        raise ConnectorConfigError(f"option {name} must be true or false, got {value!r}")
    return switch


def names_option(options: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return an option that is a list of names; as text they are separated by commas. Empty when not given.

    Raises:
        ConnectorConfigError: it is neither text nor a list of texts.
    """
    value = options.get(name, ())
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ConnectorConfigError(f"option {name} must be a list of names")
    return tuple(part.strip() for part in parts if part.strip())
