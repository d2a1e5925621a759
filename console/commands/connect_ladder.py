"""``goldentime connect new``, ``check``, ``validate`` and ``dry-run``: the steps to a running connector."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import click

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.ladder.checking import check_connector, folder_of
from connectors.kit.ladder.matching import event_of
from connectors.kit.ladder.sampling import entries_of_sample
from connectors.kit.ladder.trying import dry_run
from connectors.kit.ladder.validating import Validation, validate
from connectors.kit.manifest import FILE_NAME, Manifest, read_manifest
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.scaffold import SCAFFOLD_KINDS, scaffold
from connectors.kit.source import Refused
from console.connector_choice import chosen_instance, options_of
from console.connector_setup import context_of
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


@click.command(epilog="Example: goldentime connect check police_112")
@click.argument("names", nargs=-1, metavar="[KIND]...")
@click.option("--json", "as_json", is_flag=True, help="Print what is wrong as JSON.")
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Check the folders of connectors: manifest, card, code, names, privacy, examples.

    Exit code 1: a rule is broken.
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
    if any(found.values()):
        ctx.exit(1)


@click.command(name="validate", epilog="Example: goldentime connect validate police_112 --file calls.csv")
@click.argument("kind")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--origin", default="", help="The MQTT topic that the sample came on.")
@click.option("-o", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="An option of the connector.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def validate_sample(
    ctx: click.Context, *, kind: str, file: Path, origin: str, pairs: tuple[str, ...], as_json: bool
) -> None:
    """Hold a sample against a connector: what fits, and which field of what else does not. Exit code 1: something."""
    manifest = _manifest_of(kind)
    payload = file.read_bytes()
    where = origin or (file.name if "path" in manifest.options else "")
    entries = entries_of_sample(manifest, options_of(pairs), payload, _trial_context(ctx.obj), origin=where)
    result = validate(entries, payload)
    if as_json:
        faults = [{name: getattr(f, name) for name in f.__slots__} for f in result.faults]
        click.echo(json.dumps({"accepted": result.accepted, "faults": faults}, ensure_ascii=False))
    else:
        _show(result)
    if result.faults:
        ctx.exit(1)


@click.command(name="dry-run", epilog="Example: goldentime connect dry-run --kind police_112 -o path=calls.csv -n 5")
@click.argument("name", required=False)
@click.option("--kind", help="Try a connector of this kind that is not in the city's file.")
@click.option("-o", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="With --kind: an option of it.")
@click.option("-n", "most", default=20, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@click.option(
    "--within", "within_s", default=30.0, show_default=True, type=click.FloatRange(0.1, 3600), help="Seconds."
)
@click.pass_context
def try_out(
    ctx: click.Context, *, name: str | None, kind: str | None, pairs: tuple[str, ...], most: int, within_s: float
) -> None:
    """Connect to the live system, show the events of its first entries, and write nothing.

    Exit code 1: entries were refused, or the system does not answer.
    """
    options: Options = ctx.obj
    instance = chosen_instance(options, name, kind, pairs)
    if instance.is_sink:
        raise click.UsageError("a dry run is for sources; a sink's examples are run by goldentime connect check")
    source = instance.build_source(_trial_context(options))
    try:
        entries = asyncio.run(dry_run(source, most=most, within_s=within_s))
    except SourceUnavailableError as error:
        raise click.ClickException(f"{instance.name}: {error}") from error
    for entry in entries:
        click.echo(json.dumps(event_of(entry), ensure_ascii=False))
    refused = sum(isinstance(entry, Refused) for entry in entries)
    click.echo(f"{len(entries) - refused} events, {refused} refused; nothing was written", err=True)
    if refused:
        ctx.exit(1)


def _manifest_of(kind: str) -> Manifest:
    folder = folder_of(kind)
    if not (folder / FILE_NAME).is_file():
        raise ConnectorConfigError(f"there is no connector {kind!r}; goldentime connect list shows which there are")
    return read_manifest(folder)


def _trial_context(options: Options) -> ConnectorContext:
    """Return the city's surroundings for a trial; without a key a made-up one does, because nothing is kept."""
    settings = options.connector_settings()
    context = replace(context_of(options.load_city(), settings), is_trial=True)
    try:
        context.pseudonyms.require_key()
    except ConnectorConfigError:
        context = replace(context, pseudonyms=Pseudonyms.ephemeral())
    return context


def _show(result: Validation) -> None:
    for topic, count in result.accepted.items():
        click.echo(f"{topic}: {count} fit")
    for fault in result.faults:
        numbers = ", ".join(map(str, fault.numbers))
        click.echo(f"{fault.count} refused ({fault.reason}; item {numbers}): {fault.message}")
        if fault.suggestion:
            click.echo(f"  {fault.suggestion}")
