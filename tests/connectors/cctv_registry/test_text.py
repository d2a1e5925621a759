"""Single cells: what they say, for the forms met in real files."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.cctv_registry.coverage import coverage_of, kind_from_address, purposes_of
from connectors.kit.cameras.cells import camera_count, install_month, local_time_us, retention_days, width_px
from connectors.kit.cameras.positions import accuracy_m


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("41", 720),
        ("41만", 720),
        ("130만화소", 1280),
        ("200만", 1920),
        ("200", 1920),
        ("200.0", 1920),
        ("2M", 1920),
        ("2000000", 1920),
        ("2,000,000", 1920),
        ("2073600", 1920),
        ("210만", 1920),
        ("1920x1080", 1920),
        ("400", 2560),
        ("500만 화소", 2592),
        ("800", 3840),
        ("0", 0),
        ("", None),
        ("고화질", None),
        ("50000", None),
        ("999999999", None),
    ],
)
def test_resolutions_in_all_forms(text: str, width: int | None) -> None:
    assert width_px(text) == width


def test_a_resolution_between_the_usual_sensors_is_estimated() -> None:
    assert width_px("100만") == pytest.approx(1155, abs=1)  # 4:3
    assert width_px("250만") == pytest.approx(2108, abs=1)  # 16:9


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2015-03", (2015, 3)),
        ("201503", (2015, 3)),
        ("2015.3", (2015, 3)),
        ("2015/03", (2015, 3)),
        ("2015년 3월", (2015, 3)),
        ("2015-03-21", (2015, 3)),
        ("20150321", (2015, 3)),
        ("2015-03-01 00:00:00", (2015, 3)),
        ("1905-07", (1905, 7)),
        ("2015", (2015, None)),
        ("2015-13", None),
        ("봄", None),
    ],
)
def test_months_in_all_forms(text: str, month: Any) -> None:
    assert install_month(text) == month


@pytest.mark.parametrize(
    "text", ["2025-03-01", "20250301", "2025.03.01", "2025/3/1", "2025년 3월 1일", "2025-03-01T00:00"]
)
def test_dates_in_all_forms_are_midnight_of_the_city(text: str) -> None:
    assert local_time_us(text, ZoneInfo("Asia/Seoul")) == 1_740_754_800_000_000


@pytest.mark.parametrize(
    "text", ["", "2025-02-30", "2025-13-01", "1899-12-31", "어제", "2025-03-01 25:00", "9999999999999"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert local_time_us(text, ZoneInfo("Asia/Seoul")) is None


def test_counts_and_days() -> None:
    assert [camera_count(t) for t in ("1", "3대", "2.0", "0", "-1", "", "둘")] == [1, 3, 2, 0, None, None, None]
    assert [retention_days(t) for t in ("30", "30일", "0", "-30", "99999")] == [30, 30, 0, None, None]


@pytest.mark.parametrize(
    ("text", "kind", "azimuth_deg", "field_deg"),
    [
        ("360", "all-round", None, None),
        ("360도", "all-round", None, None),
        ("360°전방향", "all-round", None, None),
        ("사방", "all-round", None, None),
        ("어안", "all-round", None, None),
        ("회전", "ptz", None, None),
        ("PTZ", "ptz", None, None),
        ("스피드돔", "ptz", None, None),
        ("회전교차로 방면", "unknown", None, None),
        ("고정", "fixed", None, None),
        ("고정형(북)", "fixed", None, None),
        ("90도", "unknown", None, 90.0),
        ("고정 120도", "fixed", None, 120.0),
        ("5도", "unknown", None, None),
        ("북", "unknown", 0.0, None),
        ("남서방향", "unknown", 225.0, None),
        ("동북측", "unknown", 45.0, None),
        ("SE", "unknown", 135.0, None),
        ("동사무소 방향", "unknown", None, None),
        ("서울역 방면", "unknown", None, None),
        ("방위각 137.5", "unknown", 137.5, None),
        ("방위각 500", "unknown", None, None),
        ("", "unknown", None, None),
    ],
)
def test_direction_texts(text: str, kind: str, azimuth_deg: float | None, field_deg: float | None) -> None:
    coverage = coverage_of(text)

    assert (coverage.kind, coverage.azimuth_deg, coverage.field_of_view_deg) == (kind, azimuth_deg, field_deg)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("별빛동 302-18(고정3)", "fixed"),
        ("(N0079-회전)별빛동2가 95", "ptz"),
        ("별빛동 12 (200만 회전)", "ptz"),
        ("A11_별빛동 329-7_PTZ", "ptz"),
        ("별빛동 7 (어안M)", "all-round"),
        ("별빛동 360", "unknown"),
        ("별빛고정문 앞", "unknown"),
        ("별빛중 후문 회전교차로", "unknown"),
        ("(고정,남서) 별빛동", "fixed"),
    ],
)
def test_remarks_in_addresses(text: str, kind: str) -> None:
    assert kind_from_address(text)[0] == kind


@pytest.mark.parametrize(
    ("text", "purposes"),
    [
        ("생활방범", ("crime-prevention",)),
        ("방범(공원)", ("crime-prevention",)),
        ("방범(그린파킹)", ("crime-prevention",)),
        ("어린이보호", ("child-protection",)),
        ("교통단속", ("traffic-enforcement",)),
        ("불법주정차", ("traffic-enforcement",)),
        ("주정차단속", ("traffic-enforcement",)),
        ("교통정보수집", ("traffic-information",)),
        ("차량방범", ("vehicle-crime",)),
        ("시설물관리", ("facility",)),
        ("재난재해", ("disaster",)),
        ("쓰레기단속", ("waste",)),
        ("다목적", ("multipurpose",)),
        ("기타", ("other",)),
        ("홍보", ("other",)),
        ("", ("unknown",)),
        ("생활방범, 어린이보호", ("child-protection", "crime-prevention")),
    ],
)
def test_purposes_of_the_standard_and_free_ones(text: str, purposes: tuple[str, ...]) -> None:
    assert purposes_of(text) == purposes


def test_fewer_decimals_are_a_wider_circle() -> None:
    radii = [accuracy_m(decimals, 10.0) for decimals in (7, 6, 5, 4, 3, 2)]

    assert radii == sorted(radii)
    assert radii[0] == 10.0
    assert 11.0 < radii[3] < 12.0
    assert 50.0 < radii[4] < 55.0
