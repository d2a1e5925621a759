"""A registry file of another district under the wrong name, and the right ones that must not be taken for such."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import shape

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import load
from connectors.cctv_registry.source import CctvRegistrySource
from connectors.kit.cameras.belonging import Belonging, district_named
from connectors.kit.cameras.changes import Standing
from connectors.kit.cameras.positions import Box
from connectors.kit.context import Outline
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.source import Accepted, Refused
from console.connector_setup import DistrictOutline
from schemas.codec import encode
from schemas.topics import CAMERAS
from tests.connectors.cctv_registry.files import NOW_US, a_row, write_file
from tests.connectors.local_context import a_context
from tests.support.golden import camera_grid
from tests.support.memory_log import MemoryLog
from tests.support.memory_pictures import MemoryPictures

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
SEOUL, DISTRICTS = SHARED / "seoul_ansimi_cctv_datatoys.csv", SHARED / "seoul_municipalities_geo.juso2015.full.json"

WEST, EAST = Box(37.50, 127.00, 37.60, 127.05), Box(37.50, 127.05, 37.60, 127.10)
OUTLINES: Mapping[str, Outline] = {"서쪽구": WEST, "동쪽구": EAST}
WEST_DEG, EAST_DEG = "127.02", "127.07"


class City:
    """Registries of a city's districts, dropped one after the other, and the cameras that stand."""

    def __init__(self, folder: Path, outlines: Mapping[str, Outline]) -> None:
        self.folder = folder
        self.log = MemoryLog()
        self.context = replace(a_context(), pictures=MemoryPictures(self.log), outlines=outlines)

    def source(self, path: Path, **options: Any) -> CctvRegistrySource:
        return CctvRegistrySource(Config.from_options({"path": str(path), **options}), self.context)

    async def drop(self, rows: list[Any], variant: str = "standard-16", **options: Any) -> list[Any]:
        path = write_file(self.folder / "dropped.csv", rows, variant)
        entries = [entry async for entry in self.source(path, **options).entries(None)]
        for entry in entries:
            if isinstance(entry, Accepted):
                key = entry.key if entry.key is not None else CAMERAS.key_of(entry.record)
                self.log.append("cameras", 0, key, None if entry.record is None else encode(entry.record))
        return entries

    def owners(self) -> list[str]:
        picture = {stored.key: stored.record for stored in self.log.of("cameras")}
        return sorted({camera.owner for camera in picture.values() if camera is not None})


def numbered(owner: str, lon_deg: str, count: int = 12, first: int = 0) -> list[Any]:
    """Return rows with management numbers, as the national standard has them; an empty owner leaves the cell empty."""
    return [
        a_row(관리번호=f"{lon_deg}-{n}", 관리기관명=owner, WGS84위도=f"37.55{n:03d}1", WGS84경도=f"{lon_deg}1234")
        for n in range(first, first + count)
    ]


def unnumbered(owner: str, lon_deg: str, count: int = 12) -> list[Any]:
    """Return rows whose owner and place make the id."""
    return [a_row("seoul-ansimi", 자치구=owner, 위도=f"37.55{n:03d}1", 경도=f"{lon_deg}1234") for n in range(count)]


async def test_a_first_file_whose_cameras_lie_outside_the_district_is_refused_and_says_in_which_they_do(
    tmp_path: Path,
) -> None:
    (refused,) = await City(tmp_path, OUTLINES).drop(numbered("", EAST_DEG), owner="서쪽구")
    assert isinstance(refused, Refused)
    assert refused.reason == "foreign-file"
    assert refused.message.startswith(
        "dropped.csv: 12 of 12 cameras (100 %, at most 50 % may) lie outside 서쪽구, 12 of them lie in 동쪽구; "
        "if that is true, set accept to "
    )


async def test_a_file_that_names_another_district_is_refused_where_this_ones_was_told(tmp_path: Path) -> None:
    city = City(tmp_path, OUTLINES)
    for told in ({"owner": "서쪽구"}, {"owner": "가람시 서쪽구청"}, {"district": "서쪽구"}):
        (refused,) = await city.drop(numbered("동쪽구", EAST_DEG), **told)
        assert isinstance(refused, Refused)


