"""Two policies side by side, for ``goldentime what-if``: figures first, then where the decisions part."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.replaying.differences import Parting, Side
from console.replaying.figures import P_VIEW_COUNTS, PolicyFigures
from console.wording import cameras, short_case, time_of_day

_UNKNOWN = "-"
# More ids than this in a cell say less than their number.
_CAMERAS_TOLD = 4


def comparison(
    names: tuple[str, str],
    figures: tuple[PolicyFigures, PolicyFigures],
    parted: Sequence[Parting],
    *,
    time_zone: ZoneInfo,
) -> RenderableType:
    """Return the comparison of two policies.

    Args:
        names: what to call them.
        figures: of both, over the same log.
        parted: where they decide differently, at most what fits a screen or two.
        time_zone: the city's zone, for times of day.
    """
    parts: list[RenderableType] = [_figures(names, figures)]
    if not parted:
        return Group(*parts, Text(), Text("The same cameras, ranks and statuses under both, at every moment."))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("case", "from", *names):
        table.add_column(name, no_wrap=name in ("case", "from"))
    for parting in parted:
        ours, theirs = _cells(parting.ours, parting.theirs)
        table.add_row(short_case(parting.case_id), time_of_day(parting.at_us, time_zone), ours, theirs)
    return Group(*parts, Text(), Text("where the decisions part:", style="bold"), table)


def _figures(names: tuple[str, str], figures: tuple[PolicyFigures, PolicyFigures]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for label, *values in zip(_LABELS, *map(_values, figures), strict=True):
        table.add_row(label, *values)
    return table


_LABELS = (
    "cases",
    "decisions",
    "denied",
    "without a usable place",
    "never with a camera",
    "report to first camera, median s",
    f"time with a camera of p >= {P_VIEW_COUNTS:g}, %",
    "mean probability of a view",
    "cameras used per case",
    "switches per minute and case",
    "degrees turned per minute and case",
    "sightings through a camera on the list, %",
)


def _values(figures: PolicyFigures) -> Iterator[str]:
    for count in (figures.cases, figures.decisions, figures.denied, figures.needs_location, figures.never_viewed):
        yield f"{count:,}"
    yield _number(figures.first_view_s, 1)
    yield _share(figures.shown_share)
    yield _number(figures.mean_p_view, 3)
    yield _number(figures.cameras_per_case, 1)
    yield _number(figures.switches_per_min, 2)
    yield _number(figures.turned_deg_per_min, 1)
    of_all = f" of {figures.sightings:,}" if figures.sightings else ""
    yield _share(figures.seen_covered) + of_all


def _number(value: float | None, digits: int) -> str:
    return _UNKNOWN if value is None else f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value * 100:.1f}"


def _cells(ours: Side, theirs: Side) -> tuple[str, str]:
    left, right = set(ours.cameras), set(theirs.cameras)
    return _cell(ours, left - right), _cell(theirs, right - left)


def _cell(side: Side, only_here: set[str]) -> str:
    if not side.version:
        return "no decision"
    only = [camera for camera in side.cameras if camera in only_here]
    told = ", ".join(only[:_CAMERAS_TOLD]) + (", .." if len(only) > _CAMERAS_TOLD else "")
    words = f"v{side.version} {side.status}, rank {side.rank}, {cameras(len(side.cameras))}: {side.reason}"
    return f"{words}\nonly here: {told}" if only else words
