"""The cities of the repository load, and a broken folder is named."""

import json
import shutil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.errors import PolicyError
from pipeline.rules.ranking import LAST_RANK
from tests.pipeline.engine_runs import CITIES
from topologies.city_files import load_city

DISTRICTS = """{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "Riverside"},
"geometry": {"type": "Polygon", "coordinates": [[[127.3, 37.3], [127.5, 37.3], [127.5, 37.5], [127.3, 37.3]]]}}]}"""


def a_feature(**changes: Any) -> dict[str, Any]:
    """Return a district with a triangle as its outline."""
    outline = [[127.3, 37.3], [127.5, 37.3], [127.5, 37.5], [127.3, 37.3]]
    feature = {"properties": {"name": "Riverside"}, "geometry": {"type": "Polygon", "coordinates": [outline]}}
    return feature | changes


def a_polygon(*corners: list[Any]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(corners)]}


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    """Return a folder with a copy of the demo city to break."""
    shutil.copytree(CITIES / "demo", tmp_path / "demo")
    return tmp_path


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("name", sorted(p.name for p in CITIES.iterdir() if p.is_dir()))
def test_every_city_of_the_repository_loads(name: str) -> None:
    city = load_city(CITIES, name)
    south, west, north, east = city.box_deg
    assert (city.name, city.folder) == (name, CITIES / name)
    assert south < north
    assert west < east
    assert ZoneInfo(city.time_zone).key == city.time_zone
    assert city.policy.version.startswith(name)
    assert city.policy.recipients
    assert 0 < city.policy.selection.cameras_by_rank[0] <= city.policy.selection.cap
    assert city.policy.selection.cameras_by_rank[LAST_RANK] == 0
    assert all(south < p.lat_deg < north and west < p.lon_deg < east for p in city.policy.default_places)


def test_no_two_cities_share_a_topic_prefix() -> None:
    prefixes = [load_city(CITIES, p.name).prefix for p in CITIES.iterdir() if p.is_dir()]
    assert len(set(prefixes)) == len(prefixes) >= 2


def test_the_default_points_of_the_agencies_are_part_of_the_policy() -> None:
    (place,) = load_city(CITIES, "seoul").policy.default_places
    assert (place.name, place.radius_m) == ("Seoul Metropolitan Police Agency", 60.0)


def test_a_district_file_gives_named_polygons(cities: Path) -> None:
    (cities / "demo" / "districts.geojson").write_text(DISTRICTS, "utf-8")
    (district,) = load_city(cities, "demo").policy.districts
    assert district.name == "Riverside"
    assert district.polygon.bounds == (127.3, 37.3, 127.5, 37.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{broken", r"districts\.geojson must be JSON: .*line 1"),
        (b"[" * 100_000, r"districts\.geojson must be JSON"),
        (b"", r"districts\.geojson must be JSON"),
        ("서울".encode("cp949"), r"districts\.geojson must be UTF-8, got another encoding at byte 0"),
        (b"[]", r"districts\.geojson: features must be a list"),
        (b"{}", r"districts\.geojson: features must be a list"),
        (b'{"features": {"name": "Riverside"}}', r"districts\.geojson: features must be a list"),
    ],
)
def test_a_district_file_that_is_no_geojson_is_named(cities: Path, content: bytes, message: str) -> None:
    (cities / "demo" / "districts.geojson").write_bytes(content)
    with pytest.raises(PolicyError, match=message):
        load_city(cities, "demo")


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("Riverside", r"features\[1\] must be a GeoJSON feature, got str"),
        ({}, r"features\[1\]: properties\.name must be a text, got None"),
        (a_feature(properties=None), r"features\[1\]: properties\.name must be a text, got None"),
        (a_feature(properties={"title": "x"}), r"features\[1\]: properties\.name must be a text, got None"),
        (a_feature(properties={"name": 7}), r"features\[1\]: properties\.name must be a text, got 7"),
        (a_feature(properties={"name": " "}), r"features\[1\]: properties\.name must be a text, got ' '"),
        (a_feature(geometry=None), r"features\[1\] \(Riverside\): geometry must be a GeoJSON polygon"),
        (a_feature(geometry={"type": "Polygon"}), "geometry must be a GeoJSON polygon"),
        (a_feature(geometry={"type": "Polygon", "coordinates": 7}), "geometry must be a GeoJSON polygon"),
        (a_feature(geometry=a_polygon([127.3, 37.3], [127.5, 37.3])), "geometry must be a GeoJSON polygon"),
        (a_feature(geometry=a_polygon(["a", 1], [2, 3], [4, 5], ["a", 1])), "geometry must be a GeoJSON polygon"),
        (a_feature(geometry=a_polygon([10**400, 1], [2, 3], [4, 5])), "geometry must be a GeoJSON polygon"),
        (a_feature(geometry={"type": "Point", "coordinates": [1, 2]}), "geometry must be a polygon, got Point"),
        (a_feature(geometry={"type": "Polygon", "coordinates": []}), "must have longitudes and latitudes in degrees"),
        (
            a_feature(geometry=a_polygon([200_000, 450_000], [200_100, 450_000], [200_000, 450_100])),
            "must have longitudes and latitudes in degrees",
        ),
        (
            a_feature(geometry=a_polygon([127, 37], [128, 38], [128, 37], [127, 38], [127, 37])),
            "geometry must not cross itself: Self-intersection",
        ),
    ],
)
def test_a_wrong_district_is_named_with_its_number_and_field(cities: Path, feature: Any, message: str) -> None:
    content = {"type": "FeatureCollection", "features": [a_feature(), feature]}
    (cities / "demo" / "districts.geojson").write_text(json.dumps(content), "utf-8")
    with pytest.raises(PolicyError, match=rf"districts\.geojson: .*{message}"):
        load_city(cities, "demo")


