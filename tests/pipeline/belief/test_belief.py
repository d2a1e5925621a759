"""A belief follows the evidence: fixes pull it, misses push it away, sightings draw it in; the same log gives it."""

import math
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.belief import belief
from pipeline.belief.chance import seed_of
from pipeline.belief.particles import ON_PLANE, PARTICLE, from_bytes, to_bytes
from pipeline.errors import RuleBrokenError
from pipeline.rules.belief_policy import PARTICLES_MAX
from pipeline.world.streets import Streets
from tests.pipeline.belief_worlds import (
    ADULT,
    GRID,
    fingerprint,
    moved,
    policy_of,
    seeds_of,
    started,
    streets_of,
    walks_of,
)

ROOT = Path(__file__).parents[3]
POLICY = policy_of()
WORLDS = pytest.mark.parametrize("streets", [GRID, None], ids=["streets", "plane"])
PLACE = st.tuples(st.floats(-350.0, 350.0), st.floats(-350.0, 350.0))
SURE = np.array([1.0], np.float32)


def with_fix(  # noqa: PLR0917 - numbers of one fix
    particles: np.ndarray, x_m: float, y_m: float, sigma_m: float, streets: Streets | None, number: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of beliefs with a fix at one place weighed in, and how much of each agreed."""
    later, n = particles.copy(), len(particles)
    at = (np.full(n, x_m), np.full(n, y_m), np.full(n, sigma_m))
    agreed = belief.weigh_fixes(later, *at, walks_of(n), seeds_of(n, number), streets, POLICY)
    return later, agreed


def with_look(  # noqa: PLR0917 - numbers of one look
    row: np.ndarray,
    p: np.ndarray,
    seen: bool,
    reliability: float = 1.0,
    sights: list[belief.Sight | None] | None = None,
    weak: bool = False,
) -> tuple[np.ndarray, float]:
    """Return a copy of one belief with one look weighed in, and the total weight that was left."""
    later = row.copy()
    look = (p[None, :].astype(np.float32), np.full((1, len(p)), weak), np.array([seen]))
    seed = seed_of(b"case", 9)
    r = np.array([reliability], np.float32)
    left = belief.weigh_looks(later, *look, r, seed, ADULT, GRID, POLICY, sights or ())
    return later, left


def mass_where(row: np.ndarray, chosen: np.ndarray) -> float:
    """Return which part of a belief's weight is chosen."""
    weights = row["weight"].astype(np.float64)
    return float(weights[chosen].sum() / weights.sum())


def east(row: np.ndarray) -> np.ndarray:
    """Return which particles are east of the origin."""
    _, x_m, _ = belief.spots_of(row[None, :], GRID)
    return np.asarray(x_m[0] > 0.0)


# Start


@WORLDS
def test_a_new_belief_lies_around_its_place(streets: Streets | None) -> None:
    particles = started([(0.0, 0.0), (160.0, -80.0)], streets, policy_of(1_000), sigma_m=20.0)
    x_m, y_m, r68_m, _, _ = belief.where_of(particles, streets)
    assert x_m == pytest.approx([0.0, 160.0], abs=3.0)
    assert y_m == pytest.approx([0.0, -80.0], abs=3.0)
    # On the plane 1.51 sigma; at a crossing the streets make it shorter.
    assert (r68_m < 34.0).all()
    assert (r68_m > 15.0).all()
    if streets is None:
        assert r68_m == pytest.approx([30.2, 30.2], abs=2.0)


def test_who_is_within_60_m_of_a_street_is_put_on_it_and_others_are_on_the_plane() -> None:
    road = streets_of([(-500.0, 0.0), (500.0, 0.0)])
    near, far = started([(0.0, 50.0), (0.0, 75.0)], road, POLICY, sigma_m=1.0)
    assert not (near["state"] & ON_PLANE).any()
    assert (far["state"] & ON_PLANE).all()
    _, _, y_m = belief.spots_of(near[None, :], road)
    assert np.abs(y_m).max() < 0.02


def test_each_kind_of_person_walks_at_its_own_speed() -> None:
    vehicle = next(k for k, walk in enumerate(POLICY.walks) if walk.name == "vehicle")
    walk = np.array([ADULT, vehicle], np.int32)
    at = np.zeros(2)
    particles = belief.start_many(at, at, at + 5.0, walk, seeds_of(2), GRID, POLICY)
    assert particles["speed_mmps"].mean(axis=1) == pytest.approx([900.0, 8_000.0], rel=0.1)


# The same log, the same belief


@WORLDS
def test_the_same_seed_gives_the_same_belief_and_another_one_another(streets: Streets | None) -> None:
    first, again = (moved(started([(5.0, 5.0)], streets, POLICY), 60.0, streets, POLICY) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert moved(started([(5.0, 5.0)], streets, POLICY), 60.0, streets, POLICY, 7).tobytes() != first.tobytes()


@WORLDS
@given(places=st.lists(PLACE, min_size=1, max_size=6), order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_a_case_gets_the_same_belief_alone_and_in_any_batch(
    streets: Streets | None, places: list[tuple[float, float]], order: Random
) -> None:
    policy = policy_of(40)
    n = len(places)
    x_m, y_m = np.array(places).T
    sigma_m, seconds = np.linspace(5.0, 40.0, n), np.linspace(0.0, 90.0, n)

    def life(rows: list[int]) -> tuple[bytes, ...]:
        """Return all that becomes of some of the cases in one batch."""
        k = np.array(rows)
        common = (walks_of(len(k)), seeds_of(n)[k], streets, policy)
        particles = belief.start_many(x_m[k], y_m[k], sigma_m[k], *common)
        belief.move_many(particles, seconds[k], *common)
        agreed = belief.weigh_fixes(particles, x_m[k] + 30.0, y_m[k], sigma_m[k], *common)
        where = np.stack(belief.where_of(particles, streets))
        places_of = belief.places_of(particles, streets)
        return tuple(
            particles[i].tobytes()
            + agreed[i].tobytes()
            + where[:, i].tobytes()
            + b"".join(
                getattr(places_of, name)[places_of.first[i] : places_of.first[i + 1]].tobytes()
                for name in ("cell", "x_m", "y_m", "mass")
            )
            for i in range(len(k))
        )

    together = life(list(range(n)))
    assert tuple(life([i])[0] for i in range(n)) == together
    shuffled = list(range(n))
    order.shuffle(shuffled)
    assert life(shuffled) == tuple(together[i] for i in shuffled)


def test_without_machine_code_everything_comes_out_the_same_to_the_bit() -> None:
    program = "from tests.pipeline.belief_worlds import fingerprint; print(fingerprint())"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert plain.stdout.strip() == fingerprint()


def test_no_cases_are_no_trouble() -> None:
    none = started([], GRID, POLICY)
    assert none.shape == (0, POLICY.particles)
    assert moved(none, 10.0, GRID, POLICY).shape == none.shape
    assert len(belief.places_of(none, GRID)) == 0
    assert [len(part) for part in belief.where_of(none, GRID)] == [0] * 5


# Fixes


@WORLDS
@given(place=PLACE, fix=PLACE, sigma_m=st.floats(3.0, 60.0))
@settings(max_examples=30, deadline=None)
def test_a_fix_pulls_the_belief_to_itself(
    streets: Streets | None, place: tuple[float, float], fix: tuple[float, float], sigma_m: float
) -> None:
    before = started([place], streets, POLICY, sigma_m=60.0)
    after, _ = with_fix(before, *fix, sigma_m, streets)

    def mean_distance_m(particles: np.ndarray) -> float:
        _, x_m, y_m = belief.spots_of(particles, streets)
        weights = particles["weight"].astype(float)
        return float(np.average(np.hypot(x_m - fix[0], y_m - fix[1]), weights=weights))

    # Streets may be 40 m away from a fix inside a block, whatever it says.
    assert mean_distance_m(after) <= max(mean_distance_m(before), 2.0 * sigma_m + 45.0) + 1.0


def test_a_sharp_fix_leaves_a_sharp_belief() -> None:
    before = moved(started([(0.0, 0.0)], GRID, POLICY), 200.0, GRID, POLICY)
    after, _ = with_fix(before, 80.0, 0.0, 5.0, GRID)
    x_m, y_m, r68_m, _, _ = belief.where_of(after, GRID)
    assert math.hypot(x_m[0] - 80.0, y_m[0]) < 6.0
    assert r68_m[0] < 12.0 < belief.where_of(before, GRID)[2][0]


def test_a_fix_that_agrees_keeps_most_walkers_and_one_that_does_not_draws_the_most_anew() -> None:
    before = started([(0.0, 0.0)], GRID, POLICY, sigma_m=20.0)
    before["speed_mmps"] = 9_000  # whoever is drawn anew has a walker's speed; copies differ only a little
    near, agreed_near = with_fix(before, 0.0, 0.0, 30.0, GRID)
    far, agreed_far = with_fix(before, 300.0, 0.0, 5.0, GRID)
    fresh = [(after["speed_mmps"] < 6_000).mean() for after in (near, far)]
    assert agreed_near[0] > 0.5
    assert fresh[0] == pytest.approx(POLICY.fresh_min, abs=0.02)
    # All particles are equally far out, which is no agreement with the fix.
    assert agreed_far[0] == 0.0
    assert fresh[1] == pytest.approx(POLICY.fresh_max, abs=0.02)
    assert mass_where(far[0], east(far[0])) > 0.6
    spread = moved(before, 300.0, GRID, POLICY)
    edge, agreed_edge = with_fix(spread, 240.0, 0.0, 5.0, GRID)
    assert agreed_edge[0] < 0.1
    assert (edge["speed_mmps"] != 1_234).mean() > 0.3


def test_after_repeated_fixes_elsewhere_the_belief_is_there() -> None:
    particles = started([(-240.0, 0.0)], GRID, POLICY)
    for number in range(3):
        particles, _ = with_fix(particles, 240.0, 0.0, 10.0, GRID, number)
    assert mass_where(particles[0], east(particles[0])) > 0.95


def test_a_fix_leaves_all_particles_with_the_same_weight() -> None:
    after, _ = with_fix(started([(0.0, 0.0)], GRID, POLICY), 10.0, 0.0, 10.0, GRID)
    assert (after["weight"] == 65_535).all()


def test_a_late_fix_is_blurred_and_no_fix_is_sharper_than_a_metre() -> None:
    r68_m, lag_s = np.array([30.2, 30.2, 0.0, 15.1]), np.array([0.0, 60.0, 0.0, -10.0])
    assert belief.fix_sigma_m(r68_m, lag_s, POLICY) == pytest.approx([22.0, math.hypot(22.0, 42.0), 1.0, 11.0])


@given(st.floats(0.0, 5_000.0), st.floats(-1e5, 1e5), st.floats(0.0, 500.0))
def test_later_and_vaguer_fixes_are_never_sharper(r68_m: float, lag_s: float, more: float) -> None:
    sigma_m, later_m, vaguer_m = (
        float(belief.fix_sigma_m(np.array([r]), np.array([lag]), POLICY)[0])
        for r, lag in ((r68_m, lag_s), (r68_m, lag_s + more), (r68_m + more, lag_s))
    )
    assert 1.0 <= sigma_m <= min(later_m, vaguer_m)


# Looks


@given(st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_a_miss_lowers_the_mass_in_view_and_a_sighting_raises_it(p: float, reliability: float, number: int) -> None:
    row = moved(started([(0.0, 0.0)], GRID, POLICY), 300.0, GRID, POLICY, number)[0]
    in_view = east(row)
    before = mass_where(row, in_view)
    missed, left = with_look(row, np.where(in_view, p, 0.0), False, reliability)
    assert mass_where(missed, in_view) < before
    assert left == pytest.approx(1.0 - 0.4 * p * reliability * before, abs=1e-5)
    seen, _ = with_look(row, np.where(in_view, p, 0.0), True, reliability)
    assert mass_where(seen, east(seen)) > before


def test_a_miss_takes_what_a_look_would_have_seen() -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    half = np.arange(200) < 100
    missed, _ = with_look(row, half.astype(float), False)
    assert mass_where(missed, half) == pytest.approx(0.6 / 1.6, abs=1e-4)
    weakly_missed, _ = with_look(row, half.astype(float), False, weak=True)
    assert mass_where(weakly_missed, half) == pytest.approx(0.88 / 1.88, abs=1e-4)


def test_a_sighting_by_a_source_that_is_right_with_r_leaves_about_r_in_a_usual_view() -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    row["speed_mmps"] = np.where(np.arange(200) < 20, 12_000, 6_000)  # marks who is in view through the resampling
    p = (row["speed_mmps"] > 9_000).astype(float)
    for reliability, least, most in ((0.5, 0.4, 0.7), (0.8, 0.75, 0.9), (0.97, 0.95, 1.0)):
        seen, _ = with_look(row, p, True, reliability)
        assert least < mass_where(seen, seen["speed_mmps"] > 9_000) < most


def test_a_weak_view_that_saw_draws_the_belief_in_less_than_a_good_one() -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    half = np.arange(200) < 100
    good, weakly = (with_look(row, half.astype(float), True, 0.8, weak=weak)[0] for weak in (False, True))
    false = 0.2 * 0.1 * 0.4
    assert mass_where(good, half) == pytest.approx((0.32 + false) / (0.32 + 2 * false), abs=1e-3)
    assert mass_where(weakly, half) == pytest.approx((0.096 + false) / (0.096 + 2 * false), abs=1e-3)


def test_a_source_that_is_never_right_changes_nothing() -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    p = east(row).astype(float)
    for seen in (False, True):
        assert with_look(row, p, seen, 0.0)[0].tobytes() == row.tobytes()


def test_a_view_of_everything_says_nothing_about_where() -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    for seen in (False, True):
        assert with_look(row, np.ones(200), seen)[0].tobytes() == row.tobytes()


def test_misses_of_one_moment_weigh_like_misses_one_after_the_other() -> None:
    row = moved(started([(0.0, 0.0)], GRID, POLICY), 300.0, GRID, POLICY)[0]
    _, x_m, y_m = belief.spots_of(row[None, :], GRID)
    views = np.stack([x_m[0] > 0, y_m[0] > 0]).astype(np.float32) * 0.5
    together = row.copy()
    weak, misses, r = np.zeros((2, 200), bool), np.zeros(2, bool), np.ones(2, np.float32)
    left = belief.weigh_looks(together, views, weak, misses, r, seed_of(b"", 1), ADULT, GRID, POLICY)
    first, left_1 = with_look(row, views[0], False)
    second, left_2 = with_look(first, views[1], False)
    assert left == pytest.approx(left_1 * left_2, rel=1e-3)
    assert together["weight"].astype(int) == pytest.approx(second["weight"].astype(int), abs=2)


def test_a_belief_that_can_be_nowhere_else_outlives_a_miss_by_a_perfect_view() -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    for _ in range(200):
        row, _ = with_look(row, np.ones(200), False)
    assert (row["weight"] == 65_535).all()


def test_few_that_weigh_much_are_drawn_anew_in_equal_weights() -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    seen, _ = with_look(row, (np.arange(200) < 10).astype(float), True)
    assert (seen["weight"] == 65_535).all()


FAR = belief.Sight(np.array([240.0, 320.0]), np.array([240.0, 240.0]), np.array([3.0, 1.0]))


def in_far_sight(row: np.ndarray) -> float:
    """Return which part of a belief is near the cells of ``FAR``."""
    _, x_m, y_m = belief.spots_of(row[None, :], GRID)
    near = np.min([np.hypot(x_m[0] - x, y_m[0] - y) for x, y in zip(FAR.x_m, FAR.y_m, strict=True)], axis=0)
    return mass_where(row, near < 40.0)


@pytest.mark.parametrize("reliability", [0.5, 0.8, 0.97, 1.0])
def test_a_sighting_where_the_belief_is_not_starts_it_again_there_as_far_as_the_source_is_right(
    reliability: float,
) -> None:
    row = started([(-200.0, -200.0)], GRID, POLICY)[0]
    seen, left = with_look(row, np.zeros(200), True, reliability, [FAR])
    assert left == pytest.approx(0.4 * (1.0 - reliability) * 0.1 + POLICY.outlier, rel=1e-3)
    assert in_far_sight(seen) == pytest.approx(reliability, abs=0.01)
    near_first = np.hypot(*(spot[0] - 240.0 for spot in belief.spots_of(seen[None, :], GRID)[1:])) < 30.0
    assert mass_where(seen, near_first) == pytest.approx(0.75 * reliability, abs=0.03)


def test_a_belief_starts_again_only_if_hardly_any_of_it_was_in_view() -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    some = (np.arange(200) < 2).astype(float)
    assert in_far_sight(with_look(row, some, True, 1.0, [FAR])[0]) == 0.0
    assert in_far_sight(with_look(row, np.zeros(200), False, 1.0, [FAR])[0]) == 0.0
    assert in_far_sight(with_look(row, np.zeros(200), True, 1.0, [None])[0]) == 0.0
    blind = belief.Sight(FAR.x_m, FAR.y_m, np.zeros(2))
    assert in_far_sight(with_look(row, np.zeros(200), True, 1.0, [blind])[0]) == 0.0


# Places and whereabouts


@WORLDS
@given(places=st.lists(PLACE, min_size=1, max_size=4), seconds=st.floats(0.0, 600.0))
@settings(max_examples=25, deadline=None)
def test_masses_of_a_case_add_up_to_1_and_no_place_comes_twice(
    streets: Streets | None, places: list[tuple[float, float]], seconds: float
) -> None:
    particles = moved(started(places, streets, policy_of(70)), seconds, streets, policy_of(70))
    particles["weight"][:, ::3] = 7
    particles["weight"][:, 1] = 0
    found = belief.places_of(particles, streets)
    assert len(found) == len(places)
    for case in range(len(places)):
        part = slice(found.first[case], found.first[case + 1])
        assert found.mass[part].sum() == pytest.approx(1.0, abs=1e-12)
        assert (found.mass[part] > 0.0).all()
        spots = set(zip(found.x_m[part].tolist(), found.y_m[part].tolist(), strict=True))
        assert len(spots) == part.stop - part.start


@WORLDS
def test_a_place_holds_the_weight_of_the_particles_in_its_cell_or_bin(streets: Streets | None) -> None:
    row = moved(started([(0.0, 0.0)], streets, POLICY), 120.0, streets, POLICY)
    row["weight"][0] = np.arange(200) * 300
    found = belief.places_of(row, streets)
    cell, x_m, y_m = (part[0] for part in belief.spots_of(row, streets))
    if streets is None:
        names = list(zip(np.floor(x_m / 10.0) * 10.0 + 5.0, np.floor(y_m / 10.0) * 10.0 + 5.0, strict=True))
    else:
        names = list(zip(streets.cell_x_m[cell], streets.cell_y_m[cell], strict=True))
        assert np.hypot(x_m - streets.cell_x_m[cell], y_m - streets.cell_y_m[cell]).max() < 2.6
    expected: dict[tuple[float, float], float] = {}
    for name, weight in zip(names, row["weight"][0].tolist(), strict=True):
        if weight:
            expected[name] = expected.get(name, 0.0) + weight / row["weight"].astype(int).sum()
    got = dict(zip(zip(found.x_m, found.y_m, strict=True), found.mass, strict=True))
    assert got == pytest.approx(expected)
    assert (found.cell == -1).all() if streets is None else (streets.cell_edge[found.cell] >= 0).all()


def test_people_who_walk_one_way_have_a_heading_and_a_crowd_that_does_not_has_none() -> None:
    row = started([(0.0, 0.0)], None, POLICY, sigma_m=1.0)
    row["state"], row["speed_mmps"] = ON_PLANE, 1_500
    assert math.isnan(belief.where_of(row, None)[4][0])
    row["turn"] = 64
    assert belief.where_of(row, None)[4][0] == pytest.approx(90.0)
    assert belief.where_of(row, None)[3][0] == pytest.approx(1.5)
    row["state"] = ON_PLANE | 1
    _, _, _, speed_mps, heading_deg = belief.where_of(row, None)
    assert speed_mps[0] == 0.0
    assert math.isnan(heading_deg[0])


def test_a_heading_on_streets_is_the_streets_own() -> None:
    road = streets_of([(0.0, 0.0), (0.0, 300.0)])
    row = started([(0.0, 150.0)], road, POLICY)
    row["state"] = 0
    for turn in (0, 1):
        row["turn"] = turn
        up = road.node_y_m[road.edge_to[0]] > road.node_y_m[road.edge_from[0]]
        assert belief.where_of(row, road)[4][0] == pytest.approx(0.0 if up == (turn == 0) else 180.0, abs=1e-6)


@WORLDS
@given(place=PLACE, seconds=st.floats(0.0, 600.0))
@settings(max_examples=25, deadline=None)
def test_the_radius_holds_68_percent_of_the_weight(
    streets: Streets | None, place: tuple[float, float], seconds: float
) -> None:
    row = moved(started([place], streets, POLICY), seconds, streets, POLICY)
    row["weight"][0, ::2] = 20_000
    x_m, y_m, r68_m, _, _ = belief.where_of(row, streets)
    _, at_x_m, at_y_m = belief.spots_of(row, streets)
    distance_m = np.hypot(at_x_m - x_m[0], at_y_m - y_m[0])[0]
    assert mass_where(row[0], distance_m <= r68_m[0] + 1e-3) >= 0.68
    assert mass_where(row[0], distance_m < r68_m[0] - 1e-3) < 0.68


# Bytes


@WORLDS
def test_a_belief_survives_its_bytes(streets: Streets | None) -> None:
    row = moved(started([(0.0, 0.0)], streets, POLICY), 60.0, streets, POLICY)[0]
    row["weight"] = np.arange(200)
    data = to_bytes(row)
    assert len(data) == 14 * 200
    back = from_bytes(data, GRID)
    assert back.dtype == PARTICLE
    assert back.tobytes() == data
    back["weight"][0] = 3  # what comes back can be worked with


@pytest.mark.parametrize("size", [0, 13, 14 * 200 + 1, 14 * (PARTICLES_MAX + 1)])
def test_bytes_of_a_wrong_size_are_refused(size: int) -> None:
    with pytest.raises(RuleBrokenError, match=rf"particles: must be 1 to 2000 particles of 14 bytes, got {size} bytes"):
        from_bytes(b"\x01" * size)


def test_particles_without_any_weight_are_refused() -> None:
    with pytest.raises(RuleBrokenError, match="must have some weight, got none in 3"):
        from_bytes(bytes(42))


@pytest.mark.parametrize(
    ("field", "value"), [("a", -1), ("a", len(GRID.edge_from)), ("b", -1), ("b", 8_102), ("turn", 2)]
)
def test_particles_beyond_the_streets_are_refused(field: str, value: int) -> None:
    row = started([(0.0, 0.0)], GRID, POLICY)[0]
    row[field][5] = value
    with pytest.raises(RuleBrokenError, match="particles: must lie on the streets, got 1 beyond them"):
        from_bytes(row.tobytes(), GRID)


def test_only_one_row_of_particles_becomes_bytes() -> None:
    with pytest.raises(ValueError, match=r"need one row of particles, got shape \(2, 200\)"):
        to_bytes(started([(0.0, 0.0)] * 2, GRID, POLICY))
