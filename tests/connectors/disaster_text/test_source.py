"""What disaster_text makes of the service's answers."""

import json
from datetime import timedelta
from typing import Any

import pytest
from shapely.geometry import Point, box

from connectors.kit.arrival import Arrival
from connectors.kit.manifest import build
from connectors.kit.source import Accepted, Refused
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.districts import policy_with_districts, scattered_cameras
from tests.support.golden import assignments_for, entries_of
from tests.support.policies import DEMO

CENTRE = (37.40, 127.40)
CITY = {"city_names": ["서울특별시", "서울시"], "districts": ["종로구", "중구", "강남구", "강서구"]}
PUSH = {**CITY, "transport": "http-push", "token_env": "DISASTER_TEXT_TOKEN"}


def text(h: Happening) -> bytes:
    body: dict[str, Any] = {
        "SN": h.number,
        "CRT_DT": h.local_time.strftime("%Y/%m/%d %H:%M:%S"),
        "MSG_CN": f"{'[훈련] ' if h.exercise else ''}{h.person_text} {h.person_name} {h.person_phone}",
        "RCPTN_RGN_NM": "서울특별시 종로구,서울특별시 중구",
        "EMRG_STEP_NM": "긴급재난",
        "DST_SE_NM": "호우" if h.code is None else h.code,
        "REG_YMD": "2026-03-01",
        "MDFCN_YMD": f"2026-03-0{h.revision}",
    }
    if h.nulls:
        body = dict.fromkeys(body) | {"SN": h.number, "MSG_CN": body["MSG_CN"]}
    return json.dumps({**body, **h.extra}, ensure_ascii=False).encode()


def answer(happenings: Any) -> bytes:
    texts = [json.loads(text(h)) for h in happenings]
    return json.dumps({"header": {"resultCode": "00"}, "totalCount": len(texts), "body": texts}).encode()


HOSTILE = [
    b'{"header": {"resultCode": "30", "errorMsg": "SERVICE KEY IS NOT REGISTERED ERROR."}, "body": null}',
    b'{"header": {"resultCode": "00"}, "body": [null, 7, "text", [], {}]}',
    b'{"header": {"resultCode": "00"}, "body": [{"SN": {"a": 1}, "RCPTN_RGN_NM": ["x"], "CRT_DT": 7}]}',
    json.dumps({"SN": 1, "CRT_DT": "2026/03/01 11:50:00", "RCPTN_RGN_NM": "," * 20_000}).encode(),
    json.dumps({"SN": 1, "CRT_DT": "2026/13/41 25:61:00", "RCPTN_RGN_NM": "서울특별시 없는구"}).encode(),
]

TestDisasterText = connector_suite(
    "disaster_text", Samples(write=text, write_many=answer, options=CITY, hostile=HOSTILE)
)


def entries(region: str, *, options: dict[str, Any] | None = None, **fields: Any) -> list[Any]:
    body = {"SN": 5, "CRT_DT": "2026-03-01 11:50:00", "EMRG_STEP_NM": "긴급재난", "DST_SE_NM": "호우"}
    payload = json.dumps({**body, "RCPTN_RGN_NM": region, **fields}, ensure_ascii=False).encode()
    return entries_of("disaster_text", payload, options=options or CITY)


def names(region: str) -> Any:
    (entry,) = entries(region)
    assert isinstance(entry, Accepted), entry
    assert entry.record is not None
    return entry.record.area.district_names


def test_a_pushed_text_makes_the_same_incident_as_a_polled_one() -> None:
    polled = entries_of("disaster_text", text(Happening()), options=CITY)
    pushed = entries_of("disaster_text", text(Happening()), options=PUSH)
    assert polled == pushed
    assert isinstance(polled[0], Accepted)


@pytest.mark.parametrize(
    ("region", "districts"),
    [
        ("서울특별시 종로구", ("종로구",)),
        ("서울특별시 종로구 사직동", ("종로구",)),
        ("서울특별시 전체", ("종로구", "중구", "강남구", "강서구")),
        ("서울시", ("종로구", "중구", "강남구", "강서구")),
        ("전국", ("종로구", "중구", "강남구", "강서구")),
        ("강남구", ("강남구",)),
        ("서울특별시 강서구 ,서울특별시 종로구", ("종로구", "강서구")),
        ("서울특별시 종로구, 중구", ("종로구", "중구")),
        ("경기도 성남시,서울특별시 강남구", ("강남구",)),
        ("부산광역시 중구,서울특별시 종로구,중구", ("종로구",)),
    ],
)
def test_regions_become_the_citys_districts(region: str, districts: tuple[str, ...]) -> None:
    assert names(region) == districts


@pytest.mark.parametrize("region", ["부산광역시 중구", "경기도 수원시 영통구", "제주", "수원시", "남구"])
def test_a_text_for_another_city_is_passed_over(region: str) -> None:
    assert entries(region) == []


@pytest.mark.parametrize("region", ["중구", "강서구", "부산광역시 강서구,중구"])
def test_a_name_of_several_cities_is_reported_and_never_guessed(region: str) -> None:
    (entry,) = entries(region)
    assert isinstance(entry, Refused)
    assert (entry.reason, entry.field) == ("ambiguous-district", "RCPTN_RGN_NM")


