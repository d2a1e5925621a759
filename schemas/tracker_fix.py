"""One position report of a tracker: the hot input, thousands a second."""

from dataclasses import dataclass
from typing import Annotated

from schemas.location import Location
from schemas.record import CaseId, EventId, Exercise, IngestedUs, ObservedUs, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerFix:
    """Where a tracker was at one moment."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    case_id: CaseId
    subject_ref: Annotated[str, "Keyed pseudonym of the person; never a name, phone or device id."]
    fix_us: Annotated[int, "When the position was measured, UTC microseconds since the epoch."]
    location: Annotated[Location, "The measured position."]
    speed_mps: Annotated[float | None, "Speed over ground in metres per second, if the tracker gives it."] = None
    course_deg: Annotated[float | None, "Course over ground, degrees clockwise from north, 0 to 360."] = None
    battery_pct: Annotated[float | None, "Battery charge in percent, 0 to 100."] = None
