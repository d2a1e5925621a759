"""What particles amount to: weighted places for choosing cameras, and a middle, radius and direction for people."""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.particles import ON_PLANE, STANDS, Ints, Particles, StreetArrays, cell_of, spot_of, street_arrays
from pipeline.compiled import compiled
from pipeline.geo import Floats
from pipeline.world.places import Places
from pipeline.world.streets import Streets

PLANE_BIN_M = 10.0
# Keys of bins of the plane lie beyond those of street cells; 30 bits each for row and column.
_PLANE_KEY = 1 << 60
_BIN_BITS = 30
_BIN_MASK = (1 << _BIN_BITS) - 1
# Below this mean resultant length directions have a circular standard deviation of more than 67 degrees
# (sqrt(-2 ln R); K. Mardia, P. Jupp: Directional Statistics, 2000, 2.3.12): no common direction.
COMMON_DIRECTION = 0.5
# The radius is found by halving: a 16-millionth of the farthest distance.
_HALVINGS = 24
_SHARE_WITHIN = 0.68
_DEGREES_PER_RADIAN = 180.0 / math.pi


@compiled
def place_key(cell: int, x_m: float, y_m: float) -> int:
    """Return a number for a street cell, or for the bin of 10 m of a point on the plane; never negative."""
    if cell >= 0:
        return int(cell)
    column = math.floor(x_m / PLANE_BIN_M) & _BIN_MASK
    row = math.floor(y_m / PLANE_BIN_M) & _BIN_MASK
    return _PLANE_KEY | (row << _BIN_BITS) | column


@compiled
def places_of_cases(  # noqa: PLR0917 - a kernel takes plain arguments
    particles: Particles,
    s: StreetArrays,
    slots: Ints,
    keys: NDArray[np.int64],
    first: Ints,
    cell: Ints,
    x_m: Floats,
    y_m: Floats,
    mass: Floats,
) -> None:
    """Write the places of each case one after the other, in the order in which the particles first name them.

    Args:
        particles: (m, P).
        s: the streets.
        slots: hash table, a power of two of at least 2 P entries, all -1; it is all -1 again afterwards.
        keys: room for P keys.
        first: i4 (m + 1,), gets where each case's places begin.
        cell: room for m P cells; so for ``x_m``, ``y_m`` and ``mass``.
        x_m: middles of the places.
        y_m: the same.
        mass: parts of 1 by case.
    """
    mask, end = slots.shape[0] - 1, 0
    first[0] = 0
    for case in range(particles.shape[0]):
        begin, total = end, 0
        for i in range(particles.shape[1]):
            particle = particles[case, i]
            weight = int(particle["weight"])
            if weight == 0:
                continue
            total += weight
            at_cell = cell_of(particle, s)
            at_x_m = at_y_m = 0.0
            if at_cell < 0:
                at_x_m, at_y_m = spot_of(particle, s)
            key = place_key(at_cell, at_x_m, at_y_m)
            slot = (key + (key >> _BIN_BITS) * 31) & mask
            while slots[slot] >= 0 and keys[slots[slot]] != key:
                slot = (slot + 1) & mask
            if slots[slot] < 0:
                slots[slot] = end - begin
                keys[end - begin] = key
                cell[end] = at_cell
                if at_cell >= 0:
                    x_m[end], y_m[end] = s.cell_x_m[at_cell], s.cell_y_m[at_cell]
                else:
                    x_m[end] = (math.floor(at_x_m / PLANE_BIN_M) + 0.5) * PLANE_BIN_M
                    y_m[end] = (math.floor(at_y_m / PLANE_BIN_M) + 0.5) * PLANE_BIN_M
                mass[end] = 0.0
                end += 1
            mass[begin + slots[slot]] += weight
        for k in range(begin, end):
            mass[k] /= total
        slots[:] = -1
        first[case + 1] = end


@compiled
def spots_of_cases(particles: Particles, s: StreetArrays, cell: Ints, x_m: Floats, y_m: Floats) -> None:
    """Write street cell (-1 on the plane) and position of every particle, each (m, P)."""
    for case in range(particles.shape[0]):
        for i in range(particles.shape[1]):
            cell[case, i] = cell_of(particles[case, i], s)
            x_m[case, i], y_m[case, i] = spot_of(particles[case, i], s)


@compiled
def radius_within(distance_m: Floats, weights: NDArray[np.int64], total: int) -> float:
    """Return the least radius that holds 68 % of the weight."""
    high_m = 0.0
    for i in range(distance_m.shape[0]):
        if weights[i] > 0:
            high_m = max(high_m, distance_m[i])
    low_m, wanted = 0.0, _SHARE_WITHIN * total
    for _ in range(_HALVINGS):
        middle_m = 0.5 * (low_m + high_m)
        inside = 0
        for i in range(distance_m.shape[0]):
            if distance_m[i] <= middle_m:
                inside += weights[i]
        if inside >= wanted:
            high_m = middle_m
        else:
            low_m = middle_m
    return high_m


