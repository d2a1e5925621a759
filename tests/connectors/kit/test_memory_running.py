"""Memory at work: a sender is answered when events and what is remembered of them are safe; a crash loses neither."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from connectors.kit.arrival import Arrival
from connectors.kit.case_book import MAIN, CaseBook, Parts
from connectors.kit.context import ConnectorContext
from connectors.kit.instances import ConnectorInstance
from connectors.kit.payloads import PayloadSource, transport_from
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.kafka_pictures import KafkaPictures
from connectors.kit.running.outbox import Message, Outbox
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Accepted, Entry
from schemas.topics import CONNECTOR_CURSORS, INCIDENTS
from tests.connectors.conftest import CutOff
from tests.connectors.helpers import OUTAGE, incident
from tests.connectors.local_context import a_context
from tests.support.memory_log import SETTINGS, MemoryCursors, MemoryLog
from tests.support.restarts import keep, remembering

TOKEN = {"Authorization": "Bearer open sesame"}


class Doors(PayloadSource):
    """Tells of a door that opens or shuts, by what it was before."""

    def __init__(self, context: ConnectorContext) -> None:
        options = {"listen": "127.0.0.1:0", "token_env": "MEMORY_TOKEN", "answer_within_s": 3}
        self.book: CaseBook[bool] = CaseBook(10, write=_open, read=lambda parts: bool(parts[MAIN]))
        self.read_count = 0
        super().__init__(
            transport_from(options, ("http-push",), name="doors"), context, topic=INCIDENTS, memory=self.book
        )

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return an event per change."""

        def of(item: Mapping[str, Any]) -> Entry | None:
            name, is_open = str(item["door"]), bool(item["open"])
            if self.book.get(name) == is_open:
                return None
            self.book.put(name, is_open)
            return Accepted(INCIDENTS, replace(incident(1), event_id=f"door:{name}:{is_open}"))

        self.read_count += 1
        return self.each(json_items(payload), of)


def _open(is_open: bool) -> Parts:
    return {MAIN: is_open}


class Running:
    """A process that takes pushes."""

    def __init__(self, source: Doors, job: SourceJob) -> None:
        self._source = source
        self.job = job

    async def push(self, door: str, *, is_open: bool) -> tuple[int, Any]:
        """Push one word; return how it was answered."""
        port = None
        async with asyncio.timeout(5):
            while (port := self._source.context.listeners.port_of("127.0.0.1", 0)) is None:
                await asyncio.sleep(0.002)
        body = json.dumps({"door": door, "open": is_open})
        url = f"http://127.0.0.1:{port}/in/doors"
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=TOKEN) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def running(
    context: ConnectorContext, publisher: Publisher, cursors: Any, *, dies: bool = False
) -> AsyncIterator[Running]:
    source = Doors(context)
    job = SourceJob(name="doors", kind="doors", source=source)
    stop = asyncio.Event()
    task = asyncio.create_task(run_source(job, publisher, cursors, stop, context.clock))
    try:
        yield Running(source, job)
    finally:
        task.cancel() if dies else stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORY_TOKEN", "open sesame")


async def test_a_sender_is_answered_when_events_and_memory_are_safe_and_told_of_the_events() -> None:
    log = MemoryLog()
    context = remembering(log, a_context())
    async with (
        Publisher(SETTINGS, opener=log.opener) as publisher,
        running(context, publisher, MemoryCursors(), dies=True) as process,
    ):
        first = await process.push("a", is_open=True)
        again = await process.push("a", is_open=True)

    assert first == (202, {"accepted": 1, "refused": 0, "errors": []})
    assert again == (202, {"accepted": 0, "refused": 0, "errors": []})
    assert [stored.topic for stored in log.of()] == [INCIDENTS.name, CONNECTOR_CURSORS.name]
    assert process.job.counters.accepted == 1


