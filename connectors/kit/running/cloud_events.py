"""CloudEvents attributes of a record as Kafka headers (CloudEvents 1.0, Kafka protocol binding, binary mode)."""

from functools import lru_cache
from typing import Any

from schemas.cloud_events import EVENT_TYPE_PREFIX, SPEC_VERSION, rfc3339

Headers = list[tuple[str, bytes]]


def event_headers(record: Any, *, event_id: str, source: str, time_us: int) -> Headers:
    """Return the headers of a record.

    Args:
        record: the record; its type becomes ``ce_type``, e.g. ``goldentime.Incident``.
        event_id: stable id of the event.
        source: name of the connector; ``ce_source`` is the path ``/connectors/<source>``.
        time_us: when the event happened, UTC microseconds since the epoch.
    """
    kind, origin = _constant(type(record).__name__, source)
    return [
        SPEC_VERSION,
        ("ce_id", event_id.encode()),
        ("ce_type", kind),
        ("ce_source", origin),
        ("ce_time", rfc3339(time_us).encode()),
    ]


@lru_cache(maxsize=256)
def _constant(record_name: str, source: str) -> tuple[bytes, bytes]:
    return f"{EVENT_TYPE_PREFIX}{record_name}".encode(), f"/connectors/{source}".encode()
