"""Where the fields of one Avro record lie in its bytes, so that all rows like it can be read as columns.

Only flat records: strings, longs, doubles, booleans, nullable ones of these, and records nested in them, nullable
or not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from schemas.codec import HEADER_BYTES, MAGIC
from schemas.registry import published_schemas

LeafKind = Literal["string", "long", "double", "boolean", "record"]
_KINDS: Mapping[str, LeafKind] = {"string": "string", "long": "long", "double": "double", "boolean": "boolean"}
# Nine groups of seven bits hold 63 bits; ten would need a check for overflow, and no time or count needs them.
MAX_VARINT_BYTES = 9
_CONTINUES = 0x80
_FIXED, _FREE = 0xFF, 0x00


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field of a flat record; fields of nested records have dotted names, e.g. ``location.lat_deg``.

    Attributes:
        name: the field's name.
        kind: what it holds; ``record`` is a nullable nested record, of which only the branch is read here.
        nullable: whether the row says of it that it is null.
        default: what a row of a schema version without this field stands for.
        optional: whether it lies in a nullable record, and is null with it.
        inside: kind record: how many of the leaves that follow lie in it.
    """

    name: str
    kind: LeafKind
    nullable: bool
    default: Any = None
    optional: bool = False
    inside: int = 0

    @property
    def may_be_null(self) -> bool:
        """Return whether a row may have no value of it."""
        return self.nullable or self.optional


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leaf lies in a row: ``size`` bytes from ``offset``; a size of -1 says that it is null."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The form of a row: rows of the same length whose ``mask``ed bytes equal ``expected`` have all places in common.

    Fixed bytes are the header, lengths of strings and branches of unions. Of a long's bytes and of text the highest bit
    is fixed: it says where a long ends, and in text it is clear, because what is not ASCII would need checking.
    """

    places: Mapping[str, Place]
    mask: NDArray[np.uint8]
    expected: NDArray[np.uint8]


@cache
def leaves(schema_id: int) -> tuple[Leaf, ...]:
    """Return the fields of a flat record in the order in which this version of its schema writes them.

    Raises:
        ValueError: the record has arrays, maps, bytes or unions other than with null.
    """
    return tuple(_leaves(dict(published_schemas()[schema_id].schema), "", {}))


def _leaves(schema: dict[str, Any], prefix: str, named: dict[str, dict[str, Any]]) -> Iterator[Leaf]:
    named[f"{schema.get('namespace', '')}.{schema['name']}"] = schema
    for field in schema["fields"]:
        name, kind = prefix + field["name"], field["type"]
        if isinstance(kind, str) and kind in named:
            kind = named[kind]
        nullable = isinstance(kind, list) and len(kind) == 2 and kind[0] == "null"
        if nullable:
            kind = named.get(kind[1], kind[1]) if isinstance(kind[1], str) else kind[1]
        if isinstance(kind, str) and kind in _KINDS:
            yield Leaf(name, _KINDS[kind], nullable, field.get("default"))
        elif isinstance(kind, dict) and kind["type"] == "record":
            inner = list(_leaves(kind, name + ".", named))
            if nullable:
                yield Leaf(name, "record", nullable, inside=len(inner))
                inner = [replace(leaf, optional=True) for leaf in inner]
            yield from inner
        else:
            raise ValueError(f"{name} is not a string, long, double or boolean: {schema['name']} is not flat")


def layout_of(record: str, row: bytes) -> Layout | None:
    """Return the layout of a row by any published version of the record; None if it is better read one by one."""
    size = len(row)
    schema_id = int.from_bytes(row[1:HEADER_BYTES], "big")
    writer = published_schemas().get(schema_id)
    if size < HEADER_BYTES or row[0] != MAGIC or writer is None or writer.record != record:
        return None
    mask, expected = bytearray(size), bytearray(row)
    mask[:HEADER_BYTES] = bytes([_FIXED]) * HEADER_BYTES
    places: dict[str, Place] = {}
    offset, absent = HEADER_BYTES, 0
    try:
        for leaf in leaves(schema_id):
            if absent:
                places[leaf.name] = Place(offset, -1)
                absent -= 1
                continue
            if leaf.nullable:
                if row[offset] not in (0, 2):  # zigzag of branch 0 (null) and branch 1
                    return None
                mask[offset] = _FIXED
                offset += 1
                if row[offset - 1] == 0:
                    places[leaf.name] = Place(offset, -1)
                    absent = leaf.inside
                    continue
            if leaf.kind == "record":
                continue
            place, end = _place(leaf.kind, row, offset, mask)
            places[leaf.name] = place
            offset = end
    except (ValueError, IndexError):
        return None  # damaged, or of a form that is not read as columns
    if offset != size:
        return None
    mask_bytes = np.frombuffer(bytes(mask), np.uint8)
    return Layout(places, mask_bytes, np.frombuffer(bytes(expected), np.uint8) & mask_bytes)


def _place(kind: LeafKind, row: bytes, offset: int, mask: bytearray) -> tuple[Place, int]:
    """Return where the value at an offset lies and where the next begins; write its part of the mask."""
    if kind == "double":
        return Place(offset, 8), offset + 8
    if kind == "boolean":
        return Place(offset, 1), offset + 1
    end, number = _varint(row, offset)
    if kind == "long":
        mask[offset:end] = bytes([_CONTINUES]) * (end - offset)
        return Place(offset, end - offset), end
    mask[offset:end] = bytes([_FIXED]) * (end - offset)
    text = row[end : end + number]
    if number < 0 or len(text) != number or not text.isascii():
        raise ValueError("a string that is cut off or not ASCII")
    mask[end : end + number] = bytes([_CONTINUES]) * number
    return Place(end, number), end + number


def _varint(row: bytes, offset: int) -> tuple[int, int]:
    """Return (end, number) of the zigzag varint at an offset."""
    number = 0
    for index in range(MAX_VARINT_BYTES):
        byte = row[offset + index]
        number |= (byte & 0x7F) << (7 * index)
        if not byte & _CONTINUES:
            return offset + index + 1, (number >> 1) ^ -(number & 1)
    raise ValueError("a varint that is too long")
