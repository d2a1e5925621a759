"""Decide on one case: which status it has, which cameras it gets, and whether that is worth a new version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.belief.belief import R68_PER_SIGMA
from pipeline.belief.glance import Later
from pipeline.cameras.camera_columns import purpose_mask
from pipeline.cases.bars import barred_ids, prices_now, without_bars
from pipeline.cases.case import Standing, is_ended
from pipeline.choice.scenery import Scenery
from pipeline.choice.survey import Survey, area_of
from pipeline.decisions.assigned import Look, assigned_cameras, ending_cameras, runner_up_of, target_of
from pipeline.decisions.assignment import Occasion, active, without_cameras
from pipeline.decisions.bidding import choose_with_bids
from pipeline.decisions.corridors import corridor_looks, is_other_way
from pipeline.decisions.exclusions import exclusions_around
from pipeline.decisions.looking import Answer, HeldView, Looking, LookRequest, Wish, answers_to, of_the_whole
from pipeline.decisions.outlook import Outlook
from pipeline.decisions.place import Place, is_old, moved_m
from pipeline.rules.policy import Policy
from pipeline.rules.purpose import Permission
from pipeline.rules.ranking import most_urgent
from pipeline.world.places import Places, places_around
from schemas.camera_assignment import AssignedCamera, CameraAssignment, CameraRole, CaseStatus
from schemas.case_state import CaseState, HeldCamera

MAIN_ROLES = (CameraRole.VIEW, CameraRole.AREA)
# The nearest that take left-over places are listed as next too.
TARGET_ROLES = (*MAIN_ROLES, CameraRole.NEXT)
NO_RECENT_POSITION = "no-recent-position"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a case's target is, as far as anybody knows.

    Attributes:
        place: for people to read.
        places: weighted places of a person's belief; None for targets that stay where they are.
        ahead: gives the places of a moving person so many seconds later.
    """

    place: Place
    places: Places | None = None
    ahead: Callable[[float], Later] | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a choice for one case depends on."""

    outlook: Outlook
    case: CaseState
    standing: Standing
    target: Target
    scenery: Scenery
    policy: Policy
    occasion: Occasion

    @property
    def now_us(self) -> int:
        """The now of the decision."""
        return self.occasion.now_us

    def wish(self, count: int, *roles: CameraRole, taken: Sequence[int] = (), fill: bool = False) -> Wish:
        """Return what is wanted: so many cameras besides those taken, the held ones of these roles preferred."""
        # Held cameras stand in order: behind those for the target come those for where it may go next.
        held = [held for held in self.case.held if held.role in roles][: count if fill else None]
        prices, barred = self._asked_of_heads()
        return Wish(
            count=count,
            purposes=purpose_mask(self.standing.camera_purposes),
            held=tuple(self._held_view(one) for one in held),
            barred=(*self._rows(barred), *taken),
            priced=tuple((row, price) for one, price in prices.items() for row in self._rows([one])),
            pinned=tuple(self._rows(self.case.pinned)) if fill else (),
            fill=fill,
        )

    def _asked_of_heads(self) -> tuple[dict[str, float], list[str]]:
        """Return heads that may be won at a price, and cameras that must not be chosen at all."""
        prices = prices_now(self.case, self.now_us)
        return prices, [one for one in barred_ids(self.case, self.now_us) if one not in prices]

    def _rows(self, camera_ids: Sequence[str]) -> list[int]:
        return [row for camera_id in camera_ids if (row := self.scenery.cameras.row_of(camera_id)) is not None]

    def _held_view(self, held: HeldCamera) -> HeldView:
        row = self.scenery.cameras.row_of(held.camera_id)
        pan_deg = np.nan if held.pan_deg is None else held.pan_deg
        return HeldView(-1 if row is None else row, pan_deg, held.field_deg or 0.0)


Decision = tuple[CaseState, CameraAssignment | None]
Deliberation = Looking[Decision]


def deliberate(
    outlook: Outlook,
    target: Target | None,
    scenery: Scenery,
    policy: Policy,
    *,
    occasion: Occasion,
    must: bool,
    ways: bool = False,
) -> Deliberation:
    """Decide on a case, asking for cameras; return the case afterwards and its new version, None if the old one holds.

    Args:
        outlook: the case as it is, and what its open reports amount to.
        target: where its target is; None when nobody knows.
        scenery: what the cameras can show.
        policy: the city's rules.
        occasion: when, why, from what.
        must: True when something was reported, so that a version is due even with the same cameras.
        ways: True when a version is due if only the corridor of its units is another one.
    """
    case, standing = outlook.case, outlook.standing
    if standing is None:
        return (case, None) if is_ended(case) else release(case, policy, occasion)
    if not standing.permission.allowed:
        if case.status == CaseStatus.DENIED:
            return case, None  # said once
        denied = replace(occasion, reason=standing.permission.reason or "denied")
        return without_cameras(case, standing, policy, denied, CaseStatus.DENIED)
    if target is None:
        if case.status == CaseStatus.NEEDS_LOCATION and not must:
            return case, None
        return without_cameras(case, standing, policy, occasion, CaseStatus.NEEDS_LOCATION)
    return (yield from _assign(Scene(outlook, case, standing, target, scenery, policy, occasion), must=must, ways=ways))


def conclude(deliberations: Sequence[Deliberation], scenery: Scenery, policy: Policy) -> list[Decision]:
    """Run decisions side by side, answering together what they ask at the same time; return them in order."""
    decisions: dict[int, Decision] = {}
    answers: dict[int, Answer | None] = dict.fromkeys(range(len(deliberations)))
    while answers:
        requests: dict[int, LookRequest] = {}
        for number, answer in answers.items():
            try:
                # A generator is begun by sending it None, which its type does not say.
                requests[number] = deliberations[number].send(answer)  # type: ignore[arg-type]
            except StopIteration as end:
                decisions[number] = end.value
        answers = dict(zip(requests, answers_to(list(requests.values()), scenery, policy), strict=True))
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


def cameras_wanted(standing: Standing, place: Place, policy: Policy, crowd: str | None = None) -> int:
    """Return how many cameras a target gets: by rank, more where it is uncertain, and more in a crowd."""
    by_rank = policy.selection.cameras_by_rank[standing.rank]
    more = max(int(place.accuracy_m / policy.selection.uncertain_m) - 1, 0)
    return min(by_rank + min(more, by_rank) + policy.conditions.cameras_for(crowd), policy.selection.cap)


def _assign(scene: Scene, *, must: bool, ways: bool) -> Deliberation:
    case, scenery, policy = scene.case, scene.scenery, scene.policy
    place = scene.target.place
    old = scene.target.ahead is not None and is_old(place.position_us, scene.now_us, policy)
    if old and not is_old(place.position_us, case.decided_us, policy):
        # Said once; from then on it stands among the assumptions.
        must, scene = True, replace(scene, occasion=replace(scene.occasion, reason=NO_RECENT_POSITION))
    crowd = scenery.crowd_level_at(place.location, scene.now_us)
    count = cameras_wanted(scene.standing, place, policy, crowd)
    wish = scene.outlook.wish(count, scenery.cameras.revision, lambda: _main_wish(scene, count))
    must_change = _must_change(scene, wish)
    if must or must_change:
        wish = replace(wish, bids_from=-np.inf)
    places, survey = _places_of(scene, wish)
    answer = free = yield from choose_with_bids(survey or places, wish)
    keeps = not _is_worth_it(scene, answer, must_change=must_change)
    is_over = keeps and not must and moved_m(case, place) < policy.movement.update_distance_m
    if is_over and not ways:
        return case, None
    if keeps:
        held = tuple(view.row for view in wish.held)
        answer = yield LookRequest(survey or places, replace(wish, only=held, count=len(held)))
    if survey is not None:
        answer = of_the_whole(answer, survey.scale)
    role = CameraRole.VIEW if place.polygon is None else CameraRole.AREA
    looks = [Look(answer, answer.rows, role, free.losses)]
    looks += yield from _look_ahead(scene, looks)
    corridors = yield from _corridors(scene, looks)
    if is_over and not is_other_way(case, scenery, corridors, policy.selection.cap - len(_taken(looks))):
        return case, None
    looks += corridors
    chosen: list[AssignedCamera] = []
    for look in looks:
        chosen += assigned_cameras(scenery, look, case, scene.now_us, first_rank=len(chosen))
    chosen = chosen[: policy.selection.cap]
    case = without_bars(case, {camera.camera_id for camera in chosen})
    chosen += ending_cameras(scenery, place, case, chosen, now_us=scene.now_us, overlap_s=policy.selection.overlap_s)
    left_out = exclusions_around(
        scenery, places, scene.standing.camera_purposes, case, now_us=scene.now_us, policy=policy.search
    )
    return active(
        case,
        scene.standing,
        policy,
        scene.occasion,
        chosen=chosen,
        where=target_of(place, left_out.search_radius_m, left_out.nearest_owner, policy),
        runner_up=runner_up_of(scenery, answer, {camera.camera_id for camera in chosen}),
        excluded=left_out,
        p_view=answer.utility if answer.rows else None,
        assumptions=(
            *scenery.assumptions_for(_taken(looks)),
            *([NO_RECENT_POSITION] if old else ()),
            *([f"crowd-{crowd}"] if policy.conditions.cameras_for(crowd) else ()),
        ),
    )


def _main_wish(scene: Scene, count: int) -> Wish:
    """Return what is wanted for the target itself; what heads are worth is reckoned only if the held set must go."""
    wish = scene.wish(count, *TARGET_ROLES, fill=True)
    return replace(wish, bids_from=scene.policy.selection.switch_gain)


def _places_of(scene: Scene, wish: Wish) -> tuple[Places, Survey | None]:
    """Return the weighted places the target may be at; of an area a sample, and the survey that is chosen by."""
    target, scenery = scene.target, scene.scenery
    if target.places is not None:
        return target.places, None
    if (place := target.place).polygon is not None:
        return area_of(place.polygon, scenery, wish.purposes, wish.rows)
    x_m, y_m = scenery.plane.to_metres(place.location.lat_deg, place.location.lon_deg)
    return places_around(x_m, y_m, max(place.accuracy_m, 1.0) / R68_PER_SIGMA, scenery.streets), None


def _is_worth_it(scene: Scene, answer: Answer, *, must_change: bool) -> bool:
    """Return whether the new choice is so much better than the cameras held, as they are turned, that they change."""
    case = scene.case
    if case.status != CaseStatus.ACTIVE:
        return bool(answer.rows) or case.version == 0 or case.status != CaseStatus.WAITING
    return must_change or answer.utility - answer.held_utility >= scene.policy.selection.switch_gain


def _must_change(scene: Scene, wish: Wish) -> bool:
    """Return whether the cameras held cannot stay: there are none, some are lost, or another number is wanted."""
    case, held_rows = scene.case, {view.row for view in wish.held}
    usable = scene.scenery.optics.usable
    if not held_rows or any(row < 0 or not usable[row] for row in held_rows):
        return True
    return bool(
        sum(held.role in MAIN_ROLES for held in case.held) > wish.count
        or held_rows & {*wish.barred, *(row for row, _ in wish.priced)}
        or set(wish.pinned) - held_rows
    )


def _look_ahead(scene: Scene, looks: list[Look]) -> Looking[list[Look]]:
    """Return cameras for where a moving subject will be soon, so that a view is ready before it is needed."""
    count, look_ahead_s = scene.policy.selection.next_cameras, scene.policy.movement.look_ahead_s
    if scene.target.ahead is None or count == 0 or look_ahead_s <= 0:
        return []
    wish = scene.wish(count, taken=_taken(looks))
    answer = yield from choose_with_bids(scene.target.ahead(look_ahead_s), wish)
    return [Look(answer, answer.rows, CameraRole.NEXT, answer.losses)]


def _corridors(scene: Scene, looks: list[Look]) -> Looking[list[Look]]:
    """Return cameras along the ways of the responding units."""
    count = scene.policy.selection.corridor_cameras
    if count == 0:
        return []
    return (
        yield from corridor_looks(
            scene.case,
            scene.target.place,
            scene.scenery,
            now_us=scene.now_us,
            wish=lambda before: scene.wish(count, CameraRole.CORRIDOR, taken=_taken(looks + before)),
        )
    )


def _taken(looks: list[Look]) -> list[int]:
    return [row for look in looks for row in look.rows]
