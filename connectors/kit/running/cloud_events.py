"""CloudEvents attributes of a record as Kafka headers (CloudEvents 1.0, Kafka protocol binding, binary mode)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

SPEC_VERSION = b"1.0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", event_id.encode()),
        ("ce_type", kind),
        ("ce_source", origin),
        ("ce_time", _rfc3339(time_us)),
    ]


@lru_cache(maxsize=256)
def _constant(record_name: str, source: str) -> tuple[bytes, bytes]:
    return f"goldentime.{record_name}".encode(), f"/connectors/{source}".encode()


@lru_cache(maxsize=1024)
def _rfc3339(time_us: int) -> bytes:
    """Return the time in RFC 3339 with microseconds; the epoch for times that no calendar date has."""
    try:
        moment = _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        moment = _EPOCH
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
