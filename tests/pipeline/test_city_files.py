"""The cities of the repository load, and a broken folder is named."""

import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.errors import PolicyError
from pipeline.ranking import LAST_RANK
from tests.pipeline.engine_runs import CITIES
from topologies.city_files import load_city

DISTRICTS = """{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "Riverside"},
"geometry": {"type": "Polygon", "coordinates": [[[127.3, 37.3], [127.5, 37.3], [127.5, 37.5], [127.3, 37.3]]]}}]}"""


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