async def test_a_push_whose_memory_was_not_taken_comes_again_and_is_read_as_the_first_time() -> None:
    log = MemoryLog(fail_at=1)
    context = remembering(log, a_context())
    async with (
        Publisher(SETTINGS, opener=log.opener) as publisher,
        running(context, publisher, MemoryCursors(), dies=True) as process,
    ):
        refused, _ = await process.push("a", is_open=True)
        async with asyncio.timeout(5):
            while refused == 503 and (await _pushed(process))[0] != 202:
                await asyncio.sleep(0.01)

    assert refused == 503
    events = [stored.record.event_id for stored in log.of(INCIDENTS.name)]
    assert events == ["door:a:True", "door:a:True"]
    assert len(log.of(CONNECTOR_CURSORS.name)) == 1


async def test_a_repeat_that_tells_nothing_new_waits_for_what_it_repeats() -> None:
    log = MemoryLog()
    source = Doors(remembering(log, a_context()))
    found: list[Entry] = []

    async def read() -> None:
        async for entry in source.entries(None):
            found.append(entry)  # noqa: PERF401 - the loop ends by being cancelled

    reading = asyncio.create_task(read())
    process = Running(source, SourceJob(name="doors", kind="doors", source=source))
    pushes = [asyncio.create_task(process.push("a", is_open=True)) for _ in range(2)]
    async with asyncio.timeout(5):
        while source.read_count < 2:
            await asyncio.sleep(0.002)
    await asyncio.wait(pushes, timeout=0.1)
    answered_before = [push.done() for push in pushes]
    assert found[-1].cursor is not None
    source.acknowledged(found[-1].cursor)
    answers = await asyncio.gather(*pushes)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)

    assert answered_before == [False, False]
    assert [status for status, _ in answers] == [202, 202]


