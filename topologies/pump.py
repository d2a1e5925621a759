"""The pump of one input partition: gathers what has arrived, has it decided, and commits it as one unit of work."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.reading.batch import RawBatch, StepResult
from schemas.topics import CAMERA_INPUTS, CASE_INPUTS
from topologies.batches import RecordBatch
from topologies.decisions import CameraView, DecisionEngine, PartitionState
from topologies.errors import UnitFailedError
from topologies.gathering import Waiting, next_offsets, raw_batch, split_at
from topologies.metrics import FlowMetrics
from topologies.outputs import OutputWriter
from topologies.settings import Settings
from topologies.ticks import TickGrid
from topologies.unit_of_work import Unit, UnitOfWork

# What a unit of work may hold: about cases and about cameras, of partitions of the same number.
UNIT_INPUTS = (*CASE_INPUTS, *CAMERA_INPUTS)
# A fast story must not turn into a busy loop: between two ticks of a partition lies at least this much real time.
TICK_PAUSE_S = 0.05
# A tick waits so long (real time) for records appended before its moment; a record from after it brings it at once.
TICK_GRACE_S = 0.05
# An input whose end is unknown or not reached counts as read to its end when nothing has come for this long.
QUIET_S = 2.0
# How often lag and open cases are counted.
REPORT_S = 1.0


@dataclass(frozen=True, slots=True)
class Workbench:
    """What all pumps of a worker share.

    Attributes:
        settings: the worker's settings.
        engine: decides.
        cameras: the camera table.
        unit_of_work: commits.
        writer: turns decisions into records.
        metrics: counts, once per unit.
        full_name: turns a topic's name into its name in the city.
        end_offset: by full topic name and partition, the offset after the newest record the broker has, if known.
        set_flow: tells the transport to hold back (False) or deliver again (True) a topic's partition.
    """

    settings: Settings
    engine: DecisionEngine
    cameras: CameraView
    unit_of_work: UnitOfWork
    writer: OutputWriter
    metrics: FlowMetrics
    full_name: Callable[[str], str]
    end_offset: Callable[[str, int], int | None]
    set_flow: Callable[[str, int, bool], None]


@dataclass(slots=True)
class PumpProgress:
    """When a pump last did what, by the monotonic clock in seconds; for health checks and lag."""

    turn_s: float = field(default_factory=time.monotonic)
    unit_started_s: float | None = None
    records: int = 0
    units: int = 0


class Pump:
    """Drives one input partition; all of its units run one after the other."""

    def __init__(
        self, bench: Workbench, partition: int, state: PartitionState, next_offsets_by_topic: dict[str, int]
    ) -> None:
        self.partition = partition
        self.progress = PumpProgress()
        self.next_offsets = next_offsets_by_topic
        self.lock = asyncio.Lock()
        self._bench = bench
        self._state = state
        self._waiting = Waiting()
        # The offset after the newest record that waits, per topic; below ``next_offsets`` when nothing waits.
        self._arrived: dict[str, int] = {}
        self._held_back: set[str] = set()
        self._wake = asyncio.Event()
        self._heard_s = time.monotonic()
        self._cases_changed = True
        self._reported_s = 0.0
        self._newest_us = {topic.name: 0 for topic in UNIT_INPUTS}
        # The first tick is due at once, or with the first records while the partition catches up.
        self._ticks = TickGrid(round(bench.settings.tick_s * 1e6))

    def put(self, records: RecordBatch, topic: str) -> None:
        """Take a fetched batch; hold the topic back when too much waits.

        Args:
            records: of this partition.
            topic: name without the city's prefix.

        Raises:
            UnitFailedError: records between the last batch and this one never came.
        """
        expected = max(self.next_offsets[topic], self._arrived.get(topic, 0))
        if records.follows is not None and records.follows > expected and records[0].offset > expected:
            raise UnitFailedError(
                f"{topic}/{self.partition}: expected offset {expected}, got {records[0].offset}; records were lost"
            )
        batch = raw_batch(records, topic, expected)
        if batch is None:
            return
        self._arrived[topic] = batch.offsets[-1] + 1
        self._waiting.add(batch)
        self._heard_s = time.monotonic()
        self._wake.set()
        if self._waiting.records > self._bench.settings.waiting_records_max and topic not in self._held_back:
            self._held_back.add(topic)
            self._bench.set_flow(self._bench.full_name(topic), self.partition, False)

    def forget_waiting(self) -> None:
        """Drop what waits: after a rebalance it is read again. Call with the lock held."""
        self._waiting.clear()
        self._arrived.clear()
        self._held_back.clear()

    async def run(self, running: asyncio.Event) -> None:
        """Work until cancelled, only while ``running`` is set. Any exception ends the worker."""
        gather_s = self._bench.settings.gather_ms / 1000
        while True:
            self.progress.turn_s = time.monotonic()
            if not running.is_set():
                await running.wait()
                self._heard_s = time.monotonic()
            await self._something_to_do()
            if self._waiting.records and gather_s:
                await asyncio.sleep(gather_s)
            async with self.lock:
                if running.is_set():
                    await self._unit()

    async def _something_to_do(self) -> None:
        if self._waiting.records:
            return
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), self._until_tick_s())
        except TimeoutError:
            return

    def _until_tick_s(self) -> float:
        """Return the real seconds until the next tick may be due; re-checked by the clock then."""
        left_us = self._ticks.next_us - self._bench.settings.clock.now_us()
        return max(TICK_PAUSE_S, min(left_us / 1e6 / self._pace() + TICK_GRACE_S, self._bench.settings.tick_s))

    def _pace(self) -> float:
        """Return how many times faster than life the worker's clock runs."""
        return getattr(self._bench.settings.clock, "factor", 1.0)

    async def _unit(self) -> None:
        """Decide on what waits and commit it."""
        progress = self.progress
        progress.unit_started_s = started_s = time.monotonic()
        batches = self._waiting.take(self._bench.settings.unit_records_max)
        self._release_flow()
        tick_us = self._due_tick(batches)
        if tick_us is not None:
            batches, after = split_at(batches, tick_us)
            self._waiting.put_back(after)
        if batches or tick_us is not None:
            await self._decide_and_commit(batches, tick_us, started_s)
        progress.unit_started_s = None
        if started_s - self._reported_s >= REPORT_S:
            self._reported_s = started_s
            self._report()

    async def _decide_and_commit(self, batches: list[RawBatch], tick_us: int | None, started_s: float) -> None:
        bench, metrics = self._bench, self._bench.metrics
        intake = bench.engine.read(batches)
        read_s = time.monotonic()
        result = bench.engine.step(self._state, intake, bench.cameras, tick_us)
        step_s = time.monotonic()
        now_us = max(max((batch.appended_us[-1] for batch in batches), default=0), tick_us or 0)
        outgoing = bench.writer.outgoing(result, now_us, bench.settings.clock.now_us())
        encode_s = time.monotonic()
        new_offsets = next_offsets(batches)
        if outgoing or new_offsets:
            named = {bench.full_name(topic): offset for topic, offset in new_offsets.items()}
            await bench.unit_of_work.commit(Unit(self.partition, outgoing, named))
            metrics.stages(
                read=read_s - started_s,
                decide=step_s - read_s,
                encode=encode_s - step_s,
                commit=time.monotonic() - encode_s,
            )
        self._advance(batches, new_offsets, result)

    def _advance(self, batches: list[RawBatch], new_offsets: dict[str, int], result: StepResult) -> None:
        self.next_offsets.update(new_offsets)
        for batch in batches:
            self._newest_us[batch.topic] = max(self._newest_us[batch.topic], batch.appended_us[-1])
            self._bench.metrics.heard(batch)
        records = sum(len(batch.offsets) for batch in batches)
        if records:
            self.progress.records += records
            self.progress.units += 1
        self._cases_changed = self._cases_changed or bool(result.case_states)
        self._bench.metrics.unit_done(records, result, self._bench.settings.clock.now_us())

    def _release_flow(self) -> None:
        if self._held_back and self._waiting.records <= self._bench.settings.waiting_records_max // 2:
            for topic in self._held_back:
                self._bench.set_flow(self._bench.full_name(topic), self.partition, True)
            self._held_back.clear()

    def _due_tick(self, batches: list[RawBatch]) -> int | None:
        """Return the tick that is due after those of these records that were appended up to it, None if none is.

        While the partition catches up, time is that of its records: a lease must not end by today's clock before
        yesterday's report that would have renewed it has been read.
        """
        clock_us = self._bench.settings.clock.now_us()
        newest_us = max([batch.appended_us[-1] for batch in batches], default=0)
        if self._waiting.records or not self._read_to_the_end(batches):
            return self._ticks.take_due(newest_us)
        waited_us = clock_us - round(TICK_GRACE_S * 1e6 * self._pace())
        # One record with a time far ahead must not use up the ticks until then.
        latest_us = clock_us + round(self._bench.settings.tick_s * 1e6)
        return self._ticks.take_due(max(waited_us, min(newest_us, latest_us)))

    def _read_to_the_end(self, batches: list[RawBatch]) -> bool:
        reached = {**self.next_offsets, **next_offsets(batches)}
        for topic, offset in reached.items():
            end = self._bench.end_offset(self._bench.full_name(topic), self.partition)
            if end is None or offset < end:
                return time.monotonic() - self._heard_s > QUIET_S
        return True

    def _report(self) -> None:
        """Show what is costly to count or changes without records."""
        if self._cases_changed:
            self._cases_changed = False
            self._bench.metrics.open_cases(self.partition, self._bench.engine.open_cases(self._state))
        now_us = self._bench.settings.clock.now_us()
        self._bench.metrics.oldest_assignment(
            self.partition, self._bench.engine.oldest_assignment_us(self._state), now_us
        )
        self._bench.metrics.sources(now_us)
        for topic, offset in self.next_offsets.items():
            end = self._bench.end_offset(self._bench.full_name(topic), self.partition)
            behind = max(0, end - offset) if end is not None else 0
            newest_us = self._newest_us[topic]
            behind_s = max(0.0, (now_us - newest_us) / 1e6) if behind and newest_us else 0.0
            self._bench.metrics.lag(topic, self.partition, behind, behind_s)
