"""JSON as other systems send it: one object, an array, an array within an object, or a line each."""

import json
import re
from collections.abc import Mapping
from typing import Any

from connectors.kit.errors import EntryRefusedError

# Ten thousand events in one body are a dump, not news.
ITEMS_MAX = 10_000
BROKEN = "broken-json"
_BOM = b"\xef\xbb\xbf"
# Half of a pair may be written as an escape, though it is no character and no UTF-8 can hold it.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def decoded_text(payload: bytes) -> str:
    """Return a payload as text: UTF-8, with or without a mark, else CP949.

    Raises:
        EntryRefusedError: it is neither.
    """
    raw = payload.removeprefix(_BOM)
    for codec in ("utf-8", "cp949"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    raise EntryRefusedError("broken-text", None, f"neither UTF-8 nor CP949, got {len(payload)} bytes")


def strict_loads(text: str | bytes) -> Any:
    """Return the value that a JSON text holds; NaN and Infinity are not JSON.

    Half characters (an escape of half a pair) become U+FFFD, as broken bytes do: what is read can always be written.

    Raises:
        ValueError: it is no JSON, or holds a number of thousands of digits.
        RecursionError: it nests without end.
    """
    value = json.loads(text, parse_constant=_no_constant)
    if not _HALF.search(text if isinstance(text, str) else text.decode("utf-8", "replace")):
        return value
    written = json.dumps(value, ensure_ascii=False)
    return json.loads(written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def json_value(text: str) -> Any:
    """Return the value that a JSON text holds; NaN and Infinity are not JSON.

    Raises:
        EntryRefusedError: it holds none.
    """
    try:
        return strict_loads(text)
    # JSONDecodeError is a ValueError; deep nesting ends in a RecursionError.
    except (ValueError, RecursionError) as error:
        raise EntryRefusedError(BROKEN, None, f"not JSON, got {len(text)} characters") from error


def json_object(payload: bytes) -> dict[str, Any]:
    """Return the one JSON object of a payload.

    Raises:
        EntryRefusedError: it holds none.
    """
    value = json_value(decoded_text(payload))
    if not isinstance(value, dict):
        raise EntryRefusedError(BROKEN, None, f"expected an object, got {type(value).__name__}")
    return value


def json_items(payload: bytes, path: str = "") -> list[Any]:
    """Return the items of a payload: one object, an array, or JSON lines. An item need not be an object.

    Args:
        payload: the bytes.
        path: dotted way to the array within an object, e.g. ``data.items``; empty takes the value itself.

    Raises:
        EntryRefusedError: it is not JSON, nothing lies at the path, or it holds more than :data:`ITEMS_MAX` items.
    """
    text = decoded_text(payload)
    if not text.strip():
        return []
    try:
        value = json_value(text)
    except EntryRefusedError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or path:
            raise
        _require_few(len(lines))
        return [_line(line) for line in lines]
    for name in filter(None, path.split(".")):
        if not isinstance(value, Mapping) or name not in value:
            raise EntryRefusedError("missing-field", path, f"{path}: must be given")
        value = value[name]
    items = value if isinstance(value, list) else [value]
    _require_few(len(items))
    return items


def require_object(item: Any) -> dict[str, Any]:
    """Return an item that is an object.

    Raises:
        EntryRefusedError: it is none.
    """
    if not isinstance(item, dict):
        raise EntryRefusedError(BROKEN, None, f"expected an object, got {type(item).__name__}")
    return item


def _line(line: str) -> Any:
    """Return the value of a line; a broken line becomes None, which is no object, so that its neighbours pass."""
    try:
        return json_value(line)
    except EntryRefusedError:
        return None


def _require_few(count: int) -> None:
    if count > ITEMS_MAX:
        raise EntryRefusedError("too-many", None, f"at most {ITEMS_MAX} items are read, got {count}")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
