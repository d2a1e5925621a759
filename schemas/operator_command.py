"""What an operator orders for one case."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.record import CaseId, Codes, EventId, Exercise, IngestedUs, ObservedUs, Source


class Command(StrEnum):
    """What is ordered; ``take-over`` and ``resume`` speak of the head of ``camera_id``."""

    RELEASE = "release"
    EXTEND = "extend"
    TAKE_OVER = "take-over"
    RESUME = "resume"
    EXCLUDE_CAMERA = "exclude-camera"
    PIN_CAMERA = "pin-camera"
    CLOSE = "close"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCommand:
    """One order of an operator; the newest of its kind wins."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    case_id: CaseId
    command: Annotated[str, "What is ordered.", Codes(Command)]
    camera_id: Annotated[str | None, "Camera the order speaks of; null for orders about the case."] = None
    actor_ref: Annotated[str, "Pseudonym of the operator."]
    reason: Annotated[str, "Why, in a word or two of the city's list; never a person's data."] = "unspecified"
