"""What cameras see of the streets: by geometry, by law, and the same however it was brought up to date."""

import dataclasses

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cameras.camera_table import CameraTable
from pipeline.compiled import plain
from pipeline.errors import PolicyError
from pipeline.geo import Plane
from pipeline.sight.pole_sights import PoleSights
from pipeline.sight.pole_spots import Streetside
from pipeline.sight.sight_kernels import CellGrid, SightMap, bearing_bin, see_from_poles
from pipeline.sight.sightlines import Sightlines
from pipeline.sight.world import World
from pipeline.world.free_space import FreeSpace, free_space_from_buildings, free_space_from_streets
from pipeline.world.raster import clear_bands, fill_polygons, is_clear_between, nearest_clear
from pipeline.world.streets import streets_from
from tests.pipeline.camera_records import put
from tests.support.little_city import (
    PLANE,
    block_buildings_m,
    camera_at,
    grid_lines_m,
    lines_deg,
    polygons_deg,
    table_of,
)

BOX_M = (-200.0, -200.0, 200.0, 200.0)
STREETS = streets_from(lines_deg(grid_lines_m(4)), PLANE)
BY_STREETS = free_space_from_streets(STREETS)
BY_BUILDINGS = free_space_from_buildings(polygons_deg(block_buildings_m(4)), PLANE, BOX_M)

# To the centimetre: numbers that differ by less than an atom are no concern of a map.
places_m = st.integers(-15_000, 15_000).map(lambda cm: cm / 100)
points_m = st.tuples(places_m, places_m)


@st.composite
def buildings_m(draw, most=6):
    made = []
    for _ in range(draw(st.integers(1, most))):
        x_m, y_m = draw(points_m)
        width_m, depth_m = draw(st.floats(8, 80)), draw(st.floats(8, 80))
        house = shapely.box(x_m, y_m, x_m + width_m, y_m + depth_m)
        if draw(st.booleans()) and min(width_m, depth_m) > 24:
            house = house.difference(shapely.box(x_m + 6, y_m + 6, x_m + width_m - 6, y_m + depth_m - 6))
        made.append(shapely.affinity.rotate(house, draw(st.floats(0, 90))))
    return made


def free_of(buildings, pixel_m=1.0):
    return free_space_from_buildings(polygons_deg(buildings), PLANE, BOX_M, pixel_m)


def seen_of(lines, row):
    part = slice(int(lines.first[row]), int(lines.first[row]) + int(lines.count[row]))
    return tuple(a[part].tolist() for a in (lines.cell, lines.bearing, lines.distance_m, lines.share))


def lines_for(table, reach_m, free=BY_STREETS, pole_error_m=0.0):
    lines = Sightlines(STREETS, free, pole_error_m)
    lines.refresh(table, None, np.broadcast_to(np.float32(reach_m), len(table.alive)))
    return lines


# Free space


def test_within_eight_metres_of_a_street_is_free_without_buildings():
    x_m = np.array([0.0, 7.0, 9.5, 40.0, 70.5, 73.0])
    assert BY_STREETS.is_free(x_m, np.full(6, 40.0)).tolist() == [True, True, False, False, False, True]
    assert not BY_STREETS.buildings_known


def test_outside_of_buildings_and_in_their_courtyards_is_free():
    ring = shapely.box(-30, -30, 30, 30).difference(shapely.box(-20, -20, 20, 20))
    free = free_of([ring])
    assert free.is_free([0.0, 25.0, 40.0, 5_000.0], [0.0, 0.0, 0.0, 0.0]).tolist() == [True, False, True, True]
    assert free.buildings_known


def test_overlapping_buildings_are_blocked_where_they_overlap():
    free = free_of([shapely.box(-20, -20, 10, 10), shapely.box(0, 0, 20, 20)])
    assert not free.is_free(5.0, 5.0)[0]


