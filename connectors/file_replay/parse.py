"""One line of a replay file to an entry: pure, every failure with the field and the rule."""

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_bodies import strict_loads
from connectors.kit.reading.json_records import record_from_json
from schemas.topics import BY_NAME, Topic

# As much as the broker takes in one record, in a form that is a few times larger than Avro.
LINE_BYTES_MAX = 4 * 1024 * 1024
# A year: longer than any rehearsal, short enough to catch a time written as microseconds.
AT_S_MAX = 366 * 86_400
_FIELDS = frozenset({"topic", "at_s", "record", "key", "partition", "offset"})
_NESTING_MAX = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is one record.

    Attributes:
        topic: where it goes.
        record: the record; None for a tombstone.
        key: its Kafka key where the line gives one; a tombstone always has one.
        at_s: seconds after the beginning at which it is due; None follows the line before.
    """

    topic: Topic
    record: Any | None
    key: bytes | None
    at_s: float | None


def parse_line(raw: bytes, *, start_us: int, speed: float, now_us: int) -> Line:
    """Return what a line says.

    Args:
        raw: the line's bytes.
        start_us: when the replay began, UTC microseconds since the epoch.
        speed: divides every ``at_s``; 0 (as fast as possible) counts as 1.
        now_us: fills ``ingested_us`` where it is missing.

    Raises:
        EntryRefusedError: the line is not one record; field, rule and what was got are named.
    """
    line = _object_of(raw)
    topic = _topic_of(line)
    unknown = sorted(set(line) - _FIELDS)
    if unknown:
        raise EntryRefusedError(
            "unknown-field", None, f"a line has only {', '.join(sorted(_FIELDS))}; got another field"
        )
    scale_us = 1_000_000 / (speed or 1.0)
    at_s = None if line.get("at_s") is None else _seconds(line["at_s"], "at_s") / (speed or 1.0)
    key = line.get("key")
    if key is not None and (not isinstance(key, str) or not key):
        raise EntryRefusedError("wrong-type", "key", "key: must be a text that is not empty")
    encoded_key = key.encode(errors="replace") if key else None
    if "record" not in line:
        raise EntryRefusedError("missing-field", "record", "record: must be given; null removes what the key names")
    fields = line["record"]
    if fields is None:
        if encoded_key is None:
            raise EntryRefusedError("missing-field", "key", "key: must be given where the record is null")
        return Line(topic, None, encoded_key, at_s)
    fields = _with_times(fields, start_us, scale_us, depth=0)
    if isinstance(fields, dict) and "ingested_us" in topic.record.__dataclass_fields__:
        fields.setdefault("ingested_us", now_us)
    record = record_from_json(topic.record, fields)
    return Line(topic, record, encoded_key if topic.key_field is None else None, at_s)


def topic_of(raw: bytes) -> Topic | None:
    """Return the topic a line names, as far as it can be read; None otherwise. For the answer to a refused line."""
    try:
        return _topic_of(_object_of(raw))
    except EntryRefusedError:
        return None


def kept_of(raw: bytes, number: int) -> bytes:
    """Return what is kept of a refused line: enough to find it in the file, nothing of its content."""
    digest = hashlib.sha256(raw).hexdigest()[:16]
    return json.dumps({"line": number, "bytes": len(raw), "sha256": digest}).encode()


def _object_of(raw: bytes) -> dict[str, Any]:
    if len(raw) > LINE_BYTES_MAX:
        raise EntryRefusedError("too-large", None, f"a line has at most {LINE_BYTES_MAX} bytes")
    try:
        value = strict_loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise EntryRefusedError("broken-text", None, f"the line is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise EntryRefusedError("broken-json", None, f"not JSON at character {error.pos}: {error.msg}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, NaN, or brackets without end
        raise EntryRefusedError("broken-json", None, "not JSON: a number or the nesting is beyond all bounds") from None
    if not isinstance(value, dict):
        raise EntryRefusedError("broken-json", None, "a line must be an object with topic and record")
    return value


def _topic_of(line: dict[str, Any]) -> Topic:
    name = line.get("topic")
    if name is None:
        raise EntryRefusedError("missing-field", "topic", f"topic: must be given, one of {', '.join(BY_NAME)}")
    topic = BY_NAME.get(name) if isinstance(name, str) else None
    if topic is None:
        raise EntryRefusedError("unknown-topic", "topic", f"topic: must be one of {', '.join(BY_NAME)}")
    return topic


def _seconds(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EntryRefusedError("wrong-type", path, f"{path}: must be a number of seconds")
    if not -AT_S_MAX <= value <= AT_S_MAX or not math.isfinite(value):
        raise EntryRefusedError("out-of-range", path, f"{path}: must be within {AT_S_MAX} s of the beginning")
    return float(value)


def _with_times(value: Any, start_us: int, scale_us: float, *, depth: int) -> Any:
    """Return the value with every ``{"at_s": …}`` under a name in ``_us`` replaced by the moment it means."""
    if depth > _NESTING_MAX:
        raise EntryRefusedError("too-deep", None, f"record: at most {_NESTING_MAX} levels of nesting")
    if isinstance(value, list):
        return [_with_times(item, start_us, scale_us, depth=depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for name, item in value.items():
        if name.endswith("_us") and isinstance(item, dict) and set(item) == {"at_s"}:
            result[name] = start_us + round(_seconds(item["at_s"], f"{name}.at_s") * scale_us)
        else:
            result[name] = _with_times(item, start_us, scale_us, depth=depth + 1)
    return result
