"""What a dementia tracker or a guardian says about a person who may be lost."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.location import Location
from schemas.record import CaseId, Codes, EventId, Exercise, IngestedUs, ObservedUs, Source

# The source of alerts that detection of our own raises from fixes.
DETECTION = "goldentime-detection"


class AlertKind(StrEnum):
    """Why the alert was raised.

    ``found`` ends all alerts, ``returned`` those that detection of our own raised, ``heard-again`` its ``no-contact``.
    """

    SAFE_ZONE_EXIT = "safe-zone-exit"
    SOS = "sos"
    GUARDIAN_REPORT = "guardian-report"
    NO_CONTACT = "no-contact"
    LOW_BATTERY = "low-battery"
    NIGHT_OUTING = "night-outing"
    WANDERING_PATTERN = "wandering-pattern"
    FOUND = "found"
    RETURNED = "returned"
    HEARD_AGAIN = "heard-again"
    OTHER = "other"


class Hazard(StrEnum):
    """A danger near the person that raises the rank."""

    COLD = "cold"
    HEAT = "heat"
    WATER = "water"
    RAIL = "rail"
    ROAD = "road"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class WanderingAlert:
    """An alert about one person under protection."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    case_id: CaseId
    subject_ref: Annotated[str, "Keyed pseudonym of the person; never a name, phone or device id."]
    kind: Annotated[str, "Why the alert was raised.", Codes(AlertKind)]
    location: Annotated[Location | None, "Last known place, if the alert carries one."] = None
    last_seen_us: Annotated[int | None, "When the person was last seen, UTC microseconds since the epoch."] = None
    hazards: Annotated[tuple[str, ...], "Dangers near the person.", Codes(Hazard)] = ()
    why: Annotated[tuple[str, ...], "What it rests on, short terms in plain words; never an address or a name."] = ()
