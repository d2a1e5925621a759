"""Which cameras are chosen and where they are aimed."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.choice.choosing import Wishes, choose_many
from pipeline.choice.layout import CANDIDATES_MAX, REASONS
from pipeline.sight.camera_grid import MOVED_MAX, CameraGrid
from pipeline.sight.world import World
from tests.pipeline.choosing_scenes import (
    HandMadeSightlines,
    HandMadeStreets,
    cameras,
    chosen,
    names,
    numbers_of_policies,
    optics_of,
    places_of,
    selection_of,
    spots,
    still_kinds,
    view_of,
    wishes_of,
)
from tests.support.brute_force_choice import Cam, Case, Numbers, Spot, best_utility

HERE = [Spot(0.0, 0.0, 1.0)]
PLAIN = Numbers()
FREE = Numbers(min_gain=0.0, ptz_min_gain=0.0, held_bonus=0.0, travel_cost=0.0)
known_kinds = st.sampled_from(["fixed", "round", "turning"])
laws = settings(deadline=None, max_examples=120)


@laws
@given(cameras(), spots(), numbers_of_policies, st.integers(0, 6), st.booleans(), st.data())
def test_the_choice_is_that_of_the_plain_rules(cams, where, numbers, count, fill, data) -> None:  # noqa: PLR0917
    turning = [cam.name for cam in cams if cam.kind == "turning"]
    held = {name: (float(data.draw(st.integers(0, 359))), 60.0) for name in turning[:2]}
    held |= {cam.name: (math.nan, math.nan) for cam in cams[:1] if cam.kind != "turning"}
    wishes = replace(wishes_of(count, cams, held), fill=np.array([fill]))
    choices = chosen(cams, where, wishes, numbers)
    expected = Case(cams, where, numbers, count, held).decide(fill=fill)
    assert choices.utility[0] == pytest.approx(expected.utility(), abs=1e-6)
    got = names(choices, cams)
    assert got == [taken.name for taken in expected.taken]
    assert choices.gain[0, : len(got)] == pytest.approx([taken.gain for taken in expected.taken], abs=1e-6)
    assert choices.filled[0, : len(got)].tolist() == [taken.kind == "filled" for taken in expected.taken]
    assert choices.second[0, : len(got)].tolist() == [taken.kind == "second" for taken in expected.taken]


@settings(deadline=None, max_examples=40)
@given(cameras(known_kinds, most=4), spots(most=6), st.integers(1, 3))
def test_greedy_lies_between_the_optimum_and_63_percent_of_it(cams, where, count) -> None:
    numbers = replace(FREE, step_deg=60.0)
    optimum = best_utility(cams, where, numbers, count)
    utility = chosen(cams, where, count, numbers).utility[0]
    turning = sum(cam.kind == "turning" for cam in cams)
    # With one aim per head the guarantee of greedy choice is 1/2 (Fisher, Nemhauser, Wolsey 1978), without 1 - 1/e.
    least = 0.5 if turning else 1 - 1 / math.e
    assert least * optimum - 1e-6 <= utility <= optimum + 1e-6


@laws
@given(cameras(still_kinds), spots(), cameras(still_kinds, most=3))
def test_more_cameras_never_show_less_where_the_count_is_no_limit(cams, where, more) -> None:
    more = [replace(cam, name=f"more-{cam.name}", site=100 + cam.site) for cam in more]
    few, many = (chosen(some, where, 16, FREE).utility[0] for some in (cams, cams + more))
    assert many >= few - 1e-9


@laws
@given(cameras(), spots(), numbers_of_policies, st.integers(0, 7))
def test_a_longer_list_never_shows_less(cams, where, numbers, count) -> None:
    shorter, longer = (chosen(cams, where, k, numbers) for k in (count, count + 1))
    assert longer.utility[0] >= shorter.utility[0] - 1e-9
    assert names(longer, cams)[: len(names(shorter, cams))] == names(shorter, cams)


@laws
@given(cameras(still_kinds), spots(), cameras(still_kinds, most=3), st.integers(1, 4))
def test_with_a_fixed_count_more_cameras_cost_at_most_what_greedy_choice_may_lose(cams, where, more, count) -> None:
    more = [replace(cam, name=f"more-{cam.name}", site=100 + cam.site) for cam in more]
    few, many = (chosen(some, where, count, FREE).utility[0] for some in (cams, cams + more))
    assert many >= (1 - 1 / math.e) * few - 1e-9
    assert count > 1 or many >= few - 1e-9


@laws
@given(cameras(), spots(), numbers_of_policies, st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(cams, where, numbers, count, random) -> None:
    shuffled = list(cams)
    random.shuffle(shuffled)
    one, other = chosen(cams, where, count, numbers), chosen(shuffled, where, count, numbers)
    assert names(one, cams) == names(other, shuffled)
    assert one.utility[0] == other.utility[0]
    np.testing.assert_array_equal(one.pan_deg, other.pan_deg)
    np.testing.assert_array_equal(one.gain, other.gain)


@settings(deadline=None, max_examples=60)
@given(cameras(), st.lists(spots(), min_size=2, max_size=5), st.permutations(range(5)))
def test_the_order_of_the_cases_and_their_company_do_not_matter(cams, cases, order) -> None:
    order = [number for number in order if number < len(cases)]
    optics, grid = optics_of(cams, PLAIN), CameraGrid()
    grid.refresh(optics, None)
    rest = (view_of(PLAIN), selection_of(PLAIN))
    together = choose_many(
        World.none(), optics, grid, places_of(*(cases[k] for k in order)), Wishes.of([3] * len(order)), *rest
    )
    for at, number in enumerate(order):
        alone = choose_many(World.none(), optics, grid, places_of(cases[number]), Wishes.of([3]), *rest)
        np.testing.assert_array_equal(alone.row[0], together.row[at])
        np.testing.assert_array_equal(alone.gain[0], together.gain[at])
        np.testing.assert_array_equal(alone.runner_row[0], together.runner_row[at])
        assert alone.utility[0] == together.utility[at]


def test_how_far_is_looked_for_left_over_places_does_not_depend_on_the_case_before() -> None:
    lonely = [Cam("a", 5_400, 5, site=1), Cam("b", 5_400, -5, site=2)]
    cams = [*lonely, Cam("c", 10, 0, site=3), Cam("d", -10, 0, site=4), Cam("e", 400, 0, site=5)]
    optics, grid = optics_of(cams, PLAIN), CameraGrid()
    grid.refresh(optics, None)
    places = places_of([Spot(5_000.0, 0.0, 1.0)], HERE)
    wishes = replace(Wishes.of([2, 2]), fill=np.array([True, True]))
    choices = choose_many(World.none(), optics, grid, places, wishes, view_of(PLAIN), selection_of(PLAIN))
    assert choices.looked_at.tolist() == [2, 2]


@laws
@given(cameras(), spots(), numbers_of_policies, st.integers(0, 8), st.data())
def test_who_may_not_be_looked_through_is_never_chosen(cams, where, numbers, count, data) -> None:
    cams = [
        replace(cam, reason=data.draw(st.sampled_from([0, 0, 1, 2, 3])), purposes=data.draw(st.sampled_from([1, 2, 3])))
        for cam in cams
    ]
    barred = data.draw(st.sets(st.integers(0, len(cams) - 1)))
    wishes = replace(
        wishes_of(count, cams),
        purposes=np.array([2], np.uint16),
        barred_first=np.array([0, len(barred)], np.int32),
        barred_row=np.array(sorted(barred), np.int32),
        fill=np.array([data.draw(st.booleans())]),
    )
    wishes.pinned_row[0, 0] = data.draw(st.integers(0, len(cams) - 1))
    choices = chosen(cams, where, wishes, numbers)
    for row in {*choices.row[0].tolist(), *choices.runner_row[0].tolist()} - {-1}:
        assert cams[row].reason == 0
        assert cams[row].purposes & 2
        assert row not in barred
    shown = choices.row[0][(choices.row[0] >= 0) & ~choices.filled[0]].tolist()
    for row in set(shown) - set(wishes.pinned_row[0].tolist()):
        assert min(math.hypot(s.x_m - cams[row].x_m, s.y_m - cams[row].y_m) for s in where) <= cams[row].reach_m + 0.5


@laws
@given(cameras(), spots(), numbers_of_policies, st.integers(0, 8))
def test_utility_never_exceeds_the_mass_that_any_camera_has_in_reach(cams, where, numbers, count) -> None:
    choices = chosen(cams, where, count, numbers)
    in_reach = [s for s in where if any(math.hypot(s.x_m - c.x_m, s.y_m - c.y_m) <= c.reach_m + 0.5 for c in cams)]
    assert 0.0 <= choices.utility[0] <= sum(spot.mass for spot in in_reach) + 1e-9
    first_views = choices.gain[0][(choices.row[0] >= 0) & ~choices.second[0]]
    assert first_views.sum() >= choices.utility[0] - 1e-6 or choices.second[0].any()


@laws
@given(cameras(), spots(), st.integers(1, 5), st.floats(-0.4, 0.4))
def test_held_cameras_are_kept_through_tiny_changes(cams, where, count, shift_m) -> None:
    numbers = replace(PLAIN, weak=0.0, clutter_m=10_000.0, min_gain=0.0, ptz_min_gain=0.0, travel_cost=0.0)
    # All round and far-seeing: a shift of less than a metre changes distances, and nothing else.
    cams = [replace(cam, kind="round", observe_m=(400.0,), reach_m=200.0, factor=(0.5,) * 12) for cam in cams]
    cams = [replace(cam, x_m=cam.x_m / 2, y_m=cam.y_m / 2) for cam in cams]
    before = names(chosen(cams, [replace(s, x_m=s.x_m / 2, y_m=s.y_m / 2) for s in where], count, numbers), cams)
    moved = [replace(s, x_m=s.x_m / 2 + shift_m, y_m=s.y_m / 2) for s in where]
    held = dict.fromkeys(before, (math.nan, math.nan))
    assert set(names(chosen(cams, moved, wishes_of(count, cams, held), numbers), cams)) == set(before)


@given(st.integers(1, 12), st.sampled_from([((), 0), ((0, 60), 2), ((0, 30, 60, 90), 4)]), st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_pole_mates_of_unknown_heading_show_a_place_with_a_probability_of_at_most_one(count, facing, mates) -> None:
    cams = [Cam(f"cam-{k}", 0, -20, "loose", site=7, facing_bins=facing[0], facing_n=facing[1]) for k in range(mates)]
    numbers = replace(FREE, clutter_m=1e9)
    choices = chosen(cams, HERE, count, numbers)
    share = 1 / facing[1] if facing[1] else 90 / 360
    assert choices.utility[0] == pytest.approx(min(share * min(count, mates), 1.0))
    at_first = min(count, mates, round(1 / share))
    assert choices.gain[0][:at_first] == pytest.approx(share, rel=1e-5)


def test_equals_are_told_apart_by_distance_and_then_by_a_hash_of_the_id() -> None:
    # Mirror images; the hash of the id decides whatever the row.
    cams = [Cam(f"cam-{k}", 0.0, 30.0 if k % 2 else -30.0, site=k) for k in range(6)]
    assert names(chosen(cams, HERE, 1, PLAIN), cams) == names(chosen(cams[::-1], HERE, 1, PLAIN), cams[::-1])
    # In sight equally well, for distances are counted in metres.
    near = Cam("near", 0.0, 29.8, site=9)
    assert names(chosen([*cams, near], HERE, 1, PLAIN), [*cams, near]) == ["near"]


def test_a_head_is_held_at_its_aim_without_cost() -> None:
    cams = [Cam("ptz", 0.0, -20.0, "turning")]
    held = {"ptz": (13.0, 60.0)}
    choices = chosen(cams, HERE, wishes_of(1, cams, held), PLAIN)
    assert choices.pan_deg[0, 0] == 13.0
    assert choices.travel[0, 0] == 0.0
    assert choices.bonus[0, 0] == pytest.approx(0.02)
    assert choices.held[0, 0]
    assert choices.held_utility[0] == pytest.approx(choices.utility[0])


def test_a_held_head_that_must_be_turned_pays_for_the_way_and_loses_half_its_bonus() -> None:
    cams = [Cam("ptz", 0.0, -20.0, "turning")]
    choices = chosen(cams, HERE, wishes_of(1, cams, {"ptz": (180.0, 60.0)}), PLAIN)
    # The shortest way to an aim that shows it all.
    assert choices.pan_deg[0, 0] == 30.0
    assert choices.travel[0, 0] == pytest.approx(0.01 * 150 / 180)
    assert choices.bonus[0, 0] == pytest.approx(0.01)
    assert choices.held_utility[0] == 0.0


def test_a_head_looks_to_the_middle_of_what_it_shows_and_no_narrower_than_need_be() -> None:
    numbers = replace(PLAIN, zooms_deg=(60.0, 30.0, 12.0))
    east = [Spot(20.0, 0.0, 1.0)]
    ptz = Cam("ptz", 0.0, 0.0, "turning", observe_m=(31.3,), reach_m=172.0)
    near = chosen([ptz], east, 1, numbers)
    assert (near.pan_deg[0, 0], near.field_deg[0, 0]) == (90.0, 60.0)
    far = chosen([ptz], [Spot(150.0, 0.0, 1.0)], 1, numbers)
    assert (far.pan_deg[0, 0], far.field_deg[0, 0]) == (90.0, 12.0)
    assert far.level[0, 0] == 1.0
    assert far.observe_m[0, 0] == pytest.approx(31.3 * math.tan(math.pi / 6) / math.tan(math.radians(6)), rel=1e-5)


def test_a_head_is_not_taken_for_little_but_kept_for_little() -> None:
    where = [Spot(0.0, 0.0, 0.01), Spot(500.0, 0.0, 0.99)]
    cams = [Cam("ptz", 0.0, -20.0, "turning")]
    assert names(chosen(cams, where, 1, PLAIN), cams) == []
    assert chosen(cams, where, 1, PLAIN).runner_row[0, 0] == 0
    held = wishes_of(1, cams, {"ptz": (0.0, 60.0)})
    assert names(chosen(cams, where, held, PLAIN), cams) == ["ptz"]


def test_pinned_cameras_are_in_first_and_whatever_they_show() -> None:
    cams = [Cam("good", 0, -20, site=1), Cam("far", 3_000, 0, site=2), Cam("ptz", 2_000, 0, "turning", site=3)]
    wishes = wishes_of(1, cams)
    wishes.pinned_row[0, :2] = [2, 1]
    choices = chosen(cams, HERE, wishes, PLAIN)
    assert names(choices, cams) == ["ptz", "far"]
    assert choices.pan_deg[0, 0] == pytest.approx(270.0)
    assert names(chosen(cams, HERE, replace(wishes, count=np.array([3], np.int32)), PLAIN), cams)[2:] == ["good"]


def test_left_over_places_go_to_the_nearest_and_a_free_head_is_not_turned_for_them() -> None:
    cams = [Cam("c", 300, 0, site=1), Cam("a", 150, 0, reach_m=60, site=2), Cam("ptz", 0, -200, "turning", site=3)]
    wishes = replace(wishes_of(2, cams), fill=np.array([True]))
    choices = chosen(cams, HERE, wishes, PLAIN)
    assert names(choices, cams) == ["a", "ptz"]
    assert choices.filled[0, :2].all()
    assert np.isnan(choices.pan_deg[0, 1])
    wishes = replace(wishes, count=np.array([4], np.int32))
    # With too few around, cameras up to 500 m away are looked at.
    assert names(chosen(cams, HERE, wishes, PLAIN), cams) == ["a", "ptz", "c"]
    assert names(chosen(cams, HERE, 4, PLAIN), cams) == []


def test_what_is_seen_already_is_seen_a_second_time_by_others() -> None:
    numbers = replace(PLAIN, clutter_m=1e9)
    cams = [Cam(f"cam-{k}", 10.0 * k, -20.0, site=k) for k in range(3)]
    choices = chosen(cams, HERE, 3, numbers)
    assert len(names(choices, cams)) == 2
    assert choices.second[0, :3].tolist() == [False, True, False]
    assert choices.utility[0] == pytest.approx(1.0)


def test_only_the_rows_asked_for_are_chosen_from() -> None:
    cams = [Cam(f"cam-{k}", 0, -20.0 - k, site=k) for k in range(4)]
    wishes = wishes_of(4, cams)
    wishes.only_row[0, :2] = [3, 1]
    assert set(names(chosen(cams, HERE, wishes, replace(PLAIN, clutter_m=50.0)), cams)) <= {"cam-1", "cam-3"}
    assert chosen(cams, HERE, wishes, PLAIN).looked_at[0] == 2


@laws
@given(cameras(), spots(), numbers_of_policies, st.integers(1, 5))
def test_the_value_of_the_held_set_is_what_it_was_chosen_for(cams, where, numbers, count) -> None:
    first = chosen(cams, where, count, numbers)
    assume(not first.second.any())
    wishes = replace(wishes_of(count, cams), held_row=first.row, held_pan_deg=first.pan_deg)
    again = chosen(cams, where, replace(wishes, held_field_deg=first.field_deg), numbers)
    assert again.held_utility[0] == pytest.approx(first.utility[0], abs=1e-6)


@laws
@given(cameras(), spots(), numbers_of_policies, st.integers(0, 4))
def test_the_next_best_add_what_is_said_of_them(cams, where, numbers, count) -> None:
    choices = chosen(cams, where, count, numbers)
    runners = [row for row in choices.runner_row[0].tolist() if row >= 0]
    assert not set(runners) & set(choices.row[0].tolist())
    assert (choices.runner_gain[0][: len(runners)] > 0).all()
    assert (choices.runner.p_view[0] >= choices.runner_gain[0] - 1e-6).all()


def test_those_left_out_are_counted_by_reason() -> None:
    cams = [Cam(f"cam-{k}", 0, -20, site=k, reason=reason) for k, reason in enumerate([0, 1, 2, 3, 3])]
    cams += [Cam("wrong", 0, -20, site=9, purposes=2), Cam("barred", 0, -20, site=10)]
    wishes = replace(
        wishes_of(1, cams),
        purposes=np.array([1], np.uint16),
        barred_first=np.array([0, 1], np.int32),
        barred_row=np.array([6], np.int32),
    )
    choices = chosen(cams, HERE, wishes, PLAIN)
    # A camera without a position of its own is not around anything.
    counts = dict(zip(REASONS, choices.excluded[0].tolist(), strict=True))
    assert counts == {"status": 1, "position": 0, "health": 2, "purpose": 1, "barred": 1}
    assert choices.looked_at[0] == 6


def on_three_cells(shares: list[int]) -> World:
    """Return a world of three street cells to the north, which the one camera sees with these shares."""
    seen = [cell for cell, share in enumerate(shares) if share]
    lines = HandMadeSightlines(
        first=np.array([0], np.int64),
        count=np.array([len(seen)], np.int32),
        cell=np.array(seen, np.int32),
        bearing=np.zeros(len(seen), np.uint8),
        distance_m=np.array([10 * (cell + 1) for cell in seen], np.uint8),
        share=np.array([shares[cell] for cell in seen], np.uint8),
    )
    return World(HandMadeStreets(np.zeros(3)), None, lines)  # type: ignore[arg-type]


def test_a_place_on_a_street_is_seen_as_far_as_sight_lines_lead_there() -> None:
    cams, numbers = [Cam("cam", 0, 0)], replace(PLAIN, clutter_m=1e9)
    optics, grid = optics_of(cams, numbers), CameraGrid()
    grid.refresh(optics, None)
    places = places_of([Spot(0.5, 10, 0.5), Spot(0.5, 20, 0.3), Spot(0.5, 30, 0.2)])
    places = replace(places, cell=np.array([0, 1, 2], np.int32))
    rest = (optics, grid, places, Wishes.of([1]), view_of(numbers), selection_of(numbers))
    for shares, expected in (([255, 255, 255], 1.0), ([255, 0, 0], 0.5), ([0, 51, 255], 0.26), ([0, 0, 0], 0.0)):
        choices = choose_many(on_three_cells(shares), *rest)
        assert choices.utility[0] == pytest.approx(expected)
    assert (grid.cell_places(3) == -1).all()
    # A place on no street is seen if it is within reach; a cell that comes twice is one place.
    mixed = replace(places, cell=np.array([-1, 1, 1], np.int32))
    choices = choose_many(on_three_cells([0, 255, 0]), optics, grid, mixed, *rest[3:])
    assert choices.utility[0] == pytest.approx(1.0)


def test_the_terms_of_a_choice_multiply_to_its_probability_of_a_view() -> None:
    cam = Cam("cam", 0, -40, "loose", observe_m=(30.0,), facing_bins=(0, 60), facing_n=2, factor=(0.8,) * 12)
    choices = chosen([cam], HERE, 1, PLAIN)
    terms = [getattr(choices, name)[0, 0] for name in ("covered", "sight", "level", "clutter", "heading", "factor")]
    assert terms == pytest.approx([1.0, 1.0, 0.05, math.exp(-40 / 200), 0.5, 0.8])
    assert choices.p_view[0, 0] == pytest.approx(math.prod(terms), rel=1e-5)
    assert (choices.distance_m[0, 0], choices.bearing_deg[0, 0]) == (40.0, 0.0)


def test_moved_cameras_are_found_where_they_are_now() -> None:
    cams = [Cam(f"cam-{k}", 1_000.0 * k, 0.0, site=k) for k in range(300)]
    optics, grid = optics_of(cams, PLAIN), CameraGrid()
    grid.refresh(optics, None)

    def rows_at(x_m: float) -> list[int]:
        where, policies = places_of([Spot(x_m, 5.0, 1.0)]), (view_of(PLAIN), selection_of(PLAIN))
        choices = choose_many(World.none(), optics, grid, where, Wishes.of([4]), *policies)
        return [row for row in choices.row[0].tolist() if row >= 0]

    for rows in ([5], list(range(10, 20)), list(range(MOVED_MAX + 5))):
        optics.x_m[rows] += 400.0
        grid.refresh(optics, np.array(rows))
        for row in rows[:12]:
            assert rows_at(optics.x_m[row]) == [row]
            assert rows_at(optics.x_m[row] - 400.0) == []
    optics.reason[7] = 255
    grid.refresh(optics, np.array([7]))
    assert rows_at(optics.x_m[7]) == []


def test_too_many_cameras_are_thinned_evenly_whatever_their_rows() -> None:
    rng = np.random.default_rng(1)
    cams = [Cam(f"cam-{k}", *rng.uniform(-100, 100, 2), site=k) for k in range(CANDIDATES_MAX + 500)]
    one, other = chosen(cams, HERE, 8, PLAIN), chosen(cams[::-1], HERE, 8, PLAIN)
    assert names(one, cams) == names(other, cams[::-1])
    assert one.looked_at[0] == len(cams)


def test_cases_without_places_get_nothing_and_wrong_sizes_are_refused() -> None:
    cams = [Cam("cam", 0, 0)]
    assert names(chosen(cams, [], 4, PLAIN), cams) == []
    with pytest.raises(ValueError, match="count must be 0 to 16, got 17"):
        chosen(cams, HERE, 17, PLAIN)
    with pytest.raises(ValueError, match="wishes must be of 1 cases, got 2"):
        chosen(cams, HERE, Wishes.of([1, 1]), PLAIN)
    assert names(chosen([], HERE, 4, PLAIN), cams) == []


def a_fixed_scene() -> dict[str, list[float]]:
    """Return what is chosen in a scene with everything in it, as numbers."""
    rng = np.random.default_rng(5)
    kinds = ["fixed", "loose", "round", "turning"]
    cams = [
        Cam(
            f"cam-{k}",
            *rng.uniform(-90, 90, 2).tolist(),
            kind=kinds[k % 4],
            azimuth_deg=float(rng.integers(360)),
            observe_m=(31.3,),
            reach_m=172.0,
            site=k // 2,
        )
        for k in range(24)
    ]
    where = [Spot(*rng.uniform(-60, 60, 2).tolist(), 1 / 30) for _ in range(30)]
    wishes = replace(wishes_of(6, cams, {"cam-3": (40.0, 30.0), "cam-4": (math.nan, 90.0)}), fill=np.array([True]))
    choices = chosen(cams, where, wishes, Numbers(zooms_deg=(60.0, 30.0, 12.0)))
    columns = {name: getattr(choices, name)[0].tolist() for name in ("row", "pan_deg", "gain", "p_view", "runner_gain")}
    return columns | {"utility": [choices.utility[0], choices.held_utility[0]]}


def test_compiled_and_plain_kernels_choose_the_same() -> None:
    code = (
        "import json; from tests.pipeline.choice.test_choosing import a_fixed_scene; print(json.dumps(a_fixed_scene()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    plain = json.loads(run.stdout)
    for name, values in a_fixed_scene().items():
        assert plain[name] == pytest.approx(values, rel=1e-6, abs=1e-9, nan_ok=True), name
