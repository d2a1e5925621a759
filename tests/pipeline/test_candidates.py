"""Which cameras may be considered: rings that widen, and reasons counted for those left out."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.camera_table import CameraTable
from pipeline.candidates import CANDIDATES_MAX, Candidates, around, inside, is_usable
from pipeline.policy import SearchPolicy
from pipeline.region import Region, disc, spread_over
from schemas.camera import Camera, CameraPurpose
from tests.support.brute_force import distance_m, eligible
from tests.support.records import LAT_DEG, LON_DEG, a_camera, a_health, a_table, at

POLICY = SearchPolicy((100.0, 200.0, 400.0), 3)
HERE = disc(LAT_DEG, LON_DEG, 1.0)
ANY: frozenset[str] = frozenset()
CRIME = frozenset({"crime-prevention"})


def east(*distances_m: float, **changes: Any) -> list[Camera]:
    """Return a camera at each distance east of the tests' place, named by it."""
    return [a_camera(f"{d:04}", location=at(d), **changes) for d in distances_m]


def names(cameras: CameraTable, found: Candidates) -> list[str]:
    return [cameras.camera_id(row) for row in found.rows.tolist()]


def a_box(half_m: float) -> shapely.Polygon:
    low, high = at(-half_m, -half_m), at(half_m, half_m)
    return shapely.box(low.lon_deg, low.lat_deg, high.lon_deg, high.lat_deg)


@pytest.mark.parametrize(
    ("distances_m", "expected", "ring_m"),
    [
        ((10, 50, 90, 150, 300), ["0010", "0050", "0090"], 100),
        ((10, 50, 150, 190, 300), ["0010", "0050", "0150", "0190"], 200),
        ((10, 250, 390), ["0010", "0250", "0390"], 400),
        ((10, 399, 450), ["0010", "0399"], 400),
        ((450, 500), [], 400),
        ((), [], 400),
    ],
)
def test_rings_widen_until_enough_sites_are_found(
    distances_m: tuple[float, ...], expected: list[str], ring_m: float
) -> None:
    table = a_table(*east(*distances_m))
    found = around(table, HERE, ANY, POLICY)
    assert names(table, found) == expected
    assert found.search_radius_m == pytest.approx(ring_m + HERE.radius_m)


def test_three_cameras_on_one_pole_are_one_site() -> None:
    pole = [a_camera(f"mate-{i}", site_id="pole", location=at(10)) for i in range(3)]
    table = a_table(*pole, *east(150, 160))
    assert names(table, around(table, HERE, ANY, POLICY)) == ["mate-0", "mate-1", "mate-2", "0150", "0160"]


def test_only_usable_sites_are_enough() -> None:
    table = a_table(*east(10, 20), *east(30, status="planned"), *east(150))
    found = around(table, HERE, ANY, POLICY)
    assert names(table, found) == ["0010", "0020", "0150"]
    assert found.excluded == {"status": 1}


def test_the_uncertainty_of_the_target_widens_every_ring() -> None:
    table = a_table(*east(10, 20, 130))
    wide = disc(LAT_DEG, LON_DEG, 50.0)
    assert names(table, around(table, wide, ANY, POLICY)) == ["0010", "0020", "0130"]
    assert around(table, wide, ANY, POLICY).search_radius_m == pytest.approx(100 + wide.radius_m)


def test_candidates_stand_nearest_first_and_ties_by_id() -> None:
    table = a_table(a_camera("b", location=at(20)), a_camera("a", location=at(20)), a_camera("c", location=at(-5)))
    assert names(table, around(table, HERE, ANY, POLICY)) == ["c", "a", "b"]


def test_a_camera_left_out_is_counted_under_the_first_reason_that_applies() -> None:
    table = a_table(
        *east(10),
        *east(20, 21, status="retired", purposes=("waste",)),
        *east(30, quality_flags=("pile",), purposes=("waste",)),
        *east(40, 41, 42),
        *east(50, 51, purposes=("waste",)),
        *east(60, purposes=()),
        a_health("0040", "down"),
        a_health("0041", "maintenance"),
        a_health("0042", "obstructed"),
        a_health("0050", "down"),
        a_health("0010", "up"),
    )
    found = around(table, HERE, CRIME, POLICY)
    assert names(table, found) == ["0010"]
    assert found.excluded == {"status": 2, "position": 1, "health": 4, "purpose": 2}
    assert is_usable(table, np.arange(len(table)), CRIME).sum() == 1


def test_left_out_cameras_are_counted_in_the_ring_that_was_looked_at() -> None:
    table = a_table(*east(10, 20, 30), *east(40, 150, status="planned"))
    assert around(table, HERE, ANY, POLICY).excluded == {"status": 1}


def test_silence_and_unheard_of_states_count_as_answering() -> None:
    table = a_table(*east(10, 20), a_health("0020", "asleep"))
    assert names(table, around(table, HERE, ANY, POLICY)) == ["0010", "0020"]


