"""What poles see, kept under their place, its error and reach, and dropped when no camera uses it any more."""

import numpy as np
from numpy.typing import NDArray

from pipeline.growing_columns import FIRST_CAPACITY, GrowingColumns
from pipeline.sight.pole_sights import CELL_ARRAYS, PoleSights, ranges, starts_of

# x and y on the plane, reach, 68 % error of the place; metres.
Pole = tuple[float, float, int, float]
# Gaps are squeezed out of the cells when they are more than what is used, and more than this (14 MB).
GAPS_MAX_CELLS = 2_000_000


class PolePool(GrowingColumns):
    """Poles by number, and the cells of all of them in four arrays.

    Attributes:
        cell: see ``PoleSights``, as the next three.
        bearing: u1.
        distance_m: u1.
        share: u1.
        poles: the poles by number; None where a number is free.
        numbers: the number of each pole.
    """

    def __init__(self) -> None:
        self.cell: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        self.bearing: NDArray[np.uint8] = np.zeros(FIRST_CAPACITY, np.uint8)
        self.distance_m: NDArray[np.uint8] = np.zeros(FIRST_CAPACITY, np.uint8)
        self.share: NDArray[np.uint8] = np.zeros(FIRST_CAPACITY, np.uint8)
        self.poles: list[Pole | None] = []
        self.numbers: dict[Pole, int] = {}
        self._first: list[int] = []
        self._count: list[int] = []
        self._users: list[int] = []
        self._free: list[int] = []
        self._used_cells = 0
        self._gap_cells = 0

    def first(self, number: int) -> int:
        """Return where a pole's cells begin."""
        return self._first[number]

    def count(self, number: int) -> int:
        """Return how many cells a pole sees."""
        return self._count[number]

    def add(self, sights: PoleSights, error_m: float) -> None:
        """Add poles of one error with what they see; those that are here already stay. Nobody uses the new ones yet."""
        places_m = zip(sights.x_m.tolist(), sights.y_m.tolist(), sights.reach_m.tolist(), strict=True)
        poles = [(x_m, y_m, reach_m, error_m) for x_m, y_m, reach_m in places_m]
        new = [i for i, pole in enumerate(poles) if pole not in self.numbers]
        places = ranges(sights.first[new], sights.count[new])
        end = self._used_cells + len(places)
        self.reserve(end)
        for name in CELL_ARRAYS:
            getattr(self, name)[self._used_cells : end] = getattr(sights, name)[places]
        starts = (self._used_cells + starts_of(sights.count[new])).tolist()
        self._used_cells = end
        for i, first in zip(new, starts, strict=True):
            self._number(poles[i], first, int(sights.count[i]))

    def use(self, number: int) -> None:
        """Count one user of a pole more."""
        self._users[number] += 1

    def leave(self, number: int) -> None:
        """Count one user of a pole less; the last one takes it along."""
        self._users[number] -= 1
        if self._users[number] == 0:
            self._drop(number)

    def drop_unused(self) -> None:
        """Drop the poles that nobody uses: those that were remembered and did not come."""
        for number in [n for pole, n in self.numbers.items() if not self._users[n]]:
            self._drop(number)

    def squeeze(self) -> bool:
        """Close the gaps among the cells if they are many; return whether places have changed."""
        if self._gap_cells <= max(GAPS_MAX_CELLS, self._used_cells - self._gap_cells):
            return False
        numbers = sorted(self.numbers.values(), key=self._first.__getitem__)
        first = np.array([self._first[n] for n in numbers], np.int64)
        count = np.array([self._count[n] for n in numbers], np.int32)
        places = ranges(first, count)
        for name in CELL_ARRAYS:
            setattr(self, name, getattr(self, name)[places])
        for number, start in zip(numbers, starts_of(count).tolist(), strict=True):
            self._first[number] = start
        self._used_cells, self._gap_cells = len(places), 0
        return True

    def sights(self, error_m: float) -> PoleSights:
        """Return all poles of an error and what they see, in order of place: equal whatever came in what order."""
        poles = sorted(pole for pole in self.numbers if pole[3] == error_m)
        numbers = [self.numbers[pole] for pole in poles]
        first = np.array([self._first[n] for n in numbers], np.int64)
        count = np.array([self._count[n] for n in numbers], np.int32)
        places = ranges(first, count)
        return PoleSights(
            np.array([pole[0] for pole in poles], np.float64),
            np.array([pole[1] for pole in poles], np.float64),
            np.array([pole[2] for pole in poles], np.uint8),
            starts_of(count),
            count,
            self.cell[places],
            self.bearing[places],
            self.distance_m[places],
            self.share[places],
        )

    def _number(self, pole: Pole, first: int, count: int) -> None:
        if self._free:
            number = self._free.pop()
            self.poles[number], self._users[number] = pole, 0
            self._first[number], self._count[number] = first, count
        else:
            number = len(self.poles)
            self.poles.append(pole)
            self._users.append(0)
            self._first.append(first)
            self._count.append(count)
        self.numbers[pole] = number

    def _drop(self, number: int) -> None:
        pole = self.poles[number]
        if pole is not None:
            del self.numbers[pole]
            self.poles[number] = None
            self._free.append(number)
            self._gap_cells += self._count[number]
