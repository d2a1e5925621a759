"""One case decided: its status, its cameras, and whether a change is worth a new version."""

from typing import Any

import numpy as np
import pytest

from pipeline import geo
from pipeline.decisions.assigned import TERMS
from schemas.camera import Camera
from schemas.camera_assignment import CameraAssignment
from schemas.incident import RespondingUnit
from schemas.location import Area, Point
from tests.pipeline.engine_runs import DEMO, SEOUL_CITY, EngineRun, a_grid, ids, only, policy_with, reasons
from tests.support.records import (
    LAT_DEG,
    LON_DEG,
    T0_US,
    S,
    a_camera,
    a_fix,
    a_health,
    a_table,
    an_alert,
    an_incident,
    at,
)

ELDER = "s:elder"


def on_a_grid(policy: Any = DEMO, *more: Camera) -> EngineRun:
    return EngineRun(a_table(*a_grid(), *more), policy)


def later(seconds: float) -> int:
    return T0_US + int(seconds * S)


def a_point(east_m: float, north_m: float) -> Point:
    place = at(east_m, north_m)
    return Point(lat_deg=place.lat_deg, lon_deg=place.lon_deg)


def update(seconds: float, **changes: Any) -> Any:
    return an_incident("i", later(seconds), status="updated", **changes)


def test_a_robbery_gets_cameras_in_its_first_version() -> None:
    run = on_a_grid()
    result = run.tell(an_incident("i", location=at(accuracy_m=25)), now_s=2)
    a = only(result)
    assert (a.case_id, a.version, a.event_id, a.status, a.reason) == ("i", 1, f"i/{later(2)}/1", "active", "reported")
    assert (a.services, a.kind, a.rank, a.exercise) == (("police",), "robbery", 0, False)
    assert (a.purpose, a.legal_basis) == ("serious-crime", "PIPA18-2-3")
    assert a.recipients == ("demo-112:control-room", "demo-cctv-centre:operator")
    assert (a.occurred_us, a.decided_us, a.valid_from_us) == (T0_US, later(2), later(2))
    assert a.valid_until_us == later(2 + 600)
    assert len(a.cameras) == 8
    assert [c.rank for c in a.cameras] == list(range(8))
    assert a.added == tuple(sorted(ids(a)))
    assert (a.kept, a.released) == ((), ())
    assert [(s.topic, s.partition, s.offset) for s in a.sources] == [("incidents", 0, 0)]
    assert (a.policy_version, a.camera_table_version) == ("demo-1", "cameras@80/health@-1")
    assert a.where is not None
    assert (a.where.accuracy_m, a.where.district, a.where.position_us) == (25.0, "솔내구", T0_US)
    assert result.reported == [("police", T0_US)]
    assert result.first_views == [a]


@pytest.mark.parametrize(("urgency", "count"), [("C0", 8), ("C1", 6), ("C2", 4), ("C3", 4)])
def test_the_rank_decides_how_many_cameras(urgency: str, count: int) -> None:
    assert len(only(on_a_grid().tell(an_incident(urgency_native=urgency), now_s=1)).cameras) == count


def test_each_camera_says_why_it_is_there() -> None:
    camera = only(on_a_grid().tell(an_incident(), now_s=1)).cameras[0]
    assert camera.camera_id == "cam-4-4"
    assert (camera.role, camera.owner, camera.site_id) == ("view", "Riverside", "site-of-cam-4-4")
    assert (camera.level, camera.since_us) == ("identify", later(1))
    assert camera.distance_m < 2
    assert set(camera.why) == {*TERMS, "observe_range_m", "held", "nearest", "second"}
    assert camera.why["gain"] == pytest.approx(camera.p_view)
    assert camera.aim is None


