"""``goldentime explain``: why these cameras."""

import json
import operator
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from zoneinfo import ZoneInfo

import click

from console.history import history, kept_versions
from console.labels import read_labels
from console.options import Options
from console.terminal import output
from console.topic_reader import open_topic
from schemas.camera_assignment import CameraAssignment
from schemas.incident import Service
from schemas.topics import CAMERA_ASSIGNMENTS, WANDERING_ALERTS
from schemas.wandering_alert import WanderingAlert

# How many ids an ambiguous beginning lists.
MOST_IDS_LISTED = 5


@click.command(epilog="Example: goldentime --city demo explain police_112:2026-000017")
@click.argument("case")
@click.option("--version", "number", type=click.IntRange(1), metavar="N", help="Explain version N; else the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print versions as a JSON list with all fields, oldest first.")
@click.pass_context
def explain(ctx: click.Context, case: str, *, number: int | None, as_json: bool) -> None:
    """Explain a decision: why allowed, where, each camera with its terms, what changed, what was not chosen and why.

    CASE is a case id or the beginning of one. Exit code 1: there is no such case, or the topic no longer keeps that
    version: of old decisions it keeps the newest of each case only, sooner or later.
    """
    options: Options = ctx.obj
    city = options.load_city()
    cases = _versions_by_case(options, case)
    if case not in cases and len(cases) != 1:
        click.echo(_not_found(case, sorted(cases)), err=True)
        ctx.exit(1)
    versions = cases[case] if case in cases else next(iter(cases.values()))
    wanted = _of_number(versions, number)
    if wanted is None:
        click.echo(_not_kept(versions, number or 0), err=True)
        ctx.exit(1)
    if as_json:
        some = versions if number is None else [wanted]
        click.echo(json.dumps([asdict(version) for version in some], ensure_ascii=False))
        return
    labels, alerts = read_labels(city.folder), _alerts_of(options, wanted)
    output().print(history(versions, ZoneInfo(city.time_zone), wanted, labels, alerts))


def _versions_by_case(options: Options, beginning: str) -> dict[str, list[CameraAssignment]]:
    """Return the versions, oldest first, of every case whose id begins so."""
    cases: dict[str, dict[tuple[int, int], CameraAssignment]] = {}
    full_name = options.full_name()(CAMERA_ASSIGNMENTS.name)
    wanted = partial(_begins_with, beginning)
    with open_topic(options.client_options(), CAMERA_ASSIGNMENTS, full_name, wanted=wanted) as reader:
        for read in reader.to_end():
            if read.record is not None:
                # An ended case may be opened again; its versions begin anew then.
                cases.setdefault(read.key, {})[read.record.opened_us, read.record.version] = read.record
    return {case_id: [versions[number] for number in sorted(versions)] for case_id, versions in cases.items()}


def _alerts_of(options: Options, assignment: CameraAssignment) -> list[WanderingAlert]:
    """Return the alerts about a case's person that the topic still holds, oldest first."""
    if Service.DEMENTIA not in assignment.services:
        return []
    full_name = options.full_name()(WANDERING_ALERTS.name)
    wanted = partial(operator.eq, assignment.case_id)
    with open_topic(options.client_options(), WANDERING_ALERTS, full_name, wanted=wanted) as reader:
        return [read.record for read in reader.to_end() if read.record is not None]


def _begins_with(beginning: str, key: str) -> bool:
    return key.startswith(beginning)


def _of_number(versions: Sequence[CameraAssignment], number: int | None) -> CameraAssignment | None:
    """Return the version of a number, of the newest opening that has it; the newest version without a number."""
    if number is None:
        return versions[-1]
    return next((version for version in reversed(versions) if version.version == number), None)


def _not_kept(versions: Sequence[CameraAssignment], number: int) -> str:
    case_id, newest = versions[-1].case_id, versions[-1].version
    if number > newest:
        return f"{case_id} has no version {number} yet: the newest is {newest}"
    return f"version {number} of {case_id} is gone: the topic keeps {kept_versions(versions)}; older ones are compacted"


def _not_found(case: str, found: list[str]) -> str:
    if not found:
        return f"no case {case!r} in camera-assignments; 'goldentime watch --once --all' lists them"
    more = ", .." if len(found) > MOST_IDS_LISTED else ""
    return f"{len(found)} cases begin with {case!r}: {', '.join(found[:MOST_IDS_LISTED])}{more}"
