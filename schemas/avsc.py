"""Avro schemas from record classes: the class is the source, the published ``.avsc`` is written from it."""

import dataclasses
import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from schemas.record import Codes

NAMESPACE = "goldentime"
_PRIMITIVES: dict[Any, str] = {str: "string", bool: "boolean", int: "long", float: "double", bytes: "bytes"}


def avro_schema(record_type: type[Any]) -> dict[str, Any]:
    """Return the Avro schema of a record class as a JSON-ready dict with a ``doc`` on every field.

    Raises:
        TypeError: a field has a type that the contract does not use, or carries no documentation.
    """
    return _record(record_type, set())


def _record(record_type: type[Any], named: set[str]) -> dict[str, Any]:
    named.add(record_type.__name__)
    hints = get_type_hints(record_type, include_extras=True)
    return {
        "type": "record",
        "name": record_type.__name__,
        "namespace": NAMESPACE,
        "doc": (record_type.__doc__ or "").strip(),
        "fields": [_field(record_type, f, hints[f.name], named) for f in dataclasses.fields(record_type)],
    }


def _field(record_type: type[Any], field: "dataclasses.Field[Any]", hint: Any, named: set[str]) -> dict[str, Any]:
    where = f"{record_type.__name__}.{field.name}"
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{where} has no documentation: write Annotated[type, 'what it is']")
    base, *extras = get_args(hint)
    doc = next((extra for extra in extras if isinstance(extra, str)), "")
    if not doc:
        raise TypeError(f"{where} has no documentation: the first annotation must be a sentence")
    for codes in (extra for extra in extras if isinstance(extra, Codes)):
        doc += " One of: " + ", ".join(codes.members) + "."
    entry = {"name": field.name, "type": _type(base, where, named), "doc": doc}
    if field.default is not dataclasses.MISSING:
        entry["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    elif field.default_factory is not dataclasses.MISSING:
        entry["default"] = field.default_factory()
    return entry


def _type(hint: Any, where: str, named: set[str]) -> Any:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if hint in _PRIMITIVES:
        return _PRIMITIVES[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType) and len(args) == 2 and args[1] is type(None):
        return ["null", _type(args[0], where, named)]
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return {"type": "array", "items": _type(args[0], where, named)}
    if origin is dict and args[0] is str:
        return {"type": "map", "values": _type(args[1], where, named)}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        # Avro names a record once and refers to it afterwards.
        name = hint.__name__
        return f"{NAMESPACE}.{name}" if name in named else _record(hint, named)
    raise TypeError(f"{where} has type {hint}, which the contract does not use")