def test_a_ptz_camera_is_told_where_to_turn() -> None:
    run = EngineRun(a_table(a_camera("ptz", kind="ptz", location=at(-100), height_m=10.0)))
    (camera,) = only(run.tell(an_incident(), now_s=1)).cameras
    aim = camera.aim
    assert aim is not None
    assert aim.pan_deg == pytest.approx(90, abs=0.6)
    assert aim.tilt_deg == pytest.approx(5.7, abs=0.2)
    assert aim.zoom > 1
    assert aim.lat_deg == pytest.approx(LAT_DEG, abs=1e-5)
    assert aim.lon_deg == pytest.approx(LON_DEG, abs=1e-5)
    assert aim.area_height_m == pytest.approx(aim.area_width_m * 9 / 16, abs=0.1)


def test_an_update_with_the_same_cameras_is_still_a_version_and_keeps_them() -> None:
    run = on_a_grid()
    first = only(run.tell(an_incident("i"), now_s=1))
    second = only(run.tell(update(9), now_s=10))
    assert (second.version, second.reason, second.added, second.released) == (2, "updated", (), ())
    assert second.kept == first.added
    assert {c.since_us for c in second.cameras} == {later(1)}


def a_walk(run: EngineRun, *steps_m: float, accuracy_m: float = 10.0) -> list[CameraAssignment]:
    """Return the versions that a person's fixes lead to, one a minute, each so far east."""
    made = run.tell(an_alert(ELDER, location=at(accuracy_m=accuracy_m)), now_s=0).assignments
    for minute, east_m in enumerate(steps_m, 1):
        fix = a_fix(ELDER, later(60 * minute), location=at(east_m, accuracy_m=accuracy_m))
        made += run.tell(fix, now_s=60 * minute + 1).assignments
    return made


def test_held_cameras_stay_for_a_small_gain() -> None:
    reluctant, eager = (
        policy_with(selection={"switch_gain": gain, "held_bonus": 0.0, "next_cameras": 0}) for gain in (0.3, 0.0)
    )
    stays, goes = (a_walk(on_a_grid(policy), 22, 44, accuracy_m=20) for policy in (reluctant, eager))
    assert not any(a.added or a.released for a in stays[1:])
    assert any(a.added and a.released for a in goes[1:])


def test_a_person_who_went_far_is_told_of_even_when_the_cameras_stay() -> None:
    stubborn = policy_with(selection={"switch_gain": 1.0, "next_cameras": 0})
    first, second = a_walk(on_a_grid(stubborn), 150, accuracy_m=80)
    assert (second.reason, second.added, second.released) == ("moved", (), ())
    assert second.kept == first.added
    assert first.where is not None
    assert second.where is not None
    assert second.where.lon_deg > first.where.lon_deg


def test_cameras_change_when_the_gain_is_large_and_the_old_ones_are_released() -> None:
    first, *rest = a_walk(on_a_grid(), 100)
    (second,) = rest
    assert second.reason == "moved"
    assert second.added
    assert set(second.released) == set(first.added) - set(second.kept)
    assert {c.since_us for c in second.cameras if c.camera_id in second.added} == {second.decided_us}


@pytest.mark.parametrize("switch_gain", [0.0, 0.02, 1.0])
def test_no_runner_up_is_on_the_list(switch_gain: float) -> None:
    run = on_a_grid(policy_with(selection={"switch_gain": switch_gain, "runner_up": 20}))
    for assignment in a_walk(run, 30, 60, 90, 150):
        assert not set(ids(assignment)) & {r.camera_id for r in assignment.runner_up}


def test_a_walking_persons_next_place_has_cameras_too() -> None:
    *_, last = a_walk(on_a_grid(), 0, 50, 100)
    ahead = [c for c in last.cameras if c.role == "next" and not c.why["nearest"]]
    assert 0 < len(ahead) <= DEMO.selection.next_cameras
    assert last.where is not None
    assert last.where.heading_deg is None or last.where.heading_deg == pytest.approx(90, abs=60)


def test_a_lost_camera_is_replaced_at_the_next_tick() -> None:
    run = on_a_grid()
    first = only(run.tell(an_incident("i"), now_s=1))
    run.tick(2)
    run.change(a_health(first.cameras[0].camera_id, "down"))
    second = only(run.tick(3))
    assert (second.version, second.reason) == (2, "camera-lost")
    assert second.released == (first.cameras[0].camera_id,)
    assert len(second.cameras) == 8
    assert second.excluded["health"] == 1


