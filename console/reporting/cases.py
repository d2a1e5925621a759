"""One line per case: how long it waited for its first view, and why it got none. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.kit.reading.iso_times import utc_moment
from console.reporting.decisions import Decision
from schemas.camera_assignment import CaseStatus

US_PER_S = 1_000_000
UNKNOWN = "unknown"
VIEWED, DENIED, NO_PLACE, NO_CAMERA = "viewed", "denied", "no place", "no camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """One opening of a case.

    Attributes:
        kind: by its newest version.
        district: by the first version that knew it; ``unknown`` if none did.
        reported: when the first report came in, else when it says that it happened, in the city's time.
        outcome: ``viewed``, ``denied`` (the law allows no look), ``no place`` or ``no camera``.
        first_view_s: seconds from the report to the first version with a camera that shows it; None without a view.
        own_s: the part of it that passed after the report had arrived here.
        hand_overs: versions in which a camera replaced another.
        versions: how many there were.
    """

    kind: str
    district: str
    reported: datetime
    outcome: str
    first_view_s: float | None
    own_s: float | None
    hand_overs: int
    versions: int


def case_lines(decisions: Iterable[Decision], zone: ZoneInfo, *, exercises: bool = False) -> tuple[list[CaseLine], int]:
    """Return the cases in the order of their reports, and how many were left out as drills, or as none.

    Args:
        decisions: versions in any order; the same version twice counts once.
        zone: the city's time zone.
        exercises: True for a report of drills only, False for one without them.
    """
    cases: dict[str, dict[int, Decision]] = {}
    for decision in decisions:
        cases.setdefault(decision.case, {})[decision.version] = decision
    lines, left_out = [], 0
    for versions in cases.values():
        ordered = [versions[number] for number in sorted(versions)]
        if ordered[0].exercise == exercises:
            lines.append(_line(ordered, zone))
        else:
            left_out += 1
    return sorted(lines, key=lambda line: line.reported), left_out


def _line(versions: Sequence[Decision], zone: ZoneInfo) -> CaseLine:
    first = next((version for version in versions if version.shows_target), None)
    begin = versions[0]
    return CaseLine(
        kind=versions[-1].kind or UNKNOWN,
        district=next((version.district for version in versions if version.district), UNKNOWN),
        reported=utc_moment(begin.reported_us).astimezone(zone),
        outcome=VIEWED if first is not None else _why_not(versions),
        first_view_s=None if first is None else max(0.0, (first.decided_us - first.reported_us) / US_PER_S),
        own_s=None if first is None else max(0.0, (first.decided_us - begin.opened_us) / US_PER_S),
        hand_overs=sum(version.hands_over for version in versions),
        versions=len(versions),
    )


def _why_not(versions: Sequence[Decision]) -> str:
    statuses = {version.status for version in versions}
    if CaseStatus.DENIED in statuses:
        return DENIED
    return NO_PLACE if CaseStatus.NEEDS_LOCATION in statuses else NO_CAMERA
