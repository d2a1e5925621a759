"""The tests of a source at work: its real transport, the real runner and publisher, a broker in memory."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.manifest import build
from connectors.kit.payloads import PayloadSource
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.kit.source import Accepted, Refused
from schemas.topics import CONNECTOR_CURSORS, DEAD_LETTER_SUFFIX
from tests.connectors.local_context import a_context
from tests.support.connector_suite.card import proves
from tests.support.connector_suite.happenings import MINUTE_US, USUAL_US, Happening, Samples
from tests.support.connector_suite.restarts import RestartTests
from tests.support.connector_suite.rigs import TOKEN, DropRig, FileRig, MqttRig, PollRig, Rig, rig_for
from tests.support.memory_log import SETTINGS, MemoryCursors, MemoryLog
from tests.support.memory_pictures import MemoryPictures

LIMIT_S = 10.0
STOP_WITHIN_S = 2.0
HAPPENINGS = tuple(Happening(number=str(n), time_us=USUAL_US + n * MINUTE_US // 10) for n in range(1, 6))


@dataclass
class Outside:
    """A source's outside, with a log and cursors that outlive its restarts."""

    rig: Rig
    log: MemoryLog = field(default_factory=MemoryLog)
    cursors: MemoryCursors = field(default_factory=MemoryCursors)
    jobs: list[SourceJob] = field(default_factory=list)

    def event_ids(self) -> list[str]:
        """Return the ids of all events on the log, in their order, without dead letters, memories and tombstones."""
        others = (DEAD_LETTER_SUFFIX, CONNECTOR_CURSORS.name)
        kept = [stored for stored in self.log.of() if not stored.topic.endswith(others)]
        return [stored.record.event_id for stored in kept if stored.value is not None]

    def account(self) -> str:
        """Return what came of a run that did not come to its end, for a message."""
        letters = [stored.record for stored in self.log.of() if stored.topic.endswith(DEAD_LETTER_SUFFIX)]
        refused = "; ".join(sorted({f"{letter.reason}: {letter.message}" for letter in letters})[:3])
        counters = self.jobs[-1].counters
        return (
            f"after {LIMIT_S:g} s {len(self.event_ids())} records stand on the log and {len(letters)} dead letters "
            f"({refused or 'none'}); the source's last error is {counters.last_error!r}"
        )


