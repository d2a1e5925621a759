"""Memory at work: a sender is answered when events and what is remembered of them are safe; a crash loses neither."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
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
from tests.connectors.helpers import incident
from tests.connectors.local_context import a_context
from tests.support.memory_log import SETTINGS, MemoryCursors, MemoryLog
from tests.support.restarts import remembering

TOKEN = {"Authorization": "Bearer open sesame"}


class Doors(PayloadSource):
    """Tells of a door that opens or shuts, by what it was before."""

    def __init__(self, context: ConnectorContext) -> None:
        options = {"listen": "127.0.0.1:0", "token_env": "MEMORY_TOKEN", "answer_within_s": 3}
        self.book: CaseBook[bool] = CaseBook(10, write=_open, read=lambda parts: bool(parts[MAIN]))
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


async def _pushed(process: Running) -> tuple[int, Any]:
    with contextlib.suppress(aiohttp.ClientError):
        return await process.push("a", is_open=True)
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