@given(buildings_m())
@settings(max_examples=25, deadline=None)
def test_a_pixel_is_blocked_when_its_middle_lies_in_a_building(buildings):
    free = free_of(buildings, 4.0)
    middle_m = BOX_M[0] + (np.arange(100) + 0.5) * 4.0
    x_m, y_m = np.meshgrid(middle_m, middle_m)
    union = shapely.union_all(buildings)
    # Turning degrees into metres and back moves a wall by less than a thousandth of a millimetre.
    near_a_wall = shapely.dwithin(union.boundary, shapely.points(x_m, y_m), 1e-5)
    inside = shapely.contains_xy(union, x_m, y_m)
    assert ((free.blocked == 1) == inside)[~near_a_wall].all()


def test_the_map_as_bytes_is_the_map_as_bits():
    rows, columns = BY_STREETS.blocked.shape
    x_m = BY_STREETS.origin_x_m + (np.arange(columns) + 0.5) * BY_STREETS.pixel_m
    for row in (0, rows // 3, rows - 1):
        y_m = np.full(columns, BY_STREETS.origin_y_m + (row + 0.5) * BY_STREETS.pixel_m)
        assert (BY_STREETS.is_free(x_m, y_m) == (BY_STREETS.blocked[row] == 0)).all()


def test_what_is_no_polygon_is_no_building():
    with pytest.raises(PolicyError, match="polygons"):
        free_of([shapely.LineString([(0, 0), (1, 1)])])


def test_a_map_that_is_too_large_is_refused():
    with pytest.raises(PolicyError, match="pixels"):
        free_space_from_buildings(polygons_deg([]), PLANE, (0.0, 0.0, 1e6, 1e6))


# Looks


@given(buildings_m(), st.lists(st.tuples(points_m, points_m), min_size=1, max_size=20))
@settings(deadline=None)
def test_sight_is_symmetric(buildings, pairs):
    free = free_of(buildings)
    x_1, y_1, x_2, y_2 = np.array([(*a, *b) for a, b in pairs]).T
    assert (free.in_sight(x_1, y_1, x_2, y_2) == free.in_sight(x_2, y_2, x_1, y_1)).all()


@given(buildings_m(), buildings_m(2), st.lists(st.tuples(points_m, points_m), min_size=1, max_size=20))
@settings(deadline=None)
def test_more_buildings_never_add_sight(buildings, more, pairs):
    x_1, y_1, x_2, y_2 = np.array([(*a, *b) for a, b in pairs]).T
    before = free_of(buildings).in_sight(x_1, y_1, x_2, y_2)
    after = free_of(buildings + more).in_sight(x_1, y_1, x_2, y_2)
    assert not (after & ~before).any()


@given(st.floats(0, 180), st.floats(4, 40), st.floats(4, 40))
def test_a_building_between_blocks(turn_deg, thick_m, wide_m):
    free = free_of(
        [shapely.affinity.rotate(shapely.box(-thick_m / 2, -wide_m / 2, thick_m / 2, wide_m / 2), -turn_deg)]
    )
    east, north = np.cos(np.radians(turn_deg)), -np.sin(np.radians(turn_deg))
    assert not free.in_sight(-60 * east, -60 * north, 60 * east, 60 * north)[0]
    assert free.in_sight(-60 * east, -60 * north, -60 * east + 60 * north, -60 * north - 60 * east)[0]


@given(buildings_m(), st.lists(st.tuples(points_m, points_m), min_size=5, max_size=40))
@settings(deadline=None)
def test_sight_is_shapelys_line_of_sight_up_to_a_pixel(buildings, pairs):
    free = free_of(buildings, 1.0)
    union = shapely.union_all(buildings)
    x_1, y_1, x_2, y_2 = np.array([(*a, *b) for a, b in pairs]).T
    looks = shapely.linestrings([[(a, b), (c, d)] for a, b, c, d in zip(x_1, y_1, x_2, y_2, strict=True)])
    ends_are_out = ~shapely.dwithin(union, shapely.points(x_1, y_1), 3.0)
    ends_are_out &= ~shapely.dwithin(union, shapely.points(x_2, y_2), 3.0)
    seen = free.in_sight(x_1, y_1, x_2, y_2)
    # A look that stays a pixel's diagonal away from all walls passes; one through walls thicker than that does not.
    assert seen[~shapely.dwithin(union, looks, 1.5)].all()
    core = shapely.buffer(union, -1.5)
    assert not seen[ends_are_out & (shapely.length(shapely.intersection(looks, core)) > 0)].any()


@given(points_m, points_m)
def test_a_look_along_a_street_passes_and_one_through_a_block_does_not(a, b):
    assert BY_BUILDINGS.in_sight(a[0], 0.0, b[0], 0.0)[0]
    assert BY_STREETS.in_sight(a[0], 0.0, b[0], 0.0)[0]
    assert not BY_BUILDINGS.in_sight(0.0, 40.0, 80.0, 40.0)[0]
    assert not BY_STREETS.in_sight(0.0, 40.0, 80.0, 40.0)[0]


@given(buildings_m(3), points_m, points_m, st.floats(0, 40))
@settings(max_examples=25, deadline=None)
def test_compiled_maps_and_looks_equal_plain_ones(buildings, a, b, within):
    free = free_of(buildings, 4.0)
    ends = [(v - o) / 4.0 for v, o in zip((*a, *b), (-200.0,) * 4, strict=True)]
    assert is_clear_between(free.bits, *ends) == plain(is_clear_between)(free.bits, *ends)
    assert nearest_clear(free.bits, *ends[:2], within) == plain(nearest_clear)(free.bits, *ends[:2], within)
    rings = [np.array(r.coords) / 4.0 + 50.0 for p in buildings for r in (p.exterior, *p.interiors)]
    x, y = np.concatenate(rings).T.copy()
    ring_first = np.cumsum([0, *map(len, rings)])
    polygon_first = np.cumsum([0, *(1 + len(p.interiors) for p in buildings)])
    maps = [np.zeros((60, 13), np.uint8) for _ in range(2)]
    for bits, (fill, clear) in zip(
        maps, ((fill_polygons, clear_bands), (plain(fill_polygons), plain(clear_bands))), strict=True
    ):
        fill(bits, x, y, ring_first, polygon_first)
        clear(bits, x[:3].copy(), y[:3].copy(), x[1:4].copy(), y[1:4].copy(), 2.5)
    assert (maps[0] == maps[1]).all()


@given(buildings_m(), points_m)
@settings(max_examples=50, deadline=None)
def test_the_nearest_free_place_is_the_nearest(buildings, point):
    free = free_of(buildings, 4.0)
    x, y = ((v + 200.0) / 4.0 for v in point)
    to_x, to_y = nearest_clear(free.bits, x, y, 10.0)
    blocked = free.blocked
    if not blocked[int(y), int(x)]:
        assert (to_x, to_y) == (x, y)
        return
    rows, columns = np.nonzero(blocked == 0)
    nearest = np.hypot(columns + 0.5 - x, rows + 0.5 - y).min()
    if nearest < 10.0:
        assert np.hypot(to_x - x, to_y - y) == pytest.approx(nearest)
    else:
        assert (to_x, to_y) == (x, y)


def test_bearings_are_in_bins_of_three_degrees_clockwise_from_north():
    directions = {(0.0, 1.0): 0, (1.0, 0.0): 30, (0.0, -1.0): 60, (-1.0, 0.0): 90, (-1e-9, 1.0): 119, (0.0, 0.0): 0}
    assert {d: bearing_bin(*d) for d in directions} == directions
    assert {d: plain(bearing_bin)(*d) for d in directions} == directions


# Cameras


def test_a_camera_at_a_crossing_sees_along_its_streets_and_not_behind_the_blocks():
    lines = lines_for(table_of([(0.0, 0.0)]), 100)
    cells, bearings, distances_m, shares = seen_of(lines, 0)
    # 20 cells in each of four directions, and at the next four crossings the four cells that are not behind a corner.
    assert len(cells) == 4 * 20 + 4 * 4
    assert all(min(abs(STREETS.cell_x_m[c]), abs(STREETS.cell_y_m[c])) < 8 for c in cells)
    assert min(abs((b * 3 + 45) % 90 - 45) for b in bearings) <= 6
    assert max(distances_m) <= 100
    assert set(shares) == {255}


def test_what_a_camera_sees_is_what_free_space_and_reach_say():
    table = table_of([(-75.0, 4.0), (3.0, 30.0)])
    lines = lines_for(table, 150, BY_BUILDINGS)
    for row in range(2):
        x_m, y_m = table.x_m[row], table.y_m[row]
        distance_m = np.hypot(STREETS.cell_x_m - x_m, STREETS.cell_y_m - y_m)
        seen = BY_BUILDINGS.in_sight(x_m, y_m, STREETS.cell_x_m, STREETS.cell_y_m) & (distance_m <= 150)
        cells, bearings, distances_m, _ = seen_of(lines, row)
        assert cells == np.flatnonzero(seen).tolist()
        assert np.abs(np.array(distances_m) - distance_m[cells]).max() <= 0.5 + 1e-9
        bearing_deg = np.degrees(np.arctan2(STREETS.cell_x_m[cells] - x_m, STREETS.cell_y_m[cells] - y_m)) % 360
        assert bearings == (bearing_deg // 3).astype(int).tolist()


def test_a_pole_in_a_building_looks_from_the_nearest_free_place():
    # 20 m inside of the western wall of the block.
    lines = lines_for(table_of([(28.0, 40.0)]), 60, BY_BUILDINGS)
    cells, _, distances_m, _ = seen_of(lines, 0)
    assert cells
    assert all(abs(STREETS.cell_x_m[c]) < 8 for c in cells)
    assert min(distances_m) >= 27


def test_a_pole_too_deep_in_a_building_sees_nothing():
    free = free_of([shapely.box(-70, -70, 70, 70)])
    assert lines_for(table_of([(0.0, 0.0)]), 200, free).count[0] == 0


def test_cameras_on_one_spot_share_what_they_see_unless_their_reach_differs():
    lines = Sightlines(STREETS, BY_STREETS)
    table = table_of([(0.0, 0.0)] * 3)
    lines.refresh(table, None, np.array([58.3, 57.0, 172.0], np.float32))
    assert lines.poles == 2
    assert lines.first[0] == lines.first[1] != lines.first[2]
    assert set(seen_of(lines, 0)[0]) < set(seen_of(lines, 2)[0])


@pytest.mark.parametrize("reach_m", [0.0, -5.0, np.nan])
def test_a_camera_without_reach_sees_nothing(reach_m):
    lines = lines_for(table_of([(0.0, 0.0)]), reach_m)
    assert (lines.count[0], lines.poles) == (0, 0)


def test_no_reach_counts_beyond_200_m():
    lines = lines_for(table_of([(0.0, 0.0)]), np.inf)
    assert max(seen_of(lines, 0)[2]) == 160  # the corner at the end of the street
    assert lines_for(table_of([(-160.0, 0.0)]), 10_000).distance_m.max() <= 200


def test_an_uncertain_pole_sees_cells_with_a_share():
    table = table_of([(6.0, 40.0)])
    certain, uncertain = lines_for(table, 150), lines_for(table, 150, pole_error_m=20.0)
    shares = dict(zip(*(seen_of(uncertain, 0)[i] for i in (0, 3)), strict=True))
    assert set(seen_of(certain, 0)[0]) <= set(shares)
    assert 220 < max(shares.values()) <= 255
    assert min(shares.values()) < 200


def test_an_uncertain_pole_is_about_its_error_from_where_it_is_registered():
    table = table_of([(0.0, 3.0)])
    certain, uncertain = lines_for(table, 150), lines_for(table, 150, pole_error_m=20.0)
    assert min(seen_of(certain, 0)[2]) < 3
    assert 5 < min(seen_of(uncertain, 0)[2]) < 20
    # Where it may stand farther off on the other side, too, distances are as they were.
    far = [dict(zip(*seen_of(lines, 0)[:3:2], strict=True)) for lines in (certain, uncertain)]
    assert all(abs(far[1][cell] - metres) <= 6 for cell, metres in far[0].items() if 60 <= metres <= 120)


@given(st.lists(points_m, min_size=1, max_size=3), st.sampled_from((0.0, 15.0)))
@settings(max_examples=8, deadline=None)
def test_compiled_sightlines_equal_plain_ones(poles, pole_error_m):
    def run(kernel):
        b, free = STREETS.bins, BY_BUILDINGS
        x_m, y_m = np.array(poles).T.copy()
        out = np.zeros(len(poles), np.int64), np.zeros(len(poles), np.int32), np.zeros(len(STREETS) * 3, np.int32)
        out += tuple(np.zeros(len(STREETS) * 3, np.uint8) for _ in range(3))
        space = SightMap(free.bits, free.origin_x_m, free.origin_y_m, free.pixel_m)
        bins = (b.origin_x_m, b.origin_y_m, b.bin_m, b.bins_x, b.bins_y, b.first, b.cells)
        grid = CellGrid(*bins, STREETS.cell_x_m, STREETS.cell_y_m)
        done = kernel(
            *(space, grid, Streetside(*(getattr(STREETS, name) for name in Streetside._fields))),
            *(x_m, y_m, np.full(len(poles), 60.0), pole_error_m),
            0,
            *out,
        )
        return done, [a[: done[1]].tolist() for a in out]

    assert run(see_from_poles) == run(plain(see_from_poles))


# Keeping up to date


def test_refreshing_changed_rows_equals_building_all_anew():
    rng = np.random.default_rng(5)
    table = table_of(rng.uniform(-160, 160, (60, 2)))
    reach_m = rng.choice([0, 58.3, 77.6, 172], len(table.alive)).astype(np.float32)
    lines = Sightlines(STREETS, BY_STREETS)
    lines.refresh(table, None, reach_m)
    for turn in range(10):
        revision = table.revision
        moved = [camera_at(f"cam-{n:05d}", *rng.uniform(-160, 160, 2)) for n in rng.integers(0, 80, 6)]
        put(table, *moved, *(f"cam-{n:05d}" for n in rng.integers(0, 80, 4)))
        changed = table.changed_rows_since(revision)
        zoomed = rng.integers(0, 80, 5)
        reach_m[zoomed] = rng.choice([0, 58.3, 172], 5)
        lines.refresh(table, np.concatenate((changed, zoomed)), reach_m)
        anew = Sightlines(STREETS, BY_STREETS)
        anew.refresh(table, None, reach_m)
        assert [seen_of(lines, r) for r in range(90)] == [seen_of(anew, r) for r in range(90)], f"turn {turn}"
        assert lines.poles == anew.poles


def test_a_refresh_that_changes_nothing_computes_nothing():
    table = table_of([(0.0, 0.0), (80.0, 3.0)])
    lines = lines_for(table, 60)
    before = (lines.revision, lines.computed)
    lines.refresh(table, np.array([0, 1]), np.full(len(table.alive), 60, np.float32))
    lines.refresh(table, np.empty(0, np.intp), np.full(len(table.alive), 60, np.float32))
    assert (lines.revision, lines.computed) == before == (1, 2)


def test_gaps_of_dropped_poles_are_closed(monkeypatch):
    monkeypatch.setattr("pipeline.sight.pole_pool.GAPS_MAX_CELLS", 50)
    table = table_of([(0.0, 0.0), (80.0, 3.0), (-80.0, 3.0)])
    reach_m = np.full(len(table.alive), 60, np.float32)
    lines = Sightlines(STREETS, BY_STREETS)
    lines.refresh(table, None, reach_m)
    for step in range(1, 40):
        put(table, camera_at("cam-00000", step / 4, 0.0))
        lines.refresh(table, np.array([0]), reach_m)
        anew = lines_for(table, 60)
        assert [seen_of(lines, r) for r in range(3)] == [seen_of(anew, r) for r in range(3)]
    assert len(lines.cell) <= 1024


def test_kept_poles_need_not_be_computed_again():
    table = table_of([(0.0, 0.0), (80.0, 3.0), (0.0, 0.0), (41.0, 44.0)])
    first = lines_for(table, 60, pole_error_m=10.0)
    put(table, "cam-00001")
    again = Sightlines(STREETS, BY_STREETS, 10.0)
    again.remember(first.sights())
    again.refresh(table, None, np.full(len(table.alive), 60, np.float32))
    assert again.computed == 0
    assert again.poles == 2
    assert [seen_of(again, r) for r in (0, 2, 3)] == [seen_of(first, r) for r in (0, 2, 3)]
    assert again.count[1] == 0


def test_what_is_kept_does_not_depend_on_the_order_of_cameras():
    points = [(0.0, 0.0), (80.0, 3.0), (-70.0, 2.0)]
    one, other = (lines_for(table_of(p), 60).sights() for p in (points, points[::-1]))
    for field in dataclasses.fields(PoleSights):
        assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


def test_the_key_of_kept_poles_follows_streets_free_space_and_error():
    keys = {
        Sightlines(STREETS, BY_STREETS).cache_key,
        Sightlines(STREETS, BY_BUILDINGS).cache_key,
        Sightlines(STREETS, BY_STREETS, 10.0).cache_key,
        Sightlines(streets_from(lines_deg(grid_lines_m(2)), PLANE), BY_STREETS).cache_key,
    }
    assert len(keys) == 4
    assert Sightlines(STREETS, BY_STREETS).cache_key in keys


@pytest.mark.parametrize(
    "broken",
    [
        {"cell": np.array([10**6], np.int32)},
        {"cell": np.array([1.0])},
        {"bearing": np.array([120], np.uint8)},
        {"share": np.array([0], np.uint8)},
        {"count": np.array([2], np.int32)},
        {"count": np.array([-1], np.int32)},
        {"first": np.array([7], np.int64)},
        {"x_m": np.array([np.nan])},
        {"reach_m": np.array([0], np.uint8)},
        {"y_m": np.array([0.0, 1.0])},
        {"distance_m": np.array([[1]], np.uint8)},
    ],
    ids=str,
)
def test_kept_poles_that_do_not_fit_are_refused(broken):
    one = PoleSights(
        np.zeros(1),
        np.zeros(1),
        np.full(1, 60, np.uint8),
        np.zeros(1, np.int64),
        np.ones(1, np.int32),
        *(np.ones(1, kind) for kind in (np.int32, np.uint8, np.uint8, np.uint8)),
    )
    lines = Sightlines(STREETS, BY_STREETS)
    lines.remember(one)
    with pytest.raises(PolicyError, match="sightlines"):
        lines.remember(dataclasses.replace(one, **broken))


def test_cameras_on_another_plane_are_refused():
    with pytest.raises(ValueError, match="one plane"):
        Sightlines(STREETS, BY_STREETS).refresh(CameraTable(Plane(0.0, 0.0)), None, np.zeros(0, np.float32))


def test_wrong_errors_of_poles_are_refused():
    for wrong in (-1.0, 201.0, np.nan):
        with pytest.raises(ValueError, match="pole_error_m"):
            Sightlines(STREETS, BY_STREETS, wrong)


# World


def test_a_world_says_what_it_assumes():
    lines = Sightlines(STREETS, BY_STREETS)
    assert World.none().assumptions == ("no-streets", "no-buildings")
    assert World(STREETS, BY_STREETS, lines).assumptions == ("no-buildings",)
    assert World(STREETS, BY_BUILDINGS, lines).assumptions == ()
    assert isinstance(BY_BUILDINGS, FreeSpace)
