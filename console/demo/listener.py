"""Listens to what the connectors and the worker write, as any consumer of the topics would."""

from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from console.demo.eyes import Watch
from console.demo.figures import Figures
from console.errors import BrokerUnavailableError
from schemas.camera_assignment import CameraAssignment
from schemas.clock import Clock
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.ptz import PtzCommand, PtzGrant
from schemas.topics import BY_NAME, CAMERA_ASSIGNMENTS, CAMERAS, CASE_INPUTS, DEAD_LETTER_SUFFIX, PTZ_COMMANDS

# How long the broker may hold a fetch back while nothing comes: adds to what the figures say, so it is short.
FETCH_WAIT_MS = 20
LISTENED = (
    CAMERA_ASSIGNMENTS,
    *CASE_INPUTS,
    PTZ_COMMANDS,
    *(BY_NAME[topic.name + DEAD_LETTER_SUFFIX] for topic in (*CASE_INPUTS, CAMERAS)),
)


class Listener:
    """Counts everything and hands decisions and dead letters on in the order they come.

    Args:
        client_options: how to reach the broker.
        full_name: from a topic's name to its name in the city.
        case_partitions: partition count of the topics keyed by case.
        clock: the story's clock, for the time of receipt.
        figures: what counts.
        tell: called with each CameraAssignment and each DeadLetter of a report.

    Attributes:
        watch: is shown each decision and each command to a head.
    """

    def __init__(
        self,
        client_options: dict[str, Any],
        full_name: Callable[[str], str],
        *,
        case_partitions: int,
        clock: Clock,
        figures: Figures,
        tell: Callable[[CameraAssignment | DeadLetter], None],
    ) -> None:
        self._client_options = client_options
        self._topics = {full_name(topic.name): topic for topic in LISTENED}
        self._case_partitions = case_partitions
        self._clock = clock
        self._figures = figures
        self._tell = tell
        self._versions: dict[str, int] = {}
        self._fences: dict[str, int] = {}
        self.watch: Watch | None = None

    async def run(self) -> None:
        """Listen until cancelled.

        Raises:
            BrokerUnavailableError: the broker does not answer.
        """
        consumer = AIOKafkaConsumer(
            **self._client_options,
            client_id="goldentime-demo",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            await self._assign(consumer)
            while True:
                batches = await consumer.getmany(timeout_ms=200)
                received_us = self._clock.now_us()
                for partition, messages in batches.items():
                    self._take(partition, messages, received_us)
        except KafkaError as error:
            raise BrokerUnavailableError(f"the broker stopped answering: {type(error).__name__}") from error
        finally:
            await consumer.stop()

    async def _assign(self, consumer: AIOKafkaConsumer) -> None:
        partitions = [
            TopicPartition(name, number)
            for name, topic in self._topics.items()
            for number in range(topic.partitions(self._case_partitions))
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)

    def _take(self, partition: TopicPartition, messages: Sequence[Any], received_us: int) -> None:
        topic = self._topics[partition.topic]
        for message in messages:
            if message.value is None:
                continue
            record = decode(topic.record, message.value)
            if isinstance(record, CameraAssignment):
                self._decision(record, received_us)
            elif isinstance(record, DeadLetter):
                self._figures.saw_dead_letter(record)
                if record.origin_topic != CAMERAS.name:  # of a registry's rows the report has spoken
                    self._tell(record)
            elif isinstance(record, PtzGrant):
                self._figures.saw_grant(record)
            elif isinstance(record, PtzCommand):
                self._command(record)
            else:
                self._figures.saw_input(topic.name, partition.partition, message.offset, record.ingested_us)

    def _command(self, command: PtzCommand) -> None:
        # As a head does: what is not newer than what it has obeyed is not for it.
        if command.fence > self._fences.get(command.camera_id, 0):
            self._fences[command.camera_id] = command.fence
            if self.watch is not None:
                self.watch.saw_command(command)

    def _decision(self, assignment: CameraAssignment, received_us: int) -> None:
        # After a restart the embedded broker may bring a version twice; it is the same decision.
        if assignment.version > self._versions.get(assignment.case_id, 0):
            self._versions[assignment.case_id] = assignment.version
            self._figures.saw_decision(assignment, received_us)
            if self.watch is not None:
                self.watch.saw_decision(assignment)
            self._tell(assignment)
