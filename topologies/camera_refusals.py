"""Refused rows of cameras and conditions, answered in dead letters once, although every worker reads every row."""

import asyncio
from collections.abc import Callable

from aiokafka import AIOKafkaProducer, TopicPartition

from pipeline.reading.batch import Refusal
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.errors import RecordDecodeError
from schemas.topics import CAMERA_HEALTH, CAMERAS, CONDITIONS, DEAD_LETTER_SUFFIX
from topologies.cloud_events import EventHeaders
from topologies.connection import client_options
from topologies.dead_letters import dead_letters
from topologies.metrics import FlowMetrics
from topologies.reading import BulkReader
from topologies.settings import Settings
from topologies.unit_of_work import BATCH_BYTES, send

# A registry that is wrong from end to end must not fill the memory; what is beyond is answered at the next start.
PENDING_MAX = 100_000
PAUSE_S = 0.5

Place = tuple[str, int]


class CameraRefusals:
    """Collects refused rows; the worker that owns case partition 0 writes those not answered before.

    Rows stay in their compacted topics and are refused again at every start, by every worker. So the dead-letter
    topics are read once, and rows whose place (topic, offset) has an answer there are left alone.
    """

    def __init__(
        self,
        settings: Settings,
        full_name: Callable[[str], str],
        metrics: FlowMetrics,
        *,
        events: EventHeaders,
        is_ours: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._full_name = full_name
        self._metrics = metrics
        self._events = events
        self._is_ours = is_ours
        self._pending: list[Refusal] = []
        self._answered: set[Place] | None = None

    def add(self, refusal: Refusal) -> None:
        """Note a refused row."""
        if len(self._pending) < PENDING_MAX:
            self._pending.append(refusal)

    async def run(self) -> None:
        """Write what is pending, a few times a second, until cancelled. Any exception ends the worker."""
        while True:
            await asyncio.sleep(PAUSE_S)
            if self._pending and self._is_ours():
                await self.write()

    async def write(self) -> None:
        """Write the pending rows that have no answer yet."""
        if self._answered is None:
            self._answered = await self._read_answered()
        pending, self._pending = self._pending, []
        new = [refusal for refusal in pending if (refusal.topic, refusal.offset) not in self._answered]
        if not new:
            return
        producer = AIOKafkaProducer(
            client_id=f"goldentime-{self._settings.worker_id}-refusals",
            acks="all",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=int(self._settings.request_timeout_s * 1000),
            **client_options(self._settings),
        )
        await producer.start()
        try:
            for outgoing in dead_letters(new, self._full_name, self._events):
                await asyncio.gather(*await send(producer, outgoing, 0))
        finally:
            await producer.stop()
        for refusal in new:
            self._answered.add((refusal.topic, refusal.offset))
            self._metrics.dead_letter(refusal.topic, refusal.reason)

    async def _read_answered(self) -> set[Place]:
        topics = [self._full_name(topic.name + DEAD_LETTER_SUFFIX) for topic in (CAMERAS, CAMERA_HEALTH, CONDITIONS)]
        reader = BulkReader(self._settings, read_committed=False)
        answered: set[Place] = set()
        async for _, records in reader.read({TopicPartition(topic, 0): 0 for topic in topics}):
            for record in records:
                try:
                    letter = decode(DeadLetter, record.value)
                except RecordDecodeError:
                    continue  # not ours; whoever wrote it is no answer to a row
                if letter.origin_partition == 0:
                    answered.add((letter.origin_topic, letter.origin_offset))
        return answered
