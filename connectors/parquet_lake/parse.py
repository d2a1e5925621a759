"""What a record is in the lake: a flat row and the Arrow schema of its topic, both read off the record's class."""

import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pyarrow as pa  # type: ignore[import-untyped]

from connectors.kit.reading.iso_times import utc_moment
from connectors.kit.reading.json_records import record_to_json
from connectors.kit.sink import Delivered
from schemas.topics import ACCESS_AUDITS, CAMERA_ASSIGNMENTS, Topic

# The time that says in which hour a record belongs, UTC microseconds.
TIME_FIELDS = {CAMERA_ASSIGNMENTS.name: "decided_us", ACCESS_AUDITS.name: "from_us"}
COARSE, EXACT = "coarse", "exact"
# 0.01 degrees of latitude are 1.1 km: enough for a map of a city's districts, too little to find a person.
COARSE_DECIMALS = 2
# Nested fields from which a place could be reckoned: distances to three cameras meet in one point.
_TELLING = frozenset({"aim", "distance_m", "bearing_deg", "why"})
_PLAIN = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_(), bytes: pa.binary()}
# Where the row was in the log: (partition, era, offset) never repeats; an era ends when a topic is made anew.
LOG_COLUMNS = ("log_partition", "log_era", "log_offset")


@cache
def schema_of(topic: Topic) -> pa.Schema:
    """Return the columns of a topic's rows: its record's fields, those of records within it with a prefix.

    All may be null, so that a file written before a field existed reads as one without it.
    """
    fields = [pa.field(name, pa.int64()) for name in LOG_COLUMNS]
    for name, hint in get_type_hints(topic.record, include_extras=True).items():
        inner = _record_within(hint)
        if inner is None:
            fields.append(pa.field(name, _arrow_type(hint)))
            continue
        for nested, nested_hint in get_type_hints(inner, include_extras=True).items():
            fields.append(pa.field(f"{name}_{nested}", _arrow_type(nested_hint)))
    return pa.schema(fields)


def row_of(delivered: Delivered, positions: str, era: int = 0) -> dict[str, Any]:
    """Return a record as the row of its topic; JSON-able.

    Args:
        delivered: a record, no tombstone.
        positions: ``coarse`` or ``exact``.
        era: which log under this topic's name it comes from, counted from 0.
    """
    row: dict[str, Any] = dict(zip(LOG_COLUMNS, (delivered.partition, era, delivered.offset), strict=True))
    within = _names_within(delivered.topic)
    for name, value in record_to_json(delivered.record).items():
        if name not in within:
            row[name] = value
            continue
        for inner in within[name]:
            row[f"{name}_{inner}"] = None if value is None else value[inner]
    return row if positions == EXACT else {name: _coarse(name, value) for name, value in row.items()}


@cache
def _names_within(topic: Topic) -> Mapping[str, tuple[str, ...]]:
    """Return the fields of a topic's record that hold a record, each with the names of that one's fields."""
    hints = get_type_hints(topic.record, include_extras=True)
    records = {name: _record_within(hint) for name, hint in hints.items()}
    return {n: tuple(field.name for field in dataclasses.fields(r)) for n, r in records.items() if r is not None}


def time_us_of(delivered: Delivered) -> int:
    """Return the time of a record that decides in which hour it belongs, UTC microseconds since the epoch."""
    return int(getattr(delivered.record, TIME_FIELDS[delivered.topic.name]))


def hour_of(time_us: int) -> str:
    """Return the partition of a time, ``date=2026-03-01/hour=12``, in UTC."""
    return utc_moment(time_us).strftime("date=%Y-%m-%d/hour=%H")


def _coarse(name: str, value: Any) -> Any:
    if name.endswith(("_lat_deg", "_lon_deg")) and value is not None:
        return round(value, COARSE_DECIMALS)
    return [_without_telling(item) for item in value] if isinstance(value, list) else value


def _without_telling(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    return {name: None if name in _TELLING else value for name, value in item.items()}


def _bare(hint: Any) -> Any:
    """Return a type without its documentation and without None."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(part for part in get_args(hint) if part is not type(None))
    return _bare(hint) if get_origin(hint) in (Annotated, Union, types.UnionType) else hint


def _record_within(hint: Any) -> type[Any] | None:
    bare = _bare(hint)
    return bare if isinstance(bare, type) and dataclasses.is_dataclass(bare) else None


def _arrow_type(hint: Any) -> pa.DataType:
    bare = _bare(hint)
    if bare in _PLAIN:
        return _PLAIN[bare]
    if get_origin(bare) is tuple:
        return pa.list_(_arrow_type(get_args(bare)[0]))
    if get_origin(bare) is dict:
        return pa.map_(pa.string(), _arrow_type(get_args(bare)[1]))
    hints = get_type_hints(bare, include_extras=True)
    return pa.struct([pa.field(name, _arrow_type(nested)) for name, nested in hints.items()])
