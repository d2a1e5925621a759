"""Loops over a map of bits: fill polygons, clear bands along lines, look along a ray.

A map is u1 (rows, bytes), eight pixels a byte, the lowest bit first; row 0 is the southernmost. Lengths here are in
pixels from the map's south-west corner: pixel (row, column) covers [column, column + 1) x [row, row + 1). Whatever lies
outside the map is 0.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.geo import Floats

Bits = NDArray[np.uint8]


@compiled
def is_set(bits: Bits, row: int, column: int) -> bool:
    """Return whether a pixel is 1; outside the map it is 0."""
    byte = column >> 3
    if row < 0 or row >= bits.shape[0] or column < 0 or byte >= bits.shape[1]:
        return False
    return bool((bits[row, byte] >> (column & 7)) & 1)


@compiled
def is_clear_between(bits: Bits, x_1: float, y_1: float, x_2: float, y_2: float) -> bool:
    """Return whether no pixel that the straight line between two points crosses is 1, those of the points excepted.

    The points' own pixels do not count: one who stands there looks out of it. The line is walked from the western
    point always (southern, of two equally far west), so that the answer is the same in both directions, to the bit.
    Source of the walk: J. Amanatides, A. Woo, "A Fast Voxel Traversal Algorithm for Ray Tracing", Eurographics 1987.
    """
    if x_1 > x_2 or (x_1 == x_2 and y_1 > y_2):
        x_1, y_1, x_2, y_2 = x_2, y_2, x_1, y_1
    column, row = int(np.floor(x_1)), int(np.floor(y_1))
    columns, rows = int(np.floor(x_2)) - column, int(np.floor(y_2)) - row
    d_x, d_y = x_2 - x_1, y_2 - y_1
    row_step = 1 if d_y > 0.0 else -1
    to_column = step_x = to_row = step_y = np.inf
    if d_x > 0.0:
        step_x = 1.0 / d_x
        to_column = (column + 1 - x_1) * step_x
    if d_y != 0.0:
        step_y = 1.0 / abs(d_y)
        to_row = ((row + 1 - y_1) if d_y > 0.0 else (y_1 - row)) * step_y
    for _ in range(columns + abs(rows) - 1):
        if to_column < to_row:
            column += 1
            to_column += step_x
        else:
            row += row_step
            to_row += step_y
        if is_set(bits, row, column):
            return False
    return True


@compiled
def nearest_clear(bits: Bits, x: float, y: float, within: float) -> tuple[float, float]:
    """Return a point in a pixel that is 0: the point itself, or the middle of the nearest such pixel.

    If there is none within the distance, the point itself. Rings of pixels are searched outwards; of pixels equally far
    the first counts, from south-west on.
    """
    column, row = int(np.floor(x)), int(np.floor(y))
    best_2, best_x, best_y = within * within, x, y
    if not is_set(bits, row, column):
        return x, y
    for ring in range(1, int(within) + 2):
        if (ring - 1.0) * (ring - 1.0) > best_2:
            break
        for r in range(row - ring, row + ring + 1):
            stride = 1 if r in (row - ring, row + ring) else 2 * ring
            for c in range(column - ring, column + ring + 1, stride):
                d_2 = (c + 0.5 - x) * (c + 0.5 - x) + (r + 0.5 - y) * (r + 0.5 - y)
                if d_2 < best_2 and not is_set(bits, r, c):
                    best_2, best_x, best_y = d_2, c + 0.5, r + 0.5
    return best_x, best_y


@compiled
def fill_polygons(
    bits: Bits, x: Floats, y: Floats, ring_first: NDArray[np.int64], polygon_first: NDArray[np.int64]
) -> None:
    """Set each pixel whose middle lies in a polygon, by even-odd, so that holes stay 0.

    Args:
        bits: the map, changed.
        x: of the vertices; a ring's last vertex is its first again.
        y: of the vertices.
        ring_first: ring i has the vertices first[i] to first[i + 1].
        polygon_first: polygon i has the rings first[i] to first[i + 1].
    """
    height, width = bits.shape[0], bits.shape[1] * 8
    for p in range(len(polygon_first) - 1):
        low, high = ring_first[polygon_first[p]], ring_first[polygon_first[p + 1]]
        if high - low < 4:
            continue
        crossings = np.empty(high - low)
        first_row = max(int(np.floor(y[low:high].min() - 0.5)), 0)
        last_row = min(int(np.floor(y[low:high].max())), height - 1)
        for row in range(first_row, last_row + 1):
            middle, count = row + 0.5, 0
            for ring in range(polygon_first[p], polygon_first[p + 1]):
                for i in range(ring_first[ring], ring_first[ring + 1] - 1):
                    if (y[i] <= middle) != (y[i + 1] <= middle):
                        crossings[count] = x[i] + (middle - y[i]) / (y[i + 1] - y[i]) * (x[i + 1] - x[i])
                        count += 1
            crossings[:count].sort()
            for k in range(0, count - 1, 2):
                start = max(int(np.ceil(crossings[k] - 0.5)), 0)
                end = min(int(np.ceil(crossings[k + 1] - 0.5)), width)
                for column in range(start, end):
                    bits[row, column >> 3] |= np.uint8(1 << (column & 7))


@compiled
def clear_bands(  # noqa: PLR0917 - a kernel takes plain arguments
    bits: Bits, x_1: Floats, y_1: Floats, x_2: Floats, y_2: Floats, half_width: float
) -> None:
    """Clear each pixel whose middle lies within ``half_width`` of a straight piece."""
    height, width = bits.shape[0], bits.shape[1] * 8
    for i in range(len(x_1)):
        d_x, d_y = x_2[i] - x_1[i], y_2[i] - y_1[i]
        length_2 = d_x * d_x + d_y * d_y
        first_row = max(int(np.floor(min(y_1[i], y_2[i]) - half_width)), 0)
        last_row = min(int(np.floor(max(y_1[i], y_2[i]) + half_width)), height - 1)
        first_column = max(int(np.floor(min(x_1[i], x_2[i]) - half_width)), 0)
        last_column = min(int(np.floor(max(x_1[i], x_2[i]) + half_width)), width - 1)
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                from_x, from_y = column + 0.5 - x_1[i], row + 0.5 - y_1[i]
                along = 0.0
                if length_2 > 0.0:
                    along = min(max((from_x * d_x + from_y * d_y) / length_2, 0.0), 1.0)
                off_x, off_y = from_x - along * d_x, from_y - along * d_y
                if off_x * off_x + off_y * off_y <= half_width * half_width:
                    bits[row, column >> 3] &= np.uint8(255 ^ (1 << (column & 7)))
