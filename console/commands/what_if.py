"""``goldentime what-if``: the same log under another policy."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from console.comparison import comparison
from console.options import Options
from console.replaying.command import Bounds, bounds_of, progress_bars, records_for, with_log_options
from console.replaying.differences import Parting, partings
from console.replaying.figures import PolicyFigures, by_opening, policy_figures
from console.replaying.log import CityLog, city_log
from console.replaying.other_policy import city_with_policy
from console.terminal import output
from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.sighting import Sighting
from schemas.topics import SIGHTINGS
from topologies.city_files import City

Openings = Mapping[tuple[str, int], Sequence[CameraAssignment]]
# Enough to see where two policies part; with JSON, more.
PARTINGS_FOR_PEOPLE = 40
PARTINGS_FOR_PROGRAMS = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one policy makes of the log."""

    version: str
    openings: Openings
    figures: PolicyFigures


@click.command(name="what-if", epilog="Example: goldentime --city demo what-if --policy tried.toml")
@click.option(
    "--policy",
    "policy_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A policy.toml to try; the city's other files stay as they are.",
)
@click.option("--city", "city_name", metavar="NAME", help="City whose log and files are taken; else the one of --city.")
@with_log_options
@click.option("--json", "as_json", is_flag=True, help="Print figures and differences as JSON.")
@click.pass_obj
def what_if(
    options: Options,
    *,
    policy_file: Path,
    city_name: str | None,
    file: Path | None,
    most_records: int,
    most_seconds: float,
    as_json: bool,
) -> None:
    """Decide a city's log under its policy and under another one; show figures and where the decisions part.

    Reads the topics and changes nothing. Records, camera table and ticks are the same for both. What people and heads
    did because of the decisions is in the log as it was: sightings favour the policy they were made under.
    """
    options = options if city_name is None else Options(options.broker, city_name, options.cities_dir)
    city = options.load_city()
    other, bounds = city_with_policy(city, policy_file), bounds_of(options, most_records, most_seconds)
    with progress_bars() as bar:
        log = city_log(records_for(options, bounds, file, bar("reading", None)))
        ours, theirs = (
            _outcome(each, log, bounds, bar(f"deciding by {says}", log.inputs))
            for each, says in ((city, "the city's policy"), (other, policy_file.name))
        )
    parted = partings(ours.openings, theirs.openings)
    if as_json:
        click.echo(json.dumps(_as_json(log, ours, theirs, list(parted)), ensure_ascii=False))
        return
    some = list(islice(parted, PARTINGS_FOR_PEOPLE + 1))
    names = (f"{ours.version} (city)", f"{theirs.version} ({policy_file.name})")
    output().print(
        comparison(
            names, (ours.figures, theirs.figures), some[:PARTINGS_FOR_PEOPLE], time_zone=ZoneInfo(city.time_zone)
        )
    )
    if len(some) > PARTINGS_FOR_PEOPLE:
        click.echo("and more; --json gives all")


def _outcome(city: City, log: CityLog, bounds: Bounds, progress: Any) -> Outcome:
    from console.replaying.run import run_log  # noqa: PLC0415 - loads the engine, which --help does not need
    from topologies.city_engine import engine_for  # noqa: PLC0415

    runs = run_log(engine_for(city), log, bounds.run_limits(progress))
    openings = by_opening(assignment for run in runs for assignment in run.assignments)
    ended_us = max((run.ended_us for run in runs), default=0)
    return Outcome(city.policy.version, openings, policy_figures(openings, _sightings(log), ended_us))


def _sightings(log: CityLog) -> list[Sighting]:
    """Return the looks of the log; what does not decode was refused by the engine as well."""
    found = []
    for partition in log.partitions:
        for record in partition.inputs.get(SIGHTINGS.name, ()):
            try:
                found.append(decode(Sighting, record.value))
            except RecordDecodeError:
                continue
    return found


def _as_json(log: CityLog, ours: Outcome, theirs: Outcome, parted: list[Parting]) -> dict[str, Any]:
    return {
        "inputs": log.inputs,
        "city": {"policy_version": ours.version, **asdict(ours.figures)},
        "what_if": {"policy_version": theirs.version, **asdict(theirs.figures)},
        "parting": len(parted),
        "differences": [asdict(parting) for parting in parted[:PARTINGS_FOR_PROGRAMS]],
    }
