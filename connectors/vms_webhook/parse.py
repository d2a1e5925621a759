"""What a video system is told of an assignment, and what is remembered of what it was told. Pure.

A session is one opening of one case, ``<case_id>/<opened_us>``. Its views end at the lease, or earlier where another
view replaces them; every call says when, so that a system that hears no more ends them by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.camera_assignment import AssignedCamera, CameraAssignment, CaseStatus

START, UPDATE, END = "start", "update", "end"
LEASE_OVER, VIEW_OVER, FORGOTTEN, SUPERSEDED = "lease-expired", "view-ended", "forgotten", "superseded"
# An end of a session that nobody remembers is told for so long; what lies longer back has ended by its lease.
OLD_END_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Rules:
    """Which cases and cameras a video system hears of.

    Attributes:
        owners: owners of its cameras; empty for all.
        agencies: a case must be addressed to one of these; empty for all.
        exercises: whether drills open views.
    """

    owners: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    exercises: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """What the video system was told of one opening of a case.

    Attributes:
        case_id: the case.
        opened_us: its opening, UTC microseconds.
        version: newest version that was told.
        lease_us: when all views end, UTC microseconds.
        views: when the view of each open camera ends, UTC microseconds, by camera id; empty once the session is over.
        exercise: whether it is a drill.
    """

    case_id: str
    opened_us: int
    version: int
    lease_us: int
    views: Mapping[str, int] = field(default_factory=dict)
    exercise: bool = False

    @property
    def name(self) -> str:
        """Return the name of the session in the calls."""
        return f"{self.case_id}/{self.opened_us}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make.

    Attributes:
        key: its idempotency key.
        body: what it says, as JSON values.
        after: what holds when it was taken.
    """

    key: str
    body: dict[str, Any]
    after: Session


def calls_for(assignment: CameraAssignment, told: Session | None, rules: Rules, now_us: int) -> list[Call]:
    """Return the calls that a version asks for, in the order in which they must be made.

    Args:
        assignment: the version.
        told: what the system was told of the case; None if nothing is known.
        rules: what the system hears of.
        now_us: UTC microseconds; views that are over are not opened.
    """
    newness = (assignment.opened_us, assignment.version)
    if told is not None and newness <= (told.opened_us, told.version):
        return []
    if told is not None and told.opened_us != assignment.opened_us:
        # A later opening of the case: its views are opened before those of the earlier one are closed.
        return [*calls_for(assignment, None, rules, now_us), *ending(told, SUPERSEDED)]
    views = _views(assignment, rules, now_us)
    before = {} if told is None else told.views
    closed = sorted(set(before) - set(views)) if told is not None else sorted(set(assignment.released) - set(views))
    if not views and not before and not _may_be_open(assignment, told, rules, now_us):
        return []
    after = Session(
        assignment.case_id,
        assignment.opened_us,
        assignment.version,
        assignment.valid_until_us,
        {camera_id: view["close_at_us"] for camera_id, view in views.items()},
        assignment.exercise,
    )
    kind = END if not views else UPDATE if before else START
    body = _body(kind, after, assignment.reason) | _ground(assignment)
    body["open"] = [view for camera_id, view in views.items() if camera_id not in before]
    body["keep"] = [view for camera_id, view in views.items() if camera_id in before]
    body["close"] = closed
    return [Call(f"{after.name}/{after.version}", body, after)]


def ending(told: Session, reason: str) -> list[Call]:
    """Return the call that ends a session now; none where it is over."""
    if not told.views:
        return []
    after = Session(told.case_id, told.opened_us, told.version, told.lease_us, {}, told.exercise)
    body = _body(END, after, reason) | {"open": [], "keep": [], "close": sorted(told.views)}
    return [Call(f"{told.name}/{told.version}/{reason}", body, after)]


def due(told: Session, now_us: int) -> list[Call]:
    """Return the call for what time alone has ended: the lease, or views that were replaced; none where nothing has."""
    if told.lease_us <= now_us:
        return ending(told, LEASE_OVER)
    over = sorted(camera_id for camera_id, end_us in told.views.items() if end_us <= now_us)
    if not over:
        return []
    left = {camera_id: end_us for camera_id, end_us in told.views.items() if end_us > now_us}
    if not left:
        return ending(told, VIEW_OVER)
    after = Session(told.case_id, told.opened_us, told.version, told.lease_us, left, told.exercise)
    keep = [{"camera_id": camera_id, "close_at_us": end_us} for camera_id, end_us in left.items()]
    body = _body(UPDATE, after, VIEW_OVER) | {"open": [], "keep": keep, "close": over}
    return [Call(f"{told.name}/{told.version}/{VIEW_OVER}/{max(told.views[c] for c in over)}", body, after)]


def _may_be_open(assignment: CameraAssignment, told: Session | None, rules: Rules, now_us: int) -> bool:
    """Return whether a case without views may have some open that were told before a restart."""
    if told is not None or assignment.version == 1 or (assignment.exercise and not rules.exercises):
        return False
    if rules.owners or rules.agencies:
        # The case may never have been one of this system's; it must not hear of it now.
        return False
    return now_us - assignment.decided_us <= OLD_END_US


def _views(assignment: CameraAssignment, rules: Rules, now_us: int) -> dict[str, dict[str, Any]]:
    """Return the views to have open, best first, by camera id."""
    if assignment.status != CaseStatus.ACTIVE or (assignment.exercise and not rules.exercises):
        return {}
    agencies = {recipient.partition(":")[0] for recipient in assignment.recipients}
    if rules.agencies and not rules.agencies & agencies:
        return {}
    views = [
        _view(camera, assignment.valid_until_us)
        for camera in assignment.cameras
        if not rules.owners or camera.owner in rules.owners
    ]
    return {view["camera_id"]: view for view in views if view["close_at_us"] > now_us}


def _view(camera: AssignedCamera, lease_us: int) -> dict[str, Any]:
    aim = camera.aim
    return {
        "camera_id": camera.camera_id,
        "owner": camera.owner,
        "role": camera.role,
        "rank": camera.rank,
        "level": camera.level,
        "ptz": camera.ptz,
        "aim": None if aim is None else {"pan_deg": aim.pan_deg, "tilt_deg": aim.tilt_deg, "zoom": aim.zoom},
        "close_at_us": lease_us if camera.until_us is None else min(lease_us, camera.until_us),
    }


def _body(kind: str, session: Session, reason: str) -> dict[str, Any]:
    return {
        "call": kind,
        "session": session.name,
        "case_id": session.case_id,
        "opened_us": session.opened_us,
        "version": session.version,
        "reason": reason,
        "exercise": session.exercise,
        "valid_until_us": session.lease_us,
    }


def _ground(assignment: CameraAssignment) -> dict[str, Any]:
    """Return what the case is and on which ground it is looked for."""
    return {
        "event_id": assignment.event_id,
        "status": assignment.status,
        "kind": assignment.kind,
        "rank": assignment.rank,
        "purpose": assignment.purpose,
        "legal_basis": assignment.legal_basis,
        "recipients": list(assignment.recipients),
        "masking_required": assignment.masking_required,
    }
