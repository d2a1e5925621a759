"""Parquet files of a lake: named by their first offset, put in place whole, deleted by date."""

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from connectors.parquet_lake.journal import Waiting, replace_file
from connectors.parquet_lake.parse import hour_of, schema_of
from schemas.topics import BY_NAME

_DATE = "date="


def write_files(root: Path, waiting: Iterable[Waiting]) -> list[Path]:
    """Write rows into the files of their hours; return the files.

    A file is named by topic, partition, era and its first offset, so that the same rows, or more that follow them,
    give the same file again.

    Raises:
        OSError: the disk refuses.
    """

    def place_of(row: Waiting) -> tuple[str, str, int, int]:
        return row.topic, hour_of(row.time_us), row.row["log_partition"], row.row["log_era"]

    written = []
    for (topic, hour, partition, era), rows in groupby(sorted(waiting, key=place_of), place_of):
        columns = sorted((row.row for row in rows), key=lambda row: int(row["log_offset"]))
        name = f"{topic}-{partition}-{era}-{columns[0]['log_offset']:020d}.parquet"
        path = root / topic / hour / name
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, parquet_bytes(topic, columns))
        written.append(path)
    return written


def parquet_bytes(topic: str, rows: list[dict[str, Any]]) -> bytes:
    """Return rows of a topic as a Parquet file, compressed with zstd."""
    schema = schema_of(BY_NAME[topic])
    said = {"goldentime.topic": topic, "goldentime.first_offset": str(rows[0]["log_offset"])}
    said["goldentime.last_offset"] = str(rows[-1]["log_offset"])
    arrays = [pa.array([_arrow_value(row.get(f.name)) for row in rows], f.type) for f in schema]
    table = pa.Table.from_arrays(arrays, schema=schema.with_metadata(said))
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    return bytes(buffer.getvalue())


def delete_before(root: Path, topics: Iterable[str], first_us: int) -> int:
    """Delete the dates before that of a time; return how many.

    Raises:
        OSError: the disk refuses.
    """
    first = f"{_DATE}{datetime.fromtimestamp(first_us // 1_000_000, UTC):%Y-%m-%d}"
    old = [folder for topic in topics for folder in (root / topic).glob(f"{_DATE}*") if folder.name < first]
    for folder in old:
        shutil.rmtree(folder)
    return len(old)


def days_before_us(now_us: int, days: int) -> int:
    """Return the time some days before another, UTC microseconds since the epoch."""
    return now_us - days * (timedelta(days=1) // timedelta(microseconds=1))


def _arrow_value(value: Any) -> Any:
    """Return a JSON value as Arrow takes it: maps are pairs."""
    if isinstance(value, list):
        return [_with_maps(item) for item in value]
    return list(value.items()) if isinstance(value, Mapping) else value


def _with_maps(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    return {name: list(value.items()) if name == "why" and value is not None else value for name, value in item.items()}
