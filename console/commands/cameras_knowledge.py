"""``goldentime cameras knowledge``: what looks have taught about a camera, and forgetting it."""

import asyncio
import base64
import json
import uuid
from dataclasses import asdict
from zoneinfo import ZoneInfo

import click

from connectors.kit.running.publish import Publisher
from console.case_input import SOURCE, actor_ref
from console.options import Options
from console.topic_reader import newest_by_key, open_topic
from console.wording import date_and_time
from pipeline.learning.knowledge import explained
from schemas.camera_knowledge import CameraKnowledge, CameraObservation
from schemas.topics import CAMERA_KNOWLEDGE, CAMERA_OBSERVATIONS


@click.group(epilog="Example: goldentime --city seoul cameras knowledge show cctv-0123456789abcdef")
def knowledge() -> None:
    """Show what looks have taught about a camera, or have it forgotten."""


@knowledge.command(epilog="Example: goldentime --city seoul cameras knowledge show cctv-0123456789abcdef --json")
@click.argument("camera_id", metavar="CAMERA")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON; its evidence in base64.")
@click.pass_context
def show(ctx: click.Context, camera_id: str, as_json: bool) -> None:
    """Say in sentences what looks have taught about a camera beyond its registry. Exit code 1: nothing is known."""
    options: Options = ctx.obj
    known = _newest(options, camera_id)
    if known is None:
        click.echo(f"nothing was learned about camera {camera_id!r}: the registry counts", err=True)
        ctx.exit(1)
    if as_json:
        fields = asdict(known) | {"evidence": base64.b64encode(known.evidence).decode()}
        click.echo(json.dumps(fields, ensure_ascii=False))
        return
    zone = ZoneInfo(options.load_city().time_zone)
    click.echo(f"{camera_id}, learned from {date_and_time(known.since_us, zone)} to "
               f"{date_and_time(known.updated_us, zone)}")  # fmt: skip
    for sentence in explained(known):
        click.echo(f"  {sentence}")
    if known.reset_by:
        click.echo(f"  Last forgotten by order of {known.reset_by}.")


@knowledge.command(epilog="Example: goldentime --city seoul cameras knowledge reset cctv-0123456789abcdef --actor op-7")
@click.argument("camera_id", metavar="CAMERA")
@click.option("--actor", metavar="ID", required=True,
              help="Who orders it: becomes a pseudonym where a key is set, else is written as given.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_context
def reset(ctx: click.Context, camera_id: str, actor: str, as_json: bool) -> None:
    """Have everything forgotten that looks have taught about a camera: its registry counts again.

    For a camera that was moved, turned or repaired while its registry entry stayed the same. Exit code 1: nothing was
    known, and nothing was written.
    """
    options: Options = ctx.obj
    if not actor:
        raise click.UsageError("--actor must not be empty")
    if _newest(options, camera_id) is None:
        click.echo(f"nothing was learned about camera {camera_id!r}; nothing was written", err=True)
        ctx.exit(1)
    order = CameraObservation(
        event_id=f"{SOURCE}:{uuid.uuid4().hex}",
        camera_id=camera_id,
        observed_us=options.settings().clock.now_us(),
        evidence=b"",
        reset_by=actor_ref(options, actor),
    )
    asyncio.run(_publish(options, order))
    topic = options.full_name()(CAMERA_OBSERVATIONS.name)
    if as_json:
        told = {"topic": topic, "event_id": order.event_id, "camera_id": camera_id, "reset_by": order.reset_by}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"written to {topic} for camera {camera_id} as {order.event_id}")


def _newest(options: Options, camera_id: str) -> CameraKnowledge | None:
    topic = options.full_name()(CAMERA_KNOWLEDGE.name)
    with open_topic(options.client_options(), CAMERA_KNOWLEDGE, topic, wanted=lambda key: key == camera_id) as reader:
        known: CameraKnowledge | None = newest_by_key(reader.to_end()).get(camera_id)
    return known


async def _publish(options: Options, order: CameraObservation) -> None:
    async with Publisher(options.connector_settings()) as publisher:
        await publisher.publish_all(CAMERA_OBSERVATIONS, [order], source=SOURCE)
