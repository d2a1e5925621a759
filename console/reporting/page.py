"""The report as one HTML page that needs nothing else: styles and plots stand in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from console.reporting import plots
from console.reporting.cases import CaseLine
from console.reporting.figures import BARS_SHOWN, Figures, by_day, by_district, by_hour, by_kind, figures_of
from console.reporting.wording import lasting, mean, share

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Noto Sans", "Noto Sans CJK KR", sans-serif; color: #1f2937; background: #f3f4f6;
  margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; margin: 0; } h2 { font-size: 1.15rem; margin: 0 0 .25rem; }
p { margin: .25rem 0 .75rem; } .note { color: #4b5563; font-size: .9rem; }
section { background: #fff; border: 1px solid #e5e7eb; border-radius: .5rem; padding: 1.25rem; margin-top: 1.25rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: 1rem;
  margin-top: 1.25rem; }
.figures div { background: #fff; border: 1px solid #e5e7eb; border-radius: .5rem; padding: .75rem 1rem; }
.figures b { display: block; font-size: 1.6rem; line-height: 1.25; white-space: nowrap; }
.figures span { color: #4b5563; font-size: .85rem; }
svg { width: 100%; height: auto; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e5e7eb; }
th { white-space: normal; font-weight: 600; color: #4b5563; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
tr.few td { color: #6b7280; } .key i { font-style: normal; font-weight: 700; }
"""
# Fewer cases than this say little: their rows are grey.
FEW_CASES = 5
_HEADINGS = (
    "cases", "median", "9 of 10 within", "within 5 min", "within 7 min", "no place", "no camera", "denied",
    "hand-overs a case",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a page is made of.

    Attributes:
        city: its title.
        span: the days reported, e.g. ``2026-03-01 to 2026-03-31``.
        zone: name of the time zone of days and hours.
        lines: the cases.
        left_out: cases that were left out as drills; in a report of drills, as none.
        exercises: whether it is a report of drills.
    """

    city: str
    span: str
    zone: str
    lines: Sequence[CaseLine]
    left_out: int
    exercises: bool = False


def page(report: Report) -> str:
    """Return the page."""
    figures = figures_of(report.lines)
    title = f"Golden time of {'drills in ' if report.exercises else ''}{report.city}"
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{escape(report.span)}, {escape(report.zone)}</p>"]
    if report.lines:
        parts += [_figures(figures), *_sections(report)]
    else:
        parts.append("<section><p>No case opened in this span.</p></section>")
    parts.append(_method(report))
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}, {escape(report.span)}</title>\n<style>{_STYLE}</style>\n</head>\n"
    )
    return head + "<body>\n<main>\n" + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"


def _figures(figures: Figures) -> str:
    """Return the row of figures at the top."""
    unseen = figures.no_place + figures.no_camera
    tiles = (
        (f"{figures.cases:,}", f"cases, {figures.denied:,} of them denied by law"),
        (lasting(figures.median_s), "median from report to first view"),
        (lasting(figures.own_median_s), "median after the report had arrived here"),
        (lasting(figures.p90_s), "9 of 10 first views within"),
        (share(figures.within_short), "with a view within 5 minutes"),
        (share(figures.within_long), "with a view within 7 minutes"),
        (f"{unseen:,}", "without any view"),
        (mean(figures.hand_overs), "hand-overs a case"),
    )
    return '<div class="figures">' + "".join(f"<div><b>{b}</b><span>{s}</span></div>" for b, s in tiles) + "</div>"


def _sections(report: Report) -> list[str]:
    lines = report.lines
    figures = figures_of(lines)
    kinds, districts, days = by_kind(lines), by_district(lines), by_day(lines)
    key = '<span class="key"><i style="color:{0}">●</i> median, <i style="color:{1}">▎</i>nine of ten views by then'
    key = key.format(plots.BLUE, plots.ORANGE) + "; in brackets cases with a view</span>"
    waited = (
        f"Half of the first views came within {lasting(figures.median_s)} of the report. Counted from when the report "
        f"arrived here, half came within {lasting(figures.own_median_s)}."
    )
    return [
        _section("From report to first view", waited, plots.waits(lines)),
        _section("By kind", key, plots.bars(kinds, "Seconds to first view by kind"), _table("kind", kinds)),
        _section(
            "By district",
            key,
            plots.bars(districts, "Seconds to view by district"),
            _table("district", districts),
        ),
        _section("By hour of the day", "", plots.hours(by_hour(lines)), _table("hour", by_hour(lines))),
        _section("By day", "", plots.days(days), _table("day", days)),
    ]


def _section(heading: str, note: str, *bodies: str) -> str:
    text = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{heading}</h2>{text}{''.join(bodies)}</section>"


def _table(grouping: str, groups: Mapping[str, Figures]) -> str:
    rows = []
    shown = {name: figures for name, figures in groups.items() if figures.cases}
    for name, figures in list(shown.items())[:BARS_SHOWN]:
        cells = (
            f"{figures.cases:,}", lasting(figures.median_s), lasting(figures.p90_s), share(figures.within_short),
            share(figures.within_long), f"{figures.no_place:,}", f"{figures.no_camera:,}", f"{figures.denied:,}",
            mean(figures.hand_overs),
        )  # fmt: skip
        few = ' class="few"' if figures.cases < FEW_CASES else ""
        rows.append(f"<tr{few}><td>{escape(name)}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    headings = "".join(f"<th>{heading}</th>" for heading in (grouping, *_HEADINGS))
    more = len(shown) - BARS_SHOWN
    rest = f'<p class="note">{more} more are in groups.csv.</p>' if more > 0 else ""
    body = "".join(rows)
    return f'<div class="scroll"><table><thead><tr>{headings}</tr></thead><tbody>{body}</tbody></table></div>' + rest


def _method(report: Report) -> str:
    left_out = "cases that were no drills" if report.exercises else "drills"
    return _section(
        "How it is measured",
        "",
        "<p>A case counts from the time at which its first report came in (where no source tells that, from when it "
        "happened) to the decision that first named a camera which shows it. Shares are of the cases in which the "
        "law allows a look; denied ones count in none. No place: the report had no usable place. No camera: no camera "
        "could show it. A hand-over is a version in which a camera replaced another. Whether somebody looked is not in "
        "these figures.</p>"
        f"<p>Grey rows have fewer than {FEW_CASES} cases. {report.left_out:,} {left_out} were left out. "
        "Each case is a line in cases.csv, each group in groups.csv.</p>",
    )
