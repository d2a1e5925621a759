"""What a policy's decisions come to, case by case and for all: pure sums over versions."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from schemas.camera_assignment import CameraAssignment, CameraRole, CaseStatus
from schemas.sighting import Sighting, SightingResult

US_PER_S = 1_000_000
S_PER_MIN = 60
# A camera counts as showing the target from this probability on: twice what the weakest view (25 to 62 px/m) counts.
P_VIEW_COUNTS = 0.1
_ENDED = (CaseStatus.RELEASED, CaseStatus.DENIED)


@dataclass(slots=True)
class CaseFigures:
    """Sums over the versions of one opening of a case; times in seconds.

    Attributes:
        first_view_s: from the first report to the first camera; None if it never got one.
        open_s: how long it was open.
        shown_s: how long at least one camera with ``P_VIEW_COUNTS`` or more was assigned.
        p_view_s: integral of the probability of a view over the time in which it is told.
        p_view_told_s: that time.
        cameras: ids of all cameras it had.
        switches: cameras that came after the first set.
        turned_deg: by how much heads were to turn, from the aim before.
        decisions: versions.
        statuses: statuses it had.
    """

    first_view_s: float | None = None
    open_s: float = 0.0
    shown_s: float = 0.0
    p_view_s: float = 0.0
    p_view_told_s: float = 0.0
    cameras: set[str] = field(default_factory=set)
    switches: int = 0
    turned_deg: float = 0.0
    decisions: int = 0
    statuses: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """Figures of all cases under one policy; None where there is nothing to reckon from.

    Attributes:
        cases: openings of cases.
        decisions: versions of assignments.
        denied: openings that were denied at some time.
        needs_location: openings that had no usable place at some time.
        never_viewed: openings that never got a camera.
        first_view_s: median seconds from the first report to the first camera.
        shown_share: share of the open time with at least one camera that counts.
        mean_p_view: mean probability that at least one of the set shows the target, over time.
        cameras_per_case: mean number of cameras used in an opening.
        switches_per_min: cameras that came after the first set, per minute open.
        turned_deg_per_min: degrees that heads were to turn, per minute open.
        seen_covered: share of the sightings through a camera that was on the case's list then.
        sightings: how many such sightings there are.
    """

    cases: int
    decisions: int
    denied: int
    needs_location: int
    never_viewed: int
    first_view_s: float | None
    shown_share: float | None
    mean_p_view: float | None
    cameras_per_case: float | None
    switches_per_min: float | None
    turned_deg_per_min: float | None
    seen_covered: float | None
    sightings: int


def by_opening(assignments: Iterable[CameraAssignment]) -> dict[tuple[str, int], list[CameraAssignment]]:
    """Return versions by (case_id, opened_us), oldest first."""
    openings: dict[tuple[str, int], list[CameraAssignment]] = {}
    for assignment in assignments:
        openings.setdefault((assignment.case_id, assignment.opened_us), []).append(assignment)
    return openings


def case_figures(versions: Sequence[CameraAssignment], until_us: int) -> CaseFigures:
    """Return the figures of one opening.

    Args:
        versions: all of its versions in order, at least one.
        until_us: where the log ends, for a case that is still open.
    """
    figures = CaseFigures(decisions=len(versions))
    pan_deg: dict[str, float] = {}
    first_set = True
    for number, now in enumerate(versions):
        until = versions[number + 1].decided_us if number + 1 < len(versions) else max(until_us, now.decided_us)
        figures.statuses.add(now.status)
        if now.status not in _ENDED:
            _add_time(figures, now, max(0, until - now.decided_us) / US_PER_S)
        looking = [camera for camera in now.cameras if camera.role != CameraRole.ENDING]
        if looking and first_set:
            figures.first_view_s, first_set = (now.decided_us - now.opened_us) / US_PER_S, False
        elif looking:
            figures.switches += len({camera.camera_id for camera in looking} & set(now.added))
        figures.cameras |= {camera.camera_id for camera in looking}
        for camera in looking:
            if camera.aim is not None:
                figures.turned_deg += _turn_deg(pan_deg.get(camera.camera_id), camera.aim.pan_deg)
                pan_deg[camera.camera_id] = camera.aim.pan_deg
    return figures


def _add_time(figures: CaseFigures, now: CameraAssignment, seconds: float) -> None:
    figures.open_s += seconds
    if any(camera.p_view >= P_VIEW_COUNTS for camera in now.cameras):
        figures.shown_s += seconds
    if now.p_view is not None:
        figures.p_view_s += now.p_view * seconds
        figures.p_view_told_s += seconds


def _turn_deg(before_deg: float | None, after_deg: float) -> float:
    """Return by how many degrees a head turns, the shorter way; 0 where its aim before is not known."""
    if before_deg is None:
        return 0.0
    turn = abs(after_deg - before_deg) % 360
    return min(turn, 360 - turn)


def policy_figures(
    openings: Mapping[tuple[str, int], Sequence[CameraAssignment]], sightings: Sequence[Sighting], until_us: int
) -> PolicyFigures:
    """Return the figures of all openings under one policy.

    Args:
        openings: versions by (case_id, opened_us), as ``by_opening`` gives them.
        sightings: the looks of the log, of any result.
        until_us: where the log ends, UTC microseconds since the epoch.
    """
    cases = [case_figures(versions, until_us) for versions in openings.values()]
    open_s = sum(case.open_s for case in cases)
    told_s = sum(case.p_view_told_s for case in cases)
    views = [case.first_view_s for case in cases if case.first_view_s is not None]
    covered = seen_covered(openings, sightings)
    per_min = S_PER_MIN / open_s if open_s else None
    return PolicyFigures(
        cases=len(cases),
        decisions=sum(case.decisions for case in cases),
        denied=sum(CaseStatus.DENIED in case.statuses for case in cases),
        needs_location=sum(CaseStatus.NEEDS_LOCATION in case.statuses for case in cases),
        never_viewed=len(cases) - len(views),
        first_view_s=median(views) if views else None,
        shown_share=sum(case.shown_s for case in cases) / open_s if open_s else None,
        mean_p_view=sum(case.p_view_s for case in cases) / told_s if told_s else None,
        cameras_per_case=fmean(len(case.cameras) for case in cases) if cases else None,
        switches_per_min=None if per_min is None else sum(case.switches for case in cases) * per_min,
        turned_deg_per_min=None if per_min is None else sum(case.turned_deg for case in cases) * per_min,
        seen_covered=fmean(covered) if covered else None,
        sightings=len(covered),
    )


def seen_covered(
    openings: Mapping[tuple[str, int], Sequence[CameraAssignment]], sightings: Sequence[Sighting]
) -> list[bool]:
    """Return for each sighting through a camera whether the case's list had the camera when it was seen.

    Sightings of cases that were never opened under this policy count as not covered.
    """
    by_case: dict[str, list[CameraAssignment]] = {}
    for (case_id, _), versions in sorted(openings.items()):
        by_case.setdefault(case_id, []).extend(versions)
    times = {case_id: [version.decided_us for version in versions] for case_id, versions in by_case.items()}
    result = []
    for sighting in sightings:
        if sighting.result == SightingResult.SEEN and sighting.camera_id is not None:
            place = bisect_right(times.get(sighting.case_id, []), sighting.seen_us)
            now = by_case[sighting.case_id][place - 1] if place else None
            result.append(now is not None and _has(now, sighting))
    return result


def _has(now: CameraAssignment, sighting: Sighting) -> bool:
    return sighting.seen_us <= now.valid_until_us and any(
        camera.camera_id == sighting.camera_id and (camera.until_us is None or sighting.seen_us <= camera.until_us)
        for camera in now.cameras
    )
