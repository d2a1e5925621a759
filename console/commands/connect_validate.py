"""``goldentime connect validate``: does what the other system sends fit, and what was meant where it does not."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import SourceUnavailableError
from connectors.kit.instances import ConnectorInstance
from connectors.kit.ladder.checking import folder_of
from connectors.kit.ladder.remarks import Surroundings
from connectors.kit.ladder.sampling import findings_of, reading_of_sample
from connectors.kit.ladder.trying import listen
from connectors.kit.ladder.validating import Sample, Validation, validate
from connectors.kit.ladder.vocabulary import vocabulary_of
from connectors.kit.manifest import Manifest, read_manifest
from console.connector_choice import instance_or_kind
from console.connector_setup import trial_context_of
from console.terminal import output

_DURATION = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)(s|m|h)?")
_UNIT_S = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
WITHIN_S_MAX = 3600.0
# What a person can do where nothing came, by transport.
_SILENCE = {
    "http-push": "let the other system send to {listen}{url_path} meanwhile",
    "http-poll": "the answer held nothing that is new",
    "mqtt": "nothing was published on the topics; retained messages come at once, others when they are sent",
    "file-drop": "no file with content lies in the folder whose name ends in one of the suffixes",
}


# What a person can do where the other system does not answer, by words of the error.
_UNAVAILABLE = {
    "cannot listen": "while the real run listens there, give -o listen=HOST:PORT",
    "answers 401": "look at token_file or token_env; the secret goes out as a bearer token, or alone in token_header",
    "answers 403": "look at what the token may do",
}


class Duration(click.ParamType):
    """A time span: ``30s``, ``2m``, ``1h``, or seconds as a number."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds that a text says."""
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(str(value).strip())
        seconds = float(match.group(1)) * _UNIT_S[match.group(2)] if match else 0.0
        if not 0 < seconds <= WITHIN_S_MAX:
            self.fail(f"must be a time such as 30s, 2m or 1h, up to 1h, got {value!r}", param, ctx)
        return seconds


@click.command(name="validate", epilog="Example: goldentime connect validate police_112 --file calls.csv")
@click.argument("name")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A sample file.")
@click.option("--live", is_flag=True, help="Connect to the source; nothing is written, and it loses nothing.")
@click.option("-n", "most", default=20, show_default=True, type=click.IntRange(1, 1_000), help="With --live: payloads.")
@click.option("--for", "within_s", default="30s", show_default=True, type=Duration(), help="With --live: at most.")
@click.option("--origin", default="", help="With --file: the MQTT topic that the sample came on.")
@click.option(
    "-o", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="An option, over those of the instance."
)
@click.option("--strict", is_flag=True, help="Exit with 1 for remarks too, not only for what is refused.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def validate_sample(
    ctx: click.Context,
    *,
    name: str,
    file: Path | None,
    live: bool,
    most: int,
    within_s: float,
    origin: str,
    pairs: tuple[str, ...],
    strict: bool,
    as_json: bool,
) -> None:
    """Hold a sample file, or what a live source sends, against a connector: what fits, and which fields do not.

    NAME is a connector of the city's connectors.toml, or a kind. Exit code 1: something does not fit, or a live
    source said nothing.
    """
    if live == (file is not None):
        raise click.UsageError("give --file FILE or --live")
    instance = instance_or_kind(ctx.obj, name, pairs)
    manifest = read_manifest(folder_of(instance.kind))
    if instance.is_sink or manifest.source is None:
        raise click.UsageError(
            f"{name} is a sink, which takes records and sends none: goldentime connect dry-run {name} shows what it "
            f"would tell of the newest, and goldentime connect check {instance.kind} runs its examples"
        )
    context = trial_context_of(ctx.obj)
    result = (
        _of_live(instance, manifest, context, most, within_s)
        if file is None
        else _of_file(instance, manifest, context, file, origin)
    )
    if as_json:
        click.echo(json.dumps({"name": name, "live": live, **asdict(result)}, ensure_ascii=False))
    else:
        _show(result)
    if not result.payloads:
        click.echo(f"nothing came within {within_s:g} s{_silence(instance, manifest)}", err=True)
    if result.faults or not result.payloads or (strict and result.remarks):
        ctx.exit(1)


