"""Cameras of an area are spread over it: what share of it they show, held against other ways of choosing as many."""

import math
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.camera import Camera
from schemas.location import Area
from tests.pipeline.engine_runs import DEMO, EngineRun, only
from tests.support.conditions import point
from tests.support.records import a_camera, a_table, an_incident, at

HALF_M = 220.0
OBSERVE_M = DEMO.view.observe_range_fixed_m
DETECT_M = OBSERVE_M * 62 / 25
SQUARE = Area(polygon=tuple(point(HALF_M * x, HALF_M * y) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))))
Spots = NDArray[np.float64]


def poles(seed: int) -> dict[str, tuple[float, float]]:
    """Return where all-round cameras stand, metres: three in five crowd around the middle, as shops do."""
    rng = random.Random(seed)
    near = [(rng.gauss(0, 50), rng.gauss(0, 50)) for _ in range(60)]
    far = [(rng.uniform(-HALF_M, HALF_M), rng.uniform(-HALF_M, HALF_M)) for _ in range(40)]
    return {f"cam-{number:03}": spot for number, spot in enumerate(near + far)}


def camera(camera_id: str, spot: tuple[float, float]) -> Camera:
    return a_camera(camera_id, site_id=camera_id, location=at(*spot), kind="all-round")


def shown_by(spots: dict[str, tuple[float, float]]) -> dict[str, Spots]:
    """Return with which probability each camera shows each point of a grid over the area, by the documented rule."""
    steps = np.arange(-HALF_M + 5, HALF_M, 10.0)
    x_m, y_m = np.meshgrid(steps, steps)
    found = {}
    for camera_id, (east_m, north_m) in spots.items():
        d_m = np.hypot(x_m - east_m, y_m - north_m).ravel()
        level = np.where(d_m <= OBSERVE_M, 1.0, np.where(d_m <= DETECT_M, DEMO.view.weak_view, 0.0))
        found[camera_id] = level * np.exp(-d_m / DEMO.view.unmapped_scale_m)
    return found


def share(shown: dict[str, Spots], chosen: list[str]) -> float:
    """Return the share of the area that at least one of the cameras shows."""
    return float(1 - np.prod([1 - shown[camera_id] for camera_id in chosen], axis=0).mean())


def greedily(shown: dict[str, Spots], count: int) -> list[str]:
    """Return the cameras that a plain greedy choice takes, looking at all of them each time."""
    chosen: list[str] = []
    for _ in range(count):
        chosen.append(max((c for c in shown if c not in chosen), key=lambda c: share(shown, [*chosen, c])))
    return chosen


@pytest.mark.parametrize("seed", range(4))
def test_an_areas_cameras_show_nearly_as_much_of_it_as_a_greedy_cover_and_far_more_than_those_nearest_its_middle(
    seed: int,
) -> None:
    spots = poles(seed)
    run = EngineRun(a_table(*(camera(*item) for item in spots.items())))
    flood = an_incident("f", service="disaster", kind="flood", urgency_native="critical", area=SQUARE)
    chosen = [c.camera_id for c in only(run.tell(flood, now_s=1)).cameras]

    shown = shown_by(spots)
    nearest = sorted(spots, key=lambda camera_id: math.hypot(*spots[camera_id]))[: len(chosen)]
    cover = greedily(shown, len(chosen))
    assert len(chosen) == DEMO.selection.cameras_by_rank[0]
    # The engine weighs 400 places of an area, here some 22 m apart; the cover is judged on six times as many.
    assert share(shown, chosen) >= 0.88 * share(shown, cover)
    assert share(shown, chosen) >= 1.8 * share(shown, nearest)
    quarters = {(spots[c][0] > 0, spots[c][1] > 0) for c in chosen}
    assert len(quarters) == 4
