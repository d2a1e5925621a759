"""What the cameras of the story could truly show of the walker: known to nobody in the story, and to no engine.

The registry does not tell where fixed cameras look, how far each sees, where walls stand or what parks before a lens;
here all of that is drawn, and differs from what the engine assumes (SELECTION: 90 degrees, 23.5 and 31.3 m, free space
within 8 m of a street, e^(-d/200 m)). This module imports nothing that decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import shapely
from numpy.typing import NDArray

from console.demo.streets import Spot, Streets
from console.demo.walker import Walker
from schemas.camera import Camera, CameraKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Ranges of 62 px/m at the middle of real optics, each camera different by this spread of the logarithm.
FIXED_OBSERVE_M, FIXED_FIELD_DEG, FIXED_FIELD_SD_DEG = 23.5, 90.0, 12.0
PTZ_OBSERVE_M, PTZ_WIDEST_DEG, PTZ_NARROWEST_DEG = 31.3, 60.0, 12.0
OPTICS_SPREAD = 0.12
# Nobody is recognised further away, however far a head zooms.
REACH_M = 200.0
# Installers look along a street, or sometimes at a door.
ALONG_STREET, ALONG_STREET_SD_DEG = 0.85, 12.0
MATES_DEG = (0.0, 180.0, 90.0, 270.0)
# Of the cameras of which the registry does not say whether they turn, so many do; nobody can turn those.
UNKNOWN_TURNS = 0.25
# From the middle of a street to the walls, by street; some corners are open squares.
HALF_WIDTH_M = (6.0, 12.0)
SQUARES, SQUARE_M, POLE_M = 0.1, 30.0, 8.0
# Sight fades as e^(-d/150 m): half of it by what stands at a place, half by what passes within some seconds.
CLUTTER_M, CLUTTER_CELL_M, CLUTTER_SLOT_S = 150.0, 6.0, 12.0


@dataclass(frozen=True, slots=True, eq=False)
class TrueCameras:
    """The cameras as they are; arrays of shape (cameras,).

    Attributes:
        number: place in the arrays by camera id.
        x_m: metres east of the city's centre.
        y_m: metres north of it.
        turns: whether its head can be turned and zoomed.
        heading_deg: where it looks, clockwise from north; of a head its home.
        field_deg: field of view; of a head at its widest, 360 all-round.
        observe_m: range of 62 px/m at that field.
        usable: in service.
    """

    number: Mapping[str, int]
    x_m: Floats
    y_m: Floats
    turns: NDArray[np.bool_]
    heading_deg: Floats
    field_deg: Floats
    observe_m: Floats
    usable: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many cameras there are."""
        return len(self.x_m)

    def range_m(self, camera: int, field_deg: float) -> float:
        """Return the range of 62 px/m of a head zoomed to a field."""
        zoom = np.tan(np.radians(PTZ_WIDEST_DEG / 2)) / np.tan(np.radians(field_deg / 2))
        return float(min(self.observe_m[camera] * zoom, REACH_M))


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Seconds at which nothing stands between a camera and the walker within its farthest reach.

    A fixed camera's moments are those in its field and range; a head may have to turn and zoom for its own.

    Attributes:
        begin_s: the walk's begin, seconds from the story's start.
        seconds: how long the walk is.
        of_camera: by camera and second of the walk (distance in metres, bearing in degrees).
        possible: whether any camera could show the walker, by second of the walk.
    """

    begin_s: float
    seconds: int
    of_camera: Mapping[int, Mapping[int, tuple[float, float]]]
    possible: NDArray[np.bool_]


def true_cameras(cameras: Sequence[Camera], spots: Sequence[Spot], streets: Streets, seed: int) -> TrueCameras:
    """Return the cameras as they truly are.

    Args:
        cameras: what the registry says of them.
        spots: where each of them truly is.
        streets: the city's streets, along which most of them look.
        seed: chooses what the registry does not say.
    """
    number = {camera.camera_id: place for place, camera in enumerate(cameras)}
    x_m, y_m = (np.array(axis) for axis in zip(*((s.east_m, s.north_m) for s in spots), strict=True))
    ways_deg = _ways_at(x_m, y_m, streets)
    rng = np.random.default_rng([seed, 71])
    count = len(cameras)
    luck, side = rng.random(count), rng.random(count) < 0.5
    kinds = np.array([camera.kind for camera in cameras])
    turns, all_round = kinds == CameraKind.PTZ, kinds == CameraKind.ALL_ROUND
    turning_unknown = (kinds == CameraKind.UNKNOWN) & (luck < UNKNOWN_TURNS)
    spread = np.exp(rng.normal(0, OPTICS_SPREAD, count))
    field_deg = rng.normal(FIXED_FIELD_DEG, FIXED_FIELD_SD_DEG, count).clip(60, 120)
    observe_m = FIXED_OBSERVE_M * spread / np.tan(np.radians(field_deg / 2))
    field_deg[turns | turning_unknown], field_deg[all_round] = PTZ_WIDEST_DEG, 360.0
    observe_m = np.where(turns | turning_unknown, PTZ_OBSERVE_M * spread, observe_m)
    observe_m = np.where(all_round, FIXED_OBSERVE_M * spread, observe_m)
    along_deg = ways_deg + _turn_of_mates(x_m, y_m, side) + rng.normal(0, ALONG_STREET_SD_DEG, count)
    heading_deg = np.where(rng.random(count) < ALONG_STREET, along_deg, rng.uniform(0, 360, count)) % 360
    usable = np.array([camera.status == "active" for camera in cameras])
    return TrueCameras(number, x_m, y_m, turns, heading_deg, field_deg, observe_m, usable)


def moments_of(walker: Walker, cameras: TrueCameras, streets: Streets, seed: int) -> Moments:
    """Return what the cameras could show of a walk."""
    seconds = int(walker.end_s - walker.begin_s)
    places = [walker.place(walker.begin_s + second) for second in range(seconds)]
    x_m, y_m = (np.array(axis) for axis in zip(*((p.east_m, p.north_m) for p in places), strict=True))
    camera, second = _within_reach(x_m, y_m, cameras)
    dx, dy = x_m[second] - cameras.x_m[camera], y_m[second] - cameras.y_m[camera]
    distance_m, bearing_deg = np.hypot(dx, dy), np.degrees(np.arctan2(dx, dy)) % 360
    narrowest = np.tan(np.radians(PTZ_WIDEST_DEG / 2)) / np.tan(np.radians(PTZ_NARROWEST_DEG / 2))
    farthest_m = np.minimum(cameras.observe_m * np.where(cameras.turns, narrowest, 1.0), REACH_M)
    off_deg = np.abs((bearing_deg - cameras.heading_deg[camera] + 180) % 360 - 180)
    shown = cameras.usable[camera] & (distance_m <= farthest_m[camera])
    shown &= cameras.turns[camera] | (off_deg <= cameras.field_deg[camera] / 2)
    way = np.column_stack([x_m, y_m])
    shown &= _is_uncluttered(camera, second, distance_m, way, seed)
    kept = np.flatnonzero(shown)
    kept = kept[_is_free(camera[kept], way[second[kept]], cameras, streets, seed)]
    of_camera: dict[int, dict[int, tuple[float, float]]] = {}
    for c, s, d, b in zip(
        *(column[kept].tolist() for column in (camera, second, distance_m, bearing_deg)), strict=True
    ):
        of_camera.setdefault(c, {})[s] = (d, b)
    possible = np.zeros(seconds, np.bool_)
    possible[second[kept]] = True
    return Moments(walker.begin_s, seconds, of_camera, possible)


def _within_reach(x_m: Floats, y_m: Floats, cameras: TrueCameras) -> tuple[Ints, Ints]:
    """Return (camera, second) of all pairs within ``REACH_M``."""
    tree = shapely.STRtree(shapely.points(cameras.x_m, cameras.y_m))
    second, camera = tree.query(shapely.points(x_m, y_m), predicate="dwithin", distance=REACH_M)
    return camera.astype(np.int64), second.astype(np.int64)


def _ways_at(x_m: Floats, y_m: Floats, streets: Streets) -> Floats:
    """Return the direction of the street nearest to each point, degrees."""
    lines = _lines(streets)
    nearest = shapely.STRtree(lines).nearest(shapely.points(x_m, y_m))
    ends = shapely.get_coordinates(lines).reshape(-1, 4)[nearest]
    ways_deg: Floats = np.degrees(np.arctan2(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]))
    return ways_deg


def _turn_of_mates(x_m: Floats, y_m: Floats, side: NDArray[np.bool_]) -> Floats:
    """Return by how much each camera is turned from its street: those of one pole look in different directions."""
    placed: dict[tuple[float, float], int] = {}
    turns_deg = np.zeros(len(x_m))
    for camera, spot in enumerate(zip(x_m.round(1).tolist(), y_m.round(1).tolist(), strict=True)):
        mates = placed[spot] = placed.get(spot, -1) + 1
        turns_deg[camera] = MATES_DEG[mates % len(MATES_DEG)]
    return turns_deg + np.where(side, 0.0, 180.0)


def _lines(streets: Streets) -> "NDArray[np.object_]":
    spots = np.array([(spot.east_m, spot.north_m) for spot in streets.junctions])
    lines: NDArray[np.object_] = shapely.linestrings(spots[np.array(streets.pieces())])
    return lines


def _is_free(camera: Ints, places: Floats, cameras: TrueCameras, streets: Streets, seed: int) -> NDArray[np.bool_]:
    """Return whether no wall stands between each camera and place: the line runs over open ground."""
    if not len(camera):
        return np.zeros(0, np.bool_)
    lines = _lines(streets)
    random = Random(f"walls:{seed}")
    half_m = np.array([random.uniform(*HALF_WIDTH_M) for _ in lines])
    squares = np.array([random.random() < SQUARES for _ in streets.junctions])
    around = shapely.box(*(places.min(axis=0) - REACH_M), *(places.max(axis=0) + REACH_M))
    near = shapely.intersects(lines, around)
    spots = shapely.points([(spot.east_m, spot.north_m) for spot in streets.junctions])
    squares_m = shapely.buffer(spots[squares & shapely.intersects(spots, around)], SQUARE_M, quad_segs=4)
    poles = np.unique(camera)
    # A pole stands in the open, however narrow its street.
    own = shapely.buffer(shapely.points(cameras.x_m[poles], cameras.y_m[poles]), POLE_M, quad_segs=4)
    streets_m = shapely.buffer(lines[near], half_m[near], quad_segs=4)
    ground = shapely.union_all(np.concatenate([streets_m, squares_m, own]))
    shapely.prepare(ground)
    starts = np.column_stack([cameras.x_m[camera], cameras.y_m[camera]])
    looks = shapely.linestrings(np.stack([starts, places], axis=1))
    free: NDArray[np.bool_] = shapely.covers(ground, looks)
    return free


def _is_uncluttered(camera: Ints, second: Ints, distance_m: Floats, way: Floats, seed: int) -> NDArray[np.bool_]:
    """Return whether neither what stands at the place nor what passes hides the walker from the camera."""
    share = np.exp(-distance_m / (2 * CLUTTER_M))
    column, row = np.floor(way[second] / CLUTTER_CELL_M).astype(np.int64).T
    slot = (second // CLUTTER_SLOT_S).astype(np.int64)
    standing = _luck(seed, camera, column, row)
    passing = _luck(seed + 1, camera, slot, np.zeros_like(slot))
    free: NDArray[np.bool_] = (standing <= share) & (passing <= share)
    return free


def _luck(seed: int, *parts: Ints) -> Floats:
    """Return numbers from 0 to 1 that only the arguments decide (the mix of splitmix64)."""
    mixed = np.full(len(parts[0]), seed, np.uint64)
    for part in parts:
        mixed = (mixed ^ part.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    result: Floats = mixed / float(2**64)
    return result
