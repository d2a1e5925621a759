"""What cap_alerts makes of CAP messages."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from aiohttp import web

from connectors.kit.arrival import Arrival
from connectors.kit.manifest import build
from connectors.kit.source import Accepted, Refused
from schemas.incident import Incident
from tests.connectors.cap_alerts.messages import SENDER, alert, at, cap, circle, polygon, reference, together
from tests.connectors.local_context import NOON_US, StillClock, a_context
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.connector_suite.happenings import MINUTE_US
from tests.support.districts import scattered_cameras
from tests.support.golden import assignments_for, entries_of
from tests.support.loopback import served
from tests.support.restarts import Lives, tellings

CITY = {"city_names": ["서울특별시", "서울"], "districts": ["종로구", "중구"], "geocodes": ["11110=종로구", "11=서울"]}
PUSH = {**CITY, "transport": "http-push", "token_env": "CAP_TOKEN"}
HOUR_US = 60 * MINUTE_US
HOSTILE = [
    b"<a>" * 60_000,
    b'<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><alert>&b;</alert>',
    b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><alert/>',
    b"<alert><identifier/></alert>",
    cap(Happening()).replace(b"Actual", b"Draft"),
    cap(Happening()).replace(b"Actual", b"\xed\x98\xb8"),
    cap(Happening()).replace(b"utf-8", b"utf-7").replace(b"UTF-8", b"UTF-32"),
]

TestCapAlerts = connector_suite("cap_alerts", Samples(write=cap, write_many=together, options=PUSH, hostile=HOSTILE))
TestCapAlertsDropped = connector_suite(
    "cap_alerts", Samples(write=cap, write_many=together, options={**CITY, "transport": "file-drop"}, hostile=HOSTILE)
)


class Feed:
    """A source that remembers, fed by hand."""

    def __init__(self, **options: Any) -> None:
        self.source: Any = build("cap_alerts", {**PUSH, **options}, a_context())
        self.number = 0

    def tell(self, payload: bytes, now_us: int = NOON_US) -> list[Incident]:
        self.number += 1
        entries = self.source.answers(payload, Arrival(now_us, self.number, "/in/cap"))
        assert all(isinstance(entry, Accepted) for entry in entries), entries
        return [entry.record for entry in entries]


def one(payload: bytes, **options: Any) -> Incident:
    (entry,) = entries_of("cap_alerts", payload, options={**PUSH, **options})
    assert isinstance(entry, Accepted), entry
    assert isinstance(entry.record, Incident)
    return entry.record


def refused(payload: bytes) -> tuple[str, str | None]:
    (entry,) = entries_of("cap_alerts", payload, options=PUSH)
    assert isinstance(entry, Refused), entry
    return entry.reason, entry.field


def outline(incident: Incident) -> shapely.Polygon:
    assert incident.area is not None
    return shapely.Polygon([(p.lon_deg, p.lat_deg) for p in incident.area.polygon])


USUAL: dict[str, Any] = {"identifier": "a", "sent_us": NOON_US - 10 * MINUTE_US}
HERE = circle(37.56, 126.98)


@pytest.mark.parametrize(("status", "exercise"), [("Actual", False), ("Exercise", True), ("Test", True)])
def test_drills_and_tests_are_marked(status: str, exercise: bool) -> None:
    assert one(alert(**USUAL, area=HERE, status=status)).exercise is exercise


def test_a_draft_is_refused_and_what_systems_tell_each_other_is_passed_over() -> None:
    assert refused(alert(**USUAL, area=HERE, status="Draft")) == ("not-actionable", "status")
    for message in (alert(**USUAL, area=HERE, status="System"), alert(**USUAL, area=HERE, message="Ack")):
        assert entries_of("cap_alerts", message, options=PUSH) == []
    assert entries_of("cap_alerts", alert(**USUAL, area=HERE, message="Error"), options=PUSH) == []


def test_words_that_cap_does_not_have_are_refused_by_their_field() -> None:
    assert refused(alert(**USUAL, area=HERE, status="Real")) == ("unknown-code", "status")
    assert refused(alert(**USUAL, area=HERE, message="Begin")) == ("unknown-code", "msgType")


def test_only_listed_senders_are_believed() -> None:
    listed = {"senders": [SENDER]}
    assert one(alert(**USUAL, area=HERE), **listed)
    (entry,) = entries_of("cap_alerts", alert(**USUAL, area=HERE, sender="x@y.example"), options={**PUSH, **listed})
    assert isinstance(entry, Refused)
    assert entry.reason == "unknown-sender"
    assert "x@y" not in entry.message


def test_an_update_and_a_cancel_belong_to_the_case_of_the_first_alert() -> None:
    feed = Feed()
    first_us = NOON_US - 30 * MINUTE_US
    (first,) = feed.tell(alert(identifier="a", sent_us=first_us, area=HERE))
    (second,) = feed.tell(
        alert(
            identifier="b",
            sent_us=first_us + MINUTE_US,
            area=HERE,
            message="Update",
            references=reference("a", first_us),
        )
    )
    (third,) = feed.tell(
        alert(
            identifier="c",
            sent_us=first_us + 2 * MINUTE_US,
            message="Cancel",
            references=reference("b", first_us + MINUTE_US),  # names only the update before it
        )
    )
    assert [record.status for record in (first, second, third)] == ["reported", "updated", "cancelled"]
    assert first.case_id == second.case_id == third.case_id
    assert first.incident_id == second.incident_id == third.incident_id
    assert len({first.event_id, second.event_id, third.event_id}) == 3


def test_an_update_that_is_read_first_has_the_case_of_the_earliest_alert_it_names() -> None:
    first_us = NOON_US - 30 * MINUTE_US
    references = f"{reference('b', first_us + MINUTE_US)} {reference('a', first_us)}"
    update = one(
        alert(identifier="c", sent_us=first_us + 2 * MINUTE_US, area=HERE, message="Update", references=references)
    )
    assert update.case_id == one(alert(identifier="a", sent_us=first_us, area=HERE)).case_id


async def test_a_chain_of_alerts_goes_on_over_restarts() -> None:
    first_us = NOON_US - 30 * MINUTE_US
    first = alert(identifier="a", sent_us=first_us, area=HERE)
    update = alert(
        identifier="b", sent_us=first_us + 1, area=HERE, message="Update", references=reference("a", first_us)
    )
    cancel = alert(identifier="c", sent_us=first_us + 2, message="Cancel", references=reference("b", first_us))
    lives = Lives("cap_alerts", PUSH)

    told = [record for payload in (first, update, cancel) for record in await lives.told([payload])]

    assert [record.status for record in told] == ["reported", "updated", "cancelled"]
    assert len({record.case_id for record in told}) == 1


async def test_an_alert_whose_time_comes_after_a_restart_is_ended_then_and_only_once() -> None:
    lives = Lives("cap_alerts", PUSH)
    (told,) = await lives.told([alert(**USUAL, area=HERE, info=f"<expires>{at(NOON_US + MINUTE_US)}</expires>")])
    lives.clock.now += HOUR_US

    (ended,) = await lives.told([], lasts=lambda found: not found)

    assert (ended.incident_id, ended.status) == (told.incident_id, "closed")
    assert not [key for key in lives.kept() if "/open:" in key]


def test_what_has_ended_when_it_is_read_is_closed() -> None:
    ended = one(alert(**USUAL, area=HERE, info=f"<expires>{at(NOON_US - MINUTE_US)}</expires>"))
    assert ended.status == "closed"
    assert one(alert(**USUAL, area=HERE, info="<responseType>AllClear</responseType>")).status == "closed"


def test_what_began_before_the_alert_was_sent_is_told_apart_from_its_report() -> None:
    sent_us = USUAL["sent_us"]
    begun = one(alert(**USUAL, area=HERE, info=f"<onset>{at(sent_us - HOUR_US)}</onset>"))
    assert (begun.occurred_us, begun.reported_us) == (sent_us - HOUR_US, sent_us)
    for info in ("", f"<onset>{at(sent_us + HOUR_US)}</onset>"):
        announced = one(alert(**USUAL, area=HERE, info=info))
        assert (announced.occurred_us, announced.reported_us) == (sent_us, None)


def test_an_alert_without_an_end_is_passed_over_when_it_is_old() -> None:
    old = alert(identifier="a", sent_us=NOON_US - 25 * HOUR_US, area=HERE)
    assert entries_of("cap_alerts", old, options=PUSH) == []


def test_a_polygon_is_cut_to_the_city_and_told_as_it_is_drawn() -> None:
    drawn = one(alert(**USUAL, area=polygon((37.5, 126.9), (37.5, 127.0), (37.6, 127.0), (37.6, 126.9), (37.5, 126.9))))
    assert outline(drawn).symmetric_difference(shapely.box(126.9, 37.5, 127.0, 37.6)).area < 1e-9
    country = one(alert(**USUAL, area=polygon((33, 125), (33, 130), (39, 130), (39, 125), (33, 125))))
    assert outline(country).bounds == pytest.approx((126.76, 37.41, 127.19, 37.72))


def test_a_circle_has_its_radius_in_kilometres() -> None:
    area = outline(one(alert(**USUAL, area=circle(37.56, 126.98, 2))))
    west, south, east, north = area.bounds
    assert (north - south) / 2 * 111.32 == pytest.approx(2, rel=0.02)
    assert (east - west) / 2 * 111.32 * 0.7927 == pytest.approx(2, rel=0.02)


def test_areas_apart_are_incidents_of_one_case_and_close_when_an_update_no_longer_has_them() -> None:
    feed = Feed()
    both = feed.tell(alert(**USUAL, area=HERE + circle(37.5, 127.05, 0.2)))
    assert [record.status for record in both] == ["reported", "reported"]
    assert len({record.case_id for record in both}) == 1
    assert len({record.incident_id for record in both}) == 2
    fewer = feed.tell(
        alert(
            identifier="b",
            sent_us=USUAL["sent_us"] + MINUTE_US,
            area=HERE,
            message="Update",
            references=reference("a", USUAL["sent_us"]),
        )
    )
    assert [(r.incident_id, r.status) for r in fewer] == [
        (both[0].incident_id, "updated"),
        (both[1].incident_id, "closed"),
    ]


def updates(feed: Feed, *areas: str) -> list[list[Incident]]:
    """Return what an alert over the first area becomes, and each update of it over one of the others."""
    sent_us = USUAL["sent_us"]
    found = [feed.tell(alert(identifier="a", sent_us=sent_us, area=areas[0]))]
    for number, area in enumerate(areas[1:], 1):
        at_us = sent_us + number * MINUTE_US
        message = {"message": "Update", "references": reference("a", sent_us)}
        found.append(feed.tell(alert(identifier=f"b{number}", sent_us=at_us, area=area, **message)))
    return found


def test_an_update_states_the_area_anew_and_one_without_any_takes_it_back() -> None:
    (first,), (second,), (third,) = updates(Feed(), HERE, circle(37.5, 127.05, 0.2), "")
    assert [record.replaces for record in (first, second, third)] == [False, True, True]
    assert first.area != second.area is not None
    assert third.area is None
    (active, moved, nowhere) = assignments_for([first, second, third])
    assert [a.status for a in (active, moved, nowhere)] == ["active", "active", "needs-location"]
    assert nowhere.cameras == ()


def test_an_update_over_an_area_that_nobody_understands_leaves_all_parts_where_they_are() -> None:
    first, second = updates(Feed(), HERE + circle(37.5, 127.05, 0.2), circle("abc", "def"))
    assert [(r.incident_id, r.status, r.area, r.replaces) for r in second] == [
        (record.incident_id, "updated", None, False) for record in first
    ]


def test_an_update_that_moves_out_of_the_city_ends_the_incident_and_one_that_comes_back_reports_it_anew() -> None:
    busan = circle(35.1796, 129.0756, 5)
    (first,), (gone,), (again,) = updates(Feed(), HERE, busan, HERE)
    assert [record.status for record in (first, gone, again)] == ["reported", "closed", "reported"]
    assert [a.status for a in assignments_for([first, gone, again])] == ["active", "released", "active"]
    assert updates(Feed(), busan, busan) == [[], []]


ELSEWHERE_HERE = circle(37.5, 127.05, 0.2)


def word(identifier: str, minute: int, area: str = HERE, message: str = "Alert", of: str = "", **more: Any) -> bytes:
    """Return an alert sent at a minute; ``of`` has the letters of those it speaks of, sent at minutes 0, 1 ..."""
    first_us = NOON_US - 30 * MINUTE_US
    spoken = " ".join(reference(one, first_us + "abcdef".index(one) * MINUTE_US) for one in of)
    return alert(
        identifier=identifier,
        sent_us=first_us + minute * MINUTE_US,
        area="" if message == "Cancel" else area,
        message=message,
        references=spoken,
        **more,
    )


def statuses(feed: Feed, *words: bytes) -> list[list[str]]:
    return [[record.status for record in feed.tell(one)] for one in words]


def test_an_update_of_two_alerts_lets_one_case_go_on_and_merges_the_other_into_it() -> None:
    feed = Feed()
    (first,), (second,) = feed.tell(word("a", 0)), feed.tell(word("b", 1, ELSEWHERE_HERE))
    ended, updated = feed.tell(word("c", 2, message="Update", of="ab"))
    (cancelled,) = feed.tell(word("d", 3, message="Cancel", of="c"))

    assert (ended.incident_id, ended.status, ended.merged_into) == (second.incident_id, "merged", first.case_id)
    assert (updated.incident_id, updated.status) == (first.incident_id, "updated")
    assert (cancelled.incident_id, cancelled.status) == (first.incident_id, "cancelled")
    assert feed.source._cases.next_end_us() is None


def test_a_cancel_of_two_alerts_ends_both() -> None:
    feed = Feed()
    (first,), (second,) = feed.tell(word("a", 0)), feed.tell(word("b", 1, ELSEWHERE_HERE))
    ends = feed.tell(word("c", 2, message="Cancel", of="ab"))

    assert {(one.incident_id, one.status) for one in ends} == {
        (first.incident_id, "cancelled"),
        (second.incident_id, "cancelled"),
    }


async def test_an_alert_that_comes_after_its_cancel_or_its_update_is_past() -> None:
    assert statuses(Feed(), word("b", 2, message="Cancel", of="a"), word("a", 0)) == [["cancelled"], []]

    update, cancel = word("b", 2, message="Update", of="a"), word("c", 3, message="Cancel", of="a")
    late = word("a", 0, HERE + ELSEWHERE_HERE)
    whole, restarted = await tellings("cap_alerts", PUSH, [update, late, cancel])
    assert [record.status for record in whole] == ["updated", "cancelled"]
    assert list(restarted.values()) == [whole, whole]


def test_an_update_that_comes_after_the_one_that_superseded_it_still_ends_what_it_speaks_of() -> None:
    feed = Feed()
    (first,) = feed.tell(word("a", 0))
    (newest,) = feed.tell(word("c", 2, message="Update", of="b"))
    (ended,) = feed.tell(word("b", 1, message="Update", of="a"))

    assert (newest.case_id != first.case_id, newest.status) == (True, "updated")
    assert (ended.incident_id, ended.status, ended.merged_into) == (first.incident_id, "merged", newest.case_id)


def test_a_drill_says_nothing_of_a_real_alert_whose_end_still_comes() -> None:
    feed = Feed()
    drills = [word("b", 1, message=message, of="a", status="Exercise") for message in ("Update", "Cancel")]

    assert statuses(feed, word("a", 0), *drills) == [["reported"], [], []]
    assert statuses(feed, word("c", 3, message="Cancel", of="a")) == [["cancelled"]]


def test_a_part_that_an_update_had_closed_is_reported_anew_when_it_comes_back() -> None:
    both = HERE + circle(37.5, 127.05, 0.2)
    *_, last = updates(Feed(), both, HERE, both)
    assert [record.status for record in last] == ["updated", "reported"]


def test_a_warning_that_shrinks_to_a_place_lets_go_the_cameras_elsewhere() -> None:
    wide = polygon((37.555, 126.975), (37.555, 126.985), (37.565, 126.985), (37.565, 126.975), (37.555, 126.975))
    cameras = scattered_cameras(37.56, 126.98, side=25, step_m=45.0)
    told = updates(Feed(), wide, circle(37.563, 126.983, 0))
    before, after = assignments_for([record for records in told for record in records], cameras=cameras)

    places = {c.camera_id: shapely.Point(c.location.lon_deg, c.location.lat_deg) for c in cameras}
    spot = shapely.Point(126.983, 37.563).buffer(0.0015)
    now = [c.camera_id for c in after.cameras if c.role != "ending"]
    assert not all(spot.contains(places[c.camera_id]) for c in before.cameras)
    assert now
    assert all(spot.contains(places[camera_id]) for camera_id in now)


def test_an_alert_elsewhere_is_passed_over() -> None:
    busan = circle(35.1796, 129.0756, 5)
    code = "<geocode><valueName>x</valueName><value>2611000000</value></geocode>"
    for area in (busan, code):
        assert entries_of("cap_alerts", alert(**USUAL, area=area), options=PUSH) == []
    named = alert(**USUAL, area=" ").replace("여기".encode(), "부산광역시 중구".encode())
    assert entries_of("cap_alerts", named, options=PUSH) == []


@pytest.mark.parametrize(
    ("code", "districts"), [("1111000000", ("종로구",)), ("11110", ("종로구",)), ("1100000000", ("종로구", "중구"))]
)
def test_a_geocode_stands_for_districts_by_its_longest_known_beginning(code: str, districts: tuple[str, ...]) -> None:
    record = one(alert(**USUAL, area=f"<geocode><valueName>x</valueName><value>{code}</value></geocode>"))
    assert record.area is not None
    assert (record.area.district_names, record.area.polygon) == (districts, ())


def test_an_area_that_nobody_knows_asks_for_its_place() -> None:
    record = one(alert(**USUAL, area=circle("abc", "def")))
    assert record.area is None
    (assignment,) = assignments_for([record])
    assert assignment.status == "needs-location"


def test_the_info_in_the_wanted_language_is_read() -> None:
    both = alert(**USUAL, area=HERE).replace(
        b"<info>", b"<info><language>en-US</language><event>Tornado</event></info><info>", 1
    )
    assert one(both).kind == "heavy-rain"
    assert one(both, language="en").kind == "tornado"
    assert one(both, language="fr").kind == "tornado"  # the language of the first


@pytest.mark.parametrize(
    ("severity", "urgency", "certainty", "word"),
    [
        ("Extreme", "Immediate", "Observed", "critical"),
        ("Extreme", "Future", "Likely", "urgent"),
        ("Severe", "Expected", "Likely", "urgent"),
        ("Moderate", "Immediate", "Likely", "advisory"),
        ("Extreme", "Past", "Observed", "minor"),
        ("Extreme", "Immediate", "Unlikely", "minor"),
        ("Unknown", "Unknown", "Unknown", "minor"),
    ],
)
def test_severity_urgency_and_certainty_are_one_urgency(severity: str, urgency: str, certainty: str, word: str) -> None:
    text = alert(**USUAL, area=HERE).decode()
    text = text.replace(">Severe<", f">{severity}<").replace(">Immediate<", f">{urgency}<")
    assert one(text.replace(">Likely<", f">{certainty}<").encode()).urgency_native == word


@pytest.mark.parametrize("codec", ["utf-16", "euc-kr", "cp949"])
def test_the_encodings_that_are_met_are_read(codec: str) -> None:
    text = alert(**USUAL, area=HERE).decode().replace("UTF-8", codec)
    assert one(text.encode(codec)).kind == "heavy-rain"


async def test_an_alert_ends_when_its_time_has_come_without_another_word(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token")
    clock = StillClock(NOON_US)
    context = replace(a_context(), clock=clock)
    push = {**CITY, "transport": "http-push", "token_file": str(tmp_path / "token")}
    source: Any = build("cap_alerts", {**push, "listen": "127.0.0.1:0"}, context)
    ends = f"<expires>{at(NOON_US + MINUTE_US)}</expires>"
    source.answers(alert(**USUAL, area=HERE + circle(37.5, 127.05, 0.2), info=ends), Arrival(NOON_US))
    clock.now = NOON_US + 2 * MINUTE_US
    found = []
    async with asyncio.timeout(5), aclosing(source.entries(None)) as entries:
        async for entry in entries:
            found.append(entry.record)
            if len(found) == 2:
                break
    assert [record.status for record in found] == ["closed", "closed"]
    assert {record.observed_us for record in found} == {NOON_US + MINUTE_US}
    assert source._cases.next_end_us() is None


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>alerts</title>
<entry><id>1</id><updated>2026-03-01T02:00:00Z</updated><link type="application/cap+xml" href="/cap/1.xml"/></entry>
<entry><id>2</id><updated>2026-03-01T02:00:00Z</updated><link href="/cap/gone.xml"/></entry>
<entry><id>3</id><updated>2026-03-01T02:00:00Z</updated><link href="http://elsewhere.example/cap/3.xml"/></entry>
<entry><id>4</id><updated>2026-03-01T02:00:00Z</updated><link href="/cap/4.xml"/></entry></feed>"""


