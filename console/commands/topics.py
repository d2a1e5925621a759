"""``goldentime topics``: the topics of a city on the broker."""

import json
from typing import Any

import click
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from rich.table import Table

from console.city_topics import ensure_city_topics
from console.options import Options
from console.terminal import output
from console.topic_reader import CONNECT_TIMEOUT_S, require_broker, unavailable
from schemas.topics import TOPICS, prefixed
from topologies.topics import partition_counts


@click.group(epilog="Example: goldentime topics create")
def topics() -> None:
    """Create and list the topics of a city."""


@topics.command(epilog="Example: goldentime --city seoul topics create --json")
@click.option("--json", "as_json", is_flag=True, help="Print what was created as JSON.")
@click.pass_obj
def create(options: Options, as_json: bool) -> None:
    """Create the topics that are missing, and check the partition counts of those that are there."""
    report = ensure_city_topics(options)
    if as_json:
        click.echo(json.dumps({"created": report.created, "existing": report.existing}))
        return
    click.echo(
        f"{len(report.created)} topics created, {len(report.existing)} were there: "
        f"{options.load_city().title} on {options.broker}"
    )


@topics.command(name="list", epilog="Example: goldentime topics list --json")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.pass_context
def list_topics(ctx: click.Context, as_json: bool) -> None:
    """List the contract's topics and their partitions on the broker; exit code 1 when one is missing."""
    options: Options = ctx.obj
    rows = _rows(options)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        output().print(_table(rows))
    if any(row["partitions"] is None for row in rows):
        ctx.exit(1)


def _rows(options: Options) -> list[dict[str, Any]]:
    client_options, full_name = options.client_options(), prefixed(options.load_city().prefix)
    require_broker(client_options)
    try:
        admin = KafkaAdminClient(**client_options, bootstrap_timeout_ms=int(CONNECT_TIMEOUT_S * 1000))
        try:
            counts = partition_counts(admin)
        finally:
            admin.close()
    except KafkaError as error:
        raise unavailable(client_options, error) from error
    return [
        {
            "topic": full_name(topic.name),
            "record": topic.record.__name__,
            "key": topic.key_field,
            "partitions": counts.get(full_name(topic.name)),
            "compacted": topic.compacted,
            "why": topic.why,
        }
        for topic in TOPICS
    ]


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("topic", "record", "partitions", "kept", "why"):
        table.add_column(name, justify="right" if name == "partitions" else "left", no_wrap=name != "why")
    for row in rows:
        count = "missing" if row["partitions"] is None else str(row["partitions"])
        table.add_row(row["topic"], row["record"], count, "newest" if row["compacted"] else "for a time", row["why"])
    return table
