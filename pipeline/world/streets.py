"""A city's streets: straight pieces between nodes, cut into cells of about 5 m.

A street is whatever people walk on. The same lines in any order give the same streets: nodes are numbered by tile and
place, edges by their nodes, cells along their edges, so that what is near in the city is mostly near in memory.
3 million cells (605 square kilometres of 80 m blocks) take about 85 MB.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import PolicyError
from pipeline.geo import Floats, Plane
from pipeline.world.street_index import CellBins, bins_of, nearest_of_each

Ints = NDArray[np.int32]
CELL_M = 5.0
# Positions are kept to the centimetre, which is what maps give (OpenStreetMap: 1e-7 degrees) and what joins lines.
_CM = 100.0
_TILE_CM = 25_600
# About ten times the largest city; keeps a slip (a country's extract) from taking the machine's memory.
NODES_MAX = 20_000_000
CELLS_MAX = 50_000_000
# Changes whenever the same lines would give other streets, because what is kept on disk must then be built anew.
_FORM = b"streets-1"


@dataclass(frozen=True, slots=True)
class Streets:
    """Straight pieces ("edges") between nodes; a vertex that lines share is one node.

    Attributes:
        plane: what x and y are metres on.
        node_x_m: f8 (n,), whole centimetres.
        node_y_m: f8 (n,).
        edge_from: i4 (e,), the node with the lower number.
        edge_to: i4 (e,).
        edge_length_m: f4 (e,), above 0.
        edge_first_cell: i4 (e + 1,): the cells of edge i are first[i] to first[i + 1], in order from ``edge_from``;
            all cells of an edge are of equal length.
        node_first: i4 (n + 1,).
        node_edges: i4 (2e,): the edges at node i are ``node_edges[node_first[i]:node_first[i + 1]]``, ascending.
        cell_x_m: f8 (c,), middles.
        cell_y_m: f8 (c,).
        cell_edge: i4 (c,).
        bins: the cells by place.
        content_hash: 32 hexadecimal digits; equal for equal streets on an equal plane.
    """

    plane: Plane
    node_x_m: Floats
    node_y_m: Floats
    edge_from: Ints
    edge_to: Ints
    edge_length_m: NDArray[np.float32]
    edge_first_cell: Ints
    node_first: Ints
    node_edges: Ints
    cell_x_m: Floats
    cell_y_m: Floats
    cell_edge: Ints
    bins: CellBins
    content_hash: str

    def __len__(self) -> int:
        """Return how many cells there are."""
        return len(self.cell_x_m)

    @property
    def memory_bytes(self) -> int:
        """Return how much memory the arrays take."""
        arrays = [getattr(self, name) for name in self.__slots__]
        arrays += [self.bins.first, self.bins.cells]
        return sum(a.nbytes for a in arrays if isinstance(a, np.ndarray))


def streets_from(lines_deg: Sequence[NDArray[np.float64]], plane: Plane) -> Streets:
    """Return the streets of lines.

    Args:
        lines_deg: each (k, 2) of longitude and latitude. Lines meet where they share a vertex, to the centimetre;
            lines that cross without one do not meet (a bridge). Pieces of no length and repeated pieces are left out.
        plane: the city's.

    Raises:
        PolicyError: a line has another shape or no finite degrees, or there are too many of them.
    """
    for number, line in enumerate(lines_deg):
        if line.ndim != 2 or line.shape[1] != 2:
            raise PolicyError(f"streets: line {number} must be pairs of longitude and latitude, got {line.shape}")
    lengths = np.array([len(line) for line in lines_deg], np.int64)
    if lengths.sum() > NODES_MAX:
        raise PolicyError(f"streets must have at most {NODES_MAX} points, got {lengths.sum()}")
    points_deg = np.concatenate([np.empty((0, 2)), *lines_deg])
    if not ((np.abs(points_deg) <= (180.0, 90.0)).all()):  # NaN is not <= anything
        raise PolicyError("streets must have longitudes within -180..180 and latitudes within -90..90")
    x_m, y_m = plane.to_metres(points_deg[:, 1], points_deg[:, 0])
    node_x_cm, node_y_cm, node = _nodes(np.rint(x_m * _CM).astype(np.int64), np.rint(y_m * _CM).astype(np.int64))
    line = np.repeat(np.arange(len(lengths)), lengths)
    a, b = node[:-1], node[1:]
    piece = (line[:-1] == line[1:]) & (a != b)
    low, high = np.minimum(a, b)[piece], np.maximum(a, b)[piece]
    pairs = np.unique(low * max(len(node_x_cm), 1) + high)
    edge_from, edge_to = np.divmod(pairs, max(len(node_x_cm), 1))
    return streets_of_graph(plane, node_x_cm, node_y_cm, edge_from, edge_to)


def streets_of_graph(
    plane: Plane, node_x_cm: ArrayLike, node_y_cm: ArrayLike, edge_from: ArrayLike, edge_to: ArrayLike
) -> Streets:
    """Return the streets of nodes and edges as ``graph_of`` gives them; cells and indexes are made anew.

    Raises:
        PolicyError: the arrays do not fit together, or there are too many cells.
    """
    x_cm, y_cm = np.asarray(node_x_cm, np.int32), np.asarray(node_y_cm, np.int32)
    start, end = np.asarray(edge_from, np.int32), np.asarray(edge_to, np.int32)
    _check_graph(x_cm, y_cm, start, end)
    x_m, y_m = x_cm / _CM, y_cm / _CM
    length_m = np.hypot(x_m[end] - x_m[start], y_m[end] - y_m[start])
    counts = np.maximum(np.rint(length_m / CELL_M), 1).astype(np.int64)
    if counts.sum() > CELLS_MAX:
        raise PolicyError(f"streets must have at most {CELLS_MAX} cells of {CELL_M:g} m, got {counts.sum()}")
    first_cell = _starts(counts)
    cell_edge = np.repeat(np.arange(len(start), dtype=np.int32), counts)
    part = (np.arange(len(cell_edge)) - first_cell[cell_edge] + 0.5) / counts[cell_edge]
    cell_x_m = x_m[start[cell_edge]] + part * (x_m[end] - x_m[start])[cell_edge]
    cell_y_m = y_m[start[cell_edge]] + part * (y_m[end] - y_m[start])[cell_edge]
    ends = np.concatenate((start, end))
    by_node = np.argsort(ends, kind="stable")
    numbers = np.tile(np.arange(len(start), dtype=np.int32), 2)
    # At a node the edges that start there would come before those that end there; ascending is plainer.
    by_node = by_node[np.lexsort((numbers[by_node], ends[by_node]))]
    return Streets(
        plane=plane,
        node_x_m=x_m,
        node_y_m=y_m,
        edge_from=start,
        edge_to=end,
        edge_length_m=length_m.astype(np.float32),
        edge_first_cell=first_cell,
        node_first=_starts(np.bincount(ends, minlength=len(x_m))),
        node_edges=numbers[by_node],
        cell_x_m=cell_x_m,
        cell_y_m=cell_y_m,
        cell_edge=cell_edge,
        bins=bins_of(cell_x_m, cell_y_m),
        content_hash=_hash_of(plane, x_cm, y_cm, start, end),
    )


def graph_of(streets: Streets) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (node_x_cm, node_y_cm, edge_from, edge_to): all there is to know to make the streets again."""
    x_cm = np.rint(streets.node_x_m * _CM).astype(np.int32)
    y_cm = np.rint(streets.node_y_m * _CM).astype(np.int32)
    return x_cm, y_cm, streets.edge_from, streets.edge_to


