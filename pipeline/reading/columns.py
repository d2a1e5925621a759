"""Many records at a time, as columns: the hot topics without a Python object per record.

Rows of one form (see ``column_layout``) are laid under each other as one table of bytes, from which numpy takes each
field in one go. What has a rare form or is damaged is decoded one by one by ``schemas.codec``, so that the values and
the errors are the same as there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.reading.column_layout import Layout, Leaf, Place, layout_of, leaves
from schemas.codec import decode, encode, wire_header
from schemas.errors import RecordDecodeError
from schemas.registry import newest_schema

Rows = NDArray[np.intp]
# Below this many rows it is cheaper to decode one by one than to learn a layout (about 0.1 ms).
MIN_ROWS_OF_A_LAYOUT = 16
# A table of bytes is built for rows up to this length; longer ones are no telemetry.
MAX_ROW_BYTES = 4096
# A sender could give every row a form of its own: after this many layouts that did not pay, no more are learnt.
MAX_POOR_LAYOUTS = 16


@dataclass(frozen=True, slots=True)
class Columns:
    """What was wanted of the rows that decode, in input order.

    Attributes:
        ok: indexes of these rows in the input, growing.
        data: a column per wanted name, as long as ``ok``: float64 for doubles (NaN where null), int64 for longs, bool
            for booleans, objects for strings (UTF-8 ``bytes``, None where null) and for nullable longs and booleans.
        errors: (index, error) of the other rows, growing, exactly as ``schemas.codec.decode`` refuses them.
    """

    ok: Rows
    data: dict[str, NDArray[Any]]
    errors: list[tuple[int, RecordDecodeError]]


def decode_columns(record_type: type[Any], values: Sequence[bytes | None], wanted: tuple[str, ...]) -> Columns:
    """Return the wanted fields of many values of one flat record type.

    Args:
        record_type: a record of ``schemas`` whose published schema is flat.
        values: records in the Confluent wire format; None is an error, as for the codec.
        wanted: field names, dotted for nested records, e.g. ``location.lat_deg``; null where the nested record is.

    Raises:
        ValueError: the record is not flat or has no such field.
    """
    by_name = {leaf.name: leaf for leaf in _leaves_today(record_type) if leaf.kind != "record"}
    if unknown := [name for name in wanted if name not in by_name]:
        raise ValueError(f"{record_type.__name__} has no field {unknown[0]!r}")
    decoding = _Decoding(record_type, values, [by_name[name] for name in wanted])
    for rows in _rows_by_length(values):
        decoding.take_rows_by_layout(rows)
    errors = decoding.take_one_by_one()
    ok = np.flatnonzero(decoding.done)
    if len(ok) == len(values):
        return Columns(ok, decoding.data, errors)
    return Columns(ok, {name: column[ok] for name, column in decoding.data.items()}, errors)


class _Decoding:
    """The columns of one call while they fill."""

    def __init__(self, record_type: type[Any], values: Sequence[bytes | None], fields: list[Leaf]) -> None:
        self._record_type = record_type
        self._values = values
        self._fields = fields
        self._poor_layouts_left = MAX_POOR_LAYOUTS
        self.data = {leaf.name: np.empty(len(values), _dtype(leaf)) for leaf in fields}
        self.done = np.zeros(len(values), np.bool_)

    def take_rows_by_layout(self, rows: Rows) -> None:
        """Decode rows of one length by their layouts, while that pays."""
        texts = [self._values[row] or b"" for row in rows.tolist()]
        table = np.frombuffer(b"".join(texts), np.uint8).reshape(len(rows), -1)
        left = np.arange(len(rows))
        while len(left) >= MIN_ROWS_OF_A_LAYOUT and self._poor_layouts_left > 0:
            layout = layout_of(self._record_type.__name__, texts[left[0]])
            if layout is None:
                left = left[1:]
                continue
            like = _like(layout, table if len(left) == len(table) else table[left])
            taken, left = left[like], left[~like]
            self._poor_layouts_left -= len(taken) < MIN_ROWS_OF_A_LAYOUT
            block = table if len(taken) == len(table) else table[taken]
            for leaf in self._fields:
                self.data[leaf.name][rows[taken]] = _column(leaf, layout.places.get(leaf.name), block)
            self.done[rows[taken]] = True

    def take_one_by_one(self) -> list[tuple[int, RecordDecodeError]]:
        """Decode what is not done yet; return what cannot be."""
        errors = []
        cells = [(self.data[leaf.name], leaf, leaf.name.split(".")) for leaf in self._fields]
        for row in np.flatnonzero(~self.done).tolist():
            try:
                record = decode(self._record_type, self._values[row])
            except RecordDecodeError as error:
                errors.append((row, error))
                continue
            for column, leaf, path in cells:
                column[row] = _cell(leaf, _at(record, path))
            self.done[row] = True
        return errors


def _leaves_today(record_type: type[Any]) -> tuple[Leaf, ...]:
    return leaves(newest_schema(record_type.__name__).schema_id)


def _dtype(leaf: Leaf) -> Any:
    if leaf.kind == "double":
        return np.float64
    if leaf.kind == "string" or leaf.may_be_null:
        return np.object_
    return np.int64 if leaf.kind == "long" else np.bool_


def _rows_by_length(values: Sequence[bytes | None]) -> list[Rows]:
    """Return the indexes of equally long rows, for the lengths of which there are enough."""
    lengths = np.array([0 if value is None else len(value) for value in values], np.intp)
    if len(lengths) and (lengths == lengths[0]).all():
        return [np.arange(len(lengths))] if len(lengths) >= MIN_ROWS_OF_A_LAYOUT and _fits(lengths[0]) else []
    order = np.argsort(lengths, kind="stable")
    ends = np.flatnonzero(np.diff(lengths[order], append=-1)) + 1
    groups = np.split(order, ends[:-1])
    return [group for group in groups if len(group) >= MIN_ROWS_OF_A_LAYOUT and _fits(lengths[group[0]])]


def _fits(length: int) -> bool:
    return 0 < length <= MAX_ROW_BYTES


def _like(layout: Layout, table: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which rows of a table have the layout."""
    checked = np.flatnonzero(layout.mask)
    differs = (table[:, checked] & layout.mask[checked]) != layout.expected[checked]
    like: NDArray[np.bool_] = ~differs.any(axis=1)
    return like


