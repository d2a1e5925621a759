"""The golden time: from the report to the first camera that shows what happened."""

from collections.abc import Iterable
from typing import Protocol

from schemas.camera_assignment import CameraRole

# Cameras along a unit's way, and where a person will be soon, do not show what happened.
SHOWING = frozenset({CameraRole.VIEW.value, CameraRole.AREA.value, CameraRole.ENDING.value})


class HasRole(Protocol):
    """A camera of an assignment."""

    @property
    def role(self) -> str:
        """Return why it is on the list, one of ``CameraRole``."""


def shows_target(cameras: Iterable[HasRole]) -> bool:
    """Return whether at least one of a version's cameras shows what the case is about.

    The first version of an opening of a case for which this holds is its first view; the golden time is
    ``decided_us`` of that version less its :func:`pipeline.cases.golden_clock.clock_start_us`.
    """
    return any(camera.role in SHOWING for camera in cameras)
