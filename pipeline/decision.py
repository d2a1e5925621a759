"""Decide on one case: which status it has, which cameras it gets, and whether that is worth a new version."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline import geo
from pipeline.assignment import (
    Look,
    Occasion,
    active,
    assigned_cameras,
    runner_up_of,
    target_of,
    without_cameras,
)
from pipeline.camera_table import CameraTable
from pipeline.candidates import Candidates, around, inside
from pipeline.case import Standing, is_ended, standing_of
from pipeline.place import Place, place_of, routes_of
from pipeline.policy import Policy
from pipeline.purpose import Permission
from pipeline.ranking import most_urgent
from pipeline.region import Region, strip_along
from pipeline.selection import Choice, Wish, choose
from pipeline.visibility import ViewRequest, Views, views_of
from schemas.camera_assignment import AssignedCamera, CameraAssignment, CameraRole, CaseStatus
from schemas.case_state import CaseState
from schemas.subject_track import SubjectTrack

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a choice for one case depends on."""

    case: CaseState
    standing: Standing
    place: Place
    cameras: CameraTable
    policy: Policy
    occasion: Occasion

    def around(self, region: Region) -> Candidates:
        """Return the usable cameras around a region."""
        return around(self.cameras, region, self.standing.camera_purposes, self.policy.search)

    def rows_held(self, *roles: CameraRole) -> list[int]:
        """Return the table rows of the cameras held in these roles, as far as they are still in the table."""
        ids = (held.camera_id for held in self.case.held if held.role in roles)
        return [row for camera_id in ids if (row := self.cameras.row_of(camera_id)) is not None]


Decision = tuple[CaseState, CameraAssignment | None]
# A decision under way: it asks for views and is sent the answers, so that many decisions can be answered together.
Looking = Generator[ViewRequest, Views, T]
Deliberation = Looking[Decision]


def deliberate(
    case: CaseState,
    track: SubjectTrack | None,
    cameras: CameraTable,
    policy: Policy,
    *,
    occasion: Occasion,
    must: bool,
) -> Deliberation:
    """Decide on a case, asking for views; return the case afterwards and its new version.

    The version is None when the one before still holds.

    Args:
        case: the case as it is.
        track: last known position of its subject, if it has one.
        cameras: the camera table.
        policy: the city's rules.
        occasion: when, why, from what.
        must: True when something was reported, so that a version is due even with the same cameras.
    """
    standing = standing_of(case, policy)
    if standing is None:
        return (case, None) if is_ended(case) else release(case, policy, occasion)
    if not standing.permission.allowed:
        if case.status == CaseStatus.DENIED:
            return case, None  # said once
        denied = replace(occasion, reason=standing.permission.reason or "denied")
        return without_cameras(case, standing, policy, denied, CaseStatus.DENIED)
    place = place_of(case, standing, track, policy, occasion.now_us)
    if place is None:
        if case.status == CaseStatus.NEEDS_LOCATION and not must:
            return case, None
        return without_cameras(case, standing, policy, occasion, CaseStatus.NEEDS_LOCATION)
    return (yield from _assign(Scene(case, standing, place, cameras, policy, occasion), must=must))


def conclude(deliberations: Sequence[Deliberation], cameras: CameraTable, policy: Policy) -> list[Decision]:
    """Run decisions side by side, answering together what they ask at the same time; return them in order."""
    decisions: dict[int, Decision] = {}
    answers: dict[int, Views | None] = dict.fromkeys(range(len(deliberations)))
    while answers:
        requests: dict[int, ViewRequest] = {}
        for number, answer in answers.items():
            try:
                # A generator is begun by sending it None, which its type does not say.
                requests[number] = deliberations[number].send(answer)  # type: ignore[arg-type]
            except StopIteration as end:
                decisions[number] = end.value
        answers = dict(zip(requests, views_of(cameras, list(requests.values()), policy.view), strict=True))
    return [decisions[number] for number in range(len(deliberations))]


def release(case: CaseState, policy: Policy, occasion: Occasion) -> Decision:
    """Return the case's last version: all cameras released, positions no longer in its state."""
    ranked = most_urgent(case.reports, policy.ranks)
    if ranked is None:
        return case, None
    rank, lead = ranked
    services = tuple(sorted({r.service for r in case.reports}))
    standing = Standing(rank, lead, services, frozenset(), Permission(allowed=False))
    state, assignment = without_cameras(case, standing, policy, occasion, CaseStatus.RELEASED)
    reports = tuple(
        replace(r, location=None, area=None, units=(), closed_reason=r.closed_reason or occasion.reason)
        for r in state.reports
    )
    return replace(state, reports=reports), assignment


