"""A city's map on disk comes back as it was written, or is an error that names the file."""

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import PolicyError
from pipeline.geo import Plane
from pipeline.sight.sightlines import Sightlines
from pipeline.sight.world import World
from pipeline.world.free_space import free_space_from_buildings, free_space_from_streets
from pipeline.world.streets import streets_from
from tests.support.little_city import PLANE, block_buildings_m, grid_lines_m, lines_deg, polygons_deg, table_of
from topologies.city_files import City, load_city
from topologies.city_map import (
    CACHE_FILES_MAX,
    city_plane,
    keep_sightlines,
    read_map,
    recall_sightlines,
    write_map,
)

CITIES = Path(__file__).parents[2] / "cities"
ABOUT = {"sources": {"synthetic.geojson": "0" * 64}}


@pytest.fixture
def city(tmp_path: Path) -> City:
    shutil.copytree(CITIES / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("map"))
    return load_city(tmp_path, "demo")


def grid_streets(plane: Plane):
    return streets_from(lines_deg(grid_lines_m(4), plane), plane)


def buildings_of(plane: Plane):
    houses = polygons_deg(block_buildings_m(4), plane)
    return free_space_from_buildings(houses, plane, (-200.0, -200.0, 200.0, 200.0))


def broken(path: Path, **arrays) -> None:
    """Write a file again with some of its arrays replaced, or left out where None."""
    with np.load(path) as file:
        content = {name: file[name] for name in file.files} | arrays
    np.savez(path, **{name: array for name, array in content.items() if array is not None})


def world_of(city: City) -> World:
    """Return the world that a city's map makes."""
    found = read_map(city)
    if found is None:
        return World.none()
    return World(found.streets, found.free, Sightlines(found.streets, found.free, city.policy.view.pole_error_m))


def test_a_city_without_a_map_has_no_world(city: City) -> None:
    assert read_map(city) is None
    assert world_of(city).assumptions == ("no-streets", "no-buildings")


def test_streets_come_back_as_they_were_written(city: City) -> None:
    streets = grid_streets(city_plane(city))
    write_map(city, streets, None, ABOUT)
    found = read_map(city)
    assert found is not None
    for field in dataclasses.fields(streets):
        ours, theirs = getattr(found.streets, field.name), getattr(streets, field.name)
        assert np.array_equal(ours, theirs) if isinstance(ours, np.ndarray) else True, field.name
    assert found.streets.content_hash == streets.content_hash
    assert found.free.content_hash == free_space_from_streets(streets).content_hash
    assert found.about == ABOUT
    assert world_of(city).assumptions == ("no-buildings",)


def test_free_space_around_buildings_comes_back_and_goes_with_the_next_map_without(city: City) -> None:
    plane = city_plane(city)
    streets, free = grid_streets(plane), buildings_of(plane)
    write_map(city, streets, free, ABOUT)
    found = read_map(city)
    assert found is not None
    assert (found.free.bits == free.bits).all()
    assert found.free.content_hash == free.content_hash
    assert world_of(city).assumptions == ()
    write_map(city, streets, None, ABOUT)
    assert world_of(city).assumptions == ("no-buildings",)


def test_nothing_but_the_files_is_left_in_the_folder(city: City) -> None:
    folder = write_map(city, grid_streets(city_plane(city)), buildings_of(city_plane(city)), ABOUT)
    assert sorted(p.name for p in folder.iterdir()) == ["about.json", "free-space.npz", "streets.npz"]


def test_streets_on_another_plane_are_not_written(city: City) -> None:
    with pytest.raises(PolicyError, match="plane"):
        write_map(city, grid_streets(Plane(0.0, 0.0)), None, ABOUT)


def test_a_map_of_another_box_is_told(city: City) -> None:
    write_map(city, grid_streets(city_plane(city)), None, ABOUT)
    moved = dataclasses.replace(city, box_deg=(37.0, 127.0, 38.0, 128.0))
    with pytest.raises(PolicyError, match=r"streets\.npz was built for another box"):
        read_map(moved)


@pytest.mark.parametrize(
    ("name", "arrays", "says"),
    [
        ("streets.npz", {"node_x_cm": np.zeros(25)}, "node_x_cm must be int32"),
        ("streets.npz", {"node_x_cm": np.zeros(3, np.int32)}, "equal length"),
        ("streets.npz", {"edge_to": np.full(40, 10**6, np.int32)}, "edges"),
        ("streets.npz", {"edge_to": None}, "must hold"),
        ("streets.npz", {"more": np.zeros(1)}, "must hold"),
        ("streets.npz", {"form": np.array([2])}, "form 1"),
        ("streets.npz", {"content_hash": np.zeros(32, np.uint8)}, "damaged"),
        ("streets.npz", {"edge_from": np.array([{}], object)}, "damaged"),
        ("free-space.npz", {"bits": np.zeros((400, 49), np.uint8)}, "columns must have a byte"),
        ("free-space.npz", {"bits": np.zeros((400, 50), np.uint8)}, "damaged"),
        ("free-space.npz", {"pixel_m": np.zeros(2)}, "one size"),
        ("free-space.npz", {"pixel_m": np.array([np.nan])}, "pixels of"),
    ],
)
def test_a_damaged_file_is_told_by_name_and_rule(city: City, name: str, arrays: dict, says: str) -> None:
    folder = write_map(city, grid_streets(city_plane(city)), buildings_of(city_plane(city)), ABOUT)
    broken(folder / name, **arrays)
    with pytest.raises(PolicyError, match=says):
        read_map(city)


