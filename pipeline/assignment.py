"""Write decisions down: the CameraAssignment of a version and the state that goes with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import shapely

from pipeline.camera_columns import KIND_CODES
from pipeline.camera_table import CameraTable
from pipeline.case import Standing
from pipeline.place import Place
from pipeline.policy import US_PER_S, Policy
from pipeline.region import Region
from pipeline.selection import Pick
from pipeline.visibility import Views, level_at
from schemas.camera import CameraKind
from schemas.camera_assignment import (
    Aim,
    AssignedCamera,
    CameraAssignment,
    CameraRole,
    CaseStatus,
    InputRef,
    PtzState,
    RunnerUp,
    Target,
)
from schemas.case_state import CaseState, HeldCamera
from schemas.location import Location, LocationQuality

# Where the height of a camera is unknown: the usual height of a street pole's arm in Korea is 4 to 6 m.
ASSUMED_HEIGHT_M = 5.0
_WIDEST_DEG = 60.0
_PICTURE_HEIGHT_PER_WIDTH = 9 / 16
_PTZ = KIND_CODES[CameraKind.PTZ]


@dataclass(frozen=True, slots=True)
class Look:
    """Cameras chosen for one region, and why.

    Attributes:
        region: what they look at.
        views: all candidate views.
        picks: the chosen ones.
        role: what they are for.
    """

    region: Region
    views: Views
    picks: tuple[Pick, ...]
    role: CameraRole


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a version is made of besides cameras: when, why, from what, under which tables."""

    now_us: int
    reason: str
    sources: tuple[InputRef, ...]
    cameras_version: str


def assigned_cameras(
    cameras: CameraTable, look: Look, case: CaseState, now_us: int, *, first_rank: int
) -> list[AssignedCamera]:
    """Return the picks of a look as records ranked from ``first_rank`` on; ``since_us`` carries over from before."""
    since = {held.camera_id: held.since_us for held in case.held}
    candidates = [pick.candidate for pick in look.picks]
    views = look.views
    lat_deg, lon_deg = look.region.plane.to_degrees(views.target_x_m[candidates], views.target_y_m[candidates])
    targets_deg = zip(lat_deg.round(7).tolist(), lon_deg.round(7).tolist(), strict=True)
    return [
        _assigned(cameras, look, pick, since, now_us, rank=rank, target_deg=target_deg)
        for rank, (pick, target_deg) in enumerate(zip(look.picks, targets_deg, strict=True), first_rank)
    ]


def _assigned(
    cameras: CameraTable,
    look: Look,
    pick: Pick,
    since: dict[str, int],
    now_us: int,
    *,
    rank: int,
    target_deg: tuple[float, float],
) -> AssignedCamera:
    views, row = look.views, int(look.views.rows[pick.candidate])
    camera_id = cameras.camera_id(row)
    distance_m = float(views.distance_m[pick.candidate])
    range_m = float(views.observe_range_m[pick.view])
    turns = int(cameras.kind[row]) == _PTZ
    return AssignedCamera(
        camera_id=camera_id,
        site_id=cameras.site_id(row),
        owner=cameras.owner(row),
        role=CameraRole.NEXT if pick.filled else look.role,
        rank=rank,
        distance_m=round(distance_m, 1),
        bearing_deg=round(float(views.bearing_deg[pick.candidate]), 1),
        level=level_at(distance_m, range_m),
        p_view=round(pick.p_view, 4),
        aim=_aim(cameras, look, pick, row, target_deg) if turns else None,
        ptz=PtzState.NONE,
        since_us=since.get(camera_id, now_us),
        why={
            "gain": round(pick.gain, 4),
            "heading": round(pick.heading, 4),
            "observe_range_m": round(range_m, 1),
            "held": 1.0 if camera_id in since else 0.0,
            "nearest": 1.0 if pick.filled else 0.0,
        },
    )


