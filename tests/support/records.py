"""Records for tests: each builder gives a plausible record, and a test names only what it is about."""

from itertools import count
from typing import Any

from pipeline.cameras.camera_table import CameraTable
from pipeline.reading.batch import RawBatch
from schemas.camera import Camera, CameraHealth
from schemas.codec import encode
from schemas.incident import Incident
from schemas.location import Location, Point
from schemas.operator_command import OperatorCommand
from schemas.protected_subject import ProtectedSubject, SafeZone
from schemas.ptz import PtzGrant
from schemas.sighting import Sighting
from schemas.topics import BY_NAME, CAMERA_HEALTH, CAMERAS, Topic
from schemas.tracker_fix import TrackerFix
from schemas.view_session import ViewSession
from schemas.wandering_alert import WanderingAlert

# 2026-09-21 14:13:20 UTC: any moment of which the time as a varint has the usual eight bytes.
T0_US = 1_790_000_000_000_000
S = 1_000_000
# A place in the fictitious demo city.
LAT_DEG, LON_DEG = 37.4000, 127.4200
LAT_DEG_PER_M = 1 / 111_195.0
LON_DEG_PER_M = LAT_DEG_PER_M / 0.7944

_numbers = count(1)


def at(east_m: float = 0.0, north_m: float = 0.0, accuracy_m: float = 10.0, quality: str = "gps") -> Location:
    """Return a location so many metres from the tests' place."""
    return Location(
        lat_deg=LAT_DEG + north_m * LAT_DEG_PER_M,
        lon_deg=LON_DEG + east_m * LON_DEG_PER_M,
        accuracy_m=accuracy_m,
        quality=quality,
    )


def _header(observed_us: int, source: str) -> dict[str, Any]:
    return {
        "event_id": f"{source}/{next(_numbers)}",
        "source": source,
        "observed_us": observed_us,
        "ingested_us": observed_us,
    }


def an_incident(case_id: str = "inc-1", observed_us: int = T0_US, **changes: Any) -> Incident:
    """Return a robbery of urgency C0 at the tests' place."""
    fields: dict[str, Any] = {
        **_header(observed_us, "police_112"),
        "case_id": case_id,
        "incident_id": case_id,
        "status": "reported",
        "service": "police",
        "kind": "robbery",
        "urgency_native": "C0",
        "occurred_us": observed_us,
        "location": at(),
    }
    return Incident(**{**fields, **changes})


def an_alert(case_id: str = "s:elder", observed_us: int = T0_US, **changes: Any) -> WanderingAlert:
    """Return a safe-zone exit."""
    fields: dict[str, Any] = {
        **_header(observed_us, "owntracks"),
        "case_id": case_id,
        "subject_ref": case_id,
        "kind": "safe-zone-exit",
    }
    return WanderingAlert(**{**fields, **changes})


def a_fix(case_id: str = "s:elder", fix_us: int = T0_US, **changes: Any) -> TrackerFix:
    """Return a fix at the tests' place."""
    fields: dict[str, Any] = {
        **_header(fix_us, "owntracks"),
        "case_id": case_id,
        "subject_ref": case_id,
        "fix_us": fix_us,
        "location": at(),
    }
    return TrackerFix(**{**fields, **changes})


def a_sighting(case_id: str = "s:elder", seen_us: int = T0_US, **changes: Any) -> Sighting:
    """Return an operator's look through cam-1 that saw the person."""
    fields: dict[str, Any] = {
        **_header(seen_us, "console"),
        "case_id": case_id,
        "camera_id": "cam-1",
        "result": "seen",
        "seen_us": seen_us,
        "by": "operator",
    }
    return Sighting(**{**fields, **changes})


def an_order(
    case_id: str = "inc-1", command: str = "extend", observed_us: int = T0_US, **changes: Any
) -> OperatorCommand:
    """Return an operator's order."""
    fields: dict[str, Any] = {
        **_header(observed_us, "console"),
        "case_id": case_id,
        "command": command,
        "actor_ref": "op:1",
    }
    return OperatorCommand(**{**fields, **changes})


def a_grant(case_id: str = "inc-1", result: str = "granted", decided_us: int = T0_US, **changes: Any) -> PtzGrant:
    """Return what the arbitration says of cam-1 to a case opened at ``T0_US``; it holds for a minute."""
    fields: dict[str, Any] = {
        "event_id": f"grant/{next(_numbers)}",
        "case_id": case_id,
        "opened_us": T0_US,
        "camera_id": "cam-1",
        "result": result,
        "reason": "free",
        "fence": 1,
        "decided_us": decided_us,
        "until_us": decided_us + 60 * S,
    }
    return PtzGrant(**{**fields, **changes})


