"""The present picture of all cases as a table."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from rich.table import Table

from console.labels import CODES, Labels
from console.wording import counted, duration, looked_through, short_case, time_of_day
from schemas.camera_assignment import CameraAssignment

# A screen's worth; the most urgent come first and the caption says how many are left out.
MOST_ROWS = 40
_COLOURS = {"active": "green", "needs-location": "yellow", "waiting": "yellow", "denied": "red", "released": "cyan"}


def urgent_first(assignments: Iterable[CameraAssignment], *, with_ended: bool) -> list[CameraAssignment]:
    """Return assignments by rank, then by when it happened; ended cases (released, denied) only if wanted."""
    shown = (a for a in assignments if with_ended or a.status not in ("released", "denied"))
    return sorted(shown, key=lambda a: (a.rank, a.occurred_us, a.case_id))


def picture_table(
    assignments: Iterable[CameraAssignment],
    *,
    with_ended: bool,
    time_zone: ZoneInfo,
    now_us: int,
    labels: Labels = CODES,
) -> Table:
    """Return a table with one row per case.

    Args:
        assignments: the newest version of each case.
        with_ended: whether released and denied cases are shown too.
        time_zone: the city's zone, for times of day.
        now_us: UTC microseconds since the epoch, for what is left of each lease.
        labels: the city's words for kinds and reasons.
    """
    rows = urgent_first(assignments, with_ended=with_ended)
    title = f"{counted(len(rows), 'case')} at {time_of_day(now_us, time_zone)}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("rank", "kind", "case", "status", "cameras", "nearest", "p", "since", "lease"):
        right = name in ("rank", "cameras", "nearest", "p", "lease")
        # On a narrow terminal the id gives way; explain takes its beginning.
        table.add_column(name, no_wrap=name != "case", overflow="ellipsis", justify="right" if right else "left")
    for assignment in rows[:MOST_ROWS]:
        table.add_row(*_cells(assignment, time_zone, now_us, labels), style=_COLOURS.get(assignment.status, ""))
    if len(rows) > MOST_ROWS:
        table.caption = f"and {len(rows) - MOST_ROWS} less urgent cases"
    return table


def _cells(assignment: CameraAssignment, time_zone: ZoneInfo, now_us: int, labels: Labels) -> list[str]:
    present = looked_through(assignment)
    nearest = min((camera.distance_m for camera in present), default=None)
    ended = assignment.status in ("released", "denied")
    return [
        str(assignment.rank),
        labels.kind(assignment.kind) + (" (exercise)" if assignment.exercise else ""),
        short_case(assignment.case_id),
        f"{assignment.status}: {labels.reason(assignment.reason)}",
        str(len(present)),
        "" if nearest is None else f"{nearest:.0f} m",
        "" if assignment.p_view is None else f"{assignment.p_view:.2f}",
        time_of_day(assignment.occurred_us, time_zone),
        "" if ended else _left(assignment.valid_until_us - now_us),
    ]


def _left(span_us: int) -> str:
    return duration(span_us) if span_us > 0 else "over"
