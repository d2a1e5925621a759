"""A person under protection, as the welfare registry or a guardian registered them: pseudonymous, no contact data."""

from dataclasses import dataclass
from typing import Annotated

from schemas.location import Point
from schemas.record import CaseId, Codes, EventId, Exercise, IngestedUs, ObservedUs, Source
from schemas.wandering_alert import Hazard


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeZone:
    """Where the person may be without an alert: a circle, or a polygon where one is given."""

    zone_ref: Annotated[str, "The zone's id in its owner's system; never an address or a person's words."]
    centre: Annotated[Point, "Centre of the circle; of a polygon, any point in it."]
    radius_m: Annotated[float, "Radius in metres; 0 where a polygon says it."] = 0.0
    polygon: Annotated[tuple[Point, ...], "Outer ring, closed or not; empty for a circle."] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedSubject:
    """A person under protection, newest registration wins. A tombstone on its key ends the protection."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    case_id: CaseId
    subject_ref: Annotated[str, "Keyed pseudonym of the person; never a name, phone or device id."]
    safe_zones: Annotated[tuple[SafeZone, ...], "Where the person may be; empty: leaving is not detected."] = ()
    quiet_from_min: Annotated[int | None, "Start of the night rest, minutes after local midnight; null: none."] = None
    quiet_until_min: Annotated[int | None, "End of the night rest, minutes after local midnight; null: none."] = None
    detects_patterns: Annotated[bool, "Whether pacing and lapping are looked for; the registry's consent decides."] = (
        False
    )
    hazards: Annotated[tuple[str, ...], "Dangers known for this person.", Codes(Hazard)] = ()
    guardian_ref: Annotated[
        str | None, "Reference to the guardian's contact in its owner's system; no contact data."
    ] = None
    valid_until_us: Annotated[
        int | None, "When the registration ends, UTC microseconds since the epoch; null: open."
    ] = None