def a_registration(case_id: str = "s:elder", observed_us: int = T0_US, **changes: Any) -> ProtectedSubject:
    """Return a person under protection whose home is a circle of 100 m around the tests' place."""
    home = SafeZone(zone_ref="home", centre=Point(lat_deg=LAT_DEG, lon_deg=LON_DEG), radius_m=100.0)
    fields: dict[str, Any] = {
        **_header(observed_us, "welfare_registry"),
        "case_id": case_id,
        "subject_ref": case_id,
        "safe_zones": (home,),
    }
    return ProtectedSubject(**{**fields, **changes})


def a_camera(camera_id: str = "cam-1", **changes: Any) -> Camera:
    """Return an all-round crime-prevention camera at the tests' place."""
    fields: dict[str, Any] = {
        **_header(T0_US, "cctv_registry"),
        "camera_id": camera_id,
        "site_id": f"site-of-{camera_id}",
        "owner": "Riverside",
        "location": at(),
        "kind": "all-round",
        "purposes": ("crime-prevention",),
    }
    return Camera(**{**fields, **changes})


def a_health(camera_id: str = "cam-1", state: str = "down", **changes: Any) -> CameraHealth:
    """Return a camera's health."""
    return CameraHealth(
        **{**_header(T0_US, "health"), "camera_id": camera_id, "state": state, "since_us": T0_US, **changes}
    )


def a_table(*records: Camera | CameraHealth) -> CameraTable:
    """Return a camera table of these records."""
    table = CameraTable()
    cameras = [r for r in records if isinstance(r, Camera)]
    health = [r for r in records if isinstance(r, CameraHealth)]
    errors = table.apply_cameras([CAMERAS.key_of(c) for c in cameras], [encode(c) for c in cameras], len(cameras) - 1)
    errors += table.apply_health(
        [CAMERA_HEALTH.key_of(h) for h in health], [encode(h) for h in health], len(health) - 1
    )
    assert not errors, errors
    return table


def a_view(case_id: str = "inc-1", observed_us: int = T0_US, **changes: Any) -> ViewSession:
    """Return a link to cam-1 that an agency was given for a minute."""
    number = next(_numbers)
    fields: dict[str, Any] = {
        **_header(observed_us, "link_gateway"),
        "event_id": f"view:{number}",
        "case_id": case_id,
        "session_id": str(number),
        "result": "issued",
        "reason": "assigned",
        "agency": "demo-112",
        "camera_id": "cam-1",
        "owner": "Riverside",
        "opened_us": T0_US,
        "version": 1,
        "purpose": "crime-prevention",
        "legal_basis": "PIPA18-2-3",
        "until_us": observed_us + 60 * S,
    }
    return ViewSession(**{**fields, **changes})


def a_refused_view(case_id: str = "unknown", observed_us: int = T0_US, **changes: Any) -> ViewSession:
    """Return a request for a link to a camera of no case that is known."""
    nothing = dict.fromkeys(("owner", "opened_us", "version", "purpose", "legal_basis", "until_us"))
    fields: dict[str, Any] = {"result": "refused", "reason": "no-such-case", **nothing}
    return a_view(case_id, observed_us, **{**fields, **changes})


_TOPIC_OF = {
    Incident: BY_NAME["incidents"],
    WanderingAlert: BY_NAME["wandering-alerts"],
    TrackerFix: BY_NAME["tracker-fixes"],
    Sighting: BY_NAME["sightings"],
    OperatorCommand: BY_NAME["operator-commands"],
    PtzGrant: BY_NAME["ptz-grants"],
    ProtectedSubject: BY_NAME["protected-subjects"],
    ViewSession: BY_NAME["view-sessions"],
}


def topic_of(record: Any) -> Topic:
    """Return the input topic of a record."""
    return _TOPIC_OF[type(record)]


def batches_of(records: list[tuple[int, Any]], first_offset: int = 0) -> list[RawBatch]:
    """Return (append time, record) pairs as one batch per topic; offsets count from ``first_offset``."""
    result: dict[str, RawBatch] = {}
    for offset, (appended_us, record) in enumerate(records, first_offset):
        topic = topic_of(record)
        batch = result.setdefault(topic.name, RawBatch(topic.name, 0, [], [], [], []))
        batch.offsets.append(offset)
        batch.keys.append(topic.key_of(record))
        batch.values.append(encode(record))
        batch.appended_us.append(appended_us)
    return list(result.values())
