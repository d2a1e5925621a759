"""Which street cells each camera has in sight: computed once per pole, shared by its cameras, kept in flat arrays.

A camera stands where looks have shown it to stand, in steps of some metres (``LearnedColumns.seen_from_m``), else where
the registry says; its sight is averaged over spots around that at the sides of streets, as far off as is known of it.

A camera's reach is rounded up to the next 10 m, so that cameras of like optics on a pole share what they see. Whoever
reads must therefore hold each cell's distance against the camera's own range. A cell takes 7 bytes.
"""

import hashlib
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.cameras.camera_table import CameraTable
from pipeline.growing_columns import FIRST_CAPACITY, GrowingColumns
from pipeline.sight.pole_pool import Pole, PolePool
from pipeline.sight.pole_sights import REACH_MAX_M, REACH_STEP_M, PoleSights, check_sights, sights_of
from pipeline.world.free_space import FreeSpace
from pipeline.world.streets import Streets

Rows = NDArray[np.intp]
# Changes whenever equal streets, free space and poles would give other sights.
_FORM = b"sightlines-2"
# A pole's numbers and its entries in lists and dictionary, in Python objects.
_POLE_BYTES = 400
_ERROR_MAX_M = 200.0
# Poles are computed in order of tiles of this size, so that what follows each other reads the same memory.
_TILE_M = 500.0


class _RowColumns(GrowingColumns):
    """By camera row: where its cells are, how many, and its pole (-1: none)."""

    def __init__(self) -> None:
        self.first: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, np.int64)
        self.count: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        self.pole: NDArray[np.int32] = np.full(FIRST_CAPACITY, -1, np.int32)

    def fill_of(self, column: str) -> float:
        """Return what new rows hold."""
        return -1 if column == "pole" else 0


