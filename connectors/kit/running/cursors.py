"""How far each connector has read its source, in the compacted topic ``connector-cursors``.

A cursor is written after the broker has acknowledged every record up to it, so after a restart nothing is missing and a
few records may come twice, with the event ids they had. Beside it lies what the connector remembers of cases, under
``<connector>/…``; see ``kit/memory.py``.
"""

import asyncio
import threading
import time
from typing import Protocol

from kafka import TopicPartition
from kafka.errors import KafkaError

from connectors.kit.errors import BrokerUnavailableError, ConnectorConfigError
from connectors.kit.running.consumer import connected_consumer
from connectors.kit.running.publish import Publisher
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Accepted
from schemas.codec import decode
from schemas.connector_cursor import ConnectorCursor
from schemas.errors import RecordDecodeError
from schemas.topics import CONNECTOR_CURSORS, prefixed

# The topic holds a small record per connector, one per case that a connector remembers (``kit/memory.py``), and older
# versions of the last hour: 50,000 records are read in 2 s.
READ_LIMIT_S = 30.0
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
        given_up = threading.Event()
        try:
            return await asyncio.to_thread(self._read, connector, given_up)
        finally:
            given_up.set()  # a stop must not wait for the thread

    async def write(self, cursor: ConnectorCursor) -> None:
        """Publish a cursor and wait until the broker has acknowledged it.

        Raises:
            BrokerUnavailableError: it could not be delivered.
        """
        outbox = self._publisher.outbox()
        await self._publisher.put(outbox, Accepted(CONNECTOR_CURSORS, cursor), source=SOURCE_NAME)
        await outbox.drain()

    def _read(self, connector: str, given_up: threading.Event) -> ConnectorCursor | None:
        topic = prefixed(self._settings.topic_prefix)(CONNECTOR_CURSORS.name)
        try:
            payload = _newest_value(self._settings, TopicPartition(topic, 0), connector.encode(), given_up)
        except KafkaError as error:
            raise BrokerUnavailableError(f"{topic} cannot be read: {type(error).__name__}") from error
        if payload is None:
            return None
        try:
            return decode(ConnectorCursor, payload)
        except RecordDecodeError as error:
            raise ConnectorConfigError(f"{topic} holds no cursor for {connector}: {error}") from error


def _newest_value(
    settings: ConnectorSettings, partition: TopicPartition, key: bytes, given_up: threading.Event
) -> bytes | None:
    """Return the newest value of a key; None for a tombstone or a key that is not there."""
    consumer = connected_consumer(settings, group_id=None)
    newest: bytes | None = None
    deadline_s = time.monotonic() + READ_LIMIT_S
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        # The end is what the fetch answers tell: the embedded broker answers a wrong end when it is asked for it.
        end: int | None = None
        while end is None or (consumer.position(partition, timeout_ms=_POLL_MS) or 0) < end:
            if given_up.is_set() or time.monotonic() > deadline_s:
                raise BrokerUnavailableError(f"{partition.topic} was not read to its end within {READ_LIMIT_S:g} s")
            for records in consumer.poll(_POLL_MS, max_records=1_000).values():
                for record in records:
                    if record.key == key:
                        newest = record.value
            end = consumer.highwater(partition)
    finally:
        consumer.close(autocommit=False, timeout_ms=500)
    return newest
