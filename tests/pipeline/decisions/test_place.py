"""Where a case's target is now, with the uncertainty that time adds."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.belief.glance import Whereabouts
from pipeline.cases.case import Standing, standing_of
from pipeline.decisions.place import Place, newest_position, place_of, place_of_subject, polygon_of, routes_of
from pipeline.geo import Plane
from pipeline.rules.policy import District, Policy
from pipeline.world.places import AREA_POINTS, places_over
from schemas.case_state import CaseState
from schemas.incident import RespondingUnit
from schemas.location import Area, Location, Point
from schemas.subject_track import SubjectTrack
from tests.pipeline.cases.test_case import case_after, later
from tests.pipeline.engine_runs import DEMO
from tests.support.records import LAT_DEG, LON_DEG, an_alert, an_incident, at


def a_track(seconds: float, **changes: Any) -> SubjectTrack:
    fields: dict[str, Any] = {"lat_deg": LAT_DEG, "lon_deg": LON_DEG, "accuracy_m": 20.0, "speed_mps": math.nan}
    fields |= {"fix_us": later(seconds), "updated_us": later(seconds), "course_deg": math.nan}
    fields |= {"looked_lat_deg": math.nan, "looked_lon_deg": math.nan}
    return SubjectTrack(**{**fields, **changes})


def find(case: CaseState, policy: Policy = DEMO) -> Place | None:
    standing = standing_of(case, policy)
    assert isinstance(standing, Standing)
    return place_of(case, standing, policy)


def found(case: CaseState, policy: Policy = DEMO) -> Place:
    place = find(case, policy)
    assert place is not None
    return place


def ring(half_m: float, east_m: float = 0.0) -> tuple[Point, ...]:
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m)]
    places = [at(east_m + x, y) for x, y in corners]
    return tuple(Point(lat_deg=p.lat_deg, lon_deg=p.lon_deg) for p in places)


def test_an_incident_is_where_it_was_reported_and_does_not_move() -> None:
    place = found(case_after(an_incident("i", location=at(5, accuracy_m=25))))
    assert (place.location, place.accuracy_m, place.position_us) == (at(5, accuracy_m=25), 25.0, later(0))
    assert (place.heading_deg, place.speed_mps, place.polygon) == (None, None, None)


@pytest.mark.parametrize("location", [None, at(quality="default"), at(quality="none")])
def test_no_usable_position_is_no_place(location: Any) -> None:
    assert find(case_after(an_incident("i", location=location))) is None


def test_the_leading_reports_place_counts_then_the_newest_other() -> None:
    lead = an_incident("x", incident_id="a", location=None)
    old = an_incident("x", later(1), incident_id="b", urgency_native="C2", location=at(1))
    new = an_incident("x", later(2), incident_id="c", urgency_native="C2", location=at(2))
    assert found(case_after(lead, old, new)).location == at(2)
    placed = an_incident("x", later(3), incident_id="a", location=at(9))
    assert found(case_after(lead, old, new, placed)).location == at(9)


def test_a_closed_reports_place_counts_no_more() -> None:
    case = case_after(
        an_incident("x", incident_id="a", location=None),
        an_incident("x", later(1), incident_id="b", location=at(1)),
        an_incident("x", later(2), incident_id="b", status="closed"),
    )
    assert find(case) is None


def newest(case: CaseState, track: SubjectTrack | None = None) -> tuple[int, Location] | None:
    standing = standing_of(case, DEMO)
    assert isinstance(standing, Standing)
    return newest_position(case, standing, track)


@pytest.mark.parametrize(("fix_s", "uses_fix"), [(-1, False), (0, True), (1, True)])
def test_a_persons_newest_position_counts_whether_reported_or_measured(fix_s: float, *, uses_fix: bool) -> None:
    position = newest(case_after(an_alert("s", location=at(500))), a_track(fix_s))
    assert position is not None
    at_us, location = position
    assert at_us == (later(fix_s) if uses_fix else later(0))
    assert (location.lon_deg == LON_DEG) is uses_fix


def test_a_fix_places_a_person_who_was_reported_without_a_place() -> None:
    case = case_after(an_alert("s"))
    assert newest(case) is None
    position = newest(case, a_track(-60))
    assert position is not None
    assert (position[0], position[1].accuracy_m) == (later(-60), 20.0)


def test_an_alerts_place_is_as_old_as_the_person_was_last_seen_there() -> None:
    position = newest(case_after(an_alert("s", later(600), location=at(), last_seen_us=later(0))))
    assert position is not None
    assert position[0] == later(0)


def seen(speed_mps: float, heading_deg: float) -> Whereabouts:
    return Whereabouts(*(np.array([value]) for value in (30.0, -40.0, 12.34, speed_mps, heading_deg)))


def test_a_person_is_where_the_belief_is_and_goes_where_it_goes() -> None:
    plane = Plane(LAT_DEG, LON_DEG)
    place = place_of_subject(seen(1.234, 87.65), plane, later(5))
    east_m, north_m = plane.to_metres(place.location.lat_deg, place.location.lon_deg)
    assert (float(east_m), float(north_m)) == (pytest.approx(30, abs=0.02), pytest.approx(-40, abs=0.02))
    assert (place.accuracy_m, place.location.accuracy_m, place.position_us) == (12.34, 12.3, later(5))
    assert (place.heading_deg, place.speed_mps) == (87.7, 1.23)


@pytest.mark.parametrize("motion", [(0.29, 90.0), (1.0, math.nan), (0.0, 0.0)])
def test_a_standing_person_or_one_of_unknown_course_has_no_heading(motion: tuple[float, float]) -> None:
    place = place_of_subject(seen(*motion), Plane(LAT_DEG, LON_DEG), later(0))
    assert (place.heading_deg, place.speed_mps) == (None, None)


def test_an_area_is_looked_for_as_a_whole_and_has_no_error_of_its_own() -> None:
    flood = an_incident("f", service="disaster", kind="flood", location=at(900), area=Area(polygon=ring(300)))
    place = found(case_after(flood))
    assert place.polygon is not None
    assert place.accuracy_m == 0.0
    assert place.location.lon_deg == pytest.approx(LON_DEG, abs=1e-4)


def test_the_areas_of_all_open_reports_are_joined() -> None:
    one = an_incident("f", incident_id="a", service="disaster", area=Area(polygon=ring(100)))
    two = an_incident("f", later(1), incident_id="b", service="disaster", area=Area(polygon=ring(100, 1_000)))
    both, first = (found(case_after(*reports)).polygon for reports in ((one, two), (one,)))
    assert both is not None
    assert first is not None
    assert both.area == pytest.approx(2 * first.area, rel=1e-4)


def test_districts_are_found_by_name_and_unknown_names_fall_back_to_the_position() -> None:
    polygon = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in ring(200)])
    policy = Policy(**{name: getattr(DEMO, name) for name in DEMO.__slots__} | {"districts": (District("A", polygon),)})
    named = an_incident("f", service="disaster", location=at(7), area=Area(district_names=("A", "B")))
    unknown = an_incident("f", service="disaster", location=at(7), area=Area(district_names=("B",)))
    place = found(case_after(named), policy=policy)
    assert place.polygon is not None
    assert place.polygon.equals(polygon)
    assert found(case_after(unknown), policy=policy).location == at(7)


@pytest.mark.parametrize("corners", [0, 1, 2])
def test_a_ring_without_an_inside_falls_back_to_the_position(corners: int) -> None:
    case = case_after(an_incident("f", service="disaster", location=at(7), area=Area(polygon=ring(50)[:corners])))
    assert found(case).location == at(7)


def a_unit(**changes: Any) -> RespondingUnit:
    return RespondingUnit(unit_ref="engine-1", **changes)


def test_a_units_route_is_followed_and_a_unit_without_one_comes_straight() -> None:
    routed = a_unit(route=ring(200)[:3])
    straight = a_unit(position=at(-400))
    case = case_after(an_incident("i", service="fire", kind="fire", units=(routed, straight)))
    by_route, by_line = routes_of(case, found(case))
    assert by_route == ring(200)[:3]
    assert [p.lon_deg for p in by_line] == [at(-400).lon_deg, LON_DEG]
    assert [p.lat_deg for p in by_line] == [LAT_DEG, LAT_DEG]


@pytest.mark.parametrize(
    "unit",
    [a_unit(), a_unit(position=at(quality="none")), a_unit(position=at(quality="default")), a_unit(route=ring(9)[:1])],
)
def test_a_unit_of_unknown_whereabouts_has_no_corridor(unit: RespondingUnit) -> None:
    case = case_after(an_incident("i", service="fire", kind="fire", units=(unit,)))
    assert routes_of(case, found(case)) == []


def test_the_units_of_closed_reports_have_no_corridor() -> None:
    case = case_after(
        an_incident("x", incident_id="a", units=(a_unit(position=at(-400)),)),
        an_incident("x", later(1), incident_id="b"),
        an_incident("x", later(2), incident_id="a", status="closed"),
    )
    assert routes_of(case, found(case)) == []


def a_polygon(*corners_m: tuple[float, float]) -> shapely.Polygon | None:
    places = [at(*corner) for corner in corners_m]
    return polygon_of(Area(polygon=tuple(Point(lat_deg=p.lat_deg, lon_deg=p.lon_deg) for p in places)))


@pytest.mark.parametrize(
    "corners",
    [
        [],
        [(0, 0), (10, 0)],
        [(0, 0), (10, 0), (0, 0), (10, 0)],
        [(0, 0), (10, 0), (20, 0)],
        [(5, 5), (5, 5), (5, 5)],
    ],
)
def test_a_ring_without_an_inside_is_no_polygon(corners: list[tuple[float, float]]) -> None:
    assert a_polygon(*corners) is None


def test_a_ring_may_be_closed_or_open_and_turn_either_way() -> None:
    corners = [(0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (0.0, 80.0)]
    polygons = [a_polygon(*points) for points in (corners, [*corners, corners[0]], corners[::-1])]
    assert len({round(p.area * 1e12) for p in polygons if p is not None}) == 1
    assert None not in polygons


def test_a_ring_that_crosses_itself_becomes_its_hull() -> None:
    bow_tie, box = a_polygon((0, 0), (100, 100), (100, 0), (0, 100)), a_polygon((0, 0), (100, 0), (100, 100), (0, 100))
    assert bow_tie is not None
    assert box is not None
    assert bow_tie.area == pytest.approx(box.area)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=3, max_size=8))
def test_any_ring_gives_places_inside_it_or_no_polygon_at_all(corners: list[tuple[int, int]]) -> None:
    polygon = a_polygon(*corners)
    if polygon is None:
        return
    assert polygon.is_valid
    plane = Plane(LAT_DEG, LON_DEG)
    places = places_over(polygon, plane, None)
    assert places.mass.sum() == pytest.approx(1)
    lat_deg, lon_deg = plane.to_degrees(places.x_m, places.y_m)
    assert shapely.intersects_xy(polygon.buffer(1e-9), lon_deg, lat_deg).all()


def test_the_thinnest_strip_around_the_earth_costs_no_more_than_others() -> None:
    thin = shapely.box(-180.0, 37.5, 180.0, float(np.nextafter(37.5, 38)))
    places = places_over(thin, Plane(LAT_DEG, LON_DEG), None)
    assert 1 <= len(places.mass) <= 2 * AREA_POINTS
    assert np.isfinite(places.x_m).all()


def test_several_polygons_all_get_places() -> None:
    plane = Plane(LAT_DEG, LON_DEG)
    parts = [shapely.Polygon([(p.lon_deg, p.lat_deg) for p in ring(150, east_m)]) for east_m in (0.0, 2_000.0)]
    places = places_over(shapely.union_all(parts), plane, None)
    lat_deg, lon_deg = plane.to_degrees(places.x_m, places.y_m)
    assert min(shapely.contains_xy(part, lon_deg, lat_deg).sum() for part in parts) >= AREA_POINTS // 3
