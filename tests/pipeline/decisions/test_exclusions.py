"""Which cameras near a target could not be chosen: rings that widen, and reasons counted for those left out."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pipeline.choice.scenery import Scenery
from pipeline.decisions.exclusions import NAMED_MAX, Exclusions, exclusions_around
from pipeline.decisions.place import polygon_of
from pipeline.rules.policy import SearchPolicy
from pipeline.world.places import places_around, places_over
from schemas.camera import Camera, CameraHealth
from schemas.case_state import BarredCamera, CaseState
from schemas.location import Area, Point
from tests.pipeline.cases.test_case import case_after
from tests.pipeline.engine_runs import DEMO
from tests.support.records import T0_US, a_camera, a_health, a_table, an_incident, at

RINGS = SearchPolicy((100.0, 200.0, 400.0), 3)
ANY: frozenset[str] = frozenset()
CRIME = frozenset({"crime-prevention"})
CASE = case_after(an_incident())


def east(*distances_m: float, **changes: Any) -> list[Camera]:
    """Return a camera at each distance east of the tests' place, named by it."""
    return [a_camera(f"{d:04}", location=at(d), **changes) for d in distances_m]


def around(
    *records: Camera | CameraHealth,
    purposes: frozenset[str] = ANY,
    case: CaseState = CASE,
    now_us: int = T0_US,
    error_m: float = 1.0,
) -> Exclusions:
    """Return what is left out around the tests' place."""
    scenery = Scenery(a_table(*records), DEMO)
    scenery.refresh()
    here = at()
    x_m, y_m = scenery.plane.to_metres(here.lat_deg, here.lon_deg)
    places = places_around(x_m, y_m, error_m, None)
    return exclusions_around(scenery, places, purposes, case, now_us=now_us, policy=RINGS)


@pytest.mark.parametrize(
    ("distances_m", "ring_m"),
    [((10, 50, 90, 150, 300), 100), ((10, 50, 150, 190, 300), 200), ((10, 250, 390), 400), ((450, 500), 400)],
)
def test_the_search_is_the_first_ring_that_holds_enough_usable_sites_else_the_widest(
    distances_m: tuple[float, ...], ring_m: float
) -> None:
    # The spread of the places themselves, here of one metre's error, comes on top.
    assert around(*east(*distances_m)).search_radius_m == pytest.approx(ring_m, abs=4)


def test_cameras_of_one_site_count_once_and_unusable_ones_not_at_all() -> None:
    one_site = east(10, 20, 30, site_id="pole")
    assert around(*one_site).search_radius_m > 390
    assert around(*east(10, 20, 30), a_health("0010")).search_radius_m > 390


def test_each_reason_is_counted_once_for_the_first_that_applies() -> None:
    records = [
        *east(10, status="retired"),
        a_camera("0020", location=at(20, quality="default")),
        *east(30, 40),
        *east(50, 60, 70, purposes=("traffic",)),
        *east(80, purposes=("traffic",), status="retired"),
    ]
    found = around(*records, a_health("0030"), a_health("0050"), purposes=CRIME)
    assert found.counts == {"status": 2, "position": 1, "health": 2, "purpose": 2}
    assert found.nearest_owner == "Riverside"


def test_what_is_barred_is_left_out_by_who_barred_it_until_then() -> None:
    bars = (
        BarredCamera(camera_id="0010", reason="operator", until_us=None),
        BarredCamera(camera_id="0020", reason="head-denied", until_us=T0_US + 5),
        BarredCamera(camera_id="gone", reason="operator", until_us=None),
    )
    case = CaseState(**{name: getattr(CASE, name) for name in CASE.__slots__} | {"barred": bars})
    assert around(*east(10, 20, 30), case=case).counts == {"operator": 1, "head-denied": 1}
    assert around(*east(10, 20, 30), case=case, now_us=T0_US + 5).counts == {"operator": 1}


def test_the_nearest_of_them_are_named_with_distance_and_reason() -> None:
    distances_m = [10.0 * n for n in range(1, 13)]
    found = around(*east(*distances_m, status="retired"))
    assert [e.camera_id for e in found.nearest] == [f"{d:04}" for d in distances_m[:NAMED_MAX]]
    assert all(a.distance_m <= b.distance_m for a, b in pairwise(found.nearest))
    assert {e.reason for e in found.nearest} == {"status"}
    assert found.counts == {"status": 12}
    assert found.nearest_owner is None


def test_any_purpose_will_do_where_none_is_asked_for() -> None:
    cameras = east(10, 20, 30, purposes=("traffic",))
    assert around(*cameras).counts == {}
    assert around(*cameras, purposes=CRIME).counts == {"purpose": 3}


def test_an_areas_own_extent_widens_the_search() -> None:
    ring = tuple(
        Point(lat_deg=p.lat_deg, lon_deg=p.lon_deg)
        for p in (at(-300, -300), at(300, -300), at(300, 300), at(-300, 300))
    )
    polygon = polygon_of(Area(polygon=ring))
    assert polygon is not None
    scenery = Scenery(a_table(*east(10, 380, 500)), DEMO)
    scenery.refresh()
    places = places_over(polygon, scenery.plane, None)
    found = exclusions_around(scenery, places, ANY, CASE, now_us=T0_US, policy=RINGS)
    assert 500 < found.search_radius_m < 400 + 430


def test_without_cameras_nothing_is_left_out() -> None:
    assert around() == Exclusions()


@pytest.mark.parametrize("state", ["down", "maintenance", "obstructed"])
def test_cameras_that_do_not_answer_are_not_usable(state: str) -> None:
    table = a_table(*east(10, 20), a_health("0010", state), a_health("0020", "up"))
    rows = np.array([table.row_of("0010"), table.row_of("0020")], np.intp)
    scenery = Scenery(table, DEMO)
    scenery.refresh()
    assert scenery.optics.usable[rows].tolist() == [False, True]
