"""One case as ``goldentime explain`` tells it: what was decided before in a line each, then one decision in full."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.labels import CODES, Labels
from console.wording import (
    aim_of,
    assumption,
    date_and_time,
    direction,
    duration,
    ending,
    head_state,
    terms,
    time_of_day,
    what_happened,
)
from schemas.camera_assignment import AssignedCamera, CameraAssignment, CameraRole
from schemas.wandering_alert import WanderingAlert

# A screen's worth of the versions before; --json gives all.
MOST_LINES = 30
# More terms than any camera has.
_ALL_TERMS = 20


def history(
    versions: Sequence[CameraAssignment],
    time_zone: ZoneInfo,
    wanted: CameraAssignment | None = None,
    labels: Labels = CODES,
    alerts: Sequence[WanderingAlert] = (),
) -> RenderableType:
    """Return the explanation of a case.

    Args:
        versions: the versions that are kept, oldest first, at least one. Compaction may have removed old ones.
        time_zone: the city's zone, for times of day.
        labels: the city's words for kind and services.
        wanted: which of them is told in full; None for the newest.
        alerts: about the case's person, oldest first; those that say what they rest on are told.
    """
    told = versions[-1] if wanted is None else wanted
    place = list(versions).index(told)
    services = ", ".join(labels.service(service) for service in told.services)
    head = Text(f"case {told.case_id}: {labels.kind(told.kind)} ({services}), rank {told.rank}", style="bold")
    happened = f"happened {date_and_time(told.occurred_us, time_zone)}"
    if told.reported_us is not None:
        happened += f", reported {date_and_time(told.reported_us, time_zone)}"
    opening = [version for version in versions if version.opened_us == told.opened_us]
    kept = f"{len(opening)} of {opening[-1].version} versions are kept, policy {told.policy_version}"
    parts: list[RenderableType] = [head, Text(f"{happened}; {kept}")]
    if told.exercise:
        parts.append(Text("exercise: nothing of this is real", style="magenta"))
    parts += _raised(alerts, told, time_zone)
    parts += _before(versions[:place], time_zone)
    parts.append(Text())
    parts += _version(told, versions[place - 1] if place else None, time_zone)
    return Group(*parts)


def _raised(alerts: Sequence[WanderingAlert], told: CameraAssignment, time_zone: ZoneInfo) -> Iterator[RenderableType]:
    """Yield why each kind of alert was raised, the newest of a kind that the decision could know."""
    newest = {alert.kind: alert for alert in alerts if alert.why and alert.observed_us <= told.decided_us}
    for alert in sorted(newest.values(), key=lambda alert: alert.observed_us):
        at = time_of_day(alert.observed_us, time_zone)
        yield Text(f"{alert.kind} at {at} by {alert.source}: {'; '.join(alert.why)}")


def _before(versions: Sequence[CameraAssignment], time_zone: ZoneInfo) -> Iterator[RenderableType]:
    """Yield a line for each version before the one that is told in full, the last ones if there are many."""
    if len(versions) > MOST_LINES:
        yield Text(f"  .. {len(versions) - MOST_LINES} versions before", style="dim")
    for assignment in versions[-MOST_LINES:]:
        yield Text(f"  {_headline(assignment, time_zone)}", style="dim")


def _headline(assignment: CameraAssignment, time_zone: ZoneInfo) -> str:
    at = time_of_day(assignment.decided_us, time_zone)
    return f"version {assignment.version} at {at}: {what_happened(assignment)}"


def _version(
    assignment: CameraAssignment, before: CameraAssignment | None, time_zone: ZoneInfo
) -> Iterator[RenderableType]:
    yield Text(_headline(assignment, time_zone), style="bold")
    for line in _circumstances(assignment, time_zone):
        yield Text(f"  {line}")
    if assignment.cameras:
        yield _camera_table(assignment)
    for line in (*_changes(assignment, before, time_zone), *_alternatives(assignment)):
        yield Text(f"  {line}")


def _circumstances(assignment: CameraAssignment, time_zone: ZoneInfo) -> Iterator[str]:
    """Yield what it is for, what allows it, where, how surely, until when and from which records."""
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
    for code in assignment.assumptions:
        yield f"assumed: {assumption(code)}"
    if assignment.p_view is not None and assignment.cameras:
        yield f"at least one of the cameras shows the target with probability {assignment.p_view:.2f}"
    if assignment.status not in ("released", "denied"):
        yield f"holds until {time_of_day(assignment.valid_until_us, time_zone)} unless renewed"
    origins = ", ".join(f"{ref.topic}/{ref.partition}@{ref.offset}" for ref in assignment.sources)
    yield f"decided from {origins or 'time alone'} with {assignment.camera_table_version}"


def _camera_table(assignment: CameraAssignment) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("", "camera", "role", "from", "looks", "shows", "p", "aim", "why"):
        table.add_column(name, justify="right" if name in ("from", "p") else "left", no_wrap=name not in ("aim", "why"))
    for camera in assignment.cameras:
        table.add_row(
            _mark(camera, assignment),
            camera.camera_id,
            camera.role,
            f"{camera.distance_m:.0f} m",
            direction(camera.bearing_deg),
            camera.level,
            f"{camera.p_view:.2f}",
            ", ".join(words for words in (aim_of(camera), head_state(camera)) if words),
            terms(camera.why, _ALL_TERMS),
        )
    return table


def _mark(camera: AssignedCamera, assignment: CameraAssignment) -> str:
    if camera.role == CameraRole.ENDING:
        return "~"
    return "+" if camera.camera_id in assignment.added else " "


def _changes(assignment: CameraAssignment, before: CameraAssignment | None, time_zone: ZoneInfo) -> Iterator[str]:
    """Yield what is other than in the version before: cameras, views that end, aims, and how well it shows."""
    if assignment.added or assignment.kept or assignment.released:
        counts = f"{len(assignment.added)} new, {len(assignment.kept)} kept, {len(assignment.released)} let go"
        yield f"against the version before: {counts}"
    for camera in ending(assignment):
        until = "" if camera.until_us is None else f" until {time_of_day(camera.until_us, time_zone)}"
        yield f"ending: {camera.camera_id} goes on{until}, so that the new view begins before it ends"
    if assignment.released:
        yield f"let go: {', '.join(assignment.released)}"
    if before is None or before.version != assignment.version - 1:
        return
    if before.p_view is not None and assignment.p_view is not None and assignment.cameras:
        yield f"probability of a view {before.p_view:.2f} before, {assignment.p_view:.2f} now"
    aims = {camera.camera_id: aim_of(camera) for camera in before.cameras}
    for camera in assignment.cameras:
        was, now = aims.get(camera.camera_id), aim_of(camera)
        if was and now and was != now:
            yield f"{camera.camera_id}: {now}, before: {was}"


def _alternatives(assignment: CameraAssignment) -> Iterator[str]:
    """Yield what was not chosen: runners-up with their terms and what was left out for which reason."""
    for other in assignment.runner_up:
        why = terms({name: value for name, value in other.why.items() if name != "gain"}, _ALL_TERMS)
        added = f"{other.camera_id} ({other.distance_m:.0f} m, would add {other.gain:.3f})"
        yield f"nearly chosen: {added}{': ' + why if why else ''}"
    if assignment.excluded:
        counts = (f"{count} by {reason}" for reason, count in sorted(assignment.excluded.items()))
        yield f"left out: {', '.join(counts)}"
    for camera in assignment.excluded_nearest:
        yield f"  {camera.camera_id} ({camera.distance_m:.0f} m): {camera.reason}"


def kept_versions(versions: Sequence[CameraAssignment]) -> str:
    """Return which versions are kept: ``version 3``, ``versions 1 and 2, 4 to 9``."""
    numbers = sorted({assignment.version for assignment in versions})
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    words = [str(a) if a == b else f"{a}{' and ' if b == a + 1 else ' to '}{b}" for a, b in spans]
    return f"{'version' if len(numbers) == 1 else 'versions'} {', '.join(words)}"
