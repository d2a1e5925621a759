"""What stands on a compacted topic, as far as a registry must know it to compare its next file."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any, TypeVar

from connectors.kit.pictures import Pictures
from schemas.topics import Topic

T = TypeVar("T")


async def standing_on(pictures: Pictures, topic: Topic, keep: Callable[[Any], T | None]) -> dict[str, T]:
    """Return what is kept of each record that stands, by its key.

    Args:
        pictures: where topics are read.
        topic: a compacted topic.
        keep: what to keep of a record, e.g. its event_id; None where it is not of this registry.

    Raises:
        SourceUnavailableError: the broker does not answer, or the topic is not there.
    """
    standing: dict[str, T] = {}
    async with aclosing(pictures.batches(topic, follow=False)) as batches:
        async for batch in batches:
            for delivered in batch:
                key = (delivered.key or b"").decode("utf-8", "replace")
                kept = None if delivered.record is None else keep(delivered.record)
                if kept is None:
                    standing.pop(key, None)
                else:
                    standing[key] = kept
    return standing
