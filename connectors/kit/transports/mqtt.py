"""Messages of an MQTT broker, acknowledged to it when their records stand in Kafka."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import aiomqtt

from connectors.kit.arrival import AnswersPayloads, Arrival, with_cursor
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import SourceUnavailableError
from connectors.kit.source import Entry
from connectors.kit.transports.mqtt_session import FAREWELL_TIMEOUT_S, HANDED_OVER, PUBLISHED, MqttConfig, MqttSession


class MqttLink:
    """A subscription at work for one connector.

    The position is the broker's: it keeps a session under the client id and sends again what was not acknowledged, so
    ``entries`` needs no cursor. The entries' cursors count messages and serve :meth:`acknowledged`. With the option
    ``acknowledge`` at ``handed-over`` there are none: what is handed over is not given again.

    Args:
        config: broker, login, subscription.
        connector: reads the messages.
        context: gives the clock.
        open_session: makes the session.
    """

    def __init__(
        self,
        config: MqttConfig,
        connector: AnswersPayloads,
        context: ConnectorContext,
        open_session: Callable[[MqttConfig, bool], MqttSession] = MqttSession,
    ) -> None:
        self._config = _of_trial(config) if context.is_trial else config
        self._keeps_session = not context.is_trial
        self._connector = connector
        self._clock = context.clock
        self._open_session = open_session
        self._session: MqttSession | None = None
        self._number = 0

    @property
    def is_connected(self) -> bool:
        """Return whether messages come in now."""
        return self._session is not None

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of each message, for ever; ``cursor`` is not needed.

        Raises:
            SourceUnavailableError: the broker does not answer, refuses the login or the subscription, or is gone.
        """
        del cursor
        config = self._config
        session = self._open_session(config, self._keeps_session)
        try:
            async with session:
                await self._subscribe(session)
                session.timeout = FAREWELL_TIMEOUT_S
                self._session = session
                async for message in session.messages:
                    self._number += 1
                    number = self._number
                    session.received(number, message)
                    arrival = Arrival(self._clock.now_us(), number, str(message.topic))
                    entries = self._connector.answers(bytes(message.payload or b""), arrival)
                    if not entries:
                        session.settle(number, number)
                        continue
                    published = config.acknowledge == PUBLISHED
                    cursors = (str(number), str(number - 1)) if published else (None, None)
                    for entry in with_cursor(entries, *cursors):
                        yield entry
                    if config.acknowledge == HANDED_OVER:
                        session.settle(number, number)
        except aiomqtt.MqttError as error:
            raise SourceUnavailableError(f"MQTT broker {config.host}:{config.port}: {error}") from error
        finally:
            self._session = None

    def acknowledged(self, cursor: str) -> None:
        """Tell the MQTT broker that all messages up to ``cursor`` are safe. Those of a lost session it sends again."""
        if self._session is not None:
            self._session.settle(0, int(cursor))

    async def _subscribe(self, session: MqttSession) -> None:
        answers = await session.subscribe([(name, self._config.qos) for name in self._config.topic_filters])
        # 128 is the broker's no (MQTT 3.1.1, 3.9.3).
        if any((answer if isinstance(answer, int) else answer.value) >= 128 for answer in answers):
            names = ", ".join(self._config.topic_filters)
            raise SourceUnavailableError(f"the MQTT broker does not allow to read {names}")


def _of_trial(config: MqttConfig) -> MqttConfig:
    """Return the subscription of a trial, from which the real run loses nothing.

    It has a session of its own, which ends with it, so it may acknowledge at once: a broker that hears nothing stops
    after some messages (mosquitto: 20). Of a shared subscription (``$share/<group>/<filter>``) it must take no share.
    """
    filters = tuple(
        name.split("/", 2)[2] if name.startswith("$share/") and name.count("/") >= 2 else name
        for name in config.topic_filters
    )
    client_id = f"{config.client_id}-trial"
    return replace(config, client_id=client_id, topic_filters=filters, acknowledge=HANDED_OVER)
