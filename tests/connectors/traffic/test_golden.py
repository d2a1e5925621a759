"""From what a traffic centre shows to the cameras: an accident, its end, a closed road."""

import json

from connectors.kit.source import Accepted
from schemas.camera import Camera
from schemas.camera_assignment import CameraAssignment
from schemas.incident import RespondingUnit
from schemas.location import Location, Point
from schemas.topics import CONDITIONS
from tests.connectors.local_context import NOON_US
from tests.connectors.traffic.feeds import ITS, TOPIS, its_item, topis_document, topis_row
from tests.connectors.traffic.test_source import a_pushed_source, a_source, entries
from tests.pipeline.engine_runs import EngineRun, only
from tests.support.conditions import tell
from tests.support.connector_suite import Happening
from tests.support.connector_suite.happenings import MINUTE_US, USUAL_US
from tests.support.golden import assignments_for, entries_of
from tests.support.records import T0_US, S, a_camera, a_table, an_incident


def test_an_accident_in_seouls_feed_gets_cameras_at_its_place() -> None:
    (assignment,) = assignments_for(entries_of("traffic", topis_document([topis_row(Happening())]), options=TOPIS))

    assert (assignment.kind, assignment.status, assignment.rank) == ("traffic-accident", "active", 2)
    assert assignment.cameras
    assert assignment.purpose == "traffic-accident"


def test_an_accident_that_the_feed_no_longer_shows_gives_its_cameras_back() -> None:
    source = a_source()
    shown = entries(source, topis_document([topis_row(Happening())]))
    gone = entries(source, topis_document([]))

    first, last = assignments_for([*shown, *gone], every_s=60)

    assert first.cameras
    assert (last.status, last.cameras) == ("released", ())


def test_an_accident_whose_lanes_change_in_flight_is_one_case_to_its_end() -> None:
    words = [Happening(), Happening(revision=2), Happening(closed=True, time_us=USUAL_US + 5 * MINUTE_US)]
    body = json.dumps([its_item(word) for word in words], ensure_ascii=False).encode()

    assignments = assignments_for(entries_of("traffic", body, options=ITS))

    assert {a.case_id for a in assignments} == {"traffic:its-17"}
    assert [a.status for a in assignments] == ["active", "active", "released"]


def test_a_road_that_is_closed_and_opened_again_changes_the_corridor_of_an_engine_under_way() -> None:
    source = a_pushed_source()
    closed = its_item(Happening()) | {"lanesBlockType": "3", "roadLine": "126.9705 37.566;126.9705 37.567"}
    shut, opened = (
        [entry.record for entry in entries(source, word) if isinstance(entry, Accepted) and entry.topic is CONDITIONS]
        for word in (closed, closed | {"lanesBlockType": "1", "roadLine": ""})
    )
    way = tuple(Point(lat_deg=37.5665, lon_deg=lon) for lon in (126.968, 126.978))
    run = EngineRun(a_table(*(camera_at(37.5666, 126.968 + 0.0007 * n, n) for n in range(16))))
    fire = an_incident("f", NOON_US, service="fire", kind="structure-fire", urgency_native=None,
                       location=Location(lat_deg=37.5665, lon_deg=126.978, accuracy_m=10.0, quality="gps"),
                       units=(RespondingUnit(unit_ref="engine-1", route=way),))  # fmt: skip
    begin_s = (NOON_US - T0_US) / S
    whole = only(run.tell(fire, now_s=begin_s))
    assert run.tick(begin_s + 1).assignments == []

    tell(run.cameras, *shut)
    cut = only(run.tick(begin_s + 2))
    tell(run.cameras, *opened)
    again = only(run.tick(begin_s + 3))

    assert (cut.reason, again.reason) == ("conditions-changed", "conditions-changed")
    assert max(lons(whole)) > 126.9712 > max(lons(cut))
    assert {c.why.get("closed_after_m", 0) > 0 for c in cut.cameras if c.role == "corridor"} == {True}
    assert not any("closed_after_m" in c.why for c in again.cameras)


def camera_at(lat_deg: float, lon_deg: float, number: int) -> Camera:
    return a_camera(
        f"w-{number:02}", location=Location(lat_deg=lat_deg, lon_deg=lon_deg, accuracy_m=3.0, quality="gps")
    )


def lons(made: CameraAssignment) -> list[float]:
    """Return where the cameras along the way stand."""
    return [126.968 + 0.0007 * int(c.camera_id[2:]) for c in made.cameras if c.role == "corridor"]


def test_a_closed_road_is_looked_at_and_told_to_all_who_plan_a_way() -> None:
    closed = its_item(Happening()) | {"eventType": "공사", "eventDetailType": "작업", "lanesBlockType": "3"}
    told = entries_of("traffic", json.dumps(closed, ensure_ascii=False).encode(), options=ITS)

    incidents = [entry for entry in told if isinstance(entry, Accepted) and entry.topic.name == "incidents"]
    conditions = [entry.record for entry in told if isinstance(entry, Accepted) and entry.topic.name == "conditions"]
    (assignment,) = assignments_for(incidents)

    assert (assignment.kind, assignment.status) == ("road-closure", "active")
    assert [condition.kind for condition in conditions] == ["closure"]
