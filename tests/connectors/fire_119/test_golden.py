"""From what the 119 system says to the cameras: at the scene, along the way, and around a fire that grows."""

import json
from dataclasses import replace
from typing import Any

from schemas.camera import Camera
from schemas.camera_assignment import CameraAssignment, CameraRole
from tests.connectors.dispatch_pushes import entries_of_push
from tests.support.golden import assignments_for, camera_grid, entries_of

# A street from west to east with a camera every 80 m; the fire is at its 23rd.
STREET_LAT, WEST_LON, STEP_LON = 37.574, 126.960, 0.0009
SCENE_LON = 126.980
WAY = "126.960 37.574;126.970 37.574;126.980 37.574"


def street() -> list[Camera]:
    cameras = []
    for number in range(30):
        (camera,) = camera_grid(STREET_LAT, WEST_LON + STEP_LON * number, side=1)
        name = f"way-{number:02}"
        cameras.append(replace(camera, camera_id=name, event_id=name, site_id=f"pole-{number}"))
    return cameras


LON = {camera.camera_id: camera.location.lon_deg for camera in street()}


def a_fire(**cells: Any) -> dict[str, Any]:
    row = {"OBJT_ID": "1", "STTE_DT": "20260301115000", "EMG_TY_NM1": "화재", "PROGRS_STN": "1차출동"}
    return row | {"X": SCENE_LON, "Y": STREET_LAT} | cells


def an_engine(lon: float, **cells: Any) -> dict[str, Any]:
    return {"VHCL_ID": "종로-펌프-1", "VHCL_X": lon, "VHCL_Y": STREET_LAT} | cells


def decided(*rows: dict[str, Any]) -> list[CameraAssignment]:
    """Return the assignments of rows that are pushed twenty seconds after each other."""
    entries = entries_of_push("fire_119", json.dumps(rows).encode())
    return assignments_for(entries, cameras=street(), every_s=20)


def corridor(assignment: CameraAssignment) -> list[float]:
    """Return where the corridor's cameras are, in the order of the assignment."""
    return [LON[camera.camera_id] for camera in assignment.cameras if camera.role == CameraRole.CORRIDOR]


def test_cameras_along_the_way_come_in_driving_order_and_go_when_the_vehicle_has_passed() -> None:
    assignments = decided(
        a_fire(**an_engine(126.960, VHCL_ROUTE=WAY)), *(an_engine(lon) for lon in (126.965, 126.970, 126.975))
    )

    assert len(assignments) == 4
    for assignment, lon in zip(assignments, (126.960, 126.965, 126.970, 126.975), strict=True):
        ahead = corridor(assignment)
        assert len(ahead) == 4
        assert ahead == sorted(ahead)
        # A camera shows something up to 58 m away: less than a step between two of them.
        assert all(camera_lon > lon - STEP_LON for camera_lon in ahead)


def test_a_camera_that_was_passed_is_told_as_ending_and_then_is_free() -> None:
    first, second, third = decided(a_fire(**an_engine(126.960, VHCL_ROUTE=WAY)), an_engine(126.968), an_engine(126.972))
    passed = {camera.camera_id for camera in first.cameras if camera.role == CameraRole.CORRIDOR}

    ending = {camera.camera_id for camera in second.cameras if camera.role == CameraRole.ENDING}
    assert passed <= ending
    assert not passed & {camera.camera_id for camera in third.cameras}


def test_at_the_scene_the_corridor_is_gone_and_the_scene_is_kept() -> None:
    before, arrived = decided(a_fire(**an_engine(126.960, VHCL_ROUTE=WAY)), an_engine(126.9799))
    views = [{c.camera_id for c in a.cameras if c.role == CameraRole.VIEW} for a in (before, arrived)]

    assert corridor(arrived) == []
    assert views[0] == views[1] != set()


def test_a_way_from_the_other_side_is_looked_at_from_that_side() -> None:
    (assignment,) = decided(a_fire(**an_engine(126.986, VHCL_ROUTE="126.986 37.574;126.980 37.574")))

    ahead = corridor(assignment)
    assert ahead
    assert ahead == sorted(ahead, reverse=True)


def test_two_vehicles_have_a_corridor_each_and_a_move_of_one_keeps_the_others() -> None:
    units = [an_engine(126.960, VHCL_ROUTE=WAY), an_engine(126.986, VHCL_ID="P-2")]
    first, second = decided(a_fire(UNITS=units), an_engine(126.966))

    east = [[lon for lon in corridor(a) if lon > SCENE_LON] for a in (first, second)]
    assert east[0] == east[1] != []


def test_a_response_level_raises_the_rank_and_looks_around_the_scene() -> None:
    fire, second_level, fighting, over = decided(
        a_fire(),
        a_fire(PROGRS_STN="대응2단계", UPD_DT="20260301115500"),
        a_fire(PROGRS_STN="진압중", UPD_DT="20260301115600"),
        a_fire(PROGRS_STN="귀소", UPD_DT="20260301115700"),
    )

    assert [a.rank for a in (fire, second_level, fighting)] == [1, 0, 0]
    assert {c.role for c in fire.cameras} & {CameraRole.VIEW, CameraRole.AREA} == {CameraRole.VIEW}
    assert CameraRole.AREA in {c.role for c in second_level.cameras}
    assert (over.status, over.cameras) == ("released", ())


def test_a_lowered_level_gives_the_wide_area_back_and_looks_at_the_scene() -> None:
    _, wide, lowered, still = decided(
        a_fire(),
        a_fire(PROGRS_STN="대응3단계", UPD_DT="20260301115500"),
        a_fire(PROGRS_STN="대응3단계 해제", UPD_DT="20260301115600"),
        a_fire(PROGRS_STN="진압중", UPD_DT="20260301115700"),
    )

    far = {c.camera_id for c in wide.cameras if abs(LON[c.camera_id] - SCENE_LON) > 2 * STEP_LON}
    assert far
    for assignment in (lowered, still):
        looking = [c for c in assignment.cameras if c.role != CameraRole.ENDING]
        assert {c.role for c in looking} <= {CameraRole.VIEW, CameraRole.NEXT}
        assert abs(LON[looking[0].camera_id] - SCENE_LON) < STEP_LON
    assert far - {c.camera_id for c in lowered.cameras if c.role == CameraRole.VIEW}


def test_the_same_from_a_file_that_was_dropped() -> None:
    rows = [a_fire(**an_engine(126.960, VHCL_ROUTE=WAY)), an_engine(126.970) | {"OBJT_ID": "1"}]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)

    dropped = assignments_for(
        entries_of("fire_119", lines.encode(), origin="dispatches.jsonl"), cameras=street(), every_s=20
    )

    assert [a.cameras for a in dropped] == [a.cameras for a in decided(*rows)]
