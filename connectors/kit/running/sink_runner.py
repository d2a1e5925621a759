"""Runs sinks: reads topics in a consumer group, hands batches over, and commits offsets after the outside took them.

Delivery: at least once and in order per partition. While the outside does not take a batch, it is written again after
growing pauses; the consumer stays in its group meanwhile, with its partitions paused. A batch is given back where the
group moves partitions in such a pause: whoever has them then reads it again from the committed offsets.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.errors import BrokerUnavailableError, SinkUnavailableError
from connectors.kit.running.group_reader import ConsumerOpener, GroupReader, Polled
from connectors.kit.running.pacing import Backoff, ConnectorCounters, ends, pause
from connectors.kit.settings import ConnectorSettings
from connectors.kit.sink import Delivered, Sink, StartingSink
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.topics import Topic, prefixed

logger = logging.getLogger(__name__)

BATCH_RECORDS_MAX = 500
CLOSE_SINK_S = 2.0
# A stop leaves the batch that is being written this long.
STOP_WRITE_S = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkJob:
    """A sink and how to run it.

    Attributes:
        name: name of the instance; its consumer group is ``<prefix>.sink-<name>``.
        sink: the sink.
        backoff: pauses while it or the broker does not answer.
        write_s: batches become smaller while one takes longer to write than this, seconds. The group throws out who
            does not poll for five minutes, and waits for who writes before it moves partitions.
        counters: what it has done so far.
    """

    name: str
    sink: Sink
    backoff: Backoff = field(default_factory=Backoff)
    write_s: float = 5.0
    counters: ConnectorCounters = field(default_factory=ConnectorCounters)


async def run_sink(
    job: SinkJob, settings: ConnectorSettings, stop: asyncio.Event, opener: ConsumerOpener | None = None
) -> ConnectorCounters:
    """Run a sink until ``stop`` is set; return what it did.

    Args:
        job: the sink and how to run it.
        settings: broker and prefix.
        stop: set it to end the run within two seconds.
        opener: connects a consumer; :func:`connectors.kit.running.group_reader.open_consumer` if None.

    Raises:
        ConnectorConfigError: the broker refuses this process or group.
        Exception: whatever else the sink raises.
    """
    run = _SinkRun(job, settings, stop, opener)
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
                await pause(stop, job.backoff.broker_pause_s(failures))
    finally:
        run.reader.free()
        await asyncio.wait_for(job.sink.close(), CLOSE_SINK_S)
    return job.counters


class _SinkRun:
    """One run of one sink."""

    def __init__(
        self, job: SinkJob, settings: ConnectorSettings, stop: asyncio.Event, opener: ConsumerOpener | None
    ) -> None:
        self._job = job
        self._counters = job.counters
        self._stop = stop
        self._topics = {prefixed(settings.topic_prefix)(topic.name): topic for topic in job.sink.topics}
        self._batch_records = BATCH_RECORDS_MAX
        self.reader = GroupReader(job.name, list(self._topics), settings, opener)

    def note(self, error: Exception, failures: int) -> None:
        self._counters.unavailable += 1
        self._counters.last_error = str(error)
        if failures == 1:
            logger.warning("%s: %s; trying again until it answers", self._job.name, error)

    async def consume(self) -> None:
        """Read and write until stopped or thrown out of the group.

        Raises:
            BrokerUnavailableError: the broker does not answer.
        """
        reader, stop = self.reader, self._stop
        try:
            await reader.connect()
            # What was the matter with the outside shows again with the next batch.
            self._counters.last_error = None
            while not stop.is_set() and not reader.is_out:
                polled = await reader.poll(self._batch_records)
                if not polled:
                    await reader.commit_passed(stop)
                elif not await self._write(self._delivered(polled)):
                    if not stop.is_set():
                        await reader.give_back(polled)
                elif not await reader.commit(polled, stop):
                    logger.warning("%s: lost partitions before the commit; their records come again", self._job.name)
        finally:
            await reader.close()

    def _delivered(self, polled: Polled) -> list[Delivered]:
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

    async def _write(self, batch: list[Delivered]) -> bool:
        """Hand a batch over, as often as it takes; return False when a stop or the group's next move came first."""
        failures, moves = 0, self.reader.moves
        while batch:  # where nothing of it decoded it is committed as passed over
            began_s = time.monotonic()
            try:
                if not await self._is_written(batch):
                    return False
            except SinkUnavailableError as error:
                failures += 1
                self.note(error, failures)
                await self.reader.wait(self._stop, self._job.backoff.pause_s(failures))
                if self._stop.is_set() or self.reader.moves != moves:
                    return False
                continue
            self._counters.accepted += len(batch)
            self._counters.last_error = None
            self._pace(len(batch), time.monotonic() - began_s)
            return True
        return True

    async def _is_written(self, batch: list[Delivered]) -> bool:
        """Hand a batch over once; return False when a stop came and the outside does not end soon."""
        writing = asyncio.ensure_future(self._job.sink.write(batch))
        return await ends(self._stop, writing, grace_s=STOP_WRITE_S)

    def _pace(self, count: int, took_s: float) -> None:
        """Choose the size of the next batch by how long this one took."""
        if took_s > self._job.write_s:
            self._batch_records = max(1, int(count * self._job.write_s / took_s))
        elif took_s < self._job.write_s / 4:
            self._batch_records = min(BATCH_RECORDS_MAX, self._batch_records * 2)
