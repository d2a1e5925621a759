"""Whether what came out is what an example says: some fields of each event, the number and order of all."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.kit.reading.json_records import record_to_json
from connectors.kit.source import Accepted, Entry

# About a centimetre as degrees, and far below any other unit in use.
_TOLERANCE = 1e-7


def event_of(entry: Entry) -> dict[str, Any]:
    """Return an entry as examples and the dry run show it."""
    if isinstance(entry, Accepted) and entry.record is None:
        return {"topic": entry.topic.name, "removed": (entry.key or b"").decode(errors="replace")}
    if isinstance(entry, Accepted):
        shown: dict[str, Any] = {"topic": entry.topic.name, "record": record_to_json(entry.record)}
        if entry.key is not None:
            shown["key"] = entry.key.decode(errors="replace")
        return shown
    return {
        "topic": entry.topic.name,
        "refused": entry.reason,
        "field": entry.field,
        "message": entry.message,
        "number": entry.number,
    }


def differences(expected: Sequence[Mapping[str, Any]], entries: Sequence[Entry]) -> list[str]:
    """Return in what the entries differ from the expected events; empty where they do not."""
    found = [f"expected {len(expected)} events, got {len(entries)}"] if len(expected) != len(entries) else []
    for number, (wanted, entry) in enumerate(zip(expected, entries, strict=False), start=1):
        found += [f"event {number}: {text}" for text in unlike(wanted, event_of(entry))]
    return found


def unlike(expected: Any, got: Any, path: str = "") -> list[str]:
    """Return where a value lacks what is expected of it: of tables only the named fields count."""
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping):
            return [f"{path or 'it'} must be a table, got {got!r}"]
        return [
            text
            for name, value in expected.items()
            for text in (
                unlike(value, got[name], f"{path}.{name}" if path else name)
                if name in got
                else [f"{path}.{name}".lstrip(".") + " is not there; there are " + ", ".join(map(str, got))]
            )
        ]
    if isinstance(expected, list):
        if not isinstance(got, Sequence) or isinstance(got, str) or len(got) != len(expected):
            return [f"{path} must be a list of {len(expected)}, got {got!r}"]
        pairs = zip(expected, got, strict=True)
        return [text for number, (want, item) in enumerate(pairs) for text in unlike(want, item, f"{path}[{number}]")]
    same = expected == got
    if isinstance(expected, int | float) and isinstance(got, int | float) and not isinstance(expected, bool):
        same = math.isclose(expected, got, rel_tol=0, abs_tol=_TOLERANCE)
    return [] if same else [f"{path} must be {expected!r}, got {got!r}"]
