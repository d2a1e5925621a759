"""What a camera can show: range by pixel density, field of view, unknown headings, zoom, clutter."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geo import Plane
from pipeline.policy import ViewPolicy
from pipeline.region import Region, disc, polygon_of, spread_over
from pipeline.visibility import ViewRequest, Views, level_at, views_of
from schemas.camera import Camera
from schemas.location import Area, Point
from tests.pipeline.engine_runs import DEMO
from tests.support.records import LAT_DEG, LON_DEG, a_camera, a_table, at

POLICY = DEMO.view
CLEAR = ViewPolicy(23.5, 31.3, 90.0, (60.0, 30.0, 12.0), 10_000.0, 0.05)  # so little clutter that ranges stand out


def points(*offsets_m: tuple[float, float]) -> Region:
    """Return a region of these points (east, north) around the tests' place, equally likely."""
    x_m, y_m = (np.array(column, float) for column in zip(*offsets_m, strict=True))
    weights = np.full(len(x_m), 1 / len(x_m))
    return Region(Plane(LAT_DEG, LON_DEG), x_m, y_m, weights, LAT_DEG, LON_DEG, 100.0)


def views(region: Region, *cameras: Camera, policy: ViewPolicy = CLEAR) -> Views:
    table = a_table(*cameras)
    rows = np.array([table.row_of(camera.camera_id) for camera in cameras], np.intp)
    return views_of(table, [ViewRequest(rows, region)], policy)[0]


def seen(region: Region, camera: Camera, policy: ViewPolicy = CLEAR) -> list[float]:
    """Return how well the camera's (widest) view sees each point, clutter of the clear policy rounded away."""
    return [round(p, 2) for p in views(region, camera, policy=policy).seen[0].tolist()]


def test_the_range_of_observe_follows_the_formula_of_the_standard() -> None:
    # 1920 px over 60 degrees are 1920 / (2 tan 30°) = 1662.8 px per radian's tangent: 62 px/m at 26.8 m.
    optics = {"kind": "fixed", "azimuth_deg": 0.0, "field_of_view_deg": 60.0, "width_px": 1920}
    found = views(points((0, 10)), a_camera("c", **optics))
    assert found.observe_range_m.tolist() == [pytest.approx(26.82, abs=0.01)]


def test_points_within_observe_range_count_fully_to_detect_range_weakly_and_beyond_not_at_all() -> None:
    ahead = points((0, 23.4), (0, 23.6), (0, 58.2), (0, 58.4), (0, 500))
    assert seen(ahead, a_camera("c", kind="all-round")) == [1, 0.05, 0.05, 0, 0]


def test_sight_fades_with_distance() -> None:
    view = views(points((0, 20), (0, 40)), a_camera("c"), policy=POLICY)
    assert view.seen[0].tolist() == [
        pytest.approx(math.exp(-20 / 200), rel=1e-5),
        pytest.approx(0.05 * math.exp(-40 / 200), rel=1e-5),
    ]


@pytest.mark.parametrize("azimuth_deg", [0.0, 90.0, 180.0, 350.0, 360.0])
def test_a_fixed_camera_sees_half_its_field_to_either_side_of_its_axis(azimuth_deg: float) -> None:
    off_axis_deg = [0, 44, -44, 46, -46, 180]
    around = [math.radians(azimuth_deg + off) for off in off_axis_deg]
    region = points(*((15 * math.sin(a), 15 * math.cos(a)) for a in around))
    camera = a_camera("c", kind="fixed", azimuth_deg=azimuth_deg, field_of_view_deg=90.0)
    assert seen(region, camera) == [1, 1, 1, 0, 0, 0]


def test_a_fixed_camera_of_unknown_field_is_taken_to_see_the_assumed_field() -> None:
    region = points((0, 15), (9, 15), (17, 15))  # 0, 31 and 49 degrees off an axis to the north
    assert seen(region, a_camera("c", kind="fixed", azimuth_deg=0.0)) == [1, 1, 0]


