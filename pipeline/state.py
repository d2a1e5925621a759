"""What a worker remembers of one partition: its cases and its subjects, advanced in place by the engine."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.case import is_ended
from pipeline.policy import US_PER_S, Policy
from pipeline.subjects import NEVER_US, Subjects
from schemas.camera_assignment import CaseStatus
from schemas.case_state import CaseState
from schemas.codec import decode


class PartitionState:
    """The cases and subjects of one partition.

    Attributes:
        cases: by case_id as UTF-8 bytes, which is also the Kafka key.
        subjects: columns by slot.
        holders: which cases hold a camera, by camera id.
        clock_us: the latest now; a partition's time never goes back, whatever its records say.
        positions: last offset seen of each input topic, for the provenance of ticks.
        partition: its number; -1 until the first record.
        camera_revision: revision of the camera table that the held cameras were last compared with; -1 for never.
        to_compare: cases that hold a camera which changed, in the order in which ticks will look at them.
    """

    def __init__(self) -> None:
        self.cases: dict[bytes, CaseState] = {}
        self.subjects = Subjects()
        self.holders: dict[str, set[bytes]] = {}
        self.clock_us = 0
        self.positions: dict[str, int] = {}
        self.partition = -1
        self.camera_revision = -1
        self.to_compare: dict[bytes, None] = {}

    @classmethod
    def restored(
        cls, case_rows: Mapping[bytes, bytes], track_rows: Mapping[bytes, bytes], policy: Policy
    ) -> "PartitionState":
        """Return the state that the newest rows of ``case-states`` and ``subject-tracks`` describe.

        Raises:
            RecordDecodeError: a row does not decode; both topics are internal, so that is damage and no bad input.
        """
        state = cls()
        state.subjects.restore(list(track_rows), list(track_rows.values()))
        slots = np.fromiter(state.subjects.slot_of.values(), np.intp, len(track_rows))
        state.track_heard(slots, policy)
        for key, value in case_rows.items():
            state.put(key, decode(CaseState, value), policy)
        if len(slots):
            state.clock_us = int(state.subjects.updated_us[slots].max())
        state.clock_us = max([state.clock_us, *(case.decided_us for case in state.cases.values())])
        return state

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
        subjects.due_us[slot] = self._due_us(case, slot, policy)
        return slot

    def forget_case(self, key: bytes, policy: Policy) -> None:
        """Forget a case; its subject's track, if one has come since, lives on for its own time."""
        case = self.cases.pop(key)
        self._note_holders(key, case, None)
        subjects, slot = self.subjects, self.subjects.slot_of[key]
        subjects.has_case[slot] = subjects.is_open[slot] = False
        if subjects.fix_us[slot]:
            self.track_heard(np.array([slot], np.intp), policy)
        else:
            subjects.free(slot)

    def track_heard(self, slots: NDArray[np.intp], policy: Policy) -> None:
        """Put off what is due of subjects whose track was just written: another look, or being forgotten."""
        subjects = self.subjects
        heard_us, has_case = subjects.updated_us[slots], subjects.has_case[slots]
        look_us = np.minimum(subjects.renewal_us[slots], heard_us + int(policy.movement.refresh_s * US_PER_S))
        forget_us = heard_us + int(policy.lease.track_age_s * US_PER_S)
        due_us = np.where(has_case, np.where(subjects.is_open[slots], look_us, subjects.due_us[slots]), forget_us)
        subjects.due_us[slots] = due_us

    def open_cases(self) -> Counter[tuple[str, str]]:
        """Return how many cases are open by (service of the first report, status)."""
        counts: Counter[tuple[str, str]] = Counter()
        for case in self.cases.values():
            if not is_ended(case):
                counts[case.reports[0].service if case.reports else "other", case.status] += 1
        return counts

    def _due_us(self, case: CaseState, slot: int, policy: Policy) -> int:
        """Return when a tick must look at a case: to forget it, for its lease, or for what may have changed."""
        if case.ended_us is not None:
            return case.ended_us + int(policy.lease.retention_s * US_PER_S)
        if case.version == 0:
            return int(NEVER_US)
        due_us = renewal_us(case, policy)
        if case.subject_ref is not None or case.status == CaseStatus.WAITING:
            subjects = self.subjects
            fix_heard_us = int(subjects.updated_us[slot]) if subjects.fix_us[slot] else 0
            due_us = min(due_us, max(case.decided_us, fix_heard_us) + int(policy.movement.refresh_s * US_PER_S))
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
