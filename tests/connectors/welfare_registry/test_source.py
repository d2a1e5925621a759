"""The suite over the registry, dropped as files and pushed, and what is its own: zones, night rest, removal."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.arrival import Arrival
from connectors.kit.manifest import build
from connectors.kit.payloads import PayloadSource
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.places import PlaceRules
from connectors.kit.reading.tracked import tracker_ref
from connectors.kit.source import Accepted, Entry, Refused
from connectors.welfare_registry.parse import Rules, parse_item
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import Happening, Samples, connector_suite

RULES = Rules(
    places=PlaceRules(accuracy_m=0.0),
    id_scheme="person",
    zone=ZoneInfo("Asia/Seoul"),
    future_tolerance_us=0,
    pseudonyms=Pseudonyms(b"k" * 32),
)
PUSH = {"transport": "http-push", "token_env": "WELFARE_REGISTRY_TOKEN"}


def registration(h: Happening) -> dict[str, Any]:
    body = {
        "person": h.person_id,
        "state": "ended" if h.closed else "active" if h.code is None else h.code,
        "updated": h.time_text,
        "zones": [{"id": h.number, "lat": h.lat, "lon": h.lon, "radius_m": 100 + h.revision}],
        "guardian": "G-1",
        "name": h.person_name,
        "guardian_phone": h.person_phone,
        "diagnosis": h.person_text,
        "exercise": h.exercise,
    }
    return {**(dict.fromkeys(body) if h.nulls else body), **h.extra}


def pushed(h: Happening) -> bytes:
    return json.dumps(registration(h), ensure_ascii=False).encode()


def lines(happenings: Sequence[Happening]) -> bytes:
    return b"".join(pushed(h) + b"\n" for h in happenings)


HOSTILE = [
    b'[{"person": "p", "zones": {"id": 1}}, 7, null, {"person": ["p"], "zones": "here and there"}]',
    b'{"person": "p", "zones": [{"id": "z", "area": {"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0]]]}}]}',
    b'{"person": "p", "zones": [{"id": "z", "area": {"type": "Polygon", "coordinates": "x"}}]}',
    b'{"person": "p", "quiet_from": "25:00", "quiet_until": "06:00"}',
    b'{"person": "p", "valid_until": "soon"}',
    b'{"person": "\\ud800", "trackers": [1e400, "\\udfff"], "valid_until": "9999-12-31"}',
]

TestWelfareFiles = connector_suite(
    "welfare_registry",
    Samples(
        write=lambda h: lines([h]),
        write_many=lines,
        origin="registry.jsonl",
        options={"transport": "file"},
        hostile=HOSTILE,
    ),
)
_Pushed = connector_suite("welfare_registry", Samples(write=pushed, options=PUSH, hostile=HOSTILE))


def answers(body: Any, *, now_us: int = NOON_US, **options: Any) -> list[Entry]:
    """Return the entries that a fresh source makes of the body of one request."""
    source = build("welfare_registry", {**PUSH, **options}, a_context(now_us=now_us))
    assert isinstance(source, PayloadSource)
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(source.answers(payload, Arrival(now_us, 1, "/in/welfare_registry")))


class TestPushed(_Pushed):  # type: ignore[misc, valid-type]
    """What holds of registrations that are pushed."""

    def answer(self, payload: bytes, *, now_us: int = NOON_US) -> list[Entry]:
        return answers(payload, now_us=now_us)


def accepted(entries: Sequence[Entry]) -> list[Accepted]:
    """Return what was not refused, of which all must be."""
    assert not any(isinstance(entry, Refused) for entry in entries)
    return [entry for entry in entries if isinstance(entry, Accepted)]


def registered(**fields: Any) -> Any:
    """Return the first record of a registration with these fields."""
    entry = answers({"person": "W-1", **fields})[0]
    assert isinstance(entry, Accepted), entry
    return entry.record


def ref(scheme: str, identifier: str) -> str:
    return Pseudonyms(b"k" * 32).of(scheme, identifier)


def polygon(*points: tuple[float, float]) -> dict[str, Any]:
    return {"id": "park", "area": {"type": "Polygon", "coordinates": [[list(point) for point in points]]}}


def test_a_person_is_kept_under_their_own_id_and_under_each_tracker() -> None:
    entries = answers({"person": "W-1", "trackers": ["70-B3-D5-7E-D0-04-9A-F1", "kim/watch"]})

    assert [entry.record.case_id for entry in entries if isinstance(entry, Accepted) and entry.record] == [
        ref("person", "W-1"),
        ref("tracker", "70b3d57ed0049af1"),
        ref("tracker", "kim/watch"),
    ]
    assert len({entry.record.event_id for entry in entries if isinstance(entry, Accepted) and entry.record}) == 3


def test_the_registry_and_the_network_server_give_one_tracker_one_pseudonym() -> None:
    by_server = tracker_ref({"dev_eui": "70b3d57ed0049af1"}, "dev_eui", Pseudonyms(b"k" * 32))

    assert registered(person=None, trackers="70B3D57ED0049AF1").case_id == by_server


def test_an_ended_registration_removes_all_its_pseudonyms_and_publishes_nothing() -> None:
    entries = answers({"person": "W-1", "trackers": ["a"], "former_trackers": ["b"], "state": "해지"})

    assert [(entry.record, entry.key) for entry in entries if isinstance(entry, Accepted)] == [
        (None, ref("person", "W-1").encode()),
        (None, ref("tracker", "a").encode()),
        (None, ref("tracker", "b").encode()),
    ]


def test_a_tracker_that_was_handed_back_is_removed_and_one_that_came_back_is_not() -> None:
    gone, kept, *_ = answers({"person": "W-1", "trackers": ["a"], "former_trackers": ["b", "a"]})

    assert isinstance(gone, Accepted)
    assert isinstance(kept, Accepted)
    assert (gone.record, gone.key) == (None, ref("tracker", "b").encode())
    assert kept.record is not None


def test_circles_polygons_and_zones_in_one_cell_are_read() -> None:
    square = polygon((126.97, 37.56), (126.98, 37.56), (126.98, 37.57), (126.97, 37.57), (126.97, 37.56))
    zones = registered(zones=[{"id": "home", "lat": 37.5, "lon": 127.0, "radius_m": 80}, square]).safe_zones
    in_a_cell = registered(zones="home 37.5 127.0 80; centre 37.51 127.01 150").safe_zones

    assert (zones[0].radius_m, zones[0].polygon) == (80, ())
    assert (zones[1].zone_ref, len(zones[1].polygon), zones[1].radius_m) == ("park", 5, 0)
    assert zones[1].centre.lat_deg == pytest.approx(37.565)
    assert [(zone.zone_ref, zone.radius_m) for zone in in_a_cell] == [("home", 80), ("centre", 150)]
    assert registered(zones=json.dumps([square])).safe_zones == (zones[1],)


def test_the_centre_of_a_bent_polygon_lies_in_it() -> None:
    bent = polygon((0.0, 0.1), (0.3, 0.1), (0.3, 0.2), (0.1, 0.2), (0.1, 0.4), (0.0, 0.4))
    zone = registered(zones=[bent]).safe_zones[0]

    lon, lat = zone.centre.lon_deg, zone.centre.lat_deg
    assert (0 < lon < 0.1 and 0.1 < lat < 0.4) or (0 < lon < 0.3 and 0.1 < lat < 0.2)


def test_axes_that_are_swapped_are_turned_by_the_citys_box() -> None:
    (zone,) = registered(zones=[{"id": "home", "lat": 126.978, "lon": 37.5665, "radius_m": 80}]).safe_zones

    assert (zone.centre.lat_deg, zone.centre.lon_deg) == (37.5665, 126.978)


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        ({"id": "home", "lat": 0, "lon": 0, "radius_m": 80}, "impossible-coordinates"),
        ({"id": "home", "lat": 91, "lon": 127, "radius_m": 80}, "impossible-coordinates"),
        ({"id": "home", "lat": 37.5, "lon": 127, "radius_m": 3}, "impossible-radius"),
        ({"id": "home", "lat": 37.5, "lon": 127, "radius_m": "wide"}, "impossible-radius"),
        (polygon((126.97, 37.56), (126.98, 37.57), (126.98, 37.56), (126.97, 37.57)), "impossible-area"),
        (polygon((126.97, 37.56), (126.98, 37.57)), "impossible-area"),
        ("home", "wrong-type"),
    ],
)
def test_a_zone_that_cannot_be_refuses_the_registration_and_names_it(zone: Any, reason: str) -> None:
    good = {"id": "day", "lat": 37.5, "lon": 127.0, "radius_m": 80}
    (entry,) = answers({"person": "W-1", "zones": [good, zone]})

    assert isinstance(entry, Refused)
    assert entry.reason == reason
    assert entry.field is not None
    assert entry.field.startswith("zones[2]")
    assert "W-1" not in repr(entry)


def test_words_for_a_zone_and_a_phone_for_the_guardian_do_not_come_out() -> None:
    zone = {"id": "Hong's home, 12 River Street", "lat": 37.5, "lon": 127.0, "radius_m": 80}
    record = registered(zones=[zone], guardian="010-0000-1234")

    assert record.safe_zones[0].zone_ref == "zone-1"
    assert record.guardian_ref is None
    assert registered(guardian="G-5521").guardian_ref == "G-5521"


def test_a_tracker_may_be_a_number_such_as_an_imei() -> None:
    records: list[Any] = [e.record for e in accepted(answers({"person": 17, "trackers": [861234567890123]}))]
    refs = [record.case_id for record in records]

    assert refs == [ref("person", "17"), ref("tracker", "861234567890123")]


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"person": ["W-1"]}, "wrong-type", "person"),
        ({"person": True}, "wrong-type", "person"),
        ({"trackers": {"id": "T"}}, "wrong-type", "trackers"),
        ({"trackers": ["T", None, 1.5]}, "wrong-type", "trackers"),
        ({"trackers": ["\ud800"]}, "broken-text", "trackers"),
        ({"person": "\ud83d"}, "broken-text", "person"),
        ({"person": "W\ufffd1"}, "broken-text", "person"),
    ],
)
def test_an_id_that_is_none_is_refused_instead_of_looking_for_nobody(fields: Any, reason: str, field: str) -> None:
    (entry,) = answers({"person": "W-1", **fields})

    assert isinstance(entry, Refused)
    assert (entry.reason, entry.field) == (reason, field)


def test_a_tracker_that_goes_to_another_person_in_one_body_stays_whoever_comes_first() -> None:
    gets, gives = {"person": "A", "trackers": ["T"]}, {"person": "B", "former_trackers": ["T"]}
    ended = {"person": "A", "trackers": ["T"], "state": "ended"}

    for body in ([gets, gives], [gives, gets]):
        told = accepted(answers(body))
        assert not any(entry.record is None for entry in told[told.index(_told_of(told, "T")) :])
    removals = [entry.key for entry in accepted(answers([gets, ended])) if entry.record is None]
    assert removals == [ref("person", "A").encode(), ref("tracker", "T").encode()]


def test_a_polygon_that_nobody_can_leave_is_none() -> None:
    (entry,) = answers({"person": "W-1", "zones": [polygon((126.0, 37.0), (127.0, 37.0), (127.0, 38.0))]})

    assert isinstance(entry, Refused)
    assert (entry.reason, entry.field) == ("impossible-area", "zones[1].area")


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("22:00", "06:30", (1320, 390)),
        ("9:05", "09:06:59", (545, 546)),
        ("21:00", "24:00", (1260, 0)),
        (None, None, (None, None)),
    ],
)
def test_the_night_rest_is_minutes_after_midnight(start: str | None, end: str | None, minutes: tuple[Any, Any]) -> None:
    record = registered(quiet_from=start, quiet_until=end)

    assert (record.quiet_from_min, record.quiet_until_min) == minutes


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_any_two_times_of_the_clock_are_a_night_rest_unless_they_are_one(start: int, end: int) -> None:
    def clock(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    item = {"person": "W-1", "quiet_from": clock(start), "quiet_until": clock(end)}
    (record,) = parse_item(item, NOON_US, RULES, lambda finding: None).subjects

    expected = (None, None) if start == end else (start, end)
    assert (record.quiet_from_min, record.quiet_until_min) == expected


def test_half_a_night_rest_is_none() -> None:
    assert registered(quiet_from="22:00").quiet_from_min is None


def test_a_date_ends_with_its_local_day_and_a_moment_is_itself() -> None:
    assert registered(valid_until="2026-03-01").valid_until_us == NOON_US + 12 * 3_600_000_000
    assert registered(valid_until="2026-03-01T03:00:00Z").valid_until_us == NOON_US


@pytest.mark.parametrize("never", ["9999-12-31", "9999-12-31T23:59:59", "", None])
def test_an_end_that_databases_write_for_none_leaves_the_registration_open(never: Any) -> None:
    assert registered(valid_until=never).valid_until_us is None


@pytest.mark.parametrize(("word", "looked_for"), [(True, True), ("Y", True), ("N", False), (None, False), ("?", False)])
def test_patterns_are_looked_for_only_where_the_registry_says_so(word: Any, looked_for: bool) -> None:
    assert registered(patterns=word).detects_patterns is looked_for


def _told_of(entries: Sequence[Accepted], tracker: str) -> Accepted:
    case_id = ref("tracker", tracker)
    return next(entry for entry in entries if entry.record is not None and entry.record.case_id == case_id)


async def test_a_table_in_cp949_with_a_header_in_any_case_is_read(tmp_path: Path) -> None:
    table = "person,성명,State,zones,Hazards\nW-1,홍길동,등록,집 37.5665 126.978 200,cold;water\nW-2,김영희,해지,,\n"
    (tmp_path / "registry.csv").write_bytes(table.encode("cp949"))
    source: Any = build("welfare_registry", {"path": str(tmp_path), "once": True}, a_context())
    kept, gone = [entry async for entry in source.entries(None)]

    assert kept.record.hazards == ("cold", "water")
    assert kept.record.safe_zones[0].zone_ref == "zone-1"
    assert gone.record is None
    assert "홍길동" not in repr((kept, gone))


def test_every_example_of_the_page_is_taken_as_it_stands() -> None:
    page = (Path(__file__).parents[3] / "docs/connectors/welfare_registry.md").read_text("utf-8")
    bodies = re.findall(r"^```json\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)

    entries = [entry for body in bodies for entry in answers(body.encode())]

    assert len(entries) == 7  # two of them remove an ended registration
    assert not any(isinstance(entry, Refused) for entry in entries)
