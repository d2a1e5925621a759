"""Reads versions of assignments from a lake of Parquet files or from the database of decisions."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from console.errors import ConsoleError
from console.reporting.cases import US_PER_S
from console.reporting.decisions import Decision
from pipeline.decisions.golden_time import SHOWING
from schemas.camera_assignment import CameraRole
from schemas.topics import CAMERA_ASSIGNMENTS

NEEDS = "pip install pyarrow 'psycopg[binary]' matplotlib, the extra goldentime[report]"
_COLUMNS = (
    "case_id", "opened_us", "version", "status", "kind", "where_district", "exercise", "occurred_us", "reported_us",
    "decided_us", "added", "released", "cameras", "log_era",
)  # fmt: skip
_QUERY = """
SELECT case_no, version, status, kind, district, exercise, coalesce(reported_at, occurred_at), opened_at, decided_at,
       shows_target, hands_over
  FROM goldentime.analysis
 WHERE opened_at >= %s AND opened_at < %s
"""
_BATCH_ROWS = 10_000


def from_lake(folder: Path, begin_us: int, end_us: int) -> Iterator[Decision]:
    """Yield the versions of the cases that opened in a span.

    Args:
        folder: the lake; its decisions lie in ``camera-assignments``.
        begin_us: first time of the span, UTC microseconds since the epoch.
        end_us: first time after it.

    Raises:
        ConsoleError: there is no lake, or what reads Parquet is not installed.
    """
    root = folder / CAMERA_ASSIGNMENTS.name
    if not root.is_dir():
        raise ConsoleError(f"{folder} holds no decisions: it has no folder {CAMERA_ASSIGNMENTS.name}")
    try:
        import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
        import pyarrow.dataset as ds  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        from connectors.parquet_lake.parse import schema_of  # noqa: PLC0415 - needs the extra too
    except ImportError as error:
        raise ConsoleError(f"reading Parquet needs an extra: {NEEDS}") from error
    # Files from before a column existed read with it empty. Partitions by date leave out what was decided before.
    schema = schema_of(CAMERA_ASSIGNMENTS).append(pa.field("date", pa.string()))
    hive = ds.partitioning(pa.schema([("date", pa.string()), ("hour", pa.string())]), flavor="hive")
    dataset = ds.dataset(root, schema=schema, format="parquet", partitioning=hive)
    wanted = (ds.field("date") >= _utc_date(begin_us)) & (ds.field("opened_us") >= begin_us)
    wanted &= ds.field("opened_us") < end_us
    for batch in dataset.to_batches(columns=list(_COLUMNS), filter=wanted, batch_size=_BATCH_ROWS):
        yield from map(_from_row, batch.to_pylist())


def from_database(conninfo: str, begin_us: int, end_us: int) -> Iterator[Decision]:
    """Yield the versions of the cases that opened in a span, from the view ``analysis``.

    Args:
        conninfo: how to reach the database, in the words of libpq or as a URL, without a password.
        begin_us: first time of the span, UTC microseconds since the epoch.
        end_us: first time after it.

    Raises:
        ConsoleError: the database does not answer or refuses, or its client is not installed.
    """
    try:
        import psycopg  # noqa: PLC0415 - an extra
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415
    except ImportError as error:
        raise ConsoleError(f"reading PostgreSQL needs an extra: {NEEDS}") from error
    try:
        if "password" in conninfo_to_dict(conninfo):
            raise ConsoleError("--database must hold no password: other users see command lines; use ~/.pgpass")
        with psycopg.connect(conninfo, connect_timeout=10) as connection, connection.cursor("report") as cursor:
            cursor.itersize = _BATCH_ROWS
            cursor.execute(_QUERY, (_moment(begin_us), _moment(end_us)))
            yield from (_from_database_row(row) for row in cursor)
    except psycopg.Error as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConsoleError(f"the database cannot be read: {reason}") from error


def write_whole(path: Path, text: str) -> None:
    """Put a file in its place whole: a reader never sees half a report."""
    aside = path.with_name(f"{path.name}.new")
    aside.write_text(text, "utf-8")
    aside.replace(path)


def day_begin_us(day: date, zone: Any) -> int:
    """Return when a day begins in a time zone, UTC microseconds since the epoch."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * US_PER_S


def next_day(day: date) -> date:
    """Return the day after."""
    return day + timedelta(days=1)


def _from_row(row: Mapping[str, Any]) -> Decision:
    roles = [camera["role"] for camera in row["cameras"] or ()]
    ends = bool(row["released"]) or CameraRole.ENDING in roles
    return Decision(
        case=f"{row['case_id']}/{row['opened_us']}",
        version=row["version"],
        status=row["status"],
        kind=row["kind"],
        district=row["where_district"],
        exercise=bool(row["exercise"]),
        # A file from before the column existed has none: then what happened is all that is known.
        reported_us=row["occurred_us"] if row["reported_us"] is None else row["reported_us"],
        opened_us=row["opened_us"],
        decided_us=row["decided_us"],
        shows_target=not SHOWING.isdisjoint(roles),
        hands_over=bool(row["version"] > 1 and row["added"] and ends),
    )


def _from_database_row(row: Any) -> Decision:
    case_no, version, status, kind, district, exercise, reported, opened, decided, shows_target, hands_over = row
    return Decision(
        case=str(case_no),
        version=version,
        status=status,
        kind=kind,
        district=district,
        exercise=exercise,
        reported_us=_us(reported or decided),
        opened_us=_us(opened or decided),
        decided_us=_us(decided),
        shows_target=shows_target,
        hands_over=hands_over,
    )


def _moment(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us // US_PER_S, UTC)


def _utc_date(time_us: int) -> str:
    return f"{_moment(time_us):%Y-%m-%d}"


def _us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
