"""What is learned of a camera from looks: pole, direction, darkness; additive, bounded, forgetful, resettable."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compiled import plain
from pipeline.learning import hypotheses
from pipeline.learning.knowledge import (
    HALF_LIFE_US,
    Registered,
    View,
    aged,
    explained,
    factors_of,
    learn,
    observed,
    relaxed,
    reset,
)
from schemas.camera_knowledge import CameraKnowledge
from schemas.codec import decode, encode

NOON_US = 1_770_000_000_000_000
PTZ = Registered(basis=7, kind="ptz", azimuth_deg=None, error_m=20.0)
FIXED = Registered(basis=7, kind="fixed", azimuth_deg=None, error_m=20.0)
# A street that runs north and one that runs east, cells every 5 m, crossing at the registered pole.
ALONG_M = np.arange(-80.0, 81.0, 5.0)
STREETS = np.concatenate((np.stack((0 * ALONG_M, ALONG_M), 1), np.stack((ALONG_M, 0 * ALONG_M), 1)))


def a_look(seen, at=(0.0, 20.0), *, spread_m=8.0, pan_deg=None, registered=PTZ, reliability=0.97, at_us=NOON_US):
    """Return the observation of one look for a target that is believed around a place, through an aimed camera."""
    east_m, north_m = STREETS.T
    mass = np.exp(-0.5 * ((east_m - at[0]) ** 2 + (north_m - at[1]) ** 2) / spread_m**2)
    mass /= mass.sum()
    bearing_deg = math.degrees(math.atan2(at[0], at[1])) % 360
    turns = registered.kind == "ptz"
    pan_deg = bearing_deg if pan_deg is None else pan_deg
    distance_m = np.hypot(east_m, north_m)
    expected = np.where(distance_m < 31.3, 0.4, np.where(distance_m < 77, 0.12, 0.0)) * np.exp(-distance_m / 200)
    return observed(
        event_id=f"look:{at_us}",
        camera_id="cam-1",
        observed_us=at_us,
        seen=seen,
        reliability=reliability,
        east_m=east_m,
        north_m=north_m,
        mass=mass,
        expected=expected,
        registered=registered,
        view=View(
            observe_m=31.3,
            pan_deg=pan_deg if turns else math.nan,
            field_deg=60.0 if turns else 360.0,
            seen_rate=0.4,
            weak_seen_rate=0.12,
            clutter_scale_m=200.0,
        ),
    )


def learned(observations, known=None):
    for observation in observations:
        known = learn(known, observation)
    return known


def a_true_camera(pole_m=(0.0, 0.0), heading_deg=None):
    """Return what a camera truly shows: a function of place and pan; one with a heading does not turn."""

    def shows(east_m, north_m, pan_deg):
        east_m, north_m = east_m - pole_m[0], north_m - pole_m[1]
        axis_deg, half_deg = (pan_deg, 30) if heading_deg is None else (heading_deg, 40)
        off_deg = abs((math.degrees(math.atan2(east_m, north_m)) - axis_deg + 180) % 360 - 180)
        distance_m = math.hypot(east_m, north_m)
        if off_deg > half_deg or distance_m > 77:
            return 0.0
        return math.exp(-distance_m / 200) * (1.0 if distance_m < 31 else 0.3)

    return shows


def nothing(*_):
    return 0.0


def looks_of_a_camera(truly_shows, count, registered=PTZ, seed=1):
    """Return looks at random places of the streets through a camera that truly shows so much of them."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(count):
        place = STREETS[chance.integers(len(STREETS))] * 0.6 + chance.normal(0, 1, 2)
        center = place + chance.normal(0, 8, 2)
        pan_deg = math.degrees(math.atan2(*center)) % 360
        seen = bool(chance.random() < max(0.4 * truly_shows(*place, pan_deg), 0.005))
        look = a_look(seen, tuple(center), pan_deg=pan_deg, registered=registered, at_us=NOON_US + number)
        if look is not None:
            found.append(look)
    return found


def test_without_looks_the_registry_counts():
    assert factors_of(None).tolist() == [1.0] * 12


def test_sightings_that_come_as_expected_confirm_the_registry():
    known = learned(looks_of_a_camera(a_true_camera(), 150))
    assert known.dark < 0.01
    assert known.kind == "ptz"
    assert math.hypot(known.pole_east_m, known.pole_north_m) < 8
    assert known.trust_low < 1.2
    assert known.trust_high > 0.8
    assert min(known.factors) > 0.9


