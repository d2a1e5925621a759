"""The true cameras of a city, and what its registry says of them."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.eyes_on.maps import CityMap, Floats, Ints
from schemas.camera import Camera, CameraKind, CameraPurpose
from schemas.location import Location, LocationQuality

CAMERA_SEED = 4_200
# As in Seoul: 84,000 cameras on 605 square kilometres, two to a pole, half of the poles in neighbourhoods of poles.
CAMERAS_PER_KM2 = 84_000 / 605
CAMERAS_PER_POLE = 2
HOT_SPOT_M = 400.0
POLES_PER_HOT_SPOT = 100
FIXED, TURNING, ROUND = 0, 1, 2
KINDS = (CameraKind.FIXED, CameraKind.PTZ, CameraKind.ALL_ROUND)
# Shares of the kinds; of Seoul's rows that name one, 75 % are fixed and 25 % turn.
KIND_SHARES = (0.68, 0.26, 0.06)
# True optics at the middle of what the engine assumes, each camera different.
FIXED_OBSERVE_M, FIXED_FIELD_DEG, FIXED_FIELD_SD_DEG = 23.5, 90.0, 12.0
PTZ_OBSERVE_M, PTZ_WIDEST_DEG = 31.3, 60.0
OPTICS_SPREAD = 0.12
# 62 px/m is observed; what shows 25 px/m reaches so much further.
DETECT_PER_OBSERVE = 62.0 / 25.0
# Installers look along a street, or sometimes at a door.
ALONG_STREET = 0.85
ALONG_STREET_SD_DEG = 12.0
# A registry that knows headings knows them by the eye of who wrote them down.
KNOWN_HEADING_SD_DEG = 6.0
POLE_ERROR_M, WRONG_KINDS, DOWN = 28.0, 0.20, 0.10


@dataclass(frozen=True, slots=True, eq=False)
class TrueCameras:
    """What hangs on the poles, by camera; arrays of shape (c,).

    Attributes:
        x_m: where the pole is.
        y_m: the same.
        pole: number of the pole.
        kind: FIXED, TURNING or ROUND.
        heading_deg: optical axis; of a turning camera its home.
        field_deg: field of view; of a turning camera at its widest, 360 all-round.
        observe_m: range of 62 px/m at that field.
        works: False: shows nothing, and nobody says so.
    """

    x_m: Floats
    y_m: Floats
    pole: Ints
    kind: Ints
    heading_deg: Floats
    field_deg: Floats
    observe_m: Floats
    works: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many cameras there are."""
        return len(self.x_m)


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """What the registry says, by camera; arrays of shape (c,). Columns as in ``TrueCameras``, NaN headings unknown."""

    x_m: Floats
    y_m: Floats
    pole: Ints
    kind: Ints
    heading_deg: Floats

    def records(self, city: CityMap, observed_us: int) -> list[Camera]:
        """Return the registry as records, in order of the cameras. Optics are not in it."""
        lat_deg, lon_deg = (axis.tolist() for axis in city.plane.to_degrees(self.x_m, self.y_m))
        return [
            Camera(
                event_id=f"eyes-on:camera:{number}",
                source="eyes-on",
                observed_us=observed_us,
                ingested_us=observed_us,
                camera_id=camera_id(number),
                site_id=f"pole-{int(self.pole[number]):05d}",
                owner="District",
                location=Location(
                    lat_deg=lat_deg[number], lon_deg=lon_deg[number], accuracy_m=10.0, quality=LocationQuality.ADDRESS
                ),
                kind=KINDS[int(self.kind[number])],
                azimuth_deg=None if np.isnan(self.heading_deg[number]) else float(self.heading_deg[number]),
                purposes=(CameraPurpose.MULTIPURPOSE,),
            )
            for number in range(len(self.x_m))
        ]


def camera_id(number: int) -> str:
    """Return the id of a camera by its number."""
    return f"cam-{number:05d}"


def true_cameras(city: CityMap, *, down: bool, seed: int = CAMERA_SEED) -> TrueCameras:
    """Return the cameras of a city. With ``down`` a tenth of them shows nothing; all else is the same."""
    rng = np.random.default_rng(seed)
    pole_x, pole_y, pole_edge, per_pole = _poles(city, rng)
    pole = np.repeat(np.arange(len(pole_x)), per_pole)
    count = len(pole)
    kind = rng.choice(3, count, p=KIND_SHARES)
    z = rng.normal(0, OPTICS_SPREAD, count)
    field_deg = rng.normal(FIXED_FIELD_DEG, FIXED_FIELD_SD_DEG, count).clip(60, 120)
    observe_m = FIXED_OBSERVE_M * np.exp(z) / np.tan(np.radians(field_deg / 2))
    observe_m[kind == ROUND] = FIXED_OBSERVE_M * np.exp(z[kind == ROUND])
    observe_m[kind == TURNING] = PTZ_OBSERVE_M * np.exp(z[kind == TURNING])
    field_deg[kind == TURNING], field_deg[kind == ROUND] = PTZ_WIDEST_DEG, 360.0
    heading_deg = _headings(city, rng, pole_edge[pole], pole)
    works = rng.random(count) >= DOWN if down else np.ones(count, np.bool_)
    return TrueCameras(pole_x[pole], pole_y[pole], pole, kind, heading_deg, field_deg, observe_m, works)


