"""What each camera can show, from what the registry says."""

import math

import numpy as np
import pytest

from pipeline.cameras.camera_table import CameraTable
from pipeline.rules.policy import ViewPolicy
from pipeline.sight.optics import FIXED, LOOSE, NO_DIRECTION, ROUND, TURNING, Optics, stable_hash
from pipeline.world.streets import streets_from
from schemas.camera_knowledge import CameraKnowledge
from schemas.codec import encode
from tests.pipeline.camera_records import a_camera, a_health, put, tell
from tests.support.little_city import PLANE

VIEW = ViewPolicy(23.5, 31.3, 90.0, (12.0, 60.0, 30.0), 200.0, 200.0, 0.05, 0.0)


def at(x_m, y_m, camera_id="cam-1", **fields):
    lat_deg, lon_deg = PLANE.to_degrees(x_m, y_m)
    return a_camera(camera_id, float(lat_deg), float(lon_deg), **fields)


def optics_of(*cameras, streets=None, view=VIEW):
    """Return the optics of these cameras and the row of the first."""
    table, optics = CameraTable(PLANE), Optics()
    assert not put(table, *cameras)
    optics.refresh(table, None, streets, view)
    return optics, table.row_of(cameras[0].camera_id)


def streets_m(*lines):
    def to_degrees(line):
        lat_deg, lon_deg = PLANE.to_degrees(*np.array(line, np.float64).T)
        return np.column_stack([lon_deg, lat_deg])

    return streets_from([to_degrees(line) for line in lines], PLANE)


def test_ranges_follow_from_resolution_and_field() -> None:
    optics, row = optics_of(at(0, 0, width_px=1920, field_of_view_deg=60.0, azimuth_deg=10.0))
    expected_m = 1920 / (2 * math.tan(math.radians(30)) * 62)
    assert optics.observe_m[row, 0] == pytest.approx(expected_m)
    assert optics.reach_m[row] == pytest.approx(expected_m * 62 / 25)
    assert not optics.assumed[row]
    assert (optics.motion[row], optics.azimuth_deg[row]) == (FIXED, 10.0)


def test_a_head_has_a_range_for_each_zoom_widest_first() -> None:
    optics, row = optics_of(at(0, 0, kind="ptz"))
    assert optics.zoom_deg == (60.0, 30.0, 12.0)
    half = np.tan(np.radians([30.0, 15.0, 6.0]))
    assert optics.observe_m[row] == pytest.approx(31.3 * half[0] / half)
    assert (optics.motion[row], optics.field_deg[row]) == (TURNING, 60.0)
    # It may be asked for what it observes at its narrowest.
    assert optics.reach_m[row] == pytest.approx(31.3 * half[0] / half[2])
    assert optics.assumed[row]


def test_nothing_reaches_farther_than_200_m() -> None:
    optics, row = optics_of(at(0, 0, kind="ptz", width_px=7680))
    assert optics.reach_m[row] == 200.0


@pytest.mark.parametrize(
    ("fields", "motion", "field_deg"),
    [
        ({"kind": "all-round", "width_px": 4000, "azimuth_deg": 5.0}, ROUND, 360.0),
        ({"kind": "fixed"}, LOOSE, 90.0),
        ({"kind": "unknown", "field_of_view_deg": 0.0}, LOOSE, 90.0),
        ({"kind": "fixed", "field_of_view_deg": 40.0, "azimuth_deg": 5.0}, FIXED, 40.0),
    ],
)
def test_what_is_not_known_is_assumed_and_said_to_be(fields, motion, field_deg) -> None:
    optics, row = optics_of(at(0, 0, **fields))
    assert (optics.motion[row], optics.field_deg[row]) == (motion, field_deg)
    assert optics.observe_m[row, 0] == pytest.approx(23.5)
    assert optics.assumed[row]


def test_only_cameras_that_are_placed_in_service_and_answering_are_usable() -> None:
    cameras = [
        at(0, 0, "up"),
        at(0, 0, "planned", status="planned"),
        at(0, 0, "elsewhere", quality_flags=("pile",)),
        at(0, 0, "down"),
    ]
    table, optics = CameraTable(PLANE), Optics()
    put(table, *cameras)
    tell(table, a_health("down", "down"))
    optics.refresh(table, None, None, VIEW)
    reasons = {camera.camera_id: int(optics.reason[table.row_of(camera.camera_id)]) for camera in cameras}
    assert reasons == {"up": 0, "planned": 1, "elsewhere": 2, "down": 3}
    assert optics.usable.sum() == 1


