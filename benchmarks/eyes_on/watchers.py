"""Who looks at the open views, and what they say: seen, or looked and not seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.eyes_on.views import FULL, WEAK, ViewBoard

# Every 10 s somebody looks at each open view, and recognises who is really there this often; the engine assumes 0.4
# and 0.12.
SEEN_RATE = 0.5
WEAK_SEEN_RATE = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Looks of one moment; arrays of shape (looks,).

    Attributes:
        episode: for whom was looked.
        camera: through which camera.
        seen: what was said.
    """

    episode: NDArray[np.int64]
    camera: NDArray[np.int64]
    seen: NDArray[np.bool_]


class Watchers:
    """People or programs that look; seeded, so that the same views bring the same words.

    Args:
        board: the views they look at.
        false_rate: how often somebody is seen who is not there, per look.
        seed: of their luck.
    """

    def __init__(self, board: ViewBoard, false_rate: float, seed: int) -> None:
        self._board = board
        self._false_rate = false_rate
        self._seed = seed

    def look(self, second: int) -> Looks:
        """Return what is said of all views that are open at this second."""
        level = self._board.levels(second)
        luck = np.random.default_rng([self._seed, second, 3]).random(level.shape)
        rate = np.where(level == FULL, SEEN_RATE, np.where(level == WEAK, WEAK_SEEN_RATE, self._false_rate))
        episode, slot = np.nonzero(level >= 0)
        seen = (luck < rate)[episode, slot]
        return Looks(episode, self._board.camera[episode, slot].astype(np.int64), seen)
