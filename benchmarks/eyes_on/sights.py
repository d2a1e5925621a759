"""Which cameras could truly show whom and when: range, walls and clutter; where a head must look is left open."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.eyes_on.cameras import DETECT_PER_OBSERVE, FIXED, PTZ_WIDEST_DEG, TURNING, TrueCameras
from benchmarks.eyes_on.maps import Floats
from benchmarks.eyes_on.rays import I8, Walls, is_clear
from benchmarks.eyes_on.truth import Walks
from pipeline.compiled import compiled

# Sight fades as exp(-distance / scale): half of it by what stands at the place, half by what passes. Engine: 200 m.
CLUTTER_M = 150.0
CLUTTER_CELL_M, CLUTTER_SLOT_S = 6.0, 12
OBSERVE_PX_PER_M = 62.0
# Nobody is recognised further away, however far the zoom reaches.
REACH_M = 200.0
NARROWEST_DEG = 12.0
BIN_M = 50.0
# More cameras than this cannot show one place at once in any city of the benchmark.
AT_ONCE = 160
F4 = NDArray[np.float32]
I4 = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Sights:
    """Moments at which nothing stands between a camera that works and a person within its farthest reach.

    Sorted by episode, camera, second. Arrays of shape (moments,), index arrays by ``episode * cameras + camera``.

    Attributes:
        cameras: the true cameras.
        episodes: how many people.
        seconds: how long each is followed.
        second: of each moment.
        distance_m: from camera to person.
        bearing_deg: from camera to person, clockwise from north.
        first: where the moments of a pair begin, shape (episodes * cameras + 1,).
    """

    cameras: TrueCameras
    episodes: int
    seconds: int
    second: I4
    distance_m: F4
    bearing_deg: F4
    first: I8

    def ceiling(self, *, zoom: bool, px_per_m: float = OBSERVE_PX_PER_M) -> NDArray[np.bool_]:
        """Return whether any camera could show the person at this density, heads aimed at will; (episodes, seconds)."""
        shown, pair = self._shown(zoom=zoom, px_per_m=px_per_m)
        result = np.zeros((self.episodes, self.seconds), np.bool_)
        result[pair[shown] // len(self.cameras), self.second[shown]] = True
        return result

    def count_at(self, second: int, *, zoom: bool) -> I8:
        """Return how many cameras could show each person at 62 px/m at one second, shape (episodes,)."""
        shown, pair = self._shown(zoom=zoom, px_per_m=OBSERVE_PX_PER_M)
        now = shown & (self.second == second)
        return np.bincount(pair[now] // len(self.cameras), minlength=self.episodes)

    def _shown(self, *, zoom: bool, px_per_m: float) -> tuple[NDArray[np.bool_], I8]:
        """Return which moments are within range, and the (episode, camera) pair of each."""
        pair = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        reach_m = self.cameras.observe_m.copy()
        if zoom:
            reach_m[self.cameras.kind == TURNING] *= zoom_factor(NARROWEST_DEG)
        reach_m = np.minimum(reach_m * OBSERVE_PX_PER_M / px_per_m, REACH_M)
        return self.distance_m <= reach_m[pair % len(self.cameras)], pair


def zoom_factor(field_deg: float) -> float:
    """Return how much further a PTZ camera reaches at this field than at its widest."""
    return float(np.tan(np.radians(PTZ_WIDEST_DEG / 2)) / np.tan(np.radians(field_deg / 2)))


def sights_of(walks: Walks, cameras: TrueCameras, walls: Walls) -> Sights:
    """Return all sights of some walks."""
    farthest = zoom_factor(NARROWEST_DEG) * np.where(cameras.kind == TURNING, 1.0, 0.0) + (cameras.kind != TURNING)
    reach_m = np.where(cameras.works, np.minimum(cameras.observe_m * farthest * DETECT_PER_OBSERVE, REACH_M), 0.0)
    grid = _CameraBins(cameras)
    size = walks.seconds * AT_ONCE
    scratch = (
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.float32),
        np.empty(size, np.float32),
    )
    parts = []
    for episode in range(walks.episodes):
        found = _see(
            walks.x_m[episode], walks.y_m[episode], int(walks.seeds[episode]),
            cameras.x_m, cameras.y_m, reach_m, cameras.kind == FIXED, cameras.heading_deg, cameras.field_deg,
            grid.low_x_m, grid.low_y_m, grid.columns, grid.first, grid.members,
            walls.x0_m, walls.y0_m, walls.x1_m, walls.y1_m,
            walls.low_x_m, walls.low_y_m, walls.columns, walls.first, walls.walls,
            *scratch,
        )  # fmt: skip
        order = np.argsort(scratch[1][:found], kind="stable")
        parts.append([column[:found][order].copy() for column in scratch])
    second, camera, distance_m, bearing_deg = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    per_episode = [np.bincount(part[1], minlength=len(cameras)) for part in parts]
    del camera
    first = np.concatenate([[0], np.cumsum(np.concatenate(per_episode))]).astype(np.int64)
    return Sights(cameras, walks.episodes, walks.seconds, second, distance_m, bearing_deg, first)


class _CameraBins:
    """Cameras in square bins."""

    def __init__(self, cameras: TrueCameras) -> None:
        self.low_x_m, self.low_y_m = float(cameras.x_m.min()), float(cameras.y_m.min())
        column = ((cameras.x_m - self.low_x_m) // BIN_M).astype(np.int64)
        row = ((cameras.y_m - self.low_y_m) // BIN_M).astype(np.int64)
        self.columns = int(column.max()) + 1
        number = row * self.columns + column
        self.members = np.argsort(number, kind="stable").astype(np.int64)
        bins = self.columns * (int(row.max()) + 1)
        self.first = np.searchsorted(number[self.members], np.arange(bins + 1)).astype(np.int64)


@compiled
def _noise(seed: int, camera: int, a: int, b: int) -> float:
    """Return a number in [0, 1) that only its arguments decide (a mix of 31-bit products)."""
    mixed = (seed * 73_856_093 ^ camera * 19_349_663 ^ a * 83_492_791 ^ b * 49_979_687) & 0x7FFFFFFF
    for _ in range(3):
        mixed = ((mixed ^ (mixed >> 15)) * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return mixed / 2_147_483_648.0


@compiled
def _see(  # noqa: PLR0917  # a kernel takes plain arguments
    x_m: Floats, y_m: Floats, seed: int,
    cam_x: Floats, cam_y: Floats, reach_m: Floats, fixed: NDArray[np.bool_], heading: Floats, field: Floats,
    low_x: float, low_y: float, columns: int, first: I8, members: I8,
    wx0: Floats, wy0: Floats, wx1: Floats, wy1: Floats,
    wall_low_x: float, wall_low_y: float, wall_columns: int, wall_first: I8, walls: I8,
    out_second: I4, out_camera: I4, out_distance: F4, out_bearing: F4,
) -> int:  # fmt: skip
    """Write the sights of one walk in order of seconds; return how many."""
    found = 0
    rows = (len(first) - 1) // columns
    for t in range(len(x_m)):
        place = int(np.floor(x_m[t] / CLUTTER_CELL_M)) * 8191 + int(np.floor(y_m[t] / CLUTTER_CELL_M))
        c0, c1 = int((x_m[t] - REACH_M - low_x) // BIN_M), int((x_m[t] + REACH_M - low_x) // BIN_M)
        r0, r1 = int((y_m[t] - REACH_M - low_y) // BIN_M), int((y_m[t] + REACH_M - low_y) // BIN_M)
        for row in range(max(r0, 0), min(r1, rows - 1) + 1):
            for column in range(max(c0, 0), min(c1, columns - 1) + 1):
                for i in range(first[row * columns + column], first[row * columns + column + 1]):
                    camera = members[i]
                    dx, dy = x_m[t] - cam_x[camera], y_m[t] - cam_y[camera]
                    d = np.sqrt(dx * dx + dy * dy)
                    if d > reach_m[camera]:
                        continue
                    bearing = np.degrees(np.arctan2(dx, dy)) % 360.0
                    if fixed[camera] and abs((bearing - heading[camera] + 180.0) % 360.0 - 180.0) > field[camera] / 2:
                        continue
                    share = np.exp(-d / (2 * CLUTTER_M))
                    if _noise(7, camera, place, 0) > share or _noise(seed, camera, t // CLUTTER_SLOT_S, 1) > share:
                        continue
                    if found < len(out_second) and is_clear(
                        cam_x[camera], cam_y[camera], x_m[t], y_m[t],
                        wx0, wy0, wx1, wy1, wall_low_x, wall_low_y, wall_columns, wall_first, walls,
                    ):  # fmt: skip
                        out_second[found], out_camera[found] = t, camera
                        out_distance[found], out_bearing[found] = d, bearing
                        found += 1
    return found
