"""``goldentime connect``: the systems outside."""

import asyncio
import json
import logging
import signal
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from connectors.kit.instances import instances_of
from connectors.kit.ladder.checking import folder_of
from connectors.kit.manifest import Manifest, all_manifests, read_manifest
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_sources, run_together
from connectors.kit.running.sink_runner import SinkJob, run_sink
from connectors.kit.running.status import StatusPage, Watched
from connectors.kit.settings import ConnectorSettings
from console.city_topics import ensure_city_topics
from console.commands.connect_ladder import check, new, try_out
from console.commands.connect_validate import validate_sample
from console.connector_choice import chosen_instances, instance_or_kind
from console.connector_setup import context_of, jobs_of
from console.options import Options
from console.terminal import output


@click.group(epilog="Example: goldentime connect list")
def connect() -> None:
    """Make connectors, check and try them, and run those of a city."""


for command in (new, check, validate_sample, try_out):
    connect.add_command(command)


@connect.command(name="list", epilog="Example: goldentime --city demo connect list --json")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print an object with kinds and the city's instances.")
@click.pass_obj
def list_connectors(options: Options, kind: str | None, as_json: bool) -> None:
    """List the kinds of connectors there are, and the connectors of the city; with a KIND the options of that."""
    manifests = all_manifests()
    if kind is not None:
        manifests = {kind: read_manifest(folder_of(instance_or_kind(options, kind, ()).kind))}
    if kind is not None and not as_json:
        output().print(_options_table(manifests[kind]))
        return
    instances = instances_of(options.cities_dir, options.load_city().name)
    if as_json:
        kinds = [_described(manifest) for manifest in manifests.values()]
        running = [{"name": i.name, "kind": i.kind, "enabled": i.enabled, "sink": i.is_sink} for i in instances]
        click.echo(json.dumps({"kinds": kinds, "instances": running}, ensure_ascii=False))
        return
    output().print(_kinds_table(manifests))
    if not instances:
        click.echo(f"\nthe city {options.city} runs none; write cities/{options.city}/connectors.toml")
        return
    click.echo(f"\nconnectors of {options.city}:")
    for instance in instances:
        off = "" if instance.enabled else " (disabled)"
        click.echo(f"  {instance.name:<20} {instance.kind}{off}")


@connect.command(epilog="Example: goldentime connect run --kind file_replay -o path=events.jsonl")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--kind", help="Run one connector of this kind that is not in the city's file.")
@click.option("-o", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="With --kind: an option of it.")
@click.option("--status", metavar="HOST:PORT", help="Serve /metrics, /connectors and /healthz there.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts at the end as JSON.")
@click.pass_context
def run(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    kind: str | None,
    pairs: tuple[str, ...],
    status: str | None,
    as_json: bool,
) -> None:
    """Run connectors of the city, all enabled ones without a NAME, until they end or Ctrl-C.

    Missing topics are created first. A run goes on where the last one ended. Exit code 1: entries were refused; their
    dead letters say why.
    """
    options: Options = ctx.obj
    chosen = chosen_instances(options, names, kind, pairs)
    settings, context = options.connector_settings(), context_of(options.load_city(), options.connector_settings())
    address = _address(status)
    sinks = [SinkJob(name=i.name, sink=i.build_sink(context)) for i in chosen if i.is_sink]
    sources = jobs_of([i for i in chosen if not i.is_sink], context)
    kinds = {instance.name: instance.kind for instance in chosen}
    watched = [Watched(j.name, j.kind, "source", j.counters, j.source) for j in sources]
    watched += [Watched(j.name, kinds[j.name], "sink", j.counters, j.sink) for j in sinks]
    ensure_city_topics(options)
    page = StatusPage(watched, settings.clock, context.listeners)
    asyncio.run(_run(settings, sources, sinks, page, address))
    counters = {job.name: job.counters for job in sources} | {job.name: job.counters for job in sinks}
    counts = [{"name": name, "accepted": c.accepted, "refused": c.refused} for name, c in counters.items()]
    if as_json:
        click.echo(json.dumps(counts))
    else:
        for count in counts:
            click.echo(f"{count['name']}: {count['accepted']} accepted, {count['refused']} refused")
    if any(count["refused"] for count in counts):
        ctx.exit(1)


# They say once per outage that a system does not answer and is tried again; the commands keep the rest quiet.
_HEARD = ("connectors.kit.running.runner", "connectors.kit.running.sink_runner")


async def _run(
    settings: ConnectorSettings,
    sources: list[SourceJob],
    sinks: list[SinkJob],
    page: StatusPage,
    address: tuple[str, int] | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    for logger in _HEARD:
        logging.getLogger(logger).setLevel(logging.WARNING)
    names = [job.name for job in sources] + [job.name for job in sinks]
    click.echo(f"running {', '.join(names)} (Ctrl-C ends)", err=True)
    publisher = Publisher(settings)
    if address is not None:
        await page.start(*address)
    try:
        cursors = KafkaCursors(settings, publisher)
        await run_together(
            [
                run_sources(sources, publisher, cursors, stop, settings.clock),
                *(run_sink(job, settings, stop) for job in sinks),
            ],
            stop,
        )
    finally:
        await publisher.close()
        if address is not None:
            await page.stop(*address)


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise click.UsageError(f"--status must be host:port, got {text!r}")
    return host.strip("[]"), int(port)


def _described(manifest: Manifest) -> dict[str, Any]:
    return {
        "kind": manifest.name,
        "title": manifest.title,
        "brings": manifest.kind,
        "topics": [topic.name for topic in manifest.topics],
        "guarantee": manifest.guarantee,
        "options": {name: option.description for name, option in manifest.options.items()},
    }


def _options_table(manifest: Manifest) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("option", "default", "what it does"):
        table.add_column(name, no_wrap=name == "option")
    for option in manifest.options.values():
        default = "required" if option.required else "" if option.default is None else str(option.default)
        table.add_row(option.name, escape(default), escape(option.description))
    return table


def _kinds_table(manifests: dict[str, Manifest]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("kind", "brings", "guarantee", "what it links"):
        table.add_column(name, no_wrap=name != "what it links")
    for manifest in manifests.values():
        table.add_row(manifest.name, manifest.kind, manifest.guarantee, manifest.description)
    return table
