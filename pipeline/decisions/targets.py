"""Where the targets of cases are: of people by the belief, which reports and fixes feed, else by the reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline.belief.beliefs import Beliefs, Evidence
from pipeline.belief.glance import Later, Whereabouts
from pipeline.cases.case import Standing, is_ended
from pipeline.choice.scenery import Scenery
from pipeline.decisions.decision import Target
from pipeline.decisions.place import newest_position, place_of, place_of_subject
from pipeline.rules.policy import US_PER_S, Policy
from schemas.case_state import CaseState
from schemas.subject_track import SubjectTrack


@dataclass(frozen=True, slots=True)
class Sought:
    """A case whose target is asked for.

    Attributes:
        key: of the case.
        case: as it is.
        standing: what its open reports amount to; None when none is open.
        track: last known position of its subject, if it has one.
        now_us: the now of the decision.
    """

    key: bytes
    case: CaseState
    standing: Standing | None
    track: SubjectTrack | None
    now_us: int

    @property
    def is_person(self) -> bool:
        """Whether cameras may be chosen for it and its target moves."""
        may = self.standing is not None and self.standing.permission.allowed and not is_ended(self.case)
        return may and self.case.subject_ref is not None


def targets_of(sought: Sequence[Sought], beliefs: Beliefs, scenery: Scenery, policy: Policy) -> list[Target | None]:
    """Return the target of each case, None where nobody knows where it is.

    People's beliefs are begun, or fed with positions that reports brought, on the way; their places are those of the
    moment when a picture can be there.
    """
    _feed(sought, beliefs, scenery, policy)
    people = [i for i, s in enumerate(sought) if s.is_person and s.key in beliefs.row_of]
    targets: list[Target | None] = [None] * len(sought)
    for i, s in enumerate(sought):
        if s.standing is not None and s.standing.permission.allowed and s.case.subject_ref is None:
            place = place_of(s.case, s.standing, policy)
            targets[i] = None if place is None else Target(place)
    if not people:
        return targets
    # The picture is there only when the head has turned and the stream is open.
    when_us = np.array([sought[i].now_us for i in people], np.int64) + int(policy.ptz.slew_s * US_PER_S)
    glance = beliefs.glance([sought[i].key for i in people], when_us)
    places, seen = glance.places(), glance.whereabouts()
    for number, i in enumerate(people):
        at_us = int(beliefs.at_us[beliefs.row_of[sought[i].key]])
        place = place_of_subject(_one(seen, number), scenery.plane, at_us)
        targets[i] = Target(place, places.of(number), partial(Later, glance, number))
    return targets


def _one(seen: Whereabouts, number: int) -> Whereabouts:
    one = slice(number, number + 1)
    return Whereabouts(seen.x_m[one], seen.y_m[one], seen.r68_m[one], seen.speed_mps[one], seen.heading_deg[one])


def _feed(sought: Sequence[Sought], beliefs: Beliefs, scenery: Scenery, policy: Policy) -> None:
    """Begin beliefs of people who have none, and weigh positions that are newer than what the belief stands on."""
    keys, found = [], []
    for s in sought:
        if not s.is_person or s.standing is None:
            continue
        newest = newest_position(s.case, s.standing, s.track)
        row = beliefs.row_of.get(s.key)
        if newest is not None and (row is None or newest[0] > beliefs.at_us[row]):
            keys.append(s.key)
            found.append((*newest, policy.belief.walk_for(s.standing.lead.service, s.standing.lead.kind)))
    if not keys:
        return
    lat_deg = np.array([location.lat_deg for _, location, _ in found])
    x_m, y_m = scenery.plane.to_metres(lat_deg, np.array([location.lon_deg for _, location, _ in found]))
    evidence = Evidence(
        x_m,
        y_m,
        np.array([location.accuracy_m for _, location, _ in found]),
        np.array([at_us for at_us, _, _ in found], np.int64),
        np.array([walk for *_, walk in found], np.int32),
    )
    beliefs.take_positions(keys, evidence)
