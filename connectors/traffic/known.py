"""What is remembered of the events of a road between documents, and the form in which it outlives a restart."""

from dataclasses import dataclass
from typing import Any

from connectors.kit.case_book import CaseBook, Parts
from connectors.kit.reading.json_records import record_from_json, record_to_json
from connectors.traffic.parse import RoadEvent

# More than a country's feed shows at once; what was heard of longest ago is forgotten first.
EVENTS_MAX = 10_000
_CLOSURE, _SHOWN, _GONE = "closure", "shown", "gone"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one event.

    Attributes:
        closure: its newest word that closed a road; None where none did.
        shown: its newest word in a polled document; None where it is in none, or its end was told often enough.
        gone_us: since when no document shows it, UTC microseconds since the epoch; None while one does.
    """

    closure: RoadEvent | None = None
    shown: RoadEvent | None = None
    gone_us: int | None = None


UNKNOWN = Known()


def known_events() -> CaseBook[Known]:
    """Return a book of events, by their number."""
    return CaseBook(EVENTS_MAX, write=_written, read=_read)


def _written(known: Known) -> Parts:
    parts: dict[str, Any] = {}
    if known.closure is not None:
        parts[_CLOSURE] = record_to_json(known.closure)
    if known.shown is not None:
        parts[_SHOWN] = record_to_json(known.shown)
        parts[_GONE] = known.gone_us
    return parts


def _read(parts: Parts) -> Known:
    closure, shown = (
        record_from_json(RoadEvent, parts[name]) if name in parts else None for name in (_CLOSURE, _SHOWN)
    )
    gone_us = parts.get(_GONE)
    return Known(closure, shown, None if shown is None or gone_us is None else int(gone_us))