def nearest_cells(streets: Streets, x_m: ArrayLike, y_m: ArrayLike, within_m: float) -> Ints:
    """Return the nearest cell of each point, i4 (n,); -1 where none is within ``within_m``.

    Raises:
        ValueError: the distance is not a finite number from 0 on.
    """
    if not 0.0 <= within_m < float("inf"):
        raise ValueError(f"within_m must be 0 or more metres, got {within_m}")
    xs_m, ys_m = np.atleast_1d(np.asarray(x_m, np.float64)), np.atleast_1d(np.asarray(y_m, np.float64))
    found = np.full(len(xs_m), -1, np.int32)
    b = streets.bins
    nearest_of_each(
        b.origin_x_m,
        b.origin_y_m,
        b.bin_m,
        b.bins_x,
        b.bins_y,
        b.first,
        b.cells,
        streets.cell_x_m,
        streets.cell_y_m,
        xs_m,
        ys_m,
        float(within_m),
        found,
    )
    return found


def cells_within(streets: Streets, x_m: float, y_m: float, radius_m: float) -> Ints:
    """Return the cells whose middle lies in a circle, i4 (n,), ascending."""
    b = streets.bins
    low_x, high_x = (int(np.clip((x_m + s - b.origin_x_m) // b.bin_m, 0, b.bins_x - 1)) for s in (-radius_m, radius_m))
    low_y, high_y = (int(np.clip((y_m + s - b.origin_y_m) // b.bin_m, 0, b.bins_y - 1)) for s in (-radius_m, radius_m))
    rows = [y * b.bins_x for y in range(low_y, high_y + 1)]
    found = np.concatenate([b.cells[b.first[row + low_x] : b.first[row + high_x + 1]] for row in rows])
    inside = np.hypot(streets.cell_x_m[found] - x_m, streets.cell_y_m[found] - y_m) <= radius_m
    return np.sort(found[inside])


def _nodes(
    x_cm: NDArray[np.int64], y_cm: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return x and y of the different points, ordered by tile, row and column, and each point's number among them."""
    key = ((y_cm + 2**31) << 32) | (x_cm + 2**31)
    _, one, number = np.unique(key, return_index=True, return_inverse=True)
    x_cm, y_cm = x_cm[one], y_cm[one]
    order = np.lexsort((x_cm, y_cm, x_cm // _TILE_CM, y_cm // _TILE_CM))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return x_cm[order], y_cm[order], place[number]


def _check_graph(x_cm: Ints, y_cm: Ints, edge_from: Ints, edge_to: Ints) -> None:
    if x_cm.ndim != 1 or x_cm.shape != y_cm.shape or edge_from.ndim != 1 or edge_from.shape != edge_to.shape:
        raise PolicyError("streets: x and y of nodes, and both ends of edges, must be lists of equal length")
    if len(x_cm) > NODES_MAX or len(edge_from) > CELLS_MAX:
        raise PolicyError(f"streets must have at most {NODES_MAX} nodes and {CELLS_MAX} edges")
    if len(edge_from) and not (edge_from.min() >= 0 and (edge_from < edge_to).all() and edge_to.max() < len(x_cm)):
        raise PolicyError("streets: edges must go from a node to one of a higher number that exists")
    if ((x_cm[edge_from] == x_cm[edge_to]) & (y_cm[edge_from] == y_cm[edge_to])).any():
        raise PolicyError("streets: edges must have a length")


def _starts(counts: NDArray[np.int64]) -> Ints:
    starts = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=starts[1:])
    return starts


def _hash_of(plane: Plane, *arrays: Ints) -> str:
    digest = hashlib.blake2b(_FORM + struct.pack("<dd", plane.lat_deg, plane.lon_deg), digest_size=16)
    for array in arrays:
        digest.update(struct.pack("<q", len(array)))
        digest.update(np.ascontiguousarray(array, "<i4").tobytes())
    return digest.hexdigest()