def test_an_unknown_place_is_said_each_time_something_is_reported_and_ends_with_a_place() -> None:
    run = on_a_grid()
    first = only(run.tell(an_incident("i", location=at(quality="default")), now_s=1))
    assert (first.status, first.where, first.cameras, first.version) == ("needs-location", None, (), 1)
    assert first.recipients == ("demo-112:control-room", "demo-cctv-centre:operator")
    assert run.tick(2).assignments == []
    second = only(run.tell(update(9, location=None), now_s=10))
    assert (second.status, second.version) == ("needs-location", 2)
    third = only(run.tell(update(19), now_s=20))
    assert (third.status, third.version, len(third.cameras)) == ("active", 3, 8)


def test_zero_zero_and_the_agencys_address_need_a_location() -> None:
    zero = at()
    zero = type(zero)(lat_deg=0.0, lon_deg=0.0, accuracy_m=1.0, quality="gps")
    home = type(zero)(lat_deg=37.4003, lon_deg=127.4003, accuracy_m=1.0, quality="address")
    run = on_a_grid()
    made = run.tell(an_incident("a", location=zero), an_incident("b", location=home), now_s=1).assignments
    assert [a.status for a in made] == ["needs-location"] * 2


def test_a_denial_is_said_once_with_its_reason_and_to_nobody() -> None:
    run = on_a_grid()
    denied = only(run.tell(an_incident("i", kind="brawl", urgency_native="C3"), now_s=1))
    assert (denied.status, denied.reason) == ("denied", "outside-the-seven-crimes")
    assert (denied.purpose, denied.legal_basis, denied.recipients, denied.where) == (None, None, (), None)
    assert (denied.cameras, denied.valid_until_us) == ((), later(1))
    again = run.tell(update(9, kind="brawl", urgency_native="C3"), now_s=10)
    assert (again.assignments, again.outcomes["incidents", "noted"]) == ([], 1)


def test_a_denied_case_that_becomes_urgent_gets_cameras() -> None:
    run = on_a_grid()
    run.tell(an_incident("i", kind="brawl", urgency_native="C3"), now_s=1)
    urgent = only(run.tell(update(9, kind="brawl", urgency_native="C0"), now_s=10))
    assert (urgent.status, urgent.version, len(urgent.cameras)) == ("active", 2, 8)
    assert run.case("i").ended_us is None


def test_who_held_cameras_hears_of_a_later_denial() -> None:
    run = on_a_grid()
    first = only(run.tell(an_incident("i"), now_s=1))
    denied = only(run.tell(update(9, urgency_native="C4"), now_s=10))
    assert (denied.status, denied.reason, denied.released) == ("denied", "not-urgent", first.added)
    assert denied.recipients == first.recipients


def test_a_drill_is_denied_where_the_city_says_so_and_told_to_trainers_where_it_allows_it() -> None:
    drill = an_incident("i", exercise=True)
    denied = only(on_a_grid(SEOUL_CITY).tell(drill, now_s=1))
    assert (denied.status, denied.reason, denied.exercise, denied.recipients) == ("denied", "exercise", True, ())
    played = only(on_a_grid(DEMO).tell(drill, now_s=1))
    assert (played.status, played.exercise, played.recipients) == ("active", True, ("demo-training:exercise",))


def test_without_cameras_a_case_waits_and_gets_them_when_they_come() -> None:
    run = EngineRun(a_table())
    waiting = only(run.tell(an_incident("i"), now_s=1))
    assert (waiting.status, waiting.cameras, waiting.purpose) == ("waiting", (), "serious-crime")
    assert waiting.where is not None
    assert run.tick(62).assignments == []
    run.change(*a_grid(3, 3))
    assert run.tick(63).assignments == []
    active = only(run.tick(123))
    assert (active.status, active.reason, active.version, len(active.cameras)) == ("active", "cameras-available", 2, 8)


