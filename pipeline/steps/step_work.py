"""One step of the engine under way: what is decided so far, and what must be written at its end."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.beliefs import Beliefs
from pipeline.cases.case import is_ended
from pipeline.cases.endings import ran_out, was_settled
from pipeline.choice.scenery import Scenery
from pipeline.decisions.assignment import Occasion
from pipeline.decisions.audit import AuditChain, record_of, view_record_of
from pipeline.decisions.decision import conclude, deliberate, release
from pipeline.decisions.golden_time import shows_target
from pipeline.decisions.head_wishes import requests_of
from pipeline.decisions.targets import Sought, targets_of
from pipeline.reading.batch import StepResult
from pipeline.reading.views import View
from pipeline.rules.policy import Policy
from pipeline.steps.state import PartitionState
from schemas.access_audit import AccessAudit
from schemas.camera_assignment import CameraAssignment, CameraRole, CaseStatus, InputRef
from schemas.camera_knowledge import CameraObservation
from schemas.case_state import CaseState
from schemas.ptz import PtzRequest
from schemas.subject_track import SubjectTrack
from schemas.topics import VIEW_SESSIONS
from schemas.wandering_alert import WanderingAlert

# So many decisions are under way at once: what they ask for is answered together, and memory stays small.
DELIBERATIONS_MAX = 64
ENGINE = "engine"
CHAINED = "chained"


def _first(item: tuple[Any, ...]) -> int:
    """Return the order that something to be sent is kept with."""
    order: int = item[0]
    return order


@dataclass(frozen=True, slots=True)
class Ask:
    """A case to decide on, and why.

    Attributes:
        key: its key.
        case: the case as it is, with what was just reported.
        reason: why it is looked at.
        now_us: the now of the decision.
        sources: what it is decided from.
        must: whether a version is due even with the same cameras.
        order: place of its version among those of the unit.
        actor: who asks: ``engine``, or the pseudonym of an operator.
        renews: whether a version's lease begins anew, because something was heard of the case.
        ways: whether a road on the way of its units was closed or opened: another corridor is worth a version too.
    """

    key: bytes
    case: CaseState
    reason: str
    now_us: int
    sources: tuple[InputRef, ...]
    must: bool
    order: int
    actor: str = ENGINE
    renews: bool = True
    ways: bool = False


@dataclass(slots=True)
class StepWork:
    """One step under way: what is decided so far, and which rows must go out at its end."""

    state: PartitionState
    scenery: Scenery
    policy: Policy
    result: StepResult = field(default_factory=StepResult)
    requests: list[tuple[int, PtzRequest]] = field(default_factory=list)
    observations: list[tuple[int, CameraObservation]] = field(default_factory=list)
    alerts: list[tuple[int, WanderingAlert]] = field(default_factory=list)
    assignments: list[tuple[int, str, CaseState, CameraAssignment]] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    dirty_slots: list[NDArray[np.intp]] = field(default_factory=list)
    dropped_tracks: set[bytes] = field(default_factory=set)

    @property
    def beliefs(self) -> Beliefs:
        """Where the subjects of the partition's open cases can be."""
        return self.state.beliefs_on(self.scenery.streets, self.policy)

    def decide_and_note(self, asks: Sequence[Ask]) -> list[CameraAssignment | None]:
        """Decide on distinct cases; note their new states and versions, and return the versions (None for none)."""
        made: list[CameraAssignment | None] = []
        for start in range(0, len(asks), DELIBERATIONS_MAX):
            made += self._decide_some(asks[start : start + DELIBERATIONS_MAX])
        return made

    def _decide_some(self, asks: Sequence[Ask]) -> list[CameraAssignment | None]:
        outlooks = [self.state.outlooks.of(ask.key, ask.case, self.policy) for ask in asks]
        sought = [
            Sought(ask.key, ask.case, outlook.standing, self._track_looked_at(ask.key), ask.now_us)
            for ask, outlook in zip(asks, outlooks, strict=True)
        ]
        targets = targets_of(sought, self.beliefs, self.scenery, self.policy)
        deliberations = [
            deliberate(
                outlook,
                target,
                self.scenery,
                self.policy,
                occasion=Occasion(ask.now_us, ask.reason, ask.sources, self.scenery.cameras.version, ask.renews),
                must=ask.must,
                ways=ask.ways,
            )
            for ask, outlook, target in zip(asks, outlooks, targets, strict=True)
        ]
        decisions = conclude(deliberations, self.scenery, self.policy)
        return [self._note_decision(ask, *decision) for ask, decision in zip(asks, decisions, strict=True)]

    def _track_looked_at(self, key: bytes) -> SubjectTrack | None:
        """Note that a case's subject is looked at; return its track if that is newer than what its belief stands on."""
        subjects, beliefs = self.state.subjects, self.beliefs
        slot = subjects.slot_of.get(key)
        if slot is None or not subjects.fix_us[slot]:
            return None
        subjects.note_look(slot)
        self.dirty_slots.append(np.array([slot], np.intp))
        row = beliefs.row_of.get(key)
        is_known = row is not None and subjects.fix_us[slot] <= beliefs.at_us[row]
        return None if is_known else subjects.track(slot)

    def _note_decision(
        self, ask: Ask, after: CaseState, assignment: CameraAssignment | None
    ) -> CameraAssignment | None:
        self.note(ask.key, after)
        if assignment is not None:
            self.assignments.append((ask.order, ask.actor, ask.case, assignment))
            self._count(ask.case, assignment)
        return assignment

    def release_and_note(
        self, key: bytes, case: CaseState, reason: str, now_us: int, sources: tuple[InputRef, ...], *, order: int
    ) -> None:
        """End a case and note its last version."""
        occasion = Occasion(now_us, reason, sources, self.scenery.cameras.version)
        after, assignment = release(case, self.policy, occasion)
        self.note(key, after)
        if assignment is not None:
            self.assignments.append((order, ENGINE, case, assignment))

    def chain_views(self, views: Sequence[View]) -> None:
        """Have views that were asked for chained in their place; no case is touched by them."""
        self.views += views
        if views:
            self.result.outcomes[VIEW_SESSIONS.name, CHAINED] += len(views)

    def drop_track(self, key: bytes) -> None:
        """Forget where a subject was and can be."""
        slot = self.state.subjects.slot_of[key]
        if self.state.subjects.fix_us[slot]:
            self.state.subjects.drop_track(slot)
            self.dropped_tracks.add(key)
        self.beliefs.forget(key)
        case = self.state.cases.get(key)
        keeps, settled = case is not None and ran_out(case), case is not None and was_settled(case)
        self.state.watch.forget_places(key, keeps_newest=keeps, is_settled=settled)

    def note(self, key: bytes, case: CaseState) -> None:
        """Remember a case's state, and write it if it is another than before."""
        if self.state.cases.get(key) is case:
            return
        self.state.put(key, case, self.policy)
        self.result.case_states[case.case_id] = case
        if is_ended(case):
            self.beliefs.forget(key)
            self.state.recent_looks.forget(key)
            self.state.lessons.forget(key)
            if case.status == CaseStatus.RELEASED:
                self.drop_track(key)  # positions are forgotten when the case ends

    def _count(self, before: CaseState, assignment: CameraAssignment) -> None:
        if before.first_view_us is None and shows_target(assignment.cameras):
            self.result.first_views.append(assignment)
        if before.subject_ref is not None:
            self._count_handover(before, assignment)

    def _count_handover(self, before: CaseState, assignment: CameraAssignment) -> None:
        """Count a change of a moving subject's cameras: with an overlap, or cut."""
        held = {camera.camera_id for camera in before.held if camera.role != CameraRole.ENDING}
        now = {camera.camera_id for camera in assignment.cameras if camera.role != CameraRole.ENDING}
        if now - held and held - now:
            ending = any(camera.role == CameraRole.ENDING for camera in assignment.cameras)
            self.result.handovers["overlap" if ending or now & held else "cut"] += 1

    def finish(self) -> StepResult:
        """Put together what goes out: versions in order of their records, tracks once with their last value."""
        views = deque(sorted(self.views, key=attrgetter("order")))
        for order, actor, before, assignment in sorted(self.assignments, key=_first):
            while views and views[0].order < order:
                self._chain_view(views.popleft())
            self.result.assignments.append(assignment)
            self.requests += [(order, request) for request in requests_of(before, assignment)]
            self._chain(record_of(assignment, None, actor, self.state.audit_chain))
        for view in views:
            self._chain_view(view)
        # What goes out follows the order of the records, however these were cut into batches.
        self.result.ptz_requests += [request for _, request in sorted(self.requests, key=_first)]
        self.result.observations += [observation for _, observation in sorted(self.observations, key=_first)]
        self.result.alerts += [alert for _, alert in sorted(self.alerts, key=_first)]
        self.result.refusals.sort(key=lambda refusal: (refusal.now_us, refusal.topic, refusal.offset))
        self.result.beliefs += self.beliefs.changed_rows()
        self.result.outings += self.state.watch.changed_rows()
        subjects = self.state.subjects
        dropped: dict[bytes, bytes | None] = dict.fromkeys(sorted(self.dropped_tracks))
        if self.dirty_slots:
            slots = np.unique(np.concatenate(self.dirty_slots))
            live = slots[subjects.fix_us[slots] > 0]
            rows = subjects.rows(live)
            for key, _ in rows:
                dropped.pop(key, None)
            self.result.tracks += rows
        self.result.tracks += dropped.items()
        return self.result

    def _chain_view(self, view: View) -> None:
        self._chain(view_record_of(view.record, view.now_us, self.policy.version, self.state.audit_chain))

    def _chain(self, audit: AccessAudit) -> None:
        self.result.audits.append(audit)
        self.state.audit_chain = AuditChain.after(audit)
