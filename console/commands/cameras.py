"""``goldentime cameras``: the camera table of a city."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from connectors.kit.cameras.belonging import FOREIGN_PCT, Belonging
from connectors.kit.cameras.changes import WORDS, Changes, Standing, changes_of
from connectors.kit.cameras.making import RegistryLoad
from connectors.kit.cameras.telling import standing_cameras
from connectors.kit.reading.registry_difference import SHRINK_PCT
from connectors.kit.running.kafka_pictures import KafkaPictures
from connectors.kit.running.publish import Publisher
from console.city_topics import ensure_city_topics
from console.commands.cameras_knowledge import knowledge
from console.connector_setup import outlines_of
from console.options import Options
from console.registry_files import CITY_FORM, STANDARD, publish_registry, read_registry
from console.topic_reader import newest_by_key, open_topic
from schemas.topics import CAMERA_HEALTH, CAMERAS, Topic

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(epilog="Example: goldentime --city seoul cameras check cctv.csv")
def cameras() -> None:
    """Check registry files, load them, and show one camera and what was learned of it."""


cameras.add_command(knowledge)


_FORM_OPTION = click.option(
    "--form",
    default="",
    metavar="FILE",
    help=f"Columns and codes of the list, from the city's folder on; {STANDARD} is Korea's standard file. "
    f"Default: {CITY_FORM} where the city has one.",
)


@cameras.command(epilog="Example: goldentime --city seoul cameras check cctv.csv --json")
@click.argument("file", type=_FILE)
@_FORM_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def check(ctx: click.Context, file: Path, form: str, as_json: bool) -> None:
    """Report what a registry file holds, row by row, and publish nothing. Exit code 1: rows would be refused."""
    options: Options = ctx.obj
    with _progress() as progress:
        loaded = _read(file, form, options, progress)
    click.echo(json.dumps(loaded.report.as_json(), ensure_ascii=False) if as_json else loaded.report.as_text())
    if loaded.refused:
        ctx.exit(1)


@cameras.command(name="load", epilog="Example: goldentime --city seoul cameras load cctv.csv")
@click.argument("file", type=_FILE)
@_FORM_OPTION
@click.option("--dry-run", is_flag=True, help="Show what the file would change, and write nothing.")
@click.option("--accept-shrink", is_flag=True, help=f"Load it even if over {SHRINK_PCT:g} % of the cameras are gone.")
@click.option("--district", default="", metavar="NAME", help="District of the city whose file it is.")
@click.option(
    "--accept-foreign",
    is_flag=True,
    help=f"Load it even if over {FOREIGN_PCT:g} % of its cameras lie outside their district or stand as another's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print report and figures as JSON.")
@click.pass_context
def load_file(
    ctx: click.Context,
    file: Path,
    *,
    form: str,
    dry_run: bool,
    accept_shrink: bool,
    district: str,
    accept_foreign: bool,
    as_json: bool,
) -> None:
    """Load a registry file into the camera table, and say what is doubtful about it.

    The file is held against the cameras that stand of this kind of registry: only what is added, moved or changed is
    written, and what the file no longer lists of its owners is taken back. Missing topics are created first; refused
    rows go to the dead letters of the table. Exit code 1: nothing was written, because so much would be taken back, or
    because it looks like another district's file.
    """
    options: Options = ctx.obj
    outlines = outlines_of(options.load_city())
    if district and district not in outlines:
        raise click.BadParameter(f"the city has no district {district!r}; known: {', '.join(outlines) or 'none'}")
    if not dry_run:
        ensure_city_topics(options)
    started_s = time.monotonic()
    with _progress() as progress:
        loaded = _read(file, form, options, progress)
    standing = asyncio.run(standing_cameras(KafkaPictures(options.connector_settings()), loaded.source))
    changes = changes_of(loaded.cameras, standing, ())
    belonging = None if accept_foreign else Belonging(outlines, district)
    doubt = _doubt(loaded, standing, changes, belonging, accept_shrink=accept_shrink)
    published, will_write = 0, not dry_run and doubt is None
    if will_write:
        with _progress() as progress:
            published = asyncio.run(_publish(options, loaded, changes, progress))
    told = _Told(
        topic=options.full_name()(CAMERAS.name),
        loaded=loaded,
        changes=changes,
        published=published,
        removed=len(changes.gone) if will_write else 0,
        seconds=time.monotonic() - started_s,
    )
    click.echo(json.dumps(told.as_json(), ensure_ascii=False) if as_json else told.as_text(dry_run=dry_run))
    if doubt is not None:
        click.echo(f"nothing was written: {doubt}", err=True)
        ctx.exit(1)


def _doubt(
    loaded: RegistryLoad,
    standing: Mapping[str, Standing],
    changes: Changes,
    belonging: Belonging | None,
    *,
    accept_shrink: bool,
) -> str | None:
    """Return why nothing is written, and how to load the file all the same; None where it may be written."""
    foreign = None if belonging is None else belonging.doubt(loaded.cameras, standing)
    if foreign is not None:
        return f"{loaded.report.file}: {foreign}; if that is true, load it with --accept-foreign"
    shrunk = None if accept_shrink else changes.doubt(SHRINK_PCT)
    return None if shrunk is None else f"{shrunk}; if that is true, load it with --accept-shrink"


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said of a load."""

    topic: str
    loaded: RegistryLoad
    changes: Changes
    published: int
    removed: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        counts = self.changes.counts
        return {
            "topic": self.topic,
            "changes": {word: counts[word] for word in WORDS},
            "published": self.published,
            "removed": self.removed,
            "seconds": round(self.seconds, 3),
            "report": self.loaded.report.as_json(),
        }

    def as_text(self, *, dry_run: bool) -> str:
        counts, report = self.changes.counts, self.loaded.report
        words = ", ".join(f"{counts[word]:,} {word}" for word in WORDS)
        told = f"{self.published:,} written, {self.removed:,} taken back"
        return (
            f"{report.as_text()}\n\nAgainst {self.topic}: {words}\n"
            f"{report.cameras:,} cameras on {report.sites:,} sites: {'a dry run, ' if dry_run else ''}{told} "
            f"after {self.seconds:.1f} s; {len(self.loaded.refused):,} rows refused"
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


def _read(file: Path, form: str, options: Options, progress: Progress) -> RegistryLoad:
    now_us, bar = options.settings().clock.now_us(), _bar(progress, f"reading {file.name}")
    return read_registry(file, options.load_city(), now_us, bar, form=form)


async def _publish(options: Options, loaded: RegistryLoad, changes: Changes, progress: Progress) -> int:
    report = _bar(progress, "publishing")
    total = len(loaded.cameras) - len(changes.unchanged)
    async with Publisher(options.connector_settings()) as publisher:
        return await publish_registry(publisher, loaded, lambda done: report(done, total), changes)


def _bar(progress: Progress, says: str) -> Callable[[int, int | None], None]:
    """Return a function that moves a new bar: called with done and total."""
    task = progress.add_task(says, total=None)

    def move(done: int, total: int | None) -> None:
        progress.update(task, completed=done, total=total)

    return move
