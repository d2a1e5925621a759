"""What all commands share: which broker, which city, and how they are named."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # these load Kafka clients and geometry, which --help does not need
    from connectors.kit.settings import ConnectorSettings
    from topologies.city_files import City
    from topologies.settings import Settings

DEFAULT_BROKER = "127.0.0.1:9092"
DEFAULT_CITY = "seoul"
# The product runs from its checkout: the cities lie beside this package.
DEFAULT_CITIES_DIR = Path(__file__).resolve().parents[1] / "cities"


_SETTING = "GOLDENTIME_"


def environment_without_settings() -> dict[str, str]:
    """Return the variables of this process that are none of ours, for children that get settings of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTING)}


@dataclass(frozen=True, slots=True)
class Options:
    """The global options of a call.

    Attributes:
        broker: ``host:port``, or several with commas.
        city: name of the city's folder.
        cities_dir: where the cities' folders are.
    """

    broker: str
    city: str
    cities_dir: Path

    def environment(self) -> dict[str, str]:
        """Return the ``GOLDENTIME_*`` variables of this process with the options in them; children get the same."""
        given = {name: value for name, value in os.environ.items() if name.startswith(_SETTING)}
        return given | {
            "GOLDENTIME_BOOTSTRAP_SERVERS": self.broker,
            "GOLDENTIME_CITY": self.city,
            "GOLDENTIME_CITIES_DIR": str(self.cities_dir),
        }

    def settings(self) -> "Settings":
        """Return the settings by environment and options.

        Raises:
            topologies.errors.SettingsError: one of them breaks a rule.
        """
        from topologies.settings import settings_from  # noqa: PLC0415 - see above

        return settings_from(self.environment())

    def load_city(self) -> "City":
        """Return the city.

        Raises:
            pipeline.errors.PolicyError: there is none of this name, or a file of it is wrong.
        """
        from topologies.city_files import load_city  # noqa: PLC0415 - see above

        return load_city(self.cities_dir, self.city)

    def client_options(self) -> dict[str, Any]:
        """Return how to reach the broker, in the words of kafka-python and aiokafka."""
        from topologies.connection import client_options  # noqa: PLC0415 - see above

        return client_options(self.settings())

    def connector_settings(self) -> "ConnectorSettings":
        """Return what connectors are told: broker, the city's topic prefix, clock and pseudonym key.

        Raises:
            connectors.kit.errors.ConnectorConfigError: a variable is wrong.
        """
        from connectors.kit.settings import settings_from  # noqa: PLC0415 - see above

        return settings_from(self.environment() | {"GOLDENTIME_TOPIC_PREFIX": self.load_city().prefix})

    def full_name(self) -> "Callable[[str], str]":
        """Return the function from a topic's name to its name in the city."""
        from schemas.topics import prefixed  # noqa: PLC0415 - see above

        return prefixed(self.load_city().prefix)
