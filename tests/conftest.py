"""Brokers that all tests share, each started once, when the first test asks for it."""

import fcntl
import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from console.embedded_broker import EmbeddedBroker
from tests.support.kafka_server import KafkaServer, why_not_available
from tests.support.policies import DEMO
from topologies.rehearsal import rehearse
from topologies.settings import CACHE_DIR

# How long one example takes says nothing on a machine that does other work too.
settings.register_profile("search", deadline=None)
# Whether a change lands does not hang on what is drawn: laws search at people's desks, and new examples at each run.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "search")

# Folders whose tests decide with the real engine.
DECIDING = {"consumers", "docs", "pipeline", "topologies", "integration", "console", "benchmarks"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Compile the kernels before any test is timed: that takes a minute once, and nothing when it was done before.

    Where tests run side by side, one process compiles and the others wait for what it keeps; the one that only hands
    out the tests has no items.
    """
    items = getattr(session, "items", ())
    folders = {part for item in items for part in item.path.parts}
    # Of the connectors' tests only golden scenarios decide.
    decides = folders & DECIDING or any(hasattr(getattr(item, "module", None), "assignments_for") for item in items)
    if not session.config.option.collectonly and decides and "tests" in folders:
        CACHE_DIR.mkdir(exist_ok=True)
        with (CACHE_DIR / "rehearsal.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
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
