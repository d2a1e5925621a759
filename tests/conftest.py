"""Brokers that all tests share, each started once, when the first test asks for it."""

import uuid
from collections.abc import Iterator

import pytest

from console.embedded_broker import EmbeddedBroker
from tests.support.kafka_server import KafkaServer, why_not_available
from tests.support.policies import DEMO
from topologies.rehearsal import rehearse

# Folders whose tests decide with the real engine.
DECIDING = {"pipeline", "topologies", "integration", "console", "benchmarks"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Compile the kernels before any test is timed: that takes a minute once, and nothing when it was done before."""
    folders = {part for item in session.items for part in item.path.parts}
    if not session.config.option.collectonly and folders & DECIDING and "tests" in folders:
        rehearse(DEMO, with_map=True)


@pytest.fixture(scope="session")
def embedded_broker_process() -> Iterator[EmbeddedBroker]:
    """Give the embedded broker that all tests share; a test that stops one starts its own."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def embedded_broker(embedded_broker_process: EmbeddedBroker) -> str:
    """Give host:port of the embedded broker that all tests share; each uses a prefix of its own."""
    return embedded_broker_process.bootstrap_servers


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[str]:
    """Give host:port of a real Kafka that all tests share; each uses a prefix of its own."""
    if reason := why_not_available():
        pytest.skip(reason)
    with KafkaServer() as kafka:
        yield kafka.bootstrap_servers


@pytest.fixture
def prefix() -> str:
    """Give a topic prefix that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"