def test_an_unknown_city_is_answered_with_the_known_ones(cities: Path) -> None:
    with pytest.raises(PolicyError, match=r"no city 'atlantis' in .*; known: demo"):
        load_city(cities, "atlantis")


@pytest.mark.parametrize("name", ["city", "policy", "ranks", "purposes", "agencies"])
def test_a_missing_file_is_named(cities: Path, name: str) -> None:
    (cities / "demo" / f"{name}.toml").unlink()
    with pytest.raises(PolicyError, match=rf"{name}\.toml is missing in cities/demo"):
        load_city(cities, "demo")


@pytest.mark.parametrize("name", ["city", "policy", "ranks", "purposes", "agencies"])
def test_a_file_that_is_no_toml_is_named_with_the_line(cities: Path, name: str) -> None:
    (cities / "demo" / f"{name}.toml").write_text("version = \n", "utf-8")
    with pytest.raises(PolicyError, match=rf"{name}\.toml: .*line 1"):
        load_city(cities, "demo")


@pytest.mark.parametrize("name", ["city", "policy", "ranks", "purposes", "agencies"])
def test_a_file_that_is_not_utf_8_is_named(cities: Path, name: str) -> None:
    path = cities / "demo" / f"{name}.toml"
    path.write_bytes(path.read_bytes() + "# 서울".encode("cp949"))
    with pytest.raises(PolicyError, match=rf"{name}\.toml must be UTF-8, got another encoding at byte \d+"):
        load_city(cities, "demo")


def test_a_folder_in_place_of_a_file_is_named(cities: Path) -> None:
    (cities / "demo" / "districts.geojson").unlink()
    (cities / "demo" / "districts.geojson").mkdir()
    with pytest.raises(PolicyError, match=r"districts\.geojson cannot be read: Is a directory"):
        load_city(cities, "demo")


@pytest.mark.parametrize("name", ["Asia/Seol", "Asia", "../Seoul", "KST+9", "/etc/localtime"])
def test_an_unknown_time_zone_is_named(cities: Path, name: str) -> None:
    replaced(cities / "demo" / "city.toml", '"Asia/Seoul"', f'"{name}"')
    with pytest.raises(PolicyError, match=r"city\.toml: time_zone must be an IANA name such as Asia/Seoul, got '"):
        load_city(cities, "demo")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Demo City"', "", r"city\.toml: title is missing"),
        ('title = "Demo City"', 'title = "Demo City"\ntilte = "x"', r"city\.toml: unknown field tilte"),
        ("[37.37, 127.36, 37.43, 127.44]", "[37.37, 127.36]", r"city\.toml: box_deg must be south, west, north, east"),
        ("[37.37, 127.36, 37.43, 127.44]", "[37.43, 127.36, 37.37, 127.44]", r"box_deg must be south, west"),
        (
            "radius_m = 60",
            "radius_m = 0",
            r"city\.toml \[\[default_point\]\] 1: radius_m must be from 1 to 5000, got 0",
        ),
        ("radius_m = 60", "radius = 60", r"city\.toml \[\[default_point\]\] 1: radius_m is missing"),
    ],
)
def test_a_wrong_city_file_names_the_field(cities: Path, old: str, new: str, message: str) -> None:
    replaced(cities / "demo" / "city.toml", old, new)
    with pytest.raises(PolicyError, match=message):
        load_city(cities, "demo")


def test_a_rule_that_a_city_breaks_is_named_with_its_file(cities: Path) -> None:
    replaced(cities / "demo" / "policy.toml", "cap = 16", "cap = 60")
    with pytest.raises(PolicyError, match=r"policy\.toml \[selection\]: cap must be from 1 to 16, got 60"):
        load_city(cities, "demo")
