"""Where ticks were that nobody told of: at whole multiples of their interval, as workers make them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ticks:
    """Let time alone decide at ``first_us``, then each ``step_us`` up to ``last_us``.

    ``known`` ticks are those that a published decision tells of; the others are assumed.
    """

    first_us: int
    last_us: int
    step_us: int
    known: bool


class AssumedTicks:
    """The ticks that nobody told of, between those that are known.

    Args:
        known_us: moments of the known ticks, in order.
        tick_us: microseconds between ticks.
    """

    def __init__(self, known_us: Sequence[int], tick_us: int) -> None:
        self._known_us = known_us
        self._next = 0
        self._tick_us = tick_us
        self._last_us: int | None = None

    def before(self, at_us: int) -> Ticks | None:
        """Return the ticks not yet taken that are before a moment, as one; the first moment starts the count."""
        if self._last_us is None:
            self._last_us = at_us
            return None
        if self._next < len(self._known_us):
            at_us = min(at_us, self._known_us[self._next])
        first_us = (self._last_us // self._tick_us + 1) * self._tick_us
        last_us = (at_us - 1) // self._tick_us * self._tick_us
        if last_us < first_us:
            return None
        self._last_us = last_us
        return Ticks(first_us, last_us, self._tick_us, False)

    def known_tick(self) -> None:
        """Go on behind the next known tick."""
        self._last_us = self._known_us[self._next]
        self._next += 1
