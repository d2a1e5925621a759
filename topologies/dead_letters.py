"""Records that could not be used, for ``<topic>-dlq``, in the same unit of work as their neighbours' decisions."""

from collections.abc import Callable, Iterable

from pipeline.reading.batch import Refusal
from schemas.codec import encode
from schemas.dead_letter import DeadLetter
from schemas.topics import DEAD_LETTER_SUFFIX
from topologies.cloud_events import EventHeaders
from topologies.unit_of_work import Outgoing

# A dead letter carries the original bytes beside its own fields, and must itself fit into a record.
PAYLOAD_BYTES_MAX = 400_000
SOURCE = "worker"


def dead_letters(refusals: Iterable[Refusal], full_name: Callable[[str], str], events: EventHeaders) -> list[Outgoing]:
    """Return the dead letters of refused records, one ``Outgoing`` per topic; each keeps its record's key.

    Args:
        refusals: the records with their reasons.
        full_name: turns a topic's name into its name in the city.
        events: makes their CloudEvents headers; the id is the refused record's place.
    """
    by_topic: dict[str, Outgoing] = {}
    for refusal in refusals:
        name = full_name(refusal.topic + DEAD_LETTER_SUFFIX)
        outgoing = by_topic.setdefault(name, Outgoing(name))
        # A record with neither key nor value cannot be written; a dead letter always has a value.
        place = f"{refusal.topic}/{refusal.partition}/{refusal.offset}"
        headers = events.of(DeadLetter.__name__, place, refusal.now_us)
        outgoing.add(refusal.key, encode(dead_letter(refusal)), refusal.now_us // 1000, headers)
    return list(by_topic.values())


def dead_letter(refusal: Refusal) -> DeadLetter:
    """Return the dead letter of a refused record; bytes beyond the limit are cut off, and the message says so."""
    cut = len(refusal.payload) - PAYLOAD_BYTES_MAX
    return DeadLetter(
        source=SOURCE,
        origin_topic=refusal.topic,
        origin_partition=refusal.partition,
        origin_offset=refusal.offset,
        key=refusal.key,
        payload=refusal.payload[:PAYLOAD_BYTES_MAX],
        reason=refusal.reason,
        field=refusal.field,
        message=refusal.message if cut <= 0 else f"{refusal.message} (payload cut by {cut} bytes)",
        failed_us=refusal.now_us,
    )
