"""The story among real cameras: their points from a registry file, at the sides of made-up streets."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import shapely
from numpy.typing import NDArray

from console.demo.city import SyntheticCity
from console.demo.streets import M_PER_DEGREE, Plane, Spot, Streets, streets_of
from console.errors import RegistryTooSparseError
from schemas.camera import Camera

Floats = NDArray[np.float64]
# As large as the made-up streets, which the story's places need.
HALF_SIDE_M = 2_800.0
# Poles stand so far from the middle of their street.
ASIDE_M = 5.0
# A story among fewer cameras than this shows nothing.
CAMERAS_MIN = 500
# The middle is looked for among squares of this size.
SQUARE_M = 500.0


def typical_place(cameras: Sequence[Camera]) -> Plane:
    """Return the plane around a place as dense as where the registry's cameras mostly hang.

    The density is that of the 3.5 by 3.5 kilometres around; half of the cameras hang where it is higher.

    Raises:
        RegistryTooSparseError: there are no cameras.
    """
    if not cameras:
        raise RegistryTooSparseError("the registry must have cameras with positions, got none")
    lat_deg = np.array([camera.location.lat_deg for camera in cameras])
    lon_deg = np.array([camera.location.lon_deg for camera in cameras])
    middle = Plane(float(np.median(lat_deg)), float(np.median(lon_deg)))
    spots = [middle.spot(camera.location.lat_deg, camera.location.lon_deg) for camera in cameras]
    column, row = (np.floor(np.array(axis) / SQUARE_M).astype(np.int64) for axis in zip(*_pairs(spots), strict=True))
    # What is absurdly far away must not make the table of squares absurdly large.
    near = (np.abs(column) < 200) & (np.abs(row) < 200)
    counts = np.zeros((407, 407), np.int64)
    np.add.at(counts, (column[near] + 203, row[near] + 203), 1)
    around = np.sum([np.roll(counts, (dx, dy), (0, 1)) for dx in range(-3, 4) for dy in range(-3, 4)], axis=0)
    of_cameras = np.argsort(around[column[near] + 203, row[near] + 203], kind="stable")
    middle_one = int(np.flatnonzero(near)[of_cameras[len(of_cameras) // 2]])
    east_m, north_m = ((float(axis[middle_one]) + 0.5) * SQUARE_M for axis in (column, row))
    return Plane(*middle.degrees(Spot(east_m, north_m)))


def real_city(cameras: Sequence[Camera], plane: Plane, seed: int) -> tuple[SyntheticCity, list[Camera]]:
    """Return a city of made-up streets, and the cameras with their poles moved to the side of the nearest street.

    Poles stand at streets. The made-up streets are not where the real ones are, so a pole moves by some tens of metres;
    how densely poles stand, and what hangs on them, stays as it is.

    Args:
        cameras: those of the plane's surroundings, with ``near_by``.
        plane: around the story's middle.
        seed: chooses the streets.

    Raises:
        RegistryTooSparseError: there are too few cameras.
    """
    if len(cameras) < CAMERAS_MIN:
        raise RegistryTooSparseError(
            f"the registry must have {CAMERAS_MIN} cameras within {HALF_SIDE_M:.0f} m of a typical place of its own, "
            f"got {len(cameras)}"
        )
    streets = streets_of(Random(f"streets:{seed}"))
    spots = [plane.spot(camera.location.lat_deg, camera.location.lon_deg) for camera in cameras]
    moved = _at_street_sides(spots, streets)
    placed = []
    for camera, spot in zip(cameras, moved, strict=True):
        lat_deg, lon_deg = plane.degrees(spot)
        location = replace(camera.location, lat_deg=lat_deg, lon_deg=lon_deg)
        placed.append(replace(camera, location=location))
    return SyntheticCity(plane, streets, (), tuple(moved), {}), placed


def near_by(cameras: Sequence[Camera], plane: Plane) -> list[Camera]:
    """Return the cameras around the middle of a plane."""
    lat_deg = HALF_SIDE_M / M_PER_DEGREE
    lon_deg = lat_deg / np.cos(np.radians(plane.centre_lat_deg))
    return [
        camera
        for camera in cameras
        if abs(camera.location.lat_deg - plane.centre_lat_deg) <= lat_deg
        and abs(camera.location.lon_deg - plane.centre_lon_deg) <= lon_deg
    ]


def _pairs(spots: Sequence[Spot]) -> list[tuple[float, float]]:
    return [(spot.east_m, spot.north_m) for spot in spots]


def _at_street_sides(spots: Sequence[Spot], streets: Streets) -> list[Spot]:
    """Return the spots moved to ``ASIDE_M`` beside the nearest street, on the side that they are on."""
    corners = np.array(_pairs(streets.junctions))
    ends = corners[np.array(streets.pieces())]
    points = np.array(_pairs(spots))
    nearest = shapely.STRtree(shapely.linestrings(ends)).nearest(shapely.points(points))
    start, end = ends[nearest, 0], ends[nearest, 1]
    length_m = np.hypot(*(end - start).T)
    along = (end - start) / length_m[:, None]
    at_m = ((points - start) * along).sum(axis=1).clip(0, length_m)
    across = np.column_stack([along[:, 1], -along[:, 0]])
    side = np.where(((points - start) * across).sum(axis=1) < 0, -1.0, 1.0)
    placed = start + at_m[:, None] * along + ASIDE_M * side[:, None] * across
    return [Spot(round(east_m, 2), round(north_m, 2)) for east_m, north_m in placed.tolist()]