@compiled
def direction_of(particle: np.void, s: StreetArrays) -> tuple[float, float]:
    """Return (east, north) of the direction a particle faces, of length 1."""
    if particle["state"] & ON_PLANE:
        angle = np.float64(particle["turn"]) * (2.0 * math.pi / 256.0)
        return math.sin(angle), math.cos(angle)
    edge = particle["a"]
    length_m = max(np.float64(s.edge_length_m[edge]), 0.001)
    sign = -1.0 if particle["turn"] == 1 else 1.0
    east = sign * (s.node_x_m[s.edge_to[edge]] - s.node_x_m[s.edge_from[edge]]) / length_m
    return east, sign * (s.node_y_m[s.edge_to[edge]] - s.node_y_m[s.edge_from[edge]]) / length_m


@compiled
def where_of_cases(  # noqa: PLR0917 - a kernel takes plain arguments
    particles: Particles,
    s: StreetArrays,
    x_m: Floats,
    y_m: Floats,
    r68_m: Floats,
    speed_mps: Floats,
    heading_deg: Floats,
    weights: NDArray[np.int64],
    spot: Floats,
) -> None:
    """Write middle, 68 % radius, mean speed and common direction of each case; ``spot`` is room for (2, P)."""
    count = particles.shape[1]
    for case in range(particles.shape[0]):
        total = walking = 0
        sum_x = sum_y = speed = east = north = 0.0
        for i in range(count):
            particle = particles[case, i]
            weights[i] = particle["weight"]
            spot[0, i], spot[1, i] = spot_of(particle, s)
            total += weights[i]
            sum_x += weights[i] * spot[0, i]
            sum_y += weights[i] * spot[1, i]
            if particle["state"] & STANDS == 0:
                to_east, to_north = direction_of(particle, s)
                walking += weights[i]
                speed += weights[i] * 0.001 * particle["speed_mmps"]
                east += weights[i] * to_east
                north += weights[i] * to_north
        x_m[case], y_m[case], speed_mps[case] = sum_x / total, sum_y / total, speed / total
        for i in range(count):
            d_x, d_y = spot[0, i] - x_m[case], spot[1, i] - y_m[case]
            spot[0, i] = math.sqrt(d_x * d_x + d_y * d_y)
        r68_m[case] = radius_within(spot[0], weights, total)
        common = math.sqrt(east * east + north * north)
        heading_deg[case] = math.nan
        if common > 0.0 and common >= COMMON_DIRECTION * walking:
            angle_deg = math.atan2(east, north) * _DEGREES_PER_RADIAN
            # A tiny negative angle becomes 360 exactly when 360 is added to it.
            turned_deg = angle_deg + 360.0 if angle_deg < 0.0 else angle_deg
            heading_deg[case] = 0.0 if turned_deg >= 360.0 else turned_deg


def places_of(particles: Particles, streets: Streets | None) -> Places:
    """Return the weighted places of beliefs (m, P): one per street cell, one per bin of 10 m on the plane.

    Places of a case stand in the order in which its particles first name them; their masses add up to 1.
    """
    cases, count = particles.shape
    slots = np.full(1 << (2 * count - 1).bit_length(), -1, np.int32)
    first, cell = np.zeros(cases + 1, np.int32), np.empty(cases * count, np.int32)
    # Pages that are never written take no memory: room for the worst case costs nothing.
    x_m, y_m, mass = np.empty(cases * count), np.empty(cases * count), np.empty(cases * count)
    keys = np.empty(count, np.int64)
    places_of_cases(particles, street_arrays(streets), slots, keys, first, cell, x_m, y_m, mass)
    end = int(first[-1])
    return Places(first, cell[:end].copy(), x_m[:end].copy(), y_m[:end].copy(), mass[:end].copy())


def spots_of(particles: Particles, streets: Streets | None) -> tuple[Ints, Floats, Floats]:
    """Return street cell (i4, -1 on the plane), x_m and y_m of every particle, each of the particles' shape (m, P)."""
    cell, x_m, y_m = (np.empty(particles.shape, kind) for kind in (np.int32, np.float64, np.float64))
    spots_of_cases(particles, street_arrays(streets), cell, x_m, y_m)
    return cell, x_m, y_m


def where_of(particles: Particles, streets: Streets | None) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return (x_m, y_m, r68_m, speed_mps, heading_deg) of beliefs (m, P), each f8 (m,).

    The middle is the mean place, which may lie between streets. The radius around it holds 68 % of the weight. The
    speed is the mean of all, those who stand count 0. The heading is the mean direction of those who walk, degrees
    clockwise from north, 0 to 360; NaN where they have none in common.
    """
    cases, count = particles.shape
    x_m, y_m, r68_m, speed_mps, heading_deg = (np.empty(cases) for _ in range(5))
    where_of_cases(
        particles,
        street_arrays(streets),
        x_m,
        y_m,
        r68_m,
        speed_mps,
        heading_deg,
        np.empty(count, np.int64),
        np.empty((2, count)),
    )
    return x_m, y_m, r68_m, speed_mps, heading_deg
