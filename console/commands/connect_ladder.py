"""``goldentime connect new``, ``check`` and ``dry-run``: steps to a running connector."""

import asyncio
import json
from pathlib import Path

import click

from connectors.kit.errors import SourceUnavailableError
from connectors.kit.ladder.checking import check_connector, folder_of
from connectors.kit.ladder.leftovers import leftovers_of
from connectors.kit.ladder.matching import event_of
from connectors.kit.ladder.trying import dry_run
from connectors.kit.manifest import FILE_NAME
from connectors.kit.scaffold import SCAFFOLD_KINDS, scaffold
from connectors.kit.source import Refused
from console.commands.connect_validate import Duration, unavailable
from console.connector_choice import chosen_instance
from console.connector_setup import trial_context_of
from console.connector_sink_trial import SinkTrial, try_sink
from console.options import Options

ROOT = Path(__file__).parents[2]


@click.command(epilog="Example: goldentime connect new flood_bell --kind incidents")
@click.argument("name")
@click.option("--kind", type=click.Choice(SCAFFOLD_KINDS), required=True, help="What it brings, or sink.")
@click.option("--title", default="", help="Name for people.")
def new(name: str, kind: str, title: str) -> None:
    """Write a new connector that passes every check as it stands: its folder, its tests and its page."""
    for path in scaffold(name, kind, ROOT, title=title):
        click.echo(f"wrote {path}")
    click.echo(f"next: goldentime connect check {name}, and the tests: pytest tests/connectors/{name}")
    click.echo("what to write where: docs/connectors.md")


@click.command(epilog="Example: goldentime connect check police_112")
@click.argument("names", nargs=-1, metavar="[KIND]...")
@click.option("--json", "as_json", is_flag=True, help="Print what is wrong as JSON.")
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Check the folders of connectors: manifest, card, code, names, privacy, examples.

    Exit code 1: a rule is broken. Words of the scaffold that were left are said, and break none.
    """
    kinds = names or tuple(sorted(f.name for f in folder_of("").iterdir() if (f / FILE_NAME).is_file()))
    found = {kind: check_connector(folder_of(kind)) for kind in kinds}
    if as_json:
        click.echo(json.dumps({k: [{"step": p.step, "message": p.message} for p in ps] for k, ps in found.items()}))
    else:
        for kind, problems in found.items():
            click.echo(f"{kind}: {'keeps to the rules' if not problems else f'{len(problems)} to mend'}")
            for problem in problems:
                click.echo(f"  {problem.step}: {problem.message}")
    for kind in kinds:
        for leftover in leftovers_of(folder_of(kind), ROOT / "docs" / "connectors" / f"{kind}.md"):
            click.echo(f"look: {kind}: {leftover}", err=True)
    if any(found.values()):
        ctx.exit(1)


@click.command(name="dry-run", epilog="Example: goldentime connect dry-run --kind police_112 -o path=calls.csv -n 5")
@click.argument("name", required=False)
@click.option("--kind", help="Try a connector of this kind that is not in the city's file.")
@click.option(
    "-o", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="An option of it, over those of its instance."
)
@click.option("-n", "most", default=20, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@click.option("--for", "--within", "within_s", default="30s", show_default=True, type=Duration(), help="At most.")
@click.pass_context
def try_out(
    ctx: click.Context, *, name: str | None, kind: str | None, pairs: tuple[str, ...], most: int, within_s: float
) -> None:
    """Connect to the live system, show the events of its first entries, and write nothing.

    Of a sink: read the newest records of its topics from the broker and show what it would tell of each.

    NAME is a connector of the city's connectors.toml, or a kind.

    Exit code 1: entries were refused, or the system does not answer.
    """
    options: Options = ctx.obj
    instance = chosen_instance(options, name, kind, pairs)
    if instance.is_sink:
        _show_sink(try_sink(options, instance, most=most, within_s=within_s), within_s)
        return
    source = instance.build_source(trial_context_of(options))
    try:
        entries = asyncio.run(dry_run(source, most=most, within_s=within_s))
    except SourceUnavailableError as error:
        raise unavailable(instance, error) from error
    for entry in entries:
        click.echo(json.dumps(event_of(entry), ensure_ascii=False))
    refused = sum(isinstance(entry, Refused) for entry in entries)
    click.echo(f"{len(entries) - refused} events, {refused} refused; nothing was written", err=True)
    if refused:
        ctx.exit(1)


def _show_sink(trial: SinkTrial, within_s: float) -> None:
    for told in trial.told:
        click.echo(json.dumps(told, ensure_ascii=False))
    said = sum(told["output"] is not None for told in trial.told)
    if not trial.is_whole:
        click.echo(f"the topics were not read to their end within {within_s:g} s; give a longer --for", err=True)
    click.echo(f"{said} of {len(trial.told)} records would be told; nothing was written outside", err=True)
