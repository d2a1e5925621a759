"""A consumer that finds no broker leaves nothing behind, however often it is tried."""

import socket
import threading
from pathlib import Path

import pytest
from kafka.errors import KafkaError

from connectors.kit.running.consumer import connected_consumer
from connectors.kit.settings import ConnectorSettings


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_broker_that_never_answers_costs_no_thread_and_no_socket() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=10) as silent:
        settings = ConnectorSettings(bootstrap_servers=(f"127.0.0.1:{silent.getsockname()[1]}",))
        threads, files = threading.active_count(), open_files()
        with pytest.raises(KafkaError):
            connected_consumer(settings, group_id=None)
        assert threading.active_count() == threads
        assert open_files() == files
