"""Which PTZ heads a version asks for, keeps or gives back."""

from pipeline.decisions.assigned import LOSS
from schemas.camera_assignment import AssignedCamera, CameraAssignment, CameraRole, PtzState
from schemas.case_state import CaseState, HeldCamera
from schemas.ptz import PtzAction, PtzRequest


def requests_of(before: CaseState, assignment: CameraAssignment) -> list[PtzRequest]:
    """Return what the arbitration of heads must hear of a new version.

    A move for a head that is new or turned anew, a hold for one that stays as it is (its lease and value are new), a
    release for one that the version does not have, or has only until its replacement shows.
    """
    held = {camera.camera_id: camera for camera in before.held if camera.pan_deg is not None}
    wanted = [c for c in assignment.cameras if c.aim is not None and c.role != CameraRole.ENDING]
    requests = [_wish(assignment, camera, held.get(camera.camera_id), first=i == 0) for i, camera in enumerate(wanted)]
    kept = {camera.camera_id for camera in wanted}
    given_back = [c for c in held.values() if c.camera_id not in kept and c.role != CameraRole.ENDING]
    return requests + [_request(assignment, camera.camera_id, PtzAction.RELEASE) for camera in given_back]


def _wish(
    assignment: CameraAssignment, camera: AssignedCamera, before: HeldCamera | None, *, first: bool
) -> PtzRequest:
    same = before is not None and camera.aim is not None and before.pan_deg == camera.aim.pan_deg
    granted = camera.ptz in (PtzState.GRANTED, PtzState.SHADOW)
    action = PtzAction.HOLD if same and granted else PtzAction.MOVE
    return _request(assignment, camera.camera_id, action, camera=camera, first=first)


def _request(
    assignment: CameraAssignment,
    camera_id: str,
    action: PtzAction,
    *,
    camera: AssignedCamera | None = None,
    first: bool = False,
) -> PtzRequest:
    return PtzRequest(
        event_id=f"{assignment.event_id}/{camera_id}/{action}",
        camera_id=camera_id,
        action=action,
        case_id=assignment.case_id,
        opened_us=assignment.opened_us,
        version=assignment.version,
        exercise=assignment.exercise,
        rank=assignment.rank,
        first_head=first,
        value=0.0 if camera is None else camera.why.get(LOSS, 0.0),
        aim=None if camera is None else camera.aim,
        requested_us=assignment.decided_us,
        deadline_us=assignment.valid_until_us,
    )
