"""Where targets can be, on streets and on the plane."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.world.places import (
    AREA_PLACES_MAX,
    AREA_POINTS,
    DISC_POINTS,
    ROUTE_POINTS_MAX,
    STREET_M_MAX,
    Places,
    join,
    places_along,
    places_around,
    places_over,
)
from pipeline.world.streets import streets_from
from schemas.location import Point
from tests.support.little_city import PLANE, grid_lines_m, lines_deg

STREETS = streets_from(lines_deg(grid_lines_m(4)), PLANE)


def a_point(x_m: float, y_m: float) -> Point:
    lat_deg, lon_deg = PLANE.to_degrees(x_m, y_m)
    return Point(lat_deg=float(lat_deg), lon_deg=float(lon_deg))


def a_box(x0_m: float, y0_m: float, x1_m: float, y1_m: float) -> shapely.Polygon:
    low, high = a_point(x0_m, y0_m), a_point(x1_m, y1_m)
    return shapely.box(low.lon_deg, low.lat_deg, high.lon_deg, high.lat_deg)


def are_sound(places: Places, cases: int = 1) -> None:
    """Check what holds for all places."""
    assert len(places) == cases
    assert places.first[0] == 0
    assert places.first[-1] == len(places.cell) == len(places.x_m) == len(places.y_m) == len(places.mass)
    assert (places.mass > 0).all()
    for case in range(cases):
        one = places.of(case)
        assert one.mass.sum() == pytest.approx(1)
        on_street = one.cell[one.cell >= 0]
        assert len(set(on_street.tolist())) == len(on_street)
        np.testing.assert_array_equal(one.x_m[one.cell >= 0], STREETS.cell_x_m[on_street])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(-400, 400), st.floats(-400, 400), st.floats(0, 300)), min_size=1, max_size=4),
    st.booleans(),
)
def test_reports_become_places_whatever_their_error(reports, on_streets) -> None:
    streets = STREETS if on_streets else None
    places = places_around(*np.array(reports).T, streets)
    are_sound(places, len(reports))
    for case, (x_m, y_m, sigma_m) in enumerate(reports):
        np.testing.assert_array_equal(places.of(case).mass, places_around(x_m, y_m, sigma_m, streets).mass)


def test_68_percent_of_a_report_lie_within_its_68_percent_radius() -> None:
    places = places_around(10.0, 20.0, 50.0, None)
    off_m = np.hypot(places.x_m - 10, places.y_m - 20)
    assert places.mass[off_m <= 50 * 1.51].sum() == pytest.approx(0.68, abs=1 / DISC_POINTS)
    x_m, y_m, r68_m = places.centre(0)
    assert math.hypot(x_m - 10, y_m - 20) < 3
    assert r68_m == pytest.approx(75, abs=8)


def test_reports_near_streets_lie_on_them_and_others_stay_where_they_are() -> None:
    assert (places_around(5.0, 5.0, 20.0, STREETS).cell >= 0).all()
    assert (places_around(5_000.0, 0.0, 20.0, STREETS).cell == -1).all()
    far = places_around(5_000.0, 0.0, 400.0, STREETS)
    assert len(far.cell) == DISC_POINTS
    few = places_around(5.0, 5.0, 3.0, STREETS)
    assert len(few.cell) < DISC_POINTS / 2
    off_m = np.hypot(few.x_m - 5, few.y_m - 5)
    assert off_m.max() <= STREET_M_MAX + 10


def test_an_area_is_its_street_cells_thinned_evenly() -> None:
    small = places_over(a_box(-60, -60, 60, 60), PLANE, STREETS)
    are_sound(small)
    inside = (np.abs(STREETS.cell_x_m) <= 60) & (np.abs(STREETS.cell_y_m) <= 60)
    assert set(small.cell.tolist()) == set(np.flatnonzero(inside).tolist())
    large = places_over(a_box(-5_000, -5_000, 5_000, 5_000), PLANE, STREETS)
    are_sound(large)
    assert AREA_PLACES_MAX / 2 < len(large.cell) <= max(AREA_PLACES_MAX, len(STREETS))
    assert large.x_m.mean() == pytest.approx(STREETS.cell_x_m.mean(), abs=10)


@pytest.mark.parametrize(("width_m", "height_m"), [(400, 400), (2_000, 100), (100_000, 0.01), (0.001, 0.001)])
def test_an_area_without_streets_is_a_grid(width_m, height_m) -> None:
    places = places_over(a_box(3_000, 0, 3_000 + width_m, height_m), PLANE, STREETS)
    are_sound(places)
    assert (places.cell == -1).all()
    assert 1 <= len(places.cell) <= 2 * AREA_POINTS
    assert places.x_m.min() >= 3_000 - 1e-6


def test_a_way_becomes_places_in_driving_order() -> None:
    places = places_along([a_point(1_000, 0), a_point(1_400, 0), a_point(1_400, 300)], PLANE, STREETS)
    assert places is not None
    are_sound(places)
    assert (np.diff(places.x_m + places.y_m) > 0).all()
    on_streets = places_along([a_point(-100, 3), a_point(100, 3)], PLANE, STREETS)
    assert on_streets is not None
    assert (on_streets.cell >= 0).all()
    assert (np.diff(on_streets.x_m) > 0).all()


def test_a_way_passed_twice_comes_once() -> None:
    places = places_along([a_point(-100, 0), a_point(100, 0), a_point(-100, 0)], PLANE, STREETS)
    assert places is not None
    are_sound(places)


@pytest.mark.parametrize("route", [[], [(0, 0)], [(0, 0), (200_000, 0)]])
def test_what_is_no_way_has_no_places(route) -> None:
    assert places_along([a_point(*point) for point in route], PLANE, None) is None


def test_the_longest_way_has_sixty_places() -> None:
    places = places_along([a_point(0, 0), a_point(90_000, 0)], PLANE, None)
    assert places is not None
    assert len(places.cell) == ROUTE_POINTS_MAX


def test_cases_can_be_joined_and_taken_apart() -> None:
    parts = [places_around(0.0, 0.0, 30.0, STREETS), places_around([100.0, 900.0], 0.0, 10.0, None)]
    places = join(parts)
    are_sound(places, 3)
    np.testing.assert_array_equal(places.of(0).cell, parts[0].cell)
    np.testing.assert_array_equal(places.of(2).x_m, parts[1].of(1).x_m)
    assert len(join([])) == 0


@settings(deadline=None, max_examples=50)
@given(st.floats(-150, 150), st.floats(-150, 150), st.floats(1, 60))
def test_a_street_cell_is_as_likely_as_its_distance_from_the_report(x_m: float, y_m: float, sigma_m: float) -> None:
    off_m = np.hypot(STREETS.cell_x_m - x_m, STREETS.cell_y_m - y_m)
    likely = np.exp((off_m.min() ** 2 - off_m**2) / (2 * sigma_m**2))
    places = places_around(x_m, y_m, sigma_m, STREETS)
    assert (off_m.min() <= STREET_M_MAX) == (places.cell >= 0).all()
    if off_m.min() <= STREET_M_MAX and len(places.cell) < AREA_PLACES_MAX / 2:
        np.testing.assert_allclose(places.mass / places.mass.max(), likely[places.cell], rtol=1e-6)
        # Three standard deviations: a weight of e^-4.5.
        assert set(np.flatnonzero(likely > math.exp(-4.4)).tolist()) <= set(places.cell.tolist())


def test_a_report_far_off_its_street_is_on_the_street() -> None:
    x_m, y_m = float(STREETS.cell_x_m.max()) + 50.0, float(STREETS.cell_y_m.mean())
    assert (places_around(x_m, y_m, 2.0, STREETS).cell >= 0).all()
