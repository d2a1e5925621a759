"""Which cameras stand where: bins of 64 m for the kernels, and a short list of the rows that moved since.

One grid serves one thread: it also lends the choosing kernel its map from street cells to places, which would be too
dear to make for each batch.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.sight.optics import NO_CAMERA, NOT_PLACED, Optics

BIN_M = 64.0
# A city of 60 by 60 km has 0.9 million bins of 64 m; wider spreads get wider bins.
BINS_MAX = 4_000_000
# Every choice looks at all rows that moved since the grid was made.
MOVED_MAX = 256


class Bins(NamedTuple):
    """The grid as the kernels see it: rows of bin b are ``rows[first[b]:first[b + 1]]``, -1 for one that left.

    Bin b = column + line · ``bins_x``; ``moved`` are rows that stand in no bin.
    """

    origin_x_m: float
    origin_y_m: float
    bin_m: float
    bins_x: int
    bins_y: int
    first: NDArray[np.int32]
    rows: NDArray[np.int32]
    moved: NDArray[np.int32]


_EMPTY = Bins(0.0, 0.0, BIN_M, 1, 1, np.zeros(2, np.int32), np.empty(0, np.int32), np.empty(0, np.int32))


class CameraGrid:
    """A grid over the placed cameras of ``Optics``."""

    def __init__(self) -> None:
        """Start empty."""
        self.bins = _EMPTY
        self._slot: NDArray[np.int32] = np.empty(0, np.int32)  # by row: its place in bins.rows, -1 for none
        self._x_m: NDArray[np.float64] = np.empty(0)
        self._y_m: NDArray[np.float64] = np.empty(0)
        self._cell_place: NDArray[np.int32] = np.empty(0, np.int32)

    def refresh(self, optics: Optics, rows: NDArray[np.intp] | None) -> None:
        """Bring the grid up to date after ``optics`` was.

        Args:
            optics: where the cameras are.
            rows: which were added, changed or removed; None for all. The grid is made anew when many moved.
        """
        if rows is None or len(self._slot) == 0:
            self._rebuild(optics)
            return
        if len(self._slot) < len(optics.x_m):
            grown = np.full(len(optics.x_m), -1, np.int32)
            grown[: len(self._slot)] = self._slot
            self._slot = grown
            self._x_m, self._y_m = (np.resize(column, len(grown)) for column in (self._x_m, self._y_m))
        rows = np.unique(rows)
        slot, here = self._slot[rows], _is_placed(optics, rows)
        same = here & (slot >= 0) & (self._x_m[rows] == optics.x_m[rows]) & (self._y_m[rows] == optics.y_m[rows])
        gone = (slot >= 0) & ~same
        self.bins.rows[slot[gone]] = -1
        self._slot[rows[gone]] = -1
        kept = self.bins.moved[~np.isin(self.bins.moved, rows)]
        moved = np.concatenate([kept, rows[here & ~same].astype(np.int32)])
        if len(moved) > MOVED_MAX:
            self._rebuild(optics)
        else:
            self.bins = self.bins._replace(moved=moved)

    def cell_places(self, cells: int) -> NDArray[np.int32]:
        """Return the map from street cell to place, all -1; whoever writes into it must clear it again."""
        if len(self._cell_place) < cells:
            self._cell_place = np.full(cells, -1, np.int32)
        return self._cell_place

    def _rebuild(self, optics: Optics) -> None:
        rows = np.flatnonzero(_is_placed(optics, np.arange(len(optics.x_m))))
        self._slot = np.full(len(optics.x_m), -1, np.int32)
        self._x_m, self._y_m = optics.x_m.copy(), optics.y_m.copy()
        if not len(rows):
            self.bins = _EMPTY
            return
        x_m, y_m = optics.x_m[rows], optics.y_m[rows]
        x0_m, y0_m = float(x_m.min()), float(y_m.min())
        width_m, height_m = float(x_m.max()) - x0_m, float(y_m.max()) - y0_m
        bin_m = BIN_M
        while (width_m // bin_m + 1) * (height_m // bin_m + 1) > BINS_MAX:
            bin_m *= 2
        bins_x, bins_y = int(width_m // bin_m) + 1, int(height_m // bin_m) + 1
        at = ((y_m - y0_m) // bin_m).astype(np.int64) * bins_x + ((x_m - x0_m) // bin_m).astype(np.int64)
        order = np.argsort(at, kind="stable")
        first = np.zeros(bins_x * bins_y + 1, np.int32)
        np.cumsum(np.bincount(at, minlength=bins_x * bins_y), out=first[1:])
        in_bins = rows[order].astype(np.int32)
        self._slot[in_bins] = np.arange(len(in_bins), dtype=np.int32)
        self.bins = Bins(x0_m, y0_m, bin_m, bins_x, bins_y, first, in_bins, np.empty(0, np.int32))


def _is_placed(optics: Optics, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which rows hold a camera whose position is its own; others may stand anywhere, such as at (0, 0)."""
    reason = optics.reason[rows]
    return np.asarray((reason != NO_CAMERA) & (reason != NOT_PLACED))
