"""What was heard of each camera, and of which nothing was heard for too long. Pure but for its own memory."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.camera import CameraHealth, HealthState

# These answer, so their silence says something; who is serviced or down is expected to be silent.
SPEAKING = (HealthState.UP, HealthState.OBSTRUCTED)


@dataclass(slots=True)
class _Heard:
    state: str
    at_us: int
    heard_us: int
    exercise: bool = False


class Heard:
    """The newest word of each camera, the one heard of longest ago first.

    Args:
        cameras_max: more are forgotten, longest silent first; they are told anew when they are heard again.
    """

    def __init__(self, cameras_max: int) -> None:
        self._cameras_max = cameras_max
        self._cameras: OrderedDict[str, _Heard] = OrderedDict()
        self._newest_us = 0

    def seed(self, health: CameraHealth, now_us: int) -> None:
        """Take what stands on the topic; the camera has its whole time to be heard again."""
        self._put(health.camera_id, _Heard(health.state, health.since_us, now_us, health.exercise))

    def forget(self, camera_id: str) -> None:
        """Forget a camera."""
        self._cameras.pop(camera_id, None)

    def take(self, health: CameraHealth, now_us: int) -> str:
        """Take a word; return ``change``, ``beat`` for the state that is known, or ``late`` for an older word."""
        known = self._cameras.get(health.camera_id)
        if known is not None and health.observed_us < known.at_us:
            return "late"
        self._newest_us = max(self._newest_us, now_us)
        self._put(health.camera_id, _Heard(health.state, health.observed_us, now_us, health.exercise))
        # What a drill said of a camera is not what is so, nor the other way round.
        is_known = known is not None and (known.state, known.exercise) == (health.state, health.exercise)
        return "beat" if is_known else "change"

    def silent(self, now_us: int, silent_us: int, *, although_all: bool) -> Iterator[tuple[str, int]]:
        """Yield the cameras that have become silent, and when they were last heard; they are down from then on.

        Args:
            now_us: UTC microseconds.
            silent_us: how long a camera may be silent, microseconds.
            although_all: whether cameras are silent too while nothing at all is heard.
        """
        if not although_all and now_us - self._newest_us >= silent_us:
            return
        for camera_id, heard in list(self._cameras.items()):
            if now_us - heard.heard_us < silent_us:
                return
            if heard.state in SPEAKING and not heard.exercise:
                heard.state = HealthState.DOWN.value
                yield camera_id, heard.heard_us

    def _put(self, camera_id: str, heard: _Heard) -> None:
        self._cameras[camera_id] = heard
        self._cameras.move_to_end(camera_id)
        if len(self._cameras) > self._cameras_max:
            self._cameras.popitem(last=False)
