"""The seam to the pure engine: what a topology asks of it, and the city's engine bound to its policy."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pipeline.reading.batch import RawBatch, StepResult

# Opaque to this package: the engine's own state of a partition, and its decoded columns of a unit.
PartitionState = Any
Intake = Any


class CameraView(Protocol):
    """The camera table as the transport feeds it; the engine knows the rest of it."""

    @property
    def version(self) -> str:
        """How far the table has been read."""

    def __len__(self) -> int:
        """Return how many cameras it holds."""

    def apply_cameras(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> Sequence[tuple[int, Exception]]:
        """Apply rows of the cameras topic; return the refused ones as (index, error)."""

    def apply_health(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> Sequence[tuple[int, Exception]]:
        """Apply rows of the camera-health topic; return the refused ones as (index, error)."""

    def apply_conditions(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> Sequence[tuple[int, Exception]]:
        """Apply rows of the conditions topic; return the refused ones as (index, error)."""

    def apply_knowledge(
        self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
    ) -> Sequence[tuple[int, Exception]]:
        """Apply rows of the camera-knowledge topic; return the refused ones as (index, error)."""


class DecisionEngine(Protocol):
    """A pure engine: values in, values out, no clock. Any exception it raises stops the worker."""

    def warm_up(self) -> None:
        """Compile what needs compiling; takes no part in any decision. Called once, in a thread."""

    def prepare(self, cameras: CameraView) -> None:
        """Work out what decisions need of cameras that are new or have changed, so that no unit has to wait for it.

        Called with the whole table in a thread before the worker joins its group, then after each slice of changes.
        """

    def new_cameras(self) -> CameraView:
        """Return an empty camera table."""

    def camera_counts(self, cameras: CameraView) -> Mapping[str, int]:
        """Return how many cameras there are by status."""

    def restore(self, partition: int, rows: Mapping[str, Mapping[bytes, bytes]]) -> PartitionState:
        """Return the state of a partition.

        Args:
            partition: its number.
            rows: newest row of each key in the wire format, by topic name without the city's prefix; of
                ``access-audits`` only the newest record; of ``camera-knowledge`` the cameras of this partition.
        """

    def open_cases(self, state: PartitionState) -> Mapping[tuple[str, str], int]:
        """Return how many cases are open by (service, status)."""

    def oldest_assignment_us(self, state: PartitionState) -> int | None:
        """Return when the newest version of that active case was decided which has waited longest; None without."""

    def read(self, batches: Sequence[RawBatch]) -> Intake:
        """Decode and validate the records of a unit and put them into the order of decision."""

    def step(self, state: PartitionState, intake: Intake, cameras: CameraView, tick_us: int | None) -> StepResult:
        """Decide on the records and then, if ``tick_us`` is given, on what time alone brings; changes ``state``."""
