"""The real engine, bound to a city's policy."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline import engine, intake
from pipeline.batch import RawBatch, StepResult
from pipeline.camera_columns import HEALTH_STATES, HEALTH_UNKNOWN
from pipeline.camera_table import CameraTable
from pipeline.geo import Plane
from pipeline.policy import Policy
from pipeline.state import PartitionState


class CityEngine:
    """``pipeline.engine`` in the form the topologies ask for (``topologies.decisions.DecisionEngine``).

    Args:
        policy: the city's policy.
        plane: the plane on which the city's distances are reckoned; the first camera's if None.
    """

    def __init__(self, policy: Policy, plane: Plane | None = None) -> None:
        self._policy = policy
        self._plane = plane

    def new_cameras(self) -> CameraTable:
        """Return an empty camera table."""
        return CameraTable(self._plane)

    def camera_counts(self, cameras: CameraTable) -> Mapping[str, int]:
        """Return how many cameras are out of service, and how many of the others are in which state of health."""
        alive, in_service = cameras.alive, cameras.in_service
        health = cameras.health[alive & in_service].astype(np.int64) - HEALTH_UNKNOWN
        counts = np.bincount(health, minlength=len(HEALTH_STATES) + 1).tolist()
        by_status = dict(zip(("unknown", *(state.value for state in HEALTH_STATES)), counts, strict=True))
        return {**by_status, "out-of-service": int(np.count_nonzero(alive & ~in_service))}

    def restore(self, case_rows: Mapping[bytes, bytes], track_rows: Mapping[bytes, bytes]) -> PartitionState:
        """Return the state of a partition from its rows in the wire format."""
        return PartitionState.restored(case_rows, track_rows, self._policy)

    def open_cases(self, state: PartitionState) -> Mapping[tuple[str, str], int]:
        """Return how many cases are open by (service, status)."""
        return state.open_cases()

    def read(self, batches: Sequence[RawBatch]) -> intake.Intake:
        """Decode and validate the records of a unit and put them into the order of decision."""
        return intake.read(batches, self._policy)

    def step(
        self, state: PartitionState, taken: intake.Intake, cameras: CameraTable, tick_us: int | None
    ) -> StepResult:
        """Decide on the records and then on what time alone brings; changes ``state``."""
        return engine.step(state, taken, cameras, self._policy, tick_us)
