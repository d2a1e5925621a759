"""Plain values as YAML 1.2 text: as much of it as generated documents need, and no more."""

import json
import re
from typing import Any

# Names that YAML reads as the texts they are: no number, no truth value, no mark of its own.
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def yaml_text(value: dict[str, Any]) -> str:
    """Return a dict of dicts, lists, texts, whole numbers and truth values as block YAML in its own order.

    Raises:
        TypeError: a value is of another type.
    """
    return "\n".join(_lines(value)) + "\n"


def _lines(value: dict[str, Any] | list[Any]) -> list[str]:
    """Return the lines of a collection that is not empty."""
    lines: list[str] = []
    if isinstance(value, dict):
        for key, member in value.items():
            lines += _member(f"{_key(key)}:", member, "  ")
        return lines
    for member in value:
        if _is_block(member):
            first, *rest = _lines(member)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        else:
            lines.append(f"- {_scalar(member)}")
    return lines


def _member(head: str, member: Any, indent: str) -> list[str]:
    if _is_block(member):
        return [head, *(indent + line for line in _lines(member))]
    return [f"{head} {_scalar(member)}"]


def _is_block(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.match(key) and key.lower() not in _WORDS else json.dumps(key, ensure_ascii=False)


def _scalar(value: Any) -> str:
    # A JSON text is a double-quoted YAML text; empty collections are written alike too.
    if isinstance(value, str | int) or value in ({}, []):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"a document holds texts, whole numbers, truth values, lists and dicts, got {type(value).__name__}")
