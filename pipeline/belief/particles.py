"""Particles: where one subject can be, as some hundred weighted walkers of 14 bytes each.

What is stored is what decides: the belief is kept in memory in the form in which it is written, so that a restart
changes no decision by a rounding.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.compiled import compiled
from pipeline.errors import RuleBrokenError
from pipeline.geo import Floats
from pipeline.rules.belief_policy import PARTICLES_MAX, BeliefPolicy
from pipeline.world.streets import Streets

# On streets: a = edge, b = cm from the edge's first node, turn 0 towards its second node, 1 towards its first.
# On the plane: a = x cm, b = y cm, turn = heading in 1/256 of a circle, clockwise from north.
PARTICLE = np.dtype(
    [("a", "<i4"), ("b", "<i4"), ("turn", "u1"), ("state", "u1"), ("speed_mmps", "<u2"), ("weight", "<u2")]
)
STANDS = 1
ON_PLANE = 2
# The heaviest particle of a belief has this weight, the others their share of it; only the shares mean something.
FULL_WEIGHT = 65_535
Particles = NDArray[np.void]
Ints = NDArray[np.int32]
Seeds = NDArray[np.uint64]


class StreetArrays(NamedTuple):
    """The arrays of ``Streets`` that kernels read; all empty where there are no streets.

    Taking an array out of a tuple costs machine code a counted reference. Kernels do that once a case, not once a
    particle, which is up to ten times faster.
    """

    node_x_m: NDArray[np.float64]
    node_y_m: NDArray[np.float64]
    edge_from: NDArray[np.int32]
    edge_to: NDArray[np.int32]
    edge_length_m: NDArray[np.float32]
    edge_first_cell: NDArray[np.int32]
    node_first: NDArray[np.int32]
    node_edges: NDArray[np.int32]
    cell_x_m: NDArray[np.float64]
    cell_y_m: NDArray[np.float64]
    cell_edge: NDArray[np.int32]
    origin_x_m: float
    origin_y_m: float
    bin_m: float
    bins_x: int
    bins_y: int
    bin_first: NDArray[np.int32]
    bin_cells: NDArray[np.int32]


class Walk(NamedTuple):
    """The numbers of one walk as kernels take them; the names are those of ``WalkPolicy``."""

    speed_mps: float
    speed_sd_mps: float
    speed_min_mps: float
    straight: float
    turn: float
    back: float
    stops_per_s: float
    goes_per_s: float


def street_arrays(streets: Streets | None) -> StreetArrays:
    """Return the streets for kernels, always of the same types, so that each kernel is compiled once."""
    if streets is None:
        return _NO_STREETS
    bins = streets.bins
    return StreetArrays(
        f8(streets.node_x_m),
        f8(streets.node_y_m),
        i4(streets.edge_from),
        i4(streets.edge_to),
        np.ascontiguousarray(streets.edge_length_m, np.float32),
        i4(streets.edge_first_cell),
        i4(streets.node_first),
        i4(streets.node_edges),
        f8(streets.cell_x_m),
        f8(streets.cell_y_m),
        i4(streets.cell_edge),
        float(bins.origin_x_m),
        float(bins.origin_y_m),
        float(bins.bin_m),
        int(bins.bins_x),
        int(bins.bins_y),
        i4(bins.first),
        i4(bins.cells),
    )


def f8(values: ArrayLike) -> Floats:
    """Return numbers as kernels take them, float64 and side by side."""
    return np.ascontiguousarray(values, np.float64)


def i4(values: ArrayLike) -> Ints:
    """Return whole numbers as kernels take them, int32 and side by side."""
    return np.ascontiguousarray(values, np.int32)


def u8(values: ArrayLike) -> Seeds:
    """Return seeds as kernels take them, uint64 and side by side."""
    return np.ascontiguousarray(values, np.uint64)


def walk_table(policy: BeliefPolicy) -> NDArray[np.float64]:
    """Return the policy's walks for kernels, f8 (walks, 8) in the order of ``Walk``."""
    return np.array([[getattr(walk, name) for name in Walk._fields] for walk in policy.walks], np.float64)