def test_a_district_the_file_does_not_have_is_reported() -> None:
    (entry,) = entries("서울특별시 새구")
    assert isinstance(entry, Refused)
    assert entry.reason == "unknown-district"
    assert "새구" not in entry.message


@pytest.mark.parametrize(
    ("message", "count"),
    [
        ("호우경보가 해제되었습니다", 0),
        ("오늘 09:00 산사태주의보 해제", 0),
        ("경보 해제 시까지 하천변에 가지 마세요", 1),
        ("하천변 출입을 삼가세요", 1),
    ],
)
def test_a_text_that_lifts_a_warning_opens_no_case(message: str, count: int) -> None:
    assert len(entries("서울특별시 종로구", MSG_CN=message)) == count


def test_a_missing_persons_text_is_no_disaster() -> None:
    assert entries("서울특별시 종로구", DST_SE_NM="실종", MSG_CN="홍길동씨를 찾습니다") == []


def test_both_forms_of_the_time_are_the_same_moment() -> None:
    slashes, dashes = (
        entries("서울특별시 종로구", CRT_DT=form)[0].record.observed_us
        for form in ("2026/03/01 11:50:00", "2026-03-01 11:50:00")
    )
    assert slashes == dashes == NOON_US - 10 * 60_000_000


def test_a_text_of_yesterday_opens_no_case() -> None:
    yesterday = (Happening().local_time - timedelta(days=1)).strftime("%Y/%m/%d %H:%M:%S")
    assert entries("서울특별시 종로구", CRT_DT=yesterday) == []


def test_the_steps_become_urgencies_that_the_citys_table_knows() -> None:
    steps = ("위급재난", "긴급재난", "안전안내", "무엇")
    found = [entries("서울특별시 종로구", EMRG_STEP_NM=step)[0].record.urgency_native for step in steps]
    assert found == ["critical", "urgent", "guidance", None]


def corrected(*fields: dict[str, Any]) -> list[Any]:
    """Return what one source makes of a text and its corrections, each shown after the other."""
    source: Any = build("disaster_text", {**PUSH}, a_context())
    body = {"SN": 5, "CRT_DT": "2026-03-01 11:50:00", "EMRG_STEP_NM": "긴급재난", "DST_SE_NM": "호우"}
    told = []
    for number, one in enumerate(fields):
        payload = json.dumps({**body, "MDFCN_YMD": str(number), **one}, ensure_ascii=False).encode()
        told += [entry.record for entry in source.answers(payload, Arrival(NOON_US, number, "/in"))]
    return told


@pytest.mark.parametrize(
    "correction",
    [{"RCPTN_RGN_NM": "부산광역시 동구"}, {"RCPTN_RGN_NM": "서울특별시 종로구", "MSG_CN": "해제되었습니다"}],
)
def test_a_corrected_text_that_is_none_of_the_citys_any_more_ends_its_incident(correction: dict[str, Any]) -> None:
    here = {"RCPTN_RGN_NM": "서울특별시 종로구"}
    first, last, again = corrected(here, correction, here)
    assert [record.status for record in (first, last, again)] == ["reported", "closed", "reported"]
    assert last.case_id == first.case_id
    assert corrected(correction) == []


def test_a_corrected_text_has_the_districts_that_it_names_now_and_no_others() -> None:
    first, last = corrected({"RCPTN_RGN_NM": "서울특별시 종로구"}, {"RCPTN_RGN_NM": "서울특별시 강남구"})
    assert (last.area.district_names, last.replaces) == (("강남구",), True)
    assert last.event_id != first.event_id


def test_the_cameras_of_a_district_are_spread_over_it_and_not_a_disc_around_its_middle() -> None:
    lat_deg, lon_deg = CENTRE
    # 1,770 m from west to east, 220 m from south to north.
    outline = box(lon_deg - 0.01, lat_deg - 0.001, lon_deg + 0.01, lat_deg + 0.001)
    policy = policy_with_districts(DEMO, {"새벽구": outline})
    cameras = scattered_cameras(lat_deg, lon_deg, side=41, step_m=50.0)
    options = {"city_names": ["누리도 보기시"], "districts": ["새벽구"]}

    told = entries("누리도 보기시 새벽구", options=options, EMRG_STEP_NM="위급재난")
    (assignment,) = assignments_for(told, cameras=cameras, policy=policy)

    assert (assignment.status, assignment.kind, assignment.rank) == ("active", "heavy-rain", 0)
    assert {camera.role for camera in assignment.cameras} == {"area"}
    at = {camera.camera_id: camera.location for camera in cameras}
    places = [at[camera.camera_id] for camera in assignment.cameras]
    assert all(outline.contains(Point(place.lon_deg, place.lat_deg)) for place in places)
    thirds = {int((place.lon_deg - (lon_deg - 0.01)) / 0.02 * 3) for place in places}
    assert thirds == {0, 1, 2}
    nearest = sorted(abs(camera.location.lon_deg - lon_deg) for camera in cameras)[: len(places)]
    assert max(abs(place.lon_deg - lon_deg) for place in places) > 3 * max(nearest)
    assert assignment.where is not None
    assert assignment.where.district == "새벽구"
