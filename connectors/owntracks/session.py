"""The MQTT session: acknowledgement by hand, on top of aiomqtt, which itself acknowledges on receipt.

``aiomqtt.Client`` keeps the paho client it wraps in ``_client``; paho can leave QoS 1 messages unacknowledged until
told (``manual_ack_set``, ``ack``). This module is the only place that knows of it, and a test watches that it stays
true.
"""

import ssl
from collections import deque
from dataclasses import dataclass

import aiomqtt

from connectors.owntracks.config import Config

# Messages without acknowledgement (QoS 0) that may wait; more are dropped, as QoS 0 allows. What is sent with QoS 1
# is bounded by the broker (mosquitto: max_inflight_messages, 20).
MAX_WAITING_MESSAGES = 20_000
CONNECT_TIMEOUT_S = 5.0
# A stop waits this long for the broker's answer to the farewell.
FAREWELL_TIMEOUT_S = 1.0


@dataclass(slots=True)
class _Pending:
    number: int
    message_id: int
    is_done: bool = False


class Session(aiomqtt.Client):
    """A persistent MQTT session whose messages stay the broker's until they are acknowledged, in their order."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            config.host,
            config.port,
            username=config.username or None,
            password=config.password(),
            identifier=config.client_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=False,
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


def _tls_context(config: Config) -> ssl.SSLContext | None:
    if not config.tls:
        return None
    context = ssl.create_default_context(cafile=config.ca_file or None)
    if config.certificate_file:
        context.load_cert_chain(config.certificate_file, config.key_file or None)
    return context
