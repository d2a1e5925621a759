"""One decision as the lines a person reads while it is made."""

from zoneinfo import ZoneInfo

from rich.text import Text

from console.wording import (
    aim_of,
    direction,
    ending,
    head_state,
    looked_through,
    short_case,
    terms,
    time_of_day,
    what_happened,
)
from schemas.camera_assignment import AssignedCamera, CameraAssignment

# More lines per decision than this and a person loses the thread; explain shows the rest.
CAMERA_LINES_FIRST = 4
CAMERA_LINES_CHANGE = 2
_COLOURS = {"active": "green", "needs-location": "yellow", "waiting": "yellow", "denied": "red", "released": "cyan"}
_INDENT = " " * 10


def decision_lines(assignment: CameraAssignment, time_zone: ZoneInfo) -> list[Text]:
    """Return the lines of one decision: what was decided for which case, then the cameras that are new.

    The first line has the time of the decision, the rank in brackets, the kind and what happened; a camera's line its
    distance and direction to the target, what it can show with which probability, and the heaviest reasons.
    """
    lines = [_headline(assignment, time_zone)]
    if assignment.status != "active":
        return lines
    present = looked_through(assignment)
    first = assignment.version == 1 or len(assignment.added) == len(present)
    new = [camera for camera in present if camera.camera_id in assignment.added]
    shown = new[: CAMERA_LINES_FIRST if first else CAMERA_LINES_CHANGE]
    lines += [_camera_line(camera) for camera in shown]
    if len(new) > len(shown):
        lines.append(Text(f"{_INDENT}+ {len(new) - len(shown)} more", style="dim"))
    for camera in ending(assignment)[:CAMERA_LINES_CHANGE]:
        until = "" if camera.until_us is None else f" until {time_of_day(camera.until_us, time_zone)}"
        lines.append(Text(f"{_INDENT}~ {camera.camera_id} goes on{until}", style="dim"))
    if assignment.released:
        let_go = ", ".join(assignment.released[:3]) + (", .." if len(assignment.released) > 3 else "")
        lines.append(Text(f"{_INDENT}- {let_go}", style="dim"))
    return lines


def _headline(assignment: CameraAssignment, time_zone: ZoneInfo) -> Text:
    line = Text(f"{time_of_day(assignment.decided_us, time_zone)}  ", no_wrap=True, overflow="ellipsis")
    line.append(f"[{assignment.rank}] ", style="bold")
    line.append(f"{assignment.kind:<15} ", style="bold")
    line.append(what_happened(assignment), style=_COLOURS.get(assignment.status, ""))
    if assignment.exercise:
        line.append("  EXERCISE", style="magenta")
    line.append(
        f"  ({'+'.join(assignment.services)}, {short_case(assignment.case_id)} v{assignment.version})", style="dim"
    )
    return line


def _camera_line(camera: AssignedCamera) -> Text:
    line = Text(f"{_INDENT}+ {camera.camera_id}  {camera.role:<8} ", no_wrap=True, overflow="ellipsis")
    line.append(f"{camera.distance_m:4.0f} m, looks {direction(camera.bearing_deg):<2} ")
    line.append(f"{camera.level}, p {camera.p_view:.2f}")
    aim = aim_of(camera)
    if aim:
        head = head_state(camera)
        line.append(f", {aim}" + (f" {head}" if head else ""))
    if camera.why:
        line.append(f"  ({terms(camera.why, 2)})", style="dim")
    return line
