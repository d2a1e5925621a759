"""Calling ``goldentime`` in this process."""

from click.testing import CliRunner, Result

from console.commands import goldentime
from console.embedded_broker import EmbeddedBroker


def call(*arguments: str, broker: EmbeddedBroker | None = None, city: str = "demo") -> Result:
    """Return what a command printed and its exit code."""
    address = "127.0.0.1:1" if broker is None else broker.bootstrap_servers
    return CliRunner().invoke(goldentime, ["--broker", address, "--city", city, *arguments])
