"""When the ticks of a partition fall: at whole multiples of their interval, none left out, so that a replay finds them.

A tick that decides nothing leaves no trace. What it looked at must not depend on when it happened to be made: its
moment is one that everybody can name, it comes after the records appended up to that moment and before all others.
"""

# Ticks that were missed are made one after the other, unless there are more: then only the newest one is. A tick takes
# up to a tenth of a second, and records wait for it.
MISSED_MAX = 10


class TickGrid:
    """The ticks of one partition.

    Args:
        tick_us: microseconds between ticks.

    Attributes:
        last_us: the newest tick made, UTC microseconds; 0 before the first.
    """

    def __init__(self, tick_us: int) -> None:
        self._tick_us = tick_us
        self.last_us = 0

    @property
    def next_us(self) -> int:
        """Return when the next tick is due, UTC microseconds; 0 for at once."""
        return self.last_us + self._tick_us if self.last_us else 0

    def take_due(self, now_us: int) -> int | None:
        """Return the next tick that is due at a moment, and count it as made; None if none is."""
        newest_us = now_us - now_us % self._tick_us
        if newest_us <= self.last_us:
            return None
        missed = (newest_us - self.last_us) // self._tick_us
        self.last_us = self.next_us if self.last_us and missed <= MISSED_MAX else newest_us
        return self.last_us
