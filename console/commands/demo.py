"""``goldentime demo``: the main job in one command."""

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
@click.pass_context
def demo(ctx: click.Context, stay: bool, seed: int, speed: float) -> None:
    """Show the main job: a made-up city, alarms in, camera assignments out.

    Starts an embedded broker, a worker and connectors, plays a story (robbery, fire, flood, a missing child, a person
    with dementia), prints each decision as it is made, sums up, and ends by itself. Nothing is left behind.
    """
    with leave_at_once():
        # Loads the worker's settings and Kafka clients, which --help does not need.
        from console.demo.run import DemoOptions, run_demo  # noqa: PLC0415

    options: Options = ctx.obj
    ctx.exit(run_demo(DemoOptions(cities_dir=options.cities_dir, seed=seed, speed=speed, stay=stay)))
