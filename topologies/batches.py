"""The transport for agents of batches: one event per fetched batch of a partition instead of one per record.

Faust spends about 240 µs on every event before an agent sees it. This transport replaces the records of chosen topics
by one event whose value is the list of the fetched records, so that the price is paid once per fetch. It also hands
the committing of those topics' offsets to the unit of work, and keeps the group membership alive while state is
restored. What it leans on in Faust is listed, with the reason, in ``topologies.faust_contract``.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import faust
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

SCHEME = "batched"
# How long the broker may hold a fetch open. A partition that was drained after the fetch for the others had been sent
# waits for that fetch to end: with Faust's 1,500 ms a second incident could wait that long. 40 empty fetches a second
# cost about one per cent of a core.
FETCH_MAX_WAIT_MS = 25


class RecordBatch(list[Any]):
    """Undecoded aiokafka records of one topic and partition, in offset order; at least one.

    Attributes:
        follows: the offset after the last record delivered before; None for the first batch of an assignment. Whoever
            has not seen the records before it knows that some were lost on the way.
    """

    __slots__ = ("follows",)

    def __init__(self, records: Iterable[Any], follows: int | None = None) -> None:
        super().__init__(records)
        self.follows = follows


class BatchControl(Protocol):
    """What the transport must be told; the app carries it as ``batch_control``."""

    @property
    def collapsed_topics(self) -> frozenset[str]:
        """Topics delivered as one event per fetched batch."""

    @property
    def unit_topics(self) -> frozenset[str]:
        """Those of them whose offsets the unit of work looks after."""

    @property
    def read_committed(self) -> bool:
        """Whether records of open and aborted transactions are left out."""

    def durable_offset(self, topic: str, partition: int) -> int | None:
        """Return the next offset that Faust should commit for a unit topic; None if there is nothing to commit."""

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Return the first offset of a collapsed topic not yet taken; None where nobody knows."""

    def joined(self) -> None:
        """Take note that the group has given this worker partitions; nothing is restored yet."""

    async def pause(self) -> None:
        """Finish the running units and start no new ones, because partitions are about to move."""

    def resume(self) -> None:
        """Start units again: the rebalance is over, streams flow from the committed offsets."""


class BatchSchema(faust.Schema):  # type: ignore[misc]
    """Hands the batch through as it is: decoding is the agent's."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> None:
        """Return no key: each record of the batch has its own."""

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        """Return the batch."""
        return message.value


class CollapsedRecord:
    """One event in place of a batch; looks to Faust like the batch's last record."""

    __slots__ = ("offset", "partition", "timestamp", "timestamp_type", "topic", "value")
    headers: tuple[()] = ()
    key = None
    checksum = None
    serialized_key_size = 0
    serialized_value_size = 0

    def __init__(self, records: list[Any], follows: int | None) -> None:
        last = records[-1]
        self.topic = last.topic
        self.partition = last.partition
        self.offset = last.offset
        self.timestamp = last.timestamp
        self.timestamp_type = last.timestamp_type
        self.value = RecordBatch(records, follows)


