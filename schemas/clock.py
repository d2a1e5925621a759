"""The time all processes of a deployment agree on, in UTC microseconds.

Decisions never read a clock: their ``now`` is the append time of a record or a tick. Connectors stamp records and
workers make ticks from the clock here, so that a demonstration or a rehearsal can run a story faster than life.
"""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Where ``now`` comes from."""

    def now_us(self) -> int:
        """Return now in UTC microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Return now in UTC microseconds since the epoch."""
        return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A clock that runs ``factor`` times as fast as the machine's since ``start_us``.

    Every process that gets the same three numbers tells the same time.
    """

    start_us: int
    story_start_us: int
    factor: float

    def now_us(self) -> int:
        """Return the story's now in UTC microseconds since the epoch."""
        return self.story_us(time.time_ns() // 1000)

    def story_us(self, real_us: int) -> int:
        """Return the story's time at a real time."""
        return self.story_start_us + int((real_us - self.start_us) * self.factor)

    def setting(self) -> str:
        """Return the text from which :func:`clock_from` makes this clock again."""
        return f"scaled:{self.start_us}:{self.story_start_us}:{self.factor}"


def clock_from(setting: str) -> SystemClock | ScaledClock:
    """Return the clock a setting names: ``system`` or ``scaled:<start_us>:<story_start_us>:<factor>``.

    Raises:
        ValueError: the setting is neither.
    """
    if setting in ("", "system"):
        return SystemClock()
    kind, *numbers = setting.split(":")
    if kind != "scaled" or len(numbers) != 3:
        raise ValueError(f"clock must be 'system' or 'scaled:<start_us>:<story_start_us>:<factor>', got {setting!r}")
    clock = ScaledClock(int(numbers[0]), int(numbers[1]), float(numbers[2]))
    if clock.factor <= 0:
        raise ValueError(f"clock factor must be above 0, got {clock.factor}")
    return clock
