"""``goldentime audit``: whether the record of who was allowed to look is whole."""

import json
from typing import Any

import click

from console.options import Options
from console.topic_reader import open_topic
from pipeline.decisions.audit import ChainCheck
from schemas.topics import ACCESS_AUDITS

_HASH_DIGITS = 64


@click.group(epilog="Example: goldentime --city seoul audit verify")
def audit() -> None:
    """Check the hash chains of access decisions."""


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

    A chain alone cannot show that its end was cut off or that all of it was written anew: keep the last sequence and
    hash of a check elsewhere, and give them to the next with --known. Exact repeats are told and tolerated: a broker
    without transactions may write a record twice. Exit code 1: something is wrong.
    """
    options: Options = ctx.obj
    checks = {partition: ChainCheck(hashes) for partition, hashes in _by_partition(known).items()}
    full_name = options.full_name()(ACCESS_AUDITS.name)
    with open_topic(options.client_options(), ACCESS_AUDITS, full_name) as reader:
        for read in reader.to_end():
            check = checks.setdefault(read.partition, ChainCheck())
            if read.record is not None:
                check.take(read.record)
        undecodable = reader.undecodable
    rows = [_row(partition, checks[partition]) for partition in sorted(checks)]
    whole = not undecodable and not any(row["faults"] for row in rows)
    if as_json:
        result = {"topic": full_name, "whole": whole, "undecodable": undecodable, "partitions": rows}
        click.echo(json.dumps(result))
    else:
        _print(full_name, rows, undecodable, whole=whole)
    if not whole:
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


def _row(partition: int, check: ChainCheck) -> dict[str, Any]:
    findings = check.findings()
    return {
        "partition": partition,
        "records": check.records,
        "first": check.first,
        "last": check.last.sequence,
        "last_hash": check.last.last_hash,
        "repeats": check.repeats,
        "faults": check.faults,
        "findings": [
            {"kind": f.kind, "sequence": f.sequence, "fault": f.is_fault, "message": f.message} for f in findings
        ],
    }


def _print(full_name: str, rows: list[dict[str, Any]], undecodable: int, *, whole: bool) -> None:
    for row in rows:
        click.echo(
            f"partition {row['partition']}: {row['records']:,} records, {row['first']} to {row['last']}, "
            f"{row['faults']:,} faults; last hash {row['last_hash']}"
        )
        for finding in row["findings"]:
            mark = "FAULT" if finding["fault"] else "note "
            click.echo(f"  {mark} {finding['kind']} at {finding['sequence']}: {finding['message']}")
    if undecodable:
        click.echo(f"{undecodable:,} records do not decode: FAULT")
    if not rows:
        click.echo("no records")
    click.echo(f"{full_name}: {'every chain is whole' if whole else 'NOT WHOLE'}")
