"""One module per command of ``goldentime``; each is loaded when it is called, so that ``--help`` is quick."""

import importlib
import logging
from pathlib import Path
from typing import Any

import click

from connectors.kit.errors import ConnectorError
from console.errors import ConsoleError
from console.interrupts import leave_at_once
from console.options import DEFAULT_BROKER, DEFAULT_CITIES_DIR, DEFAULT_CITY, Options
from pipeline.errors import PolicyError
from topologies.errors import TopologyError

# In the order a newcomer meets them; each is a click command in the module of its name.
COMMANDS = (
    "demo",
    "broker",
    "worker",
    "topics",
    "city",
    "cameras",
    "connect",
    "watch",
    "explain",
    "sighting",
    "order",
    "audit",
    "replay",
    "what-if",
    "report",
)
_FOR_PEOPLE = (ConsoleError, ConnectorError, PolicyError, TopologyError)


class CannotRunError(click.ClickException):
    """The command cannot do what was asked; printed as one message, without a traceback."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the message to standard error."""
        click.echo(f"goldentime: {self.format_message()}", file=file, err=file is None)


class Commands(click.Group):
    """The group of all commands; turns the project's errors into messages for people."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, loading its module."""
        if cmd_name not in COMMANDS:
            return None
        with leave_at_once():
            name = cmd_name.replace("-", "_")
            command: click.Command = getattr(importlib.import_module(f"console.commands.{name}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except _FOR_PEOPLE as error:
            raise CannotRunError(str(error)) from error


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with: goldentime demo",
)
@click.option(
    "--broker",
    envvar="GOLDENTIME_BOOTSTRAP_SERVERS",
    default=DEFAULT_BROKER,
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="Kafka to talk to; several with commas.",
)
@click.option(
    "--city",
    envvar="GOLDENTIME_CITY",
    default=DEFAULT_CITY,
    show_default=True,
    show_envvar=True,
    metavar="NAME",
    help="Folder of the city in the cities folder.",
)
@click.option(
    "--cities-dir",
    envvar="GOLDENTIME_CITIES_DIR",
    type=click.Path(path_type=Path),
    default=DEFAULT_CITIES_DIR,
    show_envvar=True,
    metavar="FOLDER",
    help="Where the cities' folders are.",
)
@click.version_option(package_name="goldentime")
@click.pass_context
def goldentime(ctx: click.Context, broker: str, city: str, cities_dir: Path) -> None:
    """Alarms in, camera assignments out: which cameras to look through now, at what, why and until when."""
    # Client libraries log every try to reach a broker; the commands say it once, in their own words.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("connectors").setLevel(logging.ERROR)
    ctx.obj = Options(broker, city, cities_dir)
