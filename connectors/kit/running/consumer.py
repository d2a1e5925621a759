"""Consumers of kafka-python as connectors use them: connected or freed, and never asked without a limit.

kafka-python 3.0.12 leaves a thread and sockets behind where a consumer finds no broker, waits without a limit for what
topics there are, tells nobody that the broker has gone, and has the broker make topics although it is told not to.
"""

import contextlib
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError
from kafka.net.compat import KafkaNetClient

from connectors.kit.errors import BrokerUnavailableError
from connectors.kit.running.broker import require_broker
from connectors.kit.settings import ConnectorSettings

# One answer about topics, as long as one try to reach the broker: a stop must not wait longer.
ANSWER_MS = 1_500


def connected_consumer(settings: ConnectorSettings, **options: Any) -> KafkaConsumer:
    """Return a consumer that commits nothing by itself and makes no topics; blocks for some seconds at most.

    Args:
        settings: broker, TLS and SASL.
        options: further options of kafka-python.

    Raises:
        BrokerUnavailableError: no broker takes connections.
        kafka.errors.KafkaError: none answers, or it refuses this process.
    """
    require_broker(settings)
    clients: list[KafkaNetClient] = []

    def client(**its_options: Any) -> KafkaNetClient:
        clients.append(KafkaNetClient(**its_options))
        return clients[0]

    try:
        consumer = KafkaConsumer(
            **settings.client_options(),
            kafka_client=client,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            **options,
        )
    except BaseException:
        for left in clients:
            left.close()
        raise
    make_no_topics(consumer._cluster)
    return consumer


def make_no_topics(cluster: Any) -> None:
    """Have a client's questions about topics not make them: such a topic would have the broker's partition count.

    kafka-python's own option ``allow_auto_create_topics`` does not come to where the questions are asked.
    """
    cluster.config["allow_auto_create_topics"] = False


def partitions_of(consumer: KafkaConsumer, topic: str) -> set[int]:
    """Return the partition numbers of a topic, none where the broker does not show it; takes three seconds at most.

    Raises:
        kafka.errors.KafkaError: the broker does not answer.
    """
    cluster = consumer._cluster
    cluster.add_topic(topic)
    # The first answer may be to a question from before the topic was added.
    for _ in range(2):
        numbers = cluster.partitions_for_topic(topic)
        if numbers:
            break
        with contextlib.suppress(UnknownTopicOrPartitionError):
            _next_answer(consumer)
    return set(cluster.partitions_for_topic(topic) or ())


def require_answer(consumer: KafkaConsumer) -> None:
    """Make sure that the broker of a connected consumer still answers; blocks for 1.5 s at most.

    Raises:
        BrokerUnavailableError: it does not.
    """
    try:
        _next_answer(consumer)
    except KafkaError as error:
        raise BrokerUnavailableError(f"the broker does not answer: {type(error).__name__}") from error


def _next_answer(consumer: KafkaConsumer) -> None:
    """Wait for the broker's next word about topics."""
    try:
        consumer._net.run(consumer._manager.wait_for, consumer._cluster.request_update(), ANSWER_MS)
    except KafkaTimeoutError as error:
        raise KafkaTimeoutError(f"the broker has told nothing of its topics for {ANSWER_MS} ms") from error
