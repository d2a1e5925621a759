"""The counting engine for cases beside the real desk for cameras."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.heads import camera_desk
from pipeline.heads.camera_desk import DeskState
from pipeline.reading.batch import RawBatch, StepResult
from schemas.topics import CAMERA_INPUTS, CAMERA_KNOWLEDGE, PTZ_HEADS
from tests.pipeline.engine_runs import policy_with
from tests.topologies.counting_engine import CountingCameras, CountingEngine

# Without a dwell the tests need not wait for heads.
POLICY = policy_with(ptz={"dwell_s": 0, "margin": 0.05, "protected_rank": 1, "moves_per_hour": 100})
DESK_TOPICS = {topic.name for topic in CAMERA_INPUTS}


@dataclass
class DeskEngine(CountingEngine):
    """Counts the records of cases, and really decides on heads."""

    def restore(self, partition: int, rows: Mapping[str, Mapping[bytes, bytes]]) -> Any:
        cases = super().restore(partition, rows)
        return cases, DeskState.restored(rows[PTZ_HEADS.name], rows[CAMERA_KNOWLEDGE.name], POLICY)

    def open_cases(self, state: Any) -> Mapping[tuple[str, str], int]:
        return super().open_cases(state[0])

    def read(self, batches: Sequence[RawBatch]) -> Any:
        of_cases = super().read([batch for batch in batches if batch.topic not in DESK_TOPICS])
        return of_cases, camera_desk.read([batch for batch in batches if batch.topic in DESK_TOPICS])

    def step(self, state: Any, intake: Any, cameras: CountingCameras, tick_us: int | None) -> StepResult:
        # Grants to cases come back as inputs; the counting engine would write a version for each.
        result = super().step(state[0], [b for b in intake[0] if b.topic != "ptz-grants"], cameras, tick_us)
        return camera_desk.step(state[1], intake[1], POLICY, tick_us, result)
