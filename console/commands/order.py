"""``goldentime order``: what an operator orders for a case."""

import click

from console.case_input import actor_ref, give_up, header, open_case, write
from console.options import Options
from pipeline.reading.event_rules import ORDER_REASON_LENGTH_MAX, ORDERS_OF_CAMERAS
from schemas.operator_command import Command, OperatorCommand
from schemas.topics import OPERATOR_COMMANDS

_COMMANDS = [command.value for command in Command if command != Command.OTHER]


@click.command(
    epilog="Example: goldentime --city demo order police_112:2026-000017 extend --actor op-7 --reason still-searching"
)
@click.argument("case")
@click.argument("command", type=click.Choice(_COMMANDS))
@click.option("--camera", metavar="ID", help="The camera, for take-over, resume, exclude-camera and pin-camera.")
@click.option("--actor", metavar="ID", required=True,
              help="Who orders it: becomes a pseudonym where a key is set, else is written as given.")  # fmt: skip
@click.option("--reason", default="unspecified", show_default=True,
              help="Why, in a word or two of the city's list; never a person's data.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@click.pass_context
def order(
    ctx: click.Context, case: str, command: str, *, camera: str | None, actor: str, reason: str, as_json: bool
) -> None:
    """Order something for an open case.

    \b
    release          stop looking; the next word of the source opens the case again
    close            end the case; only a new report opens it again
    extend           give it a new lease, at most up to the city's age limit
    take-over        turn the camera's head by hand from now on
    resume           give the head back
    exclude-camera   do not choose the camera for this case
    pin-camera       keep the camera on the list, or take an exclusion back

    CASE is the id of an open case or the beginning of one. Exit code 1: there is no such open case, or it does not
    hold the camera whose head is to be taken over; nothing was written.
    """  # noqa: D301 - \b tells click to keep the lines
    options: Options = ctx.obj
    if (command in ORDERS_OF_CAMERAS) != bool(camera):
        needs = "needs" if command in ORDERS_OF_CAMERAS else "takes no"
        raise click.UsageError(f"{command} {needs} --camera")
    if not actor or len(reason) > ORDER_REASON_LENGTH_MAX:
        raise click.UsageError(f"--actor must not be empty, --reason has at most {ORDER_REASON_LENGTH_MAX} characters")
    # A head must be given back even when the case that it was taken for is over.
    found = open_case(ctx, case, also_over=command == Command.RESUME)
    if command == Command.TAKE_OVER and camera not in {held.camera_id for held in found.cameras}:
        give_up(ctx, f"case {found.case_id} does not hold camera {camera}; nothing was written")
    record = OperatorCommand(
        **header(options, found),
        command=command,
        camera_id=camera,
        actor_ref=actor_ref(options, actor) or "",
        reason=reason,
    )
    write(options, OPERATOR_COMMANDS, record, as_json=as_json)
