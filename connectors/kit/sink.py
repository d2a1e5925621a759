"""The protocol for sinks: where records of our topics go outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class Delivered:
    """A record of a topic as a sink gets it.

    Attributes:
        topic: the topic it was read from.
        partition: its partition.
        offset: its offset; (topic, partition, offset) never repeats with another content, so a sink can drop repeats.
        key: its Kafka key.
        record: an instance of ``topic.record``; None for a tombstone.
    """

    topic: Topic
    partition: int
    offset: int
    key: bytes | None
    record: Any | None


@runtime_checkable
class StartingSink(Protocol):
    """A sink that has work to do before its first record, such as ending what ran out while it was down."""

    async def start(self) -> None:
        """Begin; called once before the first poll. Raise ``ConnectorConfigError`` for what cannot work."""


class Sink(Protocol):
    """A system that takes records. Offsets are committed after ``write`` has returned: at least once, in order."""

    topics: tuple[Topic, ...]

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Hand the batch over; raise ``connectors.kit.errors.SinkUnavailableError`` to have it tried again.

        Where a time-out is behind the error, or it took long, fewer records are tried, and the others come after them.
        """

    async def close(self) -> None:
        """Flush and free what the sink holds, within 2 s."""
