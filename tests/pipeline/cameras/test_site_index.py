"""The index finds what looking at every camera finds, whatever was added, moved and removed in between."""

import math
import random

import numpy as np
import pytest
import shapely
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline.cameras import site_index
from pipeline.cameras.camera_table import CameraTable
from tests.pipeline.camera_records import SEOUL, a_camera, found, put, searched_one_by_one

RADII_M = (0.0, 30.0, 150.0, 500.0, 3_000.0)


def a_city(rng, count):
    """Return {camera id: position} with poles of several cameras, coarse points that collide, and a pile."""
    positions, pole = {}, SEOUL
    for number in range(count):
        if number % 3:  # two in three hang on the pole of the one before
            pole = pole if rng.random() < 0.5 else (round(pole[0], 3), round(pole[1], 3))
        else:
            pole = (SEOUL[0] + rng.gauss(0, 0.01), SEOUL[1] + rng.gauss(0, 0.01))
        positions[f"cam-{rng.randrange(10**6):06d}-{number}"] = SEOUL if number % 20 == 0 else pole
    return positions


def load(table, positions):
    assert put(table, *(a_camera(i, *at) for i, at in positions.items())) == []


def assert_finds_all(table, positions, rng, searches=15):
    for _ in range(searches):
        at = (SEOUL[0] + rng.gauss(0, 0.012), SEOUL[1] + rng.gauss(0, 0.012)) if rng.random() < 0.7 else SEOUL
        if positions and rng.random() < 0.3:
            at = rng.choice(list(positions.values()))
        radius_m = rng.choice(RADII_M)
        assert found(table, *at, radius_m) == searched_one_by_one(positions, *at, radius_m)


@pytest.mark.parametrize("seed", range(4))
def test_a_fresh_table_finds_all_in_order_of_distance_and_id(seed):
    rng = random.Random(seed)
    table, positions = CameraTable(), a_city(rng, 2_000)
    load(table, positions)
    assert_finds_all(table, positions, rng, 60)


@pytest.mark.parametrize("seed", range(4))
def test_moves_removals_and_returns_are_found_at_once(seed):
    rng = random.Random(seed)
    table, positions = CameraTable(), a_city(rng, 1_500)
    load(table, positions)
    for round_number in range(12):
        ids = list(positions)
        changes = [a_camera(i, SEOUL[0] + rng.gauss(0, 0.01), SEOUL[1]) for i in rng.sample(ids, 40)]
        changes += [a_camera(f"new-{round_number}-{n}", *rng.choice(list(positions.values()))) for n in range(40)]
        changes += rng.sample(ids, 40)
        rng.shuffle(changes)
        put(table, *changes)
        for change in changes:
            if isinstance(change, str):
                positions.pop(change, None)
            else:
                positions[change.camera_id] = (change.location.lat_deg, change.location.lon_deg)
        assert_finds_all(table, positions, rng, 8)


def test_exact_ties_between_poles_are_decided_by_camera_id():
    table = CameraTable()
    step_deg = 2.0**-10  # exact in binary, so that east and west are equally far to the last bit
    at = (37.5, 127.0)
    put(
        table,
        a_camera("d", at[0], at[1] + step_deg),
        a_camera("b", at[0], at[1] - step_deg),
        a_camera("c", at[0], at[1] + step_deg),
        a_camera("a", at[0], at[1] - step_deg),
    )
    assert [camera_id for camera_id, _ in found(table, *at, 200)] == ["a", "b", "c", "d"]


def test_a_camera_exactly_on_the_radius_is_found():
    table = CameraTable()
    put(table, a_camera("edge", SEOUL[0] + 0.001, SEOUL[1] + 0.001))
    ((_, distance_m),) = found(table, *SEOUL, 500)
    assert found(table, *SEOUL, distance_m) == [("edge", distance_m)]
    assert found(table, *SEOUL, math.nextafter(distance_m, 0)) == []


def test_an_empty_table_finds_nothing():
    table = CameraTable()
    assert found(table, *SEOUL, 500) == []
    assert table.within(shapely.box(126, 37, 128, 38)).tolist() == []
    put(table, a_camera("cam-1"))
    put(table, "cam-1")
    assert found(table, *SEOUL, 500) == []


def test_cameras_at_the_far_ends_of_the_earth_do_not_blur_the_index():
    rng = random.Random(3)
    table, positions = CameraTable(), a_city(rng, 300)
    positions |= {"north": (89.5, 10.0), "south": (-89.5, -170.0), "west": (0.0, -179.9), "east": (60.0, 179.9)}
    positions |= {f"oslo-{n}": (59.91 + n / 1e4, 10.75 + n / 1e4) for n in range(50)}
    load(table, positions)
    assert_finds_all(table, positions, rng)
    for at in ((59.912, 10.752), (89.5, 10.0), (-89.5, -170.0), (60.0, 179.9)):
        assert found(table, *at, 2_000) == searched_one_by_one(positions, *at, 2_000)


