"""The report's plots as SVG that stands in the page itself; drawn by matplotlib, which is an extra."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from console.errors import ConsoleError
from console.reporting.cases import CaseLine
from console.reporting.figures import LONG_S, SHORT_S, Figures
from console.reporting.sources import NEEDS
from console.reporting.wording import lasting

# Okabe and Ito's palette, which colour-blind readers can tell apart.
BLUE, ORANGE, GREY, GREEN = "#0072B2", "#D55E00", "#B8BEC6", "#009E73"
BARS_MAX = 15
# Points of the axis of seconds, from at once to six hours.
_TICKS_S = (1, 2, 5, 10, 30, 60, 300, 1_800, 3_600, 10_800, 21_600)
_STYLE: Any = {
    # Texts stay texts: small, searchable, and drawn with the reader's own fonts, which know every script.
    "svg.fonttype": "none",
    # The same figures give the same bytes.
    "svg.hashsalt": "goldentime",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": "#6b7280",
    "xtick.color": "#374151",
    "ytick.color": "#374151",
    "text.color": "#1f2937",
    "axes.labelcolor": "#374151",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def waits(lines: Sequence[CaseLine]) -> str:
    """Return how the cases with a view share out over the seconds they waited: the share seen by each time."""
    seconds = sorted(max(1.0, line.first_view_s) for line in lines if line.first_view_s is not None)
    figure, axes = _figure(3.2)
    if seconds:
        shares = [100 * (number + 1) / len(seconds) for number in range(len(seconds))]
        axes.step([1.0, *seconds, seconds[-1]], [0.0, *shares, 100.0], where="post", color=BLUE, linewidth=2)
    for limit_s in (SHORT_S, LONG_S):
        axes.axvline(limit_s, color=ORANGE, linewidth=1, linestyle="--")
    axes.text(SHORT_S * 0.94, 4, "5 min", color=ORANGE, ha="right")
    axes.text(LONG_S * 1.06, 4, "7 min", color=ORANGE)
    axes.set_ylim(0, 102)
    axes.set_ylabel("% of cases with a view")
    axes.set_xlabel("from the report to the first view")
    _time_axis(axes, max(seconds, default=60.0))
    return _svg(figure, "Share of cases by the time to their first view")


def bars(groups: Mapping[str, Figures], title: str) -> str:
    """Return median and ninth tenth of the seconds to first view for each group, the largest groups first."""
    shown = [(name, group) for name, group in groups.items() if group.median_s is not None][:BARS_MAX]
    figure, axes = _figure(0.9 + 0.32 * max(1, len(shown)))
    for place, (_, group) in enumerate(shown):
        median_s, p90_s = max(1.0, group.median_s or 0.0), max(1.0, group.p90_s or 0.0)
        axes.plot([median_s, p90_s], [place, place], color=GREY, linewidth=3, solid_capstyle="round")
        axes.plot(p90_s, place, "|", color=ORANGE, markersize=12, markeredgewidth=2.5)
        axes.plot(median_s, place, "o", color=BLUE, markersize=8)
    axes.set_yticks(range(len(shown)), [f"{name} ({group.viewed})" for name, group in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(axis="x", color="#e5e7eb")
    _time_axis(axes, max((group.p90_s or 1.0 for _, group in shown), default=60.0))
    return _svg(figure, title)


def hours(groups: Mapping[str, Figures]) -> str:
    """Return for each hour of the day how many cases there were, and how many of them got no view."""
    figure, axes = _figure(2.6)
    places = range(len(groups))
    viewed = [group.viewed for group in groups.values()]
    unseen = [group.allowed - group.viewed for group in groups.values()]
    axes.bar(places, viewed, color=BLUE, width=0.8, label="with a view")
    axes.bar(places, unseen, bottom=viewed, color=ORANGE, width=0.8, label="without a view")
    axes.set_xticks(list(places)[::3], list(groups)[::3])
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_xlabel("hour of the day")
    axes.set_ylabel("cases")
    axes.yaxis.get_major_locator().set_params(integer=True)
    _legend(axes)
    return _svg(figure, "Cases by hour of the day")


def days(groups: Mapping[str, Figures]) -> str:
    """Return for each day the share of cases with a view within five and seven minutes."""
    figure, axes = _figure(2.6)
    places = range(len(groups))
    for label, colour, shares in (
        ("within 7 min", GREEN, [group.within_long for group in groups.values()]),
        ("within 5 min", BLUE, [group.within_short for group in groups.values()]),
    ):
        told = [(place, 100 * share) for place, share in zip(places, shares, strict=True) if share is not None]
        axes.plot([x for x, _ in told], [y for _, y in told], "o-", color=colour, label=label, linewidth=1.5)
    step = max(1, -(-len(groups) // 8))
    axes.set_xticks(list(places)[::step], [name[5:] for name in groups][::step])
    axes.set_xlim(-0.5, max(1, len(groups)) - 0.5)
    axes.set_ylim(0, 104)
    axes.set_ylabel("% of cases")
    axes.grid(axis="y", color="#e5e7eb")
    _legend(axes)
    return _svg(figure, "Share of cases with a view in time, by day")


def _figure(height_in: float) -> tuple[Any, Any]:
    try:
        import matplotlib as mpl  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise ConsoleError(f"drawing needs an extra: {NEEDS}") from error
    mpl.rcParams.update(_STYLE)
    figure = Figure(figsize=(7.2, height_in))
    return figure, figure.add_subplot()


def _time_axis(axes: Any, longest_s: float) -> None:
    axes.set_xscale("log")
    last_s = next((tick for tick in _TICKS_S if tick >= max(600, longest_s * 1.05)), _TICKS_S[-1])
    ticks = [tick for tick in _TICKS_S if tick <= last_s]
    axes.set_xticks(ticks, [lasting(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(0.9, max(last_s, longest_s) * 1.05)


def _legend(axes: Any) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, borderaxespad=0.0)


def _svg(figure: Any, title: str) -> str:
    """Return a figure as an SVG element with a title that screen readers say."""
    text = io.StringIO()
    with warnings.catch_warnings():
        # Names of other scripts are missing in matplotlib's own font, but the reader's browser has them.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None, "Title": title})
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
