"""``goldentime watch``: the present picture."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from zoneinfo import ZoneInfo

import click
from rich.live import Live

from console.labels import read_labels
from console.options import Options
from console.picture import picture_table, urgent_first
from console.terminal import output
from console.topic_reader import ReadRecord, newest_by_key, open_topic
from schemas.camera_assignment import CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS


@click.command(epilog="Example: goldentime watch --once --json | jq '.[].case_id'")
@click.option("--once", is_flag=True, help="Print the present picture and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print the assignments as a JSON list.")
@click.option("--all", "with_ended", is_flag=True, help="Show released and denied cases too.")
@click.pass_obj
def watch(options: Options, once: bool, as_json: bool, with_ended: bool) -> None:
    """Show which case looks through which cameras, live, until Ctrl-C."""
    if as_json and not once:
        raise click.UsageError("--json needs --once")
    city = options.load_city()
    labels = read_labels(city.folder)
    full_name = options.full_name()(CAMERA_ASSIGNMENTS.name)
    with open_topic(options.client_options(), CAMERA_ASSIGNMENTS, full_name) as reader:
        picture: dict[str, CameraAssignment] = newest_by_key(reader.to_end())
        zone, clock = ZoneInfo(city.time_zone), options.settings().clock
        shown = partial(picture_table, with_ended=with_ended, time_zone=zone, labels=labels)
        if as_json:
            rows = urgent_first(picture.values(), with_ended=with_ended)
            click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
        elif once:
            output().print(shown(picture.values(), now_us=clock.now_us()))
        else:
            with Live(console=output(), auto_refresh=False, screen=False) as live:
                while True:
                    live.update(shown(picture.values(), now_us=clock.now_us()), refresh=True)
                    _add(picture, reader.poll())


def _add(picture: dict[str, CameraAssignment], records: Iterable[ReadRecord]) -> None:
    """Put new versions into the picture; the highest version of a case wins, whatever order they come in."""
    for read in records:
        known = picture.get(read.key)
        if read.record is None:
            picture.pop(read.key, None)
        elif known is None or read.record.version >= known.version:
            picture[read.key] = read.record
