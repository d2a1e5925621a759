"""Reads topics from their beginning to their present end, with any broker.

The end is the high watermark that comes with every fetched answer: the embedded broker's ListOffsets tells a wrong end.
"""

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from console.errors import BrokerUnavailableError, NoSuchTopicError
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.topics import Topic

R = TypeVar("R")
# How long a broker on the same network may take before a person should be told.
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
_POLL_MS = 200
_RECORDS_PER_POLL = 5_000


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record as it lies in a topic.

    Attributes:
        partition: its partition.
        offset: its offset.
        key: its key as text; empty without one.
        record: the decoded record; None for a tombstone.
        timestamp_us: the broker's or producer's time, UTC microseconds since the epoch.
    """

    partition: int
    offset: int
    key: str
    record: Any | None
    timestamp_us: int


class TopicReader:
    """Reads one topic: first everything up to the present end, then what comes.

    Records that do not decode are passed over and counted: the reader shows what is there, the worker answers for it.

    Attributes:
        undecodable: how many records did not decode.
    """

    def __init__(
        self, client_options: Mapping[str, Any], topic: Topic, full_name: str, wanted: Callable[[str], bool]
    ) -> None:
        self.undecodable = 0
        self._wanted = wanted
        self._topic = topic
        self._ends: dict[TopicPartition, int] = {}
        self._consumer = _consumer(client_options)
        try:
            numbers = self._consumer.partitions_for_topic(full_name)
            if not numbers:
                raise NoSuchTopicError(
                    f"the broker has no topic {full_name}; create it with 'goldentime topics create'"
                )
            self._partitions = [TopicPartition(full_name, number) for number in sorted(numbers)]
            self._consumer.assign(self._partitions)
            self._consumer.seek_to_beginning(*self._partitions)
        except BaseException:
            self._consumer.close()
            raise

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def to_end(self) -> Iterator[ReadRecord]:
        """Yield records until every partition is read to the high watermark it has.

        Raises:
            BrokerUnavailableError: the end was not reached within ``READ_TIMEOUT_S``.
        """
        deadline_s = time.monotonic() + READ_TIMEOUT_S
        while not self._at_end():
            yield from self.poll()
            if time.monotonic() > deadline_s:
                raise BrokerUnavailableError(f"{self._partitions[0].topic} was not read within {READ_TIMEOUT_S:.0f} s")

    def poll(self) -> list[ReadRecord]:
        """Return what came within a fifth of a second, in order by partition; maybe nothing."""
        polled = self._consumer.poll(timeout_ms=_POLL_MS, max_records=_RECORDS_PER_POLL)
        read = (self._read(message) for messages in polled.values() for message in messages)
        return [record for record in read if record is not None]

    def _read(self, message: Any) -> ReadRecord | None:
        key = (message.key or b"").decode("utf-8", errors="replace")
        if not self._wanted(key):
            return None
        record = None
        if message.value is not None:
            try:
                record = decode(self._topic.record, message.value)
            except RecordDecodeError:
                self.undecodable += 1
                return None
        return ReadRecord(message.partition, message.offset, key, record, message.timestamp * 1000)

    def _at_end(self) -> bool:
        for partition in self._partitions:
            # The end as first heard of: a topic that grows while it is read has an end all the same.
            end = self._ends.setdefault(partition, self._consumer.highwater(partition))
            if end is None:
                del self._ends[partition]
                return False
            if self._consumer.position(partition) < end:
                return False
        return True


@contextmanager
def open_topic(
    client_options: Mapping[str, Any],
    topic: Topic,
    full_name: str,
    *,
    wanted: Callable[[str], bool] = lambda key: True,
) -> Iterator[TopicReader]:
    """Give a reader of a topic and close it afterwards.

    Args:
        client_options: how to reach the broker, as ``topologies.connection.client_options`` gives it.
        topic: the topic of the contract.
        full_name: its name in the city, with the prefix.
        wanted: by its key, whether a record is given; others are not even decoded.

    Raises:
        BrokerUnavailableError: no broker answers.
        NoSuchTopicError: the broker has no such topic.
    """
    reader = TopicReader(client_options, topic, full_name, wanted)
    try:
        yield reader
    except KafkaError as error:
        raise unavailable(client_options, error) from error
    finally:
        reader.close()


def newest_by_key(records: Iterator[ReadRecord]) -> dict[str, Any]:
    """Return the newest record of each key; keys whose newest is a tombstone are left out."""
    newest: dict[str, Any] = {}
    for read in records:
        if read.record is None:
            newest.pop(read.key, None)
        else:
            newest[read.key] = read.record
    return newest


def require_broker(client_options: Mapping[str, Any], *, wait_s: float = 0.0) -> None:
    """Make sure that a broker listens, before a client is made that would try for long.

    Args:
        client_options: how to reach the broker.
        wait_s: how long a broker that does not listen yet is waited for, seconds.

    Raises:
        BrokerUnavailableError: none of the addresses takes a connection.
    """
    deadline_s = time.monotonic() + wait_s
    while True:
        error = _first_that_listens(client_options["bootstrap_servers"])
        if error is None:
            return
        if time.monotonic() >= deadline_s:
            raise unavailable(client_options, error) from error
        time.sleep(_POLL_MS / 1000)


def _first_that_listens(servers: Sequence[str]) -> OSError | None:
    """Return None when one of the addresses takes a connection, else why the last did not."""
    error: OSError | None = OSError("no address")
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
        except OSError as problem:
            error = problem
        else:
            return None
    return error


def unavailable(client_options: Mapping[str, Any], error: BaseException) -> BrokerUnavailableError:
    """Return the error that tells a person which broker does not answer and what to do."""
    servers: Sequence[str] = client_options["bootstrap_servers"]
    return BrokerUnavailableError(
        f"no broker answers at {', '.join(servers)} ({type(error).__name__}); "
        "start one with 'goldentime broker' or name yours with --broker"
    )


def _consumer(client_options: Mapping[str, Any]) -> KafkaConsumer:
    require_broker(client_options)
    try:
        return KafkaConsumer(
            **client_options,
            client_id="goldentime-console",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            bootstrap_timeout_ms=int(CONNECT_TIMEOUT_S * 1000),
        )
    except KafkaError as error:
        raise unavailable(client_options, error) from error
