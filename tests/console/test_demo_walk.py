"""The walker's truth, the two figures of the summary, and that the engine's is the better one."""

import dataclasses
import itertools
from pathlib import Path
from random import Random

import numpy as np
import pytest

from console.demo.eyes import OPEN_S, Views, Watch
from console.demo.figures import Figures
from console.demo.ground import Ground, break_ground
from console.demo.real_city import near_by, real_city, typical_place
from console.demo.screen import eyes, heads
from console.demo.story import build_story
from console.demo.streets import Spot, Streets
from console.demo.truth import Moments, TrueCameras, moments_of
from console.demo.walker import Walker, walk_along
from console.errors import RegistryTooSparseError
from console.options import DEFAULT_CITIES_DIR
from tests.console.assignments import a_camera as an_assigned
from tests.console.assignments import an_assignment
from tests.console.walks import eyes_on_walk
from tests.support.records import a_camera, a_grant

T0_US = 1_781_672_400_000_000
SEOUL = Path(__file__).resolve().parents[3] / "shared" / "data" / "seoul_ansimi_cctv_datatoys.csv"
# One street from west to east, 200 m, and no other.
STREET = Streets((Spot(-100.0, 0.0), Spot(100.0, 0.0)), ((1,), (0,)))
STANDS = Walker("s:elder", 0.0, 100.0, (0.0, 100.0), (Spot(0.0, 0.0), Spot(0.0, 0.0)))


def cameras_at(*places: tuple[float, float], turns: bool = False, heading_deg: float = 90.0) -> TrueCameras:
    count = len(places)
    x_m, y_m = (np.array(axis) for axis in zip(*places, strict=True))
    return TrueCameras(
        {f"cam-{n}": n for n in range(count)},
        x_m,
        y_m,
        np.full(count, turns),
        np.full(count, heading_deg),
        np.full(count, 60.0 if turns else 90.0),
        np.full(count, 30.0),
        np.ones(count, np.bool_),
    )


def always_possible(cameras: TrueCameras, of_camera: dict[int, tuple[float, float]]) -> Moments:
    moments = {camera: dict.fromkeys(range(100), seen) for camera, seen in of_camera.items()}
    return Moments(0.0, 100, moments, np.ones(100, np.bool_))


def test_a_walk_is_continuous_stops_now_and_then_and_ends_where_it_is_found() -> None:
    way = [Spot(100.0 * n, 0.0) for n in range(40)]
    walker = walk_along(Random(3), way, case_id="s:1", begin_s=120, end_s=2_100)
    places = [walker.place(at_s) for at_s in range(120, 2_100)]
    steps_m = [a.distance_m(b) for a, b in itertools.pairwise(places)]
    assert max(steps_m) < 2.0
    assert sum(step_m == 0 for step_m in steps_m) > 30
    assert walker.place(0) == way[0]
    assert 900 < places[-1].east_m < 2_000


def test_a_camera_sees_along_the_street_but_not_through_walls_nor_behind_itself() -> None:
    ahead = cameras_at((-20.0, 2.0))
    behind = cameras_at((20.0, 2.0))
    houses_between = cameras_at((0.0, 28.0), heading_deg=180.0)
    assert moments_of(STANDS, ahead, STREET, 1).possible.mean() > 0.5
    assert not moments_of(STANDS, behind, STREET, 1).possible.any()
    assert not moments_of(STANDS, houses_between, STREET, 1).possible.any()


def test_a_head_could_see_further_than_a_fixed_camera_because_it_zooms() -> None:
    assert not moments_of(STANDS, cameras_at((-60.0, 1.0)), STREET, 1).possible.any()
    assert moments_of(STANDS, cameras_at((-60.0, 1.0), turns=True), STREET, 1).possible.any()


def test_a_stream_shows_nothing_before_it_is_open_and_goes_on_when_it_is_wanted_again() -> None:
    cameras = cameras_at((-20.0, 0.0))
    moments = always_possible(cameras, {0: (20.0, 90.0)})
    views = Views(cameras)
    views.show([0], 10.0, overlap_s=OPEN_S)
    views.show([], 40.0, overlap_s=OPEN_S)
    views.show([0], 42.0, overlap_s=OPEN_S)
    views.show([], 60.0, overlap_s=0.0)
    assert np.flatnonzero(views.seconds_seen(moments)).tolist() == list(range(13, 60))
    assert views.seconds_open(moments) == 47.0


def test_a_head_shows_nothing_while_it_turns_and_then_only_what_it_looks_at() -> None:
    cameras = cameras_at((-20.0, 0.0), turns=True, heading_deg=270.0)
    moments = always_possible(cameras, {0: (20.0, 90.0)})
    views = Views(cameras)
    views.show([0], 0.0, overlap_s=0.0)
    views.turn(0, 20.0, 90.0, 60.0)  # half a circle at 45 degrees a second, and half a second to settle
    views.turn(0, 50.0, 180.0, 60.0)
    assert np.flatnonzero(views.seconds_seen(moments)).tolist() == list(range(25, 50))