class RunningTests(RestartTests):
    """What must hold of any source at work."""

    @asynccontextmanager
    async def outside(self, folder: Path) -> AsyncIterator[Outside]:
        rig = rig_for(self.manifest, self.samples, folder)
        if isinstance(rig, PollRig):
            await rig.start()
        try:
            yield Outside(rig)
        finally:
            await rig.close()

    async def run(
        self, outside: Outside, happenings: Sequence[Happening], until: Callable[[], bool], *, linger_s: float = 0.0
    ) -> float:
        """Run a fresh source until something holds, then stop it; return how long the stop took, seconds."""
        if len(happenings) > 1 and isinstance(outside.rig, FileRig | PollRig):
            self._require_together(happenings)
        options = {**self.samples.options, **outside.rig.options}
        source = build(self.name, options, a_context())
        if isinstance(source, PayloadSource) and source.remembers:
            kept = replace(a_context(), instance="suite", pictures=MemoryPictures(outside.log))
            source = build(self.name, options, kept)
        outside.rig.attach(source)
        job = SourceJob(
            name="suite",
            kind=self.name,
            source=source,
            backoff=Backoff(first_s=0.01, limit_s=0.05),
            cursor_entries=1,
            cursor_s=0.01,
        )
        outside.jobs.append(job)
        stop = asyncio.Event()
        publisher = Publisher(SETTINGS, opener=outside.log.opener)
        telling = asyncio.create_task(outside.rig.tell(happenings))
        if not isinstance(outside.rig, PollRig):
            await asyncio.sleep(0)
        running = asyncio.create_task(run_source(job, publisher, outside.cursors, stop, a_context().clock))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LIMIT_S):
                    while not until() and not running.done():
                        await asyncio.sleep(0.002)
            if not until() and not running.done():
                pytest.fail(outside.account())
            await asyncio.sleep(linger_s)
            began_s = time.monotonic()
            stop.set()
            await asyncio.wait_for(running, STOP_WITHIN_S + 1)
            return time.monotonic() - began_s
        finally:
            telling.cancel()
            running.cancel()
            await asyncio.gather(telling, running, return_exceptions=True)
            await publisher.close()

    def _require_together(self, happenings: Sequence[Happening]) -> None:
        """Fail at once, and not by a time-out, where one payload of several happenings is not what the source reads."""
        answers = self.answer(self.samples.together(happenings))
        if not any(isinstance(entry, Accepted) for entry in answers):
            said = "; ".join(f"{e.reason}: {e.message}" for e in answers[:3] if isinstance(e, Refused)) or "nothing"
            pytest.fail(
                f"several happenings in one payload, as this transport shows them, give no record ({said}). "
                "Give Samples(write_many=...), which writes one payload of many happenings in the system's own form"
            )

    def expected_ids(self, happenings: Sequence[Happening] = HAPPENINGS) -> list[str]:
        return [record.event_id for happening in happenings for record in self.records(happening)]

    async def all_of(self, outside: Outside, happenings: Sequence[Happening] = HAPPENINGS) -> None:
        wanted = set(self.expected_ids(happenings))
        await self.run(outside, happenings, lambda: wanted <= set(outside.event_ids()))
        assert wanted <= set(outside.event_ids())

    @proves("bad-rows-are-answered")
    async def test_what_is_told_stands_on_the_topics_in_order(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            await self.all_of(outside)
            assert outside.event_ids() == self.expected_ids()
            assert outside.jobs[-1].counters.last_error is None

    @proves("bad-rows-are-answered")
    async def test_every_record_carries_the_attributes_of_an_event(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            await self.all_of(outside, HAPPENINGS[:1])
            names = {name for stored in outside.log.of() for name, _ in stored.headers}
            assert {"ce_id", "ce_type", "ce_source", "ce_time"} <= names

    @proves("stops-cleanly")
    async def test_it_stops_within_two_seconds_while_it_waits(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            took_s = await self.run(outside, HAPPENINGS[:1], lambda: bool(outside.event_ids()), linger_s=0.02)
            assert took_s < STOP_WITHIN_S

    @proves("stops-cleanly")
    async def test_it_stops_within_two_seconds_before_anything_came(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            assert await self.run(outside, (), lambda: True, linger_s=0.02) < STOP_WITHIN_S

    @proves("stops-cleanly")
    async def test_the_source_itself_frees_what_it_holds_within_two_seconds(self, tmp_path: Path) -> None:
        # The runner would give a slow one up; this is the source without it.
        async with self.outside(tmp_path) as outside:
            source = build(self.name, {**self.samples.options, **outside.rig.options}, a_context())
            outside.rig.attach(source)
            reading = asyncio.create_task(_read_on(source))
            await asyncio.sleep(0.02)
            reading.cancel()
            done, _ = await asyncio.wait({reading}, timeout=STOP_WITHIN_S)
            assert done

    @proves("resumes-from-cursor")
    async def test_stopped_in_the_middle_it_goes_on_where_it_was(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            first = len(self.expected_ids(HAPPENINGS[:2]))
            await self.run(outside, HAPPENINGS, lambda: len(outside.event_ids()) >= first)
            told = [] if outside.rig.__class__.__name__ == "MqttRig" else HAPPENINGS
            wanted = set(self.expected_ids())
            await self.run(outside, told, lambda: wanted <= set(outside.event_ids()))
            assert wanted <= set(outside.event_ids())

    @proves("resumes-from-cursor")
    async def test_what_is_safe_is_not_given_again_after_a_restart(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            if not isinstance(outside.rig, FileRig | MqttRig | DropRig):
                pytest.skip("a push has no position; what is polled has a test of its own")
            wanted, kept = set(self.expected_ids()), getattr(outside.rig, "kept", ())
            # A broker hears of what is safe a moment after it is, and a file is put away then; what was not told yet
            # is given again.
            await self.run(outside, HAPPENINGS, lambda: wanted <= set(outside.event_ids()) and not kept)
            told = HAPPENINGS if isinstance(outside.rig, FileRig) else []
            await self.run(outside, told, lambda: True, linger_s=0.1)
            assert outside.event_ids() == self.expected_ids()

    @proves("produce-failures")
    @pytest.mark.parametrize("number", [0, 2])
    async def test_a_record_that_is_not_taken_is_given_again(self, number: int, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            outside.log.fail_at = number
            await self.all_of(outside)
            assert outside.jobs[-1].counters.unavailable >= 1

    @proves("delivery-guarantee")
    async def test_the_declared_guarantee_holds_wherever_it_is_stopped(self, tmp_path: Path) -> None:
        wanted = self.expected_ids()
        for number in range(len(wanted)):
            folder = tmp_path / str(number)
            folder.mkdir()
            async with self.outside(folder) as outside:
                await self.run(outside, HAPPENINGS, lambda n=number, o=outside: len(o.event_ids()) > n)  # type: ignore[misc]
                told = [] if outside.rig.__class__.__name__ == "MqttRig" else HAPPENINGS
                ids = outside.event_ids
                if self.manifest.guarantee != "at-most-once":
                    await self.run(outside, told, lambda i=ids: set(wanted) <= set(i()))  # type: ignore[misc]
                    assert set(wanted) <= set(ids())
                if self.manifest.guarantee != "at-least-once":
                    assert len(ids()) == len(set(ids()))

    @proves("neighbours-pass")
    async def test_a_bad_one_is_answered_in_the_dead_letters_and_the_rest_passes(self, tmp_path: Path) -> None:
        bad = replace(Happening(), number="", person_id="", lat="x", lon="y", time_us=0, nulls=True)
        letters = [e for e in self.answer(self.samples.write(bad)) if not hasattr(e, "record")]
        if not letters:
            pytest.skip("a word without anything in it is no refusal here")
        async with self.outside(tmp_path) as outside:
            wanted = set(self.expected_ids(HAPPENINGS[:2]))
            await self.run(
                outside,
                [HAPPENINGS[0], bad, HAPPENINGS[1]],
                lambda: wanted <= set(outside.event_ids()) and len(outside.log.of()) > len(outside.event_ids()),
            )
            assert wanted <= set(outside.event_ids())
            assert any(stored.topic.endswith(DEAD_LETTER_SUFFIX) for stored in outside.log.of())

    @proves("person-data-dropped")
    async def test_no_secret_and_no_person_is_in_the_log_lines(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        async with self.outside(tmp_path) as outside:
            await self.all_of(outside, HAPPENINGS[:2])
        person = Happening()
        unseen = [TOKEN, person.person_name, person.person_phone, person.person_text, person.person_id]
        assert not [word for word in unseen if word in caplog.text]

    async def test_a_feed_that_does_not_answer_is_asked_again(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            if not isinstance(outside.rig, PollRig):
                pytest.skip("only for what is polled")
            outside.rig.down = 2
            await self.all_of(outside, HAPPENINGS[:2])
            assert outside.jobs[-1].counters.unavailable == 2

    async def test_a_feed_that_did_not_change_is_published_once(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            rig = outside.rig
            if not isinstance(rig, PollRig):
                pytest.skip("only for what is polled")
            await self.run(outside, HAPPENINGS[:2], lambda: len(rig.requests) >= 4)
            await self.run(outside, HAPPENINGS[:2], lambda: len(rig.requests) >= 8)
            assert outside.event_ids() == self.expected_ids(HAPPENINGS[:2])

    async def test_a_sender_without_the_token_is_refused(self, tmp_path: Path) -> None:
        async with self.outside(tmp_path) as outside:
            if outside.rig.__class__.__name__ != "PushRig":
                pytest.skip("only for what is pushed")
            (tmp_path / "token").write_text("another")
            statuses: list[int] = outside.rig.statuses  # type: ignore[attr-defined]
            await self.run(outside, HAPPENINGS[:1], lambda: 401 in statuses)
            assert outside.event_ids() == []


async def _read_on(source: Any) -> None:
    async with aclosing(source.entries(None)) as entries:
        async for _ in entries:
            pass


def connector_suite(name: str | type, samples: Samples) -> type:
    """Return a class of tests for a source; bind it to a name that starts with ``Test``.

    Args:
        name: name of the connector's folder, or its source class.
        samples: how to write what it reads.
    """
    folder = name if isinstance(name, str) else name.__module__.split(".")[1]
    title = "Test" + "".join(word.capitalize() for word in folder.split("_"))
    body: dict[str, Any] = {"name": folder, "samples": samples, "__doc__": f"What holds of the source of {folder}."}
    return type(title, (RunningTests,), body)