@pytest.mark.parametrize(
    ("at", "radius_m"), [((math.nan, 127.0), 100), ((37.0, 181.0), 100), (SEOUL, -1.0), (SEOUL, math.nan), (SEOUL, 1e9)]
)
def test_searches_off_the_earth_or_without_bounds_are_refused(at, radius_m):
    table = CameraTable()
    put(table, a_camera("cam-1"))
    with pytest.raises(ValueError, match="need a point on the earth and a radius within"):
        table.near(*at, radius_m)


@pytest.mark.parametrize("seed", range(3))
def test_a_polygon_holds_what_shapely_says_one_by_one(seed):
    rng = random.Random(seed)
    table, positions = CameraTable(), a_city(rng, 1_000)
    load(table, positions)
    for moved in rng.sample(list(positions), 30):  # some in the grid, some in the R-tree
        positions[moved] = (SEOUL[0] + rng.gauss(0, 0.01), SEOUL[1] + rng.gauss(0, 0.01))
        table.near(*SEOUL, 10)
        put(table, a_camera(moved, *positions[moved]))
    for _ in range(10):
        corners = [(SEOUL[1] + rng.gauss(0, 0.015), SEOUL[0] + rng.gauss(0, 0.015)) for _ in range(3)]
        area = shapely.Polygon(corners).union(shapely.box(126.985, 37.545, 126.99, 37.55))
        inside = sorted(i for i, (lat, lon) in positions.items() if area.intersects(shapely.Point(lon, lat)))
        assert [table.camera_id(row) for row in table.within(area)] == inside


def test_polygons_off_the_earth_are_refused_and_empty_ones_hold_nothing():
    table = CameraTable()
    put(table, a_camera("cam-1"))
    assert table.within(shapely.Polygon()).tolist() == []
    with pytest.raises(ValueError, match="the area must lie on the earth"):
        table.within(shapely.box(170, 0, 190, 10))


def test_nothing_is_indexed_while_cameras_pour_in(monkeypatch):
    built = []
    real = site_index.SiteIndex._build_grid
    monkeypatch.setattr(site_index.SiteIndex, "_build_grid", lambda self: built.append(1) or real(self))
    rng = random.Random(1)
    table, positions = CameraTable(), a_city(rng, 3_000)
    entries = list(positions.items())
    for start in range(0, 3_000, 500):
        load(table, dict(entries[start : start + 500]))
    assert built == []
    table.near(*SEOUL, 500)
    table.near(*SEOUL, 300)
    assert built == [1]
    load(table, dict.fromkeys(list(positions)[:100], SEOUL))  # few moved: the R-tree takes them
    table.near(*SEOUL, 500)
    assert built == [1]
    load(table, dict.fromkeys(list(positions)[:1500], (37.6, 127.0)))  # many moved: a new grid
    table.near(*SEOUL, 500)
    assert built == [1, 1]


coarse_deg = st.integers(-4, 4).map(lambda step: step * 0.0004)


class ChangingTable(RuleBasedStateMachine):
    """Any sequence of upserts and removals on few poles; the searches always agree with the plain search."""

    def __init__(self):
        super().__init__()
        self.table, self.positions = CameraTable(), {}

    @rule(number=st.integers(0, 9), north=coarse_deg, east=coarse_deg)
    def upsert(self, number, north, east):
        self.positions[f"cam-{number}"] = (SEOUL[0] + north, SEOUL[1] + east)
        put(self.table, a_camera(f"cam-{number}", *self.positions[f"cam-{number}"]))

    @rule(number=st.integers(0, 9))
    def remove(self, number):
        self.positions.pop(f"cam-{number}", None)
        put(self.table, f"cam-{number}")

    @rule()
    def reload(self):
        """A whole import, enough to make a new grid."""
        put(self.table, *(a_camera(f"far-{n}", 36.0, 127.0) for n in range(1_100)))
        put(self.table, *(f"far-{n}" for n in range(1_100)))

    @invariant()
    def finds_all(self):
        for radius_m in (0.0, 60.0, 400.0):
            assert found(self.table, *SEOUL, radius_m) == searched_one_by_one(self.positions, *SEOUL, radius_m)
        assert len(self.table) == len(self.positions)


ChangingTable.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestAnyChanges = ChangingTable.TestCase


def test_the_real_registrys_cameras_are_found_like_one_by_one(real_positions):
    table = CameraTable()
    entries = list(real_positions.items())
    for start in range(0, len(entries), 4_000):
        load(table, dict(entries[start : start + 4_000]))
    rng = random.Random(5)
    for _ in range(50):
        lat_deg, lon_deg = rng.choice(entries)[1]
        at = (lat_deg + rng.gauss(0, 0.002), lon_deg + rng.gauss(0, 0.002))
        radius_m = rng.choice((150.0, 300.0, 500.0))
        assert found(table, *at, radius_m) == searched_one_by_one(real_positions, *at, radius_m)
    assert np.count_nonzero(table.alive) == len(real_positions)
