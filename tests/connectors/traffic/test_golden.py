"""From what a traffic centre shows to the cameras: an accident, its end, a closed road."""

import json

from connectors.kit.source import Accepted
from tests.connectors.traffic.feeds import ITS, TOPIS, its_item, topis_document, topis_row
from tests.connectors.traffic.test_source import a_source, entries
from tests.support.connector_suite import Happening
from tests.support.connector_suite.happenings import MINUTE_US, USUAL_US
from tests.support.golden import assignments_for, entries_of


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


def test_a_closed_road_is_looked_at_and_told_to_all_who_plan_a_way() -> None:
    closed = its_item(Happening()) | {"eventType": "공사", "eventDetailType": "작업", "lanesBlockType": "3"}
    told = entries_of("traffic", json.dumps(closed, ensure_ascii=False).encode(), options=ITS)

    incidents = [entry for entry in told if isinstance(entry, Accepted) and entry.topic.name == "incidents"]
    conditions = [entry.record for entry in told if isinstance(entry, Accepted) and entry.topic.name == "conditions"]
    (assignment,) = assignments_for(incidents)

    assert (assignment.kind, assignment.status) == ("road-closure", "active")
    assert [condition.kind for condition in conditions] == ["closure"]
