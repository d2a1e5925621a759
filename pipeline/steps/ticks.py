"""What time alone decides: leases renewed or ended, another look as positions age, forgetting, cameras that changed."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np

from pipeline.cases.bars import awaits_plan
from pipeline.cases.case import LEASE_EXPIRED, is_ended
from pipeline.choice.scenery import Scenery
from pipeline.rules.policy import US_PER_S
from pipeline.steps.grants import HEAD_DENIED
from pipeline.steps.state import look_interval_us, renewal_us
from pipeline.steps.step_work import Ask, StepWork
from pipeline.steps.touched import note_changed_conditions, wake
from pipeline.steps.wakes import Touch
from schemas.camera_assignment import CaseStatus, InputRef
from schemas.case_state import CaseState

TICK_TOPIC = "tick"
# Versions that a tick makes come after those of the unit's records.
_FIRST_ORDER = 1 << 62
# A look that changes nothing takes about a fifth of a millisecond: a partition's tick stays below 0.1 s.
LOOKS_PER_TICK = 400
# So many of what is due are looked at even while a tick has its fill of cases around which something changed.
DUE_LOOKS_MIN = 100
# A look that gives the case other cameras takes about as long as five that change nothing, and is counted so.
LOOKS_OF_VERSION = 5
# And one at an area, whose best cameras are weighed place by place, as about twenty more.
LOOKS_OF_AREA = 20
# So few are decided at a time, because only afterwards it is known how much work they were.
WOKEN_TOGETHER = 16


def apply_tick(work: StepWork) -> None:
    """Look at cases for which something changed, then do what is due at the state's clock; a bounded number of cases.

    Of those due the longest due are taken, ties by id. What is left over is done at the next ticks, so that ten
    thousand cases that fall due together, or lose a camera together, hold nobody up.
    """
    state, orders = work.state, count(_FIRST_ORDER)
    # Before anything is forgotten: whoever has fallen silent is told of with their last place.
    work.alerts += [(_FIRST_ORDER, alert) for alert in state.watch.fallen_silent(state.clock_us, work.policy)]
    state.watch.forget_due(state.clock_us, work.policy)
    _note_changed_cameras(work)
    note_changed_conditions(state, work.scenery, work.policy)
    spent = _look_at_woken(work, orders)
    subjects = state.subjects
    due = np.flatnonzero(subjects.due_us <= state.clock_us).tolist()
    longest = sorted((int(subjects.due_us[slot]), subjects.keys[slot]) for slot in due)
    # By id: when each was looked at last, and so for how long it has been due, is not known after a restart.
    now_due = sorted(key for _, key in longest[: max(LOOKS_PER_TICK - spent, DUE_LOOKS_MIN)])
    asked = [_look_at(work, key, next(orders)) for key in now_due]
    asks = [ask for ask in asked if ask is not None]
    for ask, made in zip(asks, work.decide_and_note(asks), strict=True):
        if made is None:
            _look_again(work, ask)


def _look_at_woken(work: StepWork, orders: Iterator[int]) -> int:
    """Look at cases for which something changed until that is work enough for a tick; return how many looks' worth.

    Only what was decided counts, no clock: a replay does as much at the same tick.
    """
    state, left = work.state, LOOKS_PER_TICK
    while left > 0 and len(state.wakes):
        woken = state.wakes.take(min(-(-left // LOOKS_OF_VERSION), WOKEN_TOGETHER))
        standing = [(key, touch) for key, touch in woken if key in state.cases and not is_ended(state.cases[key])]
        made = work.decide_and_note([_look_at_change(work, key, touch, next(orders)) for key, touch in standing])
        areas = sum(any(report.area is not None for report in state.cases[key].reports) for key, _ in standing)
        versions = sum(version is not None for version in made)
        left -= len(made) + (LOOKS_OF_VERSION - 1) * versions + LOOKS_OF_AREA * areas
    return LOOKS_PER_TICK - left


def _look_at(work: StepWork, key: bytes, order: int) -> Ask | None:
    """Do what is due for a case; return it if it must be decided on."""
    state, now_us = work.state, work.state.clock_us
    case = state.cases.get(key)
    if case is None:
        work.drop_track(key)
        state.subjects.free(state.subjects.slot_of[key])
    elif is_ended(case):
        work.result.case_states[case.case_id] = None
        state.forget_case(key, work.policy)
    elif now_us >= _age_limit_us(work, case):
        work.release_and_note(key, case, "case-age-limit", now_us, _sources(work), order=order)
    elif (
        now_us >= renewal_us(case, work.policy)
        and case.valid_until_us < _age_limit_us(work, case)
        and _heard_since(work, key, case)
    ):
        return Ask(key, case, "lease-renewed", now_us, _sources(work), must=True, order=order)
    elif now_us >= case.valid_until_us:
        work.release_and_note(key, case, LEASE_EXPIRED, now_us, _sources(work), order=order)
    elif awaits_plan(case):
        heard = _heard_since(work, key, case)
        return Ask(key, case, HEAD_DENIED, now_us, _sources(work), must=True, order=order, renews=heard)
    else:
        reason = "cameras-available" if case.status == CaseStatus.WAITING else "position-ageing"
        now_us = _due_moment_us(work, key, case)
        heard = _heard_since(work, key, case)
        return Ask(key, case, reason, now_us, _sources(work), must=False, order=order, renews=heard)
    return None


def _age_limit_us(work: StepWork, case: CaseState) -> int:
    return case.opened_us + int(work.policy.lease.max_case_s * US_PER_S)


def _due_moment_us(work: StepWork, key: bytes, case: CaseState) -> int:
    """Return the moment that a look is for: the last one that was due by now, whole intervals after the one before.

    When a tick fell must not matter, as far as it can be helped: a replay knows only the ticks that decided something.
    """
    due_us = int(work.state.subjects.due_us[work.state.subjects.slot_of[key]])
    now_us, interval_us = work.state.clock_us, look_interval_us(case, work.policy)
    return now_us - (now_us - due_us) % interval_us


def _look_again(work: StepWork, ask: Ask) -> None:
    """Have the next tick that matters look at a case that stays as it is."""
    key, case, now_us = ask.key, ask.case, ask.now_us
    renewal = renewal_us(case, work.policy)
    due_us = renewal if now_us < renewal else case.valid_until_us
    refresh_us = now_us + look_interval_us(case, work.policy)
    work.state.subjects.due_us[work.state.subjects.slot_of[key]] = min(due_us, refresh_us)


def _heard_since(work: StepWork, key: bytes, case: CaseState) -> bool:
    """Return whether anything was reported or a fix came since the newest version."""
    subjects, slot = work.state.subjects, work.state.subjects.slot_of[key]
    fix_heard = bool(subjects.fix_us[slot]) and int(subjects.updated_us[slot]) > case.decided_us
    return fix_heard or case.evidence_us > case.decided_us


def _sources(work: StepWork) -> tuple[InputRef, ...]:
    """Return the tick's moment and how far each topic had been read, so that a replay can put it in the same place."""
    state = work.state
    tick = InputRef(topic=TICK_TOPIC, partition=state.partition, offset=state.clock_us)
    read = [
        InputRef(topic=topic, partition=state.partition, offset=offset)
        for topic, offset in sorted(state.positions.items())
    ]
    return (tick, *read)


