"""Sums over cases: by kind, district, hour of the day and day. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean

from console.reporting.cases import DENIED, NO_CAMERA, NO_PLACE, CaseLine

# What the city's services hold themselves to for their arrival: police 5 minutes for the gravest calls, fire crews 7.
SHORT_S, LONG_S = 300, 420
# Rows of a table in the page; a page of a thousand districts helps nobody.
BARS_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a group of cases comes to; None where there is nothing to reckon from.

    Attributes:
        cases: all.
        denied: those in which the law allows no look; they count in no share.
        viewed: those that got a view.
        no_place: those without a usable place.
        no_camera: those for which no camera was found.
        median_s: of the seconds from report to first view.
        p90_s: nine of ten views came within so many seconds.
        own_median_s: median of the part that passed after the report had arrived here.
        within_short: share of the cases not denied that had a view within :data:`SHORT_S`.
        within_long: the same within :data:`LONG_S`.
        hand_overs: mean per case with a view.
    """

    cases: int
    denied: int
    viewed: int
    no_place: int
    no_camera: int
    median_s: float | None
    p90_s: float | None
    own_median_s: float | None
    within_short: float | None
    within_long: float | None
    hand_overs: float | None

    @property
    def allowed(self) -> int:
        """Return how many cases a look was allowed in."""
        return self.cases - self.denied


def figures_of(lines: Iterable[CaseLine]) -> Figures:
    """Return the figures of a group of cases."""
    lines = list(lines)
    outcomes = Counter(line.outcome for line in lines)
    waits_s = sorted(line.first_view_s for line in lines if line.first_view_s is not None)
    own_s = sorted(line.own_s for line in lines if line.own_s is not None)
    allowed = len(lines) - outcomes[DENIED]
    viewed = [line for line in lines if line.first_view_s is not None]
    return Figures(
        cases=len(lines),
        denied=outcomes[DENIED],
        viewed=len(waits_s),
        no_place=outcomes[NO_PLACE],
        no_camera=outcomes[NO_CAMERA],
        median_s=percentile(waits_s, 0.5),
        p90_s=percentile(waits_s, 0.9),
        own_median_s=percentile(own_s, 0.5),
        within_short=sum(wait <= SHORT_S for wait in waits_s) / allowed if allowed else None,
        within_long=sum(wait <= LONG_S for wait in waits_s) / allowed if allowed else None,
        hand_overs=fmean(line.hand_overs for line in viewed) if viewed else None,
    )


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least ``share`` of the values do not exceed (nearest rank); None for none."""
    return ordered[max(1, ceil(share * len(ordered))) - 1] if ordered else None


def by_kind(lines: Iterable[CaseLine]) -> dict[str, Figures]:
    """Return figures by kind, the most frequent first."""
    return _most_first(_grouped(lines, lambda line: line.kind))


def by_district(lines: Iterable[CaseLine]) -> dict[str, Figures]:
    """Return figures by district, the most frequent first."""
    return _most_first(_grouped(lines, lambda line: line.district))


def by_hour(lines: Iterable[CaseLine]) -> dict[str, Figures]:
    """Return figures of all 24 hours of the day, ``00`` first, in the city's time."""
    groups = _grouped(lines, lambda line: f"{line.reported:%H}")
    return {f"{hour:02d}": groups.get(f"{hour:02d}", figures_of(())) for hour in range(24)}


def by_day(lines: Iterable[CaseLine]) -> dict[str, Figures]:
    """Return figures by day in the city's time, the first first; days without a case are left out."""
    return dict(sorted(_grouped(lines, lambda line: f"{line.reported:%Y-%m-%d}").items()))


def _grouped(lines: Iterable[CaseLine], key: Callable[[CaseLine], str]) -> dict[str, Figures]:
    groups: dict[str, list[CaseLine]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    return {name: figures_of(group) for name, group in groups.items()}


def _most_first(groups: Mapping[str, Figures]) -> dict[str, Figures]:
    return dict(sorted(groups.items(), key=lambda item: (-item[1].cases, item[0])))
