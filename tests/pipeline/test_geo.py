"""Metres and bearings agree with the great circle within the bounds that the module states."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import geo

LATITUDES_DEG = (0.0, 37.5, -33.9, 60.0, 70.0)


def points_around(lat_deg, radius_m, count=20_000):
    rng = np.random.default_rng(7)
    bearings, distances = rng.uniform(0, 360, count), rng.uniform(1, radius_m, count)
    return geo.destination(lat_deg, 127.0, bearings, distances)


def angle_between_deg(a, b):
    return np.abs((np.asarray(a) - np.asarray(b) + 180) % 360 - 180)


def test_known_distances():
    # A quarter of a meridian, and Seoul City Hall to Busan City Hall (325 km by any map).
    assert geo.distance_m(0, 0, 90, 0) == pytest.approx(math.pi / 2 * geo.EARTH_RADIUS_M)
    assert geo.distance_m(37.5663, 126.9779, 35.1798, 129.0750) == pytest.approx(325_000, rel=0.005)
    assert geo.distance_m(10, 20, 10, 20) == 0.0
    assert geo.distance_m(0, 0, 0, 180) == pytest.approx(math.pi * geo.EARTH_RADIUS_M)


@pytest.mark.parametrize(
    ("to", "bearing_deg"), [((38, 127), 0), ((37, 128), 90), ((36, 127), 180), ((37, 126), 270), ((37, 127), 0)]
)
def test_bearings_turn_clockwise_from_north(to, bearing_deg):
    assert angle_between_deg(geo.bearing_deg(37, 127, *to), bearing_deg) < 0.31


def test_a_bearing_just_west_of_north_never_becomes_360():
    bearings = geo.bearing_deg(37.0, 127.0, 38.0, 127.0 - np.logspace(-17, -1, 200))
    assert (bearings >= 0).all()
    assert (bearings < 360).all()
    assert geo.offsets_bearing_deg(-1e-30, 1.0) == 0.0


def test_bearings_hold_within_a_metre():
    lat_deg, lon_deg = geo.destination(37.5, 127.0, np.arange(0, 360, 15.0), 0.5)
    assert angle_between_deg(geo.bearing_deg(37.5, 127.0, lat_deg, lon_deg), np.arange(0, 360, 15.0)).max() < 1e-4


@given(
    lat_deg=st.floats(-80, 80),
    lon_deg=st.floats(-180, 180),
    bearing_deg=st.floats(0, 359.9),
    distance_m=st.floats(1, 1_000_000),
)
def test_a_destination_lies_at_its_distance_and_bearing(lat_deg, lon_deg, bearing_deg, distance_m):
    to_lat_deg, to_lon_deg = geo.destination(lat_deg, lon_deg, bearing_deg, distance_m)
    assert geo.in_range(float(to_lat_deg), float(to_lon_deg))
    assert geo.distance_m(lat_deg, lon_deg, to_lat_deg, to_lon_deg) == pytest.approx(distance_m, abs=1e-3)
    assert angle_between_deg(geo.bearing_deg(lat_deg, lon_deg, to_lat_deg, to_lon_deg), bearing_deg) < 1e-3


@pytest.mark.parametrize("lat_deg", LATITUDES_DEG)
@pytest.mark.parametrize(("radius_m", "length_bound", "bearing_bound_deg"), [(10_000, 1e-6, 0.15), (50_000, 3e-5, 0.7)])
def test_offsets_stay_within_their_bounds(lat_deg, radius_m, length_bound, bearing_bound_deg):
    to_lat_deg, to_lon_deg = points_around(lat_deg, radius_m)
    east_m, north_m = geo.offsets_m(lat_deg, 127.0, to_lat_deg, to_lon_deg)
    truth_m = geo.distance_m(lat_deg, 127.0, to_lat_deg, to_lon_deg)
    assert np.abs(np.hypot(east_m, north_m) / truth_m - 1).max() < length_bound
    bearing = geo.bearing_deg(lat_deg, 127.0, to_lat_deg, to_lon_deg)
    assert angle_between_deg(geo.offsets_bearing_deg(east_m, north_m), bearing).max() < bearing_bound_deg


@pytest.mark.parametrize(
    ("lat_deg", "radius_m", "bound"), [(37.5, 10_000, 0.0012), (37.5, 30_000, 0.0037), (70.0, 10_000, 0.005)]
)
def test_distances_between_points_of_a_plane_stay_within_their_bounds(lat_deg, radius_m, bound):
    to_lat_deg, to_lon_deg = points_around(lat_deg, radius_m)
    x_m, y_m = geo.Plane(lat_deg, 127.0).to_metres(to_lat_deg, to_lon_deg)
    truth_m = geo.distance_m(to_lat_deg[1:], to_lon_deg[1:], to_lat_deg[:-1], to_lon_deg[:-1])
    far = truth_m > 1
    assert np.abs(np.hypot(np.diff(x_m), np.diff(y_m))[far] / truth_m[far] - 1).max() < bound


def test_a_plane_gives_back_the_degrees():
    plane = geo.Plane(37.55, 126.99)
    lat_deg, lon_deg = points_around(37.55, 30_000, 100)
    back_lat_deg, back_lon_deg = plane.to_degrees(*plane.to_metres(lat_deg, lon_deg))
    np.testing.assert_allclose(back_lat_deg, lat_deg, atol=1e-12)
    np.testing.assert_allclose(back_lon_deg, lon_deg, atol=1e-12)


@pytest.mark.parametrize("origin", [(math.nan, 127.0), (37.0, math.inf), (90.0, 0.0), (0.0, 181.0)])
def test_a_plane_needs_an_origin_on_the_earth_and_off_the_poles(origin):
    with pytest.raises(ValueError, match="origin must lie within"):
        geo.Plane(*origin)


@pytest.mark.parametrize("position", [(math.nan, 0.0), (0.0, math.nan), (90.1, 0.0), (0.0, -180.1), (math.inf, 0.0)])
def test_positions_off_the_earth_are_not_in_range(position):
    assert not geo.in_range(*position)


def test_arrays_and_numbers_broadcast():
    assert geo.distance_m(37.5, 127.0, [37.5, 37.6], [127.0, 127.1]).shape == (2,)
    assert geo.bearing_deg([37.5, 37.6], [127.0, 127.1], 37.0, 127.0).shape == (2,)
    assert np.ndim(geo.distance_m(37.5, 127.0, 37.6, 127.0)) == 0
