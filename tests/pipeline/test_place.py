"""Where a case's target is now, with the uncertainty that time adds."""

import math
from typing import Any

import numpy as np
import pytest
import shapely

from pipeline.case import Standing, standing_of
from pipeline.place import Place, place_of, routes_of
from pipeline.policy import District, Policy
from pipeline.region import AREA_POINTS, DISC_POINTS
from schemas.case_state import CaseState
from schemas.incident import RespondingUnit
from schemas.location import Area, Point
from schemas.subject_track import SubjectTrack
from tests.pipeline.engine_runs import DEMO
from tests.pipeline.test_case import case_after, later
from tests.support.records import LAT_DEG, LON_DEG, an_alert, an_incident, at


def a_track(seconds: float, **changes: Any) -> SubjectTrack:
    fields: dict[str, Any] = {"lat_deg": LAT_DEG, "lon_deg": LON_DEG, "accuracy_m": 20.0, "speed_mps": math.nan}
    fields |= {"fix_us": later(seconds), "updated_us": later(seconds), "course_deg": math.nan}
    fields |= {"looked_lat_deg": math.nan, "looked_lon_deg": math.nan}
    return SubjectTrack(**{**fields, **changes})


def find(case: CaseState, track: SubjectTrack | None = None, now_s: float = 0.0, policy: Policy = DEMO) -> Place | None:
    standing = standing_of(case, policy)
    assert isinstance(standing, Standing)
    return place_of(case, standing, track, policy, later(now_s))


def found(case: CaseState, track: SubjectTrack | None = None, now_s: float = 0.0, policy: Policy = DEMO) -> Place:
    place = find(case, track, now_s, policy)
    assert place is not None
    return place


def ring(half_m: float, east_m: float = 0.0) -> tuple[Point, ...]:
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m)]
    places = [at(east_m + x, y) for x, y in corners]
    return tuple(Point(lat_deg=p.lat_deg, lon_deg=p.lon_deg) for p in places)


def test_an_incident_is_where_it_was_reported_and_does_not_move() -> None:
    place = found(case_after(an_incident("i", location=at(5, accuracy_m=25))), now_s=3_600)
    assert (place.location, place.accuracy_m, place.position_us) == (at(5, accuracy_m=25), 25.0, later(0))
    assert (place.heading_deg, place.speed_mps, place.polygon) == (None, None, None)
    assert len(place.region().x_m) == DISC_POINTS


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


def test_a_persons_place_widens_by_walking_speed_up_to_a_limit() -> None:
    case = case_after(an_alert("s", location=at(accuracy_m=30)))
    walked_m = DEMO.movement.walking_speed_mps * 100
    assert found(case).accuracy_m == 30
    assert found(case, now_s=100).accuracy_m == pytest.approx(math.hypot(30, walked_m))
    assert found(case, now_s=100_000).accuracy_m == DEMO.movement.max_radius_m


def test_a_clock_that_runs_ahead_does_not_narrow_a_place() -> None:
    case = case_after(an_alert("s", location=at(accuracy_m=30)))
    assert found(case, a_track(200), now_s=100).accuracy_m == 20


@pytest.mark.parametrize(("fix_s", "uses_fix"), [(-1, False), (0, True), (1, True)])
def test_a_persons_newest_position_counts_whether_reported_or_measured(fix_s: float, *, uses_fix: bool) -> None:
    place = found(case_after(an_alert("s", location=at(500))), a_track(fix_s))
    assert place.position_us == (later(fix_s) if uses_fix else later(0))
    assert (place.location.lon_deg == LON_DEG) is uses_fix


def test_a_fix_places_a_person_who_was_reported_without_a_place() -> None:
    case = case_after(an_alert("s"))
    assert find(case) is None
    assert found(case, a_track(-60)).position_us == later(-60)


def test_the_fixes_of_a_tracker_say_nothing_of_an_incident_without_a_person() -> None:
    assert find(case_after(an_incident("i", location=None)), a_track(5)) is None


def test_a_walking_person_has_a_heading_and_is_looked_for_ahead() -> None:
    place = found(case_after(an_alert("s")), a_track(0, speed_mps=1.5, course_deg=90.0))
    assert (place.heading_deg, place.speed_mps) == (90.0, 1.5)
    ahead = place.region_ahead(60)
    assert ahead is not None
    assert ahead.lat_deg == pytest.approx(LAT_DEG, abs=1e-5)
    assert ahead.lon_deg == pytest.approx(at(90).lon_deg, abs=1e-6)
    assert place.region_ahead(0) is None


@pytest.mark.parametrize(
    "motion",
    [
        {"speed_mps": 0.29, "course_deg": 90.0},
        {"speed_mps": math.nan, "course_deg": 90.0},
        {"speed_mps": 1.0},
        {"speed_mps": 0.0, "course_deg": 0.0},
    ],
)
def test_a_standing_person_or_one_of_unknown_course_has_no_heading(motion: dict[str, float]) -> None:
    place = found(case_after(an_alert("s")), a_track(0, **motion))
    assert (place.heading_deg, place.region_ahead(60)) == (None, None)


def test_an_old_fix_gives_no_heading_to_a_newer_report() -> None:
    place = found(case_after(an_alert("s", location=at())), a_track(-9, speed_mps=1.5, course_deg=90.0))
    assert place.heading_deg is None


def test_an_area_is_spread_over_and_has_no_error_of_its_own() -> None:
    flood = an_incident("f", service="disaster", kind="flood", location=at(900), area=Area(polygon=ring(300)))
    place = found(case_after(flood))
    assert place.polygon is not None
    assert place.accuracy_m == 0.0
    assert place.location.lon_deg == pytest.approx(LON_DEG, abs=1e-4)
    assert len(place.region().x_m) >= AREA_POINTS * 0.6


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
    assert by_route.x_m[-1] - by_route.x_m[0] == pytest.approx(400, rel=0.01)
    assert np.ptp(by_line.y_m) < 1
    assert by_line.x_m[-1] - by_line.x_m[0] == pytest.approx(400, rel=0.01)


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
