"""What a connector may read of our own topics: the present picture of a compacted one, and what comes after it."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from connectors.kit.sink import Delivered
from schemas.topics import Topic


class Pictures(Protocol):
    """Reads topics from their beginning, without a consumer group."""

    def batches(self, topic: Topic, *, follow: bool) -> AsyncGenerator[Sequence[Delivered], None]:
        """Yield the records of a topic in batches, in order per partition; what does not decode is passed over.

        One empty batch says that everything was given that stood there when the reading began.

        Args:
            topic: the topic.
            follow: whether to go on with what comes; False ends after the empty batch.

        Raises:
            SourceUnavailableError: the broker does not answer, or the topic is not there.
        """
