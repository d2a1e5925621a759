"""``goldentime worker``: decides which cameras to look through."""

from typing import TYPE_CHECKING, cast

import click

from console.interrupts import leave_at_once
from console.options import Options
from console.topic_reader import require_broker

if TYPE_CHECKING:
    from topologies.decisions import DecisionEngine

# Where everything starts at once, the broker may be a little later than its workers.
BROKER_WAIT_S = 10.0


@click.command(epilog="Example: goldentime --broker localhost:9092 --city seoul worker")
@click.option(
    "--web-port", type=click.IntRange(0, 65_535), help="Port of /metrics, /readyz and /status; 0 takes a free one."
)
@click.pass_context
def worker(ctx: click.Context, web_port: int | None) -> None:
    """Run a worker of the city until Ctrl-C or SIGTERM.

    It creates missing topics, compiles what needs compiling (once per version, about a minute), loads the camera table
    and the city's map, says when it is ready, and then decides on every record. Start as many as there are partitions;
    they share the work. All settings are GOLDENTIME_* variables.
    """
    with leave_at_once():
        # Loads Faust and the engine, which no other command needs.
        from topologies.city_engine import engine_for  # noqa: PLC0415
        from topologies.golden_time import terms_of  # noqa: PLC0415
        from topologies.projection_files import load_access  # noqa: PLC0415
        from topologies.settings import settings_from  # noqa: PLC0415
        from topologies.worker import run_worker  # noqa: PLC0415

    options: Options = ctx.obj
    web = {} if web_port is None else {"GOLDENTIME_WEB_PORT": str(web_port)}
    settings, city = settings_from(options.environment() | web), options.load_city()
    access = load_access(city.folder, city.policy)
    require_broker(options.client_options(), wait_s=BROKER_WAIT_S)
    # It takes back only the cameras and states that it made itself, which the protocol's types cannot say.
    engine = cast("DecisionEngine", engine_for(city, settings.cache_dir))
    terms = terms_of(city)
    ctx.exit(run_worker(settings, prefix=city.prefix, city=city.name, engine=engine, access=access, terms=terms))