def test_a_camera_that_never_shows_anything_is_found_out_and_yet_not_written_off():
    known = learned(looks_of_a_camera(nothing, 80))
    assert known.dark > 0.7
    assert 0.05 <= max(known.factors) < 0.4
    assert known.trust_high < 0.6


def test_a_camera_registered_as_ptz_that_looks_one_way_is_found_out_with_its_heading():
    known = learned(looks_of_a_camera(a_true_camera(heading_deg=0.0), 200))
    assert known.kind == "fixed"
    assert known.heading_deg is not None
    assert abs((known.heading_deg + 180) % 360 - 180) < 25
    assert known.factors[0] > 0.8
    assert max(known.factors[3:9]) < 0.3


@pytest.mark.parametrize(("east_m", "north_m"), [(20.0, 0.0), (0.0, -18.0)])
def test_a_pole_beside_its_registered_place_is_found(east_m, north_m):
    known = learned(looks_of_a_camera(a_true_camera((east_m, north_m)), 300))
    off_m = math.hypot(known.pole_east_m - east_m, known.pole_north_m - north_m)
    assert off_m < 10
    assert known.pole_error_m < 12 < PTZ.error_m


def test_where_the_city_calls_its_registry_exact_no_pole_moves():
    exact = replace(PTZ, error_m=0.0)
    known = learned(looks_of_a_camera(a_true_camera((20.0, 0.0)), 50, exact))
    assert (known.pole_east_m, known.pole_north_m) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))


def test_one_false_sighting_does_not_make_a_dark_camera_bright_nor_move_a_pole_far():
    dark = learned(looks_of_a_camera(nothing, 80))
    dark = learned(looks_of_a_camera(nothing, 60, seed=2), dark)
    after = learn(dark, a_look(True, (60.0, 0.0), at_us=NOON_US + 10_000))
    assert max(after.factors) < 0.75
    assert after.sightings == dark.sightings + 1
    moved_m = math.hypot(after.pole_east_m - dark.pole_east_m, after.pole_north_m - dark.pole_north_m)
    assert moved_m < 12


def test_an_unreliable_report_teaches_less():
    sure, unsure = (learned([a_look(True, reliability=r)]) for r in (0.97, 0.3))
    assert abs(unsure.dark - 0.1) < abs(sure.dark - 0.1)
    assert sum(unsure.seen) < sum(sure.seen)


def test_a_look_that_could_see_nothing_teaches_nothing():
    assert a_look(False, (5_000.0, 0.0), spread_m=900.0, pan_deg=90.0, reliability=0.0) is None


looks = st.builds(
    a_look,
    st.booleans(),
    st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
    spread_m=st.floats(4, 40),
    pan_deg=st.sampled_from([0.0, 90.0, 200.0]),
    reliability=st.floats(0.3, 1.0),
    at_us=st.integers(NOON_US - 2 * HALF_LIFE_US, NOON_US),
).filter(lambda look: look is not None)


