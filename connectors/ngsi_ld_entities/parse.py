"""Records as NGSI-LD entities. Pure: a record gives an entity, the id of one that must go, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.kit.reading.dispatch_rows import digest
from connectors.kit.reading.iso_times import utc_moment
from schemas.camera import Camera, CameraKind, CameraStatus
from schemas.camera_assignment import AssignedCamera, CameraAssignment, CaseStatus
from schemas.location import LocationQuality

# The source ngsi_ld_alerts passes over what begins so.
ALERT_IDS = "urn:ngsi-ld:Alert:goldentime:"
CAMERA_IDS = "urn:ngsi-ld:Camera:goldentime:"
SYSTEM = "urn:ngsi-ld:System:goldentime"
SEVERITIES = ("critical", "high", "medium", "low", "informational")
CATEGORIES: dict[str, str] = {
    "traffic": "traffic",
    "disaster": "naturalDisaster",
    "iot": "environment",
}
WEATHER = frozenset({"heavy-rain", "heavy-snow", "strong-wind", "typhoon", "heat-wave", "cold-wave", "fog", "tornado"})
HEALTH = frozenset({"ems", "medical", "cardiac-arrest"})
# Only those of dataModel.Alert's own list; other kinds stand in the attribute ``kind`` alone.
SUB_CATEGORIES: dict[str, str] = {
    "flood": "flood",
    "tsunami": "tsunami",
    "earthquake": "earthquake",
    "heavy-rain": "rainfall",
    "heavy-snow": "snow",
    "strong-wind": "wind",
    "typhoon": "tropicalCyclone",
    "tornado": "tornado",
    "heat-wave": "heatWave",
    "cold-wave": "coldWave",
    "fog": "fog",
    "fine-dust": "airPollution",
    "traffic-accident": "carAccident",
    "traffic-jam": "trafficJam",
    "road-closed": "roadClosed",
    "structure-fire": "buildingFire",
    "fire": "buildingFire",
    "forest-fire": "forestFire",
    "robbery": "robbery",
    "assault": "assault",
    "cardiac-arrest": "heartAttack",
    "crowd-crush": "crowdRisk",
}
CAMERA_TYPES = {CameraKind.FIXED: "FIXED", CameraKind.PTZ: "PTZ", CameraKind.ALL_ROUND: "DOME"}
TRAFFIC_PURPOSES = frozenset({"traffic-enforcement", "traffic-information"})
_NOWHERE = frozenset({LocationQuality.NONE, LocationQuality.DEFAULT})

Entity = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is told.

    Attributes:
        contexts: the JSON-LD contexts of every entity.
        services: a case is told where all its services are among these.
        exercises: whether drills are told, marked as such.
    """

    contexts: tuple[str, ...]
    services: frozenset[str]
    exercises: bool


def camera_id_of(camera_id: str) -> str:
    """Return the URI of a camera."""
    return CAMERA_IDS + quote(camera_id, safe="-._~")


def alert_id_of(case_id: str) -> str:
    """Return the URI of a case; the case's own id cannot be read from it."""
    return ALERT_IDS + digest(case_id)


def camera_entity(camera: Camera, rules: Rules) -> Entity | None:
    """Return the entity of a camera; None for one that must not be there: retired, planned, or of a drill."""
    if camera.status != CameraStatus.ACTIVE or camera.exercise:
        return None
    is_traffic = bool(camera.purposes) and set(camera.purposes) <= TRAFFIC_PURPOSES
    entity: Entity = {
        "id": camera_id_of(camera.camera_id),
        "type": "Camera",
        "cameraName": _property(camera.camera_id),
        "cameraUsage": _property("TRAFFIC" if is_traffic else "SURVEILLANCE"),
        "owner": _property([camera.owner]),
        "source": _property("goldentime"),
        "dateObserved": _time(camera.observed_us),
    }
    if camera.kind in CAMERA_TYPES:
        entity["cameraType"] = _property(CAMERA_TYPES[CameraKind(camera.kind)])
    if camera.azimuth_deg is not None:
        entity["azimuth"] = {**_property(camera.azimuth_deg), "unitCode": "DD"}
    if camera.field_of_view_deg is not None:
        entity["fieldOfView"] = {**_property(camera.field_of_view_deg), "unitCode": "DD"}
    if camera.location.quality not in _NOWHERE:
        entity["location"] = _point(camera.location.lat_deg, camera.location.lon_deg)
    return {**entity, "@context": list(rules.contexts)}


def alert_entity(assignment: CameraAssignment, rules: Rules) -> Entity | None:
    """Return the entity of a case; None for one that must not be there: over, denied, or not to be told."""
    if assignment.status in (CaseStatus.RELEASED, CaseStatus.DENIED) or not set(assignment.services) <= rules.services:
        return None
    if assignment.exercise and not rules.exercises:
        return None
    entity: Entity = {
        "id": alert_id_of(assignment.case_id),
        "type": "Alert",
        "category": _property(_category(assignment)),
        "severity": _property(SEVERITIES[min(max(assignment.rank, 0), len(SEVERITIES) - 1)]),
        "kind": _property(assignment.kind),
        "status": _property(assignment.status),
        "dateIssued": _time(assignment.occurred_us),
        "validFrom": _time(assignment.valid_from_us),
        "validTo": _time(assignment.valid_until_us),
        "alertSource": {"type": "Relationship", "object": SYSTEM},
        "source": _property("goldentime"),
        "exercise": _property(assignment.exercise),
    }
    if assignment.kind in SUB_CATEGORIES:
        entity["subCategory"] = _property(SUB_CATEGORIES[assignment.kind])
    if assignment.where is not None:
        where = assignment.where
        accuracy = {"accuracy": {**_property(where.accuracy_m), "unitCode": "MTR"}}
        entity["location"] = {**_point(where.lat_deg, where.lon_deg), **accuracy}
    if assignment.cameras:
        entity["assignedCamera"] = [_assigned(camera) for camera in assignment.cameras]
    return {**entity, "@context": list(rules.contexts)}


def _category(assignment: CameraAssignment) -> str:
    if assignment.kind in HEALTH:
        return "health"
    if assignment.kind in WEATHER:
        return "weather"
    return next((CATEGORIES[service] for service in assignment.services if service in CATEGORIES), "security")


def _assigned(camera: AssignedCamera) -> Mapping[str, Any]:
    """Return one value of the relationship; the dataset tells the values of one attribute apart (NGSI-LD 4.5.5)."""
    return {
        "type": "Relationship",
        "object": camera_id_of(camera.camera_id),
        "datasetId": "urn:ngsi-ld:Dataset:goldentime:" + quote(camera.camera_id, safe="-._~"),
        "rank": _property(camera.rank),
        "role": _property(camera.role),
        "level": _property(camera.level),
    }


def _property(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": str(value) if isinstance(value, str) else value}


def _point(lat_deg: float, lon_deg: float) -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon_deg, lat_deg]}}


def _time(time_us: int) -> dict[str, Any]:
    moment = utc_moment(time_us).strftime("%Y-%m-%dT%H:%M:%S")
    return _property({"@type": "DateTime", "@value": f"{moment}.{time_us // 1_000 % 1_000:03d}Z"})
