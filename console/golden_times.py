"""The golden time of the cases that were seen: seconds from the report to the first view, in groups."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from zoneinfo import ZoneInfo

from pipeline.decisions.golden_time import shows_target
from schemas.camera_assignment import CameraAssignment
from topologies.golden_time import GoldenTime, golden_time_of

# Two ids and a few words per case; of more cases the newest are left out.
CASES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Group:
    """The cases of one kind, district or hour.

    Attributes:
        name: kind or district; of an hour ``13 h``.
        cases: how many had a view.
        median_s: seconds that half of them waited at most.
        slowest_s: seconds that the slowest waited.
    """

    name: str
    cases: int
    median_s: float
    slowest_s: float


class GoldenTimes:
    """Takes assignments in the order of their versions and keeps the first view of each opening of a case.

    Args:
        time_zone: the city's, for the hours.
    """

    def __init__(self, time_zone: ZoneInfo) -> None:
        self._zone = time_zone
        self._times: dict[tuple[str, int], GoldenTime] = {}

    def saw(self, assignment: CameraAssignment) -> None:
        """Take note of a version; drills do not count, and neither do later versions."""
        opening = (assignment.case_id, assignment.opened_us)
        if assignment.exercise or opening in self._times or len(self._times) >= CASES_MAX:
            return
        if shows_target(assignment.cameras):
            self._times[opening] = golden_time_of(assignment, self._zone)

    def by_kind(self) -> list[Group]:
        """Return the cases by kind, most cases first."""
        return _groups((time.kind, time.seconds) for time in self._times.values())

    def by_district(self) -> list[Group]:
        """Return the cases by district, most cases first."""
        return _groups((time.district, time.seconds) for time in self._times.values())

    def by_hour(self) -> list[Group]:
        """Return the cases by hour of the city's day, in the order of the day."""
        groups = _groups((f"{time.hour:02} h", time.seconds) for time in self._times.values())
        return sorted(groups, key=lambda group: group.name)


def _groups(named: Iterable[tuple[str, float]]) -> list[Group]:
    seconds: dict[str, list[float]] = {}
    for name, taken_s in named:
        seconds.setdefault(name, []).append(taken_s)
    groups = [Group(name, len(all_s), median(all_s), max(all_s)) for name, all_s in seconds.items()]
    return sorted(groups, key=lambda group: (-group.cases, group.name))
