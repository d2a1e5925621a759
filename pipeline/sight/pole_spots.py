"""Where a pole of uncertain place may stand: weighted spots at the sides of streets, and a few anywhere.

The place is taken as round and normal around where the pole is thought to stand. What that covers is cut into
``SPOTS`` pieces: a disc in the middle and rings of eight around it. Each street cell among them stands for two places
at its sides, those at junctions for more, because there cameras are put up; the places of a piece become one spot with
their weight at their mean. So a pole that was registered inside a block is looked for in the streets around it, and
what it shows is a mixture of what it would show from there.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.geo import Floats

RINGS = 3
DIRECTIONS = 8
SPOTS = 1 + RINGS * DIRECTIONS
# Rings are so wide in standard deviations: three and a half of them hold 82 % of a round normal, and of what is evenly
# off by up to some distance (which its 68 % error tells) all.
RING_PER_SIGMA = 0.525
# 68 % of a round normal error lie within so many standard deviations: sqrt(-2 ln 0.32).
SIGMAS_OF_68 = math.sqrt(-2.0 * math.log(0.32))
# Poles stand at the kerb or the wall, so far from the middle line.
ASIDE_M = 4.0
# Half of a city's street cameras watch junctions: the cells that end there count so many times.
AT_JUNCTION = 4.0
# This part of the poles stands anywhere: in parks, yards, on squares. All of them where no street is near.
ANYWHERE = 0.05
# Spots of less than this part of the likeliest are left out.
LEAST_PART = 0.03
_OUTER_RINGS = RINGS + 0.5


class Streetside(NamedTuple):
    """The streets as this module's kernels take them; see ``world.streets.Streets``."""

    cell_x_m: Floats
    cell_y_m: Floats
    cell_edge: NDArray[np.int32]
    edge_first_cell: NDArray[np.int32]
    edge_from: NDArray[np.int32]
    edge_to: NDArray[np.int32]
    node_x_m: Floats
    node_y_m: Floats
    node_first: NDArray[np.int32]


@compiled
def reach_of_spots_m(pole_error_m: float) -> float:
    """Return how far from its place a spot of a pole with this 68 % error can be, metres."""
    return pole_error_m / SIGMAS_OF_68 * RING_PER_SIGMA * _OUTER_RINGS


@compiled
def put_spots(  # noqa: PLR0917 - a kernel takes plain arguments
    streets: Streetside,
    near: NDArray[np.int32],
    x_m: float,
    y_m: float,
    pole_error_m: float,
    spot_x_m: Floats,
    spot_y_m: Floats,
    weight: Floats,
) -> int:
    """Write where a pole may stand and how likely; return how many spots there are, at least one.

    Args:
        streets: the streets.
        near: the cells that lie nearer than ``reach_of_spots_m`` and ``ASIDE_M`` together; others may be among them.
        x_m: where it is thought to stand, on the city's plane.
        y_m: the same.
        pole_error_m: 68 % error of that; 0 gives one spot there.
        spot_x_m: filled, f8 (SPOTS,).
        spot_y_m: filled.
        weight: filled; the weights of the spots that are returned add up to 1.
    """
    if not pole_error_m > 0.0:
        spot_x_m[0], spot_y_m[0], weight[0] = x_m, y_m, 1.0
        return 1
    sigma_m = pole_error_m / SIGMAS_OF_68
    spot_x_m[:], spot_y_m[:], weight[:] = 0.0, 0.0, 0.0
    for cell in near:
        one = _cell_weight(streets, cell)
        along_east, along_north = _along(streets, streets.cell_edge[cell])
        for side in (-ASIDE_M, ASIDE_M):
            east_m = streets.cell_x_m[cell] + side * along_north - x_m
            north_m = streets.cell_y_m[cell] - side * along_east - y_m
            piece = _piece_of(east_m, north_m, sigma_m * RING_PER_SIGMA)
            if piece >= 0:
                likely = one * math.exp(-0.5 * (east_m * east_m + north_m * north_m) / (sigma_m * sigma_m))
                weight[piece] += likely
                spot_x_m[piece] += likely * east_m
                spot_y_m[piece] += likely * north_m
    total = weight.sum()
    if total > 0.0:
        scale = (1.0 - ANYWHERE) / total
        weight *= scale
        spot_x_m *= scale
        spot_y_m *= scale
    _add_anywhere(ANYWHERE if total > 0.0 else 1.0, sigma_m, spot_x_m, spot_y_m, weight)
    return _likely_ones(x_m, y_m, spot_x_m, spot_y_m, weight)


