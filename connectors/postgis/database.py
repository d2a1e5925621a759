"""The database: connecting, bringing its tables up to date, writing."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor

from connectors.postgis.parse import camera_rows, decision_row, storable
from connectors.postgis.statements import ADD_CASE, FORGET_CAMERAS, FORGET_DECISIONS, upsert
from schemas.camera_assignment import CameraAssignment

# Any number that is always the same: two sinks that start at once bring the tables up to date one after the other.
_LOCK = 0x474F4C44
_PREPARE = """
CREATE SCHEMA IF NOT EXISTS goldentime;
CREATE TABLE IF NOT EXISTS goldentime.migrations (
    name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now()
);
"""


def migrations() -> dict[str, str]:
    """Return the SQL files by name, in the order in which they are applied."""
    folder = resources.files("connectors.postgis") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return {file.name: file.read_text("utf-8") for file in files}


async def bring_up_to_date(connection: AsyncConnection[Any], agencies: Mapping[str, Sequence[str]]) -> list[str]:
    """Apply the migrations that the database has not, and say whose assignments each role sees; all or nothing.

    Returns:
        Names of the migrations that were applied.

    Raises:
        psycopg.Error: the database refuses.
    """
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if not await _has_tables(cursor):
            await cursor.execute(_PREPARE)
        await cursor.execute("SELECT name FROM goldentime.migrations")
        applied = {name for (name,) in await cursor.fetchall()}
        missing = {name: text for name, text in migrations().items() if name not in applied}
        for name, text in missing.items():
            await cursor.execute(text.encode())
            await cursor.execute("INSERT INTO goldentime.migrations (name) VALUES (%s)", (name,))
        await cursor.execute("DELETE FROM goldentime.role_agencies")
        pairs = [(role, agency) for role, names in agencies.items() for agency in sorted(set(names))]
        await cursor.executemany("INSERT INTO goldentime.role_agencies (role, agency) VALUES (%s, %s)", pairs)
    return list(missing)


async def write_records(
    connection: AsyncConnection[Any], records: Iterable[tuple[bytes | None, CameraAssignment | None]]
) -> None:
    """Write versions and forget cases, in order, in one transaction.

    Args:
        connection: the database.
        records: Kafka keys and versions; None forgets the places of the case whose id the key is.

    Raises:
        psycopg.Error: the database refuses; nothing was written.
    """
    async with connection.transaction(), connection.cursor() as cursor:
        waiting: list[CameraAssignment] = []
        for key, record in records:
            if record is not None:
                waiting.append(record)
                continue
            await _write(cursor, waiting)
            waiting = []
            case = {"case_id": storable((key or b"").decode("utf-8", "replace"))}
            await cursor.execute(FORGET_DECISIONS, case)
            await cursor.execute(FORGET_CAMERAS, case)
        await _write(cursor, waiting)


async def _write(cursor: AsyncCursor[Any], assignments: Sequence[CameraAssignment]) -> None:
    decisions = [decision_row(assignment) for assignment in assignments]
    cameras = [row for assignment in assignments for row in camera_rows(assignment)]
    if not decisions:
        return
    await cursor.executemany(ADD_CASE, decisions)
    await cursor.executemany(upsert("decisions", decisions[0], ("version",)), decisions)
    if cameras:
        await cursor.executemany(upsert("decision_cameras", cameras[0], ("version", "camera_id")), cameras)


async def _has_tables(cursor: AsyncCursor[Any]) -> bool:
    await cursor.execute("SELECT to_regclass(%s) IS NOT NULL", ("goldentime.migrations",))
    row = await cursor.fetchone()
    return bool(row and row[0])


def is_of_a_record(error: psycopg.Error) -> bool:
    """Return whether an error speaks of a value that no column or index takes, so that other records are taken."""
    # Classes 22 data exception, 54 program limit exceeded, such as a text that is too long for an index.
    return isinstance(error, psycopg.DataError) or (error.sqlstate or "")[:2] in ("22", "54")


def is_passing(error: psycopg.Error) -> bool:
    """Return whether an error may be gone at the next try: no connection, no room, a deadlock, a shutdown."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return True
    # Classes 40 transaction rollback, 53 insufficient resources, 55 not in the needed state, 57 operator intervention.
    return (error.sqlstate or "")[:2] in ("40", "53", "55", "57")