async def test_the_links_of_a_list_are_followed_once_and_a_broken_one_stops_nothing() -> None:
    asked: list[str] = []

    async def show(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        if request.path == "/feed":
            return web.Response(text=ATOM)
        if request.path == "/cap/gone.xml":
            return web.Response(status=404)
        return web.Response(body=alert(identifier=request.path, sent_us=NOON_US - MINUTE_US, area=HERE))

    found: set[str] = set()
    async with served(show) as url, asyncio.timeout(5):
        source: Any = build("cap_alerts", {**CITY, "url": f"{url}/feed", "interval_s": 0.01}, a_context())
        while len(found) < 2:
            try:
                async with aclosing(source.entries(None)) as entries:
                    async for entry in entries:
                        found.add(entry.record.case_id)
                        if len(found) == 2:
                            break
            except Exception as error:
                assert "404" in str(error)  # noqa: PT017
    assert asked.count("/cap/gone.xml") == 3
    assert source.findings["link-elsewhere"]
    assert source.findings["link-gives-nothing"]


def test_an_rss_list_that_is_pushed_is_taken_without_its_links() -> None:
    rss = b"<rss><channel><item><link>http://a.example/1.xml</link></item></channel></rss>"
    assert entries_of("cap_alerts", rss, options=PUSH) == []
    inline = ATOM.replace("<id>1</id>", together([Happening()]).decode().partition("\n")[2]).encode()
    assert len(entries_of("cap_alerts", inline, options=PUSH)) == 1


def test_the_cameras_of_an_angled_area_lie_in_both_its_arms_and_not_around_its_middle() -> None:
    # An L of two arms, each 900 m long and 110 m wide; the middle of its box lies outside it.
    corners = [(0, 0), (0, 0.010), (0.001, 0.010), (0.001, 0.001), (0.008, 0.001), (0.008, 0), (0, 0)]
    lat_deg, lon_deg = 37.55, 126.98
    area = polygon(*[(lat_deg + dy, lon_deg + dx) for dy, dx in corners])
    cameras = scattered_cameras(lat_deg + 0.004, lon_deg + 0.005, side=31, step_m=40.0)
    feed = Feed()
    told = feed.tell(alert(**USUAL, area=area, info="").replace(b"Severe", b"Extreme"))
    cancel = alert(identifier="b", sent_us=NOON_US, message="Cancel", references=reference("a", USUAL["sent_us"]))

    active, released = assignments_for([*told, *feed.tell(cancel)], cameras=cameras)

    places = {camera.camera_id: camera.location for camera in cameras}
    chosen = [places[camera.camera_id] for camera in active.cameras]
    drawn = outline(told[0]).buffer(0.0003)
    assert (active.status, active.kind, active.rank, active.services) == ("active", "heavy-rain", 0, ("disaster",))
    assert {camera.role for camera in active.cameras} == {"area"}
    assert all(drawn.contains(shapely.Point(place.lon_deg, place.lat_deg)) for place in chosen)
    assert any(place.lon_deg > lon_deg + 0.005 for place in chosen)
    assert any(place.lat_deg > lat_deg + 0.004 for place in chosen)
    assert (released.status, released.cameras) == ("released", ())