def a_fire(*units: RespondingUnit, **changes: Any) -> Any:
    return an_incident("f", service="fire", kind="structure-fire", urgency_native=None, units=units, **changes)


def test_a_vehicles_way_gets_cameras_in_driving_order() -> None:
    way = [a_camera(f"way-{n}", location=at(-300.0 * n, 8)) for n in range(1, 5)]
    run = EngineRun(a_table(*a_grid(3, 3), *way))
    unit = RespondingUnit(unit_ref="engine-1", route=(a_point(-1_260, 0), a_point(0, 0)))
    fire = only(run.tell(a_fire(unit), now_s=1))
    assert ids(fire, "corridor") == ["way-4", "way-3", "way-2", "way-1"]
    assert len(ids(fire, "view")) + len(ids(fire, "next")) == 6
    assert len(set(ids(fire))) == len(fire.cameras)


def test_the_list_never_grows_beyond_the_cap() -> None:
    units = [RespondingUnit(unit_ref=f"u{n}", position=at(-150, 60.0 * n - 120)) for n in range(5)]
    run = on_a_grid(policy_with(selection={"corridor_cameras": 8}))
    fire = only(run.tell(a_fire(*units), now_s=1))
    assert len(fire.cameras) == DEMO.selection.cap == 16
    assert [c.rank for c in fire.cameras] == list(range(16))
    small = on_a_grid(policy_with(selection={"cap": 3}))
    assert len(only(small.tell(a_fire(*units), now_s=1)).cameras) == 3


def test_an_areas_cameras_are_spread_over_it_and_not_around_its_middle() -> None:
    run = EngineRun(a_table(*a_grid(21, 21, 43.0)))
    ring = tuple(a_point(x, y) for x, y in ((-450, -450), (450, -450), (450, 450), (-450, 450)))
    flood = an_incident("f", service="disaster", kind="flood", urgency_native="critical", area=Area(polygon=ring))
    made = only(run.tell(flood, now_s=1))
    assert {c.role for c in made.cameras} == {"area"}
    assert len(made.cameras) == 8
    by_id = {camera.camera_id: camera.location for camera in a_grid(21, 21, 43.0)}
    places = [by_id[camera_id] for camera_id in ids(made)]
    east_m, north_m = geo.offsets_m(LAT_DEG, LON_DEG, [p.lat_deg for p in places], [p.lon_deg for p in places])
    assert (np.maximum(np.abs(east_m), np.abs(north_m)) <= 451).all()
    apart_m = [np.hypot(east_m[i] - east_m[j], north_m[i] - north_m[j]) for i in range(8) for j in range(i)]
    assert min(apart_m) > 42


def test_closing_releases_everything_and_forgets_where() -> None:
    run = on_a_grid()
    unit = RespondingUnit(unit_ref="u", position=at(-100))
    first = only(run.tell(an_incident("i", units=(unit,)), now_s=1))
    result = run.tell(an_incident("i", later(9), status="closed"), now_s=10)
    last = only(result)
    assert (last.status, last.reason, last.version) == ("released", "closed", 2)
    assert (last.cameras, last.where, last.runner_up, last.excluded) == ((), None, (), {})
    assert (last.released, last.recipients, last.valid_until_us) == (first.added, first.recipients, later(10))
    case = result.case_states["i"]
    assert case is not None
    assert (case.held, case.anchor, case.ended_us) == ((), None, later(10))
    assert all((r.location, r.area, r.units) == (None, None, ()) for r in case.reports)


def test_found_ends_a_persons_case_and_forgets_the_track() -> None:
    run = on_a_grid()
    run.tell(an_alert(ELDER), a_fix(ELDER, later(1)), now_s=2)
    result = run.tell(an_alert(ELDER, later(60), kind="found"), now_s=61)
    assert reasons(result) == ["found"]
    assert result.tracks == [(ELDER.encode(), None)]
