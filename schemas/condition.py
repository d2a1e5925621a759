"""What a place is like for a while: crowds that hide people, roads that are closed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.location import Point
from schemas.record import Codes, EventId, Exercise, IngestedUs, ObservedUs, Source


class ConditionKind(StrEnum):
    """What is unusual there."""

    CROWD = "crowd"
    CLOSURE = "closure"
    OTHER = "other"


class CrowdLevel(StrEnum):
    """How crowded a place is; the four words of Seoul's real-time city data."""

    RELAXED = "relaxed"
    NORMAL = "normal"
    BUSY = "busy"
    CROWDED = "crowded"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition of an area or a road; newest wins. A tombstone on its key, or its end, removes it."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    condition_id: Annotated[str, "Id of the condition, '<source>:<their id>'. Also the Kafka key."]
    kind: Annotated[str, "What is unusual there.", Codes(ConditionKind)]
    polygon: Annotated[tuple[Point, ...], "Outer ring of the area, closed or not; empty for a road."] = ()
    line: Annotated[tuple[Point, ...], "The road, in order; empty for an area."] = ()
    width_m: Annotated[float, "With a line: how wide the road is, metres."] = 20.0
    crowd_level: Annotated[str | None, "With kind crowd: how crowded.", Codes(CrowdLevel)] = None
    people_per_m2: Annotated[float | None, "With kind crowd: people to a square metre, if known."] = None
    valid_until_us: Annotated[int, "When it is no longer to be believed, UTC microseconds since the epoch."]