@settings(max_examples=40, deadline=None)
@given(st.lists(looks, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_looks_does_not_matter(observations, chance):
    one = learned(observations)
    chance.shuffle(observations)
    other = learned(observations)
    for name in ("looks", "sightings", "since_us", "updated_us", "basis"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("trust", "dark", "factors", "expected", "seen", "pole_east_m", "pole_north_m"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-3, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(looks, max_size=12))
def test_whatever_is_seen_what_is_learned_stays_within_bounds(observations):
    known = learned(observations)
    if known is None:
        return
    assert all(0.05 <= factor <= 3.0 for factor in known.factors)
    assert 0 <= known.dark <= 1
    assert 0 <= known.trust_low <= known.trust_high
    assert math.hypot(known.pole_east_m, known.pole_north_m) <= 24
    assert decode(CameraKnowledge, encode(known)) == known


def test_old_looks_count_less():
    old = a_look(True, at_us=NOON_US)
    new = a_look(False, at_us=NOON_US + HALF_LIFE_US)
    known = learned([old, new])
    assert sum(known.seen) == pytest.approx(sum(old.seen) / 2)
    assert (known.looks, known.sightings) == (2, 1)


def test_what_nobody_looks_through_is_slowly_trusted_again():
    dark = learned(looks_of_a_camera(nothing, 80))
    later = aged(dark, dark.updated_us + 4 * HALF_LIFE_US)
    assert max(dark.factors) < 0.4
    assert min(later.factors) > 0.8
    assert aged(dark, dark.updated_us - 5) == dark


def test_a_repair_makes_darkness_forgotten_but_not_the_pole():
    looks = looks_of_a_camera(a_true_camera((20.0, 0.0)), 200)
    known = learned([*looks, *looks_of_a_camera(nothing, 150, seed=3)])
    repaired = relaxed(known, NOON_US + 1_000_000)
    assert repaired.dark == pytest.approx(0.1, abs=1e-3)
    assert repaired.factors == pytest.approx((1.0,) * 12, abs=1e-3)
    assert repaired.pole_east_m == pytest.approx(known.pole_east_m, abs=0.1)


def test_a_reset_brings_the_registry_back_and_older_looks_do_not_return():
    known = learned(looks_of_a_camera(nothing, 40))
    fresh = reset(known, "op-7", NOON_US + 1_000)
    assert factors_of(fresh).tolist() == pytest.approx([1.0] * 12)
    assert (fresh.looks, fresh.sightings, fresh.reset_by) == (0, 0, "op-7")
    assert (fresh.pole_east_m, fresh.pole_north_m) == (0.0, 0.0)
    assert learn(fresh, a_look(False, at_us=NOON_US + 999)) == fresh
    assert learn(fresh, a_look(False, at_us=NOON_US + 1_001)).looks == 1


def test_an_operators_reset_comes_as_an_observation():
    order = replace(a_look(True), reset_by="op-7", expected=(), seen=(), evidence=b"", observed_us=NOON_US + 50)
    known = learned([a_look(False), order])
    assert (known.looks, known.reset_by, known.since_us) == (0, "op-7", NOON_US + 50)
    assert learn(None, order).reset_by == "op-7"
    assert learn(known, replace(order, reset_by="op-8", observed_us=NOON_US)) == known


def test_when_the_registry_corrects_a_camera_it_is_learned_anew():
    known = learned(looks_of_a_camera(nothing, 40))
    corrected = replace(PTZ, basis=8)
    after = learn(known, a_look(True, registered=corrected, at_us=NOON_US + 10_000))
    assert (after.basis, after.looks) == (8, 1)
    assert learn(after, a_look(False, at_us=NOON_US + 10)) == after


def test_a_registered_heading_is_the_first_guess():
    known = replace(FIXED, azimuth_deg=90.0)
    before = hypotheses.prior(20.0, is_fixed=True, azimuth_deg=90.0).sum(axis=0)
    assert before[1:13].argmax() == 3
    assert before.sum() == pytest.approx(1)
    east, west = (learned([a_look(True, (x, 0.0), registered=known)]) for x in (20.0, -20.0))
    assert east.dark < west.dark


def test_the_kernel_is_the_same_compiled_and_plain():
    chance = np.random.default_rng(5)
    places = chance.uniform(-60, 60, (2, 40))
    mass = chance.dirichlet(np.ones(40))
    results = []
    for kernel in (hypotheses._add_up, plain(hypotheses._add_up)):
        sums = (np.zeros((hypotheses.SPOTS, hypotheses.BINS)), np.zeros(hypotheses.SPOTS))
        spots = (hypotheses.SPOT_EAST_M, hypotheses.SPOT_NORTH_M)
        kernel(*places, mass, *spots, np.linspace(0.4, 0.1, 60), (30.0, 60.0), *sums)
        results.append(np.concatenate((sums[0].ravel(), sums[1])))
    assert results[0] == pytest.approx(results[1], abs=1e-12)


def test_it_is_explained_in_sentences():
    known = learned(looks_of_a_camera(a_true_camera(heading_deg=0.0), 200))
    told = " ".join(explained(known))
    assert "behaves like a fixed camera" in told
    assert "registered as ptz" in told
    assert "less than half of what it should towards" in told
    assert explained(reset(known, "op-7", NOON_US + 1)) == [
        "Nothing was learned since an operator had it forgotten: the registry counts."
    ]
    dark = learned(looks_of_a_camera(nothing, 100))
    assert "shows next to nothing" in " ".join(explained(dark))
