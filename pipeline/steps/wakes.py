"""Cases that wait to be looked at because a camera or a condition changed: who is next.

Each has a moment at which its turn comes: at once for a camera that it holds, and for what is around it later by its
rank. The earliest moment is first, so that an urgent case passes those that are not, and yet nobody waits for ever
while others come. What is kept here is written nowhere: after a restart it is found out anew.
"""

from dataclasses import dataclass, field
from enum import IntFlag
from heapq import heappop, heappush

from pipeline.rules.policy import US_PER_S
from schemas.case_state import CaseState

# How much later the turn of a case comes than that of one more urgent by a rank, if both are woken together.
WAIT_BY_RANK_US = 2 * US_PER_S
# Moment, rank, and beginning of the case, then its key: the order among those of one tick.
_Turn = tuple[int, int, int, bytes]


class Touch(IntFlag):
    """What changed for a case, so that it must be looked at again.

    Attributes:
        CAMERA: a camera that it holds.
        CROWD: how crowded it is around its target.
        WAY: a road on the way of its units.
    """

    CAMERA = 1
    CROWD = 2
    WAY = 4


@dataclass(slots=True)
class Wakes:
    """The cases of a partition that wait, each once, by turn."""

    _waiting: dict[bytes, tuple[_Turn, Touch]] = field(default_factory=dict)
    # Turns, of which those that no longer are a case's own are passed over.
    _turns: list[_Turn] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how many cases wait."""
        return len(self._waiting)

    def note(self, case: CaseState, touch: Touch, rank: int, now_us: int) -> None:
        """Let a case wait for its turn; one that waits already keeps the earlier of its two.

        Args:
            case: the case.
            touch: what changed for it.
            rank: how urgent it is, 0 for most.
            now_us: when the change was noticed.
        """
        key = case.case_id.encode()
        wait_us = 0 if touch & Touch.CAMERA else rank * WAIT_BY_RANK_US
        turn, known = (now_us + wait_us, rank, case.opened_us, key), self._waiting.get(key)
        if known is not None and known[0] <= turn:
            self._waiting[key] = known[0], known[1] | touch
            return
        self._waiting[key] = turn, touch if known is None else known[1] | touch
        heappush(self._turns, turn)

    def take(self, count: int) -> list[tuple[bytes, Touch]]:
        """Return the keys of the next so many cases, and what changed for each; they no longer wait."""
        taken: list[tuple[bytes, Touch]] = []
        while self._turns and len(taken) < count:
            turn = heappop(self._turns)
            known = self._waiting.get(turn[-1])
            if known is not None and known[0] == turn:
                taken.append((turn[-1], self._waiting.pop(turn[-1])[1]))
        return taken