@compiled
def walk_at(table: NDArray[np.float64], w: int) -> Walk:
    """Return one walk of a table."""
    return Walk(table[w, 0], table[w, 1], table[w, 2], table[w, 3], table[w, 4], table[w, 5], table[w, 6], table[w, 7])


def to_bytes(particles: Particles) -> bytes:
    """Return one case's particles (P,) as 14 bytes each.

    Raises:
        ValueError: the array is not one row of particles.
    """
    if particles.dtype != PARTICLE or particles.ndim != 1:
        raise ValueError(f"need one row of particles, got shape {particles.shape} of {particles.dtype}")
    return particles.tobytes()


def from_bytes(data: bytes, streets: Streets | None = None) -> Particles:
    """Return one case's particles (P,) from their bytes, writable.

    Args:
        data: what ``to_bytes`` gave.
        streets: the streets they walk on; if given, every particle on streets must lie on one of them.

    Raises:
        RuleBrokenError: not 1 to 2,000 whole particles, no weight at all, or a particle beyond the streets.
    """
    count, rest = divmod(len(data), PARTICLE.itemsize)
    if rest or not 1 <= count <= PARTICLES_MAX:
        rule = f"must be 1 to {PARTICLES_MAX} particles of {PARTICLE.itemsize} bytes"
        raise RuleBrokenError("wrong-size", "particles", f"{rule}, got {len(data)} bytes")
    particles = np.frombuffer(data, PARTICLE).copy()
    if not particles["weight"].any():
        raise RuleBrokenError("no-weight", "particles", f"must have some weight, got none in {count}")
    if streets is not None:
        on_streets = particles[particles["state"] & ON_PLANE == 0]
        edges, edge = len(streets.edge_length_m), on_streets["a"]
        known = (edge >= 0) & (edge < edges)
        length_cm = 100.0 * np.asarray(streets.edge_length_m, np.float64)[np.where(known, edge, 0)] if edges else 0.0
        off = ~known | (on_streets["b"] < 0) | (on_streets["b"] > length_cm + 1.0) | (on_streets["turn"] > 1)
        if off.any():
            raise RuleBrokenError("off-streets", "particles", f"must lie on the streets, got {off.sum()} beyond them")
    return particles


@compiled
def spot_of(particle: Any, s: StreetArrays) -> tuple[float, float]:
    """Return (x_m, y_m) of a particle."""
    if particle["state"] & ON_PLANE:
        return 0.01 * particle["a"], 0.01 * particle["b"]
    edge = particle["a"]
    length_m = max(np.float64(s.edge_length_m[edge]), 0.001)
    share = min(0.01 * particle["b"] / length_m, 1.0)
    x_m, y_m = s.node_x_m[s.edge_from[edge]], s.node_y_m[s.edge_from[edge]]
    x_m += share * (s.node_x_m[s.edge_to[edge]] - x_m)
    y_m += share * (s.node_y_m[s.edge_to[edge]] - y_m)
    return x_m, y_m


@compiled
def cell_of(particle: Any, s: StreetArrays) -> int:
    """Return the street cell a particle is in, -1 on the plane; an edge's cells share its length equally."""
    if particle["state"] & ON_PLANE:
        return -1
    edge = particle["a"]
    first = int(s.edge_first_cell[edge])
    cells = int(s.edge_first_cell[edge + 1]) - first
    length_m = max(np.float64(s.edge_length_m[edge]), 0.001)
    return first + min(int(0.01 * particle["b"] / length_m * cells), cells - 1)


def _no_streets() -> StreetArrays:
    floats, lengths, ints = np.zeros(0), np.zeros(0, np.float32), np.zeros(0, np.int32)
    first = np.zeros(1, np.int32)
    return StreetArrays(
        floats, floats, ints, ints, lengths, first, first, ints, floats, floats, ints, 0.0, 0.0, 1.0, 0, 0, first, ints
    )


_NO_STREETS = _no_streets()
