"""What the engine remembers of a case: enough to decide on after a restart as if nothing had happened."""

from dataclasses import dataclass
from typing import Annotated

from schemas.camera_assignment import CameraRole, CaseStatus, PtzState
from schemas.incident import RespondingUnit, Service
from schemas.location import Area, Location
from schemas.record import CaseId, Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """One incident or alert that the case stands on."""

    report_id: Annotated[str, "The incident_id, or 'alert:<subject_ref>' for wandering alerts."]
    service: Annotated[str, "The service that reported.", Codes(Service)]
    kind: Annotated[str, "What it is."]
    native_code: Annotated[str | None, "The case type in the source's own code."] = None
    urgency_native: Annotated[str | None, "The urgency in the source's own code."] = None
    hazards: Annotated[tuple[str, ...], "Dangers near the person."] = ()
    legal_basis: Annotated[str | None, "Legal basis the source states, if it does."] = None
    occurred_us: Annotated[int, "When it happened, UTC microseconds since the epoch."]
    observed_us: Annotated[int, "observed_us of the newest event of this report; older ones change nothing."]
    location: Annotated[Location | None, "Where."] = None
    area: Annotated[Area | None, "Extent."] = None
    units: Annotated[tuple[RespondingUnit, ...], "Responding units."] = ()
    closed_reason: Annotated[str | None, "Why it ended; null while it is open."] = None
    reported_us: Annotated[
        int | None, "When its first event says it was reported, if another time than occurred_us; UTC microseconds."
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCamera:
    """A camera that the newest version of the case holds."""

    camera_id: Annotated[str, "Id of the camera."]
    role: Annotated[str, "Why it is held.", Codes(CameraRole)]
    since_us: Annotated[int, "Since when, UTC microseconds since the epoch."]
    pan_deg: Annotated[float | None, "Bearing it was turned to; null for cameras that do not turn."] = None
    field_deg: Annotated[float | None, "Horizontal field of view it was set to; null for cameras that do not turn."] = (
        None
    )
    until_us: Annotated[int | None, "Role ending: when its view ends; null otherwise."] = None
    ptz: Annotated[str, "What became of the wish to turn it.", Codes(PtzState)] = "none"
    ptz_until_us: Annotated[int, "granted: end of the lease of the head; denied: ask again then."] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BarredCamera:
    """A camera that must not be chosen for this case for now: an operator's order, or a head that others hold."""

    camera_id: Annotated[str, "Id of the camera."]
    reason: Annotated[str, "operator or head-denied."]
    until_us: Annotated[int | None, "When the bar ends, UTC microseconds since the epoch; null with the case."] = None
    price: Annotated[
        float | None, "head-denied: the head may be asked for again by a bid above this; null if by none until then."
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseState:
    """The state of one case after its newest decision. Internal: consumers read CameraAssignment."""

    case_id: CaseId
    version: Annotated[int, "Version of the newest assignment."]
    status: Annotated[str, "Status of the newest assignment.", Codes(CaseStatus)]
    exercise: Annotated[bool, "True for drills and tests."]
    subject_ref: Annotated[str | None, "Pseudonym of the person looked for, if one is."] = None
    reports: Annotated[tuple[CaseReport, ...], "What the case stands on, in order of report_id."] = ()
    opened_us: Annotated[int, "The now of the first report, UTC microseconds since the epoch."]
    first_view_us: Annotated[int | None, "When this opening of the case first got cameras; null before."] = None
    evidence_us: Annotated[int, "The now of the newest report or used fix, UTC microseconds since the epoch."]
    decided_us: Annotated[int, "The now of the newest assignment, UTC microseconds since the epoch."]
    valid_until_us: Annotated[int, "End of the lease, UTC microseconds since the epoch."]
    ended_us: Annotated[int | None, "When it was released or denied; null while it is open."] = None
    anchor: Annotated[Location | None, "The place the held cameras were chosen for."] = None
    held: Annotated[tuple[HeldCamera, ...], "Cameras of the newest assignment, best first."] = ()
    recent_event_ids: Annotated[tuple[str, ...], "Newest event ids, to know a repeat; at most 32."] = ()
    barred: Annotated[tuple[BarredCamera, ...], "Cameras that must not be chosen; at most 64."] = ()
    pinned: Annotated[tuple[str, ...], "Cameras that an operator wants on the list; at most 16."] = ()
    extended_by: Annotated[str | None, "Pseudonym of the operator whose order last extended or ended the case."] = None
