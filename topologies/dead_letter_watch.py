"""How old the oldest dead letter is: the first record that any dead-letter topic still holds."""

import asyncio
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import DEAD_LETTER_SUFFIX, TOPICS
from topologies.connection import client_options
from topologies.metrics import FlowMetrics
from topologies.settings import Settings

# How often the topics are looked at, and how long a look may take; what has not answered by then is left out.
LOOK_S = 60.0
ANSWER_S = 10.0
POLL_MS = 100
# Little is wanted: the first record of each partition, which comes whole however large it is.
FETCH_BYTES = 1_024


class DeadLetterWatch:
    """Shows the age of the oldest dead letter; only the worker that owns case partition 0 looks.

    Args:
        settings: how to reach the broker, and the clock.
        full_name: from a topic's name to its name in the city.
        metrics: where it is shown.
        is_ours: whether this worker looks.
    """

    def __init__(
        self, settings: Settings, full_name: Callable[[str], str], metrics: FlowMetrics, *, is_ours: Callable[[], bool]
    ) -> None:
        self._settings = settings
        self._partitions = [
            TopicPartition(full_name(topic.name), number)
            for topic in TOPICS
            if topic.name.endswith(DEAD_LETTER_SUFFIX)
            for number in range(topic.partitions(settings.case_partitions))
        ]
        self._metrics = metrics
        self._is_ours = is_ours

    async def run(self) -> None:
        """Look once a minute until cancelled. Any exception ends the worker."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._is_ours():
                await self.look()
            else:
                self._metrics.dead_letter_oldest(None, 0)

    async def look(self) -> None:
        """Show how old the oldest letter is; 0 where there is none."""
        self._metrics.dead_letter_oldest(await self._oldest_us(), self._settings.clock.now_us())

    async def _oldest_us(self) -> int | None:
        """Return when the oldest letter was written, UTC microseconds; None without any."""
        consumer = AIOKafkaConsumer(
            client_id=f"goldentime-{self._settings.worker_id}-dead-letters",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=POLL_MS,
            request_timeout_ms=int(self._settings.request_timeout_s * 1000),
            **client_options(self._settings),
        )
        await consumer.start()
        try:
            return min(await self._first_times_us(consumer), default=None)
        finally:
            await consumer.stop()

    async def _first_times_us(self, consumer: AIOKafkaConsumer) -> list[int]:
        """Return the time of the first record of each partition that has any and answers."""
        unread, times_us = set(self._partitions), []
        consumer.assign(self._partitions)
        await consumer.seek_to_beginning(*self._partitions)
        give_up_s = time.monotonic() + ANSWER_S
        while unread and time.monotonic() < give_up_s:
            for tp, records in (await consumer.getmany(*unread, timeout_ms=POLL_MS)).items():
                times_us.append(records[0].timestamp * 1000)
                unread.discard(tp)
            for tp in list(unread):
                end = consumer.highwater(tp)
                if end is not None and await consumer.position(tp) >= end:
                    unread.discard(tp)
        return times_us
