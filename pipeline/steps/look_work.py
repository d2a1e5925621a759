"""A round of sightings through the cases: beliefs weighed, cameras learned about, and who must be looked at anew."""

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.beliefs import Evidence, LookedThrough
from pipeline.choice.shown import shown
from pipeline.learning.observing import Glimpse, observation_of
from pipeline.reading.refusals import MIXED, refusal_of_row
from pipeline.reading.sighting_columns import Sightings
from pipeline.steps import sightings as rules
from pipeline.steps.asked import Asked
from pipeline.steps.sightings import Looks, judge, looks_of
from pipeline.steps.step_work import Ask, StepWork
from schemas.camera_assignment import InputRef, PtzState
from schemas.case_state import CaseState
from schemas.topics import SIGHTINGS

SEEN_REASON = "sighted"


def apply_looks(work: StepWork, sightings: Sightings, rows: NDArray[np.intp], now_us: NDArray[np.int64]) -> list[Asked]:
    """Weigh the sightings of a round; return the cases whose subject was seen, which are decided on at once."""
    cases = [work.state.cases.get(sightings.case_id[row]) for row in rows.tolist()]
    verdicts = judge(sightings, rows, cases, now_us, work.state.recent_looks, work.policy)
    for verdict in verdicts.tolist():
        mixed = verdict == rules.MIXED
        work.result.outcomes[SIGHTINGS.name, "dead-letter" if mixed else rules.OUTCOMES[verdict]] += 1
    for i in np.flatnonzero(verdicts == rules.MIXED).tolist():
        work.result.refusals.append(refusal_of_row(SIGHTINGS.name, sightings, int(rows[i]), MIXED))
    counts = np.flatnonzero(verdicts == rules.COUNTS)
    looks = looks_of(sightings, rows[counts], now_us[counts], work.policy.belief.reliability)
    asked = []
    for number, i in enumerate(counts.tolist()):
        case = cases[i]
        if case is not None and _weigh(work, sightings, looks, number, case):
            asked.append(_asked(sightings, int(rows[i]), case, int(now_us[i])))
            work.result.outcomes[SIGHTINGS.name, rules.OUTCOMES[rules.COUNTS]] -= 1  # counted again by its decision
    return asked


def _weigh(work: StepWork, sightings: Sightings, looks: Looks, number: int, case: CaseState) -> bool:
    """Weigh one look into the belief of its case; return whether the subject was seen and the belief has changed."""
    key = sightings.case_id[int(looks.row[number])]
    beliefs, seen = work.beliefs, bool(looks.seen[number])
    if key not in beliefs.row_of:
        return False
    camera_id = looks.camera_id[number]
    row = None if camera_id is None else work.scenery.cameras.row_of(camera_id)
    if seen and not np.isnan(looks.lat_deg[number]):
        _take_place(work, key, looks, number)
    elif row is not None:
        _take_view(work, sightings, looks, number, case, row)
    else:
        return False
    return seen


def _take_place(work: StepWork, key: bytes, looks: Looks, number: int) -> None:
    """Weigh a place that was clicked or told as a position with its own accuracy."""
    one = slice(number, number + 1)
    x_m, y_m = work.scenery.plane.to_metres(looks.lat_deg[one], looks.lon_deg[one])
    walk = work.beliefs.walk[[work.beliefs.row_of[key]]]
    accuracy_m = np.maximum(looks.accuracy_m[one], 1.0)
    work.beliefs.take_positions([key], Evidence(x_m, y_m, accuracy_m, looks.seen_us[one], walk))


def _take_view(  # noqa: PLR0917 - one look, where it is found, and whose it is
    work: StepWork, sightings: Sightings, looks: Looks, number: int, case: CaseState, row: int
) -> None:
    """Weigh what a camera showed or did not show, and note what that teaches of the camera."""
    scenery, policy, key = work.scenery, work.policy, sightings.case_id[int(looks.row[number])]
    seen, reliability = bool(looks.seen[number]), float(looks.reliability[number])
    at_us = int(looks.seen_us[number])
    camera_id = scenery.cameras.camera_id(row)
    particles = work.beliefs.before_look(key, at_us)
    cell, x_m, y_m = work.beliefs.spots(particles)
    pan_deg, field_deg = _aim_of(case, camera_id)
    p, weak = shown(scenery.world, scenery.optics, row, pan_deg, field_deg, cell, x_m, y_m, policy.view)
    if not case.exercise and work.state.lessons.is_due(key, camera_id, at_us, seen=seen):
        event_id = sightings.event_id[int(looks.row[number])].decode()
        look = Glimpse(event_id, camera_id, row, at_us, seen, reliability, pan_deg, field_deg)
        observation = observation_of(look, particles, (x_m, y_m), p, weak, scenery, policy)
        if observation is not None:
            work.observations.append((int(sightings.order[int(looks.row[number])]), observation))
    sight = scenery.sight_of(row, pan_deg, field_deg) if seen else None
    work.beliefs.take_look(LookedThrough(key, at_us, particles, p, weak), seen, reliability, sight)


def _aim_of(case: CaseState, camera_id: str) -> tuple[float, float]:
    """Return pan and field that the case had given the camera; NaN and 0 where nobody here knows how it is turned.

    A head that was denied, taken by hand or only watched is not where the case wanted it.
    """
    told = (PtzState.REQUESTED, PtzState.GRANTED)
    held = next((h for h in case.held if h.camera_id == camera_id and h.ptz in told), None)
    return (np.nan, 0.0) if held is None or held.pan_deg is None else (held.pan_deg, held.field_deg or 0.0)


def _asked(sightings: Sightings, row: int, case: CaseState, now_us: int) -> Asked:
    source = InputRef(topic=SIGHTINGS.name, partition=sightings.partition, offset=int(sightings.offset[row]))
    order = int(sightings.order[row])
    ask = Ask(sightings.case_id[row], case, SEEN_REASON, now_us, (source,), must=False, order=order)
    return Asked(ask, SIGHTINGS.name, rules.OUTCOMES[rules.COUNTS], int(sightings.ingested_us[row]))
