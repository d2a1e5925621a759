"""The product's output: which cameras to look through now, at what, for whom, why and until when."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from schemas.incident import Service
from schemas.record import CaseId, Codes


class CaseStatus(StrEnum):
    """Where in its life the case is."""

    ACTIVE = "active"
    WAITING = "waiting"
    NEEDS_LOCATION = "needs-location"
    DENIED = "denied"
    RELEASED = "released"
    OTHER = "other"


class CameraRole(StrEnum):
    """Why a camera is on the list."""

    VIEW = "view"
    NEXT = "next"
    CORRIDOR = "corridor"
    AREA = "area"
    ENDING = "ending"
    OTHER = "other"


class ViewLevel(StrEnum):
    """Pixel density on the target by IEC 62676-4: 25, 62, 125 and 250 px/m; ``none`` is below 25."""

    IDENTIFY = "identify"
    RECOGNISE = "recognise"
    OBSERVE = "observe"
    DETECT = "detect"
    NONE = "none"
    OTHER = "other"


class PtzState(StrEnum):
    """What became of the wish to turn the head."""

    NONE = "none"
    REQUESTED = "requested"
    GRANTED = "granted"
    DENIED = "denied"
    SHADOW = "shadow"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Where to turn a PTZ camera, also in the form of ONVIF GeoMove (a point and the size of what is there)."""

    pan_deg: Annotated[float, "Bearing to turn to, degrees clockwise from north."]
    tilt_deg: Annotated[float, "Degrees below the horizon."]
    zoom: Annotated[float, "Zoom factor, 1 is the widest."]
    lat_deg: Annotated[float, "Target point, WGS 84 latitude."]
    lon_deg: Annotated[float, "Target point, WGS 84 longitude."]
    area_width_m: Annotated[float, "Width of what should fill the picture, metres."]
    area_height_m: Annotated[float, "Height of what should fill the picture, metres."]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedCamera:
    """One camera to look through."""

    camera_id: Annotated[str, "Id of the camera."]
    site_id: Annotated[str, "Id of its pole or building."]
    owner: Annotated[str, "Who owns it and gives access."]
    role: Annotated[str, "Why it is on the list.", Codes(CameraRole)]
    rank: Annotated[int, "Place in the list, 0 first."]
    distance_m: Annotated[float, "From the camera to the target, metres."]
    bearing_deg: Annotated[float, "From the camera to the target, degrees clockwise from north."]
    level: Annotated[str, "Pixel density at the target by IEC 62676-4.", Codes(ViewLevel)]
    p_view: Annotated[float, "Probability that this camera shows the target at observe level or better, 0 to 1."]
    aim: Annotated[Aim | None, "Where to turn it; null for cameras that do not turn."] = None
    ptz: Annotated[str, "What became of the wish to turn it.", Codes(PtzState)] = "none"
    since_us: Annotated[int, "Since when this case holds it, UTC microseconds since the epoch."]
    why: Annotated[dict[str, float], "Terms of its score by name; goldentime explain prints them."] = field(
        default_factory=dict
    )
    until_us: Annotated[
        int | None, "Role ending: when its view ends, because the one that replaces it has begun; null otherwise."
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """A camera that was nearly chosen."""

    camera_id: Annotated[str, "Id of the camera."]
    distance_m: Annotated[float, "From the camera to the target, metres."]
    gain: Annotated[float, "What it would have added to the probability of a view, 0 to 1."]
    why: Annotated[dict[str, float], "Terms of its score by name, as of a chosen camera."] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedCamera:
    """A camera near the target that could not be chosen, whatever it shows."""

    camera_id: Annotated[str, "Id of the camera."]
    distance_m: Annotated[float, "From the camera to the target, metres."]
    reason: Annotated[str, "Which limit: status, position, health, purpose, operator, head-denied."]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to look."""

    lat_deg: Annotated[float, "WGS 84 latitude in degrees."]
    lon_deg: Annotated[float, "WGS 84 longitude in degrees."]
    accuracy_m: Annotated[float, "Radius in metres that holds the true position with 68 % probability."]
    search_radius_m: Annotated[float, "How far from the target cameras were considered, metres."]
    heading_deg: Annotated[float | None, "Where the subject is going, degrees clockwise from north."] = None
    speed_mps: Annotated[float | None, "How fast, metres per second."] = None
    district: Annotated[str | None, "District of the target: the city's polygon, else the nearest camera's owner."] = (
        None
    )
    position_us: Annotated[int, "When the position was measured or reported, UTC microseconds since the epoch."]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRef:
    """A record that the decision was made from."""

    topic: Annotated[str, "Topic without the city's prefix; 'tick' when time alone caused the decision."]
    partition: Annotated[int, "Partition."]
    offset: Annotated[int, "Offset; for a tick the moment itself, UTC microseconds since the epoch."]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraAssignment:
    """The whole present picture of one case; the highest version wins."""

    case_id: CaseId
    opened_us: Annotated[
        int, "When this opening of the case began; a later opening supersedes. UTC microseconds since the epoch."
    ]
    version: Annotated[int, "1, 2, … in order; the same (case_id, opened_us, version) never has two contents."]
    event_id: Annotated[str, "Function of (case_id, opened_us, version)."]
    status: Annotated[str, "Where the case is in its life.", Codes(CaseStatus)]
    reason: Annotated[str, "Why this version was made, e.g. reported, moved, camera-down, lease-expired, closed."]
    exercise: Annotated[bool, "True for drills and tests."]
    services: Annotated[tuple[str, ...], "Services that reported, sorted.", Codes(Service)]
    kind: Annotated[str, "Kind of the incident that gives the case its rank."]
    rank: Annotated[int, "Urgency by the city's table, 0 first."]
    occurred_us: Annotated[int, "When the first report says it happened, UTC microseconds since the epoch."]
    decided_us: Annotated[int, "The now of this decision, UTC microseconds since the epoch."]
    valid_from_us: Annotated[int, "From when the assignment holds, UTC microseconds since the epoch."]
    valid_until_us: Annotated[int, "End of the lease: whoever has not heard since must stop looking."]
    purpose: Annotated[str | None, "Purpose the look is for; null when denied."] = None
    legal_basis: Annotated[str | None, "Legal basis by the city's table, e.g. PIPA18-2-3; null when denied."] = None
    recipients: Annotated[tuple[str, ...], "'agency:role' of everyone who may look, sorted."] = ()
    masking_required: Annotated[bool, "Whether recipients must get the picture masked."] = False
    where: Annotated[Target | None, "Where to look; null without a usable place and after release."] = None
    cameras: Annotated[tuple[AssignedCamera, ...], "What to look through, best first; at most the policy's cap."] = ()
    added: Annotated[tuple[str, ...], "Cameras that the version before did not have."] = ()
    kept: Annotated[tuple[str, ...], "Cameras that the version before had too."] = ()
    released: Annotated[tuple[str, ...], "Cameras that the version before had and this one has not."] = ()
    runner_up: Annotated[tuple[RunnerUp, ...], "The next best that were not chosen, best first."] = ()
    excluded: Annotated[dict[str, int], "Candidates left out by reason: health, purpose, status, range, view."] = field(
        default_factory=dict
    )
    excluded_nearest: Annotated[tuple[ExcludedCamera, ...], "The nearest of those left out by a limit; at most 8."] = ()
    p_view: Annotated[
        float | None, "Probability that at least one of the cameras shows the target, 0 to 1; null without cameras."
    ] = None
    assumptions: Annotated[
        tuple[str, ...],
        "What was not known: no-streets, no-buildings, headings-unknown, optics-unknown, no-recent-position.",
    ] = ()
    sources: Annotated[tuple[InputRef, ...], "Records this version was decided from."] = ()
    policy_version: Annotated[str, "Version of the city's policy."]
    camera_table_version: Annotated[str, "How far the camera table had been read: 'cameras@<offset>/health@<offset>'."]
    reported_us: Annotated[
        int | None,
        "When the first report of this opening came in, if another time than occurred_us; the golden time counts from "
        "it, else from occurred_us. UTC microseconds since the epoch.",
    ] = None