def test_a_zoomed_head_reaches_further() -> None:
    cameras = cameras_at((-60.0, 0.0), turns=True, heading_deg=90.0)
    moments = always_possible(cameras, {0: (60.0, 90.0)})
    views = Views(cameras)
    views.show([0], 0.0, overlap_s=0.0)
    views.turn(0, 50.0, 90.0, 20.0)
    assert np.flatnonzero(views.seconds_seen(moments)).tolist() == list(range(51, 100))


def test_the_rule_of_thumb_gets_as_many_cameras_as_the_case_had_and_the_nearest_ones() -> None:
    cameras = cameras_at((-20.0, 0.0), (-40.0, 0.0), (-60.0, 0.0))
    watch = Watch(cameras, T0_US, "s:elder")
    for case_id, camera_id in (("s:elder", "cam-2"), ("s:other", "cam-0")):
        watch.saw_decision(an_assignment(case_id, cameras=(an_assigned(camera_id),), decided_us=T0_US + 10_000_000))
    figures = watch.eyes_on(always_possible(cameras, {0: (20.0, 90.0)}), [(0.0, Spot(0.0, 0.0), 10.0)])
    assert (figures.seen_s, figures.nearest_s, figures.nearest_four_s) == (0, 87, 87)
    assert figures.cameras == figures.nearest_cameras == 0.87


def test_the_rooms_rule_of_thumb_opens_four_cameras_however_many_the_case_has() -> None:
    cameras = cameras_at(*((-20.0 - number, 0.0) for number in range(6)))
    watch = Watch(cameras, T0_US, "s:elder")
    assigned = tuple(an_assigned(f"cam-{number}") for number in range(5))
    watch.saw_decision(an_assignment("s:elder", cameras=assigned, decided_us=T0_US + 10_000_000))
    figures = watch.eyes_on(always_possible(cameras, {4: (20.0, 90.0)}), [(0.0, Spot(0.0, 0.0), 10.0)])
    assert (figures.nearest_s, figures.nearest_four_s) == (87, 0)


def test_the_summary_says_both_figures_in_words() -> None:
    cameras = cameras_at((-20.0, 0.0))
    figures = Watch(cameras, T0_US, "s:elder").eyes_on(always_possible(cameras, {0: (20.0, 90.0)}), [])
    told = eyes(dataclasses.replace(figures, possible_s=100, seen_s=74, nearest_s=46, nearest_four_s=41))
    assert "Eyes on the walker: 74% of the time any camera could see them" in told[0]
    assert "the nearest four: 41%; as many of the nearest: 46%" in told[0]
    assert any("a view that ends while its successor begins counts until it ends" in line for line in told)
    assert all(len(line.strip()) <= 120 for line in told)


def test_heads_are_counted_once_for_each_case_and_camera() -> None:
    figures = Figures(60.0)
    for result in ("granted", "granted", "denied"):
        figures.saw_grant(a_grant("inc-1", result))
    figures.saw_grant(a_grant("inc-2", "granted"))
    assert heads(figures.heads) == "2 turned for a case, 1 refused, because another case needs the head more"


def test_a_registry_without_enough_cameras_is_refused_with_the_number() -> None:
    plane = typical_place([a_camera()])
    with pytest.raises(RegistryTooSparseError, match="got 1"):
        real_city(near_by([a_camera()], plane), plane, 1)
    with pytest.raises(RegistryTooSparseError, match="got none"):
        typical_place([])


def _gain_points(tmp_path: Path, seeds: range, *, registry: Path | None) -> float:
    """Return by how many points the engine's share is better than the nearest cameras', over several walks."""
    possible_s = seen_s = nearest_s = 0
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        ground: Ground = break_ground(
            DEFAULT_CITIES_DIR, "demo", folder, T0_US, seed=seed, registry=registry, streets=True
        )
        story = build_story(ground.city, seed, T0_US, "Asia/Seoul")
        figures = eyes_on_walk(ground, story, seed)
        possible_s += figures.possible_s
        seen_s += figures.seen_s
        nearest_s += figures.nearest_s
        assert figures.nearest_cameras == pytest.approx(figures.cameras, abs=0.3)
    assert possible_s > 60 * len(seeds)
    return 100 * (seen_s - nearest_s) / possible_s


@pytest.mark.slow
def test_in_the_made_up_city_the_engine_keeps_eyes_on_the_walker_far_better_than_the_nearest(tmp_path: Path) -> None:
    assert _gain_points(tmp_path, range(1, 6), registry=None) > 15


@pytest.mark.slow
@pytest.mark.skipif(not SEOUL.exists(), reason="the camera points of Seoul are not on this machine")
def test_among_seouls_cameras_with_made_up_streets_the_engine_is_visibly_better_than_the_nearest(
    tmp_path: Path,
) -> None:
    assert _gain_points(tmp_path, range(1, 6), registry=SEOUL) > 5
