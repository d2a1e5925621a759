"""The benchmarks' city, seeded: cameras as dense as Seoul's, people who are looked for, and their trackers' fixes.

Records are made as tables of bytes from one encoded template, a hundred times faster than one by one, so that a
generator on the same machine takes little from what is measured. Nothing here is a person's.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.geo import METRES_PER_DEGREE, Plane
from pipeline.reading.column_layout import Layout, layout_of
from pipeline.world.streets import Streets, streets_from
from schemas.camera import Camera, CameraKind, CameraPurpose
from schemas.codec import encode
from schemas.location import Location, LocationQuality
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import AlertKind, WanderingAlert

SEED = 20_260_921
# Middle of Seoul; 84,000 linked cameras stand on its 605 square kilometres.
LAT_DEG, LON_DEG = 37.55, 126.99
CAMERAS_PER_KM2 = 84_000 / 605
CAMERAS_PER_POLE = 2
# Half of the poles stand in neighbourhoods of this size, as around markets and schools; the rest anywhere.
HOT_SPOT_M = 400.0
POLES_PER_HOT_SPOT = 100
CAMERA_SLICE = 4_000
# The synthetic street map: straight streets in both directions, and poles at their sides.
BLOCK_M = 80.0
POLE_OFF_STREET_M = 5.0
_LON_SCALE = np.cos(np.radians(LAT_DEG))
# (share of the cameras, what they are): a registry mostly knows the kind, seldom the direction.
_KINDS: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.50, {"kind": CameraKind.FIXED, "width_px": 1920}),
    (0.10, {"kind": CameraKind.FIXED, "width_px": 2560, "azimuth_deg": 135.0, "field_of_view_deg": 80.0}),
    (0.25, {"kind": CameraKind.PTZ, "width_px": 1920}),
    (0.05, {"kind": CameraKind.ALL_ROUND}),
    (0.10, {"kind": CameraKind.UNKNOWN}),
)
# A tracker of a person at risk reports every 10 s; a person walks at 0.9 m/s.
FIX_INTERVAL_S = 10.0
STRIDE_M = 9.0
# Between two fixes a resting tracker's position wavers by this much, and its accuracy is given as 10 to 20 m.
JITTER_M = 3.0
_ACCURACY_M = (10.0, 20.0)
# A walk lasts 60 fixes (10 minutes) on average, then the person rests.
_WALK_ENDS = 1 / 60
_TURN_DEG = 20.0

Rows = list[bytes]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records ready to be sent: Kafka keys, values in the wire format, and whom they are about."""

    keys: Rows
    values: Rows
    subjects: NDArray[np.intp]


def city_plane() -> Plane:
    """Return the plane on which the city's distances are reckoned."""
    return Plane(LAT_DEG, LON_DEG)


def street_map(cameras: int, seed: int = SEED) -> Streets:
    """Return a grid of streets, blocks of 80 m, under all poles of a city with so many cameras."""
    plane = city_plane()
    x_m, y_m = plane.to_metres(*pole_positions(cameras, seed, on_streets=True))
    first = [int(np.floor(values.min() / BLOCK_M)) - 1 for values in (x_m, y_m)]
    last = [int(np.ceil(values.max() / BLOCK_M)) + 1 for values in (x_m, y_m)]
    columns, rows = (np.arange(low, high + 1) * BLOCK_M for low, high in zip(first, last, strict=True))
    lines = [(np.full(len(rows), x_m), rows) for x_m in columns] + [(columns, np.full(len(columns), y)) for y in rows]
    return streets_from([np.column_stack(plane.to_degrees(x, y)[::-1]) for x, y in lines], plane)


