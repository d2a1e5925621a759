"""How far each connector has read its source, in the compacted topic ``connector-cursors``.

A cursor is written after the broker has acknowledged every record up to it, so after a restart nothing is missing and a
few records may come twice, with the event ids they had.
"""

import asyncio
import time
from typing import Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from connectors.kit.errors import BrokerUnavailableError, ConnectorConfigError
from connectors.kit.running.broker import require_broker
from connectors.kit.running.publish import Publisher
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Accepted
from schemas.codec import decode
from schemas.connector_cursor import ConnectorCursor
from schemas.errors import RecordDecodeError
from schemas.topics import CONNECTOR_CURSORS, prefixed

# The topic holds one small record per connector and some old versions of it; a second is plenty.
READ_LIMIT_S = 10.0
_POLL_MS = 200
SOURCE_NAME = "connector-kit"


class Cursors(Protocol):
    """Where cursors are kept between runs."""

    async def read(self, connector: str) -> ConnectorCursor | None:
        """Return the newest cursor of a connector instance; None if it never had one."""

    async def write(self, cursor: ConnectorCursor) -> None:
        """Keep a cursor; return when it is safe."""


class KafkaCursors:
    """Cursors in Kafka, next to the records they speak of.

    Args:
        settings: broker and prefix.
        publisher: a started publisher.
    """

    def __init__(self, settings: ConnectorSettings, publisher: Publisher) -> None:
        self._settings = settings
        self._publisher = publisher

    async def read(self, connector: str) -> ConnectorCursor | None:
        """Return the newest cursor of a connector instance; None if it never had one.

        Raises:
            BrokerUnavailableError: the topic cannot be read to its end now.
            ConnectorConfigError: what the topic holds for this connector is not a cursor.
        """
        return await asyncio.to_thread(self._read, connector)

    async def write(self, cursor: ConnectorCursor) -> None:
        """Publish a cursor and wait until the broker has acknowledged it.

        Raises:
            BrokerUnavailableError: it could not be delivered.
        """
        outbox = self._publisher.outbox()
        await self._publisher.put(outbox, Accepted(CONNECTOR_CURSORS, cursor), source=SOURCE_NAME)
        await outbox.drain()

    def _read(self, connector: str) -> ConnectorCursor | None:
        topic = prefixed(self._settings.topic_prefix)(CONNECTOR_CURSORS.name)
        require_broker(self._settings)
        try:
            payload = _newest_value(self._settings, TopicPartition(topic, 0), connector.encode())
        except KafkaError as error:
            raise BrokerUnavailableError(f"{topic} cannot be read: {type(error).__name__}") from error
        if payload is None:
            return None
        try:
            return decode(ConnectorCursor, payload)
        except RecordDecodeError as error:
            raise ConnectorConfigError(f"{topic} holds no cursor for {connector}: {error}") from error


def _newest_value(settings: ConnectorSettings, partition: TopicPartition, key: bytes) -> bytes | None:
    """Return the newest value of a key; None for a tombstone or a key that is not there."""
    consumer = KafkaConsumer(
        **settings.client_options(),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
    )
    newest: bytes | None = None
    deadline_s = time.monotonic() + READ_LIMIT_S
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        # The end is what the fetch answers tell: the embedded broker answers a wrong end when it is asked for it.
        end: int | None = None
        while end is None or consumer.position(partition) < end:
            if time.monotonic() > deadline_s:
                raise BrokerUnavailableError(f"{partition.topic} was not read to its end within {READ_LIMIT_S:g} s")
            for records in consumer.poll(_POLL_MS, max_records=1_000).values():
                for record in records:
                    if record.key == key:
                        newest = record.value
            end = consumer.highwater(partition)
    finally:
        consumer.close(autocommit=False, timeout_ms=500)
    return newest
