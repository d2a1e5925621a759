"""A few records through a private engine, so that all kernels are compiled, or loaded, before the first case."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.geo import Plane
from pipeline.reading.batch import RawBatch
from pipeline.rules.policy import Policy
from pipeline.world.free_space import free_space_from_streets
from pipeline.world.streets import streets_from
from schemas.camera import Camera, CameraKind, CameraPurpose
from schemas.codec import encode
from schemas.incident import Incident, IncidentStatus, Service
from schemas.location import Area, Location, LocationQuality, Point
from schemas.sighting import Sighting, SightingResult, SightingSource
from schemas.topics import CAMERAS, INCIDENTS, SIGHTINGS, TRACKER_FIXES, WANDERING_ALERTS, Topic
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import AlertKind, WanderingAlert

PLANE = Plane(10.0, 10.0)
T0_US = 1_790_000_000_000_000
US_PER_S = 1_000_000
CASE = "s:rehearsal"
KINDS = (CameraKind.PTZ, CameraKind.FIXED, CameraKind.ALL_ROUND)
SOURCE = "rehearsal"


def rehearse(policy: Policy, *, with_map: bool) -> None:
    """Let an engine of its own decide on made-up cases: a person who wanders, sightings, an area, a fire.

    Args:
        policy: the city's.
        with_map: whether the city's engine has a street map.
    """
    # CityEngine offers this as its own method.
    from topologies.city_engine import CityEngine  # noqa: PLC0415

    line = np.array([_degrees(-150.0, 0.0), _degrees(0.0, 0.0), _degrees(150.0, 0.0)])
    cross = np.array([_degrees(0.0, -150.0), _degrees(0.0, 0.0), _degrees(0.0, 150.0)])
    streets = streets_from([line, cross], PLANE) if with_map else None
    free = free_space_from_streets(streets) if streets is not None else None
    engine = CityEngine(policy, PLANE, streets, free)
    cameras, state = engine.new_cameras(), engine.restore(0, {})
    table = [_camera(number) for number in range(24)]
    cameras.apply_cameras([CAMERAS.key_of(camera) for camera in table], [encode(camera) for camera in table], 23)
    for number, records in enumerate(_story()):
        now_us = T0_US + 10 * number * US_PER_S
        engine.step(state, engine.read(_batches(records, number, now_us)), cameras, now_us)


def _story() -> list[list[tuple[Topic, Any]]]:
    """Return what comes every ten seconds."""
    alert = WanderingAlert(
        **_header("alert"), case_id=CASE, subject_ref=CASE, kind=AlertKind.SAFE_ZONE_EXIT, location=_location(0.0)
    )
    looks = [_look(number, result) for number, result in enumerate(SightingResult) if result != SightingResult.OTHER]
    return [
        [(WANDERING_ALERTS, alert)],
        [(TRACKER_FIXES, _fix(10))],
        [(SIGHTINGS, look) for look in looks],
        [(INCIDENTS, _fire()), (INCIDENTS, _flood())],
        [(TRACKER_FIXES, _fix(40))],
        [],
    ]


def _batches(records: Sequence[tuple[Topic, Any]], number: int, now_us: int) -> list[RawBatch]:
    batches: dict[str, RawBatch] = {}
    for place, (topic, record) in enumerate(records):
        batch = batches.setdefault(topic.name, RawBatch(topic.name, 0, [], [], [], []))
        batch.offsets.append(100 * number + place)
        batch.keys.append(topic.key_of(record))
        batch.values.append(encode(record))
        batch.appended_us.append(now_us)
    return list(batches.values())


def _header(name: str, at_s: int = 0) -> dict[str, Any]:
    at_us = T0_US + at_s * US_PER_S
    return {"event_id": f"rehearsal:{name}:{at_s}", "source": SOURCE, "observed_us": at_us, "ingested_us": at_us}


def _camera(number: int) -> Camera:
    """Return one of the cameras along the street, two to a pole."""
    return Camera(
        **_header(f"camera-{number}"),
        camera_id=f"camera-{number}",
        site_id=f"pole-{number // 2}",
        owner="Rehearsal",
        location=_location(12.0 * (number // 2) - 70.0),
        kind=KINDS[number % len(KINDS)],
        azimuth_deg=90.0 if number % 6 == 1 else None,
        purposes=(CameraPurpose.MULTIPURPOSE,),
    )


def _fix(at_s: int) -> TrackerFix:
    fix_us = T0_US + at_s * US_PER_S
    place = _location(0.5 * at_s)
    return TrackerFix(**_header("fix", at_s), case_id=CASE, subject_ref=CASE, fix_us=fix_us, location=place)


def _look(number: int, result: SightingResult) -> Sighting:
    return Sighting(
        **_header(f"look-{result}", 20),
        case_id=CASE,
        camera_id=f"camera-{number}",
        result=result,
        seen_us=T0_US + 20 * US_PER_S,
        by=SightingSource.OPERATOR,
    )


def _fire() -> Incident:
    return _incident("fire", Service.FIRE, "structure-fire", None)


def _flood() -> Incident:
    corners = [(-60.0, -60.0), (60.0, -60.0), (60.0, 60.0), (-60.0, 60.0)]
    points = tuple(Point(lat_deg=lat_deg, lon_deg=lon_deg) for lon_deg, lat_deg in (_degrees(*c) for c in corners))
    return _incident("flood", Service.DISASTER, "flood", Area(polygon=points))


def _incident(name: str, service: Service, kind: str, area: Area | None) -> Incident:
    return Incident(
        **_header(name, 30),
        case_id=f"rehearsal:{name}",
        incident_id=f"rehearsal:{name}",
        status=IncidentStatus.REPORTED,
        service=service,
        kind=kind,
        occurred_us=T0_US,
        location=_location(20.0),
        area=area,
    )


def _location(east_m: float) -> Location:
    lon_deg, lat_deg = _degrees(east_m, 3.0)
    return Location(lat_deg=lat_deg, lon_deg=lon_deg, accuracy_m=15.0, quality=LocationQuality.GPS)


def _degrees(east_m: float, north_m: float) -> tuple[float, float]:
    lat_deg, lon_deg = PLANE.to_degrees(east_m, north_m)
    return float(lon_deg), float(lat_deg)
