"""The street cells in bins of a plain grid, and the search for the nearest one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.errors import PolicyError
from pipeline.geo import Floats

# A bin of a dense city holds about five cells of 5 m; a search within 60 m looks at 9 to 25 bins.
BIN_M = 32.0
# 22 million bins, 88 MB, at most. A city is smaller; a file that spans more is of something else.
SPAN_MAX_M = 150_000.0


@dataclass(frozen=True, slots=True)
class CellBins:
    """Cells by bins of a grid: those of bin b are ``cells[first[b]:first[b + 1]]``, ascending.

    Attributes:
        origin_x_m: west edge of the grid.
        origin_y_m: south edge of the grid.
        bin_m: side of a bin.
        bins_x: how many bins lie side by side, west to east.
        bins_y: how many rows of bins, south to north; bin = row * bins_x + column.
        first: i4 (bins_x * bins_y + 1,).
        cells: i4 (c,), numbers of cells.
    """

    origin_x_m: float
    origin_y_m: float
    bin_m: float
    bins_x: int
    bins_y: int
    first: NDArray[np.int32]
    cells: NDArray[np.int32]


def bins_of(x_m: Floats, y_m: Floats) -> CellBins:
    """Return the bins of cells with these middles; without cells one empty bin.

    Raises:
        PolicyError: they lie more than ``SPAN_MAX_M`` apart.
    """
    if not len(x_m):
        return CellBins(0.0, 0.0, BIN_M, 1, 1, np.zeros(2, np.int32), np.empty(0, np.int32))
    span_m = max(float(np.ptp(x_m)), float(np.ptp(y_m)))
    if span_m > SPAN_MAX_M:
        raise PolicyError(f"streets must lie within {SPAN_MAX_M / 1000:g} km, got {span_m / 1000:.0f} km")
    origin_x_m, origin_y_m = float(x_m.min()), float(y_m.min())
    column = ((x_m - origin_x_m) / BIN_M).astype(np.int64)
    row = ((y_m - origin_y_m) / BIN_M).astype(np.int64)
    bins_x, bins_y = int(column.max()) + 1, int(row.max()) + 1
    number = row * bins_x + column
    cells = np.argsort(number, kind="stable").astype(np.int32)
    first = np.zeros(bins_x * bins_y + 1, np.int32)
    np.cumsum(np.bincount(number, minlength=bins_x * bins_y), out=first[1:])
    return CellBins(origin_x_m, origin_y_m, BIN_M, bins_x, bins_y, first, cells)


@compiled
def nearest_cell(  # noqa: PLR0917 - a kernel takes plain arguments
    origin_x_m: float,
    origin_y_m: float,
    bin_m: float,
    bins_x: int,
    bins_y: int,
    first: NDArray[np.int32],
    cells: NDArray[np.int32],
    cell_x_m: Floats,
    cell_y_m: Floats,
    x_m: float,
    y_m: float,
    within_m: float,
) -> int:
    """Return the cell whose middle is nearest to a point, at most ``within_m`` away; -1 if there is none.

    Rings of bins around the point's own are searched outwards until no nearer cell can come. Of cells equally far the
    lowest number is taken. NaN and points far outside have none.
    """
    east_m, north_m = x_m - origin_x_m, y_m - origin_y_m
    width_m, height_m = bins_x * bin_m, bins_y * bin_m
    if not (east_m >= -within_m and east_m <= width_m + within_m):
        return -1
    if not (north_m >= -within_m and north_m <= height_m + within_m):
        return -1
    column, row = int(np.floor(east_m / bin_m)), int(np.floor(north_m / bin_m))
    best, best_m2 = -1, within_m * within_m
    for ring in range(int(within_m / bin_m) + 2):
        # What lies in this ring or farther out is at least so far away.
        least_m = (ring - 1) * bin_m + min(
            east_m - column * bin_m,
            (column + 1) * bin_m - east_m,
            north_m - row * bin_m,
            (row + 1) * bin_m - north_m,
        )
        if ring > 0 and least_m > 0.0 and least_m * least_m > best_m2:
            break
        for r in range(max(row - ring, 0), min(row + ring, bins_y - 1) + 1):
            stride = 1 if r in (row - ring, row + ring) else 2 * ring
            off_north_m = max(r * bin_m - north_m, north_m - (r + 1) * bin_m, 0.0)
            for c in range(column - ring, column + ring + 1, stride):
                if c < 0 or c >= bins_x:
                    continue
                off_east_m = max(c * bin_m - east_m, east_m - (c + 1) * bin_m, 0.0)
                if off_east_m * off_east_m + off_north_m * off_north_m > best_m2:
                    continue  # all of the bin is farther away
                for k in range(first[r * bins_x + c], first[r * bins_x + c + 1]):
                    cell = cells[k]
                    d_x, d_y = cell_x_m[cell] - x_m, cell_y_m[cell] - y_m
                    d_m2 = d_x * d_x + d_y * d_y
                    if d_m2 < best_m2 or (d_m2 == best_m2 and (best < 0 or cell < best)):
                        best, best_m2 = cell, d_m2
    return best


@compiled
def nearest_of_each(  # noqa: PLR0917 - a kernel takes plain arguments
    origin_x_m: float,
    origin_y_m: float,
    bin_m: float,
    bins_x: int,
    bins_y: int,
    first: NDArray[np.int32],
    cells: NDArray[np.int32],
    cell_x_m: Floats,
    cell_y_m: Floats,
    x_m: Floats,
    y_m: Floats,
    within_m: float,
    found: NDArray[np.int32],
) -> None:
    """Write the nearest cell of each point into ``found``."""
    for i in range(len(x_m)):
        found[i] = nearest_cell(
            origin_x_m,
            origin_y_m,
            bin_m,
            bins_x,
            bins_y,
            first,
            cells,
            cell_x_m,
            cell_y_m,
            x_m[i],
            y_m[i],
            within_m,
        )
