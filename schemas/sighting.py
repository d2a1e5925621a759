"""What somebody or something saw through a camera, or did not see although they looked."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.camera_assignment import ViewLevel
from schemas.location import Location
from schemas.record import CaseId, Codes, EventId, Exercise, IngestedUs, ObservedUs, Source


class SightingResult(StrEnum):
    """What came of the look."""

    SEEN = "seen"
    LOOKED_NOT_SEEN = "looked-not-seen"
    OTHER = "other"


class SightingSource(StrEnum):
    """Who looked; the city's policy says how reliable each kind is."""

    OPERATOR = "operator"
    ANALYTICS = "analytics"
    UNIT = "unit"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One look for the target of one case: through a camera, or a place clicked on a map."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    case_id: CaseId
    camera_id: Annotated[str | None, "Camera looked through; null when a place was clicked instead."] = None
    result: Annotated[str, "What came of it.", Codes(SightingResult)]
    level: Annotated[str | None, "How well the target was seen; null if unknown.", Codes(ViewLevel)] = None
    seen_us: Annotated[int, "When it was looked, UTC microseconds since the epoch."]
    by: Annotated[str, "Who looked.", Codes(SightingSource)]
    reliability: Annotated[
        float | None, "Probability that the statement is true, 0 to 1; null takes the policy's for its kind of source."
    ] = None
    actor_ref: Annotated[str | None, "Pseudonym of the operator or name of the analytics system."] = None
    location: Annotated[Location | None, "The place, when it was clicked on a map or told by a unit."] = None
