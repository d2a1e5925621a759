"""Reading topics in a sink's consumer group: what is polled is handed over whole, committed, or comes again.

kafka-python 3.0.12 keeps the position of a partition that a member has before and after the group moved partitions,
also when the member was out of the group in between and another has read on. So a batch that is given up is sought
back to, and a member that was thrown out begins anew from the committed offsets.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import (
    AuthorizationError,
    CommitFailedError,
    KafkaError,
    KafkaTimeoutError,
    RebalanceInProgressError,
)
from kafka.structs import OffsetAndMetadata

from connectors.kit.errors import BrokerUnavailableError, ConnectorConfigError
from connectors.kit.running.consumer import connected_consumer, partitions_of, require_answer
from connectors.kit.running.kept_join import keep_joins
from connectors.kit.running.pacing import pause
from connectors.kit.settings import ConnectorSettings
from schemas.topics import prefixed

T = TypeVar("T")
Polled = Mapping[TopicPartition, Sequence[Any]]
ConsumerOpener = Callable[[str, ConnectorSettings], KafkaConsumer]

POLL_MS = 200
CLOSE_MS = 500
# A commit is tried in pieces, so that a stop need not wait for a broker that is away.
COMMIT_MS, COMMIT_S_MAX = 1_000, 10.0
# A member that waits for its outside is asked so often to take part in what the group does.
STAY_S, STAY_MS = 0.5, 50
# After so long without records it is asked whether the broker is there; kafka-python does not tell.
QUIET_S = 5.0
PASSED_S = 1.0
# A topic that a broker did not show for a moment is seen again after so long, not after the five minutes by default.
METADATA_MS = 30_000


class GroupReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of a sink's group; its consumer lives in a thread of its own, because it is not safe in two.

    Args:
        name: the sink's name.
        topics: full names of the topics.
        settings: broker and prefix.
        opener: connects a consumer; :func:`open_consumer`, and that the broker is there is checked, if None.

    Attributes:
        moves: how often the group has given or taken partitions.
        is_out: whether the group has thrown this member out, or may have; only a new connection is of use then.
    """

    def __init__(
        self, name: str, topics: Sequence[str], settings: ConnectorSettings, opener: ConsumerOpener | None = None
    ) -> None:
        self.moves = 0
        self.is_out = False
        self._name, self._topics, self._settings = name, list(topics), settings
        self._opener = opener or open_consumer
        self._asks_broker = opener is None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"sink-{name}")
        self._consumer: KafkaConsumer = None
        self._committed: dict[TopicPartition, int] = {}
        self._heard_s = self._passed_s = 0.0

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Take note that partitions may go to another member."""
        self.moves += 1
        self._committed.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take note of new partitions."""
        self.moves += 1

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Take note that the group went on without this member."""
        self.moves += 1
        self.is_out = True

    async def connect(self) -> None:
        """Connect anew; :meth:`close` before.

        Raises:
            BrokerUnavailableError: no broker answers, or it does not show the topics.
        """
        self.is_out = False
        self._committed.clear()
        self._heard_s = self._passed_s = time.monotonic()
        self._consumer = await self._in_thread(lambda: self._opener(self._name, self._settings))
        if self._asks_broker:
            await self._in_thread(self._require_topics)
        await self._in_thread(lambda: self._consumer.subscribe(self._topics, listener=self))

    async def poll(self, records_max: int) -> Polled:
        """Return the next records by partition; none after a fifth of a second without.

        Raises:
            BrokerUnavailableError: there were no records for some seconds, and no broker answers.
        """
        polled: Polled = await self._in_thread(lambda: self._consumer.poll(POLL_MS, max_records=records_max))
        now_s = time.monotonic()
        if polled:
            self._heard_s = now_s
        elif self._asks_broker and now_s - self._heard_s > QUIET_S:
            await self._in_thread(lambda: require_answer(self._consumer))
            self._heard_s = time.monotonic()
        return polled

    async def wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Wait without records and without losing the partitions; shorter where the group moves them."""
        moves, until_s = self.moves, time.monotonic() + seconds
        while not stop.is_set() and self.moves == moves and (left_s := until_s - time.monotonic()) > 0:
            await self._in_thread(self._stay)
            await pause(stop, min(left_s, STAY_S))
        await self._in_thread(lambda: self._consumer.resume(*self._consumer.paused()))

    async def give_back(self, polled: Polled) -> None:
        """Have records that were not written come again, from here or from whoever has their partitions now."""
        await self._in_thread(lambda: self._seek_back(polled))

    async def commit(self, polled: Polled, stop: asyncio.Event) -> bool:
        """Commit what was written; return False where the group does not take it, so that records come again.

        Raises:
            BrokerUnavailableError: the broker does not answer.
        """
        return await self._commit({tp: records[-1].offset + 1 for tp, records in polled.items()}, stop)

    async def commit_passed(self, stop: asyncio.Event) -> None:
        """Commit what lies behind the last records: marks of transactions, and what was aborted; once a second.

        Without this a group whose topic is written in transactions would seem to lag for ever.
        """
        if time.monotonic() - self._passed_s < PASSED_S:
            return
        self._passed_s = time.monotonic()
        passed = await self._in_thread(self._passed)
        if passed:
            await self._commit(passed, stop)

    async def close(self) -> None:
        """Leave the group; does nothing when not connected."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._in_thread(lambda: consumer.close(autocommit=False, timeout_ms=CLOSE_MS))

    def free(self) -> None:
        """Free the thread; it has nothing left to do."""
        self._thread.shutdown(wait=False)

    async def _commit(self, offsets: Mapping[TopicPartition, int], stop: asyncio.Event) -> bool:
        written = {tp: OffsetAndMetadata(offset, "", -1) for tp, offset in offsets.items()}
        until_s = time.monotonic() + COMMIT_S_MAX
        while True:
            try:
                is_done = await self._in_thread(lambda: self._is_committed(written))
            except RebalanceInProgressError:
                return False  # with the next poll this member takes part, and the next commit says more
            except CommitFailedError:
                self.is_out = True
                return False
            if is_done:
                self._committed.update(offsets)
                return True
            if stop.is_set() or time.monotonic() > until_s:
                raise BrokerUnavailableError("the broker does not take the group's offsets")

    def _is_committed(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> bool:
        try:
            self._consumer.commit(offsets, timeout_ms=COMMIT_MS)
        except KafkaTimeoutError:
            return False
        return True

    def _require_topics(self) -> None:
        """Make sure that the broker shows the topics.

        One that has just started may not; a member that joins then gets no partitions before the next look at them.
        """
        missing = [topic for topic in self._topics if not partitions_of(self._consumer, topic)]
        if missing:
            raise BrokerUnavailableError(f"topic {missing[0]} is not there; goldentime topics create makes it")

    def _passed(self) -> dict[TopicPartition, int]:
        """Return the positions that are not committed."""
        positions = {tp: self._consumer.position(tp, timeout_ms=0) for tp in self._consumer.assignment()}
        return {tp: offset for tp, offset in positions.items() if offset not in (None, self._committed.get(tp))}

    def _stay(self) -> None:
        """Take part in what the group does; what comes from a partition that is new here is sought back to."""
        self._consumer.pause(*self._consumer.assignment())
        self._seek_back(self._consumer.poll(STAY_MS))

    def _seek_back(self, polled: Polled) -> None:
        mine = self._consumer.assignment()
        for tp, records in polled.items():
            if tp in mine:
                self._consumer.seek(tp, records[0].offset)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except AuthorizationError as error:
            raise ConnectorConfigError(f"{self._name}: the broker refuses: {type(error).__name__}") from error
        except (CommitFailedError, RebalanceInProgressError):
            raise
        except KafkaError as error:
            raise BrokerUnavailableError(f"the broker does not answer: {type(error).__name__}") from error


def open_consumer(name: str, settings: ConnectorSettings) -> KafkaConsumer:
    """Return a consumer for a sink's group, subscribed to nothing yet; blocks for some seconds at most.

    Raises:
        BrokerUnavailableError: no broker answers.
    """
    consumer = connected_consumer(
        settings,
        group_id=prefixed(settings.topic_prefix)(f"sink-{name}"),
        # The least that Kafka allows by default. The embedded broker lets a new member wait for half of it.
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_500,
        metadata_max_age_ms=METADATA_MS,
    )
    keep_joins(consumer)
    return consumer
