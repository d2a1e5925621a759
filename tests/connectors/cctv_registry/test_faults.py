"""Every fault met in real files, by name: what becomes of the row, and that its neighbour passes."""

from typing import Any

import pytest

from connectors.cctv_registry.registry import RegistryLoad
from connectors.kit.cameras.faults import FLAG_MEANINGS, REASON_MEANINGS, REPAIRS, Flag, Reason
from tests.connectors.cctv_registry.files import HEADERS, LOT, ROAD, a_row

LAT, LON = "WGS84위도", "WGS84경도"
NEIGHBOUR = {"관리번호": "N-1", LAT: "37.598761", LON: "127.012341"}

REFUSED: list[tuple[str, dict[str, str], Reason]] = [
    ("both coordinates 0", {LAT: "0", LON: "0"}, Reason.NO_POSITION),
    ("coordinates 0.0", {LAT: "0.0", LON: "0.000000"}, Reason.NO_POSITION),
    ("only the latitude 0", {LAT: "0"}, Reason.NO_POSITION),
    ("empty longitude", {LON: ""}, Reason.NO_POSITION),
    ("blank coordinates", {LAT: "  ", LON: "\t"}, Reason.NO_POSITION),
    ("a dash for a coordinate", {LAT: "-"}, Reason.NO_POSITION),
    ("digit slip in the longitude", {LON: "172.39"}, Reason.IMPOSSIBLE_POSITION),
    ("digit slip in the latitude", {LAT: "30.07"}, Reason.IMPOSSIBLE_POSITION),
    ("digit slip into the sea", {LON: "131.29"}, Reason.IMPOSSIBLE_POSITION),
    ("beyond the globe", {LAT: "375.12"}, Reason.IMPOSSIBLE_POSITION),
    ("no number at all", {LAT: "nan"}, Reason.NO_POSITION),
    ("infinite", {LAT: "1e999"}, Reason.IMPOSSIBLE_POSITION),
    ("degrees, minutes, seconds", {LAT: "37°30'44\""}, Reason.IMPOSSIBLE_POSITION),
    ("another country", {LAT: "35.68", LON: "139.76"}, Reason.IMPOSSIBLE_POSITION),
    ("no camera at all", {"카메라대수": "0"}, Reason.NO_CAMERAS),
]


