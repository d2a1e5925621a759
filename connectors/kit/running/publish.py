"""Publishing: the one place where records of connectors become bytes on topics.

Key, partition, headers and time stamp of a record are decided here. Records of one case meet in one partition number of
all case topics, because their keys are hashed the same way (Kafka's murmur2) and their partition counts are checked.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import TracebackType
from typing import Any

from kafka import KafkaProducer
from kafka.errors import AuthorizationError, KafkaError
from kafka.partitioner.default import murmur2

from connectors.kit.errors import BrokerUnavailableError, ConnectorConfigError
from connectors.kit.running.cloud_events import event_headers
from connectors.kit.running.outbox import Message, Outbox
from connectors.kit.running.producer import close_producer, open_producer
from connectors.kit.settings import ConnectorSettings
from connectors.kit.source import Accepted, Entry, Refused
from schemas.codec import encode
from schemas.dead_letter import DeadLetter
from schemas.topics import BY_NAME, CONNECTOR_CURSORS, DEAD_LETTER_SUFFIX, Topic, prefixed

# Kafka takes 1,048,588 bytes with everything around the record; the rest is left for key and headers.
VALUE_BYTES_MAX = 1_000_000
TOO_LARGE = "too-large"
# After this long without the broker a record counts as not delivered and its source is read again.
DELIVERY_TIMEOUT_MS = 120_000
_PROGRESS_EVERY = 1_000


@lru_cache(maxsize=16_384)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key as every Kafka client with the default partitioner computes it."""
    return 0 if partitions == 1 else int((murmur2(key) & 0x7FFFFFFF) % partitions)


