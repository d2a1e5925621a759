"""What a city's topics hold, undecoded: the inputs, the camera table's rows, and the decisions that were published."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from console.errors import BrokerUnavailableError, LogTooLargeError, NoSuchTopicError
from console.topic_reader import CONNECT_TIMEOUT_S, require_broker, unavailable
from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.topics import (
    BY_NAME,
    CAMERA_ASSIGNMENTS,
    CAMERA_HEALTH,
    CAMERA_KNOWLEDGE,
    CAMERAS,
    CASE_INPUTS,
    CONDITIONS,
    VIEW_SESSIONS,
    Topic,
)

# The topics that make the camera table, in the order in which their rows are applied.
TABLE_TOPICS = (CAMERAS, CAMERA_HEALTH, CAMERA_KNOWLEDGE, CONDITIONS)
# Views decide nothing and lie there for years: a replay does without them.
INPUT_TOPICS = tuple(topic for topic in CASE_INPUTS if topic is not VIEW_SESSIONS)
# Records appended at the same moment are taken in this order of their topics, as the engine takes them.
TOPIC_ORDER = {topic.name: order for order, topic in enumerate(INPUT_TOPICS)}
_POLL_MS = 200
_RECORDS_PER_POLL = 5_000


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as it lies in a topic.

    Attributes:
        topic: name without the city's prefix.
        partition: its partition.
        offset: its offset.
        appended_us: the broker's or producer's time, UTC microseconds since the epoch.
        key: its Kafka key.
        value: its bytes; None for a tombstone.
    """

    topic: str
    partition: int
    offset: int
    appended_us: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Published:
    """A decision as it was published.

    Attributes:
        record: the decoded decision.
        payload: its bytes.
        offset: where it lies in its partition of camera-assignments.
    """

    record: CameraAssignment
    payload: bytes
    offset: int


@dataclass(slots=True)
class PartitionLog:
    """One partition of the topics keyed by case.

    Attributes:
        partition: its number.
        inputs: by topic name, the records in offset order.
        published: the decisions that camera-assignments still holds, in offset order.
        forgotten: case ids whose newest record there is a tombstone.
    """

    partition: int
    inputs: dict[str, list[LogRecord]] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)

    @property
    def begins_late(self) -> tuple[str, ...]:
        """Names of the inputs whose first records the topics no longer hold.

        Compacted ones do not count: registrations lead to alerts, and these are inputs of their own.
        """
        return tuple(
            name
            for name, records in self.inputs.items()
            if records and records[0].offset > 0 and not BY_NAME[name].compacted
        )


@dataclass(slots=True)
class CityLog:
    """Everything a replay is made from.

    Attributes:
        partitions: the partitions of the topics keyed by case, in order.
        table: by topic name, the rows of the camera table in offset order.
        undecodable: decisions on camera-assignments that did not decode.
    """

    partitions: list[PartitionLog] = field(default_factory=list)
    table: dict[str, list[LogRecord]] = field(default_factory=dict)
    undecodable: int = 0

    @property
    def inputs(self) -> int:
        """How many input records there are."""
        return sum(len(records) for log in self.partitions for records in log.inputs.values())

    @property
    def table_gaps(self) -> int:
        """How many offsets of the camera table's topics are missing: rows that compaction removed, mostly."""
        return sum(records[-1].offset + 1 - len(records) for records in self.table.values() if records)


def city_log(records: Iterable[LogRecord]) -> CityLog:
    """Return records of all topics as a log.

    Args:
        records: of each partition in offset order; topics in any order.
    """
    log, partitions = CityLog(), dict[int, PartitionLog]()
    tables, inputs = {topic.name for topic in TABLE_TOPICS}, {topic.name for topic in INPUT_TOPICS}
    for record in records:
        if record.topic in tables:
            log.table.setdefault(record.topic, []).append(record)
            continue
        of_partition = partitions.setdefault(record.partition, PartitionLog(record.partition))
        if record.topic in inputs:
            of_partition.inputs.setdefault(record.topic, []).append(record)
        elif not _take_published(of_partition, record):
            log.undecodable += 1
    log.partitions = [partitions[number] for number in sorted(partitions)]
    return log