def _of_file(
    instance: ConnectorInstance, manifest: Manifest, context: ConnectorContext, file: Path, origin: str
) -> Validation:
    options = {name: value for name, value in instance.options.items() if name != "path"}
    if file.suffix.lower() in (".json", ".xml") and manifest.transports and "path" in manifest.options:
        # A body that is pushed, not a file that is dropped: those are tables or JSON lines.
        options.setdefault("transport", manifest.transports[0])
    reads_file = "path" in manifest.options and options.get("transport") not in manifest.transports
    payload = file.read_bytes()
    reading = reading_of_sample(manifest, options, payload, context, origin=origin or (file.name if reads_file else ""))
    around = _around(manifest, context, reading.findings)
    return validate([Sample(payload, reading.entries)], around, reading.findings)


def _of_live(
    instance: ConnectorInstance, manifest: Manifest, context: ConnectorContext, most: int, within_s: float
) -> Validation:
    source = instance.build_source(context)
    try:
        heard = asyncio.run(listen(source, instance.options, most=most, within_s=within_s))
    except SourceUnavailableError as error:
        raise unavailable(instance, error) from error
    findings = findings_of(source) | ({"sent-again": heard.repeats} if heard.repeats else {})
    return validate(heard.samples, _around(manifest, context, findings), findings)


def unavailable(instance: ConnectorInstance, error: SourceUnavailableError) -> click.ClickException:
    """Return what a person is told of a system that does not answer, with what to look at."""
    hints = [hint for words, hint in _UNAVAILABLE.items() if words in str(error)]
    return click.ClickException("; ".join([f"{instance.name}: {error}", *hints]))


def _around(manifest: Manifest, context: ConnectorContext, findings: Mapping[str, int]) -> Surroundings:
    return Surroundings(
        vocabulary=vocabulary_of(manifest),
        now_us=context.clock.now_us(),
        city_box=context.city_box,
        findings=frozenset(findings),
    )


def _silence(instance: ConnectorInstance, manifest: Manifest) -> str:
    if instance.options.get("path") or not manifest.transports:
        return ""
    chosen = str(instance.options.get("transport") or manifest.transports[0])
    words = {
        "listen": instance.options.get("listen", "127.0.0.1:8480"),
        "url_path": instance.options.get("url_path") or f"/in/{instance.kind}",
    }
    return "; " + _SILENCE[chosen].format(**words) if chosen in _SILENCE else ""


def _show(result: Validation) -> None:
    """Print a summary as a table, then each fault and remark with what may have been meant."""
    table = Table(box=None, pad_edge=False)
    for name in ("topic", "fit", "do not fit"):
        table.add_column(name, justify="left" if name == "topic" else "right")
    refused: dict[str, int] = {}
    for fault in result.faults:
        refused[fault.topic] = refused.get(fault.topic, 0) + fault.count
    for topic in sorted({*result.accepted, *refused}):
        table.add_row(topic, str(result.accepted.get(topic, 0)), str(refused.get(topic, 0)))
    if table.row_count:
        output().print(table)
    for fault in result.faults:
        click.echo(f"{fault.count} x {fault.reason} ({_items(fault.numbers, fault.count)}): {fault.message}")
        for suggestion in fault.suggestions:
            click.echo(f"  {suggestion}")
    for remark in result.remarks:
        click.echo(f"look: {remark.message} ({_items(remark.numbers, remark.count)})")
    if result.findings:
        click.echo("noticed: " + ", ".join(f"{word} {count}" for word, count in sorted(result.findings.items())))


def _items(numbers: tuple[int, ...], count: int) -> str:
    shown = ", ".join(map(str, numbers))
    return f"item {shown}" if count == 1 else f"items {shown}{' and more' if count > len(numbers) else ''}"
