"""Exact line of sight between points: no wall of a building is crossed. The simulator's own, not the engine's."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.eyes_on.maps import Floats
from pipeline.compiled import compiled

BIN_M = 20.0
I8 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """Walls of all buildings as segments, sorted into square bins.

    Attributes:
        x0_m: one end of each wall, shape (w,).
        y0_m: the same.
        x1_m: the other end.
        y1_m: the same.
        low_x_m: west edge of the first bin.
        low_y_m: south edge of the first bin.
        columns: bins from west to east.
        first: walls of bin b are ``walls[first[b]:first[b + 1]]``; bins row by row.
        walls: numbers of walls.
    """

    x0_m: Floats
    y0_m: Floats
    x1_m: Floats
    y1_m: Floats
    low_x_m: float
    low_y_m: float
    columns: int
    first: I8
    walls: I8


def walls_of(buildings: NDArray[np.object_]) -> Walls:
    """Return the walls of polygons, rings of holes among them."""
    rings = shapely.get_rings(buildings)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inner = ring[:-1] == ring[1:]
    starts, ends = points[:-1][inner], points[1:][inner]
    low = np.minimum(starts, ends).min(axis=0) - BIN_M
    size = np.ceil((np.maximum(starts, ends).max(axis=0) + BIN_M - low) / BIN_M).astype(np.int64)
    low_bin = ((np.minimum(starts, ends) - low) // BIN_M).astype(np.int64)
    high_bin = ((np.maximum(starts, ends) - low) // BIN_M).astype(np.int64)
    bins, walls = [], []
    for number, (a, b) in enumerate(zip(low_bin.tolist(), high_bin.tolist(), strict=True)):
        for row in range(a[1], b[1] + 1):
            for column in range(a[0], b[0] + 1):
                bins.append(row * int(size[0]) + column)
                walls.append(number)
    order = np.argsort(np.array(bins), kind="stable")
    first = np.searchsorted(np.array(bins)[order], np.arange(int(size[0] * size[1]) + 1))
    return Walls(
        starts[:, 0].copy(),
        starts[:, 1].copy(),
        ends[:, 0].copy(),
        ends[:, 1].copy(),
        float(low[0]),
        float(low[1]),
        int(size[0]),
        first.astype(np.int64),
        np.array(walls, np.int64)[order],
    )


@compiled
def is_clear(  # noqa: PLR0917  # a kernel takes plain arguments
    ax: float, ay: float, bx: float, by: float,
    x0: Floats, y0: Floats, x1: Floats, y1: Floats,
    low_x: float, low_y: float, columns: int, first: I8, walls: I8,
) -> bool:  # fmt: skip
    """Return whether no wall lies between a and b; walks through the bins along the ray."""
    dx, dy = bx - ax, by - ay
    rows = (len(first) - 1) // columns
    column, row = int((ax - low_x) // BIN_M), int((ay - low_y) // BIN_M)
    last_column, last_row = int((bx - low_x) // BIN_M), int((by - low_y) // BIN_M)
    step_c = 1 if dx > 0 else -1
    step_r = 1 if dy > 0 else -1
    edge_x = low_x + (column + (1 if dx > 0 else 0)) * BIN_M
    edge_y = low_y + (row + (1 if dy > 0 else 0)) * BIN_M
    next_x = (edge_x - ax) / dx if dx != 0 else 1e30
    next_y = (edge_y - ay) / dy if dy != 0 else 1e30
    per_x = BIN_M / abs(dx) if dx != 0 else 1e30
    per_y = BIN_M / abs(dy) if dy != 0 else 1e30
    for _ in range(abs(last_column - column) + abs(last_row - row) + 1):
        if 0 <= column < columns and 0 <= row < rows:
            number = row * columns + column
            for i in range(first[number], first[number + 1]):
                wall = walls[i]
                ex, ey = x1[wall] - x0[wall], y1[wall] - y0[wall]
                cross = dx * ey - dy * ex
                if cross != 0.0:
                    fx, fy = x0[wall] - ax, y0[wall] - ay
                    along = (fx * ey - fy * ex) / cross
                    across = (fx * dy - fy * dx) / cross
                    if 0.0 < along < 1.0 and 0.0 <= across <= 1.0:
                        return False
        if next_x < next_y:
            next_x += per_x
            column += step_c
        else:
            next_y += per_y
            row += step_r
    return True
