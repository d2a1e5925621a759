"""The cities of the benchmark: streets as a graph, buildings as polygons, on one plane in metres."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.geo import Plane

# Synthetic cities are squares of this size; real ones are cut to it. A walk of an hour ends well within.
SIDE_M = 3_000.0
# Points closer than this are one crossing.
SAME_POINT_M = 0.5

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CityMap:
    """One city.

    Attributes:
        name: for tables and ``--cell``.
        title: for people.
        plane: where the metres have their origin, the middle of the city.
        node_x_m: crossings, ends and bends of streets, shape (n,).
        node_y_m: the same.
        edge_from: straight pieces of streets between nodes, shape (e,).
        edge_to: the same.
        buildings: polygons that block sight, on the plane.
        half_width_m: from the middle of a street to where buildings may begin.
        poles_m: positions of real poles, shape (p, 2); None where poles are made up.
        pole_cameras: how many cameras hang on each real pole, shape (p,).
    """

    name: str
    title: str
    plane: Plane
    node_x_m: Floats
    node_y_m: Floats
    edge_from: Ints
    edge_to: Ints
    buildings: NDArray[np.object_]
    half_width_m: float
    poles_m: Floats | None = None
    pole_cameras: Ints | None = None

    @property
    def edge_length_m(self) -> Floats:
        """Return the lengths of the pieces, shape (e,)."""
        dx = self.node_x_m[self.edge_to] - self.node_x_m[self.edge_from]
        dy = self.node_y_m[self.edge_to] - self.node_y_m[self.edge_from]
        return np.hypot(dx, dy)

    def lines_deg(self) -> list[Floats]:
        """Return the pieces as lines of (longitude, latitude) in degrees, the form that the engine takes."""
        lat_deg, lon_deg = self.plane.to_degrees(self.node_x_m, self.node_y_m)
        nodes = np.column_stack([lon_deg, lat_deg])
        return list(nodes[np.column_stack([self.edge_from, self.edge_to])])

    def buildings_deg(self) -> NDArray[np.object_]:
        """Return the buildings as polygons of (longitude, latitude) in degrees."""

        def to_degrees(points_m: Floats) -> Floats:
            lat_deg, lon_deg = self.plane.to_degrees(points_m[:, 0], points_m[:, 1])
            return np.column_stack([lon_deg, lat_deg])

        result: NDArray[np.object_] = shapely.transform(self.buildings, to_degrees)
        return result


def graph_from(segments_m: Floats) -> tuple[Floats, Floats, Ints, Ints]:
    """Return (node_x_m, node_y_m, edge_from, edge_to) of the largest connected part of pieces of street.

    Args:
        segments_m: from x, from y, to x, to y; shape (e, 4). Ends closer than ``SAME_POINT_M`` are one node.
    """
    ends = np.round(segments_m.reshape(-1, 2) / SAME_POINT_M) * SAME_POINT_M
    nodes, index = np.unique(ends, axis=0, return_inverse=True)
    pairs = np.unique(np.sort(index.reshape(-1, 2), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    part = _parts(len(nodes), pairs)
    largest = np.bincount(part[pairs[:, 0]]).argmax()
    pairs = pairs[part[pairs[:, 0]] == largest]
    used, pairs = np.unique(pairs, return_inverse=True)
    pairs = pairs.reshape(-1, 2)
    return nodes[used, 0], nodes[used, 1], pairs[:, 0], pairs[:, 1]


def _parts(count: int, pairs: Ints) -> Ints:
    """Return for each node the number of its connected part: the least node number in it."""
    part = np.arange(count)
    while True:
        low = np.minimum(part[pairs[:, 0]], part[pairs[:, 1]])
        before = part.copy()
        np.minimum.at(part, pairs[:, 0], low)
        np.minimum.at(part, pairs[:, 1], low)
        part = part[part]
        if (part == before).all():
            return part


def blocks_around(segments_m: Floats, half_width_m: float, parks: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the ground between streets as buildings: all that is further than this from a street and not a park."""
    lines = shapely.linestrings(segments_m.reshape(-1, 2, 2))
    streets = shapely.union_all(shapely.buffer(lines, half_width_m, quad_segs=2))
    low, high = segments_m.min() - 50.0, segments_m.max() + 50.0
    ground = shapely.difference(shapely.box(low, low, high, high), streets)
    if len(parks):
        ground = shapely.difference(ground, shapely.union_all(parks))
    parts = shapely.get_parts(shapely.simplify(ground, 0.3))
    return np.asarray(parts[shapely.area(parts) > 20.0])


def registry() -> dict[str, Callable[[], CityMap]]:
    """Return the cities by name, those that can be built here in any case first."""
    from benchmarks.eyes_on import real_maps, shapes  # noqa: PLC0415  # they import this module

    return {
        "grid": shapes.dense_grid,
        "old-town": shapes.old_town,
        "suburb": shapes.suburb,
        "helsinki": real_maps.helsinki,
        "seoul": real_maps.seoul,
    }


@cache
def city_map(name: str) -> CityMap:
    """Return a city by name.

    Raises:
        KeyError: there is no such city.
        FileNotFoundError: its data is not on this machine.
    """
    return registry()[name]()
