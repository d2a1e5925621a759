"""Where a look can pass: a map of pixels, blocked or free.

With buildings, free is what lies outside all of them; a courtyard is free. Without buildings, free is what lies within
8 m of a street line. Eight pixels share a byte: 605 square kilometres take 19 MB at 2 m and 76 MB at 1 m.
"""

import hashlib
import struct
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from pipeline.compiled import compiled
from pipeline.errors import PolicyError
from pipeline.geo import Floats, Plane
from pipeline.world.raster import Bits, clear_bands, fill_polygons, is_clear_between
from pipeline.world.streets import Streets

# Walls stand within a pixel of where they are drawn. Half the street's width is 8 m anyway where buildings are unknown.
BUILDINGS_PIXEL_M = 1.0
STREETS_PIXEL_M = 2.0
STREET_HALF_WIDTH_M = 8.0
# 512 MB of bits.
PIXELS_MAX = 1 << 32
_FORM = b"free-space-1"


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Which pixels block sight.

    Attributes:
        origin_x_m: west edge of the map on the city's plane.
        origin_y_m: south edge.
        pixel_m: side of a pixel.
        columns: how many pixels a row has.
        bits: u1 (rows, ceil(columns / 8)), see ``raster``; outside the map all is free.
        buildings_known: made from buildings, not from street lines alone.
        content_hash: 32 hexadecimal digits.
    """

    origin_x_m: float
    origin_y_m: float
    pixel_m: float
    columns: int
    bits: Bits
    buildings_known: bool
    content_hash: str

    @property
    def blocked(self) -> NDArray[np.uint8]:
        """Return a copy with a byte for each pixel: u1 (rows, columns), 1 blocked, row 0 in the south."""
        return np.unpackbits(self.bits, axis=1, count=self.columns, bitorder="little")

    @property
    def memory_bytes(self) -> int:
        """Return how much memory the map takes."""
        return int(self.bits.nbytes)

    def is_free(self, x_m: ArrayLike, y_m: ArrayLike) -> NDArray[np.bool_]:
        """Return whether points are in free pixels, bool (n,)."""
        column = np.floor((np.atleast_1d(x_m) - self.origin_x_m) / self.pixel_m).astype(np.int64)
        row = np.floor((np.atleast_1d(y_m) - self.origin_y_m) / self.pixel_m).astype(np.int64)
        inside = (row >= 0) & (row < len(self.bits)) & (column >= 0) & (column < self.columns)
        row, column = np.where(inside, row, 0), np.where(inside, column, 0)
        free: NDArray[np.bool_] = ~inside | ((self.bits[row, column >> 3] >> (column & 7) & 1) == 0)
        return free

    def in_sight(
        self, from_x_m: ArrayLike, from_y_m: ArrayLike, to_x_m: ArrayLike, to_y_m: ArrayLike
    ) -> NDArray[np.bool_]:
        """Return whether a look passes between points and their counterparts (broadcast), bool (n,).

        The pixels of the two points themselves do not block.
        """
        ends = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(a, np.float64)) for a in (from_x_m, from_y_m, to_x_m, to_y_m))
        )
        x_1, y_1, x_2, y_2 = (np.ascontiguousarray(a) for a in ends)
        seen = np.zeros(len(x_1), np.bool_)
        _look_along_each(self.bits, self.origin_x_m, self.origin_y_m, self.pixel_m, x_1, y_1, x_2, y_2, seen)
        return seen


def free_space_from_buildings(
    buildings_deg: NDArray[np.object_],
    plane: Plane,
    box_m: tuple[float, float, float, float],
    pixel_m: float | None = None,
) -> FreeSpace:
    """Return the free space around buildings.

    Args:
        buildings_deg: shapely Polygons and MultiPolygons of (longitude, latitude); each is filled by even-odd.
        plane: the city's.
        box_m: west, south, east, north edge of the map on the plane; what lies outside is free.
        pixel_m: side of a pixel; if None 1 m, or 2 m for a box of more than ``PIXELS_MAX`` square metres.

    Raises:
        PolicyError: a building is no polygon, or the box is too large.
    """
    polygons = shapely.get_parts(np.asarray(buildings_deg, np.object_))
    kinds = set(np.unique(shapely.get_type_id(polygons)).tolist())
    if not kinds <= {int(shapely.GeometryType.POLYGON)}:
        raise PolicyError("buildings must be polygons or multipolygons, got another kind among them")
    if pixel_m is None:
        area_m2 = (box_m[2] - box_m[0]) * (box_m[3] - box_m[1])
        pixel_m = BUILDINGS_PIXEL_M if area_m2 <= PIXELS_MAX else STREETS_PIXEL_M
    columns, bits = _empty_map(box_m, pixel_m)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    points_deg, ring = shapely.get_coordinates(rings, return_index=True)
    if not np.isfinite(points_deg).all():
        raise PolicyError("buildings must have finite coordinates")
    x_m, y_m = plane.to_metres(points_deg[:, 1], points_deg[:, 0])
    fill_polygons(
        bits,
        (x_m - box_m[0]) / pixel_m,
        (y_m - box_m[1]) / pixel_m,
        np.searchsorted(ring, np.arange(len(rings) + 1)).astype(np.int64),
        np.searchsorted(polygon, np.arange(len(polygons) + 1)).astype(np.int64),
    )
    _clear_padding(bits, columns)
    return free_space_of(box_m[0], box_m[1], pixel_m, columns, bits, buildings_known=True)


def free_space_from_streets(streets: Streets, pixel_m: float = STREETS_PIXEL_M) -> FreeSpace:
    """Return the free space where buildings are unknown: within 8 m of a street line.

    Raises:
        PolicyError: the streets span too much.
    """
    if not len(streets):
        return free_space_of(0.0, 0.0, pixel_m, 0, np.zeros((0, 0), np.uint8), buildings_known=False)
    box_m = box_around(streets, STREET_HALF_WIDTH_M + pixel_m)
    columns, bits = _empty_map(box_m, pixel_m)
    bits[:] = 255
    # Cell by cell, because the box around a long slanting street holds far more than its band.
    starts = _cell_ends(streets)
    x_1, y_1, x_2, y_2 = ((a - o) / pixel_m for a, o in zip(starts, (box_m[0], box_m[1]) * 2, strict=True))
    clear_bands(bits, x_1, y_1, x_2, y_2, STREET_HALF_WIDTH_M / pixel_m)
    _clear_padding(bits, columns)
    return free_space_of(box_m[0], box_m[1], pixel_m, columns, bits, buildings_known=False)


def free_space_of(
    origin_x_m: float, origin_y_m: float, pixel_m: float, columns: int, bits: Bits, *, buildings_known: bool
) -> FreeSpace:
    """Return the free space of a finished map, with its hash.

    Raises:
        PolicyError: map and columns do not fit together, or a number is not finite.
    """
    if bits.ndim != 2 or bits.dtype != np.uint8 or bits.shape[1] != -(-columns // 8):
        raise PolicyError(f"free space: {columns} columns must have a byte for each 8 of them, got {bits.shape}")
    if not (np.isfinite((origin_x_m, origin_y_m)).all() and 0.1 <= pixel_m <= 100.0):
        raise PolicyError(f"free space must have a finite origin and pixels of 0.1 to 100 m, got {pixel_m}")
    digest = hashlib.blake2b(_FORM, digest_size=16)
    digest.update(struct.pack("<dddqq?", origin_x_m, origin_y_m, pixel_m, len(bits), columns, buildings_known))
    digest.update(np.ascontiguousarray(bits).data)
    return FreeSpace(origin_x_m, origin_y_m, pixel_m, columns, bits, buildings_known, digest.hexdigest())


def box_around(streets: Streets, margin_m: float) -> tuple[float, float, float, float]:
    """Return west, south, east and north edge of the streets, with a margin; there must be streets."""
    return (
        float(streets.node_x_m.min()) - margin_m,
        float(streets.node_y_m.min()) - margin_m,
        float(streets.node_x_m.max()) + margin_m,
        float(streets.node_y_m.max()) + margin_m,
    )


def _empty_map(box_m: tuple[float, float, float, float], pixel_m: float) -> tuple[int, Bits]:
    columns = max(int(np.ceil((box_m[2] - box_m[0]) / pixel_m)), 0)
    rows = max(int(np.ceil((box_m[3] - box_m[1]) / pixel_m)), 0)
    if rows * columns > PIXELS_MAX:
        raise PolicyError(f"the map must have at most {PIXELS_MAX} pixels of {pixel_m:g} m, got {rows} x {columns}")
    return columns, np.zeros((rows, -(-columns // 8)), np.uint8)


def _clear_padding(bits: Bits, columns: int) -> None:
    """Clear the bits past the last column: they are outside the map."""
    if columns % 8:
        bits[:, -1] &= (1 << columns % 8) - 1


def _cell_ends(streets: Streets) -> tuple[Floats, Floats, Floats, Floats]:
    """Return x and y of the start and of the end of each cell."""
    edge = streets.cell_edge
    counts = np.diff(streets.edge_first_cell)[edge]
    half_x_m = (streets.node_x_m[streets.edge_to] - streets.node_x_m[streets.edge_from])[edge] / (2 * counts)
    half_y_m = (streets.node_y_m[streets.edge_to] - streets.node_y_m[streets.edge_from])[edge] / (2 * counts)
    x_m, y_m = streets.cell_x_m, streets.cell_y_m
    return x_m - half_x_m, y_m - half_y_m, x_m + half_x_m, y_m + half_y_m


@compiled
def _look_along_each(  # noqa: PLR0917 - a kernel takes plain arguments
    bits: Bits,
    origin_x_m: float,
    origin_y_m: float,
    pixel_m: float,
    x_1: Floats,
    y_1: Floats,
    x_2: Floats,
    y_2: Floats,
    seen: NDArray[np.bool_],
) -> None:
    for i in range(len(x_1)):
        seen[i] = is_clear_between(
            bits,
            (x_1[i] - origin_x_m) / pixel_m,
            (y_1[i] - origin_y_m) / pixel_m,
            (x_2[i] - origin_x_m) / pixel_m,
            (y_2[i] - origin_y_m) / pixel_m,
        )
