"""Cameras of an area: what share of it they show, held against other ways of choosing, and against what is told."""

import math
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.camera import Camera
from schemas.location import Area
from tests.pipeline.engine_runs import DEMO, EngineRun, only
from tests.support.area_worlds import area_world
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


def shown_by(spots: dict[str, tuple[float, float]], step_m: float) -> dict[str, Spots]:
    """Return with which probability each camera shows each point of a grid over the area, by the documented rule."""
    steps = np.arange(-HALF_M + step_m / 2, HALF_M, step_m)
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

    nearest = sorted(spots, key=lambda camera_id: math.hypot(*spots[camera_id]))[: len(chosen)]
    cover = greedily(shown_by(spots, 10.0), len(chosen))
    assert len(chosen) == DEMO.selection.cameras_by_rank[0]
    # Judged on a grid that neither of them was chosen by.
    shown = shown_by(spots, 3.0)
    assert share(shown, chosen) >= 0.96 * share(shown, cover)
    assert share(shown, chosen) >= 1.8 * share(shown, nearest)
    assert len({(spots[c][0] > 0, spots[c][1] > 0) for c in chosen}) >= 3


# What a report of an area tells may differ by so much of itself from what is truly shown, or by so much of the area:
# the grid where no streets are known has steps of some metres, and a zoomed head shows a beam not much wider.
TOLD_RELATIVE, TOLD_ABSOLUTE = 0.15, 0.004


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize(("square_km", "per_square_km"), [(0.05, 139.0), (0.5, 139.0), (5.0, 20.0)])
@pytest.mark.parametrize("seed", [3])
def test_what_is_told_of_an_area_is_the_share_of_it_that_is_truly_shown(
    seed: int, square_km: float, per_square_km: float, *, mapped: bool
) -> None:
    world = area_world(square_km, seed, mapped=mapped, per_square_km=per_square_km)
    made = only(world.run().tell(world.report(), now_s=1))
    assert made.p_view is not None
    true, each = world.truly_shown(made.cameras, 3.0)
    assert made.p_view == pytest.approx(true, rel=TOLD_RELATIVE, abs=TOLD_ABSOLUTE)
    assert sum(c.p_view for c in made.cameras) == pytest.approx(sum(each), rel=TOLD_RELATIVE, abs=TOLD_ABSOLUTE)
    assert sum(c.why["gain"] for c in made.cameras) == pytest.approx(made.p_view, abs=0.0001 * len(made.cameras))


@pytest.mark.parametrize(("mapped", "at_least"), [(True, 0.0060), (False, 0.0017)])
def test_of_a_large_area_the_cameras_are_chosen_that_show_much_of_it(*, mapped: bool, at_least: float) -> None:
    # A sample of 400 places, or 96 without streets, chose cameras that show 0.0035 and 0.0008 of such an area.
    world = area_world(5.0, 0, mapped=mapped)
    made = only(world.run().tell(world.report(), now_s=1))
    assert {camera.role for camera in made.cameras} == {"area"}
    assert world.truly_shown(made.cameras, 5.0)[0] >= at_least


@pytest.mark.parametrize("half_m", [15.0, 0.5])
def test_an_area_that_no_camera_reaches_gets_the_nearest_to_its_middle(half_m: float) -> None:
    spots = {f"cam-{number}": (150.0 + 20 * number, 0.0) for number in range(12)}
    run = EngineRun(a_table(*(camera(*item) for item in spots.items())))
    corners = tuple(point(half_m * x, half_m * y) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    flood = an_incident("f", service="disaster", kind="flood", urgency_native="critical", area=Area(polygon=corners))
    made = only(run.tell(flood, now_s=1))
    assert [c.camera_id for c in made.cameras] == list(spots)[: DEMO.selection.cameras_by_rank[0]]
    assert {c.role for c in made.cameras} == {"next"}


def test_of_an_area_that_few_cameras_reach_the_rest_are_the_nearest_too() -> None:
    spots = {"near": (0.0, 0.0), **{f"far-{number}": (150.0 + 20 * number, 0.0) for number in range(12)}}
    run = EngineRun(a_table(*(camera(*item) for item in spots.items())))
    corners = tuple(point(15.0 * x, 15.0 * y) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    flood = an_incident("f", service="disaster", kind="flood", urgency_native="critical", area=Area(polygon=corners))
    made = only(run.tell(flood, now_s=1))
    assert [(c.camera_id, c.role) for c in made.cameras[:3]] == [("near", "area"), ("far-0", "next"), ("far-1", "next")]
