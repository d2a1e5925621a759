"""How far a run of the engine may go, and what it gives; without the engine, which takes a second to load."""

from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.camera_assignment import CameraAssignment


@dataclass(slots=True)
class PartitionRun:
    """What the engine decided on one partition.

    Attributes:
        partition: its number.
        assignments: the versions in order.
        refused: how many records were answered with a reason instead of used.
        forgotten: case ids that were forgotten some time after their end.
        ended_us: the partition's time at the end, UTC microseconds since the epoch.
    """

    partition: int
    assignments: list[CameraAssignment] = field(default_factory=list)
    refused: int = 0
    forgotten: set[str] = field(default_factory=set)
    ended_us: int = 0


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How far a run may go.

    Attributes:
        tick_us: microseconds between ticks.
        deadline_s: by the monotonic clock, when it is given up.
        progress: told now and then how many input records are done.
    """

    tick_us: int
    deadline_s: float
    progress: Callable[[int], None] = lambda records: None
