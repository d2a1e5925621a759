"""A round of fixes through the cases: tracks, beliefs, and which cases must be looked at anew."""

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.beliefs import Evidence
from pipeline.reading.refusals import MIXED, refusal_of_row
from pipeline.steps import fix_rules
from pipeline.steps.asked import Asked
from pipeline.steps.fix_rules import FixRound, apply_fixes
from pipeline.steps.step_work import Ask, StepWork
from pipeline.wandering.findings import Fix
from schemas.camera_assignment import InputRef
from schemas.topics import TRACKER_FIXES

_JUMPED = ("implausible-jump", "location", "location: faster than the policy's max_speed_mps")
_KEPT = fix_rules.OUTCOMES[fix_rules.KEPT]


def apply_fix_round(work: StepWork, members: FixRound) -> list[Asked]:
    """Write the fixes of a round into tracks and beliefs; return the cases whose cameras must be looked at anew."""
    subjects, outcomes = work.state.subjects, work.result.outcomes
    fixes, rows, slots = members.fixes, members.rows, members.slots
    before_us = np.where(subjects.fix_us[slots] > 0, subjects.updated_us[slots], 0)
    verdicts = apply_fixes(subjects, members, work.policy)
    stands = verdicts.verdict <= fix_rules.KEPT
    work.dirty_slots.append(slots[stands | (verdicts.verdict == fix_rules.JUMP)])
    work.state.track_heard(slots[stands], work.policy)
    _watch(work, members, stands, before_us)
    _weigh(work, members, np.flatnonzero(verdicts.verdict == fix_rules.KEPT))
    counts = np.bincount(verdicts.verdict, minlength=len(fix_rules.OUTCOMES)).tolist()
    for outcome, count in zip(fix_rules.OUTCOMES, counts, strict=True):
        if count:
            outcomes[TRACKER_FIXES.name, outcome] += count
    for i in np.flatnonzero((verdicts.verdict == fix_rules.JUMP) | (verdicts.verdict == fix_rules.MIXED)).tolist():
        why = _JUMPED if verdicts.verdict[i] == fix_rules.JUMP else MIXED
        work.result.refusals.append(refusal_of_row(TRACKER_FIXES.name, fixes, int(rows[i]), why))
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


def _watch(work: StepWork, members: FixRound, stands: NDArray[np.bool_], before_us: NDArray[np.int64]) -> None:
    """Hold the fixes that stand of registered people against their safe zones and ways; alerts come back as inputs.

    Args:
        work: the step.
        members: the fixes.
        stands: which of them stand.
        before_us: the now of the fix before each; 0 for none.
    """
    watch, fixes = work.state.watch, members.fixes
    if not watch.protections:
        return
    rows, now_us, heard_us = (column[stands].tolist() for column in (members.rows, members.now_us, before_us))
    known, keys = watch.protections, fixes.case_id
    for row, moment_us, last_us in [one for one in zip(rows, now_us, heard_us, strict=True) if keys[one[0]] in known]:
        fix = Fix(
            int(fixes.fix_us[row]),
            moment_us,
            float(fixes.lat_deg[row]),
            float(fixes.lon_deg[row]),
            float(fixes.accuracy_m[row]),
            last_us,
        )
        found = watch.take(keys[row], fix, work.policy, exercise=bool(fixes.exercise[row]))
        work.alerts += [(int(fixes.order[row]), alert) for alert in found]


def _weigh(work: StepWork, members: FixRound, kept: NDArray[np.intp]) -> None:
    """Weigh the fixes of open cases that have a belief; a case without one gets its first with its decision."""
    beliefs, fixes = work.beliefs, members.fixes
    rows = members.rows[kept].tolist()
    known = [beliefs.row_of.get(fixes.case_id[row], -1) for row in rows]
    chosen = np.array([row for row, belief in zip(rows, known, strict=True) if belief >= 0], np.intp)
    if not len(chosen):
        return
    belief_rows = np.array([belief for belief in known if belief >= 0], np.intp)
    x_m, y_m = work.scenery.plane.to_metres(fixes.lat_deg[chosen], fixes.lon_deg[chosen])
    keys = [fixes.case_id[row] for row in chosen.tolist()]
    walk = beliefs.walk[belief_rows]
    beliefs.take_positions(keys, Evidence(x_m, y_m, fixes.accuracy_m[chosen], fixes.fix_us[chosen], walk))
