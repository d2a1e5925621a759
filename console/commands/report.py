"""``goldentime report``: how long cases waited for their first view."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from console.options import Options
from console.reporting.cases import case_lines
from console.reporting.figures import by_day, by_district, by_hour, by_kind, figures_of
from console.reporting.page import Report, page
from console.reporting.sources import day_begin_us, from_database, from_lake, next_day, write_whole
from console.reporting.tables import cases_csv, groups_csv
from console.reporting.wording import lasting, share

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command(
    epilog="Example: goldentime --city seoul report --lake lake --from 2026-03-01 --to 2026-03-31 --out report"
)
@click.option("--lake", type=click.Path(path_type=Path, file_okay=False), help="Folder that parquet_lake writes to.")
@click.option(
    "--database",
    metavar="CONNINFO",
    help="Database that postgis writes to, as a URL or libpq's words without a password (use ~/.pgpass); "
    "the right to read the view analysis is enough.",
)
@click.option("--from", "first", type=_DAY, required=True, help="First day, in the city's time.")
@click.option("--to", "last", type=_DAY, help="Last day; the first day alone if not given.")
@click.option("--exercises", is_flag=True, help="Report drills instead of real cases.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("golden-time"),
    show_default=True,
    help="Folder for report.html, cases.csv and groups.csv.",
)
@click.pass_context
def report(  # noqa: PLR0917 - click hands over every option
    ctx: click.Context,
    lake: Path | None,
    database: str | None,
    first: datetime,
    last: datetime | None,
    exercises: bool,
    out: Path,
) -> None:
    """Write the golden-time report: seconds from report to first view, by kind, district, hour and day.

    A page with plots and two tables, from the decisions in Parquet files (--lake) or in PostgreSQL (--database).
    """
    if (lake is None) == (database is None):
        raise click.UsageError("give one of --lake and --database")
    begin, end = first.date(), (last or first).date()
    if end < begin:
        raise click.UsageError(f"--to {end} is before --from {begin}")
    options: Options = ctx.obj
    city = options.load_city()
    zone = ZoneInfo(city.time_zone)
    span_us = day_begin_us(begin, zone), day_begin_us(next_day(end), zone)
    decisions = from_lake(lake, *span_us) if lake is not None else from_database(database or "", *span_us)
    lines, left_out = case_lines(decisions, zone, exercises=exercises)
    made = Report(
        city=city.title,
        span=_span(begin, end),
        zone=city.time_zone,
        lines=lines,
        left_out=left_out,
        exercises=exercises,
    )
    groups = {"all": {"all": figures_of(lines)}, "kind": by_kind(lines), "district": by_district(lines)}
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "cases.csv", cases_csv(lines))
    write_whole(out / "groups.csv", groups_csv({**groups, "hour": by_hour(lines), "day": by_day(lines)}))
    write_whole(out / "report.html", page(made))
    figures = figures_of(lines)
    click.echo(
        f"{figures.cases:,} cases, {figures.viewed:,} with a view; median {lasting(figures.median_s)}, "
        f"within 5 min {share(figures.within_short)}, within 7 min {share(figures.within_long)}"
    )
    click.echo(f"written: {out / 'report.html'}, cases.csv, groups.csv")


def _span(begin: date, end: date) -> str:
    return f"{begin}" if begin == end else f"{begin} to {end}"
