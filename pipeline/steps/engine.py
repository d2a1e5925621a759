"""The case engine: a batch of records through many cases.

``step`` is a function of its arguments: the same state, records, camera table, policy and tick give the same decisions,
however the records were cut into batches. Cases do not know of each other, so records of distinct cases are judged
together; several records of one case are taken round by round, in their order.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.choice.scenery import Scenery
from pipeline.reading.batch import StepResult
from pipeline.reading.intake import Intake
from pipeline.rules.policy import Policy
from pipeline.steps.asked import Asked
from pipeline.steps.event_work import apply_event
from pipeline.steps.fix_rules import FixRound
from pipeline.steps.fix_work import apply_fix_round
from pipeline.steps.look_work import apply_looks
from pipeline.steps.state import PartitionState
from pipeline.steps.step_work import StepWork
from pipeline.steps.ticks import apply_tick


def step(state: PartitionState, intake: Intake, scenery: Scenery, policy: Policy, tick_us: int | None) -> StepResult:
    """Advance the state by the records, then by a tick, and return what was decided.

    Args:
        state: cases and subjects of the partition; advanced in place.
        intake: the records of one unit of work, read.
        scenery: the camera table as it is now, and the city's map.
        policy: the city's rules.
        tick_us: a moment after the records at which time alone may decide; None for no tick.
    """
    scenery.refresh(_newest_us(state, intake, tick_us))
    work = StepWork(state, scenery, policy)
    if not state.cases:
        state.camera_revision = scenery.cameras.revision  # nothing to compare: cases to come choose from this table
    work.result.refusals += intake.refusals
    for refusal in intake.refusals:
        work.result.outcomes[refusal.topic, "dead-letter"] += 1
    if intake.records:
        state.partition = intake.partition
        _apply_records(work, intake)
        work.chain_views(intake.views)
        state.positions.update(intake.positions)
    if tick_us is not None:
        state.clock_us = max(state.clock_us, tick_us)
        apply_tick(work)
    return work.finish()


def _newest_us(state: PartitionState, intake: Intake, tick_us: int | None) -> int:
    """Return the moment at the end of the step: what crowds hold is asked for then, once a step."""
    columns = [column.now_us for column in (intake.fixes, intake.sightings) if column is not None and len(column)]
    newest = [int(now_us.max()) for now_us in columns] + [event.now_us for event in intake.events]
    return max([state.clock_us, tick_us or 0, *newest])


def _apply_records(work: StepWork, intake: Intake) -> None:
    """Apply events, fixes and sightings round by round: in a round no case appears twice."""
    state, fixes, sightings, events = work.state, intake.fixes, intake.sightings, intake.events
    keys = [event.record.case_id.encode() for event in events]
    order = [np.array([event.order for event in events], np.int64)]
    now = [np.array([event.now_us for event in events], np.int64)]
    for columns in (sightings, fixes):
        if columns is not None:
            keys = columns.case_id + keys
            order.insert(0, columns.order)
            now.insert(0, columns.now_us)
    if not keys:
        return
    now_us, by_order = np.concatenate(now), np.argsort(np.concatenate(order), kind="stable")
    now_us[by_order] = np.maximum(np.maximum.accumulate(now_us[by_order]), state.clock_us)
    state.clock_us = int(now_us[by_order[-1]])
    slots = state.subjects.slots_for(keys)
    rounds = _rounds(slots, by_order)
    fix_end = 0 if fixes is None else len(fixes)
    look_end = fix_end + (0 if sightings is None else len(sightings))
    for number in range(int(rounds.max()) + 1):
        members = np.flatnonzero(rounds == number)
        asked: list[Asked] = []
        rows = members[members < fix_end]
        if fixes is not None and len(rows):
            asked += apply_fix_round(work, FixRound(fixes, rows, slots[rows], now_us[rows]))
        rows = members[(members >= fix_end) & (members < look_end)]
        if sightings is not None and len(rows):
            asked += apply_looks(work, sightings, rows - fix_end, now_us[rows])
        for member in members[members >= look_end].tolist():
            asked += apply_event(work, events[member - look_end], int(now_us[member]))
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
