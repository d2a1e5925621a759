"""People walk along streets or over the plane as the policy says: how far, which way on, and how often they stop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.belief import belief
from pipeline.belief.particles import ON_PLANE, PARTICLE, STANDS, from_bytes, to_bytes
from pipeline.belief.walks import EVENTS_MAX, waiting_s
from pipeline.world.streets import Streets
from tests.pipeline.belief_worlds import GRID, moved, policy_of, seeds_of, started, streets_of, walks_of

STEADY = {"speed_sd_mps": 0.0, "stops_per_s": 0.0}
LONG_STREET = streets_of([(-9_000.0, 0.0), (9_000.0, 0.0)])
EVERYWHERE = st.tuples(st.floats(-380.0, 380.0), st.floats(-380.0, 380.0))


def at(edge: int, along_m: float, turn: int, count: int, speed_mps: float = 1.0) -> np.ndarray:
    """Return one belief whose particles all walk at one place of an edge."""
    particles = np.zeros((1, count), PARTICLE)
    particles["a"], particles["b"], particles["turn"] = edge, round(along_m * 100), turn
    particles["speed_mmps"], particles["weight"] = round(speed_mps * 1000), 65_535
    return particles


def spots(particles: np.ndarray, streets: Streets | None) -> np.ndarray:
    """Return the places of all particles, (2, n)."""
    _, x_m, y_m = belief.spots_of(particles, streets)
    return np.stack([x_m.ravel(), y_m.ravel()])


def bends(shape: Streets, come_m: tuple[float, float], walk: dict[str, float]) -> dict[str, float]:
    """Return by compass which share leaves a junction at the origin which way, having come from a place 100 m off."""
    ends = np.stack([shape.node_x_m, shape.node_y_m])
    from_node = int(np.argmin(np.hypot(ends[0] - come_m[0], ends[1] - come_m[1])))
    edge = int(np.flatnonzero((shape.edge_from == from_node) | (shape.edge_to == from_node))[0])
    towards_first = shape.edge_from[edge] != from_node
    length_m = float(shape.edge_length_m[edge])
    along_m = 1.0 if towards_first else length_m - 1.0
    later = moved(at(edge, along_m, int(towards_first), 1_000), 21.0, shape, policy_of(**walk))
    x_m, y_m = spots(later, shape)
    ways = {"east": x_m > 12.0, "west": x_m < -12.0, "north": y_m > 12.0, "south": y_m < -12.0}
    return {way: float(there.mean()) for way, there in ways.items()}


CROSS = streets_of(
    [(-100.0, 0.0), (0.0, 0.0)], [(0.0, 0.0), (100.0, 0.0)], [(0.0, -100.0), (0.0, 0.0)], [(0.0, 0.0), (0.0, 100.0)]
)


def test_at_a_crossing_people_go_straight_left_right_and_back_as_the_policy_says() -> None:
    shares = bends(CROSS, (-100.0, 0.0), STEADY)
    assert shares["east"] == pytest.approx(0.55, abs=0.05)
    assert shares["north"] == pytest.approx(0.18, abs=0.04)
    assert shares["south"] == pytest.approx(0.18, abs=0.04)
    assert shares["west"] == pytest.approx(0.09, abs=0.03)


def test_where_nothing_goes_straight_on_both_turns_are_equally_likely() -> None:
    shape = streets_of([(-100.0, 0.0), (0.0, 0.0)], [(0.0, -100.0), (0.0, 0.0)], [(0.0, 0.0), (0.0, 100.0)])
    shares = bends(shape, (-100.0, 0.0), STEADY)
    assert shares["north"] == pytest.approx(0.18 / 0.45, abs=0.05)
    assert shares["south"] == pytest.approx(0.18 / 0.45, abs=0.05)


def test_nobody_turns_back_at_a_junction_when_the_policy_forbids_it() -> None:
    assert bends(CROSS, (0.0, 100.0), {**STEADY, "back": 0.0})["north"] == 0.0


def test_turning_back_is_rarer_on_short_streets() -> None:
    short = streets_of(
        [(-30.0, 0.0), (0.0, 0.0)], [(0.0, 0.0), (100.0, 0.0)], [(0.0, -100.0), (0.0, 0.0)], [(0.0, 0.0), (0.0, 100.0)]
    )
    # 0.09 * 30 / 60 of 0.955 in all.
    assert bends(short, (-30.0, 0.0), STEADY)["west"] == pytest.approx(0.047, abs=0.02)


def test_a_mere_bend_is_walked_through() -> None:
    corner = streets_of([(-100.0, 0.0), (0.0, 0.0), (0.0, 100.0)])
    shares = bends(corner, (-100.0, 0.0), {**STEADY, "back": 1.0})
    assert shares == {"east": 0.0, "west": 0.0, "north": 1.0, "south": 0.0}


def test_at_a_dead_end_people_turn_round() -> None:
    end = float(LONG_STREET.edge_length_m[0])
    later = moved(at(0, end - 5.0, 0, 50), 25.0, LONG_STREET, policy_of(**STEADY))
    assert (later["b"] == round(end * 100) - 2_000).all()
    assert (later["turn"] == 1).all()


def test_who_never_stops_walks_speed_times_time() -> None:
    particles = started([(0.0, 0.0)], LONG_STREET, policy_of(**STEADY))
    before, after = (
        spots(particles, LONG_STREET),
        spots(moved(particles, 100.0, LONG_STREET, policy_of(**STEADY)), LONG_STREET),
    )
    assert np.abs(after[0] - before[0]) == pytest.approx(90.0, abs=0.02)


def test_who_stops_now_and_then_walks_the_share_of_the_time_that_is_walked() -> None:
    policy = policy_of(2_000, speed_sd_mps=0.0)
    particles = started([(0.0, 0.0)], LONG_STREET, policy)
    later = moved(particles, 600.0, LONG_STREET, policy)
    walked_m = np.abs(spots(later, LONG_STREET)[0] - spots(particles, LONG_STREET)[0])
    # 0.9 m/s during 0.0125 / (0.005 + 0.0125) of 600 s.
    assert walked_m.mean() == pytest.approx(0.9 * 600.0 * 0.714, rel=0.04)


@pytest.mark.parametrize("streets", [GRID, None], ids=["streets", "plane"])
def test_the_share_that_stands_is_and_stays_what_stops_and_goes_settle_at(streets: Streets | None) -> None:
    policy = policy_of(2_000)
    particles = started([(0.0, 0.0)], streets, policy)
    for number in range(4):
        assert (particles["state"] & STANDS).mean() == pytest.approx(0.005 / 0.0175, abs=0.04)
        particles = moved(particles, 90.0, streets, policy, number)


def test_stops_last_as_long_as_the_policy_says() -> None:
    particles = at(0, 9_000.0, 0, 2_000)
    particles["state"] = STANDS
    later = moved(particles, 80.0, LONG_STREET, policy_of(stops_per_s=0.0))
    # Of those who go on at 1/80 s, 1/e still stand after 80 s.
    assert (later["state"] & STANDS).mean() == pytest.approx(math.exp(-1.0), abs=0.04)
    stood = later[(later["state"] & STANDS) > 0]
    assert (stood["b"] == 900_000).all()


@pytest.mark.parametrize("streets", [GRID, None], ids=["streets", "plane"])
def test_many_short_steps_spread_people_like_one_long_step(streets: Streets | None) -> None:
    policy = policy_of(2_000)
    particles = started([(0.0, 0.0)], streets, policy, sigma_m=1.0)
    short = particles
    for number in range(24):
        short = moved(short, 10.0, streets, policy, number)
    long = moved(particles, 240.0, streets, policy, 99)
    spread_m = [np.hypot(*spots(p, streets)).mean() for p in (short, long)]
    assert spread_m[0] == pytest.approx(spread_m[1], rel=0.06)


def test_speeds_are_normal_and_nobody_is_slower_than_the_least() -> None:
    speeds_mps = started([(0.0, 0.0)], GRID, policy_of(2_000))["speed_mmps"] / 1000.0
    assert speeds_mps.mean() == pytest.approx(0.9, abs=0.03)
    assert speeds_mps.std() == pytest.approx(0.25, abs=0.03)
    assert speeds_mps.min() >= 0.3


@given(EVERYWHERE, st.floats(0.0, 2_000.0), st.integers(0, 1_000))
@settings(max_examples=40, deadline=None)
def test_nobody_leaves_the_streets(place_m: tuple[float, float], seconds: float, number: int) -> None:
    policy = policy_of(60)
    later = moved(started([place_m], GRID, policy), seconds, GRID, policy, number)
    assert not (later["state"] & ON_PLANE).any()
    from_bytes(to_bytes(later[0]), GRID)
    x_m, y_m = spots(later, GRID)
    off_m = np.minimum(np.abs(x_m % 80.0), np.abs(y_m % 80.0))
    assert np.minimum(off_m, 80.0 - off_m).max() < 80.0
    on_a_street = (np.abs((x_m + 40) % 80.0 - 40) < 0.1) | (np.abs((y_m + 40) % 80.0 - 40) < 0.1)
    assert on_a_street.all()


@given(EVERYWHERE, st.floats(0.0, 900.0), st.integers(0, 1_000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_nobody_is_farther_than_speed_times_time(
    place_m: tuple[float, float], seconds: float, number: int, known: bool
) -> None:
    streets, policy = GRID if known else None, policy_of(60)
    particles = started([place_m], streets, policy)
    later = moved(particles, seconds, streets, policy, number)
    step_m = np.hypot(*(spots(later, streets) - spots(particles, streets)))
    assert (step_m <= particles["speed_mmps"][0] / 1000.0 * seconds + 0.03).all()
    assert (later["speed_mmps"] == particles["speed_mmps"]).all()
    assert (later["weight"] == particles["weight"]).all()


@pytest.mark.parametrize("seconds", [0.0, -5.0, math.nan])
def test_no_time_moves_nobody(seconds: float) -> None:
    particles = started([(0.0, 0.0)], GRID, policy_of())
    assert moved(particles, seconds, GRID, policy_of()).tobytes() == particles.tobytes()


def test_the_fast_cases_of_a_batch_do_not_move_the_slow_ones() -> None:
    policy = policy_of(50)
    particles = started([(0.0, 0.0)] * 3, GRID, policy)
    later = particles.copy()
    belief.move_many(later, np.array([0.0, 60.0, 0.0]), walks_of(3), seeds_of(3), GRID, policy)
    assert [bool((later[k] == particles[k]).all()) for k in range(3)] == [True, False, True]


def test_a_walker_between_two_ends_a_centimetre_apart_does_not_hold_up_the_others() -> None:
    tiny = streets_of([(0.0, 0.0), (0.01, 0.0)])
    later = moved(at(0, 0.0, 0, 10, speed_mps=60.0), 3_600.0, tiny, policy_of(**STEADY))
    from_bytes(to_bytes(later[0]), tiny)
    assert EVENTS_MAX * 0.01 < 60.0 * 3_600.0


def test_on_the_plane_people_spread_in_all_directions_and_turn_about_every_150_m() -> None:
    policy = policy_of(2_000, **STEADY)
    particles = started([(0.0, 0.0)], None, policy, sigma_m=0.0)
    assert (particles["state"] & ON_PLANE).all()
    later = moved(particles, 150.0 / 0.9, None, policy)
    kept = (later["turn"] == particles["turn"]).mean()
    assert kept == pytest.approx(math.exp(-1.0), abs=0.05)
    assert np.abs(spots(later, None).mean(axis=1)).max() < 10.0


def test_somebody_walking_north_on_the_plane_gets_north() -> None:
    north = np.zeros((1, 1), PARTICLE)
    north["state"], north["speed_mmps"], north["weight"] = ON_PLANE, 1_000, 65_535
    east = north.copy()
    east["turn"] = 64
    for particles, way in ((north, (0.0, 10.0)), (east, (10.0, 0.0))):
        # Within 10 s one in six turns; the number of this seed is one that does not.
        later = moved(particles, 10.0, None, policy_of(1, **STEADY), number=1)
        assert spots(later, None)[:, 0] == pytest.approx(way, abs=0.02)


@given(st.integers(0, 2**53 - 1).map(lambda k: k * 2.0**-53), st.floats(1e-6, 5.0), st.floats(0.0, 1e5))
def test_a_wait_is_exponential_and_only_worked_out_where_it_matters(u: float, rate: float, within_s: float) -> None:
    wait_s = waiting_s(u, rate, within_s)
    exact_s = -math.log(1.0 - u) / rate
    assert wait_s == exact_s if wait_s < within_s else exact_s >= within_s * (1 - 1e-12)


def test_what_never_happens_is_never_waited_for() -> None:
    assert waiting_s(0.0, 0.0, 1e6) > 1e9
