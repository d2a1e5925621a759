"""Values in words for people: times of day, directions, distances. Plain ASCII, so that every terminal shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.camera_assignment import AssignedCamera, CameraAssignment

US_PER_S = 1_000_000
_COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
# Terms that are shorter in a table than their names.
_SHORT = {"observe_range_m": "observe to"}
# Terms that are yes or no: held already, or only the nearest that was left.
_FLAGS = ("held", "nearest")
SHORT_CASE_CHARACTERS = 26


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
    now = cameras(len(assignment.cameras))
    if len(assignment.added) == len(assignment.cameras) and not assignment.released:
        return f"look through {now}: "
    added, released = len(assignment.added), len(assignment.released)
    if added and released:
        return f"hand over +{added} -{released}, now {now}: "
    return f"change +{added} -{released}, now {now}: " if added or released else f"keep {now}: "


def cameras(count: int) -> str:
    """Return a number of cameras in words."""
    return counted(count, "camera")


def counted(count: int, noun: str) -> str:
    """Return a number of things in words: ``1 camera``, ``2 cameras``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
