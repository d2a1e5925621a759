import itertools
from pathlib import Path
from random import Random

import pytest

from console.demo.city import CAMERAS, CENTRE, HEADER, synthetic_city
from console.demo.streets import Spot, along, length_m, rest_of
from console.options import DEFAULT_CITIES_DIR
from console.registry_files import read_registry
from topologies.city_files import load_city

T0_US = 1_781_672_400_000_000


def test_the_same_seed_gives_the_same_city_byte_for_byte() -> None:
    assert synthetic_city(7).csv_bytes() == synthetic_city(7).csv_bytes()


def test_another_seed_gives_another_city() -> None:
    assert synthetic_city(7).csv_bytes() != synthetic_city(8).csv_bytes()


def test_the_registry_file_is_cp949_in_the_newest_form_of_the_standard() -> None:
    lines = synthetic_city(1).csv_bytes().decode("cp949").splitlines()
    assert lines[0].split(",") == list(HEADER)
    assert len(HEADER) == 18


def test_the_registry_goes_through_the_connector_like_a_real_file(tmp_path: Path) -> None:
    city = synthetic_city(1)
    city.write_registry(tmp_path / "cctv.csv")
    place = load_city(DEFAULT_CITIES_DIR, "demo")
    loaded = read_registry(tmp_path / "cctv.csv", place, T0_US)
    report = loaded.report
    assert (report.variant, report.encoding) == ("standard-18", "cp949")
    assert len(loaded.cameras) >= CAMERAS
    assert report.rows == report.accepted_rows + report.refused_rows == len(city.rows)
    assert report.refused["no-position"] == city.faults["zero-coordinates"]
    assert report.refused["impossible-position"] == city.faults["digit-slip"]
    assert report.flags["axes-swapped"] == city.faults["swapped-axes"]
    assert report.flags["outside-city"] == city.faults["other-city"]
    assert report.flags["coarse-position"] >= city.faults["four-decimals"]
    assert report.flags["no-number"] == city.faults["no-number"]
    assert report.flags["count-capped"] == city.faults["count-104"]
    assert report.flags["pile"] >= city.faults["pile"]
    assert len({camera.camera_id for camera in loaded.cameras}) == len(loaded.cameras)


def test_has_poles_of_several_cameras_of_all_kinds_and_many_owners(tmp_path: Path) -> None:
    synthetic_city(2).write_registry(tmp_path / "cctv.csv")
    report = read_registry(tmp_path / "cctv.csv", load_city(DEFAULT_CITIES_DIR, "demo"), T0_US).report
    assert {"fixed", "ptz", "all-round"} <= set(report.kinds)
    assert len(report.owners) == 6
    assert report.sites < report.cameras < 4 * report.sites


def test_every_junction_reaches_every_other() -> None:
    streets = synthetic_city(3).streets
    seen, queue = set[int](), [0]
    while queue:
        here = queue.pop()
        if here not in seen:
            seen.add(here)
            queue.extend(streets.neighbours[here])
    assert len(seen) == len(streets.junctions)


def test_a_route_follows_streets_and_is_no_longer_than_a_walk_between_its_ends() -> None:
    streets = synthetic_city(3).streets
    number_of = {spot: number for number, spot in enumerate(streets.junctions)}
    walk = streets.walk(Random(5), 40, 1_500)
    route = streets.route(40, number_of[walk[-1]])
    for here, there in itertools.pairwise(route):
        assert number_of[there] in streets.neighbours[number_of[here]]
    assert length_m(route) <= length_m(walk)
    assert length_m(walk) >= 1_500


def test_a_spot_along_a_way_lies_as_far_from_its_start_as_asked_and_not_beyond_its_end() -> None:
    way = [Spot(0, 0), Spot(100, 0), Spot(100, 50)]
    assert along(way, 120) == Spot(100, 20)
    assert along(way, 1_000) == Spot(100, 50)
    assert rest_of(way, 120) == [Spot(100, 20), Spot(100, 50)]


def test_positioning_errors_keep_within_their_radius_two_times_of_three() -> None:
    random = Random(1)
    inside = sum(Spot(0, 0).shifted(random, 30).distance_m(Spot(0, 0)) <= 30 for _ in range(5_000))
    assert inside / 5_000 == pytest.approx(0.68, abs=0.03)


def test_metres_become_degrees_to_a_metre() -> None:
    lat_deg, lon_deg = CENTRE.degrees(Spot(1_000, 1_000))
    # One kilometre is 0.0089932 degrees of latitude, and that over the cosine of 37.4 degrees of longitude.
    assert lat_deg - CENTRE.centre_lat_deg == pytest.approx(0.0089932, abs=1e-5)
    assert lon_deg - CENTRE.centre_lon_deg == pytest.approx(0.0113207, abs=1e-5)
