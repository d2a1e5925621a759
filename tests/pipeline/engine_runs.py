"""Drive the real engine record by record and tick by tick, and the policies that tests start from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.scenery import Scenery
from pipeline.reading.batch import StepResult
from pipeline.reading.intake import read
from pipeline.rules.policy import Policy
from pipeline.steps.engine import step
from pipeline.steps.state import PartitionState
from schemas.camera import Camera, CameraHealth
from schemas.camera_assignment import CameraAssignment
from schemas.case_state import CaseState
from schemas.codec import encode
from tests.support.records import T0_US, S, a_camera, at, batches_of
from topologies.city_files import load_city

CITIES = Path(__file__).parents[2] / "cities"
DEMO = load_city(CITIES, "demo").policy
SEOUL_CITY = load_city(CITIES, "seoul").policy


def policy_with(policy: Policy = DEMO, **parts: dict[str, Any]) -> Policy:
    """Return a policy with some fields of its parts changed: ``policy_with(lease={"retention_s": 5})``."""
    return replace(policy, **{name: replace(getattr(policy, name), **fields) for name, fields in parts.items()})


def a_grid(columns: int = 9, rows: int = 9, step_m: float = 30.0, **changes: Any) -> list[Camera]:
    """Return all-round cameras on a grid of poles around the tests' place, named by column and row."""
    return [
        a_camera(
            f"cam-{i}-{j}", location=at(step_m * (i - (columns - 1) / 2), step_m * (j - (rows - 1) / 2)), **changes
        )
        for i in range(columns)
        for j in range(rows)
    ]


class EngineRun:
    """A partition under way. Times are seconds after ``T0_US``."""

    def __init__(self, cameras: CameraTable, policy: Policy = DEMO) -> None:
        self.cameras = cameras
        self.scenery = Scenery(cameras, policy)
        self.policy = policy
        self.state = PartitionState()
        self._offset = 0

    def tell(self, *records: Any, now_s: float) -> StepResult:
        """Let the engine take records that arrive together."""
        now_us = T0_US + int(now_s * S)
        batches = batches_of([(now_us, record) for record in records], first_offset=self._offset)
        self._offset += len(records)
        return step(self.state, read(batches, self.policy), self.scenery, self.policy, None)

    def tick(self, now_s: float) -> StepResult:
        """Let time alone decide."""
        return step(self.state, read([], self.policy), self.scenery, self.policy, T0_US + int(now_s * S))

    def case(self, case_id: str) -> CaseState:
        """Return the state of a case."""
        return self.state.cases[case_id.encode()]

    def change(self, *records: Camera | CameraHealth) -> None:
        """Write cameras and health into the table."""
        for record in records:
            key, value = [record.camera_id.encode()], [encode(record)]
            take = self.cameras.apply_cameras if isinstance(record, Camera) else self.cameras.apply_health
            assert take(key, value, 0) == []

    def remove(self, *camera_ids: str) -> None:
        """Take cameras out of the table."""
        assert self.cameras.apply_cameras([i.encode() for i in camera_ids], [None] * len(camera_ids), 0) == []


def only(result: StepResult) -> CameraAssignment:
    """Return the one version that a step made."""
    (assignment,) = result.assignments
    return assignment


def ids(assignment: CameraAssignment, *roles: str) -> list[str]:
    """Return the camera ids of an assignment in order, of all roles or of these."""
    return [c.camera_id for c in assignment.cameras if not roles or c.role in roles]


def reasons(result: StepResult) -> Sequence[str]:
    """Return why each version of a step was made."""
    return [a.reason for a in result.assignments]
