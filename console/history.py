"""The history of one case: every version with its cameras and why, for ``goldentime explain``."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.wording import aim_of, date_and_time, direction, duration, terms, time_of_day, what_happened
from schemas.camera_assignment import CameraAssignment


def history(versions: Sequence[CameraAssignment], time_zone: ZoneInfo) -> RenderableType:
    """Return the explanation of a case.

    Args:
        versions: the versions that are kept, oldest first, at least one. Compaction may have removed old ones.
        time_zone: the city's zone, for times of day.
    """
    newest = versions[-1]
    head = Text(
        f"case {newest.case_id}: {newest.kind} ({', '.join(newest.services)}), rank {newest.rank}", style="bold"
    )
    happened = f"happened {date_and_time(newest.occurred_us, time_zone)}"
    kept = f"{len(versions)} of {newest.version} versions are kept, policy {newest.policy_version}"
    parts: list[RenderableType] = [head, Text(f"{happened}; {kept}")]
    if newest.exercise:
        parts.append(Text("exercise: nothing of this is real", style="magenta"))
    for assignment in versions:
        parts.append(Text())
        parts.extend(_version(assignment, time_zone))
    return Group(*parts)


def _version(assignment: CameraAssignment, time_zone: ZoneInfo) -> Iterator[RenderableType]:
    at = time_of_day(assignment.decided_us, time_zone)
    yield Text(f"version {assignment.version} at {at}: {what_happened(assignment)}", style="bold")
    for line in _circumstances(assignment, time_zone):
        yield Text(f"  {line}")
    if assignment.cameras:
        yield _camera_table(assignment)
    for line in _alternatives(assignment):
        yield Text(f"  {line}")


def _circumstances(assignment: CameraAssignment, time_zone: ZoneInfo) -> Iterator[str]:
    """Yield what it is for, what allows it, where, until when and from which records."""
    if assignment.legal_basis:
        masked = ", masked" if assignment.masking_required else ""
        yield f"allowed for {assignment.purpose} by {assignment.legal_basis}{masked}"
        yield f"sent to {', '.join(assignment.recipients) or 'nobody'}"
    where = assignment.where
    if where is not None:
        moving = "" if where.heading_deg is None else f", going {direction(where.heading_deg)}"
        speed = "" if where.speed_mps is None else f" at {where.speed_mps:.1f} m/s"
        age = duration(assignment.decided_us - where.position_us)
        district = f" in {where.district}" if where.district else ""
        yield (
            f"where {where.lat_deg:.5f}, {where.lon_deg:.5f}{district} within {where.accuracy_m:.0f} m{moving}{speed}; "
            f"{age} old; looked for cameras within {where.search_radius_m:.0f} m"
        )
    if assignment.status not in ("released", "denied"):
        yield f"holds until {time_of_day(assignment.valid_until_us, time_zone)} unless renewed"
    origins = ", ".join(f"{ref.topic}/{ref.partition}@{ref.offset}" for ref in assignment.sources)
    yield f"decided from {origins or 'time alone'} with {assignment.camera_table_version}"


def _camera_table(assignment: CameraAssignment) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("", "camera", "role", "from", "looks", "shows", "p", "aim", "why"):
        table.add_column(name, justify="right" if name in ("from", "p") else "left", no_wrap=name != "why")
    for camera in assignment.cameras:
        mark = "+" if camera.camera_id in assignment.added else " "
        table.add_row(
            mark,
            camera.camera_id,
            camera.role,
            f"{camera.distance_m:.0f} m",
            direction(camera.bearing_deg),
            camera.level,
            f"{camera.p_view:.2f}",
            aim_of(camera),
            terms(camera.why, 5),
        )
    return table


def _alternatives(assignment: CameraAssignment) -> Iterator[str]:
    """Yield what was not chosen: released, runners-up and what was left out for which reason."""
    if assignment.released:
        yield f"let go: {', '.join(assignment.released)}"
    if assignment.runner_up:
        near = (f"{r.camera_id} ({r.distance_m:.0f} m, would add {r.gain:.3f})" for r in assignment.runner_up)
        yield f"nearly chosen: {', '.join(near)}"
    if assignment.excluded:
        counts = (f"{count} by {reason}" for reason, count in sorted(assignment.excluded.items()))
        yield f"left out: {', '.join(counts)}"