class RebalanceListener(driver.ConsumerRebalanceListener):  # type: ignore[misc]
    """Keeps heartbeats going while the state of new partitions is restored."""

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Start the heartbeats, which aiokafka would start only after this callback, then do as Faust does."""
        # Without this a worker that restores for longer than its session timeout is thrown out of the group, for ever.
        self._thread._ensure_consumer()._coordinator._start_heartbeat_task()
        await super().on_partitions_assigned(assigned)


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Creates the aiokafka consumer with two settings that Faust has hard-coded."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        if self.app.batch_control.read_committed:
            consumer._isolation_level = "read_committed"
        return consumer


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, with collapsed batches and the unit of work's offsets."""

    RebalanceListener = RebalanceListener

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._delivered: dict[TP, int] = {}
        # How far each partition has been read, markers of transactions included, when the last records were delivered.
        self._read_to: dict[TP, int] = {}

    def _new_consumer_thread(self) -> Any:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _control(self) -> BatchControl:
        control: BatchControl = self.app.batch_control
        return control

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:
        records, active_partitions = await super()._wait_next_records(timeout)
        if records:
            collapsed_topics = self._control.collapsed_topics
            for tp, fetched in records.items():
                if fetched and tp.topic in collapsed_topics:
                    records[tp] = [CollapsedRecord(fetched, self._delivered.get(tp))]
                    self._delivered[tp] = fetched[-1].offset + 1
        self._note_positions()
        return records, active_partitions

    def _note_positions(self) -> None:
        subscription = self._thread._ensure_consumer()._subscription.subscription
        assignment = None if subscription is None else subscription.assignment
        if assignment is not None:
            states = ((tp, assignment.state_value(tp)) for tp in assignment.tps)
            self._read_to = {tp: state.position for tp, state in states if state.has_valid_position}

    def end_offset(self, tp: TP) -> int | None:
        """Return the offset after the newest record of a partition that the broker has told of; None if it has not yet.

        Behind the newest record there may be markers of transactions, which are never delivered: where the partition
        has been read to its end, the newest record is the one delivered last.
        """
        consumer = self._thread._ensure_consumer()
        if tp not in consumer.assignment():
            return None
        end: int | None = consumer.last_stable_offset(tp) if self._control.read_committed else consumer.highwater(tp)
        if end is None or end < 0:
            return None
        return self._delivered.get(tp, 0) if self._read_to.get(tp, -1) >= end else end

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        # Between the last records of two batches there is always a gap; it means nothing.
        if tp.topic not in self._control.unit_topics:
            await super()._add_gap(tp, offset_from, offset_to)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        # A unit may become durable long after its batches were acknowledged; do not wait for the next batch.
        unit_topics = self._control.unit_topics
        units = {tp for tp in self.assignment() if tp.topic in unit_topics}
        others = (tp for tp in super()._filter_tps_with_pending_acks(topics) if tp.topic not in unit_topics)
        yield from others
        yield from (tp for tp in units if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        control = self._control
        if tp.topic not in control.unit_topics:
            offset: int | None = super()._new_offset(tp)
            return offset
        # Acknowledging a batch says nothing about its unit: forget it, or the lists grow for ever.
        if tp in self._acked:
            self._acked[tp].clear()
            self._acked_index[tp].clear()
        return control.durable_offset(tp.topic, tp.partition)

    async def perform_seek(self) -> None:
        """Go back to the committed offsets as Faust does, then to where the units and tables really stand.

        Faust drops what it had fetched when a rebalance began, and goes back to the committed offsets. A partition
        without any would stay behind the dropped records, and they would be lost.
        """
        await super().perform_seek()
        positions = {
            tp: offset
            for tp in self.assignment()
            if (offset := self._control.next_offset(tp.topic, tp.partition)) is not None
        }
        if positions:
            await self.seek_wait(positions)
            self._delivered.clear()
            self._read_to.clear()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the running units end before the partitions go."""
        await self._control.pause()
        self._buffered_partitions.clear()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Forget what was delivered: reading starts again at the committed offsets."""
        self._control.joined()
        self._delivered.clear()
        self._read_to.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    def last_poll_ms(self, tp: TP) -> int | None:
        """Return when the broker last answered a fetch of a partition, milliseconds since the epoch by our clock."""
        polled: int | None = self._thread._ensure_consumer().last_poll_timestamp(tp)
        return polled

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Check nothing: Faust's check misreads topics that it does not commit; see ``topologies.progress``."""


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with the consumer above."""

    Consumer = Consumer


def register() -> None:
    """Make ``batched://`` a broker URL that Faust understands."""
    drivers.TRANSPORTS.aliases[SCHEME] = "topologies.batches:Transport"


def broker_url(bootstrap_servers: tuple[str, ...]) -> str:
    """Return the broker URL for Faust."""
    return ";".join(f"{SCHEME}://{server}" for server in bootstrap_servers)
