"""JSON objects to records, field by field, with messages that a person who writes a connector can act on.

The JSON form of a record is its Avro form in words: objects for records and maps, lists for arrays, numbers, texts,
null. Bytes are a text, ``base64:`` and base64. A message names the field, the rule and the kind of what was got; the
content of a text is never repeated, because it may be a person's.
"""

import base64
import binascii
import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from connectors.kit.errors import EntryRefusedError
from schemas.record import Codes

R = TypeVar("R")
_Read = Callable[[Any, str], Any]

BASE64 = "base64:"
# Far beyond any id, name of a place or code; protects memory and the broker's limit.
TEXT_CHARACTERS_MAX = 4_096
ITEMS_MAX = 10_000
# 2000-01-01 to 2100-01-01. Seconds or milliseconds written as microseconds fall far outside.
TIME_US_MIN = 946_684_800_000_000
TIME_US_MAX = 4_102_444_800_000_000
# Value ranges by the unit a field's name ends in.
_RANGES: dict[str, tuple[float, float]] = {
    "lat_deg": (-90, 90),
    "lon_deg": (-180, 180),
    "azimuth_deg": (0, 360),
    "course_deg": (0, 360),
    "accuracy_m": (0, 40_100_000),  # the Earth's circumference
    "speed_mps": (0, 400),
    "battery_pct": (0, 100),
    "_us": (TIME_US_MIN, TIME_US_MAX),
}
_READERS: dict[Any, _Read] = {}
_PLAIN = frozenset({str, int, float, bool, types.NoneType})
_COORDINATES = ("lat_deg", "lon_deg")


def record_from_json(record_type: type[R], value: Any) -> R:
    """Return the record that a JSON object describes.

    Args:
        record_type: class of the record.
        value: what ``json.loads`` gave.

    Raises:
        EntryRefusedError: it is not such a record; ``field`` is the path to what is wrong, e.g. ``location.lat_deg``,
            ``reason`` one of missing-field, unknown-field, wrong-type, unknown-code, out-of-range, impossible-time,
            impossible-coordinates, too-long.
    """
    record: R = _reader(record_type)(value, "")
    return record