def test_refreshing_rows_gives_what_refreshing_all_gives() -> None:
    table, optics, whole = CameraTable(PLANE), Optics(), Optics()
    streets = streets_m([(-200, 0), (200, 0)])
    put(table, *(at(k, 5, f"cam-{k}", kind="ptz" if k % 3 else "fixed") for k in range(40)))
    optics.refresh(table, None, streets, VIEW)
    before = table.revision
    put(table, "cam-3", at(9, 50, "cam-4"), at(7, 1, "new"), *(at(k, 2, f"more-{k}") for k in range(1_100)))
    tell(table, a_health("cam-7", "down"))
    optics.refresh(table, table.changed_rows_since(before), streets, VIEW)
    whole.refresh(table, None, streets, VIEW)
    alive = np.flatnonzero(table.alive)
    for name, column in vars(whole).items():
        if isinstance(column, np.ndarray):
            np.testing.assert_array_equal(getattr(optics, name)[alive], column[alive], err_msg=name)
    np.testing.assert_array_equal(optics.reason, whole.reason)
    assert optics.id_hash[table.row_of("new")] == stable_hash("new")


def test_other_zooms_make_all_rows_anew() -> None:
    table, optics = CameraTable(PLANE), Optics()
    put(table, at(0, 0, "a", kind="ptz"), at(0, 0, "b", kind="ptz"))
    optics.refresh(table, None, None, VIEW)
    wide = ViewPolicy(23.5, 31.3, 90.0, (60.0,), 200.0, 200.0, 0.05, 0.0)
    optics.refresh(table, np.array([0]), None, wide)
    assert optics.observe_m.shape[1] == 1
    assert optics.observe_m[:2, 0] == pytest.approx(31.3)


CROSS = (([(-100, 0), (0, 0), (100, 0)]), ([(0, -100), (0, 0), (0, 100)]))


@pytest.mark.parametrize(
    ("x_m", "y_m", "count", "bearings"),
    [
        (4, 4, 4, {0, 90, 180, 270}),
        (50, 3, 2, {90, 270}),
        (-2, 60, 2, {0, 180}),
        (300, 300, 0, set()),
    ],
)
def test_unknown_headings_follow_the_streets_at_the_pole(x_m, y_m, count, bearings) -> None:
    optics, row = optics_of(at(x_m, y_m), streets=streets_m(*CROSS))
    assert optics.facing_n[row] == count
    directions = [int(b) for b in optics.facing[row] if b != NO_DIRECTION]
    assert {bearing // 3 for bearing in bearings} == set(directions)


def test_without_a_street_map_a_heading_is_any() -> None:
    optics, row = optics_of(at(4, 4))
    assert optics.facing_n[row] == 0
    assert (optics.facing[row] == NO_DIRECTION).all()


def test_what_was_learned_of_a_camera_is_taken_over() -> None:
    table, optics = CameraTable(PLANE), Optics()
    put(table, at(0, 0), at(0, 0, "cam-2"))
    optics.refresh(table, None, None, VIEW)
    assert (optics.factor[:2] == 1.0).all()
    row = table.row_of("cam-1")
    known = CameraKnowledge(
        camera_id="cam-1",
        basis=table.learned.basis_of(row),
        trust=0.25,
        trust_low=0.0,
        trust_high=1.0,
        dark=0.1,
        factors=(0.25,) * 12,
        pole_east_m=12.0,
        pole_north_m=-8.0,
        pole_error_m=6.0,
        looks=3,
        sightings=1,
        evidence=b"",
        since_us=0,
        updated_us=0,
    )
    assert not table.apply_knowledge([b"cam-1"], [encode(known)], 0)
    optics.refresh(table, np.array([row]), None, VIEW)
    assert (optics.factor[row] == 0.25).all()
    assert (optics.x_m[row], optics.y_m[row]) == pytest.approx((12.0, -8.0), abs=1e-6)
    other = table.row_of("cam-2")
    assert (optics.factor[other] == 1.0).all()
    assert (optics.x_m[other], optics.y_m[other]) == pytest.approx((0.0, 0.0), abs=1e-6)
