"""Values in words for people: times of day, directions, distances. Plain ASCII, so that every terminal shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.camera_assignment import AssignedCamera, CameraAssignment, CameraRole

US_PER_S = 1_000_000
_COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
# Terms that are shorter in a table than their names.
_SHORT = {"observe_range_m": "observe to", "p_view": "p", "level": "range", "factor": "learned", "bonus": "for staying"}
# Terms that are yes or no: held already, only the nearest that was left, or a second view of what others show.
_FLAGS = ("held", "nearest", "second")
SHORT_CASE_CHARACTERS = 26
_HEADS = {
    "requested": "asked for",
    "granted": "granted",
    "denied": "denied",
    "shadow": "would be turned (shadow)",
}
_ASSUMPTIONS = {
    "no-streets": "no street map: who is looked for may be anywhere around, also where nobody walks",
    "no-buildings": "no outlines of buildings: sight is taken as free near streets",
    "headings-unknown": "some cameras' directions are not known: streets at the pole are as likely as each other",
    "crowd-busy": "the place is busy: people hide people, so a camera there shows less, and more are suggested",
    "crowd-crowded": "the place is crowded: people hide people, so a camera there shows less, and more are suggested",
    "optics-unknown": "some cameras' optics are not known: the policy's ranges are taken",
}


def time_of_day(at_us: int, time_zone: ZoneInfo) -> str:
    """Return a UTC time in microseconds as ``HH:MM:SS`` in a zone."""
    return datetime.fromtimestamp(at_us / US_PER_S, UTC).astimezone(time_zone).strftime("%H:%M:%S")


def date_and_time(at_us: int, time_zone: ZoneInfo) -> str:
    """Return a UTC time in microseconds as ``YYYY-MM-DD HH:MM:SS ZONE``."""
    return datetime.fromtimestamp(at_us / US_PER_S, UTC).astimezone(time_zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def duration(span_us: int) -> str:
    """Return a span in microseconds in one or two units: ``42 s``, ``7 min``, ``2 h 05 min``; negative ones as 0 s."""
    seconds = max(span_us, 0) // US_PER_S
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def direction(bearing_deg: float) -> str:
    """Return the compass direction of a bearing, one of eight: ``N``, ``NE`` and so on."""
    return _COMPASS[round(bearing_deg / 45) % 8]


def short_case(case_id: str) -> str:
    """Return a case id that fits a line; ``goldentime explain`` takes the beginning of an id too."""
    return case_id if len(case_id) <= SHORT_CASE_CHARACTERS else case_id[: SHORT_CASE_CHARACTERS - 2] + ".."


def aim_of(camera: AssignedCamera) -> str:
    """Return where a camera is to be turned, degrees clockwise from north; empty for one that does not turn."""
    if camera.aim is None:
        return ""
    zoom = f", zoom {camera.aim.zoom:.1f}" if camera.aim.zoom > 1.05 else ""
    return f"turn to {camera.aim.pan_deg:.0f}{zoom}"


def head_state(camera: AssignedCamera) -> str:
    """Return what became of the wish to turn a camera; empty where there is none."""
    return "" if camera.ptz == "none" else _HEADS.get(camera.ptz, camera.ptz)


def assumption(code: str) -> str:
    """Return in words what had to be assumed; a code that is new here as it is."""
    return _ASSUMPTIONS.get(code, code)


def looked_through(assignment: CameraAssignment) -> list[AssignedCamera]:
    """Return the cameras without those whose view is just ending."""
    return [camera for camera in assignment.cameras if camera.role != CameraRole.ENDING]


def ending(assignment: CameraAssignment) -> list[AssignedCamera]:
    """Return the cameras whose view goes on only until the ones that replace them have begun."""
    return [camera for camera in assignment.cameras if camera.role == CameraRole.ENDING]


def terms(why: Mapping[str, float], most: int = 5) -> str:
    """Return the score terms of a camera in the order the worker gives them; terms that are 0 say nothing."""
    told = [_term(name, value) for name, value in why.items() if value]
    return ", ".join(told[:most])


def _term(name: str, value: float) -> str:
    if name in _FLAGS:
        return name
    words = _SHORT.get(name, name.removesuffix("_m").replace("_", " "))
    return f"{words} {value:.0f} m" if name.endswith("_m") else f"{words} {value:.2g}"


def what_happened(assignment: CameraAssignment) -> str:
    """Return in a few words what a version decides."""
    without_cameras = {
        "denied": "denied: ",
        "needs-location": "no cameras, needs a place: ",
        "waiting": "waits: ",
        "released": f"ends, lets {cameras(len(assignment.released))} go: ",
    }
    words = without_cameras.get(assignment.status) or _what_changed(assignment)
    return words + assignment.reason


def _what_changed(assignment: CameraAssignment) -> str:
    present = looked_through(assignment)
    now = cameras(len(present))
    # A view that is ending counts as let go: it is there only until its successor has begun.
    added, released = len(assignment.added), len(assignment.released) + len(ending(assignment))
    if added == len(present) and not released:
        return f"look through {now}: "
    if added and released:
        return f"hand over +{added} -{released}, now {now}: "
    return f"change +{added} -{released}, now {now}: " if added or released else f"keep {now}: "


def cameras(count: int) -> str:
    """Return a number of cameras in words."""
    return counted(count, "camera")


def counted(count: int, noun: str) -> str:
    """Return a number of things in words: ``1 camera``, ``2 cameras``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
