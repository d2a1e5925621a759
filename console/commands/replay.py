"""``goldentime replay``: decide a city's log again and compare."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from console.options import Options
from console.replaying.check import Check, Difference, check
from console.replaying.command import bounds_of, progress_bars, records_for, with_log_options
from console.replaying.log import CityLog, city_log
from console.replaying.log_file import save_records
from console.replaying.provenance import ticks_beside_grid
from console.wording import counted, date_and_time

# The first differences as JSON; the check itself counts all.
DIFFERENCES_SHOWN = 100


@click.command(epilog="Example: goldentime --city demo replay")
@with_log_options
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the log to a new file. It holds positions of people: delete it as the topics would.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def replay(
    ctx: click.Context, *, file: Path | None, most_records: int, most_seconds: float, save: Path | None, as_json: bool
) -> None:
    """Decide a city's inputs again, offline, and compare with the published decisions byte for byte.

    Reads the topics, changes nothing, needs no worker. Ticks and the camera table are put where the published decisions
    say they were. Exit code 1: decisions differ; the first difference is told.
    """
    from console.replaying.run import run_log  # noqa: PLC0415 - loads the engine, which --help does not need
    from topologies.city_engine import engine_for  # noqa: PLC0415

    options: Options = ctx.obj
    city, bounds = options.load_city(), bounds_of(options, most_records, most_seconds)
    with progress_bars() as bar:
        records = records_for(options, bounds, file, bar("reading", None))
        if save is not None:
            save_records(save, records)
        log = city_log(records)
        runs = run_log(engine_for(city), log, bounds.run_limits(bar("deciding", log.inputs)))
    result = check(log, runs)
    beside = sum(ticks_beside_grid(partition, bounds.tick_us) for partition in log.partitions)
    if as_json:
        click.echo(json.dumps(_as_json(log, result) | {"ticks_beside_grid": beside}, ensure_ascii=False))
    else:
        for line in _lines(log, result, city.time_zone, beside):
            click.echo(line)
    if result.differing:
        ctx.exit(1)


def _as_json(log: CityLog, result: Check) -> dict[str, Any]:
    found = asdict(result)
    found["differences"] = found["differences"][:DIFFERENCES_SHOWN]
    return {"inputs": log.inputs, "undecodable": log.undecodable, "table_gaps": log.table_gaps} | found


def _lines(log: CityLog, result: Check, time_zone: str, beside: int) -> list[str]:
    """Return the report for people."""
    partitions = counted(len(log.partitions), "partition")
    lines = [f"{counted(log.inputs, 'input record')} of {partitions} decided again"]
    lines.append(f"{result.equal:,} published decisions are the same byte for byte, {result.differing:,} are not")
    notes = (
        (result.gone, "replayed decisions are no longer on the topic: it keeps the newest of each case"),
        (result.newer, "replayed decisions had not been published yet"),
        (result.before_log, "published decisions are of cases older than the inputs that are left"),
        (log.table_gaps, "rows of the camera table are gone (replaced since): it may have been another then"),
        (log.undecodable, "published decisions did not decode"),
        (beside, "decisions name ticks that GOLDENTIME_TICK_S does not give: set it as the workers had it"),
    )
    lines += [f"{count:,} {says}" for count, says in notes if count]
    late = sorted({topic for partition in log.partitions for topic in partition.begins_late})
    if late:
        lines.append(f"no longer from their beginning: {', '.join(late)}")
    if result.differences:
        lines += _first(result.differences[0], time_zone)
    return lines


def _first(first: Difference, time_zone: str) -> list[str]:
    what = {
        "other": "has another content",
        "not-replayed": "was published, but the replay does not make it",
        "not-published": "is made by the replay, but was not published",
    }[first.what]
    at = date_and_time(first.decided_us, ZoneInfo(time_zone))
    lines = [f"first difference: {first.case_id} version {first.version}, decided {at}, partition {first.partition}:"]
    lines.append(f"  it {what}")
    lines += [f"  {name}: published {_short(one)}, replayed {_short(other)}" for name, one, other in first.fields]
    return lines


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."
