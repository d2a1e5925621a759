"""One record about one case, written by a person: find the case, write the record, say what was written."""

import asyncio
import json
import uuid
from dataclasses import asdict
from typing import Any, NoReturn

import click

from connectors.kit.running.publish import Publisher
from console.options import Options
from console.topic_reader import newest_by_key, open_topic
from schemas.camera_assignment import CameraAssignment, CaseStatus
from schemas.topics import CAMERA_ASSIGNMENTS, Topic

SOURCE = "console"
# The kind of id that an operator's is, for pseudonyms.
OPERATOR_SCHEME = "operator"
_OVER = (CaseStatus.RELEASED, CaseStatus.DENIED)
# How many ids an ambiguous beginning lists.
_IDS_LISTED = 5


def open_case(ctx: click.Context, case: str, *, also_over: bool = False) -> CameraAssignment:
    """Return the newest version of the open case of this id, or of the only one whose id begins so.

    Ends the command with exit code 1 and a message when there is none.

    Args:
        ctx: the command's context.
        case: the id or its beginning.
        also_over: whether a case that is over, named by its whole id, is given too.
    """
    options: Options = ctx.obj
    full_name = options.full_name()(CAMERA_ASSIGNMENTS.name)
    with open_topic(
        options.client_options(), CAMERA_ASSIGNMENTS, full_name, wanted=lambda key: key.startswith(case)
    ) as reader:
        newest: dict[str, CameraAssignment] = newest_by_key(reader.to_end())
    named = newest.get(case)
    if named is not None and named.status in _OVER and not also_over:
        give_up(ctx, f"case {case} is over ({named.status}: {named.reason}); nothing was written")
    found = {case_id: version for case_id, version in newest.items() if version.status not in _OVER}
    if named is None and len(found) != 1:
        give_up(ctx, _not_one(case, sorted(found)))
    return next(iter(found.values())) if named is None else named


def _not_one(case: str, found: list[str]) -> str:
    if not found:
        return f"no open case {case!r}; 'goldentime watch --once' lists them; nothing was written"
    more = ", .." if len(found) > _IDS_LISTED else ""
    return f"{len(found)} open cases begin with {case!r}: {', '.join(found[:_IDS_LISTED])}{more}; nothing was written"


def give_up(ctx: click.Context, message: str) -> NoReturn:
    """End the command with a message and exit code 1."""
    click.echo(message, err=True)
    ctx.exit(1)


def header(options: Options, case: CameraAssignment) -> dict[str, Any]:
    """Return the fields that every record of a person about a case begins with."""
    now_us = options.settings().clock.now_us()
    return {
        "event_id": f"{SOURCE}:{uuid.uuid4().hex}",
        "source": SOURCE,
        "observed_us": now_us,
        "ingested_us": now_us,
        "exercise": case.exercise,  # an order for a drill is part of the drill
        "case_id": case.case_id,
    }


def actor_ref(options: Options, actor: str | None) -> str | None:
    """Return what is written of the person: with a pseudonym key a pseudonym, without one what was given."""
    pseudonyms = options.connector_settings().pseudonyms
    return actor if actor is None or pseudonyms.key is None else pseudonyms.of(OPERATOR_SCHEME, actor)


def write(options: Options, topic: Topic, record: Any, *, as_json: bool) -> None:
    """Write one record, wait until the broker has it, and print what was written."""
    asyncio.run(_publish(options, topic, record))
    full_name = options.full_name()(topic.name)
    if as_json:
        click.echo(json.dumps({"topic": full_name, "record": asdict(record)}, ensure_ascii=False))
    else:
        click.echo(f"written to {full_name} for case {record.case_id} as {record.event_id}")


async def _publish(options: Options, topic: Topic, record: Any) -> None:
    async with Publisher(options.connector_settings()) as publisher:
        await publisher.publish_all(topic, [record], source=SOURCE)
