"""The pump alone, with a unit of work that only remembers; the clock is set by hand."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from schemas.topics import INCIDENTS, TRACKER_FIXES
from tests.topologies.counting_engine import CountingCameras, CountingEngine
from tests.topologies.running import until
from topologies.batches import RecordBatch
from topologies.errors import UnitFailedError
from topologies.metrics import FlowMetrics
from topologies.outputs import OutputWriter
from topologies.pump import TICK_GRACE_S, UNIT_INPUTS, Pump, Workbench
from topologies.settings import Settings
from topologies.unit_of_work import Unit

START_US = 1_800_000_000_000_000
TICK_US = 50_000
GRACE_US = round(TICK_GRACE_S * 1e6)


@dataclass
class HandClock:
    us: int = START_US

    def now_us(self) -> int:
        return self.us


@dataclass
class RememberingUnitOfWork:
    guarantee: str = "plain"
    units: list[Unit] = field(default_factory=list)
    blocked: asyncio.Event | None = None

    async def commit(self, unit: Unit) -> None:
        if self.blocked is not None:
            await self.blocked.wait()
        self.units.append(unit)

    async def claim(self, partitions: Sequence[int]) -> None: ...

    async def release(self, partitions: Sequence[int]) -> None: ...

    async def close(self) -> None: ...

    async def next_offsets(self, topics: Sequence[str], partitions: Sequence[int]) -> dict[TopicPartition, int]:
        return {}

    def durable_offset(self, topic: str, partition: int) -> int | None:
        return None


class Rig:
    """A pump of partition 0 with everything around it."""

    def __init__(self, **settings: float) -> None:
        self.clock = HandClock()
        self.engine = CountingEngine()
        self.unit_of_work = RememberingUnitOfWork()
        self.ends: dict[str, int] = {}
        self.flow: list[tuple[str, bool]] = []
        bench = Workbench(
            settings=Settings(
                bootstrap_servers=("none:1",), city="test", gather_ms=1, tick_s=0.05, clock=self.clock, **settings
            ),  # type: ignore[arg-type]
            engine=self.engine,
            cameras=CountingCameras(),
            unit_of_work=self.unit_of_work,
            writer=OutputWriter(lambda name: name, "test"),
            metrics=FlowMetrics(),
            full_name=lambda name: name,
            end_offset=lambda topic, partition: self.ends.get(topic, 0),
            set_flow=lambda topic, partition, flowing: self.flow.append((topic, flowing)),
        )
        self.running = asyncio.Event()
        self.running.set()
        self.pump = Pump(bench, 0, {}, {topic.name: 0 for topic in UNIT_INPUTS})
        self.task = asyncio.create_task(self.pump.run(self.running))

    async def __aenter__(self) -> "Rig":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def put(
        self,
        offsets: Sequence[int],
        topic: str = INCIDENTS.name,
        follows: int | None = None,
        appended_us: int = START_US,
    ) -> None:
        self.pump.put(
            RecordBatch(
                (
                    SimpleNamespace(
                        topic=topic, partition=0, offset=o, key=b"case", value=b"v", timestamp=appended_us // 1000
                    )
                    for o in offsets
                ),
                follows,
            ),
            topic,
        )

    @property
    def decided(self) -> list[int]:
        return [offset for batch in self.engine.batches for offset in batch.offsets]


async def test_what_arrives_together_is_one_unit_over_all_topics() -> None:
    async with Rig() as rig:
        rig.put([0, 1])
        rig.put([0, 1, 2], TRACKER_FIXES.name)
        rig.put([2])
        await until(lambda: len(rig.unit_of_work.units) == 1)
    assert rig.unit_of_work.units[0].next_offsets == {INCIDENTS.name: 3, TRACKER_FIXES.name: 3}


async def test_records_that_come_again_after_a_rebalance_are_skipped() -> None:
    async with Rig() as rig:
        rig.put([0, 1, 2])
        await until(lambda: len(rig.unit_of_work.units) == 1)
        rig.put([1, 2, 3])
        await until(lambda: len(rig.unit_of_work.units) == 2)
    assert rig.decided == [0, 1, 2, 3]


async def test_records_lost_on_the_way_are_an_error() -> None:
    async with Rig() as rig:
        rig.put([0, 1, 2])
        with pytest.raises(UnitFailedError, match="incidents/0: expected offset 3, got 7; records were lost"):
            rig.put([7, 8], follows=7)


async def test_offsets_that_the_broker_left_out_are_no_loss() -> None:
    async with Rig() as rig:
        rig.put([0, 1, 2])
        rig.put([7, 8], follows=3)
        await until(lambda: len(rig.decided) == 5)


async def test_nothing_is_decided_while_partitions_move_and_what_waited_is_forgotten() -> None:
    async with Rig() as rig:
        rig.running.clear()
        rig.put([0, 1])
        async with rig.pump.lock:
            rig.pump.forget_waiting()
        rig.running.set()
        rig.put([0, 1, 2])
        await until(lambda: len(rig.unit_of_work.units) == 1)
    assert rig.decided == [0, 1, 2]


async def test_ticks_come_by_the_clock_also_when_idle_and_cost_no_commit() -> None:
    async with Rig() as rig:
        await until(lambda: len(rig.engine.ticks) == 1)
        steps = rig.engine.steps
        await asyncio.sleep(0.2)
        assert rig.engine.steps == steps, "the clock stands still: no tick is due"
        rig.clock.us += 1_000_000
        await until(lambda: len(rig.engine.ticks) == 2)
    newest_us = START_US - GRACE_US
    assert rig.engine.ticks == [newest_us, newest_us + 1_000_000], "of more than ten only the newest"
    assert rig.unit_of_work.units == []


async def test_ticks_that_were_missed_are_made_one_after_the_other() -> None:
    async with Rig() as rig:
        await until(lambda: len(rig.engine.ticks) == 1)
        rig.clock.us += 5 * TICK_US + TICK_US // 2
        await until(lambda: len(rig.engine.ticks) == 6)
    first_us = rig.engine.ticks[0]
    assert rig.engine.ticks == [first_us + number * TICK_US for number in range(6)]


async def test_a_tick_comes_after_what_was_appended_up_to_its_moment_and_before_the_rest() -> None:
    async with Rig() as rig:
        await until(lambda: len(rig.engine.ticks) == 1)
        rig.put([0], appended_us=START_US)
        rig.put([0], TRACKER_FIXES.name, appended_us=START_US + 1_000)
        rig.put([1], appended_us=START_US + 2_000)
        rig.clock.us += 3_000
        await until(lambda: len(rig.decided) == 3)
    # The later records brought the tick: their time is past its moment, so nothing from before it is missing.
    assert rig.engine.ticks[-1] == START_US
    units = [unit.next_offsets for unit in rig.unit_of_work.units]
    assert units == [{INCIDENTS.name: 1}, {TRACKER_FIXES.name: 1, INCIDENTS.name: 2}]


async def test_a_record_with_a_time_far_ahead_does_not_use_up_the_ticks_until_then() -> None:
    async with Rig() as rig:
        await until(lambda: len(rig.engine.ticks) == 1)
        rig.put([0], appended_us=START_US + 3_600_000_000)
        await until(lambda: len(rig.decided) == 1)
        before = len(rig.engine.ticks)
        rig.clock.us += 4 * TICK_US
        await until(lambda: len(rig.engine.ticks) > before)


async def test_while_it_catches_up_time_is_that_of_the_records() -> None:
    async with Rig() as rig:
        await until(lambda: len(rig.engine.ticks) == 1)
        rig.clock.us += 3_600_000_000
        rig.ends[INCIDENTS.name] = 1_000
        await until(lambda: len(rig.engine.ticks) == 2)  # a tick of the hour that passed, before the news came
        rig.put(range(5))
        await until(lambda: len(rig.decided) == 5)
        seen = len(rig.engine.ticks)
        rig.clock.us += 3_600_000_000
        await asyncio.sleep(0.2)
        assert len(rig.engine.ticks) == seen, "995 records are missing: it is not yet the clock's time"


async def test_a_slow_commit_holds_the_topic_back_and_lets_it_flow_afterwards() -> None:
    async with Rig(unit_records_max=10, waiting_records_max=20) as rig:
        rig.unit_of_work.blocked = asyncio.Event()
        for start in range(0, 50, 5):
            rig.put(range(start, start + 5))
            await asyncio.sleep(0.005)
        assert rig.flow == [(INCIDENTS.name, False)]
        rig.unit_of_work.blocked.set()
        await until(lambda: len(rig.decided) == 50)
        await until(lambda: rig.flow == [(INCIDENTS.name, False), (INCIDENTS.name, True)])
    assert all(len(unit.outgoing) for unit in rig.unit_of_work.units)


async def test_an_unexpected_error_ends_the_pump() -> None:
    async with Rig() as rig:
        rig.pump.put(
            RecordBatch(
                [SimpleNamespace(topic="incidents", partition=0, offset=0, key=b"k", value=b"crash", timestamp=1)]
            ),
            INCIDENTS.name,
        )
        with pytest.raises(RuntimeError, match="told to crash"):
            await asyncio.wait_for(rig.task, 10)
