"""The street cells that poles see, as flat arrays, and the computing of them in bulk.

A pole here is a spot and a reach. 58,000 of them over 3 million cells (a dense city's 84,000 cameras, half of which
share; reach 60 and 180 m) take 1.6 s and 21 MB, and with an error of their positions 16 s and 40 MB, reckoned from 70
and 470 µs and 58 and 130 cells a pole on a dense grid: not worth threads.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PolicyError
from pipeline.geo import Floats
from pipeline.sight.pole_spots import Streetside
from pipeline.sight.sight_kernels import CellGrid, SightMap, see_from_poles
from pipeline.world.free_space import FreeSpace
from pipeline.world.streets import Streets

REACH_STEP_M = 10
REACH_MAX_M = 200
BEARING_BINS = 120
# The results of a piece of the work fit here, 7 bytes a cell. No pole comes near it: cells within 200 m
# are some hundreds in a dense city.
PIECE_CELLS = 2_000_000
# The arrays of ``PoleSights`` and their numpy kinds; the last four are by cell, the others by pole.
KINDS = {
    "x_m": "float64",
    "y_m": "float64",
    "reach_m": "uint8",
    "first": "int64",
    "count": "int32",
    "cell": "int32",
    "bearing": "uint8",
    "distance_m": "uint8",
    "share": "uint8",
}
CELL_ARRAYS = ("cell", "bearing", "distance_m", "share")


@dataclass(frozen=True, slots=True)
class PoleSights:
    """Poles and the cells they see.

    Attributes:
        x_m: f8 (p,), on the city's plane.
        y_m: f8 (p,).
        reach_m: u1 (p,), multiples of ``REACH_STEP_M``.
        first: i8 (p,), where a pole's cells begin in the next four.
        count: i4 (p,).
        cell: i4, ascending within a pole.
        bearing: u1, 3 degree bin of the bearing from the pole to the cell's middle, 0 to 119; of an uncertain pole the
            mean over the spots that have the cell in sight.
        distance_m: u1, between the same two, rounded; the mean likewise.
        share: u1, how likely the cell is in sight from where the pole may stand; 255 for certain, never 0.
    """

    x_m: Floats
    y_m: Floats
    reach_m: NDArray[np.uint8]
    first: NDArray[np.int64]
    count: NDArray[np.int32]
    cell: NDArray[np.int32]
    bearing: NDArray[np.uint8]
    distance_m: NDArray[np.uint8]
    share: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return how many poles there are."""
        return len(self.x_m)


def sights_of(
    streets: Streets,
    free: FreeSpace,
    poles: tuple[Floats, Floats, NDArray[np.uint8]],
    pole_error_m: float,
) -> PoleSights:
    """Return what poles see.

    Args:
        streets: their cells may be in sight.
        free: where looks pass, on the same plane.
        poles: x_m, y_m and reach_m of each, best in an order in which near ones follow each other.
        pole_error_m: 68 % error of the positions.
    """
    return _in_pieces(streets, free, poles, pole_error_m)


def joined(parts: list[PoleSights]) -> PoleSights:
    """Return the poles of all parts, one after the other, their cells without gaps."""
    places = [ranges(part.first, part.count) for part in parts]
    count = np.concatenate([part.count for part in parts])
    cells = [
        np.concatenate([getattr(part, name)[place] for part, place in zip(parts, places, strict=True)])
        for name in CELL_ARRAYS
    ]
    return PoleSights(
        np.concatenate([part.x_m for part in parts]),
        np.concatenate([part.y_m for part in parts]),
        np.concatenate([part.reach_m for part in parts]),
        starts_of(count),
        count,
        *cells,
    )


def ranges(first: NDArray[np.int64], count: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the places first[i] to first[i] + count[i] of each i, one after the other."""
    shift = first - starts_of(count)
    return np.repeat(shift, count) + np.arange(int(count.sum()))


def starts_of(count: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return where each begins if they lie one after the other."""
    return np.cumsum(count, dtype=np.int64) - count


def check_sights(sights: PoleSights, cells: int) -> None:
    """Check that arrays from outside are what ``PoleSights`` says, for streets of so many cells.

    Raises:
        PolicyError: they are not.
    """
    for name, kind in KINDS.items():
        array = getattr(sights, name)
        if array.ndim != 1 or array.dtype != kind:
            raise PolicyError(f"sightlines: {name} must be a list of {kind}, got {array.dtype} {array.shape}")
    by_pole = {len(getattr(sights, name)) for name in ("x_m", "y_m", "reach_m", "first", "count")}
    by_cell = {len(getattr(sights, name)) for name in CELL_ARRAYS}
    if len(by_pole) != 1 or len(by_cell) != 1:
        raise PolicyError("sightlines: lists must be of equal length")
    if not (np.isfinite(sights.x_m).all() and np.isfinite(sights.y_m).all() and (sights.reach_m > 0).all()):
        raise PolicyError("sightlines: poles must have a place and a reach")
    if (sights.count < 0).any() or not np.array_equal(sights.first, starts_of(sights.count)):
        raise PolicyError("sightlines: poles must follow each other without gaps")
    if int(sights.count.sum()) != len(sights.cell):
        raise PolicyError("sightlines: there must be as many cells as the poles say")
    if len(sights.cell) and not (sights.cell.min() >= 0 and sights.cell.max() < cells):
        raise PolicyError(f"sightlines: cells must be of these streets, 0 to {cells - 1}")
    if (sights.bearing >= BEARING_BINS).any() or (sights.share == 0).any():
        raise PolicyError("sightlines: bearings must be 0 to 119 and shares above 0")


def _in_pieces(
    streets: Streets, free: FreeSpace, poles: tuple[Floats, Floats, NDArray[np.uint8]], pole_error_m: float
) -> PoleSights:
    x_m, y_m, reach_m = poles
    b, total = streets.bins, len(x_m)
    space = SightMap(free.bits, free.origin_x_m, free.origin_y_m, free.pixel_m)
    grid = CellGrid(
        b.origin_x_m, b.origin_y_m, b.bin_m, b.bins_x, b.bins_y, b.first, b.cells, streets.cell_x_m, streets.cell_y_m
    )
    side = Streetside(*(getattr(streets, name) for name in Streetside._fields))
    first, count = np.zeros(total, np.int64), np.zeros(total, np.int32)
    room = min(PIECE_CELLS, max(len(streets), 1))
    cell = np.empty(room, np.int32)
    bearing, distance_m, share = (np.empty(room, np.uint8) for _ in range(3))
    pieces: list[PoleSights] = []
    start = 0
    while start < total or not pieces:
        end, used = see_from_poles(
            space,
            grid,
            side,
            x_m,
            y_m,
            reach_m.astype(np.float64),
            pole_error_m,
            start,
            first,
            count,
            cell,
            bearing,
            distance_m,
            share,
        )
        if end == start < total:
            raise PolicyError(f"streets: more than {room} cells lie around one camera")
        done = slice(start, end)
        pieces.append(
            PoleSights(
                x_m[done],
                y_m[done],
                reach_m[done],
                first[done],
                count[done],
                cell[:used].copy(),
                bearing[:used].copy(),
                distance_m[:used].copy(),
                share[:used].copy(),
            )
        )
        start = end
    return joined(pieces)
