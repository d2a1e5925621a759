import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.embedded_broker import EmbeddedBroker
from console.errors import BrokerUnavailableError
from tests.console.processes import marked_environment, marked_processes, on_linux, wait_until_gone


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_answers_when_started_and_is_gone_when_stopped() -> None:
    with EmbeddedBroker() as broker:
        host, port = broker.bootstrap_servers.split(":")
        with socket.create_connection((host, int(port)), timeout=1):
            pid = broker.pid
            assert broker.is_running()
    # It ends although a client was connected a moment ago.
    assert not _is_alive(pid)
    assert not broker.is_running()


def test_stopping_twice_does_nothing() -> None:
    broker = EmbeddedBroker()
    broker.start()
    broker.stop()
    broker.stop()
    with pytest.raises(BrokerUnavailableError, match="has not been started"):
        _ = broker.pid


def test_can_be_started_again_after_a_stop() -> None:
    broker = EmbeddedBroker()
    for _ in range(2):
        with broker:
            assert broker.is_running()


def test_stops_within_a_second_although_a_client_stays_connected() -> None:
    with EmbeddedBroker() as broker:
        host, port = broker.bootstrap_servers.split(":")
        with socket.create_connection((host, int(port)), timeout=1):
            started_s = time.monotonic()
            broker.stop()
            assert time.monotonic() - started_s < 1.0


def test_a_taken_port_is_named_and_nothing_is_left_behind() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        broker = EmbeddedBroker(port)
        with pytest.raises(BrokerUnavailableError, match=f"port {port} is taken"):
            broker.start()
        assert not broker.is_running()


def test_a_machine_without_the_binary_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "no/such/program")
    with pytest.raises(BrokerUnavailableError, match="start Apache Kafka and name it with --broker"):
        EmbeddedBroker().start()


def test_a_second_start_of_the_same_broker_is_refused() -> None:
    with EmbeddedBroker() as broker, pytest.raises(BrokerUnavailableError, match="runs already"):
        broker.start()


@pytest.mark.skipif(not on_linux, reason="only Linux ends a child when its parent is killed")
def test_is_gone_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "from console.embedded_broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker()\n"
        "broker.start()\n"
        "print('started', flush=True)\n"
        "broker.wait()\n"
    )
    mark, environment = marked_environment(TMPDIR=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        assert len(marked_processes(mark)) == 2
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
    assert wait_until_gone(mark) == []
