"""What a sample lacks is said with what was meant, and nothing of a person is said with it."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from connectors.kit.examples import EXAMPLE_NOW_US
from connectors.kit.ladder.checking import folder_of
from connectors.kit.ladder.likeness import nearest
from connectors.kit.ladder.remarks import Surroundings, remarks_of, shape_of
from connectors.kit.ladder.sample_items import items_in, names_in
from connectors.kit.ladder.sampling import example_context, reading_of_sample
from connectors.kit.ladder.validating import Sample, Validation, validate
from connectors.kit.ladder.vocabulary import Vocabulary, vocabulary_of
from connectors.kit.manifest import read_manifest
from tests.connectors.local_context import SEOUL_BOX
from tests.connectors.police_112.test_suite import file
from tests.support.connector_suite import Happening
from tests.support.connector_suite.happenings import PERSON_NAME, PERSON_PHONE, PERSON_TEXT

FIX = {"tracker": "T-1", "type": "fix", "time": "2026-03-01T02:50:00Z", "lat": 37.5665, "lon": 126.978}
SOS = FIX | {"type": "sos"}
# What a vendor sends along and nobody must see.
PERSON = {"name": PERSON_NAME, "phone": PERSON_PHONE, "memo": PERSON_TEXT}


def without(name: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in FIX.items() if key != name} | more


def found(payload: bytes, kind: str = "tracker_push", origin: str = "") -> Validation:
    manifest, context = read_manifest(folder_of(kind)), replace(example_context(), city_box=SEOUL_BOX)
    reading = reading_of_sample(manifest, {}, payload, context, origin=origin)
    around = Surroundings(
        vocabulary=vocabulary_of(manifest),
        now_us=EXAMPLE_NOW_US,
        city_box=SEOUL_BOX,
        findings=frozenset(reading.findings),
    )
    return validate([Sample(payload, reading.entries)], around, reading.findings)


def said(result: Validation) -> list[str]:
    suggestions = [text for fault in result.faults for text in fault.suggestions]
    return suggestions + [remark.message for remark in result.remarks]


def test_what_fits_gives_no_fault_and_no_remark() -> None:
    result = found(json.dumps([FIX, SOS]).encode())

    assert result.accepted == {"tracker-fixes": 1, "wandering-alerts": 1}
    assert (result.faults, said(result)) == ((), [])


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (without("lat", lattitude=37.5), "lattitude: unknown field, did you mean lat?"),
        (without("lon", lng=127.0), "lng: unknown field, did you mean lon?"),
        (without("lon", Lon=127.0), "Lon: unknown field, did you mean lon?"),
        (without("tracker", trackr="T-1"), 'tracker is not there; did you mean "trackr"?'),
        (FIX | {"type": "safezone-exit"}, "type 'safezone-exit': not in the table, nearest 'safe-zone-exit'"),
        (FIX | {"lat": 126.978, "lon": 37.5665}, "lat=127.0, lon=37.6: axes look swapped"),
        (FIX | {"lat": "37,5665"}, "lat: a decimal comma (99,9999); write a point"),
        (FIX | {"lat": "37°33'59\"N"}, "lat: degrees, minutes and seconds (99°99'99\"a); write decimal degrees"),
        (FIX | {"lat": 375665000}, "lat: looks like degrees times 10^7; write decimal degrees"),
        (FIX | {"lat": 3733.99}, "lat: looks like degrees and minutes in one number (NMEA, ddmm.mmmm)"),
        (FIX | {"lat": 1952032.1, "lon": 953901.2}, "lat: looks like metres of a projected grid"),
        (FIX | {"lat": "somewhere"}, "lat: no number (aaaaaaaaa); write decimal degrees"),
        (FIX | {"time": "2026/03/01 11:50"}, "time: is not read as a time (9999/99/99 99:99)"),
        (FIX | {"time": "2026-03-01T11:58:00Z"}, "time: about 9 h ahead of now; is it local time that is written as"),
        (FIX | {"time": 1_772_334_000 + 86_400 * 40}, "time: lies in the future; look at the sender's clock"),
        ({"status": "ok", "data": [FIX]}, "the payload is an object with a list in it: do the items lie there?"),
    ],
)
def test_a_typical_fault_is_answered_with_what_was_meant(item: dict[str, Any], text: str) -> None:
    result = found(json.dumps(item | PERSON, ensure_ascii=False).encode())

    assert any(text in line for line in said(result)), said(result)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b'{"tracker": "T-1",}', "line 1, column 19: "),
        (b'{"lat": NaN}', "NaN is not JSON; write null"),
        # The same bytes each time: they name the test, and the workers of a run must agree on its names.
        (gzip.compress(b"{}", mtime=0), "this is gzip; unpack it first"),
        (b"PK\x03\x04" + b"\xff" * 50, "this is a zip or xlsx file"),
        ('{"a": 1}'.encode("utf-16"), "this is UTF-16; write UTF-8"),
        (b"\x81\x81\xff\xff", "bytes that are neither UTF-8 nor CP949"),
        (b"<!DOCTYPE html><html>log in</html>", "this is an HTML page"),
        (b"<fixes><fix/></fixes>", "this is XML"),
    ],
)
def test_a_payload_that_is_not_what_it_should_be_is_told_by_its_form(payload: bytes, text: str) -> None:
    result = found(payload)

    assert any(text in line for line in said(result)), (said(result), result.faults)


def test_each_item_is_looked_at_by_itself_and_faults_are_counted() -> None:
    result = found(json.dumps([FIX, without("lat", lattitude=1), without("lat", lattitude=2)]).encode())

    (fault,) = result.faults
    assert (fault.count, fault.numbers) == (2, (2, 3))
    (remark,) = result.remarks
    assert (remark.field, remark.count, remark.numbers) == ("lattitude", 2, (2, 3))


def test_items_of_a_page_are_counted_and_looked_at_one_by_one() -> None:
    event = {"eventId": "1", "eventType": "교통사고", "startDate": "20260301110000"}
    place = {"coordX": "126.978", "coordY": "37.5665"}
    swapped = {"coordX": "37.5665", "coordY": "126.978"}
    page = {"header": {"resultCode": 0}, "body": {"totalCount": 3, "items": [event | place] * 2 + [event | swapped]}}

    result = found(json.dumps(page).encode(), kind="traffic", origin="http://traffic.example/eventInfo")

    assert sum(result.accepted.values()) == 3
    assert [(r.reason, r.field, r.count, r.numbers) for r in result.remarks] == [("swapped-axes", "coordY", 1, (3,))]


def test_a_time_without_an_offset_is_not_said_to_be_unreadable_where_another_one_is() -> None:
    items = [FIX | {"time": "2026-03-01T02:50:00"}, FIX | {"time": "1st of March"}]

    (remark,) = found(json.dumps(items).encode()).remarks

    assert (remark.message, remark.numbers) == ("time: is not read as a time (9aa aa aaaaa)", (2,))


def test_a_time_that_only_lacks_its_offset_is_told_so_where_the_connector_needs_one() -> None:
    findings = frozenset({"unreadable-time"})
    around = Surroundings(vocabulary=Vocabulary(), now_us=EXAMPLE_NOW_US, findings=findings)

    (remark,) = remarks_of(items_in(b'{"time": "2026-03-01T02:50:00"}'), around)

    assert remark.message == "time: has no offset (9999-99-99a99:99:99); write Z or +09:00"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["37,5665", "126,978"], "coord: a decimal comma (99,9999); write a point"),
        ([1952032.1, 953901.2], "coord: looks like metres of a projected grid; write WGS 84 degrees"),
    ],
)
def test_a_position_in_one_field_is_looked_at_too(value: Any, text: str) -> None:
    around = Surroundings(
        vocabulary=Vocabulary(), now_us=EXAMPLE_NOW_US, findings=frozenset({"impossible-coordinates"})
    )

    remarks = remarks_of(items_in(json.dumps({"id": 7, "coord": value}).encode()), around)

    assert [remark.message[: len(text)] for remark in remarks] == [text]


def test_columns_of_a_table_are_suggested_each_and_its_turned_axes_are_seen() -> None:
    table = file([Happening(number="1", lat=126.978, lon=37.5665)]).replace(b"RECV_NO", b"RECVNO")

    swapped = found(table, "police_112", "calls.csv")
    header = found(table.replace(b"EVT_CL_CD", b"EVT_CLS_CD"), "police_112", "calls.csv")

    assert "HPPN_Y=127.0, HPPN_X=37.6: axes look swapped" in said(swapped)
    assert "RECVNO: unknown field, did you mean RECV_NO?" in said(swapped)
    assert 'EVT_CL_CD is not there; did you mean "EVT_CLS_CD"?' in said(header)


@pytest.mark.parametrize("name", [PERSON_NAME, PERSON_PHONE, PERSON_TEXT, "Robby Berry", "fix-kim"])
def test_nothing_of_a_person_is_said_wherever_it_stands(name: str) -> None:
    items = [
        *({**FIX, field: name} for field in FIX),
        *({**without(field), name: "x"} for field in FIX),
        {**FIX, name: name, "lat": name, "lon": name, "time": name},
    ]
    bodies = [json.dumps(items, ensure_ascii=False), name, f"{name},lat\n{name},{name}\n", f"<{name}>{name}</x>"]

    for body in bodies:
        result = found(body.encode())
        assert name not in repr(result)


def test_names_are_found_in_json_tables_and_xml() -> None:
    assert names_in(b'{"a": {"b": 1}}') == {"a", "b"}
    assert names_in("시간,위도\n1,2\n".encode("cp949")) == {"시간", "위도"}
    assert names_in(b"A;B;C\n1;2;3\n") == {"A", "B", "C"}
    assert names_in(b"<a:alert><info/></a:alert>") == {"alert", "info"}
    assert names_in(b"") == frozenset()


def test_items_are_flat_lists_of_fields() -> None:
    assert items_in(b'[{"a": {"b": [1, 2]}}, {"c": null}]') == [(("b", 1), ("b", 2)), (("c", None),)]
    assert items_in(b"a,b\n1,2\n") == [(("a", "1"), ("b", "2"))]
    assert items_in(b"\xff\xff") == []


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("lattitude", {"latitude", "longitude"}, "latitude"),
        ("longtitude", {"lat", "lon"}, "lon"),
        ("timestamp", {"at", "id"}, "at"),
        ("memo", {"mode", "lat"}, None),
        ("홍길동", {"name", "lat"}, None),
    ],
)
def test_the_nearest_known_name_is_found_or_none(name: str, known: set[str], meant: str | None) -> None:
    assert nearest(name, known) == meant


def test_the_shape_of_a_text_shows_none_of_its_letters_and_digits() -> None:
    assert shape_of("2026/3/1 오전") == "9999/9/9 aa"
    assert shape_of("x" * 99) == "a" * 30 + "…"
