import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from connectors.file_replay.source import Config, FileReplaySource
from connectors.kit.errors import BrokerUnavailableError, RecordsLostError, SourceUnavailableError
from connectors.kit.reading.json_records import record_to_json
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source, run_sources
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Accepted, Entry
from console.embedded_broker import EmbeddedBroker
from schemas.codec import decode
from schemas.connector_cursor import ConnectorCursor
from schemas.dead_letter import DeadLetter
from schemas.incident import Incident
from schemas.topics import INCIDENTS, dead_letters_of
from tests.connectors.conftest import CutOff, create_topics
from tests.connectors.helpers import OUTAGE, ListSource, MemoryCursors, context, incident, read_topic
from tests.support.memory_log import SETTINGS, MemoryLog

QUICK = Backoff(first_s=0.02, factor=2.0, limit_s=0.1)


def job(source: ListSource | FileReplaySource, **changes: object) -> SourceJob:
    values = {"name": "112-test", "kind": "police_112", "source": source, "backoff": QUICK, **changes}
    return SourceJob(**values)  # type: ignore[arg-type]


def event_ids(settings: ConnectorSettings, expected: int) -> Counter[str]:
    return Counter(decode(Incident, r.value).event_id for r in read_topic(settings, INCIDENTS, expected))


async def until(condition: Callable[[], bool], limit_s: float = 15.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true in time"
        await asyncio.sleep(0.01)


async def test_a_source_that_ends_is_published_whole_and_its_position_is_stored(city: ConnectorSettings) -> None:
    async with Publisher(city) as publisher:
        cursors = KafkaCursors(city, publisher)
        counters = await run_source(
            job(ListSource([incident(1), None, incident(3)])), publisher, cursors, asyncio.Event()
        )
        stored = await cursors.read("112-test")
    assert (counters.accepted, counters.refused, counters.waiting) == (2, 1, 0)
    assert counters.refusals == {("incidents", "broken"): 1}
    assert stored is not None
    assert (stored.cursor, stored.accepted, stored.refused) == ("3", 2, 1)
    assert event_ids(city, 2) == {"112:1:1": 1, "112:3:1": 1}
    [letter] = read_topic(city, dead_letters_of(INCIDENTS), 1)
    assert decode(DeadLetter, letter.value).message == "rows must be whole"


async def test_the_newest_cursor_of_a_connector_is_read_back_among_others(city: ConnectorSettings) -> None:
    async with Publisher(city) as publisher:
        cursors = KafkaCursors(city, publisher)
        assert await cursors.read("112-test") is None
        for number in range(30):
            for name in ("112-test", "119-test"):
                await cursors.write(
                    ConnectorCursor(connector=name, cursor=f"{name}@{number}", accepted=number, refused=0, updated_us=1)
                )
        newest = [await cursors.read(name) for name in ("112-test", "119-test", "none")]
    assert [cursor and cursor.cursor for cursor in newest] == ["112-test@29", "119-test@29", None]


async def test_a_restart_in_the_middle_of_a_file_loses_nothing_and_repeats_only_whole_events(
    city: ConnectorSettings, tmp_path: Path
) -> None:
    path = tmp_path / "alarms.jsonl"
    total = 5_000
    lines = [json.dumps({"topic": "incidents", "record": record_to_json(incident(n))}) for n in range(total)]
    path.write_text("\n".join(lines) + "\n")
    for _ in range(3):
        # A process that dies: its run is cancelled, so that nothing is settled and no last position is stored.
        async with Publisher(city) as publisher:
            one = job(_Stalling(FileReplaySource(Config(path=path), context()), after=1_300), cursor_s=0.1)
            running = asyncio.ensure_future(run_source(one, publisher, KafkaCursors(city, publisher), asyncio.Event()))
            await until(lambda: one.counters.accepted >= 700 and one.counters.cursor_writes > 0)  # noqa: B023
            running.cancel()
            await asyncio.wait({running})
    async with Publisher(city) as publisher:
        last = job(FileReplaySource(Config(path=path), context()))
        await run_source(last, publisher, KafkaCursors(city, publisher), asyncio.Event())
        stored = await KafkaCursors(city, publisher).read("112-test")

    assert stored is not None
    assert stored.accepted == total
    seen = event_ids(city, total)
    assert set(seen) == {f"112:{n}:1" for n in range(total)}
    assert 0 < last.counters.accepted < total


class _Stalling:
    """A source that stops giving after so many entries, as one does whose process is about to die."""

    def __init__(self, source: FileReplaySource, after: int) -> None:
        self._source = source
        self._after = after

    async def entries(self, cursor: str | None) -> AsyncIterator[Entry]:
        given = 0
        async for entry in self._source.entries(cursor):
            yield entry
            given += 1
            if given == self._after:
                await asyncio.Event().wait()


async def test_a_stop_ends_within_two_seconds_frees_the_source_and_stores_the_position(
    city: ConnectorSettings,
) -> None:
    source = ListSource([incident(n) for n in range(50)], stays=True)
    stop = asyncio.Event()
    async with Publisher(city) as publisher:
        cursors = KafkaCursors(city, publisher)
        one = job(source, cursor_s=3600.0)
        running = asyncio.ensure_future(run_source(one, publisher, cursors, stop))
        await until(lambda: one.counters.accepted == 50)
        began_s = time.monotonic()
        stop.set()
        await running
        assert time.monotonic() - began_s < 2
        stored = await cursors.read("112-test")
    assert source.freed == 1
    assert stored is not None
    assert stored.cursor == "50"


@OUTAGE
async def test_a_stop_ends_within_two_seconds_while_the_broker_is_away(cut_off_broker: Callable[..., CutOff]) -> None:
    cut_off = cut_off_broker()
    stop = asyncio.Event()
    cursors = MemoryCursors()
    async with Publisher(cut_off.settings) as publisher:
        source = ListSource([incident(n) for n in range(30_000)])
        one = job(source, cursor_s=0.1)
        running = asyncio.ensure_future(run_source(one, publisher, cursors, stop))
        await until(lambda: one.counters.accepted > 0)
        cut_off.proxy.cut()
        await until(lambda: one.counters.waiting > 0)
        began_s = time.monotonic()
        stop.set()
        await running
        assert time.monotonic() - began_s < 2
    # Nothing is remembered that the broker has not acknowledged.
    cut_off.proxy.join()
    newest = await cursors.read("112-test")
    assert newest is not None
    present = event_ids(cut_off.settings, int(newest.cursor))
    assert {f"112:{n}:1" for n in range(int(newest.cursor))} <= set(present)


async def test_a_source_that_is_down_is_tried_again_after_growing_pauses(city: ConnectorSettings) -> None:
    source = ListSource([incident(1)], down=4)
    async with Publisher(city) as publisher:
        began_s = time.monotonic()
        counters = await run_source(job(source), publisher, MemoryCursors(), asyncio.Event())
        took_s = time.monotonic() - began_s
    assert len(source.calls) == 5
    assert took_s >= 0.02 + 0.04 + 0.08 + 0.1
    assert (counters.accepted, counters.unavailable, counters.last_error) == (1, 4, None)


class _Numbered:
    """A source whose cursors begin anew with every connection; the first one breaks."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._connections = 0

    async def entries(self, cursor: str | None) -> AsyncIterator[Entry]:
        """Yield one entry per connection, and break once it is acknowledged."""
        del cursor
        self._connections += 1
        yield Accepted(INCIDENTS, incident(self._connections), "1")
        for _ in range(100):
            if len(self.heard) >= self._connections:
                break
            await asyncio.sleep(0.01)
        if self._connections == 1:
            raise SourceUnavailableError("the connection broke")

    def acknowledged(self, cursor: str) -> None:
        """Take note."""
        self.heard.append(cursor)


async def test_a_position_that_was_acknowledged_before_is_acknowledged_again_after_a_new_connection() -> None:
    log, source = MemoryLog(), _Numbered()
    one = SourceJob(name="112-test", kind="police_112", source=source, backoff=QUICK)
    async with Publisher(SETTINGS, opener=log.opener) as publisher:
        await run_source(one, publisher, MemoryCursors(), asyncio.Event())
    assert source.heard == ["1", "1"]


def test_pauses_double_up_to_their_limit() -> None:
    backoff = Backoff(first_s=0.5, factor=2, limit_s=30)
    assert [backoff.pause_s(n) for n in (1, 2, 3, 7, 8, 1_000_000)] == [0.5, 1, 2, 30, 30, 30]


async def test_a_source_that_breaks_off_goes_on_behind_what_was_acknowledged(city: ConnectorSettings) -> None:
    source = ListSource([incident(n) for n in range(10)], fails_after=6)
    async with Publisher(city) as publisher:
        await run_source(job(source), publisher, MemoryCursors(), asyncio.Event())
    assert source.calls == [None, "6"]
    assert event_ids(city, 10) == {f"112:{n}:1": 1 for n in range(10)}


async def test_an_unexpected_error_ends_the_run_after_what_came_before_is_safe(city: ConnectorSettings) -> None:
    cursors = MemoryCursors()
    async with Publisher(city) as publisher:
        with pytest.raises(ZeroDivisionError):
            await run_source(job(ListSource([incident(1), ZeroDivisionError()])), publisher, cursors, asyncio.Event())
    assert event_ids(city, 1) == {"112:1:1": 1}
    assert [cursor.cursor for cursor in cursors.written] == ["1"]


async def test_an_error_of_one_connector_stops_the_others_in_order(city: ConnectorSettings) -> None:
    healthy = ListSource([incident(n) for n in range(5)], stays=True)
    stop = asyncio.Event()
    cursors = MemoryCursors()

    class Late(ListSource):
        async def entries(self, cursor: str | None):  # type: ignore[no-untyped-def]
            await until(lambda: good.counters.accepted == 5)
            raise ZeroDivisionError
            yield

    good, bad = job(healthy), job(Late([]), name="119-test")
    async with Publisher(city) as publisher:
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(run_sources([good, bad], publisher, cursors, stop), 10)
    assert healthy.freed == 1
    assert [cursor.cursor for cursor in cursors.written] == ["5"]


async def test_a_source_that_wants_to_know_is_told_what_is_safe(city: ConnectorSettings) -> None:
    class Told(ListSource):
        told: list[str]

        def acknowledged(self, cursor: str) -> None:
            self.told.append(cursor)

    source = Told([incident(n) for n in range(3)], stays=True)
    source.told = []
    stop = asyncio.Event()
    async with Publisher(city) as publisher:
        running = asyncio.ensure_future(run_source(job(source), publisher, MemoryCursors(), stop))
        await until(lambda: "3" in source.told)
        stop.set()
        await running
    assert source.told == sorted(set(source.told))


@OUTAGE
async def test_a_broker_that_is_not_there_yet_is_waited_for() -> None:
    with EmbeddedBroker() as first:
        port = int(first.bootstrap_servers.rpartition(":")[2])
    settings = ConnectorSettings(bootstrap_servers=(f"127.0.0.1:{port}",), topic_prefix="city")
    publisher = Publisher(settings)
    one = job(ListSource([incident(1)]))
    running = asyncio.ensure_future(run_source(one, publisher, KafkaCursors(settings, publisher), asyncio.Event()))
    try:
        await until(lambda: one.counters.unavailable >= 2)
        assert one.counters.last_error is not None
        assert "no broker answers" in one.counters.last_error
        with EmbeddedBroker(port=port):
            create_topics(settings.bootstrap_servers[0], "city")
            await asyncio.wait_for(running, 20)
            assert event_ids(settings, 1) == {"112:1:1": 1}
            await publisher.close()
    finally:
        running.cancel()
        await publisher.close()


@OUTAGE
async def test_a_broker_that_goes_away_in_the_middle_costs_no_record(cut_off_broker: Callable[..., CutOff]) -> None:
    cut_off = cut_off_broker()
    total = 6_000
    async with Publisher(cut_off.settings) as publisher:
        one = job(ListSource([incident(n) for n in range(total)]))
        cursors = KafkaCursors(cut_off.settings, publisher)
        running = asyncio.ensure_future(run_source(one, publisher, cursors, asyncio.Event()))
        await until(lambda: one.counters.accepted > 1_000)
        cut_off.proxy.cut()
        done, _ = await asyncio.wait({running}, timeout=0.5)
        assert not done
        cut_off.proxy.join()
        await asyncio.wait_for(running, 30)
    assert one.counters.accepted == total
    assert set(event_ids(cut_off.settings, total)) == {f"112:{n}:1" for n in range(total)}


@OUTAGE
async def test_records_that_cannot_be_delivered_are_read_again_from_the_last_acknowledged_one(
    cut_off_broker: Callable[..., CutOff],
) -> None:
    cut_off = cut_off_broker()
    source = ListSource([incident(n) for n in range(100)], stays=True)
    async with Publisher(cut_off.settings, delivery_timeout_ms=1_000) as publisher:
        one = job(source)
        stop = asyncio.Event()
        outbox = publisher.outbox()
        await publisher.put(outbox, Accepted(INCIDENTS, incident(500)), source="test")
        await outbox.drain()
        cut_off.proxy.cut()
        running = asyncio.ensure_future(run_source(one, publisher, MemoryCursors(), stop))
        await until(lambda: one.counters.unavailable > 0, 60)
        cut_off.proxy.join()
        await until(lambda: one.counters.accepted == 100, 60)
        stop.set()
        await running
    assert source.calls[:2] == [None, None]
    assert set(event_ids(cut_off.settings, 101)) == {f"112:{n}:1" for n in (*range(100), 500)}


@OUTAGE
async def test_connectors_that_share_a_publisher_all_go_on_after_a_long_outage(
    cut_off_broker: Callable[..., CutOff],
) -> None:
    cut_off = cut_off_broker()
    stop = asyncio.Event()
    jobs = [
        job(ListSource([incident(n) for n in range(100 * k, 100 * k + 100)], stays=True), name=f"c-{k}")
        for k in range(3)
    ]
    async with Publisher(cut_off.settings, delivery_timeout_ms=1_000) as publisher:
        cut_off.proxy.cut()
        running = asyncio.ensure_future(run_sources(jobs, publisher, MemoryCursors(), stop))
        await until(lambda: all(one.counters.unavailable > 0 for one in jobs), 40)
        cut_off.proxy.join()
        await until(lambda: all(one.counters.accepted == 100 for one in jobs), 40)
        stop.set()
        await running
    assert set(event_ids(cut_off.settings, 300)) == {f"112:{n}:1" for n in range(300)}


@OUTAGE
async def test_a_source_without_cursors_that_loses_records_ends_the_run_loudly(
    cut_off_broker: Callable[..., CutOff],
) -> None:
    class WithoutCursors(ListSource):
        async def entries(self, cursor: str | None):  # type: ignore[no-untyped-def]
            async for entry in super().entries(cursor):
                yield Accepted(entry.topic, entry.record)

    cut_off = cut_off_broker()
    async with Publisher(cut_off.settings, delivery_timeout_ms=1_000) as publisher:
        outbox = publisher.outbox()
        await publisher.put(outbox, Accepted(INCIDENTS, incident(500)), source="test")
        await outbox.drain()
        cut_off.proxy.cut()
        one = job(WithoutCursors([incident(n) for n in range(10)], stays=True))
        with pytest.raises(RecordsLostError, match="10 records could not be delivered") as raised:
            await asyncio.wait_for(run_source(one, publisher, MemoryCursors(), asyncio.Event()), 60)
        assert isinstance(raised.value.__cause__, BrokerUnavailableError)
