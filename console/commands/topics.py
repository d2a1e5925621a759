"""``goldentime topics``: the topics of a city on the broker."""

import json
from dataclasses import asdict
from typing import Any

import click
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from rich.table import Table

from console.city_topics import ensure_city_topics
from console.options import Options
from console.terminal import output
from console.topic_reader import CONNECT_TIMEOUT_S, require_broker, unavailable
from schemas.topics import TOPICS, Topic, prefixed
from topologies.access_lists import permissions
from topologies.city_files import City
from topologies.projection_files import CityAccess, load_access
from topologies.schema_registry import register_schemas
from topologies.topics import partition_counts


@click.group(epilog="Example: goldentime topics create")
def topics() -> None:
    """Create and list the topics of a city."""


@topics.command(epilog="Example: goldentime --city seoul topics create --json")
@click.option("--json", "as_json", is_flag=True, help="Print what was created as JSON.")
@click.pass_obj
def create(options: Options, as_json: bool) -> None:
    """Create the topics that are missing, and check the partition counts of those that are there.

    With GOLDENTIME_SCHEMA_REGISTRY_URL set, the schemas of all topics are registered there too, under the ids that
    records carry.
    """
    report, city = ensure_city_topics(options), options.load_city()
    registry = options.settings().schema_registry
    schemas = None if registry is None else register_schemas(registry, city.prefix, _all_topics(city))
    if as_json:
        found: dict[str, Any] = {"created": report.created, "existing": report.existing}
        click.echo(json.dumps(found if schemas is None else found | {"schemas": asdict(schemas)}))
        return
    click.echo(
        f"{len(report.created)} topics created, {len(report.existing)} were there: {city.title} on {options.broker}"
    )
    if registry is not None and schemas is not None:
        click.echo(f"{schemas.registered} schemas registered, {schemas.existing} were there: {registry.url}")


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


@topics.command(epilog="Example: goldentime --city seoul topics acl > acl.sh")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.pass_obj
def acl(options: Options, as_json: bool) -> None:
    """Print the kafka-acls lines that let workers, connectors, the centre and each agency do their part, and no more.

    Who they are says projections.toml in the city's folder. Nothing is sent to the broker.
    """
    city = options.load_city()
    rules = permissions(_access(city), city.prefix)
    if as_json:
        click.echo(json.dumps([asdict(rule) for rule in rules], indent=2))
        return
    click.echo(f"# Access to the topics of {city.title}. Run with Kafka's bin/ on the path.")
    for rule in rules:
        click.echo(rule.line(options.broker))


def _access(city: City) -> CityAccess:
    return load_access(city.folder, city.policy)


def _all_topics(city: City) -> tuple[Topic, ...]:
    return (*TOPICS, *_access(city).topics())


def _rows(options: Options) -> list[dict[str, Any]]:
    city = options.load_city()
    client_options, full_name = options.client_options(), prefixed(city.prefix)
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
        for topic in _all_topics(city)
    ]


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("topic", "record", "partitions", "kept", "why"):
        table.add_column(name, justify="right" if name == "partitions" else "left", no_wrap=name != "why")
    for row in rows:
        count = "missing" if row["partitions"] is None else str(row["partitions"])
        table.add_row(row["topic"], row["record"], count, "newest" if row["compacted"] else "for a time", row["why"])
    return table
