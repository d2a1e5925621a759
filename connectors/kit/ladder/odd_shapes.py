"""Fields of another shape than usual: a number where a text was, a list, an object. A parser answers all of them."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from connectors.kit.errors import ConnectorCodeError
from connectors.kit.ladder.sampling import entries_of_sample, example_context
from connectors.kit.manifest import Manifest

# One of each shape that JSON has; what is broken otherwise the suite tries.
_SHAPES: tuple[tuple[str, Any], ...] = (
    ("a number", 7), ("a text", "x"), ("nothing", None), ("a list of three", [1, 2, 3]), ("an object", {"a": 1}),
)  # fmt: skip
_MEMBERS_MAX = 2
_FIELDS_MAX = 60

_Way = tuple[str | int, ...]


def problems_of_shapes(manifest: Manifest) -> list[str]:
    """Return where a connector's code breaks on its own examples with a field of another shape; each place once."""
    found: dict[str, str] = {}
    for example in manifest.examples:
        if example.topic:
            continue
        for changed, payload in odd_payloads(example.payload):
            try:
                entries_of_sample(manifest, example.options, payload, example_context(), origin=example.origin)
            except ConnectorCodeError as error:
                found.setdefault(str(error), f"{example.title}, with {changed}: {error}")
    return list(found.values())


def odd_payloads(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a JSON payload with one field changed each time, and what was changed; nothing for other payloads."""
    try:
        value = json.loads(payload)
    except ValueError:
        return
    for way, _ in zip(_ways(value), range(_FIELDS_MAX), strict=False):
        for shape, odd in _SHAPES:
            changed = copy.deepcopy(value)
            place = changed
            for step in way[:-1]:
                place = place[step]
            place[way[-1]] = odd
            yield f"{_name(way)} as {shape}", json.dumps(changed).encode()


def _ways(value: Any, way: _Way = ()) -> Iterator[_Way]:
    """Yield the way to every field, and to the first members of every list."""
    members: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value[:_MEMBERS_MAX]))
    for step, inner in members:
        yield (*way, step)
        yield from _ways(inner, (*way, step))


def _name(way: _Way) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).lstrip(".")
