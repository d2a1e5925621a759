"""The options of the OwnTracks connector."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import flag_option, names_option, number_option, refuse_unknown, text_option
from connectors.kit.transports.mqtt_session import MQTT_OPTIONS, MqttConfig
from connectors.owntracks.parse import ALL_ZONES

_OWN = frozenset({"topic_root", "safe_zones", "default_accuracy_m", "future_tolerance_s", "no_contact_alerts"})


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    mqtt: MqttConfig
    topic_root: str = "owntracks"
    safe_zones: tuple[str, ...] = (ALL_ZONES,)
    default_accuracy_m: float = 100.0
    future_tolerance_s: float = 300.0
    no_contact_alerts: bool = True

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, MQTT_OPTIONS | _OWN)
        root = text_option(options, "topic_root", "owntracks").strip("/")
        if not root or any(sign in root for sign in "+#"):
            raise ConnectorConfigError("option topic_root must be a topic without + and #")
        filters = (f"{root}/+/+", f"{root}/+/+/event")
        return cls(
            mqtt=MqttConfig.from_options(options, client_id="goldentime-owntracks", topic_filters=filters),
            topic_root=root,
            safe_zones=names_option(options, "safe_zones") if "safe_zones" in options else (ALL_ZONES,),
            default_accuracy_m=number_option(options, "default_accuracy_m", 100.0, least=1, most=5000),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            no_contact_alerts=flag_option(options, "no_contact_alerts", default=True),
        )
