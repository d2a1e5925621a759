"""Sinks are handed batches that they can write in time."""

import asyncio
from collections.abc import Sequence

from connectors.kit.running.sink_runner import BATCH_RECORDS_MAX, SinkJob, run_sink
from connectors.kit.sink import Delivered
from schemas.codec import encode
from schemas.topics import INCIDENTS, Topic
from tests.connectors.helpers import incident
from tests.support.memory_log import SETTINGS, MemoryLog


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


async def test_batches_shrink_for_a_slow_sink_and_grow_when_it_is_quick_again() -> None:
    log, total = MemoryLog(), 2_000
    value = encode(incident(1))
    for _ in range(total):
        log.append(INCIDENTS.name, 0, b"k", value)
    sink = SlowSink(per_record_s=0.001, quick_after=4)
    stop = asyncio.Event()
    running = asyncio.create_task(run_sink(SinkJob(name="s", sink=sink, write_s=0.05), SETTINGS, stop, log.consumer))
    async with asyncio.timeout(20):
        while len(sink.taken) < total:
            await asyncio.sleep(0.005)
    stop.set()
    await running
    # Half a second for 500 was ten times too much; what was thrown out of the group for it would never have got on.
    assert sink.sizes[0] == BATCH_RECORDS_MAX
    assert all(size <= BATCH_RECORDS_MAX / 10 for size in sink.sizes[1:5])
    assert sink.sizes[-2] > 2 * sink.sizes[4]
    assert sink.taken == list(range(total))