def registry_of(true: TrueCameras, name: str, seed: int = CAMERA_SEED + 1) -> Registry:
    """Return what the registry says.

    Args:
        true: the cameras.
        name: ``clean`` and ``no-streets`` (positions and kinds right, headings unknown), ``known`` (headings too), or
            ``faulted`` (poles off by up to 28 m, a fifth of the kinds wrong, headings unknown).
        seed: of the faults.
    """
    rng = np.random.default_rng(seed)
    x_m, y_m, kind = true.x_m.copy(), true.y_m.copy(), true.kind.copy()
    heading_deg = np.full(len(true), np.nan)
    if name == "known":
        told = (true.heading_deg + rng.normal(0, KNOWN_HEADING_SD_DEG, len(true))) % 360
        heading_deg = np.where(true.kind == FIXED, told, np.nan)
    elif name == "faulted":
        poles = int(true.pole.max()) + 1
        off_m = POLE_ERROR_M * np.sqrt(rng.random(poles))  # even over the disc
        turn = rng.uniform(0, 2 * np.pi, poles)
        x_m += (off_m * np.cos(turn))[true.pole]
        y_m += (off_m * np.sin(turn))[true.pole]
        wrong = rng.random(len(true)) < WRONG_KINDS
        kind[wrong] = (kind[wrong] + rng.choice([1, 2], int(wrong.sum()), p=[0.7, 0.3])) % 3
    return Registry(x_m, y_m, true.pole, kind, heading_deg)


def _poles(city: CityMap, rng: np.random.Generator) -> tuple[Floats, Floats, Ints, Ints]:
    """Return (x_m, y_m, edge, cameras) of the poles, which stand at the sides of streets and not in buildings."""
    if city.poles_m is not None and city.pole_cameras is not None:
        x_m, y_m = city.poles_m.T
        cameras = city.pole_cameras
    else:
        x0, x1, y0, y1 = (f(a) for a in (city.node_x_m, city.node_y_m) for f in (np.min, np.max))
        poles = round((x1 - x0) * (y1 - y0) / 1e6 * CAMERAS_PER_KM2 / CAMERAS_PER_POLE)
        x_m, y_m = rng.uniform(x0, x1, poles), rng.uniform(y0, y1, poles)
        hot = poles // 2
        spot = hot + rng.integers(0, max(1, hot // POLES_PER_HOT_SPOT), hot)
        x_m[:hot] = x_m[spot] + rng.normal(0, HOT_SPOT_M, hot)
        y_m[:hot] = y_m[spot] + rng.normal(0, HOT_SPOT_M, hot)
        x_m, y_m = _reflected(x_m, x0, x1), _reflected(y_m, y0, y1)
        cameras = np.full(poles, CAMERAS_PER_POLE)
    return (*_at_street_side(city, rng, x_m, y_m), cameras)


def _at_street_side(city: CityMap, rng: np.random.Generator, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats, Ints]:
    """Return the points moved to the side of the nearest street, more than half of them to its nearer corner."""
    start = np.column_stack([city.node_x_m, city.node_y_m])[city.edge_from]
    end = np.column_stack([city.node_x_m, city.node_y_m])[city.edge_to]
    tree = shapely.STRtree(shapely.linestrings(np.stack([start, end], axis=1)))
    edge = tree.nearest(shapely.points(x_m, y_m))
    length_m = city.edge_length_m[edge]
    along = (end[edge] - start[edge]) / length_m[:, None]
    at_m = ((np.column_stack([x_m, y_m]) - start[edge]) * along).sum(axis=1).clip(0, length_m)
    corner = rng.random(len(x_m)) < 0.55
    at_m = np.where(corner, np.where(at_m < length_m / 2, 0.0, length_m), at_m)
    aside_m = (city.half_width_m - 1.0) * rng.choice([-1.0, 1.0], len(x_m))
    aside = np.column_stack([-along[:, 1], along[:, 0]])
    houses = shapely.STRtree(city.buildings)
    placed = start[edge] + at_m[:, None] * along + aside_m[:, None] * aside
    for share in (0.4, 0.0):
        inside = np.unique(houses.query(shapely.points(placed), predicate="within")[0])
        placed[inside] = (start[edge] + at_m[:, None] * along + share * aside_m[:, None] * aside)[inside]
    return placed[:, 0].copy(), placed[:, 1].copy(), np.asarray(edge, np.int64)


def _headings(city: CityMap, rng: np.random.Generator, edge: Ints, pole: Ints) -> Floats:
    """Return true axes: mostly along a street at the pole, the cameras of a pole mostly along different ones."""
    dx = city.node_x_m[city.edge_to] - city.node_x_m[city.edge_from]
    dy = city.node_y_m[city.edge_to] - city.node_y_m[city.edge_from]
    way_deg = np.degrees(np.arctan2(dx, dy))[edge]
    turn = rng.integers(0, 4, int(pole.max()) + 1)[pole]
    mate = np.arange(len(pole)) - np.searchsorted(pole, pole)
    # Along the street, against it, and into a side street, in an order of the pole's own.
    quarter = np.array([0, 180, 90, 270])[(turn + mate) % 4]
    street = np.where(quarter % 180 == 0, True, rng.random(len(pole)) < 0.5)
    axis_deg = way_deg + np.where(street, quarter, 0) + rng.normal(0, ALONG_STREET_SD_DEG, len(pole))
    any_deg = rng.uniform(0, 360, len(pole))
    return np.asarray(np.where(rng.random(len(pole)) < ALONG_STREET, axis_deg, any_deg) % 360)


def _reflected(values: Floats, low: float, high: float) -> Floats:
    inside = np.where(values < low, 2 * low - values, values)
    return np.asarray(np.where(inside > high, 2 * high - inside, inside).clip(low, high))
