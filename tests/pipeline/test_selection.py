"""The greedy choice: its own laws, how near it comes to the optimum, pole-mates, held cameras and left-over places."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.policy import SelectionPolicy
from pipeline.region import disc
from pipeline.selection import Choice, Wish, choose
from pipeline.visibility import ViewRequest, Views, views_of
from schemas.camera import Camera
from tests.pipeline.engine_runs import DEMO
from tests.support import brute_force
from tests.support.records import LAT_DEG, LON_DEG, a_camera, a_table, at

HERE = (LAT_DEG, LON_DEG)
POLICY = DEMO.selection


class World:
    """Cameras around a target; candidates stand nearest first."""

    def __init__(self, cameras: list[Camera], accuracy_m: float = 20.0) -> None:
        self.table = a_table(*cameras)
        self.region = disc(*HERE, accuracy_m)
        rows, _ = self.table.near(*HERE, 5_000.0)
        self.rows = rows
        self.views: Views = views_of(self.table, [ViewRequest(rows, self.region)], DEMO.view)[0]
        by_id = {camera.camera_id: camera for camera in cameras}
        self.cameras = [by_id[self.table.camera_id(row)] for row in rows.tolist()]
        points = brute_force.target_points(accuracy_m)
        self.brute = brute_force.views_of(self.cameras, HERE, points, brute_force.Assumptions())

    def choose(self, count: int, held: tuple[str, ...] = (), policy: SelectionPolicy = POLICY) -> Choice:
        is_held = np.array([camera.camera_id in held for camera in self.cameras], np.bool_)
        everyone = np.ones(len(self.rows), np.bool_)
        return choose(
            self.views, self.region.weights, Wish(self.table.site[self.rows], everyone, is_held, count), policy
        )

    def names(self, choice: Choice) -> list[str]:
        return [self.cameras[pick.candidate].camera_id for pick in choice.picks]


def assert_nothing(choice: Choice) -> None:
    assert (choice.picks, choice.runner_up) == ((), ())
    assert choice.utility == pytest.approx(0, abs=1e-12)


def a_street(*offsets_m: tuple[float, float], **changes: Any) -> list[Camera]:
    return [a_camera(f"c{i}", location=at(*offset), **changes) for i, offset in enumerate(offsets_m)]


def cameras(**fixed: Any) -> Any:
    """Return a strategy of worlds of cameras within 90 m."""
    fields: dict[str, Any] = {
        "i": st.integers(0, 10**6),
        "x": st.integers(-90, 90),
        "y": st.integers(-90, 90),
        "site": st.sampled_from("abc"),
        "kind": st.sampled_from(["all-round", "ptz", "fixed", "unknown"]),
        "azimuth": st.none() | st.integers(0, 360).map(float),
        **fixed,
    }

    def one_camera(*, i: int, x: int, y: int, site: str | None, kind: str, azimuth: float | None) -> Camera:
        site_id = f"pole-at-{x}-{y}" if site is None else site
        return a_camera(f"c{i}", site_id=site_id, location=at(x, y), kind=kind, azimuth_deg=azimuth)

    one = st.builds(one_camera, **fields)
    return st.lists(one, min_size=1, max_size=8, unique_by=lambda camera: camera.camera_id)


known_headings = cameras(
    kind=st.sampled_from(["all-round", "all-round", "ptz", "fixed"]), azimuth=st.integers(0, 360).map(float)
)


@settings(max_examples=40, deadline=None)
@given(known_headings, st.integers(1, 3), st.integers(5, 60))
def test_the_choice_is_within_one_minus_one_over_e_of_the_optimum(
    members: list[Camera], count: int, accuracy_m: int
) -> None:
    world = World(members[:6], accuracy_m)
    best = brute_force.best_utility(world.brute, count)
    utility = world.choose(count).utility
    assert utility <= best + 1e-9
    # Views below the least gain are not taken for their view: each place may lose that much.
    assert utility >= (1 - 1 / math.e) * best - count * POLICY.min_gain


@settings(max_examples=60, deadline=None)
@given(cameras(), st.integers(0, 6), st.integers(5, 80), st.sets(st.integers(0, 7), max_size=3))
def test_every_place_goes_to_the_largest_gain_at_that_moment(
    members: list[Camera], count: int, accuracy_m: int, held_places: set[int]
) -> None:
    world = World(members, accuracy_m)
    held = tuple(camera.camera_id for i, camera in enumerate(members) if i in held_places)
    choice = world.choose(count, held)
    brute = brute_force.chooser(world.brute)

    def worth(view: brute_force.View) -> float:
        gain = brute.gain(view)
        return -1.0 if gain < POLICY.min_gain else gain + POLICY.held_bonus * (view.camera.camera_id in held)

    for pick in choice.picks:
        view = world.brute[pick.view]
        if pick.filled:
            assert max(worth(v) for v in brute.open()) < POLICY.min_gain + 1e-9
            break
        assert worth(view) >= max(worth(v) for v in brute.open()) - 1e-9
        assert pick.gain == pytest.approx(brute.gain(view), abs=1e-9)
        assert pick.heading == pytest.approx(brute.heading(view), abs=1e-9)
        brute.take(view)
    assert choice.utility == pytest.approx(brute.utility(), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(cameras(), st.integers(0, 10))
def test_no_camera_is_chosen_twice_and_never_more_than_wished(members: list[Camera], count: int) -> None:
    world = World(members)
    choice = world.choose(count)
    assert len(choice.picks) == min(count, len(members))
    assert len({pick.candidate for pick in choice.picks}) == len(choice.picks)
    assert all(world.views.camera[pick.view] == pick.candidate for pick in choice.picks)
    assert all(0 <= pick.p_view <= 1 for pick in choice.picks)
    assert all(pick.gain <= pick.p_view + 1e-9 for pick in choice.picks)
    assert 0 <= choice.utility <= 1


@settings(max_examples=60, deadline=None)
@given(cameras(), st.integers(0, 5))
def test_runners_up_are_not_chosen_and_stand_best_first(members: list[Camera], count: int) -> None:
    world = World(members)
    choice = world.choose(count)
    chosen = {pick.candidate for pick in choice.picks}
    gains = [gain for _, gain in choice.runner_up]
    assert not chosen & {candidate for candidate, _ in choice.runner_up}
    assert len({candidate for candidate, _ in choice.runner_up}) == len(choice.runner_up) <= POLICY.runner_up
    assert gains == sorted(gains, reverse=True)
    assert all(0 < gain <= 1 for gain in gains)


@settings(max_examples=60, deadline=None)
@given(cameras())
def test_one_more_place_keeps_the_choice_and_never_lowers_its_utility(members: list[Camera]) -> None:
    # True of the number of places. It is not true of the number of candidates: greedy may be lured by a new camera.
    world = World(members)
    seen_before: list[int] = []
    utility_before = 0.0
    for count in range(len(members) + 1):
        choice = world.choose(count)
        looking = [pick.view for pick in choice.picks if not pick.filled]
        assert looking[: len(seen_before)] == seen_before
        assert choice.utility >= utility_before - 1e-12
        seen_before, utility_before = looking, choice.utility


@settings(max_examples=40, deadline=None)
@given(cameras(site=st.just(None)), st.integers(1, 5), st.randoms(use_true_random=False))
def test_which_id_a_camera_has_changes_no_utility(members: list[Camera], count: int, rnd: Any) -> None:
    # Cameras on one point that look alike swap their places among the candidates, and no more.
    unique = list({(c.location, c.kind, c.azimuth_deg): c for c in members}.values())
    names = [f"n{i}" for i in range(3 * len(unique))]
    rnd.shuffle(names)
    twins = [a_camera(n, location=c.location, kind=c.kind, azimuth_deg=c.azimuth_deg, site_id=f"pole-of-{i // 3}")
             for i, (n, c) in enumerate(zip(names, [c for c in unique for _ in range(3)], strict=True))]  # fmt: skip
    renamed = [a_camera(n, location=c.location, kind=c.kind, azimuth_deg=c.azimuth_deg, site_id=c.site_id)
               for n, c in zip(sorted(names), twins, strict=True)]  # fmt: skip
    assert World(twins).choose(count).utility == pytest.approx(World(renamed).choose(count).utility, abs=1e-9)


def test_a_pole_mate_of_unknown_heading_is_expected_to_look_elsewhere() -> None:
    mates = [a_camera(f"m{i}", site_id="pole", kind="fixed", location=at(10)) for i in range(4)]
    choice = World(mates, 3.0).choose(4)
    # p / (1 - j p) with p = 90/360: one in four, then one in three, one in two, and the last must be the one.
    assert [pick.heading for pick in choice.picks] == [pytest.approx(h) for h in (1 / 4, 1 / 3, 1 / 2, 1.0)]
    assert choice.utility > 0.9 * choice.picks[-1].p_view


def test_more_mates_than_directions_stay_at_certainty() -> None:
    mates = [a_camera(f"m{i}", site_id="pole", kind="fixed", location=at(10)) for i in range(6)]
    world = World(mates, 3.0)
    headings = [pick.heading for pick in world.choose(6, policy=DEMO.selection).picks]
    assert headings[3:] == [1.0] * 3
    assert max(headings) <= 1.0


def test_mates_of_known_heading_and_other_poles_change_nothing_in_the_expectation() -> None:
    known = a_camera("known", site_id="pole", kind="fixed", azimuth_deg=270.0, location=at(10))
    blind = [a_camera(f"b{i}", site_id=site, kind="fixed", location=at(10)) for i, site in enumerate(("pole", "other"))]
    world = World([known, *blind], 3.0)
    choice = world.choose(3)
    headings = dict(zip(world.names(choice), [pick.heading for pick in choice.picks], strict=True))
    assert headings == {"known": 1.0, "b0": pytest.approx(0.25), "b1": pytest.approx(0.25)}


def test_a_held_camera_wins_over_a_slightly_better_one_and_loses_to_a_much_better_one() -> None:
    world = World(a_street((12.0, 0.0), (-13.0, 0.0), (0.0, 60.0)), 5.0)
    assert world.names(world.choose(1)) == ["c0"]
    assert world.names(world.choose(1, held=("c1",))) == ["c1"]
    assert world.names(world.choose(1, held=("c2",))) == ["c0"]


def test_the_bonus_chooses_but_is_no_part_of_gain_or_utility() -> None:
    world = World(a_street((12.0, 0.0), (-13.0, 0.0)), 5.0)
    free, held = world.choose(2), world.choose(2, held=("c1",))
    assert held.utility == pytest.approx(free.utility)
    assert held.picks[0].gain == pytest.approx(held.picks[0].p_view)


def test_left_over_places_go_to_the_nearest_whatever_they_see() -> None:
    world = World(a_street((10.0, 0.0), (300.0, 0.0), (200.0, 0.0), (400.0, 0.0)), 5.0)
    choice = world.choose(3)
    assert world.names(choice) == ["c0", "c2", "c1"]
    assert [(pick.filled, pick.gain) for pick in choice.picks[1:]] == [(True, 0.0)] * 2
    assert choice.runner_up == ()


def test_a_left_over_ptz_camera_is_taken_at_its_widest() -> None:
    world = World(a_street((900.0, 0.0), kind="ptz"), 5.0)
    (pick,) = world.choose(1).picks
    assert (pick.filled, world.views.field_deg[pick.view]) == (True, 60.0)


def test_a_ptz_camera_far_off_zooms_in_and_one_near_by_does_not() -> None:
    near, far = World(a_street((15.0, 0.0), kind="ptz"), 5.0), World(a_street((120.0, 0.0), kind="ptz"), 2.0)
    assert near.views.field_deg[near.choose(1).picks[0].view] == 60.0
    assert far.views.field_deg[far.choose(1).picks[0].view] == 12.0


def test_cameras_that_may_not_be_chosen_are_neither_picked_nor_runners_up() -> None:
    world = World(a_street((10.0, 0.0), (-10.0, 0.0), (0.0, 10.0)), 5.0)
    nobody = np.zeros(3, np.bool_)
    wish = Wish(world.table.site[world.rows], nobody, nobody, 2)
    assert_nothing(choose(world.views, world.region.weights, wish, POLICY))


def test_of_nothing_nothing_is_chosen() -> None:
    table, region = a_table(), disc(*HERE, 10.0)
    none = np.zeros(0, np.intp)
    (views,) = views_of(table, [ViewRequest(none, region)], DEMO.view)
    wish = Wish(none, np.zeros(0, np.bool_), np.zeros(0, np.bool_), 4)
    assert_nothing(choose(views, region.weights, wish, POLICY))
