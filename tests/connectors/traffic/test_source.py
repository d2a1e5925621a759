"""What becomes of single events: incidents, closed roads, nothing; and of what a feed no longer shows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.arrival import Arrival
from connectors.kit.manifest import build
from connectors.kit.payloads import PayloadSource
from connectors.kit.source import Accepted, Entry, Refused
from schemas.condition import Condition
from schemas.incident import Incident
from tests.connectors.local_context import NOON_US, a_context
from tests.connectors.traffic.feeds import ITS, TOPIS, its_document, its_item, topis_document, topis_row
from tests.support.connector_suite import Happening

HOUR_US = 3_600_000_000
USUAL = its_item(Happening())
WORKS = {"eventType": "공사", "eventDetailType": "작업", "message": ""}


def a_source(**options: Any) -> PayloadSource:
    source = build("traffic", {"url": "http://feed.example", **TOPIS, **options}, a_context())
    assert isinstance(source, PayloadSource)
    return source


def a_pushed_source(**options: Any) -> PayloadSource:
    source = build("traffic", {**ITS, **options}, a_context())
    assert isinstance(source, PayloadSource)
    return source


def entries(source: PayloadSource, body: Any, now_us: int = NOON_US) -> list[Entry]:
    payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return list(source.answers(payload, Arrival(now_us)))


def records(source: PayloadSource, body: Any, now_us: int = NOON_US) -> list[Any]:
    found = entries(source, body, now_us)
    assert not [entry for entry in found if isinstance(entry, Refused)], found
    return [entry.record for entry in found if isinstance(entry, Accepted)]


def pushed(**fields: Any) -> list[Any]:
    return records(a_pushed_source(), USUAL | fields)


def kinds(found: list[Any]) -> list[tuple[str, str]]:
    return [(type(record).__name__, record.kind) for record in found]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "traffic-accident"),
        ({"eventType": "기타돌발", "eventDetailType": "고장"}, "vehicle-breakdown"),
        ({"eventType": "기타돌발", "eventDetailType": "낙하물"}, "fallen-object"),
        ({"eventType": "교통사고", "eventDetailType": "보행자 사고"}, "pedestrian-accident"),
        ({"eventType": "화재", "eventDetailType": ""}, "road-fire"),
        ({"eventType": "??", "eventDetailType": ""}, "other"),
    ],
)
def test_what_nobody_plans_is_an_incident(fields: dict[str, str], kind: str) -> None:
    assert kinds(pushed(**fields)) == [("Incident", kind)]


@pytest.mark.parametrize(
    "fields",
    [
        WORKS,
        WORKS | {"lanesBlockType": "2"},
        WORKS | {"message": "양방향 2차로 통제"},
        WORKS | {"message": "전면통제 해제"},
        {"eventType": "행사", "eventDetailType": "홍보"},
    ],
)
def test_what_closes_nothing_and_was_planned_is_passed_over(fields: dict[str, str]) -> None:
    assert pushed(**fields) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"lanesBlockType": "3"},
        {"lanesBlockType": "전면통제"},
        {"lanesBlocked": "전차로 차단"},
        {"message": "가스관 공사, 양방향 전면 통제"},
        {"message": "도로 통제"},
    ],
)
def test_a_closed_road_is_an_incident_and_a_condition(fields: dict[str, str]) -> None:
    found = pushed(**(WORKS | fields))

    assert kinds(found) == [("Incident", "road-closure"), ("Condition", "closure")]
    assert found[0].urgency_native == "all-lanes"
    assert found[1].condition_id == found[0].case_id == "traffic:its-17"


def test_an_accident_that_closes_the_road_stays_an_accident() -> None:
    assert kinds(pushed(lanesBlockType="3")) == [("Incident", "traffic-accident"), ("Condition", "closure")]


@pytest.mark.parametrize(
    ("planned", "ends"),
    [(WORKS, [("Incident", "closed"), ("Condition", "")]), ({}, [("Incident", "reported"), ("Condition", "")])],
)
def test_an_event_that_no_longer_closes_its_road_opens_it(planned: dict[str, str], ends: list[tuple[str, str]]) -> None:
    source = a_pushed_source()
    closing = records(source, USUAL | planned | {"lanesBlockType": "3"})[1]
    lifted = records(source, USUAL | planned | {"lanesBlockType": "1"}, NOON_US + 60_000_000)

    assert [(type(record).__name__, getattr(record, "status", "")) for record in lifted] == ends
    assert lifted[1].condition_id == closing.condition_id
    assert lifted[1].valid_until_us == NOON_US + 60_000_000
    assert kinds(records(source, USUAL | planned | {"lanesBlockType": "3"}))[1] == ("Condition", "closure")


def test_a_closure_runs_along_the_drawn_line_or_its_link_or_through_its_point(tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text(
        "LINK_ID,VER_SEQ,GRS80TM_X,GRS80TM_Y\n2860255507,1,198000,451000\n2860255507,2,198300,451000\n"
    )
    source = a_pushed_source(links_file=str(tmp_path / "links.csv"))
    closed = USUAL | {"lanesBlockType": "3"}

    drawn, linked, alone = (
        records(source, closed | fields)[1]
        for fields in ({"roadLine": "126.97 37.56;126.98 37.56;126.98 37.57"}, {}, {"linkId": "1"})
    )

    assert [point.lon_deg for point in drawn.line] == [126.97, 126.98, 126.98]
    assert [round(point.lon_deg, 3) for point in linked.line] == [126.977, 126.981]
    assert [(point.lat_deg, point.lon_deg) for point in alone.line] == [(37.56625, 126.978), (37.56675, 126.978)]


def test_a_closure_without_any_place_is_an_incident_that_asks_for_it() -> None:
    source = a_pushed_source()

    (incident,) = records(source, USUAL | {"lanesBlockType": "3", "coordX": "", "coordY": ""})

    assert incident.location is None
    assert source.findings["closure-without-place"] == 1


def test_a_closure_that_no_longer_says_where_stays_closed_where_it_was_until_it_ends() -> None:
    source = a_pushed_source()
    closed = USUAL | {"lanesBlockType": "3"}
    nowhere = closed | {"coordX": "", "coordY": "", "linkId": ""}
    _, before = records(source, closed)
    _, still = records(source, nowhere)
    _, ended = records(source, nowhere | {"message": "처리완료"})

    assert (still.condition_id, still.line, still.valid_until_us) == (
        before.condition_id,
        before.line,
        before.valid_until_us,
    )
    assert (ended.condition_id, ended.valid_until_us) == (before.condition_id, NOON_US)


def test_a_closure_holds_until_its_end_or_else_to_the_end_of_tomorrow_and_is_told_again_daily() -> None:
    closed = WORKS | {"lanesBlockType": "3"}
    day_us = 24 * HOUR_US

    until_six = pushed(**closed, endDate="20260301180000")[1]
    source = a_pushed_source(news_h=1)
    today, later, tomorrow = (records(source, USUAL | closed, NOON_US + hours * HOUR_US)[-1] for hours in (0, 3, 24))

    assert until_six.valid_until_us == NOON_US + 6 * HOUR_US
    assert today.valid_until_us == (NOON_US // day_us + 2) * day_us
    assert (today.event_id, today.valid_until_us) == (later.event_id, later.valid_until_us)
    assert tomorrow.event_id != today.event_id
    assert tomorrow.valid_until_us == today.valid_until_us + day_us


def test_works_of_months_open_no_incident_but_still_close_their_road() -> None:
    assert kinds(pushed(**WORKS, lanesBlockType="3", startDate="20251201080000")) == [("Condition", "closure")]


def test_planned_works_are_told_when_they_begin_and_an_accident_of_tomorrow_has_a_wrong_clock() -> None:
    planned = WORKS | {"lanesBlockType": "3", "startDate": "20260301180000"}

    assert pushed(**planned) == []
    assert kinds(records(a_pushed_source(), USUAL | planned, NOON_US + 7 * HOUR_US)) == [
        ("Incident", "road-closure"),
        ("Condition", "closure"),
    ]
    assert pushed(startDate="20260302180000")[0].occurred_us == NOON_US


@pytest.mark.parametrize("fields", [{"message": "승용차 단독사고, 종료"}, {"endDate": "20260301115500"}])
def test_an_end_ends_the_incident_and_opens_the_road(fields: dict[str, str]) -> None:
    incident, condition = pushed(lanesBlockType="3", **fields)

    assert incident.status == "closed"
    assert condition.valid_until_us <= NOON_US


def test_what_a_polled_document_no_longer_shows_has_ended() -> None:
    source = a_source()
    both = its_document([Happening(number="1"), Happening(number="2")])

    assert [r.status for r in records(source, both)] == ["reported", "reported"]
    shown, gone = records(source, its_document([Happening(number="2")]), NOON_US + 60_000_000)
    again = records(source, its_document([]), NOON_US + 120_000_000)
    later = records(source, its_document([]), NOON_US + HOUR_US)

    assert (shown.case_id, shown.status) == ("traffic:its-2", "reported")
    assert (gone.case_id, gone.status) == ("traffic:its-1", "closed")
    assert sorted((r.case_id, r.status) for r in again) == [("traffic:its-1", "closed"), ("traffic:its-2", "closed")]
    assert gone.event_id in {record.event_id for record in again}
    assert later == []


def test_a_closure_that_is_no_longer_shown_opens_its_road() -> None:
    source = a_source()
    closed = topis_row(replace(Happening(), person_text="전면통제"))

    begun = records(source, topis_document([closed]))
    ended = records(source, topis_document([]), NOON_US + 60_000_000)

    assert [type(record) for record in begun] == [type(record) for record in ended] == [Incident, Condition]
    assert ended[1].valid_until_us == NOON_US + 60_000_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"header": {"resultCode": "99"}, "body": {"items": []}}',
        b"<RESULT><CODE>ERROR-500</CODE></RESULT>",
        b"<html><body>busy</body></html>",
        b"",
        json.dumps({"header": {"resultCode": 0}, "body": {"totalCount": 2, "items": []}}).encode(),
    ],
)
def test_a_document_that_is_not_whole_ends_nothing(body: bytes) -> None:
    source = a_source()
    records(source, its_document([Happening()]))

    assert [entry for entry in entries(source, body) if isinstance(entry, Accepted)] == []
    assert len(records(source, its_document([]))) == 1


def test_a_push_of_one_event_ends_no_other() -> None:
    source = a_pushed_source()
    records(source, its_document([Happening(number="1")]))

    assert [record.case_id for record in records(source, its_document([Happening(number="2")]))] == ["traffic:its-2"]


FEED = {
    "acc_id": "1", "acc_type": "A01", "occr_date": "20260301", "occr_time": "115000",
    "grs80tm_x": "198000", "grs80tm_y": "451000",
}  # fmt: skip
XML_ITEM = "".join(f"<{name}>{value}</{name}>" for name, value in FEED.items())
OLD_FORM = (
    "<response><coordtype>1</coordtype><datacount>1</datacount><data><eventid>5</eventid><eventtype>2</eventtype>"
    "<coordx>126.978</coordx><coordy>37.5665</coordy><lanesblocktype>3</lanesblocktype>"
    "<eventstartday>20260301</eventstartday><eventstarttime>11:50</eventstarttime></data></response>"
)


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (FEED, ["topis-1"]),
        ([FEED, USUAL], ["topis-1", "its-17"]),
        ({"AccInfo": {"list_total_count": 1, "RESULT": {"CODE": "INFO-000"}, "row": [FEED]}}, ["topis-1"]),
        ({name.upper(): value for name, value in FEED.items()}, ["topis-1"]),
        ({"header": {"resultCode": "00"}, "body": {"items": USUAL}}, ["its-17"]),
        ({"header": {"resultCode": 0}, "body": {"items": {"item": [USUAL]}}}, ["its-17"]),
        ({"header": {"resultCode": 0}, "body": {"items": []}}, []),
        (f"<row>{XML_ITEM}</row>".encode(), ["topis-1"]),
        (f"<AccInfo><RESULT><CODE>INFO-000</CODE></RESULT><row>{XML_ITEM}</row></AccInfo>".encode(), ["topis-1"]),
        (b"<AccInfo><RESULT><CODE>INFO-200</CODE></RESULT></AccInfo>", []),
        (OLD_FORM.encode(), ["its-5", "its-5"]),
    ],
)
def test_both_feeds_are_read_in_all_their_forms(body: Any, ids: list[str]) -> None:
    found = records(a_pushed_source(), body)

    assert [getattr(record, "case_id", None) or record.condition_id for record in found] == [
        f"traffic:{number}" for number in ids
    ]
    assert all(record.observed_us == NOON_US - 600_000_000 for record in found)


def test_an_item_without_a_number_has_one_made_of_type_time_and_place() -> None:
    (first,), (again,), (other,) = (pushed(eventId="", message=text, **more) for text, more in (
        ("a", {}), ("b", {"lanesBlockType": "1"}), ("c", {"coordX": 126.9}),
    ))  # fmt: skip

    assert first.case_id == again.case_id != other.case_id
    assert first.event_id != again.event_id


def test_an_item_with_neither_type_nor_time_is_no_event() -> None:
    (refused,) = entries(a_pushed_source(), {"eventType": "홍길동", "startDate": "soon", "message": "010-1234-5678"})

    assert isinstance(refused, Refused)
    assert (refused.reason, refused.field) == ("not-an-event", "eventtype")
    assert b"010-1234-5678" not in refused.payload
