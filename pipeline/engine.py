"""The case engine: a batch of records through many cases.

``step`` is a function of its arguments: the same state, records, camera table, policy and tick give the same decisions,
however the records were cut into batches. Cases do not know of each other, so fixes of distinct subjects are judged
together in numpy; several records of one case are taken round by round, in their order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import fix_rules
from pipeline.batch import Refusal, StepResult
from pipeline.camera_table import CameraTable
from pipeline.case import EXERCISE_MIX, Applied, apply_alert, apply_incident
from pipeline.fix_rules import FixRound, apply_fixes
from pipeline.intake import Event, Fixes, Intake
from pipeline.policy import Policy
from pipeline.state import PartitionState
from pipeline.step_work import Ask, StepWork
from pipeline.ticks import apply_tick
from schemas.camera_assignment import InputRef
from schemas.case_state import CaseState
from schemas.incident import Incident
from schemas.topics import TRACKER_FIXES

_MIX_MESSAGE = "exercise: a drill and a real case do not mix"
_KEPT = fix_rules.OUTCOMES[fix_rules.KEPT]


def step(
    state: PartitionState, intake: Intake, cameras: CameraTable, policy: Policy, tick_us: int | None
) -> StepResult:
    """Advance the state by the records, then by a tick, and return what was decided.

    Args:
        state: cases and subjects of the partition; advanced in place.
        intake: the records of one unit of work, read.
        cameras: the camera table as it is now.
        policy: the city's rules.
        tick_us: a moment after the records at which time alone may decide; None for no tick.
    """
    work = StepWork(state, cameras, policy)
    if not state.cases:
        state.camera_revision = cameras.revision  # nothing to compare: cases to come are chosen from this table
    work.result.refusals += intake.refusals
    for refusal in intake.refusals:
        work.result.outcomes[refusal.topic, "dead-letter"] += 1
    if intake.records:
        state.partition = intake.partition
        _apply_records(work, intake)
        state.positions.update(intake.positions)
    if tick_us is not None:
        state.clock_us = max(state.clock_us, tick_us)
        apply_tick(work)
    return work.finish()


@dataclass(frozen=True, slots=True)
class Asked:
    """A case to decide on because of a record.

    Attributes:
        ask: the case and why.
        topic: the record's topic.
        otherwise: how the record ended if no version is made.
        ingested_us: when a connector read the record.
    """

    ask: Ask
    topic: str
    otherwise: str
    ingested_us: int


def _apply_records(work: StepWork, intake: Intake) -> None:
    """Apply events and fixes round by round: in a round no case appears twice."""
    state, fixes, events = work.state, intake.fixes, intake.events
    keys = [event.record.case_id.encode() for event in events]
    order = np.array([event.order for event in events], np.int64)
    now_us = np.array([event.now_us for event in events], np.int64)
    fix_count = 0
    if fixes is not None:
        fix_count = len(fixes)
        keys = fixes.case_id + keys
        order = np.concatenate([fixes.order, order])
        now_us = np.concatenate([fixes.now_us, now_us])
    if not keys:
        return
    by_order = np.argsort(order, kind="stable")
    now_us[by_order] = np.maximum(np.maximum.accumulate(now_us[by_order]), state.clock_us)
    state.clock_us = int(now_us[by_order[-1]])
    slots = state.subjects.slots_for(keys)
    rounds = _rounds(slots, by_order)
    for number in range(int(rounds.max()) + 1):
        members = np.flatnonzero(rounds == number)
        asked: list[Asked] = []
        if fixes is not None and len(rows := members[members < fix_count]):
            asked += _apply_fixes(work, FixRound(fixes, rows, slots[rows], now_us[rows]))
        for member in members[members >= fix_count].tolist():
            asked += _apply_event(work, events[member - fix_count], int(now_us[member]))
        _decide(work, asked)
    _free_empty(state, slots)


def _decide(work: StepWork, asked: list[Asked]) -> None:
    """Decide on the cases of a round together, and count how their records ended."""
    made = work.decide_and_note([a.ask for a in asked])
    for a, assignment in zip(asked, made, strict=True):
        work.result.outcomes[a.topic, a.otherwise if assignment is None else "decided"] += 1
        if assignment is not None:
            work.result.reported.append((assignment.services[0], a.ingested_us))


def _free_empty(state: PartitionState, slots: NDArray[np.intp]) -> None:
    """Give back slots that nothing is remembered in, as after a drill's fix without a case."""
    subjects = state.subjects
    for slot in np.unique(slots[~subjects.has_case[slots] & (subjects.fix_us[slots] == 0)]).tolist():
        subjects.free(slot)


