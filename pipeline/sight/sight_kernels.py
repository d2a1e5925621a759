"""The loops behind sightlines: which street cells are in sight from where a pole may really stand."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.geo import Floats
from pipeline.sight.pole_spots import ASIDE_M, SPOTS, Streetside, put_spots, reach_of_spots_m
from pipeline.world.raster import Bits, is_clear_between, nearest_clear

# A pole that falls into a building is looked for in the free space so near, for its sight only.
FREE_WITHIN_M = 30.0
# What is in sight of less than this part of where a pole may stand is left out.
LEAST_SHARE = 0.01


class SightMap(NamedTuple):
    """A map of bits with its place, as kernels take it; see ``free_space.FreeSpace``."""

    bits: Bits
    origin_x_m: float
    origin_y_m: float
    pixel_m: float


class CellGrid(NamedTuple):
    """Street cells with their bins, as kernels take them; see ``street_index.CellBins``."""

    origin_x_m: float
    origin_y_m: float
    bin_m: float
    bins_x: int
    bins_y: int
    first: NDArray[np.int32]
    cells: NDArray[np.int32]
    cell_x_m: Floats
    cell_y_m: Floats


@compiled
def put_cells_near(grid: CellGrid, x_m: float, y_m: float, reach_m: float, found: NDArray[np.int32]) -> int:
    """Write the cells whose middles lie within reach of a point, ascending; return how many, or -1 for no room."""
    low_column = max(int(np.floor((x_m - reach_m - grid.origin_x_m) / grid.bin_m)), 0)
    high_column = min(int(np.floor((x_m + reach_m - grid.origin_x_m) / grid.bin_m)), grid.bins_x - 1)
    low_row = max(int(np.floor((y_m - reach_m - grid.origin_y_m) / grid.bin_m)), 0)
    high_row = min(int(np.floor((y_m + reach_m - grid.origin_y_m) / grid.bin_m)), grid.bins_y - 1)
    count = 0
    if high_column < low_column:
        return count
    for row in range(low_row, high_row + 1):
        # The bins of a row lie side by side, and so do their cells.
        start, end = row * grid.bins_x + low_column, row * grid.bins_x + high_column + 1
        for k in range(grid.first[start], grid.first[end]):
            cell = grid.cells[k]
            d_x, d_y = grid.cell_x_m[cell] - x_m, grid.cell_y_m[cell] - y_m
            if d_x * d_x + d_y * d_y <= reach_m * reach_m:
                if count == len(found):
                    return -1
                found[count] = cell
                count += 1
    found[:count].sort()
    return count


@compiled
def bearing_bin(east_m: float, north_m: float) -> int:
    """Return the 3 degree bin of a direction, 0 to 119, clockwise from north; of no direction 0."""
    turned_deg = np.degrees(np.arctan2(east_m, north_m))
    if turned_deg < 0.0:
        turned_deg += 360.0
    return int(turned_deg / 3.0) % 120


@compiled
def see_from_poles(  # noqa: PLR0917 - a kernel takes plain arguments
    space: SightMap,
    grid: CellGrid,
    streets: Streetside,
    pole_x_m: Floats,
    pole_y_m: Floats,
    pole_reach_m: Floats,
    pole_error_m: float,
    start: int,
    first: NDArray[np.int64],
    count: NDArray[np.int32],
    cell: NDArray[np.int32],
    bearing: NDArray[np.uint8],
    distance_m: NDArray[np.uint8],
    share: NDArray[np.uint8],
) -> tuple[int, int]:
    """Write the cells in sight of poles from ``start`` on, until all are done or a pole's cells have no room.

    ``first`` and ``count`` are by pole, the other four are filled from 0 on. Distances and bearings are means over the
    spots where the pole may stand and has the cell in sight; of a pole of certain place they are from its position.

    Returns:
        (pole after the last that was done, how many cells were written).
    """
    spot_x_m, spot_y_m, weight = np.empty(SPOTS), np.empty(SPOTS), np.empty(SPOTS)
    at_x, at_y = np.empty(SPOTS), np.empty(SPOTS)
    around_m = reach_of_spots_m(pole_error_m)
    used = 0
    for pole in range(start, len(pole_x_m)):
        x_m, y_m, reach_m = pole_x_m[pole], pole_y_m[pole], pole_reach_m[pole]
        # The cells around are put where the result will stand: no cell is written before it was read.
        near = 0
        if pole_error_m > 0.0:
            near = put_cells_near(grid, x_m, y_m, around_m + ASIDE_M, cell[used:])
            if near < 0:
                return pole, used
        spots = put_spots(streets, cell[used : used + near], x_m, y_m, pole_error_m, spot_x_m, spot_y_m, weight)
        for s in range(spots):
            in_x, in_y = (
                (spot_x_m[s] - space.origin_x_m) / space.pixel_m,
                (spot_y_m[s] - space.origin_y_m) / space.pixel_m,
            )
            at_x[s], at_y[s] = nearest_clear(space.bits, in_x, in_y, FREE_WITHIN_M / space.pixel_m)
        near = put_cells_near(grid, x_m, y_m, reach_m + around_m, cell[used:])
        if near < 0:
            return pole, used
        first[pole] = used
        for k in range(used, used + near):
            c = cell[k]
            to_x = (grid.cell_x_m[c] - space.origin_x_m) / space.pixel_m
            to_y = (grid.cell_y_m[c] - space.origin_y_m) / space.pixel_m
            seeing, metres, east, north = 0.0, 0.0, 0.0, 0.0
            for s in range(spots):
                d_x, d_y = grid.cell_x_m[c] - spot_x_m[s], grid.cell_y_m[c] - spot_y_m[s]
                away_m = np.sqrt(d_x * d_x + d_y * d_y)
                if away_m <= reach_m and is_clear_between(space.bits, at_x[s], at_y[s], to_x, to_y):
                    seeing += weight[s]
                    metres += weight[s] * away_m
                    east += weight[s] * d_x / max(away_m, 1e-9)
                    north += weight[s] * d_y / max(away_m, 1e-9)
            if seeing >= LEAST_SHARE:
                cell[used] = c
                bearing[used] = bearing_bin(east, north)
                distance_m[used] = min(int(metres / seeing + 0.5), 255)
                share[used] = min(max(int(255.0 * seeing + 0.5), 1), 255)
                used += 1
        count[pole] = used - first[pole]
    return len(pole_x_m), used
