"""A real PostgreSQL with PostGIS for tests: on a free port, its files in a folder of its own, ended by its process."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "secret-of-the-suite-41d9"
LIMIT_S = 30.0
# As a Debian package lays them, where the path does not lead there.
PLACES = ":".join(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))


def program(name: str) -> str | None:
    """Return where a program of PostgreSQL is; None if it is not installed."""
    return shutil.which(name) or shutil.which(name, path=PLACES)


def missing() -> str:
    """Return what is not installed; empty where all is there."""
    if program("initdb") is None:
        return "PostgreSQL is not installed"
    return "" if list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")) else "PostGIS is not installed"


@dataclass
class PostgresServer:
    """A server on 127.0.0.1 with the superuser ``goldentime``."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def connect(self, user: str = "goldentime", database: str = "goldentime") -> psycopg.Connection[Any]:
        """Return a connection that commits each statement."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=user, dbname=database, password=PASSWORD, autocommit=True
        )

    def rows(self, statement: str, *, user: str = "goldentime", parameters: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query."""
        with self.connect(user) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def run(self, statement: str) -> None:
        """Run a statement."""
        with self.connect() as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Make the cluster where there is none, and return when the server answers."""
        user = {"user": "postgres"} if os.geteuid() == 0 else {}
        data = self.folder / "data"
        if not data.exists():
            (self.folder / "password").write_text(PASSWORD)
            if user:
                entry = pwd.getpwnam("postgres")
                for path in (self.folder, self.folder / "password"):
                    os.chown(path, entry.pw_uid, entry.pw_gid)
            made = [program("initdb"), "-D", data, "-U", "goldentime", "-A", "scram-sha-256", "-E", "UTF8"]
            made += [f"--pwfile={self.folder / 'password'}", "--locale=C.UTF-8", "--no-sync"]
            subprocess.run(list(map(str, made)), check=True, capture_output=True, cwd=self.folder, timeout=60, **user)
        command = [program("postgres"), "-D", data, "-p", self.port, "-h", "127.0.0.1", "-k", self.folder]
        command += ["-c", "fsync=off", "-c", "max_connections=30", "-c", "log_min_messages=fatal"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=self.folder, **user)
        self._wait()

    def stop(self) -> None:
        """End the server at once."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(2)  # a fast shutdown
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def _wait(self) -> None:
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                self.connect(database="postgres").close()
                return
            except psycopg.OperationalError:
                assert self.process is not None
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.05)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Yield a started server with an empty database ``goldentime``, and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # Not in pytest's own folder, which the server's user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="goldentime-postgres-"))
    server = PostgresServer(folder, port)
    try:
        server.start()
        with server.connect(database="postgres") as connection:
            connection.execute("CREATE DATABASE goldentime")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def empty(server: PostgresServer) -> None:
    """Drop everything the sink has made but the roles, which belong to the whole cluster."""
    server.run("DROP SCHEMA IF EXISTS goldentime CASCADE")
