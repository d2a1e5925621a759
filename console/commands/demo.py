"""``goldentime demo``: the main job in one command."""

from pathlib import Path

import click

from console.interrupts import leave_at_once
from console.options import Options


@click.command(epilog="Example: goldentime demo --stay")
@click.option("--stay", is_flag=True, help="Keep running, story after story, until Ctrl-C.")
@click.option("--seed", type=click.IntRange(0, 9_999), default=1, show_default=True, help="Chooses city and story.")
@click.option(
    "--speed",
    type=click.FloatRange(1, 120),
    default=60.0,
    show_default=True,
    help="How many times faster than life; 60 shows 36 minutes in 36 seconds.",
)
@click.option(
    "--registry",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Play among the cameras of a real registry file, around a place of typical density.",
)
@click.option(
    "--streets/--no-streets", default=True, show_default=True, help="Whether the worker knows the story's streets."
)
@click.option(
    "--broker-port",
    type=click.IntRange(1024, 65_535),
    metavar="PORT",
    help="Where its broker listens, instead of any port.",
)
@click.option(
    "--web-port",
    type=click.IntRange(1024, 65_535),
    metavar="PORT",
    help="Where its worker answers (schemas, metrics), instead of any port.",
)
@click.pass_context
def demo(
    ctx: click.Context,
    *,
    stay: bool,
    seed: int,
    speed: float,
    registry: Path | None,
    streets: bool,
    broker_port: int | None,
    web_port: int | None,
) -> None:
    """Show the main job: a made-up city, alarms in, camera assignments out.

    Starts an embedded broker, a worker and connectors, plays a story (robbery, fire, flood, a missing child, a person
    with dementia), prints each decision as it is made, sums up, and ends by itself. Nothing is left behind.

    The summary says for how much of the walk the assigned cameras truly showed the person with dementia, and what as
    many of the nearest cameras would have shown. With --registry the cameras are real and the streets between them are
    made up.

    Consumers can read along: it says where. With --broker-port and --web-port they need not ask.
    """
    with leave_at_once():
        # Loads the worker's settings and Kafka clients, which --help does not need.
        from console.demo.run import DemoOptions, run_demo  # noqa: PLC0415

    options: Options = ctx.obj
    demo_options = DemoOptions(
        cities_dir=options.cities_dir,
        seed=seed,
        speed=speed,
        stay=stay,
        registry=registry,
        streets=streets,
        broker_port=broker_port,
        web_port=web_port,
    )
    ctx.exit(run_demo(demo_options))
