"""Particles drawn anew around a place: at the start, as the fresh share of a fix, where a belief starts again."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.chance import normal_from, stream_of, uniform_at
from pipeline.belief.particles import FULL_WEIGHT, ON_PLANE, STANDS, Ints, Particles, StreetArrays, Walk, walk_at
from pipeline.belief.walks import centimetres
from pipeline.compiled import compiled
from pipeline.geo import Floats
from pipeline.world.street_index import nearest_of_each

# Streams of a seed, beyond those of moving: a million each.
START_STREAMS = 1 << 20
FRESH_STREAMS = 2 << 20
# Who is farther than this from every street is in a park or a yard and walks on the plane.
SNAP_M = 60.0


@compiled
def standing_share(walk: Walk) -> float:
    """Return which share of the time somebody stands, 0 to 1: what stops and goes settle at."""
    rates = walk.stops_per_s + walk.goes_per_s
    return walk.stops_per_s / rates if rates > 0.0 else 0.0


@compiled
def draw_walker(particle: Any, start: np.uint64, walk: Walk) -> None:
    """Write who the particle is: its speed, whether it stands, its weight; the direction is drawn with the place."""
    speed_mps = walk.speed_mps + walk.speed_sd_mps * normal_from(uniform_at(start, 2))
    speed_mmps = math.floor(1000.0 * max(speed_mps, walk.speed_min_mps) + 0.5)
    particle["speed_mmps"] = int(min(speed_mmps, 65_535))
    particle["state"] = STANDS if uniform_at(start, 3) < standing_share(walk) else 0
    particle["weight"] = FULL_WEIGHT


@compiled
def snap_all(x_m: Floats, y_m: Floats, s: StreetArrays, found: Ints) -> None:
    """Write the nearest street cell within 60 m of each point, or -1."""
    nearest_of_each(
        s.origin_x_m,
        s.origin_y_m,
        s.bin_m,
        s.bins_x,
        s.bins_y,
        s.bin_first,
        s.bin_cells,
        s.cell_x_m,
        s.cell_y_m,
        x_m,
        y_m,
        SNAP_M,
        found,
    )


@compiled
def draw_around(  # noqa: PLR0917 - a kernel takes plain arguments
    row: Particles,
    begin: int,
    x_m: Floats,
    y_m: Floats,
    sigma_m: float,
    seed: np.uint64,
    first_stream: int,
    walk: Walk,
    s: StreetArrays,
    found: Ints,
) -> None:
    """Write fresh particles from place ``begin`` of a row on, each normally distributed around its own place.

    It is put on the nearest street within 60 m if there is one, else on the plane. Its speed, direction and whether it
    stands are drawn too.

    Args:
        row: one case's particles (P,).
        begin: the first to draw.
        x_m: f8 (P,), the places; overwritten by where the particles were drawn.
        y_m: the same.
        sigma_m: standard deviation per axis.
        seed: the case's.
        first_stream: stream of the row's first particle.
        walk: how they walk.
        s: the streets.
        found: room for P cells.
    """
    edge_from, edge_to, edge_length_m, cell_edge = s.edge_from, s.edge_to, s.edge_length_m, s.cell_edge
    node_x_m, node_y_m = s.node_x_m, s.node_y_m
    for i in range(begin, row.shape[0]):
        start = stream_of(seed, first_stream + i)
        x_m[i] += sigma_m * normal_from(uniform_at(start, 0))
        y_m[i] += sigma_m * normal_from(uniform_at(start, 1))
    snap_all(x_m[begin:], y_m[begin:], s, found[begin:])
    for i in range(begin, row.shape[0]):
        particle: Any = row[i]
        start = stream_of(seed, first_stream + i)
        draw_walker(particle, start, walk)
        if found[i] < 0:
            particle["a"] = centimetres(x_m[i])
            particle["b"] = centimetres(y_m[i])
            particle["turn"] = int(uniform_at(start, 4) * 256.0)
            particle["state"] |= ON_PLANE
            continue
        edge = cell_edge[found[i]]
        from_x, from_y, end = node_x_m[edge_from[edge]], node_y_m[edge_from[edge]], edge_to[edge]
        length_m = np.float64(edge_length_m[edge])
        dot = (x_m[i] - from_x) * (node_x_m[end] - from_x) + (y_m[i] - from_y) * (node_y_m[end] - from_y)
        particle["a"] = edge
        particle["b"] = math.floor(min(max(dot / max(length_m, 0.001), 0.0), length_m) * 100.0 + 0.5)
        particle["turn"] = 1 if uniform_at(start, 4) < 0.5 else 0


@compiled
def start_cases(  # noqa: PLR0917 - a kernel takes plain arguments
    particles: Particles,
    x_m: Floats,
    y_m: Floats,
    sigma_m: Floats,
    walk: Ints,
    seeds: NDArray[np.uint64],
    walks: Floats,
    s: StreetArrays,
    spots: Floats,
    found: Ints,
) -> None:
    """Write fresh particles (m, P) around a place per case; ``spots`` is room for (2, P), ``found`` for (P,)."""
    for case in range(particles.shape[0]):
        spots[0, :] = x_m[case]
        spots[1, :] = y_m[case]
        one = walk_at(walks, walk[case])
        draw_around(particles[case], 0, spots[0], spots[1], sigma_m[case], seeds[case], START_STREAMS, one, s, found)