@pytest.mark.parametrize(("changed", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_row_that_cannot_be_used_is_refused_with_its_reason_and_its_neighbour_passes(
    load_rows: Any, changed: dict[str, str], reason: Reason
) -> None:
    loaded = load_rows([a_row(**changed), a_row(**NEIGHBOUR)])

    (refused,) = loaded.refused
    assert (refused.reason, refused.number) == (reason, 2)
    assert loaded.report.refused == {reason: 1}
    assert loaded.camera_rows == [3]


DIRECTION, PIXELS, COUNT, MONTH = "촬영방면정보", "카메라화소수", "카메라대수", "설치연월"
KEEPING, PURPOSE, NUMBER = "보관일수", "설치목적구분", "관리번호"

# The fault, the cells, the flags of the row, and what the camera says.
ACCEPTED: list[tuple[str, dict[str, str], set[Flag], dict[str, Any]]] = [
    ("axes swapped", {LAT: "127.098765", LON: "37.512345"}, {Flag.AXES_SWAPPED}, {}),
    ("another city's row", {LAT: "36.350412", LON: "127.384548"}, {Flag.OUTSIDE_CITY}, {}),
    ("four decimals", {LAT: "37.5123", LON: "127.0988"}, {Flag.COARSE_POSITION}, {}),
    ("count as text", {COUNT: "3대"}, set(), {}),
    ("count empty", {COUNT: ""}, {Flag.COUNT_ASSUMED}, {}),
    ("count not a number", {COUNT: "여러 대"}, {Flag.COUNT_ASSUMED}, {}),
    ("pixels 0", {PIXELS: "0"}, {Flag.PIXELS_ZERO}, {"width_px": None}),
    ("pixels empty", {PIXELS: ""}, set(), {"width_px": None}),
    ("pixels as words", {PIXELS: "고화질"}, {Flag.PIXELS_UNREADABLE}, {"width_px": None}),
    ("retention 0", {KEEPING: "0"}, {Flag.RETENTION_ZERO}, {"retention_days": None}),
    ("retention with unit", {KEEPING: "30일"}, set(), {"retention_days": 30}),
    ("retention absurd", {KEEPING: "99999"}, {Flag.RETENTION_UNREADABLE}, {"retention_days": None}),
    ("install month 1905-07", {MONTH: "1905-07"}, {Flag.INSTALL_MONTH_IMPOSSIBLE}, {"status": "active"}),
    ("install month in the future", {MONTH: "2091-01"}, {Flag.INSTALL_MONTH_IMPOSSIBLE}, {"status": "active"}),
    ("install month YYYYMM", {MONTH: "201905"}, set(), {}),
    ("install month empty", {MONTH: ""}, set(), {}),
    ("install month as words", {MONTH: "작년"}, {Flag.INSTALL_MONTH_UNREADABLE}, {}),
    ("tabs in cells", {PURPOSE: "생활\t방범", "관리기관명": "가람시\t누리구청"}, set(), {"owner": "가람시 누리구청"}),
    ("commas in quoted cells", {"소재지도로명주소": "별빛로 12, 2층, 옥상"}, set(), {}),
    ("line break in a quoted cell", {"소재지도로명주소": "별빛로 12\r\n2층"}, set(), {}),
    ("management number missing", {NUMBER: ""}, {Flag.NO_NUMBER}, {}),
    ("address without city", {"소재지도로명주소": "별빛로 12", "소재지지번주소": ""}, set(), {}),
    ("no owner", {"관리기관명": " "}, {Flag.NO_OWNER}, {"owner": "unknown"}),
    ("telephone as owner", {"관리기관명": "02-555-0134"}, {Flag.NO_OWNER}, {"owner": "unknown"}),
    ("test row", {"소재지도로명주소": "test"}, {Flag.TEST_ROW}, {"exercise": True, "status": "other"}),
    ("test row in Korean", {"소재지도로명주소": "테스트용 카메라"}, {Flag.TEST_ROW}, {"exercise": True}),
    ("base date not a date", {"최종수정시점": "어제"}, {Flag.BASE_DATE_UNREADABLE}, {}),
    ("base date in the future", {"최종수정시점": "2199-01-01"}, {Flag.BASE_DATE_UNREADABLE}, {}),
    ("no purpose", {PURPOSE: ""}, {Flag.PURPOSE_MISSING}, {"purposes": ("unknown",)}),
    ("purpose on no list", {PURPOSE: "홍보"}, {Flag.PURPOSE_UNMAPPED}, {"purposes": ("other",)}),
    ("free purpose", {PURPOSE: "방범(그린파킹)"}, set(), {"purposes": ("crime-prevention",)}),
    ("all round", {DIRECTION: "360도 전방향"}, set(), {"kind": "all-round", "azimuth_deg": None}),
    ("turning", {DIRECTION: "회전형"}, set(), {"kind": "ptz"}),
    ("field, not bearing", {DIRECTION: "90도"}, set(), {"azimuth_deg": None, "field_of_view_deg": 90.0}),
    ("landmark", {DIRECTION: "해오름초 정문 방향"}, set(), {"kind": "unknown", "azimuth_deg": None}),
    ("compass word", {DIRECTION: "북동쪽"}, {Flag.AZIMUTH_COMPASS}, {"azimuth_deg": 45.0}),
    ("fixed and turning", {DIRECTION: "회전1, 고정2"}, {Flag.SEVERAL_KINDS}, {"kind": "unknown"}),
]
CITY = (37.4, 126.7, 37.7, 127.2)


@pytest.mark.parametrize(
    ("changed", "flags", "says"), [case[1:] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED]
)
def test_a_doubtful_row_is_kept_with_its_flag(
    load_rows: Any, changed: dict[str, str], flags: set[Flag], says: dict[str, Any]
) -> None:
    loaded = load_rows([a_row(**changed), a_row(**NEIGHBOUR)], city_box=CITY)

    camera = loaded.cameras[0]
    assert set(camera.quality_flags) == flags
    assert {name: getattr(camera, name) for name in says} == says
    assert CITY[0] <= camera.location.lat_deg <= CITY[2] or Flag.OUTSIDE_CITY in flags
    assert loaded.report.accepted_rows == 2
    assert loaded.report.repaired_rows == bool(flags & REPAIRS)


def test_cameras_of_one_pole_as_a_count_become_cameras_of_one_site(load_rows: Any) -> None:
    loaded = load_rows([a_row(카메라대수="3")])

    assert [c.camera_id for c in loaded.cameras] == ["3990000-A-0001", "3990000-A-0001#2", "3990000-A-0001#3"]
    assert len({c.site_id for c in loaded.cameras}) == 1
    assert loaded.report.sites == 1


def test_cameras_of_one_pole_as_rows_become_cameras_of_one_site(load_rows: Any) -> None:
    loaded = load_rows([a_row(관리번호=f"A-{n}") for n in range(4)])

    assert len({c.camera_id for c in loaded.cameras}) == 4
    assert len({(c.site_id, c.location) for c in loaded.cameras}) == 1


def test_a_count_of_104_is_capped_and_its_point_is_a_pile(load_rows: Any) -> None:
    loaded = load_rows([a_row(카메라대수="104")])

    assert len(loaded.cameras) == 50
    assert loaded.report.cameras_cut == 54
    assert set(loaded.cameras[0].quality_flags) == {Flag.COUNT_CAPPED, Flag.PILE}


def test_a_pile_of_the_geocoder_is_never_a_place_where_cameras_hang(load_rows: Any) -> None:
    pile = [a_row(관리번호=f"P-{n}") for n in range(51)]
    loaded = load_rows([*pile, a_row(**NEIGHBOUR)])

    piled = loaded.cameras[:51]
    assert {c.location.quality for c in piled} == {"default"}
    assert {c.location.accuracy_m for c in piled} == {2500.0}
    assert all(Flag.PILE in c.quality_flags for c in piled)
    assert loaded.cameras[51].location.quality == "address"
    assert [(p.cameras, p.lat_deg) for p in loaded.report.piles] == [(51, 37.51235)]
    assert "51 cameras at 37.51235, 127.09877" in loaded.report.as_text()


def test_fifty_cameras_on_one_point_are_not_yet_a_pile(load_rows: Any) -> None:
    loaded = load_rows([a_row(관리번호=f"P-{n}") for n in range(50)])

    assert loaded.report.piles == []


def test_a_repeated_management_number_makes_no_id_but_both_cameras_stay(load_rows: Any) -> None:
    loaded = load_rows([a_row(), a_row(소재지도로명주소="달빛로 1"), a_row(**NEIGHBOUR)])

    first, second, neighbour = loaded.cameras
    assert first.camera_id != second.camera_id
    assert first.camera_id.startswith("cctv-")
    assert first.quality_flags == second.quality_flags == (Flag.DUPLICATE_NUMBER,)
    assert neighbour.camera_id == "3990000-N-1"


def test_rows_alike_in_every_cell_are_kept_and_flagged(load_rows: Any) -> None:
    loaded = load_rows([a_row("standard-13"), a_row("standard-13")], "standard-13")

    assert len({c.camera_id for c in loaded.cameras}) == 2
    assert loaded.report.flags == {Flag.IDENTICAL_ROWS: 2}


def test_a_row_deleted_by_its_owner_is_retired(load_rows: Any) -> None:
    loaded = load_rows([a_row("standard-18", 데이터갱신구분="D")], "standard-18")

    assert loaded.cameras[0].status == "retired"
    assert loaded.cameras[0].quality_flags == (Flag.DELETED_BY_OWNER,)


def test_a_comma_without_quotes_is_joined_again(load_rows: Any) -> None:
    row = a_row()
    at = HEADERS["standard-16"].index("소재지도로명주소")
    broken = [*row[:at], "별빛로 12", " 옥상", " 3층", *row[at + 1 :]]
    loaded = load_rows([broken, a_row(**NEIGHBOUR)])

    assert loaded.cameras[0].quality_flags == (Flag.COLUMNS_MERGED,)
    assert loaded.cameras[0].location.lat_deg == 37.51235
    assert loaded.report.repaired_rows == 1


def test_a_comma_without_quotes_in_the_direction_is_joined_in_the_direction(load_rows: Any) -> None:
    row = a_row()
    at = HEADERS["standard-16"].index("촬영방면정보")
    loaded = load_rows([[*row[:at], "회전", "정문", *row[at + 1 :]]])

    assert (loaded.cameras[0].kind, loaded.cameras[0].retention_days) == ("ptz", 30)


def test_empty_cells_after_the_last_column_go(load_rows: Any) -> None:
    loaded = load_rows([[*a_row(), "", " "]])

    assert loaded.cameras[0].quality_flags == (Flag.COLUMNS_TRIMMED,)


def test_cells_left_out_at_the_end_are_taken_as_empty(load_rows: Any) -> None:
    loaded = load_rows([a_row()[:-1]])

    assert loaded.cameras[0].quality_flags == (Flag.COLUMNS_PADDED,)


@pytest.mark.parametrize("cells", [["가람시"], a_row()[:8], a_row()[1:], [*a_row(), "한", "둘"], ["x"] * 200])
def test_a_row_that_fits_in_no_way_is_refused(load_rows: Any, cells: list[str]) -> None:
    loaded = load_rows([cells, a_row(**NEIGHBOUR)])

    assert [(r.reason, r.number) for r in loaded.refused] == [(Reason.WRONG_COLUMNS, 2)]
    assert len(loaded.cameras) == 1


def test_the_header_in_the_midst_of_a_file_is_refused(load_rows: Any) -> None:
    loaded = load_rows([a_row(), HEADERS["standard-16"], a_row(**NEIGHBOUR)])

    assert [(r.reason, r.number) for r in loaded.refused] == [(Reason.REPEATED_HEADER, 3)]
    assert len(loaded.cameras) == 2


def test_rows_on_the_islands_are_in_the_country(load_rows: Any) -> None:
    loaded = load_rows([a_row(WGS84위도="37.484512", WGS84경도="130.905633")])

    assert loaded.report.refused_rows == 0


def test_the_city_in_an_address_does_not_change_the_id(load_rows: Any) -> None:
    texts = ("가람시 누리구 별빛로 12", "누리구 별빛로 12", "별빛로 12", "서울특별시 누리구  별빛로 12")
    ids: set[str] = set()
    for text in texts:
        loaded: RegistryLoad = load_rows([a_row("standard-13", 소재지도로명주소=text)], "standard-13")
        ids.add(loaded.cameras[0].camera_id)

    assert len(ids) == 1


def test_no_text_of_a_row_stands_in_a_refusal(load_rows: Any) -> None:
    phone_as_latitude = a_row(WGS84위도="0255550134", 관리기관명="홍길동")
    loaded = load_rows([phone_as_latitude])

    (refused,) = loaded.refused
    said = refused.message + refused.payload.decode()
    assert not [text for text in (ROAD, LOT, "홍길동", "0134", "2555") if text in said]


def test_every_flag_and_reason_has_a_meaning() -> None:
    assert set(FLAG_MEANINGS) == set(Flag)
    assert set(REASON_MEANINGS) == set(Reason)