def test_an_all_round_camera_sees_every_way_even_with_an_azimuth() -> None:
    region = points((0, 15), (15, 0), (0, -15), (-15, 0))
    assert seen(region, a_camera("c", kind="all-round", azimuth_deg=90.0)) == [1, 1, 1, 1]


def test_the_pixels_of_a_panorama_are_not_put_into_the_formula() -> None:
    found = views(points((0, 15)), a_camera("c", kind="all-round", width_px=8_000, field_of_view_deg=360.0))
    assert found.observe_range_m.tolist() == [23.5]


@pytest.mark.parametrize("kind", ["fixed", "unknown", "other"])
def test_an_unknown_heading_is_any_heading(kind: str) -> None:
    region = points((0, 15), (0, -15))
    found = views(region, a_camera("c", kind=kind, field_of_view_deg=72.0))
    assert not found.heading_known[0]
    assert found.heading.tolist() == [pytest.approx(72 / 360)]
    assert found.seen[0].round(2).tolist() == [1, 1]


def test_known_and_chosen_headings_are_certain() -> None:
    kinds: list[dict[str, Any]] = [{"kind": "fixed", "azimuth_deg": 10.0}, {"kind": "ptz"}, {"kind": "all-round"}]
    found = views(points((0, 15)), *(a_camera(f"c{i}", **kind) for i, kind in enumerate(kinds)))
    assert found.heading_known.tolist() == [True] * 3
    assert set(found.heading.tolist()) == {1.0}


def test_a_ptz_camera_has_a_view_per_zoom_which_sees_further_the_narrower_it_is() -> None:
    found = views(points((0, 25)), a_camera("p", kind="ptz"), a_camera("c"))
    assert found.camera.tolist() == [0, 0, 0, 1]
    assert found.field_deg.tolist() == [60, 30, 12, 360]
    expected_m = [31.3 * math.tan(math.radians(30)) / math.tan(math.radians(half)) for half in (30, 15, 6)]
    assert found.observe_range_m.tolist() == [*(pytest.approx(e) for e in expected_m), 23.5]
    assert found.observe_range_m[2] > 170


def test_a_ptz_camera_of_known_pixels_computes_its_range_at_every_zoom() -> None:
    found = views(points((0, 25)), a_camera("p", kind="ptz", width_px=1920, field_of_view_deg=5.0))
    expected_m = [1920 / (2 * math.tan(math.radians(half)) * 62) for half in (30, 15, 6)]
    assert found.observe_range_m.tolist() == [pytest.approx(e) for e in expected_m]


def test_a_ptz_camera_turns_to_the_middle_of_the_region_and_sees_its_field_there() -> None:
    region = points((100, 0), (100, 40), (100, -40))  # 22 degrees to either side of due east
    found = views(region, a_camera("p", kind="ptz", width_px=8_000))
    assert found.bearing_deg.tolist() == [pytest.approx(90, abs=0.1)]
    assert (found.seen > 0.5).tolist() == [[True, True, True], [True, False, False], [True, False, False]]


def test_distance_and_bearing_lead_from_the_camera_to_the_regions_centre() -> None:
    found = views(disc(LAT_DEG, LON_DEG, 10), a_camera("c", location=at(-30, 40)))
    assert found.distance_m.tolist() == [pytest.approx(50, abs=1)]
    assert found.bearing_deg.tolist() == [pytest.approx(math.degrees(math.atan2(30, -40)), abs=2)]


@pytest.mark.parametrize("width_px", [None, 1920])
def test_a_registry_that_says_zero_degrees_does_not_know_the_field(width_px: int | None) -> None:
    zero = a_camera("c", kind="fixed", azimuth_deg=0.0, field_of_view_deg=0.0, width_px=width_px)
    unknown = a_camera("c", kind="fixed", azimuth_deg=0.0, width_px=width_px)
    region = points((0, 10), (0, 200))
    assert views(region, zero).field_deg.tolist() == [90.0]
    assert views(region, zero).observe_range_m.tolist() == views(region, unknown).observe_range_m.tolist()


def test_nothing_to_look_through_gives_no_views() -> None:
    (found,) = views_of(a_table(), [ViewRequest(np.zeros(0, np.intp), points((0, 1), (1, 0)))], POLICY)
    assert found.seen.shape == (0, 2)
    assert len(found.camera) == len(found.rows) == 0


