"""A camera as its owner's registry describes it, and whether it answers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.location import Location
from schemas.record import Codes, EventId, Exercise, IngestedUs, ObservedUs, Source


class CameraKind(StrEnum):
    """What the camera can turn to."""

    FIXED = "fixed"
    PTZ = "ptz"
    ALL_ROUND = "all-round"
    UNKNOWN = "unknown"
    OTHER = "other"


class CameraPurpose(StrEnum):
    """Why the camera was set up; the law ties its use to this."""

    CRIME_PREVENTION = "crime-prevention"
    CHILD_PROTECTION = "child-protection"
    TRAFFIC_ENFORCEMENT = "traffic-enforcement"
    TRAFFIC_INFORMATION = "traffic-information"
    VEHICLE_CRIME = "vehicle-crime"
    FACILITY = "facility"
    DISASTER = "disaster"
    WASTE = "waste"
    MULTIPURPOSE = "multipurpose"
    UNKNOWN = "unknown"
    OTHER = "other"


class CameraStatus(StrEnum):
    """Whether the registry says that the camera is in service."""

    ACTIVE = "active"
    PLANNED = "planned"
    RETIRED = "retired"
    OTHER = "other"


class HealthState(StrEnum):
    """Whether the camera can be looked through now."""

    UP = "up"
    DOWN = "down"
    MAINTENANCE = "maintenance"
    OBSTRUCTED = "obstructed"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A stored aim of a PTZ camera."""

    name: Annotated[str, "Name of the preset in the camera or video system."]
    pan_deg: Annotated[float, "Pan, degrees clockwise from north, 0 to 360."]
    tilt_deg: Annotated[float, "Tilt, degrees below the horizon."]
    zoom: Annotated[float, "Zoom factor, 1 or more."]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera of a registry. A tombstone on its key removes it."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    camera_id: Annotated[str, "Id of the camera, unique in the city. Also the Kafka key."]
    site_id: Annotated[str, "Id of the pole or building the camera hangs on; cameras of a site share a position."]
    owner: Annotated[str, "District or body that owns the camera and decides on access."]
    location: Annotated[Location, "Position of the site."]
    kind: Annotated[str, "What the camera can turn to.", Codes(CameraKind)]
    azimuth_deg: Annotated[float | None, "Bearing of the optical axis, degrees clockwise from north; null unknown."] = (
        None
    )
    field_of_view_deg: Annotated[float | None, "Horizontal field of view in degrees; null if unknown."] = None
    width_px: Annotated[int | None, "Horizontal resolution in pixels; null if unknown."] = None
    height_m: Annotated[float | None, "Mounting height in metres; null if unknown."] = None
    presets: Annotated[tuple[Preset, ...], "Stored aims."] = ()
    purposes: Annotated[tuple[str, ...], "Why it was set up.", Codes(CameraPurpose)] = ()
    retention_days: Annotated[int | None, "Days the owner keeps recordings; null if unknown."] = None
    status: Annotated[str, "Whether it is in service.", Codes(CameraStatus)] = "active"
    quality_flags: Annotated[
        tuple[str, ...], "What is doubtful about the source row, e.g. pile, coarse-position, outside-city."
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraHealth:
    """Whether a camera can be looked through, from a heartbeat or an operator."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    camera_id: Annotated[str, "Id of the camera. Also the Kafka key."]
    state: Annotated[str, "Its present state.", Codes(HealthState)]
    since_us: Annotated[int, "Since when, UTC microseconds since the epoch."]