async def test_a_file_is_held_against_the_districts_that_its_own_rows_name_where_none_was_told(tmp_path: Path) -> None:
    city = City(tmp_path, OUTLINES)
    both = [*numbered("서쪽구청", WEST_DEG), *numbered("동쪽구청", EAST_DEG)]
    assert len(await city.drop(both)) == 24
    crossed = [*numbered("서쪽구청", EAST_DEG), *numbered("동쪽구청", WEST_DEG)]
    (refused,) = await city.drop(crossed)
    assert "outside the districts that their owners name" in refused.message


async def test_a_file_of_which_half_lies_across_the_border_is_taken(tmp_path: Path) -> None:
    rows = [*numbered("", WEST_DEG), *numbered("", EAST_DEG)]
    assert len(await City(tmp_path, OUTLINES).drop(rows, owner="서쪽구")) == 24


async def test_a_few_rows_that_name_another_district_are_held_against_all_of_the_file(tmp_path: Path) -> None:
    few = [*numbered("도시안전과", WEST_DEG, 14), *numbered("동쪽구 시설과", WEST_DEG, 12, 20)]
    assert len(await City(tmp_path, OUTLINES).drop(few)) == 26
    most = [*numbered("도시안전과", WEST_DEG, 10), *numbered("동쪽구 시설과", WEST_DEG, 12, 20)]
    (refused,) = await City(tmp_path, OUTLINES).drop(most)
    assert "12 of 22 cameras (55 %, at most 50 % may) lie outside 동쪽구" in refused.message


async def test_a_registry_that_begins_to_write_its_owner_in_another_way_does_not_stand_twice(tmp_path: Path) -> None:
    for outlines in ({}, OUTLINES):
        city = City(tmp_path, outlines)
        await city.drop(unnumbered("", WEST_DEG), "seoul-ansimi", owner="서쪽구")
        renamed = unnumbered("가람시 서쪽구청", WEST_DEG)
        (refused,) = await city.drop(renamed, "seoul-ansimi", owner="서쪽구")
        assert isinstance(refused, Refused)
        assert refused.reason == "suspicious-shrink"
        fingerprint = refused.message.rpartition(" ")[2]
        await city.drop(renamed, "seoul-ansimi", owner="서쪽구", accept=fingerprint)
        assert city.owners() == ["가람시 서쪽구청"]


async def test_a_file_that_was_named_as_true_makes_no_other_true(tmp_path: Path) -> None:
    city = City(tmp_path, OUTLINES)
    (refused,) = await city.drop(numbered("", EAST_DEG), owner="서쪽구")
    accept = refused.message.rpartition(" ")[2]
    (again,) = await city.drop(numbered("", EAST_DEG, 13), owner="서쪽구", accept=accept)
    assert isinstance(again, Refused)


async def test_nine_cameras_elsewhere_prove_nothing(tmp_path: Path) -> None:
    assert len(await City(tmp_path, OUTLINES).drop(numbered("", EAST_DEG, 9), owner="서쪽구")) == 9


async def test_a_refused_file_is_taken_when_it_is_named_as_true_or_nothing_is_doubted(tmp_path: Path) -> None:
    city = City(tmp_path, OUTLINES)
    (refused,) = await city.drop(numbered("", EAST_DEG), owner="서쪽구")
    fingerprint = refused.message.rpartition(" ")[2]
    assert len(await city.drop(numbered("", EAST_DEG), owner="서쪽구", accept=fingerprint)) == 12
    assert len(await City(tmp_path, OUTLINES).drop(numbered("", EAST_DEG), owner="서쪽구", foreign_max_pct=100)) == 12


async def test_without_outlines_a_file_without_owners_is_known_by_where_anothers_cameras_stand(tmp_path: Path) -> None:
    city = City(tmp_path, {})
    await city.drop(unnumbered("동쪽구", EAST_DEG), "seoul-ansimi", owner="동쪽구")
    (refused,) = await city.drop(unnumbered("", EAST_DEG), "seoul-ansimi", owner="서쪽구")
    assert isinstance(refused, Refused)
    assert "12 of 12 cameras (100 %, at most 50 % may) stand already as those of 동쪽구" in refused.message
    assert city.owners() == ["동쪽구"]


async def test_without_outlines_a_file_is_known_by_ids_that_stand_as_those_of_owners_who_were_not_told(
    tmp_path: Path,
) -> None:
    city = City(tmp_path, {})
    await city.drop(numbered("동쪽구", EAST_DEG), owner="동쪽구")
    await city.drop(numbered("서쪽구", WEST_DEG), owner="서쪽구")
    for told in ({"owners": ["서쪽구"]}, {"owner": "서쪽구"}):
        # Moved a little since, so that only the ids tell.
        rows = [[cell.replace("127.071234", "127.071235") for cell in row] for row in numbered("동쪽구", EAST_DEG)]
        (refused,) = await city.drop(rows, **told)
        assert isinstance(refused, Refused)
        assert "stand already as those of 동쪽구" in refused.message
    assert city.owners() == ["동쪽구", "서쪽구"]


