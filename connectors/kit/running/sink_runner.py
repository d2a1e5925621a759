"""Runs sinks: reads topics in a consumer group, hands batches over, and commits offsets after the outside took them.

Delivery: at least once and in order per partition. While the outside does not take a batch, it is written again after
growing pauses; the consumer stays in its group meanwhile, with its partitions paused.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, CommitFailedError, KafkaError
from kafka.structs import OffsetAndMetadata

from connectors.kit.errors import BrokerUnavailableError, ConnectorConfigError, SinkUnavailableError
from connectors.kit.running.broker import require_broker
from connectors.kit.running.pacing import Backoff, ConnectorCounters, pause
from connectors.kit.settings import ConnectorSettings
from connectors.kit.sink import Delivered, Sink, StartingSink
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.topics import Topic, prefixed

logger = logging.getLogger(__name__)
T = TypeVar("T")
ConsumerOpener = Callable[[str, Sequence[str], ConnectorSettings], KafkaConsumer]

BATCH_RECORDS_MAX = 500
POLL_MS = 200
CLOSE_MS = 500
CLOSE_SINK_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkJob:
    """A sink and how to run it.

    Attributes:
        name: name of the instance; its consumer group is ``<prefix>.sink-<name>``.
        sink: the sink.
        backoff: pauses while it or the broker does not answer.
        counters: what it has done so far.
    """

    name: str
    sink: Sink
    backoff: Backoff = field(default_factory=Backoff)
    counters: ConnectorCounters = field(default_factory=ConnectorCounters)


async def run_sink(
    job: SinkJob, settings: ConnectorSettings, stop: asyncio.Event, opener: ConsumerOpener | None = None
) -> ConnectorCounters:
    """Run a sink until ``stop`` is set; return what it did.

    Args:
        job: the sink and how to run it.
        settings: broker and prefix.
        stop: set it to end the run within two seconds.
        opener: connects a consumer; :func:`open_consumer` if None.

    Raises:
        ConnectorConfigError: the broker refuses this process or group.
        Exception: whatever else the sink raises.
    """
    run = _SinkRun(job, settings, stop, opener or open_consumer)
    failures = 0
    try:
        if isinstance(job.sink, StartingSink):
            await job.sink.start()
        while not stop.is_set():
            before = job.counters.accepted
            try:
                await run.consume()
            except BrokerUnavailableError as error:
                failures = 1 if job.counters.accepted > before else failures + 1
                run.note(error, failures)
                await pause(stop, job.backoff.pause_s(failures))
    finally:
        run.close()
        await asyncio.wait_for(job.sink.close(), CLOSE_SINK_S)
    return job.counters


class _SinkRun:
    """One run of one sink; the consumer lives in a thread of its own, because it is not safe in two."""

    def __init__(self, job: SinkJob, settings: ConnectorSettings, stop: asyncio.Event, opener: ConsumerOpener) -> None:
        self._open = opener
        self._job = job
        self._counters = job.counters
        self._settings = settings
        self._stop = stop
        self._topics = {prefixed(settings.topic_prefix)(topic.name): topic for topic in job.sink.topics}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"sink-{job.name}")

    def note(self, error: Exception, failures: int) -> None:
        self._counters.unavailable += 1
        self._counters.last_error = str(error)
        if failures == 1:
            logger.warning("%s: %s; trying again until it answers", self._job.name, error)

    def close(self) -> None:
        """Free the consumer's thread; it has nothing left to do."""
        self._thread.shutdown(wait=False)

    async def consume(self) -> None:
        """Read and write until stopped.

        Raises:
            BrokerUnavailableError: the broker does not answer.
        """
        consumer = await self._in_thread(self._connect)
        try:
            while not self._stop.is_set():
                polled = await self._in_thread(lambda: consumer.poll(POLL_MS, max_records=BATCH_RECORDS_MAX))
                if polled and await self._write(self._delivered(polled), consumer):
                    await self._commit(consumer, polled)
        finally:
            await self._in_thread(lambda: consumer.close(autocommit=False, timeout_ms=CLOSE_MS))

    def _connect(self) -> KafkaConsumer:
        return self._open(self._job.name, list(self._topics), self._settings)

    def _delivered(self, polled: Mapping[TopicPartition, list[Any]]) -> list[Delivered]:
        """Return the records that decode; the others are answered by the worker that reads the topic, here counted."""
        batch = []
        for records in polled.values():
            for record in records:
                topic = self._topics[record.topic]
                try:
                    value = None if record.value is None else decode(topic.record, record.value)
                except RecordDecodeError as error:
                    self._refuse(topic, record, error)
                    continue
                batch.append(Delivered(topic, record.partition, record.offset, record.key, value))
        return batch

    def _refuse(self, topic: Topic, record: Any, error: RecordDecodeError) -> None:
        self._counters.refused += 1
        self._counters.refusals[topic.name, error.reason] += 1
        logger.warning(
            "%s: passed over %s partition %d offset %d: %s",
            self._job.name, topic.name, record.partition, record.offset, error,
        )  # fmt: skip

    async def _write(self, batch: list[Delivered], consumer: KafkaConsumer) -> bool:
        """Hand a batch over, as often as it takes; return False when a stop came first."""
        failures = 0
        while batch:
            writing = asyncio.ensure_future(self._job.sink.write(batch))
            stopped = asyncio.ensure_future(self._stop.wait())
            try:
                await asyncio.wait({writing, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not writing.done():
                    await asyncio.wait({writing}, timeout=1.0)
                if not writing.done():
                    return False
                writing.result()
                self._counters.accepted += len(batch)
                self._counters.last_error = None
                return True
            except SinkUnavailableError as error:
                failures += 1
                self.note(error, failures)
                if not await self._wait_in_group(consumer, self._job.backoff.pause_s(failures)):
                    return False
            finally:
                stopped.cancel()
                writing.cancel()
        return True  # nothing of it decoded: it is committed as passed over

    async def _wait_in_group(self, consumer: KafkaConsumer, seconds: float) -> bool:
        """Wait without losing the partitions; return False when stopped."""

        def keep_alive() -> None:
            # Polling tells the group that this member works; paused partitions give no records meanwhile.
            consumer.pause(*consumer.assignment())
            consumer.poll(0)

        await self._in_thread(keep_alive)
        await pause(self._stop, seconds)
        await self._in_thread(lambda: consumer.resume(*consumer.paused()))
        return not self._stop.is_set()

    async def _commit(self, consumer: KafkaConsumer, polled: Mapping[TopicPartition, list[Any]]) -> None:
        offsets = {tp: OffsetAndMetadata(records[-1].offset + 1, "", -1) for tp, records in polled.items()}
        try:
            await self._in_thread(lambda: consumer.commit(offsets, timeout_ms=10_000))
        except CommitFailedError:
            # The group gave the partitions to another member, which writes these records again: at least once.
            logger.warning("%s: lost partitions before the commit; their records come again", self._job.name)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except AuthorizationError as error:
            raise ConnectorConfigError(f"{self._job.name}: the broker refuses: {type(error).__name__}") from error
        except CommitFailedError:
            raise
        except KafkaError as error:
            raise BrokerUnavailableError(f"the broker does not answer: {type(error).__name__}") from error


def open_consumer(name: str, topics: Sequence[str], settings: ConnectorSettings) -> KafkaConsumer:
    """Return a consumer in a sink's group, subscribed to topics by their full names; blocks for a second at most.

    Raises:
        BrokerUnavailableError: no broker answers.
    """
    require_broker(settings)
    consumer = KafkaConsumer(
        **settings.client_options(),
        group_id=prefixed(settings.topic_prefix)(f"sink-{name}"),
        enable_auto_commit=False,
        # A sink that is new wants the present picture, and compacted topics hold it from the beginning.
        auto_offset_reset="earliest",
        # The least that Kafka allows by default. The embedded broker lets a new member wait for half of it.
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_500,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
    )
    consumer.subscribe(list(topics))
    return consumer
