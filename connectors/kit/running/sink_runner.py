"""Runs sinks: reads topics in a consumer group, hands batches over, and commits offsets after the outside took them.

Delivery: at least once and in order per partition. While the outside does not take a batch, it is written again after
growing pauses; the consumer stays in its group meanwhile, with its partitions paused. A batch is given back where the
group moves partitions in such a pause: whoever has them then reads it again from the committed offsets. A batch that
takes the outside too long is made smaller until it gets through; the rest of it comes again.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from kafka import TopicPartition

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
# After a batch timed out, twice as many records as got through are tried only after so many quick writes.
QUICK_WRITES = 10
CLOSE_SINK_S = 2.0
# A stop leaves the batch that is being written this long.
STOP_WRITE_S = 0.8
# A write that never ends is given up before the group throws out who has not polled for five minutes.
WRITE_S_MAX = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkJob:
    """A sink and how to run it.

    Attributes:
        name: name of the instance; its consumer group is ``<prefix>.sink-<name>``.
        sink: the sink.
        backoff: pauses while it or the broker does not answer.
        write_s: batches become smaller while one takes longer to write than this, seconds, or times out before. The
            group throws out who does not poll for five minutes, and waits for who writes before it moves partitions.
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


@dataclass(frozen=True, slots=True)
class _Read:
    """A record that was polled: what a sink gets of it, or why it gets nothing."""

    place: TopicPartition
    offset: int
    topic: Topic
    delivered: Delivered | None
    refusal: RecordDecodeError | None


def _by_place(read: Sequence[_Read]) -> Polled:
    places: dict[TopicPartition, list[_Read]] = {}
    for one in read:
        places.setdefault(one.place, []).append(one)
    return places


class _SinkRun:
    """One run of one sink."""

    def __init__(
        self, job: SinkJob, settings: ConnectorSettings, stop: asyncio.Event, opener: ConsumerOpener | None
    ) -> None:
        self._job = job
        self._counters = job.counters
        self._stop = stop
        self._topics = {prefixed(settings.topic_prefix)(topic.name): topic for topic in job.sink.topics}
        self._batch_records = self._limit_records = BATCH_RECORDS_MAX
        self._quick_writes = 0
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
                if polled:
                    await self._hand_over(self._read(polled))
                else:
                    await reader.commit_passed(stop)
        finally:
            await reader.close()

    def _read(self, polled: Polled) -> list[_Read]:
        """Return the polled records in order, decoded where they decode."""
        read = []
        for place, records in polled.items():
            topic = self._topics[place.topic]
            for record in records:
                delivered, refusal = None, None
                try:
                    value = None if record.value is None else decode(topic.record, record.value)
                    delivered = Delivered(topic, record.partition, record.offset, record.key, value)
                except RecordDecodeError as error:
                    refusal = error
                read.append(_Read(place, record.offset, topic, delivered, refusal))
        return read

    async def _hand_over(self, read: Sequence[_Read]) -> None:
        """Write what was polled, and commit what the outside has of it; the rest comes again."""
        count = await self._write(read)
        told, left = read[:count], read[count:]
        for one in told:
            if one.refusal is not None:
                self._refuse(one, one.refusal)
        if told and not await self.reader.commit(_by_place(told), self._stop):
            logger.warning("%s: lost partitions before the commit; their records come again", self._job.name)
        if left and not self._stop.is_set():
            await self.reader.give_back(_by_place(left))

    def _refuse(self, read: _Read, error: RecordDecodeError) -> None:
        """Count a record that is passed over; the worker that reads the topic answers it."""
        self._counters.refused += 1
        self._counters.refusals[read.topic.name, error.reason] += 1
        logger.warning(
            "%s: passed over %s partition %d offset %d: %s",
            self._job.name, read.topic.name, read.place.partition, read.offset, error,
        )  # fmt: skip

    async def _write(self, read: Sequence[_Read]) -> int:
        """Hand records over in order, as often as it takes; return how many of the first of them are done with.

        None when a stop or the group's next move came first, and not all where all together took too long.
        """
        failures, pauses, moves = 0, 0, self.reader.moves
        # Where nothing decoded there is nothing to write, and all is passed over.
        while batch := [one.delivered for one in read if one.delivered is not None]:
            began_s = time.monotonic()
            try:
                if not await self._is_written(batch):
                    return 0
            except SinkUnavailableError as error:
                failures, pauses = failures + 1, pauses + 1
                self.note(error, failures)
                if len(batch) > 1 and self._took_too_long(error, time.monotonic() - began_s):
                    read, pauses = read[: len(read) // 2], 1
                    self._batch_records, self._limit_records, self._quick_writes = len(read), len(read), 0
                await self.reader.wait(self._stop, max(self._job.backoff.pause_s(pauses), error.wait_s))
                if self._stop.is_set() or self.reader.moves != moves:
                    return 0
                continue
            self._counters.accepted += len(batch)
            self._counters.last_error = None
            self._pace(len(batch), time.monotonic() - began_s)
            break
        return len(read)

    async def _is_written(self, batch: list[Delivered]) -> bool:
        """Hand a batch over once; return False when a stop came and the outside does not end soon."""
        writing = asyncio.ensure_future(self._bounded_write(batch))
        return await ends(self._stop, writing, grace_s=STOP_WRITE_S)

    async def _bounded_write(self, batch: list[Delivered]) -> None:
        try:
            async with asyncio.timeout(WRITE_S_MAX) as limit:
                await self._job.sink.write(batch)
        except TimeoutError as error:
            if not limit.expired():  # the sink's own, which it does not call unavailable
                raise
            raise SinkUnavailableError(f"{len(batch)} records took longer than {WRITE_S_MAX:g} s") from error
        finally:
            # It holds the task, whose error holds this frame: what a cancelled write holds would live until collected.
            del limit

    def _took_too_long(self, error: SinkUnavailableError, took_s: float) -> bool:
        """Return whether fewer records may get through where these did not."""
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, TimeoutError):
            cause = cause.__cause__ or cause.__context__
        return cause is not None or took_s > self._job.write_s

    def _pace(self, count: int, took_s: float) -> None:
        """Choose the size of the next batch by how long this one took."""
        if took_s > self._job.write_s:
            self._batch_records = max(1, int(count * self._job.write_s / took_s))
        elif took_s < self._job.write_s / 4:
            self._quick_writes += 1
            if self._quick_writes % QUICK_WRITES == 0:
                self._limit_records = min(BATCH_RECORDS_MAX, self._limit_records * 2)
            self._batch_records = min(self._limit_records, self._batch_records * 2)