class Publisher:
    """One producer for all connectors of a process. Use it as an async context manager, or start and close it.

    Args:
        settings: broker, prefix and clock.
        delivery_timeout_ms: how long the broker may be away before a record counts as not delivered.
        opener: connects a producer; see :func:`connectors.kit.running.producer.open_producer`.
    """

    def __init__(
        self,
        settings: ConnectorSettings,
        *,
        delivery_timeout_ms: int = DELIVERY_TIMEOUT_MS,
        opener: Callable[[ConnectorSettings, int], tuple[KafkaProducer, bool]] = open_producer,
    ) -> None:
        self._opener = opener
        self.idempotent = True
        self._settings = settings
        self._named = prefixed(settings.topic_prefix)
        self._delivery_timeout_ms = delivery_timeout_ms
        self._producer: KafkaProducer | None = None
        self._partitions: dict[str, int] = {}
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> "Publisher":
        """Start it; see :meth:`start`."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; see :meth:`close`."""
        await self.close()

    async def start(self) -> None:
        """Connect to the broker; does nothing when connected.

        Raises:
            BrokerUnavailableError: the broker does not answer within 1.5 s.
            ConnectorConfigError: the broker refuses this process.
        """
        async with self._starting:
            if self._producer is None:
                timeout_ms = self._delivery_timeout_ms
                self._producer, self.idempotent = await asyncio.to_thread(self._opener, self._settings, timeout_ms)

    async def close(self, timeout_s: float = 0.2) -> None:
        """Give up what is not delivered within ``timeout_s`` and free the connection. Safe to call twice."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(close_producer, producer, timeout_s)

    async def give_up(self, outbox: Outbox) -> None:
        """Drop what an outbox could not deliver, and the producer with it; :meth:`start` makes a new one.

        A producer that could not deliver a record is of no further use: kafka-python 3.0.12 forgets its producer id
        then and never asks for another, and Kafka advises to close it. Nothing of the outbox is delivered after this
        returns, so what is read again comes later. Other outboxes of the producer fail, and their runs do the same.
        """
        if outbox.producer is self._producer:
            await self.close(0.0)
        await outbox.settle()

    def outbox(self, **limits: int) -> Outbox:
        """Return a new outbox over this producer; ``limits`` are those of :class:`Outbox`.

        Raises:
            BrokerUnavailableError: the publisher is not started.
        """
        return Outbox(self._started(), **limits)

    async def put(self, outbox: Outbox, entry: Entry, *, source: str) -> bool:
        """Publish an entry by an outbox; return whether it went out as a record (False: as a dead letter).

        Args:
            outbox: the connector's outbox.
            entry: what the source gave.
            source: name of the connector, for dead letters and headers.

        Raises:
            BrokerUnavailableError: the broker does not answer or an earlier record could not be delivered.
            ConnectorConfigError: the topic is not there, not as expected, or forbidden.
            RecordEncodeError: the source built a record that does not fit its schema; that is a bug.
        """
        if isinstance(entry, Refused):
            await self._put_refused(outbox, entry, source)
            return False
        value = None if entry.record is None else encode(entry.record)
        if value is not None and len(value) > VALUE_BYTES_MAX:
            await self._put_refused(outbox, _too_large(entry, len(value)), source)
            return False
        counts = entry.topic is not CONNECTOR_CURSORS
        await outbox.put(await self._message(entry, value, source), cursor=entry.cursor, counts=counts)
        return True

    async def publish_all(
        self,
        topic: Topic,
        records: Iterable[Any],
        *,
        source: str,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Publish many records of one topic as fast as the broker takes them; return how many it acknowledged.

        Args:
            topic: where they go.
            records: instances of ``topic.record``, read lazily.
            source: name of the connector.
            progress: called now and then, and at the end, with how many are acknowledged.

        Raises:
            BrokerUnavailableError: not all could be delivered.
            ConnectorConfigError: the topic is not there, not as expected, or forbidden.
        """
        outbox = self.outbox()
        for number, record in enumerate(records, start=1):
            await self.put(outbox, Accepted(topic, record), source=source)
            if number % _PROGRESS_EVERY == 0:
                if progress is not None:
                    progress(outbox.accepted)
                await asyncio.sleep(0)
        await outbox.drain()
        if progress is not None:
            progress(outbox.accepted)
        return outbox.accepted

    async def _message(self, entry: Accepted, value: bytes | None, source: str) -> Message:
        topic, record, now_us = entry.topic, entry.record, self._settings.clock.now_us()
        if entry.key is None and record is None:
            raise ConnectorConfigError(f"{topic.name}: a tombstone needs a key to say what it removes")
        key = entry.key if entry.key is not None else topic.key_of(record)
        event_id = getattr(record, "event_id", None)
        headers = []
        if event_id is not None:
            time_us = getattr(record, "observed_us", now_us)
            headers = event_headers(record, event_id=event_id, source=source, time_us=time_us)
        partitions = self._partitions.get(topic.name) or await self._open(topic)
        partition = partition_of(key, partitions)
        return Message(self._named(topic.name), partition, key, value, headers, now_us // 1000)

    async def _put_refused(self, outbox: Outbox, entry: Refused, source: str) -> None:
        topic = BY_NAME.get(entry.topic.name + DEAD_LETTER_SUFFIX)
        if topic is None:
            raise ConnectorConfigError(f"{entry.topic.name} has no dead-letter topic, so nothing meant for it can fail")
        now_us = self._settings.clock.now_us()
        letter = DeadLetter(
            source=source,
            origin_topic=entry.topic.name,
            origin_partition=-1,
            origin_offset=entry.number,
            payload=entry.payload[:VALUE_BYTES_MAX],
            reason=entry.reason,
            field=entry.field,
            message=entry.message,
            failed_us=now_us,
        )
        # All letters of a source in one partition, so that they are read in the source's order.
        key = source.encode()
        headers = event_headers(letter, event_id=_letter_id(letter, entry.cursor), source=source, time_us=now_us)
        partitions = self._partitions.get(topic.name) or await self._open(topic)
        message = Message(
            self._named(topic.name), partition_of(key, partitions), key, encode(letter), headers, now_us // 1000
        )
        await outbox.put(message, cursor=entry.cursor, is_refusal=True)

    async def _open(self, topic: Topic) -> int:
        """Return the partition count of a topic after checking that it is what the contract says."""
        name = self._named(topic.name)
        try:
            found = await asyncio.to_thread(self._started().partitions_for, name)
        except AuthorizationError as error:
            raise ConnectorConfigError(f"the broker does not show {name} to this process") from error
        except KafkaError as error:
            raise BrokerUnavailableError(
                f"topic {name}: no answer ({type(error).__name__}); goldentime topics list shows which topics there are"
            ) from error
        if not found:
            raise BrokerUnavailableError(f"topic {name} is not there; goldentime topics create makes it")
        count = len(found)
        others = {n: c for n, c in self._partitions.items() if topic.co_partitioned and BY_NAME[n].co_partitioned}
        for other, other_count in others.items():
            if other_count != count:
                raise ConnectorConfigError(
                    f"{name} has {count} partitions and {self._named(other)} has {other_count}; they must have the "
                    "same number, or the records of a case do not meet"
                )
        if not topic.co_partitioned and count != 1:
            raise ConnectorConfigError(f"{name} must have 1 partition, got {count}")
        self._partitions[topic.name] = count
        return count

    def _started(self) -> KafkaProducer:
        if self._producer is None:
            raise BrokerUnavailableError("the publisher is not connected to the broker")
        return self._producer


def _too_large(entry: Accepted, size_bytes: int) -> Refused:
    return Refused(
        topic=entry.topic,
        reason=TOO_LARGE,
        field=None,
        message=f"a record has at most {VALUE_BYTES_MAX} bytes, got {size_bytes}",
        payload=b"",
        number=0,
        cursor=entry.cursor,
    )


def _letter_id(letter: DeadLetter, cursor: str | None) -> str:
    """Return an id that the same refused entry gets again when it is read again."""
    parts = (letter.origin_topic, letter.origin_offset, cursor, letter.reason, letter.field, letter.message)
    content = repr(parts).encode() + letter.payload
    return f"{letter.source}:dead-letter:{hashlib.sha256(content).hexdigest()[:24]}"
