"""Records of one connector on their way to the broker: in order, acknowledged one after the other, never too many.

kafka-python's producer buffers without a limit and calls back from its own thread. The outbox bounds what waits and
keeps the records' futures in order, so "everything up to here has been acknowledged" is simply how far the front has
moved.
"""

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from kafka import KafkaProducer
from kafka.errors import AuthorizationError, KafkaError

from connectors.kit.errors import BrokerUnavailableError, ConnectorConfigError, ConnectorError
from connectors.kit.running.cloud_events import Headers

# Half a second of the fastest source, and little memory: back-pressure should be felt soon after the broker slows down.
WAITING_RECORDS_MAX = 10_000
WAITING_BYTES_MAX = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A record as the broker gets it.

    Attributes:
        topic: full name, with the city's prefix.
        partition: where it goes.
        key: its Kafka key.
        value: its value in the wire format; None is a tombstone.
        headers: its CloudEvents attributes.
        timestamp_ms: the clock's now, milliseconds since the epoch.
    """

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: Headers
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    future: Any
    topic: str
    size_bytes: int
    cursor: str | None
    is_refusal: bool
    counts: bool
    since_s: float


class Outbox:
    """The records of one connector that the broker has not acknowledged yet.

    Attributes:
        producer: what it hands records to.
        accepted: acknowledged records.
        refused: acknowledged dead letters.
        cursor: the newest cursor up to which everything has been acknowledged; None before the first.
        put_count: how many records were handed to the producer.
        undelivered: how many could not be delivered.
        carries_cursors: whether any record came with a cursor, so that what is not delivered can be read again.
    """

    def __init__(
        self,
        producer: KafkaProducer,
        *,
        records_max: int = WAITING_RECORDS_MAX,
        bytes_max: int = WAITING_BYTES_MAX,
    ) -> None:
        self.accepted = 0
        self.refused = 0
        self.cursor: str | None = None
        self.carries_cursors = False
        self.put_count = 0
        self.undelivered = 0
        self.producer = producer
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        # Those of them that count.
        self._waiting_entries = 0
        self._failure: ConnectorError | None = None

    @property
    def waiting(self) -> int:
        """Return how many records are not acknowledged yet."""
        return len(self._waiting)

    @property
    def waited_s(self) -> float:
        """Return since when the oldest record that is not acknowledged waits, seconds; 0 where none does."""
        return time.monotonic() - self._waiting[0].since_s if self._waiting else 0.0

    @property
    def acknowledged(self) -> int:
        """Return how many records and dead letters the broker has acknowledged."""
        return self.accepted + self.refused

    async def put(
        self, message: Message, *, cursor: str | None = None, is_refusal: bool = False, counts: bool = True
    ) -> None:
        """Hand a record to the producer, as soon as there is room.

        Args:
            message: the record.
            cursor: the source's position after it.
            is_refusal: whether it is a dead letter.
            counts: whether it is an entry of the source's system. What a connector remembers is none: it goes out when
                all entries before it are safe, or after a crash it would know of events that nobody was told.

        Raises:
            BrokerUnavailableError: an earlier record could not be delivered; nothing more goes out by this outbox.
            ConnectorConfigError: the broker forbids it.
        """
        size_bytes = len(message.key) + len(message.value or b"")
        self.collect()
        while not counts and self._waiting_entries:
            await _settled(self._waiting[0].future)
            self.collect()
        while self._waiting and (
            len(self._waiting) >= self._records_max or self._waiting_bytes + size_bytes > self._bytes_max
        ):
            await _settled(self._waiting[0].future)
            self.collect()
        # No await from here on: a record that was sent is always counted.
        try:
            future = self.producer.send(
                message.topic,
                value=message.value,
                key=message.key,
                headers=message.headers,
                partition=message.partition,
                timestamp_ms=message.timestamp_ms,
            )
        except KafkaError as error:  # among others: another outbox has given the producer up
            self._failure = _failure(message.topic, error)
            raise self._failure from error
        self._waiting.append(_Waiting(future, message.topic, size_bytes, cursor, is_refusal, counts, time.monotonic()))
        self._waiting_bytes += size_bytes
        self._waiting_entries += counts
        self.put_count += 1
        self.carries_cursors = self.carries_cursors or cursor is not None

    def collect(self) -> None:
        """Take note of what the broker has acknowledged since the last call.

        Raises:
            BrokerUnavailableError: a record could not be delivered in time.
            ConnectorConfigError: the broker forbids it.
        """
        if self._failure is not None:
            raise self._failure
        while self._waiting and self._waiting[0].future.is_done:
            done = self._waiting.popleft()
            self._waiting_bytes -= done.size_bytes
            self._waiting_entries -= done.counts
            if done.future.exception is not None:
                self.undelivered += 1
                self._failure = _failure(done.topic, done.future.exception)
                raise self._failure
            if done.is_refusal:
                self.refused += 1
            elif done.counts:
                self.accepted += 1
            if done.cursor is not None:
                self.cursor = done.cursor

    async def drain(self) -> None:
        """Wait until everything has been acknowledged; cancel it to wait no longer.

        Raises:
            BrokerUnavailableError: a record could not be delivered in time.
            ConnectorConfigError: the broker forbids it.
        """
        self.collect()
        while self._waiting:
            await _settled(self._waiting[0].future)
            self.collect()

    async def settle(self) -> None:
        """Wait until the fate of everything is known, delivered or not, so that a repeat comes after it.

        The cursor stays where it was at the first failure.
        """
        while self._waiting:
            done = self._waiting.popleft()
            await _settled(done.future)
            self.undelivered += done.future.exception is not None


def _failure(topic: str, error: BaseException) -> ConnectorError:
    if isinstance(error, AuthorizationError):
        return ConnectorConfigError(f"the broker does not let this process write to {topic}: {type(error).__name__}")
    return BrokerUnavailableError(f"a record could not be delivered to {topic}: {type(error).__name__}")


async def _settled(future: Any) -> None:
    """Wait for a future of kafka-python, which is completed in the producer's thread."""
    if future.is_done:
        return
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def wake(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)

    future.add_both(wake)
    await done.wait()