@pytest.mark.parametrize("purpose", list(CameraPurpose))
def test_a_camera_with_one_allowed_purpose_among_others_may_be_used(purpose: CameraPurpose) -> None:
    table = a_table(*east(10, purposes=("waste", purpose)))
    assert names(table, around(table, HERE, frozenset({purpose.value}), POLICY)) == ["0010"]


def test_in_an_area_candidates_are_those_within_nearest_to_its_middle_first() -> None:
    table = a_table(*east(-150, -20, 30, 90, 190), *east(210))
    area = a_box(200)
    found = inside(table, area, spread_over(area), ANY, POLICY)
    assert names(table, found) == ["-020", "0030", "0090", "-150", "0190"]


def test_an_area_with_too_few_sites_also_gets_those_around_it() -> None:
    table = a_table(*east(20, 60, 130), *east(30, status="planned"))
    area = a_box(50)
    region = spread_over(area)
    found = inside(table, area, region, ANY, POLICY)
    assert names(table, found) == ["0020", "0060", "0130"]
    assert found.excluded == {"status": 1}
    assert found.search_radius_m == pytest.approx(100 + region.radius_m)


def test_a_large_area_is_thinned_evenly_from_its_middle_to_its_edge() -> None:
    side = 60
    grid = [a_camera(f"{i:02}-{j:02}", location=at(i * 20, j * 20)) for i in range(side) for j in range(side)]
    table = a_table(*grid)
    middle, half_m = at(590, 590), 600.0
    area = shapely.affinity.translate(a_box(half_m), middle.lon_deg - LON_DEG, middle.lat_deg - LAT_DEG)
    region = spread_over(area)
    found = inside(table, area, region, ANY, POLICY)
    assert len(found.rows) == 1_200
    assert len(found.rows) <= CANDIDATES_MAX < side * side
    middle_x, middle_y = region.plane.to_metres(table.lat_deg[found.rows], table.lon_deg[found.rows])
    off_m = np.hypot(middle_x, middle_y)
    assert (np.diff(off_m) >= -1e-6).all()
    # A disc of half the box's width holds pi/16 of its cameras, thinned or not.
    assert (off_m <= 300).mean() == pytest.approx(np.pi / 16, abs=0.01)


def test_what_is_known_only_to_a_hundred_kilometres_is_looked_for_within_fifty() -> None:
    table = a_table(*east(10, 40_000, 60_000))
    found = around(table, disc(LAT_DEG, LON_DEG, 100_000.0), ANY, POLICY)
    assert names(table, found) == ["0010", "40000"]
    assert found.search_radius_m == 50_000.0


def test_an_area_as_wide_as_a_country_is_no_error() -> None:
    table = a_table(*east(10, 20))
    area = a_box(200_000)
    assert names(table, inside(table, area, spread_over(area), ANY, POLICY)) == ["0010", "0020"]


worlds = st.lists(
    st.builds(
        lambda i, x, y, site, status, purpose, flag: a_camera(
            f"c{i}", site_id=site, location=at(x, y), status=status, purposes=(purpose,), quality_flags=flag
        ),
        i=st.integers(0, 10**6),
        x=st.integers(-450, 450),
        y=st.integers(-450, 450),
        site=st.sampled_from("abcdefgh"),
        status=st.sampled_from(["active", "active", "active", "planned"]),
        purpose=st.sampled_from(["crime-prevention", "crime-prevention", "waste"]),
        flag=st.sampled_from([(), (), ("pile",)]),
    ),
    max_size=40,
    unique_by=lambda camera: camera.camera_id,
)


@settings(max_examples=80, deadline=None)
@given(worlds, st.sets(st.integers(0, 39)), st.sampled_from([ANY, CRIME]), st.integers(1, 120), st.integers(1, 6))
def test_candidates_equal_a_search_that_looks_at_every_camera(
    world: list[Camera], down: set[int], purposes: frozenset[str], accuracy_m: int, enough: int
) -> None:
    broken = {camera.camera_id: "down" for i, camera in enumerate(world) if i in down}
    table = a_table(*world, *(a_health(i, state) for i, state in broken.items()))
    region: Region = disc(LAT_DEG, LON_DEG, accuracy_m)
    policy = SearchPolicy((80.0, 160.0, 320.0), enough)
    here = (LAT_DEG, LON_DEG)
    rings_m = [ring + region.radius_m for ring in policy.rings_m]
    if any(abs(distance_m(here, camera) - ring) < 0.01 for camera in world for ring in rings_m):
        return  # too close to a ring for two ways of measuring to agree
    found = around(table, region, purposes, policy)
    expected, ring_m = eligible(world, broken, purposes, here=here, rings_m=rings_m, enough_sites=enough)
    assert sorted(names(table, found)) == sorted(camera.camera_id for camera in expected)
    assert found.search_radius_m == pytest.approx(ring_m)
    off_m = [distance_m(here, next(c for c in world if c.camera_id == name)) for name in names(table, found)]
    assert all(a <= b + 1e-3 for a, b in pairwise(off_m))
    within = sum(distance_m(here, camera) <= ring_m for camera in world)
    assert len(found.rows) + sum(found.excluded.values()) == within
