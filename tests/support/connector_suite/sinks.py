"""The tests of a sink at work: the real runner on a broker in memory, and an outside that fails and hangs."""

from pathlib import Path
from typing import Any

import pytest

from connectors.kit.errors import SinkUnavailableError
from connectors.kit.ladder.checking import check_connector, folder_of
from connectors.kit.sink import Delivered
from tests.support.connector_suite.card import proves
from tests.support.connector_suite.sink_hostility import HostileOutsideTests
from tests.support.connector_suite.sink_rig import SECRET, STOP_WITHIN_S, topic_of
from tests.support.connector_suite.sink_samples import SinkSamples
from tests.support.memory_log import MemoryLog

# What a web server says where a later try may succeed, and where none ever will. (404 may be a wrong URL.)
AGAIN = (408, 429, 500, 502, 503, 504)
REFUSED = (400, 409, 413, 422)


def _is_read(log: MemoryLog) -> bool:
    """Return whether every record was committed."""
    return sum(log.committed.values()) == len(log.of())


class SinkTests(HostileOutsideTests):
    """What must hold of any sink."""

    def test_its_folder_passes_the_check(self) -> None:
        assert check_connector(folder_of(self.name)) == []

    async def test_it_wants_the_topics_of_its_manifest(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            sink = self.sink(outside)
            assert {topic_of(record) for record in self.samples.records} <= set(sink.topics)
            await sink.close()

    @proves("nothing-lost")
    async def test_every_record_comes_out_in_order(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            job, _ = await self.run(outside, self.log(), self.all_done)
            assert job.counters.accepted == len(self.samples.records)
            self.require_all_taken(outside)

    @proves("idempotent")
    async def test_the_same_batch_twice_changes_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            sink = self.sink(outside)
            await sink.write(self.batch())
            once = list(outside.taken())
            await sink.write(self.batch())
            await sink.close()
            assert list(outside.taken()) == once, "a repeat must come under the key of the first, or be known as told"

    @proves("idempotent")
    async def test_the_same_batch_after_a_restart_changes_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            await self.run(outside, self.log(), self.all_done)
            once = list(outside.taken())
            await self.run(outside, self.log(), self.all_done)
            assert list(outside.taken()) == once, "a new process must give the same key to the same record"

    @proves("retries")
    async def test_an_outside_that_fails_is_unavailable_and_no_more(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            outside.fail(1)
            sink = self.sink(outside)
            # Whatever else it raises ends the connector; what it swallows is lost.
            with pytest.raises(SinkUnavailableError):
                await sink.write(self.batch())
            await sink.close()

    @proves("retries")
    async def test_what_was_not_taken_is_written_again_after_a_pause(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            outside.fail(3)
            job, _ = await self.run(outside, self.log(), self.all_done)
            assert job.counters.unavailable == 3
            self.require_all_taken(outside)

    @proves("retries")
    @pytest.mark.parametrize("status", AGAIN)
    async def test_an_answer_that_asks_to_try_again_is_heeded(self, status: int, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            self.require_http(outside).fail(1, status)
            job, _ = await self.run(outside, self.log(), self.all_done)
            assert job.counters.unavailable == 1
            self.require_all_taken(outside)

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
            self.require_all_taken(calls)

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
            job, _ = await self.run(outside, log, lambda job: True)
            assert job.counters.accepted == 0

    @proves("nothing-lost")
    async def test_a_tombstone_harms_nothing(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            topic = topic_of(self.samples.records[0])
            sink = self.sink(outside)
            await sink.write([Delivered(topic, 0, 900, b"gone", None)])
            await sink.close()

    @proves("nothing-lost")
    async def test_a_record_that_does_not_decode_is_counted_and_its_neighbours_pass(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            log = MemoryLog()
            log.append(topic_of(self.samples.records[0]).name, 0, b"broken", b"\x00broken")
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
