"""Assignments for tests: each builder gives a plausible one, and a test names only what it is about."""

from typing import Any

from schemas.camera_assignment import Aim, AssignedCamera, CameraAssignment, InputRef, RunnerUp, Target

# 2026-06-17 14:00:00 in Seoul.
T0_US = 1_781_672_400_000_000
MINUTE_US = 60_000_000


def a_camera(camera_id: str = "cam-1", **changes: Any) -> AssignedCamera:
    """Return a PTZ camera 34 m away that looks north-east."""
    fields: dict[str, Any] = {
        "camera_id": camera_id,
        "site_id": "site-1",
        "owner": "솔내구",
        "role": "view",
        "rank": 0,
        "distance_m": 34.0,
        "bearing_deg": 45.0,
        "level": "observe",
        "p_view": 0.71,
        "aim": Aim(
            pan_deg=45.0,
            tilt_deg=8.0,
            zoom=2.1,
            lat_deg=37.4,
            lon_deg=127.4,
            area_width_m=20.0,
            area_height_m=11.0,
        ),
        "since_us": T0_US,
        "why": {"gain": 0.51, "heading": 1.0, "observe_range_m": 67.0, "held": 0.0},
    }
    return AssignedCamera(**{**fields, **changes})


def an_assignment(case_id: str = "police_112:1", version: int = 1, **changes: Any) -> CameraAssignment:
    """Return the first assignment of a robbery with one camera."""
    cameras = changes.get("cameras", (a_camera(),))
    fields: dict[str, Any] = {
        "case_id": case_id,
        "opened_us": T0_US,
        "version": version,
        "event_id": f"{case_id}/{T0_US}/{version}",
        "status": "active",
        "reason": "reported",
        "exercise": False,
        "services": ("police",),
        "kind": "robbery",
        "rank": 0,
        "occurred_us": T0_US,
        "decided_us": T0_US + 1_000_000,
        "valid_from_us": T0_US + 1_000_000,
        "valid_until_us": T0_US + 10 * MINUTE_US,
        "purpose": "serious-crime",
        "legal_basis": "PIPA18-2-3",
        "recipients": ("demo-112:control-room",),
        "where": Target(
            lat_deg=37.4, lon_deg=127.4, accuracy_m=50.0, search_radius_m=150.0, district="솔내구", position_us=T0_US
        ),
        "cameras": cameras,
        "added": tuple(camera.camera_id for camera in cameras),
        "runner_up": (RunnerUp(camera_id="cam-9", distance_m=88.0, gain=0.012),),
        "excluded": {"purpose": 5},
        "sources": (InputRef(topic="incidents", partition=3, offset=7),),
        "policy_version": "demo-1",
        "camera_table_version": "cameras@6038/health@-1",
    }
    return CameraAssignment(**{**fields, **changes})
