"""A small engine that counts the records of each case: enough to see whether any was lost or decided twice."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.reading.batch import RawBatch, Refusal, StepResult
from schemas.camera_assignment import CameraAssignment, InputRef
from schemas.case_state import CaseReport, CaseState
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.topics import CASE_STATES


class CountingCameras:
    """A camera table that keeps the newest value of each key; ``bad`` values are refused."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.known: dict[bytes | None, bytes | None] = {}
        self.last_offset = -1
        self.slices = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def version(self) -> str:
        return f"cameras@{self.last_offset}/health@-1"

    def apply_cameras(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> list[tuple[int, Exception]]:
        refused: list[tuple[int, Exception]] = []
        self.slices += 1
        for index, (key, value) in enumerate(zip(keys, values, strict=True)):
            if key is None or (value is not None and value.startswith(b"bad")):
                refused.append((index, RecordDecodeError("avro", "a bad row")))
            elif value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        self.last_offset = last_offset
        return refused

    def apply_health(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> list[tuple[int, Exception]]:
        return []

    def apply_conditions(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> list[tuple[int, Exception]]:
        return []

    def apply_knowledge(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> list[tuple[int, Exception]]:
        self.known |= dict(zip(keys, values, strict=True))
        return []


@dataclass
class CountingEngine:
    """Counts; remembers what it was called with, unless told not to."""

    remember: bool = True

    batches: list[RawBatch] = field(default_factory=list)
    ticks: list[int] = field(default_factory=list)
    restored: dict[int, Mapping[str, Mapping[bytes, bytes]]] = field(default_factory=dict)
    crash_value: bytes = b"crash"
    steps: int = 0
    step_s: float = 0.0

    def warm_up(self) -> None:
        """There is nothing to compile."""

    def prepare(self, cameras: CountingCameras) -> None:
        """There is nothing to prepare."""

    def new_cameras(self) -> CountingCameras:
        return CountingCameras()

    def restore(self, partition: int, rows: Mapping[str, Mapping[bytes, bytes]]) -> dict[bytes, int]:
        if self.remember:
            self.restored[partition] = rows
        return {key: decode(CaseState, value).version for key, value in rows[CASE_STATES.name].items()}

    def camera_counts(self, cameras: CountingCameras) -> Mapping[str, int]:
        return {"unknown": len(cameras)}

    def open_cases(self, state: dict[bytes, int]) -> Mapping[tuple[str, str], int]:
        return {("police", "active"): len(state)}

    def oldest_assignment_us(self, state: dict[bytes, int]) -> int | None:
        return None

    def read(self, batches: Sequence[RawBatch]) -> list[RawBatch]:
        if self.remember:
            self.batches += batches
        return list(batches)

    def step(
        self, state: dict[bytes, int], intake: list[RawBatch], cameras: CountingCameras, tick_us: int | None
    ) -> StepResult:
        result = StepResult()
        self.steps += 1
        if tick_us is not None and self.remember:
            self.ticks.append(tick_us)
        for batch in intake:
            for offset, key, value, now_us in zip(
                batch.offsets, batch.keys, batch.values, batch.appended_us, strict=True
            ):
                if key is None or (value or b"").startswith(b"bad"):
                    result.refusals.append(
                        Refusal(batch.topic, batch.partition, offset, key, value or b"", "avro", None, "is bad", now_us)
                    )
                    result.outcomes[batch.topic, "dead-letter"] += 1
                    continue
                if value == self.crash_value:
                    raise RuntimeError("told to crash")
                version = state[key] = state.get(key, 0) + 1
                ref = InputRef(topic=batch.topic, partition=batch.partition, offset=offset)
                result.assignments.append(assignment(key.decode(), version, ref, now_us, cameras.version))
                result.case_states[key.decode()] = case_state(key.decode(), version, now_us)
                result.outcomes[batch.topic, "decided"] += 1
                result.reported.append(("police", now_us))
        if self.step_s:
            time.sleep(self.step_s)
        return result


def assignment(case_id: str, version: int, ref: InputRef, now_us: int, table_version: str) -> CameraAssignment:
    return CameraAssignment(
        case_id=case_id,
        opened_us=0,
        version=version,
        event_id=f"{case_id}:{version}",
        status="active",
        reason="reported",
        exercise=False,
        services=("police",),
        kind="test",
        rank=0,
        occurred_us=now_us,
        decided_us=now_us,
        valid_from_us=now_us,
        valid_until_us=now_us + 60_000_000,
        sources=(ref,),
        policy_version="test",
        camera_table_version=table_version,
    )


def case_state(case_id: str, version: int, now_us: int) -> CaseState:
    report = CaseReport(report_id="r", service="police", kind="test", occurred_us=now_us, observed_us=now_us)
    return CaseState(
        case_id=case_id,
        version=version,
        status="active",
        exercise=False,
        reports=(report,),
        opened_us=now_us,
        evidence_us=now_us,
        decided_us=now_us,
        valid_until_us=now_us + 60_000_000,
    )
