"""Brokers for tests of the whole path: the embedded one, and a real Kafka for the slow tests."""

import uuid
from collections.abc import Iterator

import pytest

from console.embedded_broker import EmbeddedBroker
from tests.support.kafka_server import KafkaServer, why_not_available


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[str]:
    """Give host:port of an embedded broker with an empty log."""
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[str]:
    """Give host:port of a real Kafka with an empty log."""
    if reason := why_not_available():
        pytest.skip(reason)
    with KafkaServer() as kafka:
        yield kafka.bootstrap_servers


@pytest.fixture(
    params=["embedded_broker", pytest.param("kafka_broker", marks=[pytest.mark.slow, pytest.mark.kafka])],
)
def broker(request: pytest.FixtureRequest) -> str:
    """Give host:port of each kind of broker in turn."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def prefix() -> str:
    """Give a topic prefix that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"