class Sightlines:
    """The cells in sight by camera row; a refresh may replace the arrays, so keep no reference over one.

    Attributes:
        revision: grows by one with each refresh that changed anything.
        computed: how many poles were computed, not remembered, since the start.
    """

    def __init__(self, streets: Streets, free: FreeSpace, pole_error_m: float = 0.0) -> None:
        """Start without cameras.

        Args:
            streets: the city's streets.
            free: its free space, on the same plane.
            pole_error_m: 68 % error of the registry's positions; above 0 sight is averaged over several spots. A
                learned pole has an error of its own.

        Raises:
            ValueError: the error is not within 0 to 200 m.
        """
        if not 0.0 <= pole_error_m <= _ERROR_MAX_M:
            raise ValueError(f"pole_error_m must be 0 to 200, got {pole_error_m}")
        self._streets = streets
        self._free = free
        self._pole_error_m = float(pole_error_m)
        self._rows = _RowColumns()
        self._pool = PolePool()
        self.revision = 0
        self.computed = 0

    @property
    def first(self) -> NDArray[np.int64]:
        """Where the cells of a row begin in the four arrays, i8 by row."""
        return self._rows.first

    @property
    def count(self) -> NDArray[np.int32]:
        """How many cells a row has in sight, i4 by row."""
        return self._rows.count

    @property
    def cell(self) -> NDArray[np.int32]:
        """Numbers of cells, i4; those of a row are ascending."""
        return self._pool.cell

    @property
    def bearing(self) -> NDArray[np.uint8]:
        """The 3 degree bin of the bearing from the camera to each cell, u1, 0 to 119."""
        return self._pool.bearing

    @property
    def distance_m(self) -> NDArray[np.uint8]:
        """Distance to each cell's middle, rounded, u1."""
        return self._pool.distance_m

    @property
    def share(self) -> NDArray[np.uint8]:
        """How sure it is that each cell is in sight, u1, 255 for certain, never 0."""
        return self._pool.share

    @property
    def poles(self) -> int:
        """Return how many different poles are kept."""
        return len(self._pool.numbers)

    @property
    def cache_key(self) -> str:
        """What kept poles depend on besides place and reach, which are kept with them: 32 hexadecimal digits."""
        made_of = f"{self._streets.content_hash} {self._free.content_hash}".encode()
        return hashlib.blake2b(_FORM + struct.pack("<d", self._pole_error_m) + made_of, digest_size=16).hexdigest()

    @property
    def memory_bytes(self) -> int:
        """Return about how much memory rows, poles and cells take."""
        arrays = [a for part in (self._rows, self._pool) for a in vars(part).values() if isinstance(a, np.ndarray)]
        return sum(a.nbytes for a in arrays) + _POLE_BYTES * len(self._pool.poles)

    def refresh(self, cameras: CameraTable, rows: Rows | None, reach_m: NDArray[np.float32]) -> None:
        """Bring rows up to date: cameras that came, moved, went, or whose reach changed.

        Args:
            cameras: the table.
            rows: the rows to look at; all if None, which also drops remembered poles that no camera uses.
            reach_m: by row; 0 or NaN, and rows past its end, for no sight; no more than 200 m counts.

        Raises:
            ValueError: the table is on another plane than the streets, or a row is negative.
        """
        if cameras.plane is not None and cameras.plane != self._streets.plane:
            raise ValueError("cameras and streets must be on one plane")
        chosen = np.arange(max(len(cameras.alive), len(self.first))) if rows is None else np.unique(rows)
        if len(chosen) and chosen[0] < 0:
            raise ValueError(f"rows must be 0 or more, got {chosen[0]}")
        if len(chosen):
            self._rows.reserve(int(chosen[-1]) + 1)
            wanted = self._wanted(cameras, chosen, reach_m)
            self._compute({pole for pole in wanted if pole is not None and pole not in self._pool.numbers})
            self._assign(chosen, wanted)
        if rows is None:
            self._pool.drop_unused()
        if self._pool.squeeze():
            self._point_at_poles(np.flatnonzero(self._rows.pole >= 0))

    def sights(self) -> PoleSights:
        """Return what was computed for the registry's error, to be kept under ``cache_key``; see ``remember``.

        Poles with a learned error are left out: they change.
        """
        return self._pool.sights(self._pole_error_m)

    def remember(self, sights: PoleSights) -> None:
        """Take kept poles, so that the next refresh need not compute them. They must be of this ``cache_key``.

        Raises:
            PolicyError: the arrays do not fit together or to the streets.
        """
        check_sights(sights, len(self._streets))
        self._pool.add(sights, self._pole_error_m)

    def _wanted(self, cameras: CameraTable, rows: Rows, reach_m: NDArray[np.float32]) -> list[Pole | None]:
        inside = rows < min(len(cameras.alive), len(reach_m))
        known = np.where(inside, rows, 0)
        sees = inside & cameras.alive[known] & (reach_m[known] > 0.0)  # NaN is not
        reach = np.minimum(np.ceil(reach_m[known] / REACH_STEP_M) * REACH_STEP_M, REACH_MAX_M)
        numbers = np.where(sees, reach, 0.0).astype(np.int64).tolist()
        x_m, y_m = cameras.learned.seen_from_m(known)
        error_m = np.minimum(cameras.learned.seen_error_m(known, self._pole_error_m), _ERROR_MAX_M)
        poles = zip(x_m.tolist(), y_m.tolist(), numbers, error_m.tolist(), strict=True)
        return [pole if pole[2] else None for pole in poles]

    def _compute(self, poles: set[Pole]) -> None:
        by_error: dict[float, list[Pole]] = {}
        for pole in sorted(poles, key=lambda pole: (pole[1] // _TILE_M, pole[0] // _TILE_M, pole)):
            by_error.setdefault(pole[3], []).append(pole)
        for error_m, ordered in by_error.items():
            x_m, y_m, reach_m, _ = (np.array(values) for values in zip(*ordered, strict=True))
            arrays = (x_m.astype(np.float64), y_m.astype(np.float64), reach_m.astype(np.uint8))
            self._pool.add(sights_of(self._streets, self._free, arrays, error_m), error_m)
        self.computed += len(poles)

    def _assign(self, rows: Rows, wanted: Sequence[Pole | None]) -> None:
        """Let rows use their poles; the new ones are taken before the old ones are left."""
        poles = np.array([-1 if pole is None else self._pool.numbers[pole] for pole in wanted], np.int32)
        before = self._rows.pole[rows]
        differs = np.flatnonzero(before != poles)
        if not len(differs):
            return
        for number in poles[differs].tolist():
            if number >= 0:
                self._pool.use(number)
        for number in before[differs].tolist():
            if number >= 0:
                self._pool.leave(number)
        self._rows.pole[rows[differs]] = poles[differs]
        self._point_at_poles(rows[differs])
        self.revision += 1

    def _point_at_poles(self, rows: Rows) -> None:
        """Write where the cells of rows are, from their poles."""
        poles = self._rows.pole[rows].tolist()
        self._rows.first[rows] = [self._pool.first(n) if n >= 0 else 0 for n in poles]
        self._rows.count[rows] = [self._pool.count(n) if n >= 0 else 0 for n in poles]
