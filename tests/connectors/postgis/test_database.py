"""The sink on a real PostgreSQL with PostGIS."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.manifest import build_sink
from connectors.kit.sink import Delivered
from schemas.camera_assignment import CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.connectors.local_context import a_context
from tests.connectors.postgis.server import PASSWORD, PostgresServer, empty
from tests.console.assignments import a_camera, an_assignment
from tests.support.connector_suite import SinkSamples, sink_suite

pytestmark = pytest.mark.slow
FAR_US = 4_000_000_000_000_000  # 2096: a lease that holds while the test runs
CURRENT: list[PostgresServer] = []


@pytest.fixture(autouse=True)
def _current(database: PostgresServer) -> None:
    CURRENT[:] = [database]


@dataclass
class Gate:
    """A door before the server that can stay shut for so many connections, or swallow them."""

    server: PostgresServer
    options: dict[str, Any] = field(default_factory=dict)
    failures: int = 0
    calls: int = 0
    hangs: bool = False
    inside: set[asyncio.Task[None]] = field(default_factory=set)

    def taken(self) -> list[Any]:
        if not self.server.rows("SELECT to_regclass('goldentime.decisions')")[0][0]:
            return []
        return self.server.rows(
            "SELECT case_id, version, status, ST_AsText(place), occurred_at, camera_count FROM goldentime.centre "
            "ORDER BY case_no, version"
        )

    def fail(self, times: int) -> None:
        self.failures = times

    def hang(self) -> None:
        self.hangs = True

    async def enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        task = asyncio.current_task()
        assert task is not None
        self.inside.add(task)
        try:
            if self.failures:
                self.failures -= 1
                return
            if self.hangs:
                await reader.read()  # until the other side goes away
                return
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))
        finally:
            await closed(writer)
            self.inside.discard(task)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def gate() -> AsyncIterator[Gate]:
    outside = Gate(CURRENT[0])
    door = await asyncio.start_server(outside.enter, "127.0.0.1", 0)
    outside.options = {"port": door.sockets[0].getsockname()[1], "tls": "disable", "timeout_s": 5}
    try:
        yield outside
    finally:
        door.close()
        await asyncio.wait_for(asyncio.gather(*outside.inside), 5)
        empty(outside.server)


TestPostgis = sink_suite(
    "postgis",
    SinkSamples(
        outside=gate,
        records=[an_assignment(version=version) for version in (1, 2, 3)],
        secret_option="password_file",
    ),
)


def delivered(records: Sequence[CameraAssignment | None], first: int = 0) -> list[Delivered]:
    key = b"police_112:1"
    return [Delivered(CAMERA_ASSIGNMENTS, 0, first + n, key, record) for n, record in enumerate(records)]


async def write(database: PostgresServer, folder: Path, records: Sequence[CameraAssignment | None]) -> None:
    (folder / "password").write_text(PASSWORD)
    options = {"port": database.port, "password_file": str(folder / "password"), "police": ["demo-112"]}
    sink = build_sink("postgis", {**options, "fire": "demo-119", "disaster": "demo-disaster-centre"}, a_context())
    try:
        await sink.write(delivered(records))
    finally:
        await sink.close()


async def test_places_are_points_that_maps_can_ask_for(database: PostgresServer, tmp_path: Path) -> None:
    await write(database, tmp_path, [an_assignment()])
    near = "SELECT count(*) FROM goldentime.decisions WHERE ST_DWithin(place::geography, %s::geography, 500)"
    assert database.rows(near, parameters=["SRID=4326;POINT(127.4 37.4)"]) == [(1,)]
    assert database.rows(near, parameters=["SRID=4326;POINT(127.5 37.4)"]) == [(0,)]
    assert database.rows("SELECT ST_SRID(aim), owner FROM goldentime.decision_cameras") == [(4326, "솔내구")]


async def test_a_tombstone_deletes_every_position_and_keeps_the_decision(
    database: PostgresServer, tmp_path: Path
) -> None:
    await write(database, tmp_path, [an_assignment(), an_assignment(version=2), None])
    assert database.rows(
        "SELECT version, place, accuracy_m, heading_deg, forgotten_at IS NOT NULL FROM goldentime.decisions ORDER BY 1"
    ) == [(1, None, None, None, True), (2, None, None, None, True)]
    assert database.rows("SELECT DISTINCT aim, distance_m, bearing_deg, pan_deg FROM goldentime.decision_cameras") == [
        (None, None, None, None)
    ]


async def test_a_case_that_opens_again_after_it_was_forgotten_keeps_its_new_place(
    database: PostgresServer, tmp_path: Path
) -> None:
    records = [an_assignment(), None, an_assignment(opened_us=FAR_US)]
    for _ in range(2):  # also when all of it comes again
        await write(database, tmp_path, records)
        assert database.rows(
            "SELECT opened_us = 4000000000000000, place IS NULL FROM goldentime.centre ORDER BY opened_us"
        ) == [(False, True), (True, False)]


async def test_each_role_reads_its_own_view_and_nothing_else(database: PostgresServer, tmp_path: Path) -> None:
    await write(database, tmp_path, [an_assignment(valid_until_us=FAR_US)])
    roles = ("centre", "police", "fire", "disaster", "analysis")
    relations = (*roles, "present", "decisions", "cases", "decision_cameras", "role_agencies", "migrations")
    with database.connect() as connection:
        for role in roles:
            connection.execute(f"SET ROLE goldentime_{role}".encode())
            for relation in relations:
                statement = f"SELECT * FROM goldentime.{relation}".encode()
                if relation == role:
                    connection.execute(statement)
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(b"DELETE FROM goldentime.decisions")
            connection.execute("RESET ROLE")


async def test_an_agency_sees_the_newest_version_of_the_cases_addressed_to_it(
    database: PostgresServer, tmp_path: Path
) -> None:
    police = [an_assignment("a", version, valid_until_us=FAR_US) for version in (1, 2)]
    fire = an_assignment("b", valid_until_us=FAR_US, recipients=("demo-119:control-room",))
    drill = an_assignment("c", valid_until_us=FAR_US, exercise=True)
    over = an_assignment("d", valid_until_us=1_772_334_000_000_000)
    released = an_assignment("e", 2, valid_until_us=FAR_US, status="released", cameras=())
    await write(database, tmp_path, [*police, fire, drill, over, an_assignment("e", valid_until_us=FAR_US), released])

    assert database.rows("SELECT case_id, version FROM goldentime.police") == [("a", 2)]
    assert database.rows("SELECT case_id, version FROM goldentime.fire") == [("b", 1)]
    assert database.rows("SELECT case_id FROM goldentime.disaster") == []
    assert len(database.rows("SELECT case_id FROM goldentime.centre")) == 7
    ((cameras,),) = database.rows("SELECT cameras FROM goldentime.police")
    assert (cameras[0]["camera_id"], cameras[0]["pan_deg"]) == ("cam-1", 45.0)


async def test_analysis_sees_neither_ids_nor_places(database: PostgresServer, tmp_path: Path) -> None:
    await write(database, tmp_path, [an_assignment(cameras=(a_camera("cam-77"),))])
    columns = database.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'goldentime' "
        "AND table_name = 'analysis'"
    )
    assert not {"case_id", "place", "recipients", "added", "cameras"} & {name for (name,) in columns}
    assert "police_112" not in str(database.rows("SELECT * FROM goldentime.analysis"))
    assert "cam-77" not in str(database.rows("SELECT * FROM goldentime.analysis"))


async def test_migrations_are_applied_once_also_by_two_sinks_at_once(database: PostgresServer, tmp_path: Path) -> None:
    await asyncio.gather(*(write(database, tmp_path, [an_assignment(str(n))]) for n in range(3)))
    names = [name for (name,) in database.rows("SELECT name FROM goldentime.migrations ORDER BY name")]
    assert names == ["001_decisions.sql", "002_views.sql", "003_reported.sql"]
    assert database.rows("SELECT count(*) FROM goldentime.cases") == [(3,)]


async def test_a_batch_stands_whole_or_not_at_all(database: PostgresServer, tmp_path: Path) -> None:
    await write(database, tmp_path, [an_assignment()])
    database.run("ALTER TABLE goldentime.decisions ADD CONSTRAINT two CHECK (version < 3)")
    with pytest.raises(ConnectorConfigError, match="refuses: CheckViolation"):
        await write(database, tmp_path, [an_assignment(version=2), an_assignment(version=3)])
    assert database.rows("SELECT version FROM goldentime.decisions") == [(1,)]


async def test_a_record_that_no_column_takes_is_passed_over_and_its_neighbours_stand(
    database: PostgresServer, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    options = {"port": database.port, "password_file": str(tmp_path / "password")}
    sink: Any = build_sink("postgis", options, a_context())
    long_id = "".join(chr(0xAC00 + n * 7919 % 11_000) for n in range(20_000))
    records = [an_assignment(), an_assignment(version=2, rank=2**40), an_assignment(long_id), an_assignment(version=4)]
    await sink.write(delivered(records))
    await sink.close()
    assert database.rows("SELECT version FROM goldentime.decisions ORDER BY 1") == [(1,), (4,)]
    assert sink.findings["refused"] == 2


async def test_a_tombstone_finds_its_case_whatever_is_in_the_id(database: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    options = {"port": database.port, "password_file": str(tmp_path / "password")}
    sink = build_sink("postgis", options, a_context())
    key = "신고\x00🚒".encode()
    await sink.write([Delivered(CAMERA_ASSIGNMENTS, 0, 0, key, an_assignment(key.decode()))])
    await sink.write([Delivered(CAMERA_ASSIGNMENTS, 0, 1, key, None)])
    await sink.close()
    assert database.rows("SELECT place, forgotten_at IS NOT NULL FROM goldentime.decisions") == [(None, True)]


async def test_a_server_that_restarts_is_found_again(database: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    options = {"port": database.port, "password_file": str(tmp_path / "password"), "timeout_s": 5}
    sink = build_sink("postgis", options, a_context())
    await sink.write(delivered([an_assignment()]))
    await asyncio.to_thread(database.stop)
    with pytest.raises(SinkUnavailableError):
        await sink.write(delivered([an_assignment(version=2)], 1))
    await asyncio.to_thread(database.start)
    await sink.write(delivered([an_assignment(version=2)], 1))
    await sink.close()
    assert database.rows("SELECT version FROM goldentime.decisions ORDER BY 1") == [(1,), (2,)]
