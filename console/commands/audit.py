"""``goldentime audit``: whether the record of who was allowed to look, and who looked, is whole and fits together."""

import json
from dataclasses import dataclass, field
from typing import Any

import click

from console.options import Options
from console.topic_reader import open_topic
from pipeline.decisions.audit_check import FINDINGS_MAX, ChainCheck
from pipeline.decisions.view_check import ViewCheck
from schemas.access_audit import AccessAudit
from schemas.topics import ACCESS_AUDITS

_HASH_DIGITS = 64


@dataclass(slots=True)
class _Checks:
    """What is checked of one partition: its chain, and the views in it."""

    chain: ChainCheck = field(default_factory=ChainCheck)
    views: ViewCheck = field(default_factory=ViewCheck)

    def take(self, record: AccessAudit) -> None:
        self.chain.take(record)
        self.views.take(record)


@click.group(epilog="Example: goldentime --city seoul audit verify")
def audit() -> None:
    """Check the hash chains of access decisions and views."""


@audit.command(epilog="Example: goldentime --city seoul audit verify --known 0:1200:9f86d081884c7d65.. --json")
@click.option(
    "--known",
    multiple=True,
    metavar="PARTITION:SEQUENCE:HASH",
    help="A place and its hash that was kept elsewhere, e.g. the last of an earlier check; may be given often.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def verify(ctx: click.Context, known: tuple[str, ...], as_json: bool) -> None:
    """Read all access-audits and check that none is changed, missing or out of its place.

    And that every link to a picture was allowed when it was given: by a version in force then, or within a minute of
    it, that names the camera and the agency. Refused ones are counted.

    A chain alone cannot show that its end was cut off or that all of it was written anew: keep the last sequence and
    hash of a check elsewhere, and give them to the next with --known. Exact repeats are told and tolerated: a broker
    without transactions may write a record twice. Exit code 1: something is wrong.
    """
    options: Options = ctx.obj
    checks = {partition: _Checks(ChainCheck(hashes)) for partition, hashes in _by_partition(known).items()}
    full_name = options.full_name()(ACCESS_AUDITS.name)
    with open_topic(options.client_options(), ACCESS_AUDITS, full_name) as reader:
        for read in reader.to_end():
            check = checks.setdefault(read.partition, _Checks())
            if read.record is not None:
                check.take(read.record)
        undecodable = reader.undecodable
    rows = [_row(partition, checks[partition]) for partition in sorted(checks)]
    whole = not undecodable and not any(check.chain.faults for check in checks.values())
    views_allowed = not any(check.views.faults for check in checks.values())
    if as_json:
        told = {"topic": full_name, "whole": whole, "views_allowed": views_allowed, "undecodable": undecodable}
        result = {**told, "partitions": rows}
        click.echo(json.dumps(result))
    else:
        _print(full_name, rows, undecodable, whole=whole, views_allowed=views_allowed)
    if not (whole and views_allowed):
        ctx.exit(1)


def _by_partition(known: tuple[str, ...]) -> dict[int, dict[int, str]]:
    result: dict[int, dict[int, str]] = {}
    for text in known:
        partition, _, rest = text.partition(":")
        sequence, _, digits = rest.partition(":")
        if not (partition.isdecimal() and sequence.isdecimal() and len(digits) == _HASH_DIGITS):
            raise click.UsageError(f"--known must be PARTITION:SEQUENCE:HASH with 64 digits of hash, got {text!r}")
        result.setdefault(int(partition), {})[int(sequence)] = digits.lower()
    return result


def _row(partition: int, checks: _Checks) -> dict[str, Any]:
    chain, views = checks.chain, checks.views
    every = sorted((*chain.findings(), *views.findings()), key=lambda f: (f.sequence, f.kind))
    return {
        "partition": partition,
        "records": chain.records,
        "first": chain.first,
        "last": chain.last.sequence,
        "last_hash": chain.last.last_hash,
        "repeats": chain.repeats,
        "views": {
            "issued": views.issued,
            "refused": views.refused,
            "repeats": views.repeats,
            "unjudged": views.unjudged,
        },
        "faults": chain.faults + views.faults,
        "findings": [
            {"kind": f.kind, "sequence": f.sequence, "fault": f.is_fault, "message": f.message}
            for f in every[:FINDINGS_MAX]
        ],
    }


def _print(full_name: str, rows: list[dict[str, Any]], undecodable: int, *, whole: bool, views_allowed: bool) -> None:
    for row in rows:
        click.echo(
            f"partition {row['partition']}: {row['records']:,} records, {row['first']} to {row['last']}, "
            f"{row['faults']:,} faults; last hash {row['last_hash']}"
        )
        _print_views(row["views"])
        for finding in row["findings"]:
            mark = "FAULT" if finding["fault"] else "note "
            click.echo(f"  {mark} {finding['kind']} at {finding['sequence']}: {finding['message']}")
    if undecodable:
        click.echo(f"{undecodable:,} records do not decode: FAULT")
    if not rows:
        click.echo("no records")
    views = "" if views_allowed else "; VIEWS THAT NOTHING ALLOWED, OR THAT WERE TOLD IN TWO WAYS"
    click.echo(f"{full_name}: {'every chain is whole' if whole else 'NOT WHOLE'}{views}")


def _print_views(views: dict[str, int]) -> None:
    if any(views.values()):
        told = f"  views: {views['issued']:,} given, {views['refused']:,} refused"
        click.echo(f"{told}; {views['unjudged']:,} too old to be compared with what was allowed then")
