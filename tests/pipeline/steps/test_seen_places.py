"""Sightings of cases without a person, and of people whom nobody could place yet: they count or are answered."""

import math
from typing import Any

import pytest

from pipeline.reading.batch import StepResult
from schemas.location import Area, Location, LocationQuality, Point
from tests.pipeline.engine_runs import EngineRun, a_grid, only
from tests.support.records import LAT_DEG, LON_DEG, T0_US, S, a_sighting, a_table, an_alert, an_incident, at

CASE = "inc-1"


def later(seconds: float) -> int:
    return T0_US + int(seconds * S)


def a_run(**incident: Any) -> EngineRun:
    run = EngineRun(a_table(*a_grid()))
    run.tell(an_incident(CASE, **({"location": at(0, 0, accuracy_m=60)} | incident)), now_s=1)
    return run


def clicked(x_m: float, y_m: float, case_id: str = CASE, **changes: Any) -> Any:
    place = at(x_m, y_m, accuracy_m=10, quality=LocationQuality.OTHER)
    return a_sighting(case_id, later(5), **({"camera_id": None, "location": place} | changes))


def answered(result: StepResult) -> list[tuple[str, str | None]]:
    assert result.assignments == []
    assert result.outcomes == {("sightings", "dead-letter"): len(result.refusals)}
    return [(refusal.reason, refusal.field) for refusal in result.refusals]


def test_a_fire_that_is_seen_at_another_place_is_there_and_gets_the_cameras_there() -> None:
    run = a_run()
    moved = only(run.tell(clicked(90, 60), now_s=6))
    assert (moved.reason, moved.status) == ("sighted", "active")
    assert moved.where is not None
    wanted = at(90, 60)
    assert (moved.where.lat_deg, moved.where.lon_deg) == (wanted.lat_deg, wanted.lon_deg)
    assert moved.where.accuracy_m == 10
    nearest = min(moved.cameras, key=lambda camera: camera.distance_m)
    assert nearest.camera_id == "cam-7-6"
    assert nearest.distance_m < 1


def test_the_corrected_place_stays_when_the_source_repeats_its_own_and_goes_when_it_tells_of_another() -> None:
    run = a_run()
    corrected = only(run.tell(clicked(90, 60), now_s=6)).where
    again = an_incident(CASE, later(9), status="updated", location=at(0, 0, accuracy_m=60))
    repeated = only(run.tell(again, now_s=10)).where
    assert corrected is not None
    assert repeated is not None
    assert (repeated.lat_deg, repeated.lon_deg) == (corrected.lat_deg, corrected.lon_deg)
    elsewhere = an_incident(CASE, later(19), status="updated", location=at(-900, 0, accuracy_m=60))
    told = only(run.tell(elsewhere, now_s=20)).where
    assert told is not None
    assert told.lon_deg == at(-900, 0).lon_deg


def test_a_report_without_a_place_gets_one_by_being_seen() -> None:
    run = a_run(location=Location(lat_deg=0, lon_deg=0, accuracy_m=0, quality=LocationQuality.DEFAULT))
    assert run.case(CASE).status == "needs-location"
    assert only(run.tell(clicked(0, 0), now_s=6)).status == "active"


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (a_sighting(CASE, later(5), camera_id="cam-4-4"), "no-person"),
        (a_sighting(CASE, later(5), camera_id="cam-4-4", result="looked-not-seen"), "no-person"),
        (clicked(9, 9, result="looked-not-seen"), "no-person"),
        (clicked(9, 9, reliability=0.4), "unreliable"),
    ],
)
def test_a_look_that_says_nothing_of_a_fires_place_is_answered_with_the_reason(look: Any, reason: str) -> None:
    run = a_run()
    ((found, _),) = answered(run.tell(look, now_s=6))
    assert found == reason
    assert run.case(CASE).version == 1


def test_an_area_is_not_moved_by_one_place() -> None:
    corners = [(0.0, 0.0), (0.001, 0.0), (0.0, 0.001)]
    ring = tuple(Point(lat_deg=LAT_DEG + a, lon_deg=LON_DEG + b) for a, b in corners)
    run = a_run(area=Area(polygon=ring))
    assert answered(run.tell(clicked(5, 5), now_s=6)) == [("is-area", "location")]


def lost_run() -> EngineRun:
    run = EngineRun(a_table(*a_grid()))
    nowhere = Location(lat_deg=0, lon_deg=0, accuracy_m=0, quality=LocationQuality.NONE)
    assert only(run.tell(an_alert(location=nowhere), now_s=1)).status == "needs-location"
    return run


def test_a_person_whom_nobody_could_place_is_looked_for_where_they_were_clicked() -> None:
    found = only(lost_run().tell(clicked(30, 30, "s:elder"), now_s=6))
    assert (found.status, found.reason) == ("active", "sighted")


def test_a_person_whom_nobody_could_place_is_looked_for_in_the_range_of_the_camera_that_showed_them() -> None:
    found = only(lost_run().tell(a_sighting("s:elder", later(5), camera_id="cam-6-2"), now_s=6))
    assert found.status == "active"
    assert found.where is not None
    camera = at(60, -60)
    east_m = (found.where.lon_deg - camera.lon_deg) * 111_320 * math.cos(math.radians(LAT_DEG))
    assert math.hypot(east_m, (found.where.lat_deg - camera.lat_deg) * 111_320) < 40


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (a_sighting("s:elder", later(5), camera_id="cam-4-4", result="looked-not-seen"), "no-place"),
        (a_sighting("s:elder", later(5), camera_id="cam-of-nobody"), "unknown-camera"),
        (clicked(9, 9, "s:elder", result="looked-not-seen"), "no-camera"),
    ],
)
def test_looks_for_a_person_that_say_nothing_are_answered_with_the_reason(look: Any, reason: str) -> None:
    ((found, _),) = answered(lost_run().tell(look, now_s=6))
    assert found == reason
