"""Drive the real engine along a log, with the clock of the log and nobody else's."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from console.errors import LogTooLargeError
from console.replaying.assumed_ticks import Ticks
from console.replaying.log import CityLog, LogRecord, PartitionLog
from console.replaying.partition_run import PartitionRun, RunLimits
from console.replaying.timeline import Records, TableTo, timeline
from pipeline.reading.batch import RawBatch
from schemas.topics import CAMERA_HEALTH, CAMERAS, CONDITIONS
from topologies.city_engine import CityEngine

# Rows of the camera table are applied in slices like a worker's.
_TABLE_ROWS_PER_SLICE = 20_000


def run_log(engine: CityEngine, log: CityLog, limits: RunLimits) -> list[PartitionRun]:
    """Return what the engine decides on a whole log, by partition.

    Every partition has a camera table of its own, because each saw it change between other records. What the heads
    answered is in the log: their arbitration is not repeated.

    Raises:
        LogTooLargeError: it was not done in time.
    """
    runs, done = [], 0
    for partition in log.partitions:
        driver = _Driver(engine, partition.partition, log.table, limits, done)
        runs.append(driver.run(partition))
        done += sum(len(records) for records in partition.inputs.values())
        limits.progress(done)
    return runs


class _Driver:
    """One partition under way."""

    def __init__(
        self,
        engine: CityEngine,
        partition: int,
        table: Mapping[str, Sequence[LogRecord]],
        limits: RunLimits,
        done: int,
    ) -> None:
        self._engine: Any = engine
        self._cameras: Any = engine.new_cameras()
        self._state: Any = engine.restore(partition, {})
        self._table = table
        self._applied = dict.fromkeys(table, 0)
        self._limits = limits
        self._done = done
        self._run = PartitionRun(partition)

    def run(self, log: PartitionLog) -> PartitionRun:
        """Return what is decided on the partition."""
        for step in timeline(log, self._table, self._limits.tick_us):
            self._keep_within_time()
            if isinstance(step, TableTo):
                self._change_table(step)
            elif isinstance(step, Records):
                self._decide(step.records)
            else:
                self._let_time_pass(step)
        return self._run

    def _decide(self, records: Sequence[LogRecord]) -> None:
        self._step(_raw_batches(records), None)
        self._run.ended_us = max(self._run.ended_us, *(record.appended_us for record in records))
        self._done += len(records)
        self._limits.progress(self._done)

    def _let_time_pass(self, ticks: Ticks) -> None:
        at_us = ticks.first_us
        while at_us <= ticks.last_us:
            if not self._state.cases.cases:
                at_us = ticks.last_us  # without cases ticks only forget old tracks, which the last one does too
            self._step([], at_us)
            at_us += ticks.step_us
            self._keep_within_time()
        self._run.ended_us = max(self._run.ended_us, ticks.last_us)

    def _keep_within_time(self) -> None:
        if time.monotonic() > self._limits.deadline_s:
            raise LogTooLargeError(f"only {self._done:,} records were decided in time; allow more with --most-seconds")

    def _step(self, batches: list[RawBatch], tick_us: int | None) -> None:
        result = self._engine.step(self._state, self._engine.read(batches), self._cameras, tick_us)
        self._run.assignments += result.assignments
        self._run.refused += len(result.refusals)
        self._run.forgotten |= {case_id for case_id, state in result.case_states.items() if state is None}

    def _change_table(self, step: TableTo) -> None:
        for topic, offset in step.offsets.items():
            rows, start = self._table.get(topic, ()), self._applied.get(topic, 0)
            end = start
            while end < len(rows) and rows[end].offset <= offset:
                end += 1
            for first in range(start, max(end, start + 1), _TABLE_ROWS_PER_SLICE):
                part = rows[first : min(first + _TABLE_ROWS_PER_SLICE, end)]
                last = offset if first + _TABLE_ROWS_PER_SLICE >= end else part[-1].offset
                self._apply(topic)([row.key for row in part], [row.value for row in part], last)
            self._applied[topic] = end

    def _apply(self, topic: str) -> Callable[..., Any]:
        """Return what puts rows of a topic into the table; a table that does not know the topic ignores them."""
        names = {CAMERAS.name: "apply_cameras", CAMERA_HEALTH.name: "apply_health", CONDITIONS.name: "apply_conditions"}
        return getattr(self._cameras, names.get(topic, "apply_knowledge"), lambda keys, values, offset: [])


def _raw_batches(records: Sequence[LogRecord]) -> list[RawBatch]:
    """Return records as one batch per topic; the engine puts them back into one order."""
    by_topic = sorted(records, key=lambda record: record.topic)
    batches = []
    for topic, group in groupby(by_topic, key=lambda record: record.topic):
        some = list(group)
        batches.append(
            RawBatch(
                topic=topic,
                partition=some[0].partition,
                offsets=[record.offset for record in some],
                keys=[record.key for record in some],
                values=[record.value for record in some],
                appended_us=[record.appended_us for record in some],
            )
        )
    return batches