async def test_a_registry_that_writes_its_owner_in_another_way_than_was_told_stays_its_own(tmp_path: Path) -> None:
    city = City(tmp_path, {})
    await city.drop(numbered("도시안전과", WEST_DEG), owner="서쪽구")
    for told in ({"owner": "서쪽구"}, {"owners": ["서쪽구"]}):
        assert await city.drop(numbered("도시안전과", WEST_DEG), **told) == []
    grown = await city.drop([*numbered("도시안전과", WEST_DEG), *numbered("", WEST_DEG, 4, 20)], owner="서쪽구")
    assert len(grown) == 4
    assert (
        len(await city.drop([*numbered("도시안전과", WEST_DEG, 14), *numbered("", WEST_DEG, 4, 20)], owner="서쪽구"))
        == 2
    )


async def test_neighbours_who_share_some_poles_are_no_reason_for_doubt(tmp_path: Path) -> None:
    city = City(tmp_path, {})
    await city.drop(unnumbered("동쪽구", EAST_DEG, 12), "seoul-ansimi", owner="동쪽구")
    shared = [*unnumbered("", EAST_DEG, 12), *unnumbered("", WEST_DEG, 12)]
    assert len(await city.drop(shared, "seoul-ansimi", owner="서쪽구")) == 24


def test_a_district_that_the_city_has_not_is_told_when_the_source_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match=r"got '북쪽구'; known: 서쪽구, 동쪽구"):
        City(tmp_path, OUTLINES).source(tmp_path / "r.csv", district="북쪽구")
    with pytest.raises(ConnectorConfigError, match=r"no districts\.geojson"):
        City(tmp_path, {}).source(tmp_path / "r.csv", district="서쪽구")


@pytest.mark.parametrize(
    ("owner", "district"),
    [
        ("강남구", "강남구"),
        ("서울특별시 강남구청", "강남구"),
        ("강남구 도시관제센터", "강남구"),
        ("강남구 서초구 공동", ""),
        ("강남", ""),
        ("", ""),
        ("Mill Point Police", "Mill Point"),
    ],
)
def test_a_district_is_recognised_in_an_owners_name_by_whole_words(owner: str, district: str) -> None:
    assert district_named(owner, ["강남구", "서초구", "Mill Point"]) == district


def test_cameras_whose_place_is_not_known_tell_nothing() -> None:
    cameras = [
        replace(c, owner="서쪽구", location=replace(c.location, quality="default")) for c in camera_grid(36, 126)
    ]
    standing = {f"x{n}": Standing("e", "동쪽구", c.location.lat_deg, c.location.lon_deg) for n, c in enumerate(cameras)}
    assert Belonging(OUTLINES).doubt(cameras, standing) is None


@pytest.mark.slow
@pytest.mark.skipif(not DISTRICTS.exists(), reason="the shared data of Seoul is not next to this checkout")
def test_all_25_districts_of_seoul_pass_and_each_is_known_in_its_neighbours_place() -> None:
    features = json.loads(DISTRICTS.read_text("utf-8"))["features"]
    outlines = {f["properties"]["SIG_KOR_NM"]: DistrictOutline(shape(f["geometry"])) for f in features}
    files = defaultdict(list)
    for camera in load(SEOUL, Config(), NOW_US).cameras:
        files[camera.owner].append(camera)
    assert len(files) == 25
    standing = {c.camera_id: Standing.of(c) for cameras in files.values() for c in cameras}
    names = sorted(files)
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        assert Belonging(outlines, name, name).doubt(files[name], standing) is None
        assert Belonging(outlines, following, following).doubt(files[name], None) is not None
        # With no outlines: rows without an owner get the told one, and are known by where they stand.
        renamed = [replace(c, camera_id=f"x{c.camera_id}", owner=following) for c in files[name]]
        assert "stand already as those of " + name in str(Belonging(owner=following).doubt(renamed, standing))
    # The whole city in one file, each row by the district that it names.
    assert Belonging(outlines).doubt([c for cameras in files.values() for c in cameras], standing) is None
