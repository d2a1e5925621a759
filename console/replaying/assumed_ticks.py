"""Where ticks were that nobody told of: between two known ones at even distances."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

# Fewer known ticks in a row do not tell how far apart a worker's ticks are.
_GAPS_MIN = 3


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
    """Ticks that nobody told of: between two known ones at even distances, after the last one at the usual distance.

    Args:
        known_us: moments of the known ticks, in order.
        tick_us: microseconds between ticks, at least; a worker's are some milliseconds more apart.
    """

    def __init__(self, known_us: Sequence[int], tick_us: int) -> None:
        self._known_us = known_us
        self._next = 0
        self._tick_us = tick_us
        gaps = [after - before for before, after in pairwise(known_us) if tick_us <= after - before < 1.5 * tick_us]
        self._usual_us = round(median(gaps)) if len(gaps) >= _GAPS_MIN else tick_us
        self._last_us: int | None = None
        self._step_us = self._usual_us

    def before(self, at_us: int) -> Ticks | None:
        """Return the ticks not yet taken that are before a moment, as one; the first moment starts the count."""
        if self._last_us is None:
            self._begin(self._first_us(at_us))
            return None
        end_us = at_us - 1
        if self._next < len(self._known_us):
            # The last of them lies a whole step before the known one.
            end_us = min(end_us, self._known_us[self._next] - self._step_us)
        count = (end_us - self._last_us) // self._step_us
        if count <= 0:
            return None
        first_us = self._last_us + self._step_us
        self._last_us += count * self._step_us
        return Ticks(first_us, self._last_us, self._step_us, False)

    def _first_us(self, at_us: int) -> int:
        """Return where to count from: whole steps before the first known tick, or else whole multiples of the tick."""
        if not self._known_us:
            return at_us - at_us % self._tick_us
        return self._known_us[0] - -(-(self._known_us[0] - at_us) // self._usual_us) * self._usual_us

    def known_tick(self) -> None:
        """Go on behind the next known tick."""
        self._next += 1
        self._begin(self._known_us[self._next - 1])

    def _begin(self, at_us: int) -> None:
        self._last_us, self._step_us = at_us, self._usual_us
        if self._next < len(self._known_us):
            gap_us = self._known_us[self._next] - at_us
            self._step_us = max(gap_us // max(round(gap_us / self._usual_us), 1), 1)
