"""Where a target can be, as weighted points."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import geo
from pipeline.region import (
    AREA_POINTS,
    DISC_POINTS,
    ROUTE_POINTS_MAX,
    ROUTE_STEP_M,
    Region,
    along,
    disc,
    polygon_of,
    spread_over,
)
from schemas.location import Area, Point
from tests.support.records import LAT_DEG, LAT_DEG_PER_M, LON_DEG, LON_DEG_PER_M


def a_point(east_m: float, north_m: float) -> Point:
    return Point(lat_deg=LAT_DEG + north_m * LAT_DEG_PER_M, lon_deg=LON_DEG + east_m * LON_DEG_PER_M)


def a_polygon(*corners_m: tuple[float, float]) -> shapely.Polygon:
    polygon = polygon_of(Area(polygon=tuple(a_point(*corner) for corner in corners_m)))
    assert polygon is not None
    return polygon


def a_box(width_m: float, height_m: float, west_m: float = 0.0, south_m: float = 0.0) -> shapely.Polygon:
    east_m, north_m = west_m + width_m, south_m + height_m
    return a_polygon((west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m))


def is_sound(region: Region) -> None:
    """Check what holds for every region."""
    assert region.x_m.shape == region.y_m.shape == region.weights.shape
    assert region.weights.sum() == pytest.approx(1)
    assert (region.weights > 0).all()
    assert np.isfinite(region.x_m).all()
    assert np.isfinite(region.y_m).all()
    assert region.radius_m > 0


@given(st.floats(-85, 85), st.floats(-180, 180), st.floats(0, 100_000))
def test_68_percent_of_a_disc_lie_within_its_68_percent_radius(lat_deg: float, lon_deg: float, r68_m: float) -> None:
    region = disc(lat_deg, lon_deg, r68_m)
    is_sound(region)
    off_m = np.hypot(region.x_m, region.y_m)
    within = region.weights[off_m <= max(r68_m, 1.0)].sum()
    assert within == pytest.approx(0.68, abs=1 / DISC_POINTS)
    assert region.weights[off_m <= region.radius_m].sum() > 0.85


def test_a_disc_is_even_on_all_sides() -> None:
    region = disc(LAT_DEG, LON_DEG, 50)
    assert abs(region.weights @ region.x_m) < 3
    assert abs(region.weights @ region.y_m) < 3
    quarters = [((region.x_m > 0) == east) & ((region.y_m > 0) == north) for east in (0, 1) for north in (0, 1)]
    assert all(quarter.sum() == pytest.approx(DISC_POINTS / 4, abs=2) for quarter in quarters)


def test_a_position_without_error_is_still_a_metre_wide() -> None:
    assert disc(LAT_DEG, LON_DEG, 0).radius_m == disc(LAT_DEG, LON_DEG, 1).radius_m > 1


@pytest.mark.parametrize(("width_m", "height_m"), [(400, 400), (2_000, 100), (50, 50), (20_000, 30_000)])
def test_points_are_spread_evenly_over_a_box(width_m: float, height_m: float) -> None:
    polygon = a_box(width_m, height_m)
    region = spread_over(polygon)
    is_sound(region)
    assert AREA_POINTS * 0.6 <= len(region.x_m) <= AREA_POINTS * 1.5
    lat_deg, lon_deg = region.plane.to_degrees(region.x_m, region.y_m)
    assert shapely.contains_xy(polygon, lon_deg, lat_deg).all()
    for column, size_m in ((region.x_m, width_m), (region.y_m, height_m)):
        assert column.max() - column.min() > size_m - 1.3 * math.sqrt(width_m * height_m / AREA_POINTS)


@pytest.mark.parametrize("width_m", [1_000.0, 100_000.0])
@pytest.mark.parametrize("height_m", [1.0, 0.001])
def test_a_strip_is_covered_along_its_whole_length(width_m: float, height_m: float) -> None:
    region = spread_over(a_box(width_m, height_m))
    is_sound(region)
    assert len(region.x_m) <= AREA_POINTS * 2
    assert region.x_m.max() - region.x_m.min() > 0.9 * width_m


def test_the_thinnest_strip_around_the_earth_costs_no_more_than_others() -> None:
    thin = shapely.box(-180.0, 37.5, 180.0, float(np.nextafter(37.5, 38)))
    region = spread_over(thin)
    is_sound(region)
    assert len(region.x_m) <= AREA_POINTS * 2


def test_several_polygons_all_get_points() -> None:
    near, far = a_box(300, 300), a_box(300, 300, west_m=2_000)
    region = spread_over(shapely.union_all([near, far]))
    lat_deg, lon_deg = region.plane.to_degrees(region.x_m, region.y_m)
    assert min(shapely.contains_xy(part, lon_deg, lat_deg).sum() for part in (near, far)) >= AREA_POINTS // 3


corners = st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=3, max_size=8)


@settings(deadline=None)
@given(corners)
def test_any_ring_gives_points_inside_it_or_no_polygon_at_all(ring: list[Any]) -> None:
    polygon = polygon_of(Area(polygon=tuple(a_point(*corner) for corner in ring)))
    if polygon is None:
        return
    assert polygon.is_valid
    region = spread_over(polygon)
    is_sound(region)
    lat_deg, lon_deg = region.plane.to_degrees(region.x_m, region.y_m)
    assert shapely.intersects_xy(polygon.buffer(1e-9), lon_deg, lat_deg).all()
    west, south, east, north = polygon.bounds
    far = [geo.distance_m(region.lat_deg, region.lon_deg, lat, lon) for lat in (south, north) for lon in (west, east)]
    assert max(far) <= region.radius_m * 1.001 + 0.01


@pytest.mark.parametrize(
    "ring",
    [
        [],
        [(0, 0), (10, 0)],
        [(0, 0), (10, 0), (0, 0), (10, 0)],
        [(0, 0), (10, 0), (20, 0)],
        [(5, 5), (5, 5), (5, 5)],
    ],
)
def test_a_ring_without_an_inside_is_no_polygon(ring: list[tuple[float, float]]) -> None:
    assert polygon_of(Area(polygon=tuple(a_point(*corner) for corner in ring))) is None


def test_a_ring_may_be_closed_or_open_and_turn_either_way() -> None:
    ring = [(0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (0.0, 80.0)]
    areas = [a_polygon(*points).area for points in (ring, [*ring, ring[0]], ring[::-1])]
    assert areas == [pytest.approx(areas[0])] * 3


def test_a_ring_that_crosses_itself_becomes_its_hull() -> None:
    bow_tie = a_polygon((0, 0), (100, 100), (100, 0), (0, 100))
    assert bow_tie.area == pytest.approx(a_box(100, 100).area)


def test_points_along_a_way_keep_their_distance_and_the_driving_order() -> None:
    region = along([a_point(0, 0), a_point(400, 0), a_point(400, 300)])
    assert region is not None
    is_sound(region)
    steps = np.hypot(np.diff(region.x_m), np.diff(region.y_m))
    assert len(region.x_m) == 700 // ROUTE_STEP_M + 1
    assert steps.max() <= 700 / (len(region.x_m) - 1) + 0.1
    assert region.x_m[-1] - region.x_m[0] == pytest.approx(400, abs=1)
    assert (np.diff(region.x_m + region.y_m) > 0).all()
    assert np.hypot(region.x_m, region.y_m).max() <= region.radius_m


@pytest.mark.parametrize("length_m", [0, 5, 39, 1_000, 90_000])
def test_a_way_has_two_to_sixty_points_however_long_it_is(length_m: float) -> None:
    region = along([a_point(0, 0), a_point(length_m, 0)])
    assert region is not None
    assert 2 <= len(region.x_m) <= ROUTE_POINTS_MAX
    assert math.isclose(region.x_m[-1] - region.x_m[0], length_m, rel_tol=0.01, abs_tol=0.01)


@pytest.mark.parametrize("count", [0, 1])
def test_one_point_is_no_way(count: int) -> None:
    assert along([a_point(0, 0)] * count) is None
