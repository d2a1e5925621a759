"""Looks that no belief can be weighed with: a target that stays where it is, and a person whom nobody could place yet.

A look changes its case or is answered with the reason why it cannot; it is never taken without effect.

- A fire or a robbery has a place and no belief. Somebody who sees it at another place than the report says corrects
  the place, as far as they can be believed. That it is not there, or is somewhere in a camera's view, says nothing that
  could be reckoned with.
- A person of whom no position is known has no belief yet. Being seen begins one.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.cases.case import Standing, open_reports
from pipeline.steps.sightings import Looks
from schemas.case_state import CaseState
from schemas.location import Location, LocationQuality

# (reason, field, message) of looks that are answered in the dead letters.
Why = tuple[str, str, str]
NO_PERSON: Why = (
    "no-person",
    "location",
    "location: nobody who moves belongs to this case; only a place where it was seen can correct it",
)
IS_AREA: Why = ("is-area", "location", "location: this case is an area, and one place does not move it")
UNRELIABLE: Why = (
    "unreliable",
    "reliability",
    "reliability: a place moves only by a word that is rather true than not",
)
UNKNOWN_CAMERA: Why = ("unknown-camera", "camera_id", "camera_id: not in the camera table; nobody knows what it shows")
NO_CAMERA: Why = ("no-camera", "camera_id", "camera_id: that somebody is not at a place says nothing without a camera")
NO_PLACE: Why = ("no-place", "location", "location: nobody knows yet where the person is; tell where they were seen")
# A place is moved by words that are at least as likely true as not.
_BELIEVED_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a look's case and camera.

    Attributes:
        case: the open case.
        standing: what its reports amount to; None when none is open, or the case has a belief.
        has_belief: whether it is known where its person can be.
        has_camera: whether the camera looked through is in the table, at a place of its own.
    """

    case: CaseState
    standing: Standing | None
    has_belief: bool
    has_camera: bool


def why_useless(known: Known, looks: Looks, number: int) -> Why | None:
    """Return why a look cannot change its case; None if it can."""
    seen = bool(looks.seen[number])
    seen_at_place = seen and not np.isnan(looks.lat_deg[number])
    if known.case.subject_ref is None:
        return _why_not_moved(known, float(looks.reliability[number]), seen_at_place=seen_at_place)
    if seen_at_place:
        return None
    if not known.has_camera:
        return NO_CAMERA if looks.camera_id[number] is None else UNKNOWN_CAMERA
    return None if known.has_belief or seen else NO_PLACE


def _why_not_moved(known: Known, reliability: float, *, seen_at_place: bool) -> Why | None:
    if not seen_at_place or known.standing is None:
        return NO_PERSON
    if any(report.area is not None for report in open_reports(known.case)):
        return IS_AREA
    return None if reliability >= _BELIEVED_FROM else UNRELIABLE


def moved(case: CaseState, standing: Standing, looks: Looks, number: int, now_us: int) -> CaseState:
    """Return a case whose target was seen at a place: the leading report is there now.

    The report's own time stays: what its source tells next is not late because of this.
    """
    place = Location(
        lat_deg=float(looks.lat_deg[number]),
        lon_deg=float(looks.lon_deg[number]),
        accuracy_m=float(looks.accuracy_m[number]),
        quality=LocationQuality.OTHER,
    )
    lead = standing.lead.report_id
    reports = tuple(replace(r, location=place) if r.report_id == lead else r for r in case.reports)
    return replace(case, reports=reports, evidence_us=now_us)