def pole_positions(
    cameras: int, seed: int = SEED, *, on_streets: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (lat_deg, lon_deg) of the poles of a city with so many cameras, as large as Seoul's density makes it.

    With ``on_streets`` each is moved to the side of the nearest street of ``street_map``.
    """
    rng = np.random.default_rng(seed)
    poles = -(-cameras // CAMERAS_PER_POLE)
    side_m = np.sqrt(cameras / CAMERAS_PER_KM2) * 1000
    x_m, y_m = rng.uniform(-side_m / 2, side_m / 2, (2, poles))
    clustered = poles // 2
    centre = rng.integers(0, max(1, clustered // POLES_PER_HOT_SPOT), clustered) + clustered
    centre = np.minimum(centre, poles - 1)
    x_m[:clustered] = x_m[centre] + rng.normal(0, HOT_SPOT_M, clustered)
    y_m[:clustered] = y_m[centre] + rng.normal(0, HOT_SPOT_M, clustered)
    return _degrees(*(_to_street_sides(x_m, y_m) if on_streets else (x_m, y_m)))


def _to_street_sides(
    x_m: NDArray[np.float64], y_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the nearest places beside a street of the grid."""
    street_x_m, street_y_m = (np.rint(values / BLOCK_M) * BLOCK_M for values in (x_m, y_m))
    is_nearer_in_x = np.abs(x_m - street_x_m) < np.abs(y_m - street_y_m)
    side_x_m = np.where(is_nearer_in_x, street_x_m + POLE_OFF_STREET_M, x_m)
    return side_x_m, np.where(is_nearer_in_x, y_m, street_y_m + POLE_OFF_STREET_M)


def camera_slices(cameras: int, seed: int = SEED, *, on_streets: bool = False) -> Iterator[tuple[Rows, Rows]]:
    """Yield (keys, values) of the cameras topic, some thousands at a time."""
    lat_deg, lon_deg = pole_positions(cameras, seed, on_streets=on_streets)
    rng = np.random.default_rng(seed + 1)
    kinds = rng.choice(len(_KINDS), cameras, p=[share for share, _ in _KINDS]).tolist()
    forms = [_camera_form(fields) for _, fields in _KINDS]
    for start in range(0, cameras, CAMERA_SLICE):
        keys, values = [], []
        for number in range(start, min(start + CAMERA_SLICE, cameras)):
            pole = number // CAMERAS_PER_POLE
            head, before_site, before_lat, before_lon, rest = forms[kinds[number]]
            key, site = b"cam-%07d" % number, b"site-%07d" % pole
            lat, lon = struct.pack("<d", lat_deg[pole]), struct.pack("<d", lon_deg[pole])
            keys.append(key)
            values.append(b"".join((head, key, before_site, site, before_lat, lat, before_lon, lon, rest)))
        yield keys, values


def _camera_form(fields: dict[str, Any]) -> tuple[bytes, ...]:
    """Return an encoded camera, cut at its id, site, latitude and longitude."""
    camera = Camera(
        event_id="registry:1",
        source="cctv_registry",
        observed_us=1_790_000_000_000_000,
        ingested_us=1_790_000_000_000_000,
        camera_id="cam-0000000",
        site_id="site-0000000",
        owner="Jongno-gu",
        location=Location(lat_deg=12.5, lon_deg=99.5, accuracy_m=10.0, quality=LocationQuality.ADDRESS),
        purposes=(CameraPurpose.CRIME_PREVENTION,),
        **fields,
    )
    rest, pieces = encode(camera), []
    for mark in (b"cam-0000000", b"site-0000000", struct.pack("<d", 12.5), struct.pack("<d", 99.5)):
        piece, rest = rest.split(mark)
        pieces.append(piece)
    return (*pieces, rest)


class Walkers:
    """People who are looked for: most rest, some walk; each asked-for fix moves its person on by one interval.

    Args:
        count: how many.
        cameras: size of the city they are in; they live near its poles.
        walking_share: which share of them walks at any moment, 0 to 1.
        seed: the same seed gives the same lives.
    """

    def __init__(self, count: int, *, cameras: int, walking_share: float, seed: int = SEED) -> None:
        self._rng = np.random.default_rng(seed + 2)
        lat_deg, lon_deg = pole_positions(cameras, seed)
        home = self._rng.integers(0, len(lat_deg), count)
        self._lat_deg = lat_deg[home] + self._rng.normal(0, 60, count) / METRES_PER_DEGREE
        self._lon_deg = lon_deg[home] + self._rng.normal(0, 60, count) / METRES_PER_DEGREE / _LON_SCALE
        self._heading_deg = self._rng.uniform(0, 360, count)
        self._walking = self._rng.random(count) < walking_share
        self._walk_begins = _WALK_ENDS * walking_share / max(1e-9, 1 - walking_share)
        self._fixes = 0
        self._template, self._layout = _fix_template()

    def __len__(self) -> int:
        """Return how many people there are."""
        return len(self._lat_deg)

    def key(self, subject: int) -> bytes:
        """Return a person's case_id, the Kafka key."""
        return b"s:%08d" % subject

    def alerts(self, now_us: int, count: int | None = None) -> Batch:
        """Return one alert for each person, or for the first so many; it opens the case."""
        subjects = range(len(self) if count is None else count)
        values = [
            encode(
                WanderingAlert(
                    event_id=f"bench:alert:{subject}",
                    source="bench",
                    observed_us=now_us,
                    ingested_us=now_us,
                    case_id=self.key(subject).decode(),
                    subject_ref=self.key(subject).decode(),
                    kind=AlertKind.SAFE_ZONE_EXIT,
                    location=Location(
                        lat_deg=float(self._lat_deg[subject]),
                        lon_deg=float(self._lon_deg[subject]),
                        accuracy_m=15.0,
                        quality=LocationQuality.GPS,
                    ),
                )
            )
            for subject in subjects
        ]
        return Batch([self.key(s) for s in subjects], values, np.array(subjects, np.intp))

    def fixes(self, subjects: NDArray[np.intp], now_us: int, spacing_us: int) -> Batch:
        """Return the next fix of each of these people, measured ``spacing_us`` apart from ``now_us`` on; none twice."""
        speed_mps, course_deg = self._move(subjects)
        jitter = self._rng.normal(0, JITTER_M, (2, len(subjects))) / METRES_PER_DEGREE
        at_us = now_us + np.arange(len(subjects), dtype=np.int64) * spacing_us
        numbers = self._fixes + np.arange(len(subjects))
        self._fixes += len(subjects)
        table = np.tile(np.frombuffer(self._template, np.uint8), (len(subjects), 1))
        self._put(table, "event_id", _digits(numbers, 10))
        for name in ("case_id", "subject_ref"):
            self._put(table, name, _digits(subjects, 8), skip=2)
        for name in ("observed_us", "ingested_us", "fix_us"):
            self._put(table, name, _varints(at_us, self._layout.places[name].size))
        for name, column in (
            ("location.lat_deg", self._lat_deg[subjects] + jitter[0]),
            ("location.lon_deg", self._lon_deg[subjects] + jitter[1] / _LON_SCALE),
            ("location.accuracy_m", self._rng.uniform(*_ACCURACY_M, len(subjects))),
            ("speed_mps", speed_mps),
            ("course_deg", course_deg),
        ):
            self._put(table, name, np.ascontiguousarray(column, "<f8").view(np.uint8).reshape(-1, 8))
        values = table.view(f"V{table.shape[1]}")[:, 0].tolist()
        return Batch([self.key(s) for s in subjects.tolist()], values, subjects)

    def _move(self, subjects: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Let these people live for one interval; return (speed_mps, course_deg)."""
        rng, count = self._rng, len(subjects)
        walking = self._walking[subjects]
        changes = rng.random(count) < np.where(walking, _WALK_ENDS, self._walk_begins)
        walking = walking ^ changes
        self._walking[subjects] = walking
        heading_deg = (self._heading_deg[subjects] + rng.normal(0, _TURN_DEG, count) * walking) % 360
        self._heading_deg[subjects] = heading_deg
        stride_m = np.where(walking, rng.normal(STRIDE_M, 2.0, count).clip(0), 0.0)
        self._lat_deg[subjects] += stride_m * np.cos(np.radians(heading_deg)) / METRES_PER_DEGREE
        self._lon_deg[subjects] += stride_m * np.sin(np.radians(heading_deg)) / METRES_PER_DEGREE / _LON_SCALE
        return stride_m / FIX_INTERVAL_S, heading_deg

    def _put(self, table: NDArray[np.uint8], name: str, cells: NDArray[np.uint8], *, skip: int = 0) -> None:
        place = self._layout.places[name]
        table[:, place.offset + skip : place.offset + place.size] = cells


def _fix_template() -> tuple[bytes, Layout]:
    fix = TrackerFix(
        event_id="0" * 10,
        source="bench",
        observed_us=1_790_000_000_000_000,
        ingested_us=1_790_000_000_000_000,
        case_id="s:00000000",
        subject_ref="s:00000000",
        fix_us=1_790_000_000_000_000,
        location=Location(lat_deg=0.0, lon_deg=0.0, accuracy_m=0.0, quality=LocationQuality.GPS),
        speed_mps=0.0,
        course_deg=0.0,
        battery_pct=50.0,
    )
    template = encode(fix)
    layout = layout_of("TrackerFix", template)
    assert layout is not None
    return template, layout


def _digits(numbers: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """Return numbers as ASCII digits, shape (n, width)."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def _varints(numbers: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Return positive numbers as zigzag varints that take ``width`` bytes, shape (n, width)."""
    groups = ((numbers[:, None] << 1) >> (7 * np.arange(width, dtype=np.int64)) & 0x7F).astype(np.uint8)
    groups[:, :-1] |= 0x80
    return groups


def _degrees(x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return LAT_DEG + y_m / METRES_PER_DEGREE, LON_DEG + x_m / (METRES_PER_DEGREE * _LON_SCALE)
