"""Sinks are handed batches that they can write in time."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from kafka import TopicPartition

from connectors.kit.errors import SinkUnavailableError
from connectors.kit.running import group_reader, sink_runner
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.sink_runner import BATCH_RECORDS_MAX, QUICK_WRITES, SinkJob, run_sink
from connectors.kit.running.status import StatusPage, Watched
from connectors.kit.settings import ConnectorSettings
from connectors.kit.sink import Delivered
from connectors.kit.transports.http_listener import HttpListeners
from schemas.codec import encode
from schemas.topics import INCIDENTS, Topic
from tests.connectors.helpers import incident
from tests.connectors.local_context import a_context
from tests.support.memory_log import SETTINGS, MemoryLog

LIMIT_S = 10


class SlowSink:
    """A sink that takes as long for each record as it is told."""

    topics: tuple[Topic, ...] = (INCIDENTS,)

    def __init__(self, per_record_s: float, quick_after: int) -> None:
        self.sizes: list[int] = []
        self.taken: list[int] = []
        self._per_record_s = per_record_s
        self._quick_after = quick_after

    async def write(self, batch: Sequence[Delivered]) -> None:
        self.sizes.append(len(batch))
        self.taken += [delivered.offset for delivered in batch]
        if len(self.sizes) <= self._quick_after:
            await asyncio.sleep(self._per_record_s * len(batch))

    async def close(self) -> None:
        """Nothing to free."""


class TimingOutSink:
    """A sink whose outside answers in time where it gets few records at once, and else not at all."""

    topics: tuple[Topic, ...] = (INCIDENTS,)

    def __init__(self, records_max: int) -> None:
        self.sizes: list[int] = []
        self.taken: list[tuple[int, int]] = []
        self._records_max = records_max

    async def write(self, batch: Sequence[Delivered]) -> None:
        self.sizes.append(len(batch))
        if len(batch) > self._records_max:
            raise SinkUnavailableError("the outside does not answer") from TimeoutError()
        self.taken += [(delivered.partition, delivered.offset) for delivered in batch]

    async def close(self) -> None:
        """Nothing to free."""


def filled(count: int, *, broken: Sequence[int] = ()) -> MemoryLog:
    """Return a log with so many incidents in two partitions in turn; those with these numbers do not decode."""
    log, value = MemoryLog(), encode(incident(1))
    for number in range(count):
        log.append(INCIDENTS.name, number % 2, b"k", b"?" if number in broken else value)
    return log


def committed(log: MemoryLog) -> list[int]:
    """Return how far the sink has committed, by partition."""
    return [log.committed.get(("s", TopicPartition(f"t.{INCIDENTS.name}", number)), 0) for number in (0, 1)]


@pytest.mark.parametrize("records_max", [1, 10])
async def test_a_batch_that_times_out_is_halved_until_it_gets_through_and_the_rest_of_it_follows(
    records_max: int,
) -> None:
    count, broken = 60, (0, 7, 59)
    log, sink, stop = filled(count, broken=broken), TimingOutSink(records_max), asyncio.Event()
    job = SinkJob(name="s", sink=sink, backoff=Backoff(first_s=0.001))
    running = asyncio.create_task(run_sink(job, SETTINGS, stop, log.consumer))
    async with asyncio.timeout(LIMIT_S):
        while committed(log) != [count // 2, count // 2]:
            await asyncio.sleep(0.005)
    stop.set()
    counters = await running
    # Each record once, in the order of its partition; one that does not decode is counted once.
    whole = [number for number in range(count) if number not in broken]
    assert sorted(sink.taken) == sorted((number % 2, number // 2) for number in whole)
    for place in (0, 1):
        assert (told := [offset for number, offset in sink.taken if number == place]) == sorted(told)
    assert (counters.accepted, counters.refused) == (len(whole), len(broken))
    # More are not tried before some have got through.
    assert sum(size > records_max for size in sink.sizes) <= 6 + len(whole) / QUICK_WRITES


async def test_only_what_got_through_of_a_batch_that_timed_out_is_committed() -> None:
    log, stop = filled(200), asyncio.Event()

    class StoppingSink(TimingOutSink):
        async def write(self, batch: Sequence[Delivered]) -> None:
            if self.taken:
                stop.set()
                raise SinkUnavailableError("the outside is gone")
            await super().write(batch)

    sink = StoppingSink(40)
    async with asyncio.timeout(LIMIT_S):
        await run_sink(SinkJob(name="s", sink=sink, backoff=Backoff(first_s=0.001)), SETTINGS, stop, log.consumer)
    assert 0 < len(sink.taken) <= 40
    assert committed(log) == [sum(place == number for place, _ in sink.taken) for number in (0, 1)]


async def test_a_batch_that_is_refused_at_once_is_tried_again_as_it_was() -> None:
    log, stop, tries = filled(200), asyncio.Event(), list[int]()

    class RefusingSink(TimingOutSink):
        async def write(self, batch: Sequence[Delivered]) -> None:
            tries.append(len(batch))
            if len(tries) < 4:
                raise SinkUnavailableError("the outside answers 503")
            stop.set()

    job = SinkJob(name="s", sink=RefusingSink(0), backoff=Backoff(first_s=0.001))
    async with asyncio.timeout(LIMIT_S):
        await run_sink(job, SETTINGS, stop, log.consumer)
    assert tries == [200] * 4


async def test_who_asks_to_be_left_alone_is_not_called_before() -> None:
    began_s: list[float] = []
    stop = asyncio.Event()

    class BusySink(SlowSink):
        async def write(self, batch: Sequence[Delivered]) -> None:
            began_s.append(time.monotonic())
            if len(began_s) == 1:
                raise SinkUnavailableError("the outside answers 429", wait_s=0.2)
            stop.set()

    job = SinkJob(name="s", sink=BusySink(0, 0), backoff=Backoff(first_s=0.001, limit_s=0.002))
    async with asyncio.timeout(LIMIT_S):
        await run_sink(job, SETTINGS, stop, filled(2).consumer)
    assert began_s[1] - began_s[0] >= 0.2


async def test_who_asks_to_be_left_alone_for_long_keeps_nobody_from_stopping_and_the_group_from_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_reader, "STAY_S", 0.01)
    log, stop, polls = filled(2), asyncio.Event(), list[int]()

    class BusySink(SlowSink):
        async def write(self, batch: Sequence[Delivered]) -> None:
            raise SinkUnavailableError("the outside answers 429 and asks to be left alone for 600 s", wait_s=600)

    def opened(name: str, settings: ConnectorSettings) -> Any:
        consumer = log.consumer(name, settings)
        poll = consumer.poll

        def counted(*args: Any, **kwargs: Any) -> Any:
            polls.append(1)
            return poll(*args, **kwargs)

        consumer.poll = counted
        return consumer

    job = SinkJob(name="s", sink=BusySink(0, 0))
    watched = Watched("s", "wall", "sink", job.counters, job.sink)
    page = StatusPage([watched], a_context().clock, HttpListeners())
    running = asyncio.create_task(run_sink(job, SETTINGS, stop, opened))
    async with asyncio.timeout(LIMIT_S):
        while len(polls) < 5:
            await asyncio.sleep(0.005)
    (state,) = page.state()
    assert (state["state"], state["last_error"]) == (
        "pausing",
        "the outside answers 429 and asks to be left alone for 600 s",
    )
    began_s = time.monotonic()
    stop.set()
    await running
    assert time.monotonic() - began_s < 2
    assert committed(log) == [0, 0]


async def test_a_write_that_never_ends_is_given_up_and_tried_with_fewer_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sink_runner, "WRITE_S_MAX", 0.05)
    log, stop = filled(100), asyncio.Event()

    class HangingSink(TimingOutSink):
        async def write(self, batch: Sequence[Delivered]) -> None:
            self.sizes.append(len(batch))
            if len(batch) > 50:
                await asyncio.Event().wait()
            self.taken += [(delivered.partition, delivered.offset) for delivered in batch]
            if len(self.taken) == 100:
                stop.set()

    sink = HangingSink(0)
    async with asyncio.timeout(LIMIT_S):
        await run_sink(SinkJob(name="s", sink=sink, backoff=Backoff(first_s=0.001)), SETTINGS, stop, log.consumer)
    assert sink.sizes == [100, 50, 50]
    assert committed(log) == [50, 50]


async def test_batches_shrink_for_a_slow_sink_and_grow_when_it_is_quick_again() -> None:
    log, total = MemoryLog(), 2_000
    value = encode(incident(1))
    for _ in range(total):
        log.append(INCIDENTS.name, 0, b"k", value)
    sink = SlowSink(per_record_s=0.001, quick_after=4)
    stop = asyncio.Event()
    running = asyncio.create_task(run_sink(SinkJob(name="s", sink=sink, write_s=0.05), SETTINGS, stop, log.consumer))
    async with asyncio.timeout(LIMIT_S):
        while len(sink.taken) < total:
            await asyncio.sleep(0.005)
    stop.set()
    await running
    # Half a second for 500 was ten times too much; what was thrown out of the group for it would never have got on.
    assert sink.sizes[0] == BATCH_RECORDS_MAX
    assert all(size <= BATCH_RECORDS_MAX / 10 for size in sink.sizes[1:5])
    assert sink.sizes[-2] > 2 * sink.sizes[4]
    assert sink.taken == list(range(total))