def _assign(scene: Scene, *, must: bool) -> Deliberation:
    case, cameras, policy = scene.case, scene.cameras, scene.policy
    region = scene.place.region()
    found = _candidates(scene, region)
    views = yield ViewRequest(found.rows, region)
    choice, switched = _choose_or_keep(scene, views, region)
    if not must and not switched and _moved_m(scene) < policy.movement.update_distance_m:
        return case, None
    role = CameraRole.VIEW if scene.place.polygon is None else CameraRole.AREA
    looks = [Look(region, views, choice.picks, role)]
    looks += yield from _look_ahead(scene, found, looks)
    looks += yield from _corridors(scene, looks)
    chosen: list[AssignedCamera] = []
    for look in looks:
        chosen += assigned_cameras(cameras, look, case, scene.occasion.now_us, first_rank=len(chosen))
    nearest_owner = cameras.owner(int(found.rows[0])) if len(found.rows) else None
    where = target_of(scene.place, found.search_radius_m, nearest_owner, policy)
    chosen = chosen[: policy.selection.cap]
    # A camera that was kept, or took another role, may be among the next best of the choice for the target.
    on_list = {camera.camera_id for camera in chosen}
    next_best = runner_up_of(cameras, views, choice.runner_up)
    return active(
        case,
        scene.standing,
        policy,
        scene.occasion,
        chosen=chosen,
        where=where,
        runner_up=tuple(camera for camera in next_best if camera.camera_id not in on_list),
        excluded=found.excluded,
    )


def _candidates(scene: Scene, region: Region) -> Candidates:
    polygon = scene.place.polygon
    if polygon is None:
        return scene.around(region)
    return inside(scene.cameras, polygon, region, scene.standing.camera_purposes, scene.policy.search)


def _choose_or_keep(scene: Scene, views: Views, region: Region) -> tuple[Choice, bool]:
    """Return the new choice, or the held cameras where a change is not worth it; and whether the set changes."""
    case, policy = scene.case, scene.policy.selection
    count = policy.cameras_by_rank[scene.standing.rank]
    held_ids = {held.camera_id for held in case.held if held.role in (CameraRole.VIEW, CameraRole.AREA)}
    held = _is_among(views.rows, scene.rows_held(CameraRole.VIEW, CameraRole.AREA))
    wish = Wish(scene.cameras.site[views.rows], np.ones(len(views.rows), np.bool_), held, count)
    new = choose(views, region.weights, wish, policy)
    new_ids = {scene.cameras.camera_id(int(views.rows[p.candidate])) for p in new.picks if not p.filled}
    if new_ids == held_ids and case.status == CaseStatus.ACTIVE:
        return new, False
    if case.status == CaseStatus.WAITING and case.version and not new.picks:
        return new, False
    if held_ids and held.sum() == len(held_ids) <= count:
        kept = choose(views, region.weights, replace(wish, allowed=held), policy)
        if new.utility - kept.utility < policy.switch_gain:
            # One of them may add nothing just now; it keeps its role all the same until a change is worth it.
            return replace(new, picks=tuple(replace(pick, filled=False) for pick in kept.picks)), False
    return new, True


def _look_ahead(scene: Scene, found: Candidates, looks: list[Look]) -> Looking[list[Look]]:
    """Return cameras for where a moving subject will be soon, so that a view is ready before it is needed."""
    count, look_ahead_s = scene.policy.selection.next_cameras, scene.policy.movement.look_ahead_s
    ahead = scene.place.region_ahead(look_ahead_s)
    if ahead is None or count == 0:
        return []
    # A walker stays within the ring that was searched; only for who is faster it is searched anew.
    is_near = (scene.place.speed_mps or 0.0) * look_ahead_s < scene.policy.search.rings_m[0] / 2
    rows = found.rows if is_near else scene.around(ahead).rows
    return [(yield from _extra_look(scene, ViewRequest(rows, ahead), count, looks=looks, role=CameraRole.NEXT))]


def _corridors(scene: Scene, looks: list[Look]) -> Looking[list[Look]]:
    """Return cameras along the ways of the responding units, in driving order."""
    count = scene.policy.selection.corridor_cameras
    result: list[Look] = []
    for route in routes_of(scene.case, scene.place):
        strip = strip_along(route, scene.policy.search.rings_m[0])
        found = inside(scene.cameras, strip, route, scene.standing.camera_purposes, scene.policy.search)
        request = ViewRequest(found.rows, route)
        look = yield from _extra_look(scene, request, count, looks=looks + result, role=CameraRole.CORRIDOR)
        reached = [int(np.argmax(look.views.seen[pick.view])) for pick in look.picks]
        in_order = tuple(pick for _, pick in sorted(zip(reached, look.picks, strict=True), key=lambda item: item[0]))
        result.append(replace(look, picks=in_order))
    return result


def _extra_look(
    scene: Scene, request: ViewRequest, count: int, *, looks: list[Look], role: CameraRole
) -> Looking[Look]:
    """Return cameras for another region of the case, none of them chosen already and none as a mere left-over."""
    rows = request.rows
    views = yield request
    taken = [int(look.views.rows[pick.candidate]) for look in looks for pick in look.picks]
    wish = Wish(scene.cameras.site[rows], ~_is_among(rows, taken), _is_among(rows, scene.rows_held(role)), count)
    choice = choose(views, request.region.weights, wish, scene.policy.selection)
    return Look(request.region, views, tuple(pick for pick in choice.picks if not pick.filled), role)


def _is_among(rows: NDArray[np.intp], few: list[int]) -> NDArray[np.bool_]:
    """Return which rows are among a few; for so few it is five times as fast as ``np.isin``."""
    return np.asarray((rows[:, None] == np.array(few, np.intp)).any(axis=1))


def _moved_m(scene: Scene) -> float:
    """Return how far the target is from where the held cameras were chosen for; infinite without such a place."""
    anchor, here = scene.case.anchor, scene.place.location
    if anchor is None:
        return float("inf")
    return float(np.hypot(*geo.offsets_m(anchor.lat_deg, anchor.lon_deg, here.lat_deg, here.lon_deg)))
