"""What becomes of each column of a camera list, and of what is wrong in it."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.camera_list.cells import bearing_deg, degrees_text, field_deg, height_m, moment_us, point_texts
from connectors.camera_list.registry import Surroundings
from connectors.kit.cameras.faults import Flag
from connectors.kit.source import Refused
from tests.connectors.camera_list.lists import (
    AROUND,
    BOX,
    ROW,
    USUAL,
    a_form,
    a_row,
    camera_of,
    csv_bytes,
    made,
    refusal_of,
)


def test_an_ordinary_row_is_a_camera_without_doubts() -> None:
    camera = camera_of()
    assert (camera.camera_id, camera.owner, camera.kind, camera.status) == (
        "TC-17",
        "Transportation",
        "fixed",
        "active",
    )
    assert (camera.azimuth_deg, camera.field_of_view_deg, camera.width_px, camera.height_m) == (215, 72, 1920, 9.5)
    assert (camera.purposes, camera.retention_days) == (("traffic-information",), 30)
    assert camera.observed_us == 1_771_045_200_000_000  # midnight in New York
    assert (camera.location.lat_deg, camera.location.quality) == (40.20311, "address")
    assert camera.quality_flags == ()


@pytest.mark.parametrize(
    ("changed", "flags", "fields"),
    [
        ({"LATITUDE": "-69.044121", "LONGITUDE": "40.203112"}, {Flag.AXES_SWAPPED}, {}),
        ({"LATITUDE": "41.203112"}, {Flag.OUTSIDE_CITY}, {}),
        ({"LATITUDE": "40.2031", "LONGITUDE": "-69.0441"}, {Flag.COARSE_POSITION}, {}),
        ({"LATITUDE": "40.231105", "LONGITUDE": "-69.003205"}, {Flag.DEFAULT_POINT}, {}),
        ({"TYPE": "Drone"}, {Flag.KIND_UNLISTED}, {"kind": "unknown", "azimuth_deg": 215.0}),
        ({"TYPE": "Fixed", "PTZ": "yes"}, {Flag.SEVERAL_KINDS}, {"kind": "unknown"}),
        ({"TYPE": "PTZ", "PTZ": "no"}, {Flag.SEVERAL_KINDS}, {"kind": "unknown"}),
        ({"TYPE": "", "PTZ": "Y"}, set(), {"kind": "ptz", "azimuth_deg": None}),
        ({"TYPE": "", "PTZ": "false"}, set(), {"kind": "fixed"}),
        ({"TYPE": "", "FIELD_OF_VIEW": "360"}, set(), {"kind": "all-round", "field_of_view_deg": None}),
        ({"HEADING": "NNW"}, {Flag.AZIMUTH_COMPASS}, {"azimuth_deg": 337.5}),
        ({"HEADING": "wb"}, {Flag.AZIMUTH_COMPASS}, {"azimuth_deg": 270.0}),
        ({"HEADING": "at the church"}, {Flag.HEADING_UNREADABLE}, {"azimuth_deg": None}),
        ({"FIELD_OF_VIEW": "4"}, {Flag.FIELD_UNREADABLE}, {"field_of_view_deg": None}),
        ({"HEIGHT": "9000"}, {Flag.HEIGHT_UNREADABLE}, {"height_m": None}),
        ({"HEIGHT": "30 ft"}, set(), {"height_m": 9.14}),
        ({"RESOLUTION": "sharp"}, {Flag.PIXELS_UNREADABLE}, {"width_px": None}),
        ({"RESOLUTION": "2592x1944"}, set(), {"width_px": 2592}),
        ({"RESOLUTION": "8 MP"}, set(), {"width_px": 3840}),
        ({"PURPOSE": "Crime; School"}, set(), {"purposes": ("crime-prevention", "child-protection")}),
        ({"PURPOSE": "Beautification"}, {Flag.PURPOSE_UNMAPPED}, {"purposes": ("other",)}),
        ({"PURPOSE": ""}, {Flag.PURPOSE_MISSING}, {"purposes": ("unknown",)}),
        ({"STATUS": "Decommissioned"}, {Flag.STATUS_UNLISTED}, {"status": "other"}),
        ({"STATUS": "removed"}, set(), {"status": "retired"}),
        ({"STATUS": ""}, set(), {"status": "active"}),
        ({"RETENTION_DAYS": "forever"}, {Flag.RETENTION_UNREADABLE}, {"retention_days": None}),
        ({"INSTALLED": "1905-07"}, {Flag.INSTALL_MONTH_IMPOSSIBLE}, {}),
        ({"INSTALLED": "06/01/2091"}, {Flag.INSTALL_MONTH_IMPOSSIBLE}, {}),
        ({"INSTALLED": "long ago"}, {Flag.INSTALL_MONTH_UNREADABLE}, {}),
        ({"UPDATED": "yesterday"}, {Flag.BASE_DATE_UNREADABLE}, {}),
        ({"UPDATED": "01/01/1970"}, {Flag.BASE_DATE_UNREADABLE}, {}),
        ({"OWNER": "415-555-0117"}, {Flag.NO_OWNER}, {"owner": "unknown"}),
        ({"ADDRESS": "test"}, {Flag.TEST_ROW}, {"exercise": True, "status": "other"}),
        ({"CAMERAS": "some"}, {Flag.COUNT_ASSUMED}, {}),
    ],
)
def test_what_is_doubtful_is_flagged_and_never_guessed(
    changed: dict[str, str], flags: set[Flag], fields: dict[str, Any]
) -> None:
    camera = camera_of(USUAL, **changed)
    assert set(camera.quality_flags) == flags
    assert {name: getattr(camera, name) for name in fields} == fields


def test_swapped_axes_are_turned_and_a_default_point_is_never_on_site() -> None:
    turned = camera_of(LATITUDE="-69.044121", LONGITUDE="40.203112").location
    assert (turned.lat_deg, turned.lon_deg) == (40.20311, -69.04412)
    default = camera_of(LATITUDE="40.231105", LONGITUDE="-69.003205").location
    assert (default.quality, default.accuracy_m) == ("default", 2500.0)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"LATITUDE": "", "LONGITUDE": ""}, "no-position"),
        ({"LATITUDE": "0", "LONGITUDE": "0"}, "no-position"),
        ({"LATITUDE": "unknown"}, "no-position"),
        ({"LATITUDE": "402031.12", "LONGITUDE": "690441.21"}, "impossible-position"),
        ({"LATITUDE": "91", "LONGITUDE": "181"}, "impossible-position"),
        ({"CAMERAS": "0"}, "no-cameras"),
    ],
)
def test_a_row_that_can_be_no_camera_is_answered_without_its_text(changed: dict[str, str], reason: str) -> None:
    refused = refusal_of(**changed)
    assert (refused.reason, refused.number) == (reason, 3)
    assert not [text for text in ("CLERK", "555", "PIER") if text in repr(refused)]


def test_outside_the_forms_region_no_camera_can_be() -> None:
    form = a_form(position={"region": [40.1, -69.2, 40.4, -68.8]})
    assert made(csv_bytes([a_row(LATITUDE="41.203112")]), form).refused[0].reason == "impossible-position"


def test_on_a_meridian_of_zero_a_city_has_cameras_too() -> None:
    greenwich = Surroundings("Europe/London", (51.4, -0.1, 51.6, 0.1))
    (camera,) = made(csv_bytes([a_row(LATITUDE="51.47781", LONGITUDE="0.0")]), around=greenwich).cameras
    assert camera.location.lon_deg == 0.0


def test_a_row_of_several_cameras_has_no_bearing_and_an_id_for_each() -> None:
    cameras = made(csv_bytes([a_row(CAMERAS="3")])).cameras
    assert [camera.camera_id for camera in cameras] == ["TC-17", "TC-17#2", "TC-17#3"]
    assert {camera.azimuth_deg for camera in cameras} == {None}


def test_a_row_that_counts_a_thousand_cameras_is_capped_and_flagged() -> None:
    loaded = made(csv_bytes([a_row(CAMERAS="1000")]))
    assert len(loaded.cameras) == 50
    assert loaded.report.cameras_cut == 950


@pytest.mark.parametrize("number", ["", "415-555-0117", "(415) 555-0117", "7" * 65, "<script>"])
def test_what_is_no_id_is_made_from_owner_place_and_address(number: str) -> None:
    camera = camera_of(CAMERA_ID=number)
    assert camera.camera_id.startswith("cctv-")
    assert Flag.NO_NUMBER in camera.quality_flags


def test_an_id_on_two_rows_makes_neither_so_that_order_does_not_matter() -> None:
    rows = [a_row(), a_row(LATITUDE="40.204112")]
    one, other = made(csv_bytes(rows)), made(csv_bytes(rows[::-1]))
    assert {c.event_id for c in one.cameras} == {c.event_id for c in other.cameras}
    assert all(Flag.DUPLICATE_NUMBER in camera.quality_flags for camera in one.cameras)


def test_two_lists_of_a_city_have_ids_and_a_source_of_their_own() -> None:
    camera = camera_of(a_form(list={"system": "parks"}))
    assert (camera.camera_id, camera.source) == ("parks-TC-17", "camera_list:parks")


def test_more_cameras_on_a_point_than_a_pole_carries_are_a_pile() -> None:
    rows = [a_row(CAMERA_ID=f"P-{n}") for n in range(51)]
    assert {c.location.quality for c in made(csv_bytes(rows)).cameras} == {"default"}


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("POINT (-69.04 40.20)", "longitude-first", ("40.20", "-69.04")),
        ("SRID=4326;POINT(-69.04 40.20)", "longitude-first", ("40.20", "-69.04")),
        ("POINT Z (-69.04 40.20 3.5)", "longitude-first", ("40.20", "-69.04")),
        ("(40.20, -69.04)", "latitude-first", ("40.20", "-69.04")),
        ("40.20 -69.04", "latitude-first", ("40.20", "-69.04")),
        ("POLYGON ((1 2, 3 4))", "longitude-first", ("", "")),
        ("", "longitude-first", ("", "")),
    ],
)
def test_a_point_in_one_text_is_read_in_the_order_of_the_form(text: str, order: str, expected: tuple[str, str]) -> None:
    assert point_texts(text, order) == expected


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("40.2", ".", "40.2"), ("40,2", ",", "40.2"), ("69.04 W", ".", "-69.04"), ("69.04° W", ".", "-69.04"),
        ("40.2N", ".", "40.2"), ("-33.5", ".", "-33.5"), ("+40.2", ".", "40.2"), ("12 MAIN ST", ".", "12 MAIN ST"),
    ],
)  # fmt: skip
def test_degrees_are_read_as_people_write_them(text: str, decimal: str, expected: str) -> None:
    assert degrees_text(text, decimal) == expected


@given(text=st.text(max_size=40))
@settings(max_examples=200)
def test_no_text_makes_a_value_out_of_range(text: str) -> None:
    bearing, _ = bearing_deg(text)
    assert bearing is None or 0 <= bearing < 360
    width, height = field_deg(text), height_m(text, 1.0)
    assert width is None or 10 <= width <= 360
    assert height is None or 1 <= height <= 150
    moment_us(text, ("%m/%d/%Y",), ZoneInfo("America/New_York"))


@given(cells=st.lists(st.sampled_from(sorted(ROW)), max_size=6, unique=True), noise=st.text(max_size=30))
@settings(max_examples=60)
def test_whatever_stands_in_the_cells_every_row_is_answered_and_no_clerk_comes_out(
    cells: list[str], noise: str
) -> None:
    noisy = noise.replace("\x00", "").encode("utf-8", "ignore").decode()
    loaded = made(csv_bytes([a_row(**dict.fromkeys(cells, noisy)), a_row(CAMERA_ID="N")]))
    assert "CLERK" not in repr(loaded.cameras) + repr(loaded.refused)
    assert any(camera.camera_id == "N" for camera in loaded.cameras)
    for refused in loaded.refused:
        assert isinstance(refused, Refused)


def test_positions_of_the_city_are_judged_by_its_own_box() -> None:
    elsewhere = replace(AROUND, city_box=(BOX[0] + 5, BOX[1], BOX[2] + 5, BOX[3]))
    (camera,) = made(csv_bytes([a_row()]), around=elsewhere).cameras
    assert camera.quality_flags == ("outside-city",)
