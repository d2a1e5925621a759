"""One server for all tests of this folder; each begins with an empty database."""

from collections.abc import Iterator

import pytest

from tests.connectors.postgis.server import PostgresServer, empty, missing, running_postgres


@pytest.fixture(scope="package")
def server() -> Iterator[PostgresServer]:
    if reason := missing():
        pytest.skip(reason)
    with running_postgres() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> PostgresServer:
    empty(server)
    return server