def _column(leaf: Leaf, place: Place | None, table: NDArray[np.uint8]) -> Any:
    """Return a field of all rows of a layout, fit for its column; its default where the writer did not know it yet."""
    if place is None:
        return _cell(leaf, leaf.default)
    if place.size < 0:
        return _cell(leaf, None)
    start, end = place.offset, place.offset + place.size
    if leaf.kind == "string":
        if place.size == 0:
            return b""
        # As "void" numpy hands out all bytes; its own string type would drop zeros at the end.
        return _objects(np.ascontiguousarray(table[:, start:end]).view(f"V{place.size}")[:, 0].tolist())
    if leaf.kind == "double":
        return np.ascontiguousarray(table[:, start:end]).view("<f8")[:, 0]
    column = table[:, start] != 0 if leaf.kind == "boolean" else _longs(table[:, start:end])
    return _objects(column.tolist()) if leaf.may_be_null else column


def _objects(items: list[Any]) -> NDArray[Any]:
    column = np.empty(len(items), np.object_)
    column[:] = items
    return column


def _longs(table: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the zigzag varints that the rows of a table of bytes are."""
    number = np.zeros(len(table), np.uint64)
    for index in range(table.shape[1]):
        number |= (table[:, index] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * index)
    return (number >> np.uint64(1)).astype(np.int64) ^ -(number & np.uint64(1)).astype(np.int64)


def _at(record: Any, path: Sequence[str]) -> Any:
    """Return the value at a path of field names; None within a nested record that is null."""
    for name in path:
        if record is None:
            return None
        record = getattr(record, name)
    return record


def _cell(leaf: Leaf, value: Any) -> Any:
    """Return a decoded value as its column holds it."""
    if leaf.kind == "double":
        return np.nan if value is None else value
    return value.encode() if isinstance(value, str) else value


def encode_columns(record_type: type[Any], columns: Mapping[str, NDArray[Any]]) -> list[bytes]:
    """Return records of only longs and doubles in the Confluent wire format, byte for byte as ``schemas.codec.encode``.

    Args:
        record_type: a record of ``schemas`` without strings, booleans and nullable fields, e.g. SubjectTrack.
        columns: a column per field, all equally long; integers for longs.

    Raises:
        ValueError: the record has other fields, a column is missing or too many, or they differ in length.
    """
    fields = _leaves_today(record_type)
    _check_columns(record_type, fields, columns)
    count = len(columns[fields[0].name])
    parts = {f.name: _varint_parts(columns[f.name]) if f.kind == "long" else columns[f.name] for f in fields}
    widths = [_widths(parts[f.name]) for f in fields if f.kind == "long"]
    encoded: list[bytes] = [b""] * count
    for rows in _rows_by_widths(widths, count):
        if len(rows) == count:
            return _encode_rows(record_type, fields, parts)
        if len(rows) < MIN_ROWS_OF_A_LAYOUT:
            for row in rows.tolist():
                encoded[row] = encode(record_type(**{name: column[row].item() for name, column in columns.items()}))
            continue
        for row, payload in zip(
            rows.tolist(),
            _encode_rows(record_type, fields, {name: column[rows] for name, column in parts.items()}),
            strict=True,
        ):
            encoded[row] = payload
    return encoded


def _check_columns(record_type: type[Any], fields: tuple[Leaf, ...], columns: Mapping[str, NDArray[Any]]) -> None:
    name = record_type.__name__
    if other := [f.name for f in fields if f.may_be_null or f.kind not in ("long", "double") or "." in f.name]:
        raise ValueError(f"{name}.{other[0]} is not a plain long or double")
    if columns.keys() != {f.name for f in fields}:
        raise ValueError(f"{name} has the fields {[f.name for f in fields]}, got columns {sorted(columns)}")
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError(f"the columns of {name} differ in length: { {n: len(c) for n, c in columns.items()} }")
    for field in fields:
        if field.kind == "long" and columns[field.name].dtype.kind != "i":
            raise ValueError(f"{name}.{field.name} must be of signed integers, got {columns[field.name].dtype}")


def _varint_parts(column: NDArray[Any]) -> NDArray[np.uint64]:
    """Return longs in zigzag form, whose groups of seven bits a varint writes."""
    longs = column.astype(np.int64)
    return ((longs << 1) ^ (longs >> 63)).view(np.uint64)


# A zigzag number below 2**7 takes one byte, below 2**14 two, and so on to ten.
_WIDER_FROM = np.array([1 << (7 * groups) for groups in range(1, 10)], np.uint64)


def _widths(parts: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return how many bytes the varint of each takes, 1 to 10."""
    return np.searchsorted(_WIDER_FROM, parts, side="right") + 1


def _rows_by_widths(widths: list[NDArray[np.intp]], count: int) -> list[Rows]:
    """Return the indexes of rows whose longs take equally many bytes, field by field."""
    if count == 0:
        return []
    form = np.zeros(count, np.int64)
    for width in widths:
        form = form * 11 + width  # 11**17 fits an int64; no flat record has that many longs
    order = np.argsort(form, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(form[order])) + 1)


def _encode_rows(record_type: type[Any], fields: tuple[Leaf, ...], parts: Mapping[str, NDArray[Any]]) -> list[bytes]:
    """Encode rows of equal widths as one table of bytes and cut it."""
    header = np.frombuffer(wire_header(record_type), np.uint8)
    count = len(next(iter(parts.values())))
    blocks: list[NDArray[np.uint8]] = [np.broadcast_to(header, (count, len(header)))]
    for field in fields:
        part = parts[field.name]
        if field.kind == "double":
            blocks.append(np.ascontiguousarray(part, "<f8").view(np.uint8).reshape(count, 8))
            continue
        shifts = np.arange(0, 7 * int(_widths(part[:1])[0]), 7, dtype=np.uint64)
        groups = ((part[:, None] >> shifts) & np.uint64(0x7F)).astype(np.uint8)
        groups[:, :-1] |= 0x80
        blocks.append(groups)
    table = np.concatenate(blocks, axis=1)
    whole: list[bytes] = table.view(f"V{table.shape[1]}")[:, 0].tolist()
    return whole
