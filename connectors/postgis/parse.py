"""What a version of an assignment is in the database: a row of decisions, and one for each of its cameras."""

from datetime import UTC, datetime
from typing import Any

from schemas.camera_assignment import AssignedCamera, CameraAssignment, CameraRole

# Cameras along the way of a unit, or where a person will be soon, do not show what happened.
SHOWING = frozenset({CameraRole.VIEW.value, CameraRole.AREA.value, CameraRole.ENDING.value})
# Years 2000 to 2099; a time outside is stored as null rather than refused by the database.
_FIRST_US, _LAST_US = 946_684_800_000_000, 4_102_444_800_000_000


def decision_row(assignment: CameraAssignment) -> dict[str, Any]:
    """Return the columns of ``decisions`` for a version, with ``case_id`` and ``opened_us`` of its case."""
    where = assignment.where
    looking = [camera for camera in assignment.cameras if camera.role != CameraRole.ENDING]
    row = {
        "case_id": assignment.case_id,
        "opened_us": assignment.opened_us,
        "version": assignment.version,
        "event_id": assignment.event_id,
        "status": assignment.status,
        "reason": assignment.reason,
        "exercise": assignment.exercise,
        "services": list(assignment.services),
        "kind": assignment.kind,
        "rank": assignment.rank,
        "occurred_at": moment(assignment.occurred_us),
        "reported_at": moment(assignment.reported_us),
        "opened_at": moment(assignment.opened_us),
        "decided_at": moment(assignment.decided_us),
        "valid_from": moment(assignment.valid_from_us),
        "valid_until": moment(assignment.valid_until_us),
        "purpose": assignment.purpose,
        "legal_basis": assignment.legal_basis,
        "recipients": list(assignment.recipients),
        "agencies": sorted({recipient.partition(":")[0] for recipient in assignment.recipients}),
        "masking_required": assignment.masking_required,
        "district": None if where is None else where.district,
        "lat_deg": None if where is None else where.lat_deg,
        "lon_deg": None if where is None else where.lon_deg,
        "accuracy_m": None if where is None else where.accuracy_m,
        "search_radius_m": None if where is None else where.search_radius_m,
        "heading_deg": None if where is None else where.heading_deg,
        "speed_mps": None if where is None else where.speed_mps,
        "p_view": assignment.p_view,
        "camera_count": len(looking),
        "shows_target": any(camera.role in SHOWING for camera in assignment.cameras),
        "hands_over": hands_over(assignment),
        "added": list(assignment.added),
        "kept": list(assignment.kept),
        "released": list(assignment.released),
        "assumptions": list(assignment.assumptions),
        "policy_version": assignment.policy_version,
        "camera_table_version": assignment.camera_table_version,
    }
    return {name: storable(value) for name, value in row.items()}


def camera_rows(assignment: CameraAssignment) -> list[dict[str, Any]]:
    """Return the columns of ``decision_cameras`` for each camera of a version."""
    return [
        {name: storable(value) for name, value in _camera_row(assignment, camera).items()}
        for camera in assignment.cameras
    ]


def hands_over(assignment: CameraAssignment) -> bool:
    """Return whether a camera replaces another: one is new, and one has gone or is about to go."""
    ends = bool(assignment.released) or any(camera.role == CameraRole.ENDING for camera in assignment.cameras)
    return bool(assignment.version > 1 and assignment.added and ends)


def moment(time_us: int | None) -> datetime | None:
    """Return a time in UTC microseconds since the epoch as the database takes it; None outside 2000 to 2099."""
    if time_us is None or not _FIRST_US <= time_us < _LAST_US:
        return None
    seconds, rest_us = divmod(time_us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_us)


def storable(value: Any) -> Any:
    """Return a value without the character 0, which PostgreSQL takes in no text."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    return [storable(item) for item in value] if isinstance(value, list) else value


def _camera_row(assignment: CameraAssignment, camera: AssignedCamera) -> dict[str, Any]:
    aim = camera.aim
    return {
        "case_id": assignment.case_id,
        "opened_us": assignment.opened_us,
        "version": assignment.version,
        "camera_id": camera.camera_id,
        "site_id": camera.site_id,
        "owner": camera.owner,
        "role": camera.role,
        "rank": camera.rank,
        "level": camera.level,
        "p_view": camera.p_view,
        "ptz": camera.ptz,
        "since": moment(camera.since_us),
        "until": moment(camera.until_us),
        "distance_m": camera.distance_m,
        "bearing_deg": camera.bearing_deg,
        "pan_deg": None if aim is None else aim.pan_deg,
        "tilt_deg": None if aim is None else aim.tilt_deg,
        "zoom": None if aim is None else aim.zoom,
        "aim_lat_deg": None if aim is None else aim.lat_deg,
        "aim_lon_deg": None if aim is None else aim.lon_deg,
    }
