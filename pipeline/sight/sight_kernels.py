"""The loops behind sightlines: the spots where a pole may really stand, and the street cells in sight of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.geo import Floats
from pipeline.world.raster import Bits, is_clear_between, nearest_clear
from pipeline.world.street_index import nearest_cell

# A pole that falls into a building is looked for in the free space so near, for its sight only.
FREE_WITHIN_M = 30.0
# Poles stand at the sides of streets: a spot where one may really be is drawn to a street this near …
STREET_WITHIN_M = 60.0
# … if it is farther from it than this (half a wide street and a pavement), to this distance from a cell's middle.
STREET_SIDE_M = 12.0
BESIDE_STREET_M = 6.0


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
def put_spots(  # noqa: PLR0917 - a kernel takes plain arguments
    space: SightMap,
    grid: CellGrid,
    x_m: float,
    y_m: float,
    offset_x_m: Floats,
    offset_y_m: Floats,
    spot_x: Floats,
    spot_y: Floats,
) -> None:
    """Write where a pole may stand, in pixels of the map: one spot for each offset from its registered position.

    With a single offset the spot is the registered position; with several each is drawn to the side of a street. All
    are then moved out of buildings.
    """
    for s in range(len(offset_x_m)):
        x, y = x_m + offset_x_m[s], y_m + offset_y_m[s]
        cell = -1
        if len(offset_x_m) > 1:
            cell = nearest_cell(
                grid.origin_x_m,
                grid.origin_y_m,
                grid.bin_m,
                grid.bins_x,
                grid.bins_y,
                grid.first,
                grid.cells,
                grid.cell_x_m,
                grid.cell_y_m,
                x,
                y,
                STREET_WITHIN_M,
            )
        if cell >= 0:
            d_x, d_y = x - grid.cell_x_m[cell], y - grid.cell_y_m[cell]
            away_m = np.sqrt(d_x * d_x + d_y * d_y)
            if away_m > STREET_SIDE_M:
                x = grid.cell_x_m[cell] + d_x * (BESIDE_STREET_M / away_m)
                y = grid.cell_y_m[cell] + d_y * (BESIDE_STREET_M / away_m)
        at_x, at_y = (x - space.origin_x_m) / space.pixel_m, (y - space.origin_y_m) / space.pixel_m
        spot_x[s], spot_y[s] = nearest_clear(space.bits, at_x, at_y, FREE_WITHIN_M / space.pixel_m)


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
    pole_x_m: Floats,
    pole_y_m: Floats,
    pole_reach_m: Floats,
    offset_x_m: Floats,
    offset_y_m: Floats,
    start: int,
    first: NDArray[np.int64],
    count: NDArray[np.int32],
    cell: NDArray[np.int32],
    bearing: NDArray[np.uint8],
    distance_m: NDArray[np.uint8],
    share: NDArray[np.uint8],
) -> tuple[int, int]:
    """Write the cells in sight of poles from ``start`` on, until all are done or a pole's cells have no room.

    ``first`` and ``count`` are by pole, the other four are filled from 0 on. Distances and bearings are from the
    registered position to the cell's middle.

    Returns:
        (pole after the last that was done, how many cells were written).
    """
    spots = len(offset_x_m)
    spot_x, spot_y = np.empty(spots), np.empty(spots)
    used = 0
    for pole in range(start, len(pole_x_m)):
        x_m, y_m = pole_x_m[pole], pole_y_m[pole]
        # The cells within reach are put where the result will stand: no cell is written before it was read.
        near = put_cells_near(grid, x_m, y_m, pole_reach_m[pole], cell[used:])
        if near < 0:
            return pole, used
        put_spots(space, grid, x_m, y_m, offset_x_m, offset_y_m, spot_x, spot_y)
        first[pole] = used
        for k in range(used, used + near):
            c = cell[k]
            to_x = (grid.cell_x_m[c] - space.origin_x_m) / space.pixel_m
            to_y = (grid.cell_y_m[c] - space.origin_y_m) / space.pixel_m
            seeing = 0
            for s in range(spots):
                if is_clear_between(space.bits, spot_x[s], spot_y[s], to_x, to_y):
                    seeing += 1
            if seeing > 0:
                d_x, d_y = grid.cell_x_m[c] - x_m, grid.cell_y_m[c] - y_m
                cell[used] = c
                bearing[used] = bearing_bin(d_x, d_y)
                distance_m[used] = min(int(np.sqrt(d_x * d_x + d_y * d_y) + 0.5), 255)
                share[used] = int(255.0 * seeing / spots + 0.5)
                used += 1
        count[pole] = used - first[pole]
    return len(pole_x_m), used
