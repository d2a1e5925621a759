"""``goldentime cameras``: the camera table of a city."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from connectors.cctv_registry.registry import RegistryLoad
from connectors.kit.running.publish import Publisher
from console.city_topics import ensure_city_topics
from console.commands.cameras_knowledge import knowledge
from console.options import Options
from console.registry_files import publish_registry, read_registry
from console.topic_reader import newest_by_key, open_topic
from schemas.topics import CAMERA_HEALTH, CAMERAS, Topic
from topologies.city_files import City

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(epilog="Example: goldentime --city seoul cameras check cctv.csv")
def cameras() -> None:
    """Check registry files, load them, and show one camera and what was learned of it."""


cameras.add_command(knowledge)


@cameras.command(epilog="Example: goldentime --city seoul cameras check cctv.csv --json")
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Report what a registry file holds, row by row, and publish nothing. Exit code 1: rows would be refused."""
    options: Options = ctx.obj
    with _progress() as progress:
        loaded = _read(file, options.load_city(), options, progress)
    click.echo(json.dumps(loaded.report.as_json(), ensure_ascii=False) if as_json else loaded.report.as_text())
    if loaded.refused:
        ctx.exit(1)


@cameras.command(name="load", epilog="Example: goldentime --city seoul cameras load cctv.csv")
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print report and figures as JSON.")
@click.pass_obj
def load_file(options: Options, file: Path, as_json: bool) -> None:
    """Load a registry file into the camera table, and say what is doubtful about it.

    Missing topics are created first. Loading a file again changes what it says of the same cameras; refused rows go to
    the dead letters of the table.
    """
    city = options.load_city()
    ensure_city_topics(options)
    started_s = time.monotonic()
    with _progress() as progress:
        loaded = _read(file, city, options, progress)
    if not as_json:
        click.echo(loaded.report.as_text())
    with _progress() as progress:
        published = asyncio.run(_publish(options, loaded, progress))
    seconds = time.monotonic() - started_s
    topic = options.full_name()(CAMERAS.name)
    if as_json:
        figures = {"topic": topic, "published": published, "seconds": round(seconds, 3)}
        click.echo(json.dumps(figures | {"report": loaded.report.as_json()}, ensure_ascii=False))
        return
    click.echo(
        f"\n{published:,} cameras on {loaded.report.sites:,} sites are in {topic} after {seconds:.1f} s; "
        f"{len(loaded.refused):,} rows refused"
    )


@cameras.command(epilog="Example: goldentime --city seoul cameras show cctv-0123456789abcdef")
@click.argument("camera_id")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@click.pass_context
def show(ctx: click.Context, camera_id: str, as_json: bool) -> None:
    """Show what the table knows of a camera, and whether it answers. Exit code 1: there is no such camera."""
    options: Options = ctx.obj
    camera = _newest(options, CAMERAS, camera_id)
    if camera is None:
        click.echo(f"no camera {camera_id!r} in {options.full_name()(CAMERAS.name)}", err=True)
        ctx.exit(1)
    health = _newest(options, CAMERA_HEALTH, camera_id)
    if as_json:
        found = {"camera": asdict(camera), "health": None if health is None else asdict(health)}
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, value in asdict(camera).items():
        click.echo(f"{name:<18} {_plain(value)}")
    click.echo(f"{'health':<18} {'not reported, taken as up' if health is None else health.state}")


def _newest(options: Options, topic: Topic, camera_id: str) -> Any | None:
    with open_topic(
        options.client_options(), topic, options.full_name()(topic.name), wanted=lambda key: key == camera_id
    ) as reader:
        return newest_by_key(reader.to_end()).get(camera_id)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Give a progress bar on standard error; it vanishes when done and stays silent where no terminal is."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


def _read(file: Path, city: City, options: Options, progress: Progress) -> RegistryLoad:
    return read_registry(file, city, options.settings().clock.now_us(), _bar(progress, f"reading {file.name}"))


async def _publish(options: Options, loaded: RegistryLoad, progress: Progress) -> int:
    report = _bar(progress, "publishing")
    total = len(loaded.cameras)
    async with Publisher(options.connector_settings()) as publisher:
        return await publish_registry(publisher, loaded, lambda done: report(done, total))


def _bar(progress: Progress, says: str) -> Callable[[int, int | None], None]:
    """Return a function that moves a new bar: called with done and total."""
    task = progress.add_task(says, total=None)

    def move(done: int, total: int | None) -> None:
        progress.update(task, completed=done, total=total)

    return move