@pytest.mark.parametrize("name", ["streets.npz", "free-space.npz", "about.json"])
def test_a_file_cut_short_or_of_something_else_is_told(city: City, name: str) -> None:
    folder = write_map(city, grid_streets(city_plane(city)), buildings_of(city_plane(city)), ABOUT)
    whole = (folder / name).read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"no archive", whole[:-60] + b"?" * 60):
        (folder / name).write_bytes(content)
        with pytest.raises(PolicyError, match=name):
            read_map(city)


def test_an_archive_that_would_grow_too_large_is_not_unpacked(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_map(city, grid_streets(city_plane(city)), None, ABOUT)
    monkeypatch.setattr("topologies.city_map.CONTENT_BYTES_MAX", 1_000)
    with pytest.raises(PolicyError, match="at most 1000 bytes of arrays"):
        read_map(city)
    monkeypatch.setattr("topologies.city_map.FILE_BYTES_MAX", 100)
    with pytest.raises(PolicyError, match="at most 100 bytes"):
        read_map(city)
    assert zipfile.is_zipfile(folder / "streets.npz")


def test_what_the_file_says_of_itself_must_be_an_object(city: City) -> None:
    folder = write_map(city, grid_streets(city_plane(city)), None, ABOUT)
    (folder / "about.json").write_text(json.dumps([1]))
    with pytest.raises(PolicyError, match=r"about\.json must be a JSON object"):
        read_map(city)
    (folder / "about.json").unlink()
    found = read_map(city)
    assert found is not None
    assert found.about == {}


def lines_of(plane: Plane, error_m: float = 0.0) -> Sightlines:
    streets = grid_streets(plane)
    return Sightlines(streets, free_space_from_streets(streets), error_m)


def refreshed(lines: Sightlines) -> Sightlines:
    table = table_of([(0.0, 0.0), (80.0, 3.0)])
    lines.refresh(table, None, np.full(len(table.alive), 60, np.float32))
    return lines


def test_kept_sightlines_are_recalled_and_need_no_computing(tmp_path: Path) -> None:
    first = refreshed(lines_of(PLANE))
    path = keep_sightlines(first, tmp_path / "cache")
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    again = lines_of(PLANE)
    assert recall_sightlines(again, tmp_path / "cache") == 2
    refreshed(again)
    assert (first.computed, again.computed) == (2, 0)
    assert again.count[:2].tolist() == first.count[:2].tolist()


def test_sightlines_of_another_map_or_error_are_not_recalled(tmp_path: Path) -> None:
    keep_sightlines(refreshed(lines_of(PLANE)), tmp_path)
    assert recall_sightlines(lines_of(PLANE, 10.0), tmp_path) == 0
    assert recall_sightlines(lines_of(PLANE), tmp_path / "elsewhere") == 0


def test_damaged_kept_sightlines_are_removed_and_computed_again(tmp_path: Path) -> None:
    path = keep_sightlines(refreshed(lines_of(PLANE)), tmp_path)
    for arrays in ({"cell": np.full(64, 10**6, np.int32)}, {"content_hash": np.zeros(32, np.uint8)}, {"share": None}):
        keep_sightlines(refreshed(lines_of(PLANE)), tmp_path)
        broken(path, **arrays)
        again = lines_of(PLANE)
        assert recall_sightlines(again, tmp_path) == 0
        assert not path.exists()
        assert refreshed(again).computed == 2


def test_only_the_newest_kept_sightlines_stay(tmp_path: Path) -> None:
    kept = [keep_sightlines(refreshed(lines_of(PLANE, float(error_m))), tmp_path) for error_m in range(6)]
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in kept[-CACHE_FILES_MAX:]}


def test_a_world_remembers_what_was_kept_for_it(city: City, tmp_path: Path) -> None:
    plane = city_plane(city)
    write_map(city, grid_streets(plane), None, ABOUT)
    world = world_of(city)
    assert world.sightlines is not None
    assert recall_sightlines(world.sightlines, tmp_path / "cache") == 0
    assert world.sightlines.poles == 0