@compiled
def _cell_weight(streets: Streetside, cell: int) -> float:
    """Return ``AT_JUNCTION`` for a cell that ends at a junction, where three streets or more meet; else 1."""
    edge = streets.cell_edge[cell]
    start, end = streets.edge_from[edge], streets.edge_to[edge]
    at_start = cell == streets.edge_first_cell[edge] and streets.node_first[start + 1] - streets.node_first[start] > 2
    at_end = cell == streets.edge_first_cell[edge + 1] - 1 and streets.node_first[end + 1] - streets.node_first[end] > 2
    return AT_JUNCTION if at_start or at_end else 1.0


@compiled
def _along(streets: Streetside, edge: int) -> tuple[float, float]:
    """Return the direction of an edge, (east, north) of length 1."""
    start, end = streets.edge_from[edge], streets.edge_to[edge]
    east_m = streets.node_x_m[end] - streets.node_x_m[start]
    north_m = streets.node_y_m[end] - streets.node_y_m[start]
    length_m = max(math.sqrt(east_m * east_m + north_m * north_m), 1e-6)
    return east_m / length_m, north_m / length_m


@compiled
def _piece_of(east_m: float, north_m: float, ring_m: float) -> int:
    """Return the piece that a place lies in: 0 the disc, then ring by ring from north clockwise; -1 outside."""
    ring = int(math.sqrt(east_m * east_m + north_m * north_m) / ring_m + 0.5)
    if ring == 0:
        return 0
    if ring > RINGS:
        return -1
    direction = math.floor(math.atan2(east_m, north_m) / (2.0 * math.pi / DIRECTIONS) + 0.5) % DIRECTIONS
    return 1 + (ring - 1) * DIRECTIONS + direction


@compiled
def _add_anywhere(part: float, sigma_m: float, spot_x_m: Floats, spot_y_m: Floats, weight: Floats) -> None:
    """Add this part of the probability to the middles of all pieces, each by its area and the round normal error."""
    ring_m, total = sigma_m * RING_PER_SIGMA, 0.0
    for turn in range(2):
        for piece in range(SPOTS):
            ring = (piece + DIRECTIONS - 1) // DIRECTIONS
            # In units of the ring's square: the disc has pi / 4, each of a ring's eight pieces 2 pi ring / 8.
            area = math.pi / 4 if ring == 0 else 2.0 * math.pi * ring / DIRECTIONS
            likely = area * math.exp(-0.5 * (ring * RING_PER_SIGMA) ** 2)
            if turn == 0:
                total += likely
                continue
            likely *= part / total
            angle = ((piece - 1) % DIRECTIONS) * (2.0 * math.pi / DIRECTIONS)
            weight[piece] += likely
            spot_x_m[piece] += likely * ring * ring_m * math.sin(angle)
            spot_y_m[piece] += likely * ring * ring_m * math.cos(angle)


@compiled
def _likely_ones(x_m: float, y_m: float, spot_x_m: Floats, spot_y_m: Floats, weight: Floats) -> int:
    """Turn sums into spots on the plane, the likely ones first in their order; return how many."""
    least, total, count = weight.max() * LEAST_PART, 0.0, 0
    for piece in range(SPOTS):
        if weight[piece] < least or weight[piece] <= 0.0:
            continue
        one, east_m, north_m = weight[piece], spot_x_m[piece] / weight[piece], spot_y_m[piece] / weight[piece]
        spot_x_m[count], spot_y_m[count], weight[count] = x_m + east_m, y_m + north_m, one
        total += one
        count += 1
    weight[:count] /= total
    return count
