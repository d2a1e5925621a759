"""The benchmark's world: streets, sight, walkers, trackers and cameras are what its README says."""

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.eyes_on.cameras import FIXED, TURNING, registry_of, true_cameras
from benchmarks.eyes_on.maps import CityMap, city_map, graph_from
from benchmarks.eyes_on.rays import is_clear, walls_of
from benchmarks.eyes_on.shapes import dense_grid
from benchmarks.eyes_on.sights import sights_of
from benchmarks.eyes_on.trackers import STEP_S, reports_of
from benchmarks.eyes_on.truth import LEARNING_SEEDS, TEST_SEEDS, TUNING_SEEDS, Walks, walks_of


@pytest.fixture(scope="module")
def city() -> CityMap:
    return city_map("old-town")


def clear(buildings: list[shapely.Polygon], a: tuple[float, float], b: tuple[float, float]) -> bool:
    w = walls_of(np.array(buildings))
    return bool(is_clear(*a, *b, w.x0_m, w.y0_m, w.x1_m, w.y1_m, w.low_x_m, w.low_y_m, w.columns, w.first, w.walls))


@pytest.mark.parametrize("name", ["grid", "old-town", "suburb"])
def test_every_crossing_of_a_synthetic_city_can_be_reached_and_no_street_runs_through_a_house(name: str) -> None:
    city = city_map(name)
    nodes = np.column_stack([city.node_x_m, city.node_y_m])
    middles = shapely.points((nodes[city.edge_from] + nodes[city.edge_to]) / 2)

    reached, edge = {0}, list(zip(city.edge_from.tolist(), city.edge_to.tolist(), strict=True))
    before = 0
    while len(reached) > before:
        before = len(reached)
        for a, b in edge:
            if a in reached or b in reached:
                reached |= {a, b}
    assert len(reached) == len(nodes)
    assert len(shapely.STRtree(city.buildings).query(middles, predicate="within")[0]) == 0


def test_the_same_seed_gives_the_same_city() -> None:
    first, second = dense_grid(5), dense_grid(5)
    assert first.node_x_m.tobytes() == second.node_x_m.tobytes()
    assert shapely.equals(first.buildings, second.buildings).all()
    assert first.node_x_m.tobytes() != dense_grid(6).node_x_m.tobytes()


def test_only_the_largest_connected_part_of_streets_is_kept() -> None:
    x_m, y_m, start, end = graph_from(np.array([[0, 0, 9, 0], [9, 0, 9, 9], [50, 50, 60, 60.0]]))
    assert sorted(zip(x_m.tolist(), y_m.tolist(), strict=True)) == [(0, 0), (9, 0), (9, 9)]
    assert len(start) == len(end) == 2


millimetres = st.integers(-90_000, 90_000).map(lambda mm: mm / 1000)
point = st.tuples(millimetres, millimetres)


@settings(max_examples=60, deadline=None)
@given(a=point, b=point)
def test_sight_is_what_geometry_says(a: tuple[float, float], b: tuple[float, float]) -> None:
    houses = [
        shapely.box(-30, -20, 10, 25),
        shapely.box(35, 30, 70, 66),
        shapely.Polygon([(0, -80), (40, -40), (5, -50)]),
    ]
    ray = shapely.LineString([a, b])
    gap_m = min(shapely.distance(shapely.points([a, b]), h.exterior).min() for h in houses)
    touches = any(ray.crosses(h.exterior) for h in houses)
    if gap_m > 1e-6 and ray.length > 1e-6 and touches == any(ray.buffer(1e-6).intersects(h.exterior) for h in houses):
        assert clear(houses, a, b) is not touches


def test_cameras_stand_outside_of_buildings_and_as_dense_as_in_seoul(city: CityMap) -> None:
    cameras = true_cameras(city, down=False)
    area_km2 = np.ptp(city.node_x_m) * np.ptp(city.node_y_m) / 1e6
    poles = shapely.points(cameras.x_m, cameras.y_m)
    assert len(cameras) / area_km2 == pytest.approx(139, rel=0.02)
    assert len(shapely.STRtree(city.buildings).query(poles, predicate="within")[0]) < 0.01 * len(cameras)


def test_a_clean_registry_is_right_and_a_faulted_one_wrong_as_stated(city: CityMap) -> None:
    cameras = true_cameras(city, down=True)
    clean, known, faulted = (registry_of(cameras, name) for name in ("clean", "known", "faulted"))
    assert (clean.kind == cameras.kind).all()
    assert (clean.x_m == cameras.x_m).all()
    assert np.isnan(clean.heading_deg).all()
    fixed = cameras.kind == FIXED
    off_deg = np.abs((known.heading_deg - cameras.heading_deg + 180) % 360 - 180)
    assert np.isnan(known.heading_deg[~fixed]).all()
    assert off_deg[fixed].max() < 30
    off_m = np.hypot(faulted.x_m - cameras.x_m, faulted.y_m - cameras.y_m)
    assert 15 < np.median(off_m) < off_m.max() <= 28
    assert (faulted.kind != cameras.kind).mean() == pytest.approx(0.2, abs=0.04)
    assert (~cameras.works).mean() == pytest.approx(0.1, abs=0.04)