@pytest.mark.parametrize(
    ("distance_m", "level"),
    [
        (0.0, "identify"),
        (5.82, "identify"),
        (5.84, "recognise"),
        (11.65, "recognise"),
        (11.66, "observe"),
        (23.5, "observe"),
        (23.6, "detect"),
        (58.2, "detect"),
        (58.3, "none"),
        (10_000.0, "none"),
    ],
)
def test_the_level_is_the_pixel_density_at_the_distance(distance_m: float, level: str) -> None:
    # 23.5 m is where 62 px/m are left: 250 at 5.83 m, 125 at 11.66 m, 25 at 58.28 m.
    assert level_at(distance_m, 23.5) == level


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.1, 1e4))
def test_a_level_never_gets_better_with_distance(one_m: float, other_m: float, range_m: float) -> None:
    order = ["identify", "recognise", "observe", "detect", "none"]
    near_m, far_m = sorted((one_m, other_m))
    assert order.index(level_at(near_m, range_m)) <= order.index(level_at(far_m, range_m))


cameras = st.builds(
    lambda i, east, north, kind, azimuth, field, width: a_camera(
        f"c{i}", location=at(east, north), kind=kind, azimuth_deg=azimuth, field_of_view_deg=field, width_px=width
    ),
    i=st.integers(0, 10**6),
    east=st.integers(-300, 300),
    north=st.integers(-300, 300),
    kind=st.sampled_from(["fixed", "ptz", "all-round", "unknown"]),
    azimuth=st.none() | st.floats(0, 360),
    field=st.none() | st.floats(0, 360),
    width=st.none() | st.integers(1, 40_000),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(cameras, min_size=1, max_size=6, unique_by=lambda c: c.camera_id), st.floats(0, 500))
def test_whatever_a_registry_says_views_are_finite_probabilities(members: list[Camera], accuracy_m: float) -> None:
    found = views(disc(LAT_DEG, LON_DEG, accuracy_m), *members, policy=POLICY)
    assert ((found.seen >= 0) & (found.seen <= 1)).all()
    assert ((found.heading > 0) & (found.heading <= 1)).all()
    assert np.isfinite(found.observe_range_m).all()
    assert (found.observe_range_m > 0).all()
    assert ((found.bearing_deg >= 0) & (found.bearing_deg < 360)).all()
    assert sorted(set(found.camera.tolist())) == list(range(len(members)))


def test_regions_computed_together_get_exactly_what_each_gets_alone() -> None:
    rnd = np.random.default_rng(3)
    kinds = ("fixed", "ptz", "all-round", "unknown")
    table = a_table(
        *(
            a_camera(
                f"c{i}",
                location=at(*rnd.uniform(-300, 300, 2).tolist()),
                kind=kinds[i % 4],
                azimuth_deg=float(rnd.uniform(0, 360)) if i % 3 else None,
                width_px=1920 if i % 5 == 0 else None,
            )
            for i in range(120)
        )
    )
    requests = []
    for number in range(40):
        place = at(*rnd.uniform(-200, 200, 2).tolist())
        rows = np.sort(rnd.choice(120, int(rnd.integers(0, 60)), replace=False))
        requests.append(ViewRequest(rows, disc(place.lat_deg, place.lon_deg, float(rnd.uniform(1, 80)))))
        if number % 7 == 0:
            ring = tuple(Point(lat_deg=LAT_DEG + y, lon_deg=LON_DEG + x) for x, y in ((0, 0), (0.001, 0), (0, 0.001)))
            area = polygon_of(Area(polygon=ring))
            assert area is not None
            requests.append(ViewRequest(rows, spread_over(area)))

    together = views_of(table, requests, POLICY)

    for request, views in zip(requests, together, strict=True):
        (alone,) = views_of(table, [request], POLICY)
        for name in ("rows", "distance_m", "bearing_deg", "camera", "field_deg", "observe_range_m", "heading", "seen"):
            assert np.array_equal(getattr(views, name), getattr(alone, name)), name
