"""What lies in a sample: the names of its fields, and its items as flat lists of fields, whatever form it has."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_bodies import decoded_text, json_items

# A fault that is in none of the first thousand items is not what an engineer looks for.
ITEMS_LOOKED_AT = 1_000
_NAMES_MAX = 2_000
_DEPTH_MAX = 8
_LIST_MAX = 20
_TABLE_BYTES = 1_048_576
_DELIMITERS = (",", "\t", ";", "|")
_TAG = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")

# The fields of an item with their values, by name without the way to them.
Leaves = tuple[tuple[str, Any], ...]


def names_in(payload: bytes) -> frozenset[str]:
    """Return the names of fields, columns or elements in a sample; none where it is no JSON, XML or table."""
    names: set[str] = set()
    for item in _items(payload):
        _collect(item, names)
        if len(names) > _NAMES_MAX:
            break
    return frozenset(names) if names else _names_of_text(payload)


def items_in(payload: bytes, *, is_page: bool = False) -> list[Leaves]:
    """Return the first items of a sample, each with its fields; none where it is neither JSON nor a table.

    Args:
        payload: the sample.
        is_page: whether an object that is alone in it holds the items in a list, as far as one can tell from what
            the connector made of it; the fields beside the list are then no item's.
    """
    items = _items(payload) or _rows(payload)
    members = _members(items[0]) if is_page and len(items) == 1 else []
    return [tuple(_leaves(item)) for item in members[:ITEMS_LOOKED_AT] or items]


def _members(page: Mapping[str, Any]) -> list[Any]:
    """Return the objects of the one list of objects in a page; none where there are several lists, or none."""
    found = list(_lists(page))
    return found[0] if len(found) == 1 else []


def _lists(value: Mapping[str, Any], depth: int = 0) -> Iterator[list[Any]]:
    for inner in value.values():
        if isinstance(inner, Mapping) and depth < _DEPTH_MAX:
            yield from _lists(inner, depth + 1)
        elif isinstance(inner, list) and inner and all(isinstance(item, Mapping) for item in inner):
            yield inner


def _items(payload: bytes) -> list[Any]:
    try:
        items = json_items(payload)
    except EntryRefusedError:
        return []
    return [item for item in items if isinstance(item, Mapping)][:ITEMS_LOOKED_AT]


def _rows(payload: bytes) -> list[Mapping[str, Any]]:
    try:
        text = decoded_text(payload[:_TABLE_BYTES].rpartition(b"\n")[0] or payload)
    except EntryRefusedError:
        return []
    header, _, _ = text.partition("\n")
    delimiter = max(_DELIMITERS, key=header.count)
    if delimiter not in header or header.lstrip().startswith(("{", "[", "<")):
        return []
    try:
        rows = csv.DictReader(io.StringIO(text), delimiter=delimiter)
        # Cells beyond the header lie under None.
        return [
            {name.strip(): cell for name, cell in row.items() if name is not None}
            for row, _ in zip(rows, range(ITEMS_LOOKED_AT), strict=False)
        ]
    except csv.Error:
        return []


def _names_of_text(payload: bytes) -> frozenset[str]:
    try:
        text = decoded_text(payload[:_TABLE_BYTES])
    except EntryRefusedError:
        return frozenset()
    if text.lstrip().startswith("<"):
        return frozenset(_TAG.findall(text))
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        cells = next(csv.reader(io.StringIO(header), delimiter=delimiter), [])
    except csv.Error:
        return frozenset()
    return frozenset(cell.strip() for cell in cells if cell.strip()) if len(cells) > 1 else frozenset()


def _collect(item: Any, names: set[str], depth: int = 0) -> None:
    if isinstance(item, Mapping) and depth < _DEPTH_MAX:
        for name, value in item.items():
            names.add(str(name))
            _collect(value, names, depth + 1)
    elif isinstance(item, list):
        for value in item[:_LIST_MAX]:
            _collect(value, names, depth)


def _leaves(item: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(item, Mapping):
        if depth < _DEPTH_MAX:
            for key, value in item.items():
                yield from _leaves(value, str(key), depth + 1)
    elif isinstance(item, list):
        for value in item[:_LIST_MAX]:
            yield from _leaves(value, name, depth + 1)
    else:
        yield name, item