def record_to_json(record: Any) -> Any:
    """Return a record, or any value of one, in its JSON form; :func:`record_from_json` makes the record again."""
    if type(record) in _PLAIN:  # most values by far
        return record
    if dataclasses.is_dataclass(record):
        return {field.name: record_to_json(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, tuple):
        return [record_to_json(item) for item in record]
    if isinstance(record, dict):
        return {name: record_to_json(item) for name, item in record.items()}
    return BASE64 + base64.b64encode(record).decode("ascii") if isinstance(record, bytes) else record


def _reader(record_type: Any) -> _Read:
    """Return the function that reads a record class, made once."""
    if record_type not in _READERS:
        _READERS[record_type] = _record_reader(record_type)
    return _READERS[record_type]


def _record_reader(record_type: Any) -> _Read:
    hints = get_type_hints(record_type, include_extras=True)
    readers = {name: _value_reader(name, hint) for name, hint in hints.items()}
    required = tuple(
        field.name
        for field in dataclasses.fields(record_type)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong_type(path or record_type.__name__, "an object", value)
        dot = f"{path}." if path else ""
        for name in required:
            if name not in value:
                raise EntryRefusedError("missing-field", dot + name, f"{dot}{name}: must be given")
        unknown = next((name for name in value if name not in readers), None)
        if unknown is not None:
            rule = f"only the fields {', '.join(readers)} are known, got another"
            raise EntryRefusedError("unknown-field", path or None, f"{path or record_type.__name__}: {rule}")
        return record_type(**{name: readers[name](item, dot + name) for name, item in value.items()})

    return read


def _value_reader(name: str, hint: Any) -> _Read:
    """Return the function that reads a field's value; ``name`` decides the range of a number."""
    codes: Codes | None = None
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        codes = next((extra for extra in extras if isinstance(extra, Codes)), None)
    origin, args = get_origin(hint), get_args(hint)
    if origin is not None:
        item = args[1] if origin is dict else args[0]
        # Codes of an optional or repeated text are those of the text.
        return _container_reader(origin, _value_reader(name, Annotated[item, codes] if codes else item))
    if dataclasses.is_dataclass(hint):
        return _reader(hint)
    if hint in (int, float):
        return _number_reader(hint, next((_RANGES[unit] for unit in _RANGES if name.endswith(unit)), None))
    plain: dict[Any, _Read] = {str: _text if codes is None else _code_reader(codes), bool: _flag, bytes: _bytes}
    return plain[hint]


def _container_reader(origin: Any, inner: _Read) -> _Read:
    if origin in (Union, types.UnionType):
        return lambda value, path: None if value is None else inner(value, path)
    if origin is tuple:
        return lambda value, path: tuple(inner(v, f"{path}[{i}]") for i, v in enumerate(_list(value, path)))
    # A map's keys are not part of the message: they come from outside like its values.
    return lambda value, path: {_text(k, path): inner(v, f"{path}[]") for k, v in _object(value, path).items()}


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(path, "a text", value)
    if len(value) > TEXT_CHARACTERS_MAX:
        raise EntryRefusedError("too-long", path, f"{path}: at most {TEXT_CHARACTERS_MAX} characters, got {len(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        # A lone surrogate: JSON can write it, UTF-8 and so Kafka cannot.
        raise EntryRefusedError("wrong-type", path, f"{path}: holds a character that does not exist") from None
    return value


def _code_reader(codes: Codes) -> _Read:
    members = frozenset(member.value for member in codes.members)
    listed = ", ".join(codes.members)

    def read(value: Any, path: str) -> str:
        text = _text(value, path)
        if text not in members:
            raise EntryRefusedError(
                "unknown-code", path, f"{path}: must be one of {listed}; got another text of {len(text)} characters"
            )
        return text

    return read


def _number_reader(kind: type[int] | type[float], limits: tuple[float, float] | None) -> _Read:
    rule = "a whole number" if kind is int else "a number"
    # What Avro's long holds.
    low, high = limits or ((-(2**63), 2**63 - 1) if kind is int else (-math.inf, math.inf))

    def read(value: Any, path: str) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
            raise _wrong_type(path, rule, value)
        try:
            number = kind(value)
        except OverflowError:
            raise EntryRefusedError("out-of-range", path, f"{path}: the number is too large") from None
        if not math.isfinite(number) or not low <= number <= high:
            raise _out_of_range(path, number, low, high)
        return number

    return read


def _out_of_range(path: str, number: float, low: float, high: float) -> EntryRefusedError:
    if path.endswith("_us"):
        return EntryRefusedError(
            "impossible-time", path,
            f"{path}: must be UTC microseconds from 2000 to 2100, got {number}; is it seconds or milliseconds?",
        )  # fmt: skip
    reason = "impossible-coordinates" if path.endswith(_COORDINATES) else "out-of-range"
    return EntryRefusedError(reason, path, f"{path}: must be {low:g} to {high:g}, got {number:g}")


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(path, "true or false", value)
    return value


def _bytes(value: Any, path: str) -> bytes:
    try:
        text = _text(value, path)
        if text.startswith(BASE64):
            return base64.b64decode(text.removeprefix(BASE64), validate=True)
    except (binascii.Error, ValueError):
        pass  # the same answer as for a text without the mark
    raise EntryRefusedError("wrong-type", path, f"{path}: must be '{BASE64}' and base64")


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong_type(path, "a list", value)
    if len(value) > ITEMS_MAX:
        raise EntryRefusedError("too-long", path, f"{path}: at most {ITEMS_MAX} items, got {len(value)}")
    return value


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(path, "an object", value)
    if len(value) > ITEMS_MAX:
        raise EntryRefusedError("too-long", path, f"{path}: at most {ITEMS_MAX} items, got {len(value)}")
    return value


def _wrong_type(path: str, rule: str, value: Any) -> EntryRefusedError:
    names = {str: "a text", bool: "true or false", list: "a list", dict: "an object", type(None): "null"}
    got = names.get(type(value), "a number")
    return EntryRefusedError("wrong-type", path, f"{path}: must be {rule}, got {got}")
