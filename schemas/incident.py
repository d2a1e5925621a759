"""What happened: one event of an incident's life, from any of the alarm systems."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.location import Area, Location, Point
from schemas.record import CaseId, Codes, EventId, Exercise, IngestedUs, ObservedUs, Source


class IncidentStatus(StrEnum):
    """Where in its life the incident is."""

    REPORTED = "reported"
    UPDATED = "updated"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"
    OTHER = "other"


class Service(StrEnum):
    """The safety-net service a report belongs to."""

    POLICE = "police"
    FIRE = "fire"
    DISASTER = "disaster"
    CHILD = "child"
    DEMENTIA = "dementia"
    TRAFFIC = "traffic"
    IOT = "iot"
    SECURITY = "security"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RespondingUnit:
    """A vehicle on its way, for cameras along its corridor."""

    unit_ref: Annotated[str, "The unit's call sign or id in its agency's system."]
    position: Annotated[Location | None, "Where the unit is, if known."] = None
    route: Annotated[tuple[Point, ...], "The way to the scene, first point first; empty if unknown."] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A report, update or end of an incident from 112, 119, a disaster centre or another alarm system."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    case_id: CaseId
    incident_id: Annotated[str, "Id of the incident, '<source>:<their id>'; stable over its updates."]
    status: Annotated[str, "What this event says of the incident.", Codes(IncidentStatus)]
    merged_into: Annotated[str | None, "With status merged: the case_id that continues."] = None
    service: Annotated[str, "The service that reports.", Codes(Service)]
    kind: Annotated[str, "What it is, kebab-case, from the city's list, e.g. robbery, structure-fire, missing-child."]
    native_code: Annotated[str | None, "The case type in the source's own code."] = None
    urgency_native: Annotated[str | None, "The urgency in the source's own code, e.g. C0 to C4."] = None
    occurred_us: Annotated[int, "When it happened or was reported, UTC microseconds since the epoch."]
    location: Annotated[Location | None, "Where; null when the source gave no place at all."] = None
    area: Annotated[Area | None, "Extent, for incidents that are not a point."] = None
    subject_ref: Annotated[str | None, "Pseudonym of the person concerned, if one is being looked for."] = None
    units: Annotated[tuple[RespondingUnit, ...], "Responding units."] = ()
    legal_basis: Annotated[str | None, "Legal basis the source states, if it does; else the city's table decides."] = (
        None
    )
    replaces: Annotated[
        bool,
        "True: this event states the whole place of the incident, and of location, area and units what it leaves empty "
        "is gone; as an Update of CAP does. False: what it leaves empty is as it was.",
    ] = False
    reported_us: Annotated[
        int | None,
        "When it was reported, if another time than occurred_us; the golden time counts from it. Of the events of an "
        "incident the first one's counts. UTC microseconds since the epoch.",
    ] = None
