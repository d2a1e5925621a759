"""Write decisions down: the CameraAssignment of a version and the state that goes with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.cases.case import Standing
from pipeline.cases.golden_clock import first_report_us
from pipeline.decisions.assigned import field_of
from pipeline.decisions.exclusions import Exclusions
from pipeline.decisions.golden_time import shows_target
from pipeline.rules.policy import US_PER_S, Policy
from schemas.camera_assignment import AssignedCamera, CameraAssignment, CaseStatus, InputRef, RunnerUp, Target
from schemas.case_state import CaseState, HeldCamera
from schemas.location import Location, LocationQuality


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a version is made of besides cameras: when, why, from what, under which tables.

    ``renews`` tells whether the lease begins anew: what time alone decides keeps the end that the case had.
    """

    now_us: int
    reason: str
    sources: tuple[InputRef, ...]
    cameras_version: str
    renews: bool = True


def active(
    case: CaseState,
    standing: Standing,
    policy: Policy,
    occasion: Occasion,
    *,
    chosen: Sequence[AssignedCamera],
    where: Target,
    runner_up: tuple[RunnerUp, ...],
    excluded: Exclusions,
    p_view: float | None,
    assumptions: tuple[str, ...],
) -> tuple[CaseState, CameraAssignment]:
    """Return the next version of a case that may be looked for: active, or waiting while no camera can be used."""
    names, masked = _recipients(case, standing.allowed_services, policy)
    return _next_version(
        case,
        standing,
        policy,
        occasion,
        status=CaseStatus.ACTIVE if chosen else CaseStatus.WAITING,
        cameras=tuple(chosen),
        anchor=_anchor(where),
        purpose=standing.permission.purpose,
        legal_basis=standing.lead.legal_basis or standing.permission.legal_basis,
        recipients=names,
        masking_required=masked,
        where=where,
        runner_up=runner_up,
        excluded=excluded.counts,
        excluded_nearest=excluded.nearest,
        p_view=None if p_view is None else round(p_view, 4),
        assumptions=assumptions,
    )


def without_cameras(
    case: CaseState, standing: Standing, policy: Policy, occasion: Occasion, status: CaseStatus
) -> tuple[CaseState, CameraAssignment]:
    """Return the next version of a case that has no cameras: needs-location, denied or released."""
    state, assignment = _next_version(case, standing, policy, occasion, status=status, cameras=(), anchor=None)
    ended_us = occasion.now_us if status in (CaseStatus.RELEASED, CaseStatus.DENIED) else None
    names, masked = _recipients(case, frozenset(standing.services), policy)
    # Who held cameras must hear that they are released; who never had any right to look learns nothing.
    recipients = () if status == CaseStatus.DENIED and not case.held else names
    valid_until_us = occasion.now_us if ended_us is not None else state.valid_until_us
    state = replace(state, ended_us=ended_us, valid_until_us=valid_until_us)
    return state, replace(assignment, recipients=recipients, masking_required=masked, valid_until_us=valid_until_us)


def _next_version(
    case: CaseState,
    standing: Standing,
    policy: Policy,
    occasion: Occasion,
    *,
    status: CaseStatus,
    cameras: tuple[AssignedCamera, ...],
    anchor: Location | None,
    **contents: Any,
) -> tuple[CaseState, CameraAssignment]:
    """Return the state and the assignment of the next version; ``contents`` are further fields of the assignment."""
    lease_us = int(policy.lease.lease_s_by_rank[standing.rank] * US_PER_S)
    lease_end_us = occasion.now_us + lease_us if occasion.renews or not case.version else case.valid_until_us
    limit_us = case.opened_us + int(policy.lease.max_case_s * US_PER_S)
    now = {camera.camera_id for camera in cameras}
    before = {held.camera_id for held in case.held}
    version = case.version + 1
    occurred_us = min((r.occurred_us for r in case.reports), default=case.opened_us)
    reported_us = first_report_us(case)
    assignment = CameraAssignment(
        case_id=case.case_id,
        version=version,
        opened_us=case.opened_us,
        event_id=f"{case.case_id}/{case.opened_us}/{version}",
        status=status,
        reason=occasion.reason,
        exercise=case.exercise,
        services=standing.services,
        kind=standing.lead.kind,
        rank=standing.rank,
        occurred_us=occurred_us,
        decided_us=occasion.now_us,
        valid_from_us=occasion.now_us,
        valid_until_us=max(min(lease_end_us, limit_us), occasion.now_us),
        cameras=cameras,
        added=tuple(sorted(now - before)),
        kept=tuple(sorted(now & before)),
        released=tuple(sorted(before - now)),
        sources=occasion.sources,
        policy_version=policy.version,
        camera_table_version=occasion.cameras_version,
        reported_us=None if reported_us == occurred_us else reported_us,
        **contents,
    )
    state = replace(
        case,
        version=version,
        status=status,
        decided_us=occasion.now_us,
        valid_until_us=assignment.valid_until_us,
        ended_us=None,
        first_view_us=case.first_view_us or (occasion.now_us if shows_target(cameras) else None),
        anchor=anchor,
        held=tuple(_held(camera, case) for camera in cameras),
    )
    return state, assignment


def _held(camera: AssignedCamera, case: CaseState) -> HeldCamera:
    before = next((held for held in case.held if held.camera_id == camera.camera_id), None)
    return HeldCamera(
        camera_id=camera.camera_id,
        role=camera.role,
        since_us=camera.since_us,
        pan_deg=None if camera.aim is None else camera.aim.pan_deg,
        field_deg=None if camera.aim is None else field_of(camera.aim),
        until_us=camera.until_us,
        ptz=camera.ptz,
        ptz_until_us=0 if before is None else before.ptz_until_us,
    )


def _anchor(where: Target) -> Location:
    return Location(
        lat_deg=where.lat_deg, lon_deg=where.lon_deg, accuracy_m=where.accuracy_m, quality=LocationQuality.OTHER
    )


def _recipients(case: CaseState, services: frozenset[str], policy: Policy) -> tuple[tuple[str, ...], bool]:
    if case.exercise:
        return tuple(sorted(policy.exercise_recipients)), False
    chosen = [r for r in policy.recipients if r.services & services]
    return tuple(sorted(r.name for r in chosen)), any(r.masking for r in chosen)
