"""``goldentime broker``: the embedded broker in the foreground."""

import signal
import sys
from types import FrameType

import click

from console.embedded_broker import EmbeddedBroker


@click.command(epilog="Example: goldentime broker --port 9092")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=9092,
    show_default=True,
    help="Loopback port; 0 takes a free one.",
)
def broker(port: int) -> None:
    """Run the embedded broker until Ctrl-C, for development and trials.

    It keeps all topics in memory: what it holds is gone when it ends. For real use run Apache Kafka 4.
    """
    signal.signal(signal.SIGTERM, _leave)
    with EmbeddedBroker(port or None) as embedded:
        click.echo(f"broker at {embedded.bootstrap_servers}, in memory: its log ends with this process (Ctrl-C)")
        code = embedded.wait()
    raise click.ClickException(f"the broker ended by itself with code {code}")


def _leave(number: int, frame: FrameType | None) -> None:
    """End as a shell expects of a process that was asked to terminate."""
    sys.exit(128 + number)
