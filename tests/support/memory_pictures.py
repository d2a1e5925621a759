"""Pictures of topics from the log in memory, as connectors read them from a broker."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from connectors.kit.errors import SourceUnavailableError
from connectors.kit.sink import Delivered
from schemas.topics import Topic
from tests.support.memory_log import MemoryLog


class MemoryPictures:
    """Reads topics of a log in memory.

    Attributes:
        is_away: True makes every reading fail, also one that follows.
        gate: cleared, nothing is given before it is set.
    """

    def __init__(self, log: MemoryLog) -> None:
        self.is_away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._log = log

    async def batches(self, topic: Topic, *, follow: bool) -> AsyncGenerator[Sequence[Delivered], None]:
        """Yield what the log holds of a topic, an empty batch, and what comes after it."""
        given, is_told = 0, False
        await self.gate.wait()
        while True:
            if self.is_away:
                raise SourceUnavailableError("the log is away")
            stored = self._log.of(topic.name)
            if stored[given:]:
                yield [Delivered(topic, s.partition, s.offset, s.key, s.record) for s in stored[given:]]
                given = len(stored)
            if not is_told:
                is_told = True
                yield ()
                if not follow:
                    return
            await asyncio.sleep(0.005)