def test_the_same_cameras_are_true_whether_some_are_down_or_not(city: CityMap) -> None:
    up, down = true_cameras(city, down=False), true_cameras(city, down=True)
    assert up.works.all()
    assert (up.heading_deg == down.heading_deg).all()


def test_walkers_keep_to_the_streets_and_to_a_walking_pace(city: CityMap) -> None:
    walks = walks_of(city, TUNING_SEEDS[:12], 1_200)
    nodes = np.column_stack([city.node_x_m, city.node_y_m])
    streets = shapely.STRtree(shapely.linestrings(np.stack([nodes[city.edge_from], nodes[city.edge_to]], axis=1)))
    places = shapely.points(walks.x_m[:, ::40].ravel(), walks.y_m[:, ::40].ravel())
    _, gap_m = streets.query_nearest(places, return_distance=True, all_matches=False)
    step_m = np.hypot(np.diff(walks.x_m), np.diff(walks.y_m))
    assert gap_m.max() <= 2.6
    assert np.percentile(step_m, 99) < 2.0
    assert 0.4 < step_m.mean() < 1.1
    assert (step_m < 1e-9).mean() > 0.05  # they pause


def test_ranges_of_seeds_do_not_meet() -> None:
    ranges = [set(TUNING_SEEDS), set(TEST_SEEDS), set(LEARNING_SEEDS)]
    assert sum(map(len, ranges)) == len(set.union(*ranges))


def test_walks_of_a_circle_begin_in_it(city: CityMap) -> None:
    walks = walks_of(city, TEST_SEEDS[:8], 10, (0.0, 0.0, 300.0))
    assert np.hypot(walks.x_m[:, 0], walks.y_m[:, 0]).max() <= 303


def test_fixes_come_by_interval_never_before_they_are_measured_and_as_far_off_as_they_say(city: CityMap) -> None:
    walks = walks_of(city, TUNING_SEEDS[:40], 1_800)
    reports = reports_of(walks, 60)
    assert len(reports.episode) == 40 * 30
    assert (reports.arrives_s >= reports.fix_s).all()
    assert (reports.arrives_s % STEP_S == 0).all()
    assert (np.diff(reports.arrives_s) >= 0).all()
    at = reports.fix_s.astype(int)
    off_m = np.hypot(reports.x_m - walks.x_m[reports.episode, at], reports.y_m - walks.y_m[reports.episode, at])
    assert 0.5 < (off_m <= reports.radius_m).mean() < 0.68  # receivers are too sure of themselves
    assert reports.radius_m.min() >= 10
    assert reports.radius_m.max() <= 100


def test_nobody_is_shown_through_a_wall_beyond_reach_or_by_a_camera_that_is_down(city: CityMap) -> None:
    walks = walks_of(city, TUNING_SEEDS[:6], 400)
    cameras = true_cameras(city, down=True)
    walls = walls_of(city.buildings)
    sights = sights_of(walks, cameras, walls)
    pair = np.repeat(np.arange(len(sights.first) - 1), np.diff(sights.first))
    episode, camera = pair // len(cameras), pair % len(cameras)
    x_m, y_m = walks.x_m[episode, sights.second], walks.y_m[episode, sights.second]
    rays = shapely.linestrings(
        np.stack([np.column_stack([cameras.x_m[camera], cameras.y_m[camera]]), np.column_stack([x_m, y_m])], axis=1)
    )

    assert len(sights.second) > 100
    assert cameras.works[camera].all()
    assert np.hypot(x_m - cameras.x_m[camera], y_m - cameras.y_m[camera]) == pytest.approx(sights.distance_m, abs=0.01)
    assert sights.distance_m.max() <= 200

    ray, house = shapely.STRtree(city.buildings).query(rays, predicate="intersects")
    assert shapely.length(shapely.intersection(rays[ray], city.buildings[house])).max(initial=0.0) < 0.01


def test_zoom_only_ever_raises_the_ceiling(city: CityMap) -> None:
    sights = sights_of(walks_of(city, TUNING_SEEDS[:6], 600), true_cameras(city, down=False), walls_of(city.buildings))
    wide, zoomed = sights.ceiling(zoom=False), sights.ceiling(zoom=True)
    assert wide.any()
    assert not (wide & ~zoomed).any()
    assert not (wide & ~sights.ceiling(zoom=False, px_per_m=25)).any()


def test_where_nothing_stands_all_in_reach_is_seen_but_for_clutter() -> None:
    city = replace(city_map("grid"), buildings=np.array([shapely.box(9_000, 9_000, 9_010, 9_010)]))
    cameras = true_cameras(city, down=False)
    turning = int(np.flatnonzero(cameras.kind == TURNING)[0])
    spot = np.full((1, 3_000), cameras.x_m[turning] + 10.0), np.full((1, 3_000), cameras.y_m[turning])
    sights = sights_of(Walks(*spot, np.array([1])), cameras, walls_of(city.buildings))
    mine = slice(sights.first[turning], sights.first[turning + 1])
    assert 0.6 < len(sights.second[mine]) / 3_000 <= 1.0 or len(sights.second[mine]) == 0
    assert sights.bearing_deg[mine] == pytest.approx(90.0, abs=0.1)