class _Ends(PayloadSource):
    """Tells by itself, once, that a door is shut, however often it must be told."""

    def __init__(self, context: ConnectorContext) -> None:
        options = {"listen": "127.0.0.1:0", "token_env": "MEMORY_TOKEN"}
        self.book: CaseBook[bool] = CaseBook(10, write=_open, read=lambda parts: bool(parts[MAIN]))
        transport = transport_from(options, ("http-push",), name="doors")
        super().__init__(transport, context, topic=INCIDENTS, memory=self.book)

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the end of every door that is remembered."""
        assert self._memory is not None
        for useless in await self._memory.recall():
            yield useless
        for name in [name for name, _ in self.book.items()]:
            self.book.forget(name)
            yield Accepted(INCIDENTS, replace(incident(1), event_id=f"door:{name}:over"))
            await asyncio.sleep(0.1)  # the broker's answer comes meanwhile
        for kept in self.newly_remembered():
            yield kept


async def test_an_end_that_no_payload_gave_is_told_again_when_the_broker_did_not_take_it() -> None:
    log = MemoryLog()
    context = remembering(log, a_context())
    before = Doors(context)
    assert before._memory is not None
    await before._memory.recall()
    before.book.put("a", True)
    for entry in before.newly_remembered():
        assert isinstance(entry, Accepted)
        keep(log, entry)
    log.fail_at = 0
    job = SourceJob(name="doors", kind="doors", source=_Ends(context))
    async with Publisher(SETTINGS, opener=log.opener) as publisher, asyncio.timeout(5):
        await run_source(job, publisher, MemoryCursors(), asyncio.Event(), context.clock)

    assert [stored.record.event_id for stored in log.of(INCIDENTS.name)] == ["door:a:over"]
    assert log.of(CONNECTOR_CURSORS.name)[-1].value is None


async def test_a_sender_hears_not_now_and_not_never_while_its_connector_still_remembers() -> None:
    log = MemoryLog()
    context = remembering(log, a_context())
    source = Doors(context)
    # Another connector of the process is at work on the same address already.
    await context.listeners.join("127.0.0.1", 0, "/in/other", lambda _: None)  # type: ignore[arg-type, return-value]
    process = Running(source, SourceJob(name="doors", kind="doors", source=source))
    try:
        status, _ = await process.push("a", is_open=True)
    finally:
        await context.listeners.leave("127.0.0.1", 0, "/in/other")

    assert status == 503


async def _pushed(process: Running, door: str = "a") -> tuple[int, Any]:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        return await process.push(door, is_open=True)
    return 0, None


async def test_on_a_broker_a_process_that_dies_after_its_answer_has_forgotten_nothing(city: ConnectorSettings) -> None:
    context = replace(a_context(), instance="doors", pictures=KafkaPictures(city))
    async with Publisher(city) as publisher:
        cursors = KafkaCursors(city, publisher)
        async with running(context, publisher, cursors, dies=True) as process:
            assert (await process.push("a", is_open=True))[1]["accepted"] == 1
        async with running(context, publisher, cursors) as process:
            told = [(await process.push("a", is_open=is_open))[1]["accepted"] for is_open in (True, False)]
        position = await cursors.read("doors")

    assert told == [0, 1]
    assert position is not None
    assert "/" not in position.connector


@OUTAGE
@pytest.mark.slow
async def test_a_broker_that_is_away_at_the_start_and_in_the_middle_of_a_push_leaves_events_and_memory_in_step(
    cut_off_broker: Callable[..., CutOff], caplog: pytest.LogCaptureFixture
) -> None:
    cut_off = cut_off_broker()
    city, cut = cut_off.settings, cut_off.proxy.cut
    context = replace(a_context(), instance="doors", pictures=KafkaPictures(city))
    publisher = Publisher(city, delivery_timeout_ms=1_000)
    cut()
    async with running(context, publisher, KafkaCursors(city, publisher), dies=True) as process, asyncio.timeout(30):
        while not process.job.counters.unavailable:
            await asyncio.sleep(0.01)
        cut_off.proxy.join()
        first = await process.push("a", is_open=True)
        cut()
        refused, _ = await process.push("b", is_open=True)
        cut_off.proxy.join()
        answer = await _pushed(process, "b")
        while answer[0] != 202:
            await asyncio.sleep(0.05)
            answer = await _pushed(process, "b")
        again = [(await process.push(door, is_open=True))[1]["accepted"] for door in ("a", "b")]
    await publisher.close()
    caplog.clear()  # its errors hold connections that failed

    events = [d.record.event_id async for batch in context_batches(context) for d in batch if d.record is not None]
    assert (first[0], refused, again) == (202, 503, [0, 0])
    # It was told now, or before, when the broker took it and could not say so.
    assert answer[1]["accepted"] in (0, 1)
    assert list(dict.fromkeys(events)) == ["door:a:True", "door:b:True"]


def context_batches(context: ConnectorContext) -> AsyncGenerator[Any, None]:
    """Return all that stands on ``incidents``."""
    assert context.pictures is not None
    return context.pictures.batches(INCIDENTS, follow=False)


def test_an_instance_keeps_its_memory_under_its_name() -> None:
    options = {"transport": "http-push", "token_env": "MEMORY_TOKEN"}
    source = ConnectorInstance(name="112-seoul", kind="police_112", options=options).build_source(a_context())

    assert isinstance(source, PayloadSource)
    assert (source.context.instance, source.remembers) == ("112-seoul", True)


class _Held:
    """A record that the broker has not acknowledged yet."""

    def __init__(self) -> None:
        self.is_done = False
        self.exception = None
        self._calls: list[Callable[[Any], None]] = []

    def add_both(self, call: Callable[[Any], None]) -> None:
        self._calls.append(call)

    def acknowledge(self) -> None:
        self.is_done = True
        for call in self._calls:
            call(None)


class _SlowProducer:
    """A producer whose records are acknowledged by hand."""

    def __init__(self) -> None:
        self.sent: list[_Held] = []

    def send(self, topic: str, **_: Any) -> _Held:
        self.sent.append(_Held())
        return self.sent[-1]


async def test_what_is_remembered_of_an_event_goes_out_after_the_event_is_safe() -> None:
    producer: Any = _SlowProducer()
    outbox = Outbox(producer)
    message = Message("t.incidents", 0, b"k", b"v", [], 1)
    await outbox.put(message, cursor="0")
    memory = asyncio.create_task(outbox.put(message, counts=False))
    more = asyncio.create_task(outbox.put(message, cursor="1", counts=False))
    await asyncio.sleep(0.01)
    before = len(producer.sent)
    producer.sent[0].acknowledge()
    await asyncio.gather(memory, more)
    counted_then = outbox.accepted

    for held in producer.sent[1:]:
        held.acknowledge()
    outbox.collect()

    assert (before, len(producer.sent)) == (1, 3)
    assert (counted_then, outbox.accepted, outbox.cursor) == (1, 1, "1")