def _note_changed_cameras(work: StepWork) -> None:
    """Wake the cases that hold a camera which changed since the last tick.

    After a restart nobody knows what changed meanwhile: then those are woken that hold a camera which is lost.
    """
    state, cameras = work.state, work.scenery.cameras
    if state.camera_revision == cameras.revision:
        return
    restarted = state.camera_revision < 0
    changed = None if restarted else cameras.changed_rows_since(state.camera_revision)
    state.camera_revision = cameras.revision
    camera_ids = _lost(work.scenery, list(state.holders))
    if changed is not None:
        camera_ids += [cameras.camera_id(row) for row in changed[cameras.alive[changed]].tolist()]
    elif not restarted:
        camera_ids = list(state.holders)
    keys = {key for camera_id in camera_ids for key in state.holders.get(camera_id, ())}
    wake(state, dict.fromkeys(keys, Touch.CAMERA), work.policy)


def _lost(scenery: Scenery, camera_ids: list[str]) -> list[str]:
    """Return which cameras are gone from the table or can no longer be looked through."""
    rows = [scenery.cameras.row_of(camera_id) for camera_id in camera_ids]
    known = np.array([-1 if row is None else row for row in rows], np.intp)
    fine = known >= 0
    fine[fine] = scenery.optics.usable[known[fine]]
    return [camera_ids[i] for i in np.flatnonzero(~fine).tolist()]


def _look_at_change(work: StepWork, key: bytes, touch: Touch, order: int) -> Ask:
    """Return a case for which a camera or a condition changed as one to decide on."""
    case = work.state.cases[key]
    lost = bool(_lost(work.scenery, [held.camera_id for held in case.held]))
    reason = "camera-lost" if lost else "camera-changed" if touch & Touch.CAMERA else "conditions-changed"
    now_us, heard = work.state.clock_us, _heard_since(work, key, case)
    ask = Ask(key, case, reason, now_us, _sources(work), must=lost, order=order, renews=heard)
    return replace(ask, ways=bool(touch & Touch.WAY))
