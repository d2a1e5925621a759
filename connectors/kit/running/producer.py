"""The producer of kafka-python as connectors use it: set up, checked, and closed for good."""

import contextlib
import logging
import time
from typing import Any

from kafka import KafkaProducer
from kafka.errors import (
    AuthorizationError,
    KafkaConfigurationError,
    KafkaError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient

from connectors.kit.errors import BrokerUnavailableError, ConnectorConfigError
from connectors.kit.running.broker import require_broker
from connectors.kit.running.consumer import make_no_topics
from connectors.kit.settings import ConnectorSettings

logger = logging.getLogger(__name__)

# Small against the second in which a case must be decided, long enough to fill batches under load.
LINGER_MS = 5
BATCH_BYTES = 256 * 1024
_PRODUCER_ID_WAIT_S = 1.0
# What the sender waits for ends such a wait by itself; this only bounds it.
NOT_READY_MS = 50.0


class _PatientClient(KafkaNetClient):  # type: ignore[misc]
    """A client that lets the producer's thread sleep while the broker is away.

    kafka-python 3.0.12 takes the delay, which it gives in seconds, for milliseconds, and has none while a connection
    is being made: with records waiting, its thread turns round without a rest.
    """

    def connection_delay(self, node_id: int) -> float:
        """Return after how many milliseconds, more than 0, the sender looks at a node again that is not ready."""
        delay_s: float = super().connection_delay(node_id)
        return max(NOT_READY_MS, delay_s * 1_000)


def open_producer(settings: ConnectorSettings, delivery_timeout_ms: int) -> tuple[KafkaProducer, bool]:
    """Return a connected producer and whether it is idempotent; blocks for some seconds at most.

    Idempotence is on where the broker gives producer ids and off, with a line in the log, where it does not.

    Raises:
        BrokerUnavailableError: no broker answers.
        ConnectorConfigError: the broker refuses this process.
    """
    options = {
        **settings.client_options(),
        "acks": "all",
        "linger_ms": LINGER_MS,
        "batch_size": BATCH_BYTES,
        "delivery_timeout_ms": delivery_timeout_ms,
        # At least two tries within the delivery time-out.
        "request_timeout_ms": min(10_000, delivery_timeout_ms // 2 - LINGER_MS),
        "max_block_ms": 1_500,
        "metrics_enabled": False,
        "kafka_client": _PatientClient,
    }
    require_broker(settings)
    try:
        producer = _connected(options | {"enable_idempotence": True})
        if not _refuses_idempotence(producer):
            return producer, True
        close_producer(producer, 1.0)
        logger.warning("the broker has no idempotent producers: a repeated send may write a record twice")
        # One request at a time keeps the order that idempotence would have kept.
        options |= {"enable_idempotence": False, "max_in_flight_requests_per_connection": 1}
        return _connected(options), False
    except KafkaConfigurationError as error:
        raise ConnectorConfigError(f"the producer cannot be set up: {error}") from error
    except (AuthorizationError, SaslAuthenticationFailedError, UnsupportedSaslMechanismError) as error:
        raise ConnectorConfigError(f"the broker refuses this process: {type(error).__name__}") from error
    except KafkaError as error:
        servers = ", ".join(settings.bootstrap_servers)
        raise BrokerUnavailableError(f"no broker answers at {servers}: {type(error).__name__}") from error


def _connected(options: dict[str, Any]) -> KafkaProducer:
    producer = KafkaProducer(**options)
    make_no_topics(producer._metadata)
    return producer


def close_producer(producer: KafkaProducer, timeout_s: float) -> None:
    """Close a producer; what is not delivered within ``timeout_s`` fails, and its outbox tells of it."""
    try:
        producer.close(timeout_s)
    except KafkaError:
        # kafka-python leaves a producer open whose records do not go out in time; only its sender can drop them.
        producer._sender.force_close()
        with contextlib.suppress(KafkaError):
            producer.close(1.0)


def _refuses_idempotence(producer: KafkaProducer) -> bool:
    """Return whether the broker has refused a producer id; undecided after a second counts as not refused."""
    # kafka-python asks for the id by itself and tells nobody: without a look inside, the first send would find out.
    transactions = producer._transaction_manager
    deadline_s = time.monotonic() + _PRODUCER_ID_WAIT_S
    while not transactions.has_producer_id() and time.monotonic() < deadline_s:
        if transactions.has_fatal_error():
            return True
        time.sleep(0.005)
    return bool(transactions.has_fatal_error())
