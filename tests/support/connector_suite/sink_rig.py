"""What a sink is tried with: the real runner on a broker in memory, and an outside that fails and hangs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.kit.manifest import build_sink
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.sink_runner import SinkJob, run_sink
from connectors.kit.sink import Delivered
from schemas.codec import encode
from schemas.topics import TOPICS, Topic
from tests.connectors.local_context import a_context
from tests.support.connector_suite.outside import HttpOutside
from tests.support.connector_suite.sink_samples import SinkOutside, SinkSamples
from tests.support.memory_log import SETTINGS, MemoryLog

LIMIT_S = 10.0
STOP_WITHIN_S = 2.0
SECRET = "secret-of-the-suite-41d9"


def topic_of(record: Any) -> Topic:
    """Return the topic that a record belongs to."""
    return next(topic for topic in TOPICS if topic.record is type(record))


def delivered(records: Sequence[Any], first_offset: int = 0) -> list[Delivered]:
    """Return records as a sink gets them."""
    topics = [topic_of(record) for record in records]
    return [
        Delivered(topic, 0, first_offset + number, topic.key_of(record), record)
        for number, (topic, record) in enumerate(zip(topics, records, strict=True))
    ]


def log_of(records: Sequence[Any]) -> MemoryLog:
    """Return a log that holds records in their order."""
    log = MemoryLog()
    for one in delivered(records):
        log.append(one.topic.name, 0, one.key or b"", encode(one.record))
    return log


class SinkRig:
    """A sink, its outside, and runs of it."""

    name: ClassVar[str]
    samples: ClassVar[SinkSamples]

    @asynccontextmanager
    async def outside(self, folder: Path) -> AsyncIterator[SinkOutside]:
        """Give the outside, with a secret where the sink has one."""
        async with self.samples.outside() as outside:
            if self.samples.secret_option:
                (folder / "secret").write_text(SECRET)
                outside.options[self.samples.secret_option] = str(folder / "secret")
            yield outside

    def sink(self, outside: SinkOutside) -> Any:
        """Return a new sink that leads to the outside."""
        return build_sink(self.name, {**self.samples.options, **outside.options}, a_context())

    def batch(self) -> list[Delivered]:
        """Return the records of the samples as a sink gets them."""
        return delivered(self.samples.records)

    def log(self) -> MemoryLog:
        """Return a log of the records of the samples."""
        return log_of(self.samples.records)

    async def run(
        self, outside: SinkOutside, log: MemoryLog, until: Callable[[SinkJob], bool]
    ) -> tuple[SinkJob, float]:
        """Run a fresh sink until something holds, then stop it; return the job and how long the stop took, seconds."""
        job = SinkJob(name="suite", sink=self.sink(outside), backoff=Backoff(first_s=0.01, limit_s=0.05))
        stop = asyncio.Event()
        running = asyncio.create_task(run_sink(job, SETTINGS, stop, log.consumer))
        try:
            await self._until(job, running, until)
            began_s = time.monotonic()
            stop.set()
            await asyncio.wait_for(running, STOP_WITHIN_S + 1)
            return job, time.monotonic() - began_s
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _until(self, job: SinkJob, running: asyncio.Task[Any], until: Callable[[SinkJob], bool]) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while not until(job) and not running.done():
            if time.monotonic() > deadline_s:
                counted = job.counters
                pytest.fail(
                    f"what the test waits for did not come in {LIMIT_S:.0f} s: {counted.accepted} records written, "
                    f"{counted.unavailable} times unavailable, last error: {counted.last_error}"
                )
            await asyncio.sleep(0.002)

    def all_done(self, job: SinkJob) -> bool:
        """Return whether the sink has taken all records of the samples."""
        return job.counters.accepted >= len(self.samples.records)

    def require_http(self, outside: SinkOutside) -> HttpOutside:
        """Return an outside that is called over HTTP; skip the test for others."""
        if not isinstance(outside, HttpOutside):
            pytest.skip("only for what is called over HTTP")
        return outside

    def require_all_taken(self, outside: SinkOutside) -> None:
        """Make sure that the outside holds every record once.

        Raises:
            AssertionError: it holds more or fewer, or nothing.
        """
        held, records = len(outside.taken()), len(self.samples.records)
        assert held, "the outside holds nothing: give the suite records that this sink tells of"
        if self.samples.writes_each:
            assert held == records, (
                f"the outside holds {held} for {records} records: fewer are lost, more are doubled; where newer "
                "records replace older ones outside, or some are not told, say writes_each=False"
            )