def _take_published(log: PartitionLog, record: LogRecord) -> bool:
    """Note a record of camera-assignments; return whether it decoded."""
    case_id = (record.key or b"").decode("utf-8", errors="replace")
    if record.value is None:
        log.forgotten.add(case_id)
        return True
    try:
        assignment = decode(CameraAssignment, record.value)
    except RecordDecodeError:
        return False
    log.forgotten.discard(case_id)
    log.published.append(Published(assignment, record.value, record.offset))
    return True


def read_records(
    client_options: Mapping[str, Any],
    full_name: Callable[[str], str],
    *,
    records_max: int,
    timeout_s: float,
    progress: Callable[[int], None] = lambda records: None,
) -> list[LogRecord]:
    """Return everything that a city's topics hold for a replay; the decisions are read first, their causes after.

    Args:
        client_options: how to reach the broker.
        full_name: from a topic's name to its name in the city.
        records_max: most records that are read.
        timeout_s: how long reading may take, seconds.
        progress: told how many records are read so far.

    Raises:
        BrokerUnavailableError: no broker answers, or it did not give everything in time.
        LogTooLargeError: there are more records.
        NoSuchTopicError: the city's topics are not there.
    """
    require_broker(client_options)
    try:
        # A worker may be deciding meanwhile: in this order every published decision's records are read.
        reader = _Reader(client_options, full_name, records_max, time.monotonic() + timeout_s, progress)
        reader.read([CAMERA_ASSIGNMENTS])
        reader.read([*INPUT_TOPICS, *TABLE_TOPICS])
    except KafkaError as error:
        raise unavailable(client_options, error) from error
    return reader.records


class _Reader:
    """Reads topics to their present ends, all partitions side by side."""

    def __init__(
        self,
        client_options: Mapping[str, Any],
        full_name: Callable[[str], str],
        records_max: int,
        deadline_s: float,
        progress: Callable[[int], None],
    ) -> None:
        self.records: list[LogRecord] = []
        self._client_options = client_options
        self._full_name = full_name
        self._records_max = records_max
        self._deadline_s = deadline_s
        self._progress = progress

    def read(self, topics: Sequence[Topic]) -> None:
        """Append all records of topics; topics that an older city does not have are empty."""
        consumer = KafkaConsumer(
            **self._client_options,
            client_id="goldentime-replay",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            bootstrap_timeout_ms=int(CONNECT_TIMEOUT_S * 1000),
        )
        try:
            names = {self._full_name(topic.name): topic.name for topic in topics}
            numbers = {name: consumer.partitions_for_topic(name) or () for name in names}
            if not any(numbers.values()):
                raise NoSuchTopicError(
                    f"the broker has no topic {next(iter(names))}; create it with 'goldentime topics create'"
                )
            unread = [TopicPartition(name, number) for name, some in numbers.items() for number in sorted(some)]
            consumer.assign(unread)
            consumer.seek_to_beginning(*unread)
            self._to_end(consumer, names, set(unread))
        finally:
            consumer.close()

    def _to_end(self, consumer: Any, names: Mapping[str, str], unread: set[TopicPartition]) -> None:
        ends: dict[TopicPartition, int] = {}
        while unread:
            polled = consumer.poll(timeout_ms=_POLL_MS, max_records=_RECORDS_PER_POLL)
            for tp, messages in polled.items():
                self.records += [
                    LogRecord(names[tp.topic], tp.partition, m.offset, m.timestamp * 1000, m.key, m.value)
                    for m in messages
                ]
            self._progress(len(self.records))
            self._keep_within_limits()
            for tp in list(unread):
                # The end as first heard of, and by the watermark of a fetch: see console.topic_reader.
                end = ends.get(tp, consumer.highwater(tp))
                if end is not None:
                    ends[tp] = end
                    if consumer.position(tp) >= end:
                        unread.discard(tp)

    def _keep_within_limits(self) -> None:
        if len(self.records) > self._records_max:
            raise LogTooLargeError(
                f"the topics hold more than {self._records_max:,} records; allow more with --most-records"
            )
        if time.monotonic() > self._deadline_s:
            raise BrokerUnavailableError(
                f"only {len(self.records):,} records were read in time; allow more with --most-seconds"
            )
