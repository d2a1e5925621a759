"""The part of a way that lies ahead of a vehicle, and circles around a scene."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.fire_119.routes import circle, distance_m, route_ahead
from schemas.location import Point

# Along a street and then north: 881 m and 1,112 m.
WAY = tuple(Point(lat_deg=lat, lon_deg=lon) for lat, lon in ((37.57, 126.97), (37.57, 126.98), (37.58, 126.98)))


def at(lat: float, lon: float) -> Point:
    return Point(lat_deg=lat, lon_deg=lon)


def length_m(route: tuple[Point, ...]) -> float:
    return sum(distance_m(a, b) for a, b in itertools.pairwise(route))


@pytest.mark.parametrize(
    ("position", "left"),
    [
        (at(37.57, 126.97), WAY[1:]),
        (at(37.5701, 126.975), WAY[1:]),
        (at(37.575, 126.9801), WAY[2:]),
        (at(37.58, 126.98), WAY[2:]),
    ],
)
def test_the_way_ahead_begins_where_the_vehicle_is(position: Point, left: tuple[Point, ...]) -> None:
    assert route_ahead(WAY, position) == (position, *left)


@pytest.mark.parametrize("position", [at(37.568, 126.975), at(37.5, 127.1), at(37.582, 126.98)])
def test_a_vehicle_that_has_left_its_way_has_none(position: Point) -> None:
    assert route_ahead(WAY, position) is None


def test_a_way_that_stands_still_has_an_end() -> None:
    assert route_ahead((WAY[0], WAY[0]), WAY[0]) == (WAY[0], WAY[0])


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.floats(0, 1), st.floats(0, 1))
def test_the_farther_a_vehicle_is_the_less_of_its_way_is_left(first: float, second: float) -> None:
    near, far = sorted((first, second))
    ways = [route_ahead(WAY, at(37.57, 126.97 + 0.01 * share)) for share in (near, far)]

    assert ways[0] is not None
    assert ways[1] is not None
    assert length_m(ways[0]) >= length_m(ways[1]) - 1e-6


def test_a_circles_corners_lie_at_its_radius() -> None:
    corners = circle(at(37.57, 126.97), 150.0).polygon

    assert [distance_m(at(37.57, 126.97), corner) for corner in corners] == pytest.approx([150.0] * 24, abs=0.05)
