"""What a worker remembers of one partition: its cases and its subjects, advanced in place by the engine.

Two memories are written nowhere and begin empty after a restart; what is lost with them is small and heals by itself:

- ``RecentLooks``, ids of the newest sightings of each case. A source that repeats a sighting across the restart, and
  within the few minutes in which it is not late, is weighed twice. Records that were decided are not read again, so
  the restart alone repeats nothing.
- ``Lessons``, when each case last taught what of which camera. One miss per case and camera that falls within half a
  minute of the miss before the restart is counted as a look of its own; a camera's knowledge rests on hundreds.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.beliefs import Beliefs
from pipeline.cases.bars import awaits_plan, next_bar_end_us
from pipeline.cases.case import is_ended
from pipeline.decisions.audit import AuditChain
from pipeline.decisions.outlook import Outlooks
from pipeline.learning.lessons import Lessons
from pipeline.rules.policy import US_PER_S, Policy
from pipeline.steps.sightings import RecentLooks
from pipeline.steps.subjects import NEVER_US, Subjects
from pipeline.steps.wakes import Wakes
from pipeline.wandering.watch import Watch
from pipeline.world.conditions import Held
from pipeline.world.streets import Streets
from schemas.access_audit import AccessAudit
from schemas.camera_assignment import CaseStatus
from schemas.case_state import CaseState
from schemas.codec import decode
from schemas.topics import (
    ACCESS_AUDITS,
    CASE_BELIEFS,
    CASE_STATES,
    PROTECTED_SUBJECTS,
    SUBJECT_TRACKS,
    WANDERING_STATES,
)


class PartitionState:
    """The cases and subjects of one partition.

    Attributes:
        cases: by case_id as UTF-8 bytes, which is also the Kafka key.
        subjects: columns by slot.
        holders: which cases hold a camera, by camera id.
        clock_us: the latest now; a partition's time never goes back, whatever its records say.
        positions: last offset seen of each input topic that decides, for the provenance of ticks.
        partition: its number; -1 until the first record.
        camera_revision: revision of the camera table that the held cameras were last compared with; -1 for never.
        lessons: when each case last taught what of which camera.
        recent_looks: sightings of each case, to know a repeat.
        audit_chain: where the partition's chain of access audits stands.
        watch: who is registered as under protection, and what is remembered of those who are out.
        outlooks: what follows from the state of each case alone.
        conditions: what held at the last tick, by condition id; None for never.
        wakes: cases for which a camera or a condition changed, and at which ticks will look.
    """

    def __init__(self) -> None:
        self.cases: dict[bytes, CaseState] = {}
        self.subjects = Subjects()
        self.holders: dict[str, set[bytes]] = {}
        self.clock_us = 0
        self.positions: dict[str, int] = {}
        self.partition = -1
        self.camera_revision = -1
        self.audit_chain = AuditChain()
        self.conditions: Held | None = None
        self.wakes = Wakes()
        self.recent_looks = RecentLooks()
        self.lessons = Lessons()
        self.outlooks = Outlooks()
        self.watch = Watch()
        self._beliefs: Beliefs | None = None
        self._belief_rows: Mapping[bytes, bytes] = {}

    @classmethod
    def restored(cls, rows: Mapping[str, Mapping[bytes, bytes]], policy: Policy) -> "PartitionState":
        """Return the state that the newest rows of the internal topics describe.

        Args:
            rows: newest row of each key, by topic; topics without any may be missing.
            policy: the city's rules.

        Raises:
            RecordDecodeError: a row does not decode; the topics are internal, so that is damage and no bad input.
        """
        state = cls()
        track_rows, case_rows = rows.get(SUBJECT_TRACKS.name, {}), rows.get(CASE_STATES.name, {})
        state.subjects.restore(list(track_rows), list(track_rows.values()))
        slots = np.fromiter(state.subjects.slot_of.values(), np.intp, len(track_rows))
        state.track_heard(slots, policy)
        for key, value in case_rows.items():
            state.put(key, decode(CaseState, value), policy)
        if len(slots):
            state.clock_us = int(state.subjects.updated_us[slots].max())
        state.clock_us = max([state.clock_us, *(case.decided_us for case in state.cases.values())])
        state.watch.restore(rows.get(PROTECTED_SUBJECTS.name, {}), rows.get(WANDERING_STATES.name, {}).values())
        state._belief_rows = rows.get(CASE_BELIEFS.name, {})
        for value in rows.get(ACCESS_AUDITS.name, {}).values():
            state.audit_chain = AuditChain().after(decode(AccessAudit, value))
        return state

    def beliefs_on(self, streets: Streets | None, policy: Policy) -> Beliefs:
        """Return where the subjects of open cases can be; on the first call, on this street map, as restored."""
        if self._beliefs is None:
            self._beliefs = Beliefs(policy.belief, streets)
            self._beliefs.restore(self._belief_rows)
            self._belief_rows = {}
        return self._beliefs

    def put(self, key: bytes, case: CaseState, policy: Policy) -> int:
        """Remember a case's newest state and what fixes and ticks must know of it; return its slot."""
        before = self.cases.get(key)
        self._note_holders(key, before, case)
        self.cases[key] = case
        subjects = self.subjects
        slot = int(subjects.slots_for([key])[0])
        subjects.has_case[slot] = True
        subjects.is_open[slot] = not is_ended(case)
        subjects.exercise[slot] = case.exercise
        subjects.renewal_us[slot] = renewal_us(case, policy)
        subjects.due_us[slot] = self._due_us(case, policy)
        return slot

    def forget_case(self, key: bytes, policy: Policy) -> None:
        """Forget a case; its subject's track, if one has come since, lives on for its own time."""
        case = self.cases.pop(key)
        self.recent_looks.forget(key)
        self.lessons.forget(key)
        self.outlooks.forget(key)
        self._note_holders(key, case, None)
        subjects, slot = self.subjects, self.subjects.slot_of[key]
        subjects.has_case[slot] = subjects.is_open[slot] = False
        if subjects.fix_us[slot]:
            self.track_heard(np.array([slot], np.intp), policy)
        else:
            subjects.free(slot)

    def track_heard(self, slots: NDArray[np.intp], policy: Policy) -> None:
        """Put off the forgetting of subjects without a case whose track was written; cases have times of their own."""
        subjects = self.subjects
        forget_us = subjects.updated_us[slots] + int(policy.lease.track_age_s * US_PER_S)
        subjects.due_us[slots] = np.where(subjects.has_case[slots], subjects.due_us[slots], forget_us)

    def open_cases(self) -> Counter[tuple[str, str]]:
        """Return how many cases are open by (service of the first report, status)."""
        counts: Counter[tuple[str, str]] = Counter()
        for case in self.cases.values():
            if not is_ended(case):
                counts[case.reports[0].service if case.reports else "other", case.status] += 1
        return counts

    def _due_us(self, case: CaseState, policy: Policy) -> int:
        """Return when a tick must look at a case: to forget it, for its lease, or for what may have changed."""
        if case.ended_us is not None:
            return case.ended_us + int(policy.lease.retention_s * US_PER_S)
        if case.version == 0:
            return int(NEVER_US)
        due_us = renewal_us(case, policy)
        if awaits_plan(case):
            due_us = min(due_us, case.decided_us)  # before all that only time asks for
        bar_ends_us = next_bar_end_us(case, case.decided_us)
        if bar_ends_us is not None:
            due_us = min(due_us, bar_ends_us)
        if case.subject_ref is not None or case.status == CaseStatus.WAITING:
            due_us = min(due_us, case.decided_us + look_interval_us(case, policy))
        return due_us

    def _note_holders(self, key: bytes, before: CaseState | None, after: CaseState | None) -> None:
        old = {held.camera_id for held in before.held} if before else set()
        new = {held.camera_id for held in after.held} if after else set()
        for camera_id in old - new:
            holders = self.holders[camera_id]
            holders.discard(key)
            if not holders:
                del self.holders[camera_id]
        for camera_id in new - old:
            self.holders.setdefault(camera_id, set()).add(key)


def renewal_us(case: CaseState, policy: Policy) -> int:
    """Return when the lease is so far used up that it is renewed if anything was heard since."""
    lease_us = case.valid_until_us - case.decided_us
    return case.valid_until_us - int(lease_us * policy.lease.renew_share)


def look_interval_us(case: CaseState, policy: Policy) -> int:
    """Return how long after a look a case is looked at anew: a person moves on, a waiting case hopes for cameras."""
    moves = case.subject_ref is not None and case.status == CaseStatus.ACTIVE
    return int((policy.belief.step_s if moves else policy.movement.refresh_s) * US_PER_S)
