"""The protocol for sources: where records of an outside system come from."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class Accepted:
    """An entry of the source that became a record.

    Attributes:
        topic: where the record goes.
        record: an instance of ``topic.record``; None publishes a tombstone (then ``key`` says of what).
        cursor: the source's position after this entry; once the broker has acknowledged the record, reading resumes
            here.
        key: the Kafka key, where it is not the record's own field.
    """

    topic: Topic
    record: Any | None
    cursor: str | None = None
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that could not become a record; it is answered in the dead-letter topic of ``topic``.

    Attributes:
        topic: where the record would have gone.
        reason: class of failure with few values, kebab-case, e.g. ``impossible-coordinates``.
        field: the source's name of the field that broke the rule, if one did.
        message: field, rule and what was got, without a person's data.
        payload: what may be kept of the entry; never a name, phone number or free text about a person.
        number: row or message number in the source, counted from 1.
        cursor: the source's position after this entry.
    """

    topic: Topic
    reason: str
    field: str | None
    message: str
    payload: bytes
    number: int
    cursor: str | None = None


Entry = Accepted | Refused


def removed(topic: Topic, key: str, cursor: str | None = None) -> Accepted:
    """Return the entry that ends what a compacted topic holds under a key: a tombstone, after which readers forget it.

    Args:
        topic: a compacted topic, e.g. ``cameras``.
        key: the Kafka key, e.g. the camera_id.
        cursor: the source's position after this entry.

    Raises:
        ValueError: the topic is not compacted, so that a tombstone would mean nothing, or the key is empty.
    """
    if not topic.compacted or not key:
        raise ValueError(f"{topic.name}: only a key of a compacted topic can be removed")
    return Accepted(topic, None, cursor, key.encode())


class Source(Protocol):
    """A system that gives records.

    ``entries`` may end (a file) or go on for ever (a subscription). It raises
    ``SourceUnavailableError`` (of ``kit.errors``) when the system does not answer; the runner calls it again with
    the last acknowledged cursor, after a growing pause. It is cancelled to stop, and then frees what it holds within
    2 s.
    """

    def entries(self, cursor: str | None) -> AsyncIterator[Entry]:
        """Yield the entries after ``cursor`` (None: from the start), in the source's order."""


@runtime_checkable
class AcknowledgedSource(Protocol):
    """A source whose system wants to hear what is safe: a message broker repeats what was not acknowledged."""

    def acknowledged(self, cursor: str) -> None:
        """Take note that our broker has acknowledged every entry up to ``cursor``; called in the event loop, quick."""
