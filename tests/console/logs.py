"""Logs as a city's topics would hold them, made by the real engine in the place of a worker."""

from collections.abc import Sequence
from typing import Any

from console.replaying.log import LogRecord
from pipeline.cameras.camera_table import CameraTable
from pipeline.reading.batch import RawBatch, StepResult
from pipeline.rules.policy import Policy
from schemas.camera import Camera, CameraHealth
from schemas.codec import encode
from schemas.condition import Condition
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERA_HEALTH, CAMERAS, CONDITIONS
from tests.support.records import T0_US, S, topic_of
from topologies.city_engine import CityEngine


class LoggedRun:
    """A worker's partition that writes down all it read and decided. Times are seconds after ``T0_US``.

    Args:
        policy: what decides.
        partition: its number.
        engine: the engine itself, where it must be a city's with its plane and map.
    """

    def __init__(self, policy: Policy, partition: int = 0, engine: CityEngine | None = None) -> None:
        self.records: list[LogRecord] = []
        self.ticks_us: list[int] = []
        self._partition = partition
        self._engine: Any = engine or CityEngine(policy)
        self._cameras: CameraTable = self._engine.new_cameras()
        self._state = self._engine.restore(partition, {})
        self._offsets: dict[str, int] = {}

    def change(self, *rows: Camera | CameraHealth | Condition, now_s: float) -> None:
        """Write cameras, health and conditions into the table."""
        table = self._cameras
        ways = {
            Camera: (CAMERAS, table.apply_cameras),
            CameraHealth: (CAMERA_HEALTH, table.apply_health),
            Condition: (CONDITIONS, table.apply_conditions),
        }
        for row in rows:
            topic, take = ways[type(row)]
            one = self._log(topic.name, _us(now_s), topic.key_of(row), encode(row), partition=0)
            assert take([one.key], [one.value], one.offset) == []

    def tell(self, *records: Any, now_s: float) -> StepResult:
        """Decide on records that arrive together."""
        ones = [self._input(record, now_s) for record in records]
        return self._step([_batch(one) for one in ones], None)

    def tick(self, now_s: float) -> StepResult:
        """Let time alone decide."""
        self.ticks_us.append(_us(now_s))
        return self._step([], _us(now_s))

    def tick_each_second(self, start_s: int, end_s: int) -> None:
        """Tick at every second, both ends included."""
        for second in range(start_s, end_s + 1):
            self.tick(second)

    def _input(self, record: Any, now_s: float) -> LogRecord:
        topic = topic_of(record)
        return self._log(topic.name, _us(now_s), topic.key_of(record), encode(record), partition=self._partition)

    def _step(self, batches: list[RawBatch], tick_us: int | None) -> StepResult:
        result: StepResult = self._engine.step(self._state, self._engine.read(batches), self._cameras, tick_us)
        for assignment in result.assignments:
            key = assignment.case_id.encode()
            name = CAMERA_ASSIGNMENTS.name
            self._log(name, assignment.decided_us, key, encode(assignment), partition=self._partition)
        return result

    def _log(self, topic: str, at_us: int, key: bytes | None, value: bytes | None, *, partition: int) -> LogRecord:
        offset = self._offsets.get(topic, 0)
        self._offsets[topic] = offset + 1
        one = LogRecord(topic, partition, offset, at_us, key, value)
        self.records.append(one)
        return one


def _us(seconds: float) -> int:
    return T0_US + round(seconds * S)


def _batch(one: LogRecord) -> RawBatch:
    return RawBatch(one.topic, one.partition, [one.offset], [one.key], [one.value], [one.appended_us])


def without(records: Sequence[LogRecord], *gone: LogRecord) -> list[LogRecord]:
    """Return the records that a topic holds after some were compacted or ran out."""
    return [record for record in records if record not in gone]
