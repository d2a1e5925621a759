"""Records to bytes and back: Avro in the Confluent wire format (0x00, 4-byte schema id, body)."""

import dataclasses
import types
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import fastavro
from fastavro.types import Schema

from schemas.errors import RecordDecodeError, RecordEncodeError
from schemas.registry import newest_schema, published_schemas

R = TypeVar("R")
MAGIC = 0
HEADER_BYTES = 5
# Beyond what Kafka accepts by default (message.max.bytes); refuse to even try to decode it.
MAX_RECORD_BYTES = 1_048_576


def wire_header(record_type: type[Any]) -> bytes:
    """Return the five bytes that precede every record of this type."""
    return bytes([MAGIC]) + newest_schema(record_type.__name__).schema_id.to_bytes(4, "big")


def encode(record: Any) -> bytes:
    """Return the record in the Confluent wire format, by the newest published schema of its type.

    Raises:
        RecordEncodeError: a value does not fit its field.
    """
    record_type: Any = type(record)  # Any: mypy does not see that a type is hashable
    write = _writer_of(record_type)
    buffer = BytesIO()
    buffer.write(wire_header(record_type))
    try:
        fastavro.schemaless_writer(buffer, _writer_schema(record_type.__name__), write(record))
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError) as error:
        raise RecordEncodeError(f"{record_type.__name__} does not fit its schema: {type(error).__name__}") from error
    return buffer.getvalue()


def decode(record_type: type[R], payload: bytes | None) -> R:
    """Return the record that the bytes hold, whichever published version wrote them.

    Raises:
        RecordDecodeError: the bytes are not such a record; ``reason`` says in which way.
    """
    if payload is None or len(payload) < HEADER_BYTES or payload[0] != MAGIC:
        got = "null" if payload is None else f"{len(payload)} bytes"
        raise RecordDecodeError("not-confluent-framed", f"expected 0x00 and a schema id, got {got}")
    if len(payload) > MAX_RECORD_BYTES:
        raise RecordDecodeError("too-large", f"at most {MAX_RECORD_BYTES} bytes are read, got {len(payload)}")
    schema_id = int.from_bytes(payload[1:HEADER_BYTES], "big")
    writer = published_schemas().get(schema_id)
    if writer is None:
        raise RecordDecodeError("unknown-schema", f"schema id {schema_id} is not published")
    name = record_type.__name__
    if writer.record != name:
        raise RecordDecodeError("wrong-record", f"expected {name}, got {writer.record}")
    body = BytesIO(payload)
    body.seek(HEADER_BYTES)
    try:
        fields: Any = fastavro.schemaless_reader(body, _parsed(schema_id), _reader_schema(schema_id, name))
        rest = len(payload) - body.tell()
    # fastavro raises many types on garbage (EOFError, IndexError, UnicodeDecodeError, MemoryError, …).
    except Exception as error:
        raise RecordDecodeError("avro", f"{name} body does not parse: {type(error).__name__}") from error
    if rest:
        raise RecordDecodeError("avro", f"{name} body has {rest} bytes after its end")
    reader = _reader_of(cast("Any", record_type))  # mypy does not see that a type is hashable
    record: R = reader(fields)
    return record


@cache
def _parsed(schema_id: int) -> Schema:
    # The parsed form is private: fastavro marks it, so as not to parse it again for every record.
    return fastavro.parse_schema(dict(published_schemas()[schema_id].schema))


def _writer_schema(name: str) -> Schema:
    return _parsed(newest_schema(name).schema_id)


def _reader_schema(schema_id: int, name: str) -> Schema | None:
    newest = newest_schema(name).schema_id
    return None if newest == schema_id else _parsed(newest)  # None: no resolution needed, which is faster


@cache
def _writer_of(record_type: Any) -> Callable[[Any], dict[str, Any]]:
    """Return a function from a record to the dict that fastavro writes, converting only the fields that need it."""
    names = tuple(field.name for field in dataclasses.fields(record_type))
    convert = _converters(record_type, _to_wire)

    def write(record: Any) -> dict[str, Any]:
        fields = {name: getattr(record, name) for name in names}
        for name, converter in convert.items():
            fields[name] = converter(fields[name])
        return fields

    return write


@cache
def _reader_of(record_type: Any) -> Callable[[dict[str, Any]], Any]:
    """Return a function from fastavro's dict to the record, converting only the fields that need it."""
    convert = _converters(record_type, _from_wire)

    def read(fields: dict[str, Any]) -> Any:
        for name, converter in convert.items():
            fields[name] = converter(fields[name])
        return record_type(**fields)

    return read


@dataclasses.dataclass(frozen=True, slots=True)
class _Direction:
    """What becomes of a nested record and of a sequence on the way to the wire or back."""

    record: Callable[[Any], Callable[[Any], Any]]
    sequence: Callable[[Any], Any]


_to_wire = _Direction(_writer_of, list)
_from_wire = _Direction(_reader_of, tuple)


def _converters(record_type: Any, direction: _Direction) -> dict[str, Callable[[Any], Any]]:
    """Return the conversion of each field that needs one, by name."""
    hints = get_type_hints(record_type, include_extras=True)
    converters = {name: _converter(hint, direction) for name, hint in hints.items()}
    return {name: converter for name, converter in converters.items() if converter is not None}


def _converter(hint: Any, direction: _Direction) -> Callable[[Any], Any] | None:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = _converter(args[0], direction)
        return None if inner is None else lambda value: None if value is None else inner(value)
    if origin is tuple:
        item = _converter(args[0], direction)
        if item is None:
            return direction.sequence
        return lambda values: direction.sequence([item(value) for value in values])
    is_record = isinstance(hint, type) and dataclasses.is_dataclass(hint)
    return direction.record(hint) if is_record else None
