"""A round of sightings through the cases: beliefs weighed, cameras learned about, and who must be looked at anew."""

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.beliefs import Evidence, LookedThrough
from pipeline.cases.case import Standing, standing_of
from pipeline.choice.shown import shown
from pipeline.learning.observing import Glimpse, observation_of
from pipeline.reading.refusals import MIXED, refusal_of_row
from pipeline.reading.sighting_columns import Sightings
from pipeline.steps import sightings as rules
from pipeline.steps.asked import Asked
from pipeline.steps.seen_places import Known, moved, why_useless
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
    outcomes = work.result.outcomes
    for verdict in verdicts[verdicts != rules.COUNTS].tolist():
        outcomes[SIGHTINGS.name, "dead-letter" if verdict == rules.MIXED else rules.OUTCOMES[verdict]] += 1
    for i in np.flatnonzero(verdicts == rules.MIXED).tolist():
        work.result.refusals.append(refusal_of_row(SIGHTINGS.name, sightings, int(rows[i]), MIXED))
    counts = np.flatnonzero(verdicts == rules.COUNTS)
    looks = looks_of(sightings, rows[counts], now_us[counts], work.policy.belief.reliability)
    asked = []
    for number, i in enumerate(counts.tolist()):
        case = cases[i]
        if case is None:
            continue
        has_belief = sightings.case_id[int(rows[i])] in work.beliefs.row_of
        # Of a person who is being looked for, the reports say nothing that a look needs.
        standing = None if has_belief else standing_of(case, work.policy)
        row = _camera_row(work, looks.camera_id[number])
        known = Known(case, standing, has_belief, row is not None)
        why = why_useless(known, looks, number)
        if why is not None:
            work.result.refusals.append(refusal_of_row(SIGHTINGS.name, sightings, int(rows[i]), why))
            outcomes[SIGHTINGS.name, "dead-letter"] += 1
        elif case.subject_ref is None and standing is not None:
            case = moved(case, standing, looks, number, int(now_us[i]))
            asked.append(_asked(sightings, int(rows[i]), case, int(now_us[i]), must=True))
        elif _weigh(work, sightings, looks, number, known, row):
            asked.append(_asked(sightings, int(rows[i]), case, int(now_us[i])))
        else:
            outcomes[SIGHTINGS.name, rules.OUTCOMES[rules.COUNTS]] += 1
    return asked


def _camera_row(work: StepWork, camera_id: str | None) -> int | None:
    """Return the row of a camera that stands somewhere; None for any other."""
    row = None if camera_id is None else work.scenery.cameras.row_of(camera_id)
    return None if row is None or np.isnan(work.scenery.optics.x_m[row]) else row


def _weigh(  # noqa: PLR0917 - one look, where it is found, and whose it is
    work: StepWork, sightings: Sightings, looks: Looks, number: int, known: Known, row: int | None
) -> bool:
    """Weigh one look into the belief of its case; return whether the subject was seen."""
    key, seen = sightings.case_id[int(looks.row[number])], bool(looks.seen[number])
    walk = _walk_of(work, key, known.standing)
    if seen and not np.isnan(looks.lat_deg[number]):
        _take_place(work, key, looks, number, walk)
    elif row is not None:
        if not known.has_belief:
            _begin_at_camera(work, key, row, int(looks.seen_us[number]), walk)
        _take_view(work, sightings, looks, number, known.case, row)
    return seen


def _walk_of(work: StepWork, key: bytes, standing: Standing | None) -> NDArray[np.int32]:
    """Return how the subject of a case walks, shape (1,)."""
    row = work.beliefs.row_of.get(key)
    if row is not None:
        return np.asarray(work.beliefs.walk[[row]])
    service, kind = ("", "") if standing is None else (standing.lead.service, standing.lead.kind)
    return np.array([work.policy.belief.walk_for(service, kind)], np.int32)


def _begin_at_camera(work: StepWork, key: bytes, row: int, at_us: int, walk: NDArray[np.int32]) -> None:
    """Begin the belief of a person of whom nothing was known, seen through a camera: within its range."""
    optics = work.scenery.optics
    place = (optics.x_m[[row]], optics.y_m[[row]], np.maximum(optics.observe_m[[row], 0], 1.0).astype(np.float64))
    work.beliefs.take_positions([key], Evidence(*place, np.array([at_us], np.int64), walk))


def _take_place(work: StepWork, key: bytes, looks: Looks, number: int, walk: NDArray[np.int32]) -> None:
    """Weigh a place that was clicked or told as a position with its own accuracy."""
    one = slice(number, number + 1)
    x_m, y_m = work.scenery.plane.to_metres(looks.lat_deg[one], looks.lon_deg[one])
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
    p, weak = shown(scenery.world, scenery.optics, row, pan_deg, field_deg, cell, x_m, y_m, scenery.view)
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


def _asked(sightings: Sightings, row: int, case: CaseState, now_us: int, *, must: bool = False) -> Asked:
    source = InputRef(topic=SIGHTINGS.name, partition=sightings.partition, offset=int(sightings.offset[row]))
    order = int(sightings.order[row])
    ask = Ask(sightings.case_id[row], case, SEEN_REASON, now_us, (source,), must=must, order=order)
    return Asked(ask, SIGHTINGS.name, rules.OUTCOMES[rules.COUNTS], int(sightings.ingested_us[row]))
