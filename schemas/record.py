"""How a record is declared: a frozen dataclass whose fields carry their documentation.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Location:
        lat_deg: Annotated[float, "WGS 84 latitude in degrees, -90 to 90."]

``schemas.avsc`` writes the published schema from such a class, so that type,
documentation and schema cannot drift apart.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Codes:
    """Mark a ``str`` field as one of a documented list; readers must survive values that are not on it yet."""

    members: type[StrEnum]


EventId = Annotated[str, "Stable id of this event; the same event delivered twice carries the same id."]
Source = Annotated[str, "Name of the connector that wrote the event, e.g. police_112."]
ObservedUs = Annotated[int, "When the outside system observed or registered it, UTC microseconds since the epoch."]
IngestedUs = Annotated[int, "When the connector read it, UTC microseconds since the epoch."]
Exercise = Annotated[bool, "True for drills and tests: carried to the end, never mixed with real events."]
CaseId = Annotated[
    str,
    "Key of the case: the subject's pseudonym where there is one, else the incident id. Also the Kafka key.",
]
