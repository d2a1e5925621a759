"""The tests of a sink at work: the real runner on a broker in memory, and an outside that fails and hangs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.kit.errors import SinkUnavailableError
from connectors.kit.ladder.checking import check_connector, folder_of
from connectors.kit.manifest import build_sink
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.sink_runner import SinkJob, run_sink
from connectors.kit.sink import Delivered
from schemas.codec import encode
from schemas.topics import TOPICS, Topic
from tests.connectors.local_context import a_context
from tests.support.connector_suite.card import proves
from tests.support.connector_suite.outside import HttpOutside
from tests.support.connector_suite.sink_samples import SinkOutside, SinkSamples
from tests.support.memory_log import SETTINGS, MemoryLog

LIMIT_S = 10.0
STOP_WITHIN_S = 2.0
# What a web server says where a later try may succeed, and where none ever will. (404 may be a wrong URL.)
AGAIN = (408, 429, 500, 502, 503, 504)
REFUSED = (400, 409, 413, 422)
SECRET = "secret-of-the-suite-41d9"


def _topic_of(record: Any) -> Topic:
    return next(topic for topic in TOPICS if topic.record is type(record))


def _is_read(log: MemoryLog) -> bool:
    """Return whether every record was committed."""
    return sum(log.committed.values()) == len(log.of())


class SinkTests:
    """What must hold of any sink."""

    name: ClassVar[str]
    samples: ClassVar[SinkSamples]

    @asynccontextmanager
    async def outside(self, folder: Path) -> AsyncIterator[SinkOutside]:
        async with self.samples.outside() as outside:
            if self.samples.secret_option:
                (folder / "secret").write_text(SECRET)
                outside.options[self.samples.secret_option] = str(folder / "secret")
            yield outside

    def sink(self, outside: SinkOutside) -> Any:
        return build_sink(self.name, {**self.samples.options, **outside.options}, a_context())

    def batch(self) -> list[Delivered]:
        topics = [_topic_of(record) for record in self.samples.records]
        return [
            Delivered(topic, 0, offset, topic.key_of(record), record)
            for offset, (topic, record) in enumerate(zip(topics, self.samples.records, strict=True))
        ]

    def log(self) -> MemoryLog:
        log = MemoryLog()
        for delivered in self.batch():
            log.append(delivered.topic.name, 0, delivered.key or b"", encode(delivered.record))
        return log

    async def run(
        self, outside: SinkOutside, log: MemoryLog, until: Callable[[SinkJob], bool]
    ) -> tuple[SinkJob, float]:
        """Run a fresh sink until something holds, then stop it; return the job and how long the stop took, seconds."""
        job = SinkJob(name="suite", sink=self.sink(outside), backoff=Backoff(first_s=0.01, limit_s=0.05))
        stop = asyncio.Event()
        running = asyncio.create_task(run_sink(job, SETTINGS, stop, log.consumer))
        try:
            async with asyncio.timeout(LIMIT_S):
                while not until(job) and not running.done():
                    await asyncio.sleep(0.002)
            began_s = time.monotonic()
            stop.set()
            await asyncio.wait_for(running, STOP_WITHIN_S + 1)
            return job, time.monotonic() - began_s
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def all_done(self, job: SinkJob) -> bool:
        return job.counters.accepted >= len(self.samples.records)

    def test_its_folder_passes_the_check(self) -> None:
        assert check_connector(folder_of(self.name)) == []

    def require_http(self, outside: SinkOutside) -> HttpOutside:
        if not isinstance(outside, HttpOutside):
            pytest.skip("only for what is called over HTTP")
        return outside

    async def test_it_wants_the_topics_of_its_manifest(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            sink = self.sink(outside)
            assert {_topic_of(record) for record in self.samples.records} <= set(sink.topics)
            await sink.close()

    @proves("nothing-lost")
    async def test_every_record_comes_out_in_order(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            job, _ = await self.run(outside, self.log(), self.all_done)
            assert job.counters.accepted == len(self.samples.records)
            assert len(outside.taken()) == len(self.samples.records) or not self.samples.writes_each
            assert outside.taken()

    @proves("idempotent")
    async def test_the_same_batch_twice_changes_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            sink = self.sink(outside)
            await sink.write(self.batch())
            once = list(outside.taken())
            await sink.write(self.batch())
            await sink.close()
            assert list(outside.taken()) == once

    @proves("idempotent")
    async def test_the_same_batch_after_a_restart_changes_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            await self.run(outside, self.log(), self.all_done)
            once = list(outside.taken())
            await self.run(outside, self.log(), self.all_done)
            assert list(outside.taken()) == once

    @proves("retries")
    async def test_an_outside_that_fails_is_unavailable_and_no_more(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            outside.fail(1)
            sink = self.sink(outside)
            with pytest.raises(SinkUnavailableError):
                await sink.write(self.batch())
            await sink.close()

    @proves("retries")
    async def test_what_was_not_taken_is_written_again_after_a_pause(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            outside.fail(3)
            job, _ = await self.run(outside, self.log(), self.all_done)
            assert job.counters.unavailable == 3
            assert len(outside.taken()) == len(self.samples.records) or not self.samples.writes_each

    @proves("retries")
    @pytest.mark.parametrize("status", AGAIN)
    async def test_an_answer_that_asks_to_try_again_is_heeded(self, status: int, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            self.require_http(outside).fail(1, status)
            job, _ = await self.run(outside, self.log(), self.all_done)
            assert job.counters.unavailable == 1
            assert len(outside.taken()) == len(self.samples.records) or not self.samples.writes_each

    @proves("nothing-lost")
    @pytest.mark.parametrize("status", REFUSED)
    async def test_what_the_outside_never_takes_holds_nothing_back(self, status: int, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            self.require_http(outside).fail(1, status)
            job, _ = await self.run(outside, self.log(), self.all_done)
            assert (job.counters.accepted, job.counters.unavailable) == (len(self.samples.records), 0)

    @proves("nothing-lost")
    @pytest.mark.parametrize("fails", [False, True])
    async def test_stopped_in_the_middle_and_started_again_it_writes_everything(
        self, fails: bool, tmp_path: Path
    ) -> None:
        async with self.outside(tmp_path) as calls:
            log = self.log()
            if fails:
                self.require_http(calls).fail(1_000)
            await self.run(calls, log, lambda job: bool(calls.taken()) or job.counters.unavailable > 0)
            if fails:
                self.require_http(calls).mend()
            await self.run(calls, log, lambda job: bool(log.committed) and _is_read(log))
            assert len(calls.taken()) == len(self.samples.records) or not self.samples.writes_each
            assert calls.taken()

    @proves("nothing-lost")
    async def test_a_batch_of_nothing_says_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            sink = self.sink(outside)
            before = list(outside.taken())
            await sink.write([])
            await sink.close()
            assert list(outside.taken()) == before

    @proves("nothing-lost")
    async def test_stopped_while_the_outside_is_away_nothing_is_committed(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            outside.fail(1_000)
            log = self.log()
            await self.run(outside, log, lambda job: job.counters.unavailable >= 2)
            assert log.committed == {}

    @proves("resumes-after-restart")
    async def test_after_a_restart_it_goes_on_where_it_was(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            log = self.log()
            await self.run(outside, log, self.all_done)
            async with asyncio.timeout(LIMIT_S):
                job, _ = await self.run(outside, log, lambda job: True)
            assert job.counters.accepted == 0

    @proves("nothing-lost")
    async def test_a_tombstone_harms_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            topic = _topic_of(self.samples.records[0])
            sink = self.sink(outside)
            await sink.write([Delivered(topic, 0, 900, b"gone", None)])
            await sink.close()

    @proves("nothing-lost")
    async def test_a_record_that_does_not_decode_is_counted_and_its_neighbours_pass(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            log = MemoryLog()
            log.append(_topic_of(self.samples.records[0]).name, 0, b"broken", b"\x00broken")
            for stored in self.log().of():
                log.append(stored.topic, stored.partition, stored.key, stored.value)
            job, _ = await self.run(outside, log, self.all_done)
            assert (job.counters.refused, job.counters.accepted) == (1, len(self.samples.records))

    @proves("stops-cleanly")
    async def test_it_stops_within_two_seconds(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            _, took_s = await self.run(outside, self.log(), self.all_done)
            assert took_s < STOP_WITHIN_S

    @proves("stops-cleanly")
    async def test_it_stops_within_two_seconds_while_the_outside_hangs(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            hang = getattr(outside, "hang", None)
            if hang is None:
                pytest.skip("this outside cannot hang")
            hang()
            calls = outside
            _, took_s = await self.run(outside, self.log(), lambda job: getattr(calls, "calls", 1) > 0)
            assert took_s < STOP_WITHIN_S + 0.5

    @proves("stops-cleanly")
    async def test_closing_twice_harms_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            sink = self.sink(outside)
            await sink.close()
            await sink.close()

    @proves("secrets-unseen")
    async def test_no_secret_is_in_the_log_or_in_an_error(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        if not self.samples.secret_option:
            pytest.skip("this sink has no secret")
        caplog.set_level("DEBUG")
        async with self.outside(tmp_path) as outside:
            outside.fail(2)
            job, _ = await self.run(outside, self.log(), self.all_done)
        assert SECRET not in caplog.text + repr(job)


def sink_suite(name: str | type, samples: SinkSamples) -> type:
    """Return a class of tests for a sink; bind it to a name that starts with ``Test``.

    Args:
        name: name of the connector's folder, or its sink class.
        samples: what the sink is tried with.
    """
    folder = name if isinstance(name, str) else name.__module__.split(".")[1]
    title = "Test" + "".join(word.capitalize() for word in folder.split("_")) + "Sink"
    body: dict[str, Any] = {"name": folder, "samples": samples, "__doc__": f"What holds of the sink of {folder}."}
    return type(title, (SinkTests,), body)