def _aim(cameras: CameraTable, look: Look, pick: Pick, row: int, target_deg: tuple[float, float]) -> Aim:
    distance_m = max(float(look.views.distance_m[pick.candidate]), 1.0)
    half_rad = math.radians(float(look.views.field_deg[pick.view]) / 2)
    height_m = float(cameras.height_m[row])
    width_m = 2 * distance_m * math.tan(half_rad)
    drop_m = ASSUMED_HEIGHT_M if math.isnan(height_m) else height_m
    return Aim(
        pan_deg=round(float(look.views.bearing_deg[pick.candidate]), 1),
        tilt_deg=round(math.degrees(math.atan2(drop_m, distance_m)), 1),
        zoom=round(math.tan(math.radians(_WIDEST_DEG / 2)) / math.tan(half_rad), 2),
        lat_deg=target_deg[0],
        lon_deg=target_deg[1],
        area_width_m=round(width_m, 1),
        area_height_m=round(width_m * _PICTURE_HEIGHT_PER_WIDTH, 1),
    )


def target_of(place: Place, search_radius_m: float, nearest_owner: str | None, policy: Policy) -> Target:
    """Return the assignment's ``where``: the district by polygon, else the owner of the nearest camera."""
    lon_deg, lat_deg = place.location.lon_deg, place.location.lat_deg
    within = (d.name for d in policy.districts if shapely.intersects_xy(d.polygon, lon_deg, lat_deg))
    return Target(
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        accuracy_m=round(place.accuracy_m, 1),
        search_radius_m=round(search_radius_m, 1),
        heading_deg=place.heading_deg,
        speed_mps=place.speed_mps,
        district=next(within, nearest_owner),
        position_us=place.position_us,
    )


def runner_up_of(cameras: CameraTable, views: Views, runner_up: Sequence[tuple[int, float]]) -> tuple[RunnerUp, ...]:
    """Return the next best candidates as records."""
    return tuple(
        RunnerUp(
            camera_id=cameras.camera_id(int(views.rows[candidate])),
            distance_m=round(float(views.distance_m[candidate]), 1),
            gain=round(gain, 4),
        )
        for candidate, gain in runner_up
    )


def active(
    case: CaseState,
    standing: Standing,
    policy: Policy,
    occasion: Occasion,
    *,
    chosen: Sequence[AssignedCamera],
    where: Target,
    runner_up: tuple[RunnerUp, ...],
    excluded: dict[str, int],
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
        excluded=excluded,
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
    limit_us = case.opened_us + int(policy.lease.max_case_s * US_PER_S)
    now = {camera.camera_id for camera in cameras}
    before = {held.camera_id for held in case.held}
    version = case.version + 1
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
        occurred_us=min((r.occurred_us for r in case.reports), default=case.opened_us),
        decided_us=occasion.now_us,
        valid_from_us=occasion.now_us,
        valid_until_us=max(min(occasion.now_us + lease_us, limit_us), occasion.now_us),
        cameras=cameras,
        added=tuple(sorted(now - before)),
        kept=tuple(sorted(now & before)),
        released=tuple(sorted(before - now)),
        sources=occasion.sources,
        policy_version=policy.version,
        camera_table_version=occasion.cameras_version,
        **contents,
    )
    state = replace(
        case,
        version=version,
        status=status,
        decided_us=occasion.now_us,
        valid_until_us=assignment.valid_until_us,
        ended_us=None,
        first_view_us=case.first_view_us or (occasion.now_us if cameras else None),
        anchor=anchor,
        held=tuple(HeldCamera(camera_id=c.camera_id, role=c.role, since_us=c.since_us) for c in cameras),
    )
    return state, assignment


def _anchor(where: Target) -> Location:
    return Location(
        lat_deg=where.lat_deg, lon_deg=where.lon_deg, accuracy_m=where.accuracy_m, quality=LocationQuality.OTHER
    )


def _recipients(case: CaseState, services: frozenset[str], policy: Policy) -> tuple[tuple[str, ...], bool]:
    if case.exercise:
        return tuple(sorted(policy.exercise_recipients)), False
    chosen = [r for r in policy.recipients if r.services & services]
    return tuple(sorted(r.name for r in chosen)), any(r.masking for r in chosen)
