"""The present picture of a topic, read from Kafka."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from connectors.kit.errors import BrokerUnavailableError, SourceUnavailableError
from connectors.kit.running.consumer import connected_consumer, partitions_of, require_answer
from connectors.kit.settings import ConnectorSettings
from connectors.kit.sink import Delivered
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.topics import Topic, prefixed

logger = logging.getLogger(__name__)
T = TypeVar("T")

POLL_MS = 200
BATCH_RECORDS_MAX = 2_000
CLOSE_MS = 300
# After so long without records it is asked whether the broker still answers; kafka-python does not tell.
QUIET_S = 5.0
# One answer about ends.
END_MS = 2_000
# So long without records the end may stay unknown, as that of a partition without a leader.
END_S_MAX = 30.0


class KafkaPictures:
    """Reads topics of one city.

    Args:
        settings: broker and prefix.
    """

    def __init__(self, settings: ConnectorSettings) -> None:
        self._settings = settings

    async def batches(self, topic: Topic, *, follow: bool) -> AsyncGenerator[Sequence[Delivered], None]:
        """Yield the records of a topic; see :class:`connectors.kit.pictures.Pictures`."""
        name = prefixed(self._settings.topic_prefix)(topic.name)
        # The consumer is not safe in two threads, so it lives in one of its own.
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="picture")
        opened: list[KafkaConsumer] = []
        try:
            consumer = await _in(thread, lambda: self._connected(name))
            opened.append(consumer)
            is_told, ends = False, dict[TopicPartition, int]()
            came_s = heard_s = time.monotonic()
            while True:
                polled = await _in(thread, lambda: consumer.poll(POLL_MS, max_records=BATCH_RECORDS_MAX))
                batch = [d for records in polled.values() for d in _delivered(topic, records)]
                if batch:
                    yield batch
                if polled:
                    came_s = heard_s = time.monotonic()
                elif time.monotonic() - heard_s > QUIET_S:
                    await _in(thread, lambda: require_answer(consumer))
                    heard_s = time.monotonic()
                at_end = partial(_is_at_end, consumer, ends, is_quiet=not polled)
                if not is_told and await _in(thread, at_end):
                    is_told = True
                    yield ()
                    if not follow:
                        return
                elif not is_told and time.monotonic() - came_s > END_S_MAX:
                    raise SourceUnavailableError(f"the broker does not tell where topic {name} ends")
        finally:
            for consumer in opened:
                thread.submit(consumer.close, autocommit=False, timeout_ms=CLOSE_MS)
            thread.shutdown(wait=False)

    def _connected(self, name: str) -> KafkaConsumer:
        consumer = connected_consumer(self._settings, group_id=None)
        try:
            numbers = partitions_of(consumer, name)
        except KafkaError:
            consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
            raise
        if not numbers:
            consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
            raise SourceUnavailableError(f"topic {name} is not there; goldentime topics create makes it")
        consumer.assign([TopicPartition(name, number) for number in sorted(numbers)])
        consumer.seek_to_beginning(*consumer.assignment())
        return consumer


def _is_at_end(consumer: KafkaConsumer, ends: dict[TopicPartition, int], *, is_quiet: bool) -> bool:
    """Return whether every partition was read to where it ended when the reading began.

    Args:
        consumer: the consumer.
        ends: the end that the first fetch of each partition told; filled in here.
        is_quiet: whether the last poll gave nothing.
    """
    positions = {tp: consumer.position(tp, timeout_ms=POLL_MS) for tp in consumer.assignment()}
    told = {tp: consumer.highwater(tp) for tp in positions}
    if None in told.values() or None in positions.values():
        return False
    for tp, end in told.items():
        ends.setdefault(tp, end)
    behind = [tp for tp, position in positions.items() if position < ends[tp]]
    if not behind or not is_quiet:
        return not behind
    # A transaction that is open holds back what is behind it. The broker's answer about the last stable offset is
    # taken as such only where it is just the position: the embedded broker answers too little, and has none open.
    stable = consumer.end_offsets(behind, timeout_ms=END_MS)
    return all(stable[tp] == positions[tp] for tp in behind)


def _delivered(topic: Topic, records: Sequence[Any]) -> list[Delivered]:
    found = []
    for record in records:
        try:
            value = None if record.value is None else decode(topic.record, record.value)
        except RecordDecodeError as error:
            logger.warning("passed over %s %d/%d: %s", topic.name, record.partition, record.offset, error)
            continue
        found.append(Delivered(topic, record.partition, record.offset, record.key, value))
    return found


async def _in(thread: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, call)
    except (KafkaError, BrokerUnavailableError) as error:
        raise SourceUnavailableError(f"the broker does not answer: {type(error).__name__}") from error