def _rounds(slots: NDArray[np.intp], by_order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each record how many records of the same slot come before it."""
    grouped = by_order[np.argsort(slots[by_order], kind="stable")]
    sorted_slots = slots[grouped]
    starts = np.flatnonzero(np.concatenate([[True], sorted_slots[1:] != sorted_slots[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(slots)]]))
    rounds = np.empty(len(slots), np.intp)
    rounds[grouped] = np.arange(len(slots)) - np.repeat(starts, lengths)
    return rounds


def _apply_fixes(work: StepWork, members: FixRound) -> list[Asked]:
    """Write the fixes of a round into the tracks; return the cases whose cameras must be looked at anew."""
    subjects, outcomes = work.state.subjects, work.result.outcomes
    fixes, rows, slots = members.fixes, members.rows, members.slots
    verdicts = apply_fixes(subjects, members, work.policy.movement)
    stands = verdicts.verdict <= fix_rules.KEPT
    work.dirty_slots.append(slots[stands])
    work.state.track_heard(slots[stands], work.policy)
    counts = np.bincount(verdicts.verdict, minlength=len(fix_rules.OUTCOMES)).tolist()
    for outcome, count in zip(fix_rules.OUTCOMES, counts, strict=True):
        if count:
            outcomes[TRACKER_FIXES.name, outcome] += count
    for i in np.flatnonzero((verdicts.verdict == fix_rules.JUMP) | (verdicts.verdict == fix_rules.MIXED)).tolist():
        work.result.refusals.append(_fix_refusal(fixes, int(rows[i]), int(verdicts.verdict[i])))
    asked = []
    for i in np.flatnonzero(verdicts.reselect).tolist():
        row, key = int(rows[i]), fixes.case_id[rows[i]]
        case = work.state.cases[key]
        source = InputRef(topic=TRACKER_FIXES.name, partition=fixes.partition, offset=int(fixes.offset[row]))
        reason = "moved" if case.anchor is not None else "located"
        now_us, order = int(members.now_us[i]), int(fixes.order[row])
        ask = Ask(key, case, reason, now_us, (source,), must=case.anchor is None, order=order)
        asked.append(Asked(ask, TRACKER_FIXES.name, _KEPT, int(fixes.ingested_us[row])))
    outcomes[TRACKER_FIXES.name, _KEPT] -= len(asked)  # each is counted again by what its decision is
    return asked


def _fix_refusal(fixes: Fixes, row: int, verdict: int) -> Refusal:
    if verdict == fix_rules.JUMP:
        reason, name, message = "implausible-jump", "location", "location: faster than the policy's max_speed_mps"
    else:
        reason, name, message = EXERCISE_MIX, "exercise", _MIX_MESSAGE
    return Refusal(
        topic=TRACKER_FIXES.name,
        partition=fixes.partition,
        offset=int(fixes.offset[row]),
        key=fixes.case_id[row],
        payload=fixes.payload[row],
        reason=reason,
        field=name,
        message=message,
        now_us=int(fixes.now_us[row]),
    )


def _apply_event(work: StepWork, event: Event, now_us: int) -> list[Asked]:
    """Apply an event to its case; return the case to decide on, if it changed."""
    key = event.record.case_id.encode()
    case = work.state.cases.get(key)
    applied = _applied(case, event, now_us)
    if applied.outcome == EXERCISE_MIX:
        work.result.outcomes[event.topic, "dead-letter"] += 1
        work.result.refusals.append(_event_refusal(event))
        return []
    if applied.outcome != "changed" or applied.case is None:
        work.result.outcomes[event.topic, applied.outcome] += 1
        return []
    if applied.case.exercise != (case is not None and case.exercise):
        work.drop_track(key)  # where a drill was played is not where a real person is, nor the other way round
    source = InputRef(topic=event.topic, partition=event.partition, offset=event.offset)
    ask = Ask(key, applied.case, applied.reason, now_us, (source,), must=True, order=event.order)
    return [Asked(ask, event.topic, "noted", event.record.ingested_us)]


def _applied(case: CaseState | None, event: Event, now_us: int) -> Applied:
    if isinstance(event.record, Incident):
        return apply_incident(case, event.record, now_us)
    return apply_alert(case, event.record, now_us)


def _event_refusal(event: Event) -> Refusal:
    return Refusal(
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        key=event.key,
        payload=event.payload,
        reason=EXERCISE_MIX,
        field="exercise",
        message=_MIX_MESSAGE,
        now_us=event.now_us,
    )
