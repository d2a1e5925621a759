"""``goldentime explain``: why these cameras."""

import json
from dataclasses import asdict
from functools import partial
from zoneinfo import ZoneInfo

import click

from console.history import history
from console.options import Options
from console.terminal import output
from console.topic_reader import open_topic
from schemas.camera_assignment import CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS

# How many ids an ambiguous beginning lists.
MOST_IDS_LISTED = 5


@click.command(epilog="Example: goldentime --city demo explain police_112:2026-000017")
@click.argument("case")
@click.option("--json", "as_json", is_flag=True, help="Print all versions as a JSON list, oldest first.")
@click.pass_context
def explain(ctx: click.Context, case: str, as_json: bool) -> None:
    """Explain a case: its history, cameras with distance, view and reasons, who was nearly chosen and who left out.

    CASE is a case id or the beginning of one. Exit code 1: there is no such case.
    """
    options: Options = ctx.obj
    city = options.load_city()
    cases = _versions_by_case(options, case)
    if case not in cases and len(cases) != 1:
        click.echo(_not_found(case, sorted(cases)), err=True)
        ctx.exit(1)
    versions = cases[case] if case in cases else next(iter(cases.values()))
    if as_json:
        click.echo(json.dumps([asdict(version) for version in versions], ensure_ascii=False))
        return
    output().print(history(versions, ZoneInfo(city.time_zone)))


def _versions_by_case(options: Options, beginning: str) -> dict[str, list[CameraAssignment]]:
    """Return the versions, oldest first, of every case whose id begins so."""
    cases: dict[str, dict[int, CameraAssignment]] = {}
    full_name = options.full_name()(CAMERA_ASSIGNMENTS.name)
    wanted = partial(_begins_with, beginning)
    with open_topic(options.client_options(), CAMERA_ASSIGNMENTS, full_name, wanted=wanted) as reader:
        for read in reader.to_end():
            if read.record is not None:
                cases.setdefault(read.key, {})[read.record.version] = read.record
    return {case_id: [versions[number] for number in sorted(versions)] for case_id, versions in cases.items()}


def _begins_with(beginning: str, key: str) -> bool:
    return key.startswith(beginning)


def _not_found(case: str, found: list[str]) -> str:
    if not found:
        return f"no case {case!r} in camera-assignments; 'goldentime watch --once --all' lists them"
    more = ", .." if len(found) > MOST_IDS_LISTED else ""
    return f"{len(found)} cases begin with {case!r}: {', '.join(found[:MOST_IDS_LISTED])}{more}"
