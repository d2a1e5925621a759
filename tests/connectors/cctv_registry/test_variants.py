"""Every header variant in every encoding says the same about the same camera."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.headers import VARIANTS as KNOWN
from connectors.cctv_registry.headers import layout_of
from connectors.cctv_registry.registry import load
from connectors.kit.errors import ConnectorConfigError
from schemas.codec import decode, encode
from tests.connectors.cctv_registry.files import (
    ENCODINGS,
    HEADERS,
    LOT,
    NOW_US,
    PHONE,
    ROAD,
    VARIANTS,
    a_row,
    write_file,
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_loads_in_every_encoding(tmp_path: Path, variant: str, encoding: str) -> None:
    path = write_file(tmp_path / "registry.dat", [a_row(variant)], variant, encoding)

    loaded = load(path, Config(), NOW_US)

    assert (loaded.report.variant, loaded.report.encoding) == (variant, encoding)
    assert (loaded.report.rows, loaded.report.accepted_rows, loaded.refused) == (1, 1, [])
    (camera,) = loaded.cameras
    assert camera.owner in ("가람시 누리구청", "누리구")
    assert (camera.location.lat_deg, camera.location.lon_deg) == (37.51235, 127.09877)
    assert (camera.location.quality, camera.location.accuracy_m) == ("address", 10.0)
    assert camera.quality_flags == ()
    assert camera.ingested_us == NOW_US
    assert camera.observed_us < NOW_US
    if variant != "seoul-ansimi":
        assert (camera.kind, camera.width_px, camera.retention_days) == ("all-round", 1920, 30)
        assert camera.purposes == ("crime-prevention",)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_neither_telephone_nor_address_is_in_the_published_record(tmp_path: Path, variant: str, encoding: str) -> None:
    path = write_file(tmp_path / "registry.dat", [a_row(variant)], variant, encoding)

    (camera,) = load(path, Config(), NOW_US).cameras

    payload = encode(camera)
    assert decode(type(camera), payload) == camera
    for text in (PHONE, PHONE.replace("-", ""), ROAD, LOT, "별빛로", "해오름동"):
        assert text.encode() not in payload


def test_the_same_camera_has_one_id_in_all_encodings(tmp_path: Path) -> None:
    for variant in VARIANTS:
        ids = set()
        for encoding in ENCODINGS:
            path = write_file(tmp_path / "registry.dat", [a_row(variant)], variant, encoding)
            ids.add(load(path, Config(), NOW_US).cameras[0].camera_id)
        assert len(ids) == 1, variant


@pytest.mark.parametrize(
    ("header", "variant"),
    [
        ("자치구,주소,위도,경도,수량", "seoul-ansimi"),
        ("자치구,안심 주소,경도,위도,CCTV 수량,수정 일시", "seoul-ansimi"),
        (" 관리기관명 ,설치목적 구분,카메라 대수, WGS84 위도 ,wgs84경도", "standard-13"),
        ('"관리번호",관리기관명,카메라대수,위도,경도,비고', "standard-16"),
        ("MANOFFICIAL,CAMERACNT,CCTVPOSX,CCTVPOSY", "city-api"),
    ],
)
def test_a_header_is_known_by_its_names_whatever_their_order_and_spacing(header: str, variant: str) -> None:
    for form in ("NFC", "NFD"):
        layout = layout_of(unicodedata.normalize(form, header).split(","))
        assert layout.variant.name == variant


def test_columns_that_no_variant_knows_are_named_and_not_read() -> None:
    assert layout_of([*HEADERS["standard-13"], "비고"]).ignored == ("비고",)


def test_an_unknown_header_is_answered_with_what_was_found_and_what_is_known(tmp_path: Path) -> None:
    path = write_file(tmp_path / "other.csv", [["1", "2"]], header=["이름", "위도"])

    with pytest.raises(ConnectorConfigError, match="'이름', '위도'") as caught:
        load(path, Config(), NOW_US)

    assert all(variant.name in str(caught.value) for variant in KNOWN)
    assert "longitude: 경도" in str(caught.value)


def test_swapped_columns_of_a_later_release_are_read_by_their_names(load_rows: Any) -> None:
    row = a_row("seoul-ansimi", 위도="127.098765", 경도="37.512345")
    loaded = load_rows([row], "seoul-ansimi")

    assert loaded.cameras[0].location.lat_deg == 37.51235
    assert loaded.report.flags == {"axes-swapped": 1}


def test_times_are_taken_from_the_newest_statement_in_the_citys_zone(load_rows: Any) -> None:
    by_variant = {v: load_rows([a_row(v)], v).cameras[0].observed_us for v in ("standard-13", "standard-16")}
    newest = load_rows([a_row("standard-18")], "standard-18").cameras[0].observed_us

    assert by_variant["standard-13"] == 1_740_754_800_000_000  # 2025-03-01 00:00 in Seoul
    assert by_variant["standard-16"] == 1_740_878_430_000_000  # 2025-03-02 10:20:30 in Seoul
    assert newest == 1_740_927_600_000_000  # 2025-03-03 00:00 in Seoul


def test_a_row_without_a_date_is_as_old_as_its_file(tmp_path: Path) -> None:
    path = write_file(tmp_path / "r.csv", [a_row("seoul-ansimi", **{"수정 일시": ""})], "seoul-ansimi")

    assert load(path, Config(), NOW_US, file_us=77).cameras[0].observed_us == 77
    assert load(path, Config(), NOW_US).cameras[0].observed_us == NOW_US
