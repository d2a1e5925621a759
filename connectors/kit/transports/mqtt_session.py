"""The MQTT session: acknowledgement by hand, on top of aiomqtt, which itself acknowledges on receipt.

``aiomqtt.Client`` keeps the paho client it wraps in ``_client``; paho can leave QoS 1 messages unacknowledged until
told (``manual_ack_set``, ``ack``). This module is the only place that knows of it, and a test watches that it stays
true.
"""

import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import choice_option, flag_option, names_option, number_option, text_option
from connectors.kit.secrets import Secret

MQTT_OPTIONS = frozenset(
    {
        "host", "port", "client_id", "topic_filters", "username", "password_file", "password_env", "tls", "ca_file",
        "certificate_file", "key_file", "qos", "keepalive_s", "acknowledge", "max_payload_bytes",
    }
)  # fmt: skip
HANDED_OVER, PUBLISHED = "handed-over", "published"
# Messages without acknowledgement (QoS 0) that may wait; more are dropped, as QoS 0 allows. What is sent with QoS 1
# is bounded by the broker (mosquitto: max_inflight_messages, 20).
MAX_WAITING_MESSAGES = 20_000
CONNECT_TIMEOUT_S = 5.0
# A stop waits this long for the broker's answer to the farewell.
FAREWELL_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """The broker, the login and what is subscribed to; ``options.toml`` of the transports describes each."""

    host: str
    port: int = 1883
    client_id: str
    topic_filters: tuple[str, ...]
    username: str = ""
    password: Secret
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    qos: int = 1
    keepalive_s: int = 30
    acknowledge: str = PUBLISHED
    max_payload_bytes: int = 16_384

    @classmethod
    def from_options(
        cls, options: Mapping[str, Any], *, client_id: str, topic_filters: tuple[str, ...] = ()
    ) -> "MqttConfig":
        """Return what the options of :data:`MQTT_OPTIONS` say.

        Args:
            options: the connector's options.
            client_id: id of the session where no option names one.
            topic_filters: what is subscribed to where no option says so.

        Raises:
            ConnectorConfigError: an option is missing or wrong, or two contradict each other.
        """
        tls = flag_option(options, "tls", default=False)
        config = cls(
            host=text_option(options, "host"),
            port=int(number_option(options, "port", 8883 if tls else 1883, least=1, most=65_535)),
            client_id=text_option(options, "client_id", "") or client_id,
            topic_filters=names_option(options, "topic_filters") or topic_filters,
            username=text_option(options, "username", ""),
            password=Secret.from_options(options, "password"),
            tls=tls,
            ca_file=text_option(options, "ca_file", ""),
            certificate_file=text_option(options, "certificate_file", ""),
            key_file=text_option(options, "key_file", ""),
            qos=int(number_option(options, "qos", 1, least=0, most=1)),
            keepalive_s=int(number_option(options, "keepalive_s", 30, least=5, most=3600)),
            acknowledge=choice_option(options, "acknowledge", PUBLISHED, (HANDED_OVER, PUBLISHED)),
            max_payload_bytes=int(number_option(options, "max_payload_bytes", 16_384, least=256, most=1_048_576)),
        )
        config._check()
        return config

    def _check(self) -> None:
        """Raise ``ConnectorConfigError`` where options contradict each other or name what is not there."""
        if not self.client_id:
            raise ConnectorConfigError("option client_id must not be empty: the broker keeps the session under it")
        if not self.topic_filters:
            raise ConnectorConfigError("option topic_filters must name what to subscribe to, got none")
        if self.password.is_named and not self.username:
            raise ConnectorConfigError("option username is required with a password")
        for name, path in (("ca_file", self.ca_file), ("certificate_file", self.certificate_file)):
            if path and not self.tls:
                raise ConnectorConfigError(f"option {name} needs option tls = true")
            if path and not Path(path).is_file():
                raise ConnectorConfigError(f"option {name} names a file that is not there: {path}")


@dataclass(slots=True)
class _Pending:
    number: int
    message_id: int
    is_done: bool = False


class MqttSession(aiomqtt.Client):
    """An MQTT session whose messages stay the broker's until they are acknowledged, in their order.

    Args:
        config: broker and login.
        keep: whether the broker keeps the session, and what comes for it, while nobody is connected.
    """

    def __init__(self, config: MqttConfig, keep: bool = True) -> None:
        super().__init__(
            config.host,
            config.port,
            username=config.username or None,
            password=config.password.read(),
            identifier=config.client_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=not keep,
            timeout=CONNECT_TIMEOUT_S,
            keepalive=config.keepalive_s,
            max_queued_incoming_messages=MAX_WAITING_MESSAGES,
            tls_context=_tls_context(config),
        )
        self._client.manual_ack_set(True)
        self._pending: deque[_Pending] = deque()

    def received(self, number: int, message: aiomqtt.Message) -> None:
        """Remember that a message waits for its acknowledgement; ``number`` grows from message to message."""
        if message.qos > 0:
            self._pending.append(_Pending(number, message.mid))

    def settle(self, first: int, last: int) -> None:
        """Settle the messages numbered ``first`` to ``last``.

        The broker is told in the order in which it sent them (MQTT 3.1.1, 4.6), so a settled message waits for those
        before it.
        """
        for pending in self._pending:
            if pending.number > last:
                break
            pending.is_done = pending.is_done or pending.number >= first
        while self._pending and self._pending[0].is_done:
            self._client.ack(self._pending.popleft().message_id, 1)


def _tls_context(config: MqttConfig) -> ssl.SSLContext | None:
    if not config.tls:
        return None
    context = ssl.create_default_context(cafile=config.ca_file or None)
    if config.certificate_file:
        context.load_cert_chain(config.certificate_file, config.key_file or None)
    return context
