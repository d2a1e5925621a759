"""A city with districts and cameras of its own, for tests of what is told by area."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from shapely.geometry import Polygon

from pipeline.rules.policy import District, Policy
from schemas.camera import Camera
from tests.support.golden import camera_grid


def policy_with_districts(policy: Policy, outlines: Mapping[str, Polygon]) -> Policy:
    """Return the policy of a city that has these districts."""
    return replace(policy, districts=tuple(District(name, outline) for name, outline in outlines.items()))


def scattered_cameras(lat_deg: float, lon_deg: float, *, side: int, step_m: float, seed: int = 5) -> list[Camera]:
    """Return cameras on poles that stand as irregularly as in a city: a grid, each moved by up to half a step."""
    chance = Random(seed)
    half_deg = step_m / 111_320 / 2
    return [
        replace(
            camera,
            location=replace(
                camera.location,
                lat_deg=camera.location.lat_deg + chance.uniform(-half_deg, half_deg),
                lon_deg=camera.location.lon_deg + chance.uniform(-half_deg, half_deg),
            ),
        )
        for camera in camera_grid(lat_deg, lon_deg, side=side, step_m=step_m)
    ]
