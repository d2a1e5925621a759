"""Recorded events of welfare, child protection, the disaster centre and operators, as lines for their connector."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from console.demo.streets import Plane, Spot
from schemas.incident import Incident, IncidentStatus, Service
from schemas.location import Area, Location, LocationQuality, Point
from schemas.sighting import Sighting, SightingResult, SightingSource
from schemas.topics import INCIDENTS, SIGHTINGS, TRACKER_FIXES, WANDERING_ALERTS, Topic
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import WanderingAlert


class ReplayLines:
    """Writes records as JSON lines.

    Args:
        plane: metres to degrees.
        tag: part of the ids, so that two stories have different ones.
    """

    def __init__(self, plane: Plane, tag: str) -> None:
        self._plane = plane
        self._tag = tag

    def disaster(
        self, at_us: int, status: str, *, since_us: int, kind: str, level: str, middle: Spot, outline: Sequence[Spot]
    ) -> bytes:
        """Return an alert for an area.

        Args:
            at_us: when it is sent, UTC microseconds since the epoch.
            status: one of ``IncidentStatus``.
            since_us: since when it holds.
            kind: e.g. flood.
            level: urgency in the disaster centre's words.
            middle: middle of the area.
            outline: corners of the area.
        """
        number = f"disaster:{self._tag}"
        record = Incident(
            event_id=f"{number}:{status}:{at_us}",
            source="disaster_centre",
            observed_us=at_us,
            ingested_us=at_us,
            case_id=number,
            incident_id=number,
            status=IncidentStatus(status).value,
            service=Service.DISASTER.value,
            kind=kind,
            urgency_native=level,
            occurred_us=since_us,
            location=self._location(middle, 200.0, LocationQuality.AREA),
            area=Area(polygon=tuple(self._point(corner) for corner in outline)),
        )
        return _line(INCIDENTS, record)

    def child(self, at_us: int, status: str, *, since_us: int, person: str, spot: Spot, accuracy_m: float) -> bytes:
        """Return a report of a missing child; ``person`` is a pseudonym, the times are as in :meth:`disaster`."""
        record = Incident(
            event_id=f"child:{self._tag}:{status}:{at_us}",
            source="child_protection",
            observed_us=at_us,
            ingested_us=at_us,
            case_id=person,
            incident_id=f"child:{self._tag}",
            status=IncidentStatus(status).value,
            service=Service.CHILD.value,
            kind="missing-child",
            occurred_us=since_us,
            location=self._location(spot, accuracy_m, LocationQuality.GPS),
            subject_ref=person,
        )
        return _line(INCIDENTS, record)

    def wandering(
        self, at_us: int, person: str, kind: str, *, spot: Spot, accuracy_m: float, hazards: tuple[str, ...] = ()
    ) -> bytes:
        """Return an alert about a person under protection; ``kind`` is one of ``AlertKind``."""
        record = WanderingAlert(
            event_id=f"dementia:{self._tag}:{kind}:{at_us}",
            source="dementia_care",
            observed_us=at_us,
            ingested_us=at_us,
            case_id=person,
            subject_ref=person,
            kind=kind,
            location=self._location(spot, accuracy_m, LocationQuality.GPS),
            last_seen_us=at_us,
            hazards=hazards,
        )
        return _line(WANDERING_ALERTS, record)

    def fix(self, at_us: int, person: str, *, fix_us: int, spot: Spot, accuracy_m: float) -> bytes:
        """Return a tracker's position report that was measured at ``fix_us`` and sent on at ``at_us``."""
        record = TrackerFix(
            event_id=f"dementia:{self._tag}:fix:{fix_us}",
            source="dementia_care",
            observed_us=fix_us,
            ingested_us=at_us,
            case_id=person,
            subject_ref=person,
            fix_us=fix_us,
            location=self._location(spot, accuracy_m, LocationQuality.GPS),
        )
        return _line(TRACKER_FIXES, record)

    def sighting(self, at_us: int, person: str, *, seen_us: int, spot: Spot, accuracy_m: float) -> bytes:
        """Return an operator's word at ``at_us`` that the person was seen at a place at ``seen_us``."""
        record = Sighting(
            event_id=f"operator:{self._tag}:sighting:{seen_us}",
            source="operators",
            observed_us=at_us,
            ingested_us=at_us,
            case_id=person,
            result=SightingResult.SEEN.value,
            seen_us=seen_us,
            by=SightingSource.OPERATOR.value,
            location=self._location(spot, accuracy_m, LocationQuality.GPS),
        )
        return _line(SIGHTINGS, record)

    def _location(self, spot: Spot, accuracy_m: float, quality: LocationQuality) -> Location:
        lat_deg, lon_deg = self._plane.degrees(spot)
        return Location(lat_deg=lat_deg, lon_deg=lon_deg, accuracy_m=round(accuracy_m, 1), quality=quality.value)

    def _point(self, spot: Spot) -> Point:
        lat_deg, lon_deg = self._plane.degrees(spot)
        return Point(lat_deg=lat_deg, lon_deg=lon_deg)


def _line(topic: Topic, record: Any) -> bytes:
    fields = asdict(record)
    del fields["ingested_us"]  # the connector's to say
    return json.dumps({"topic": topic.name, "record": fields}).encode() + b"\n"
