"""CloudEvents 1.0 attributes of what workers write, as Kafka headers (binary mode of the Kafka protocol binding).

Public records carry the id that their record has, so that a repeat has the same one. State rows have no id of their
own: theirs is made of key, time and content.
"""

from collections.abc import Sequence
from zlib import crc32

from schemas.cloud_events import EVENT_TYPE_PREFIX, SPEC_VERSION, rfc3339
from topologies.unit_of_work import NO_HEADERS, Header


class EventHeaders:
    """Makes the headers of one source; what does not change from record to record is made once.

    Args:
        source: the ``ce_source`` of all of them, e.g. ``/goldentime/seoul``.
    """

    def __init__(self, source: str) -> None:
        self._source: Header = ("ce_source", source.encode())
        self._types: dict[str, Header] = {}

    def of(self, record_name: str, event_id: str, time_us: int) -> list[Header]:
        """Return the headers of one record.

        Args:
            record_name: name of its schema; becomes ``ce_type``, e.g. ``goldentime.CameraAssignment``.
            event_id: the same for a repeat of the event.
            time_us: when it happened or was decided, UTC microseconds since the epoch.
        """
        time: Header = ("ce_time", rfc3339(time_us).encode())
        return [SPEC_VERSION, ("ce_id", event_id.encode()), self._type_of(record_name), self._source, time]

    def of_rows(
        self, record_name: str, keys: Sequence[bytes | None], values: Sequence[bytes | None], time_us: int
    ) -> list[list[Header]]:
        """Return the headers of state rows of one moment, in their order; a tombstone is no event and has none."""
        kind, source = self._type_of(record_name), self._source
        time: Header = ("ce_time", rfc3339(time_us).encode())
        return [
            NO_HEADERS
            if value is None
            else [SPEC_VERSION, ("ce_id", b"%s/%d/%08x" % (key or b"", time_us, crc32(value))), kind, source, time]
            for key, value in zip(keys, values, strict=True)
        ]

    def _type_of(self, record_name: str) -> Header:
        kind = self._types.get(record_name)
        if kind is None:
            kind = self._types[record_name] = ("ce_type", (EVENT_TYPE_PREFIX + record_name).encode())
        return kind


def events_of(city: str) -> EventHeaders:
    """Return what makes the headers of a city's workers; all of them are one source."""
    return EventHeaders(f"/goldentime/{city}")
