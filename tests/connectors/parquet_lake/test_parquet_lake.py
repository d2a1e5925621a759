"""Decisions as Parquet files: once each, whatever is killed; by hour; without telling where a person was."""

import asyncio
import errno
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import connectors.parquet_lake
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.reading.json_records import record_from_json
from connectors.kit.sink import Delivered
from connectors.parquet_lake import files, journal
from connectors.parquet_lake.parse import schema_of
from connectors.parquet_lake.sink import Config, ParquetLakeSink
from schemas.camera_assignment import CameraAssignment
from schemas.topics import ACCESS_AUDITS, CAMERA_ASSIGNMENTS
from tests.connectors.local_context import a_context
from tests.console.assignments import T0_US, a_camera, an_assignment
from tests.support.connector_suite import SinkSamples, sink_suite

HOUR_US = 3_600_000_000
TOPIC = CAMERA_ASSIGNMENTS.name


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Return all rows of the decisions in a lake, in the order of the log."""
    if not (folder / TOPIC).is_dir():
        return []
    table = ds.dataset(folder / TOPIC, schema=schema_of(CAMERA_ASSIGNMENTS), partitioning="hive").to_table()
    return sorted(table.to_pylist(), key=lambda row: (row["log_partition"], row["log_era"], row["log_offset"]))


@dataclass
class Disk:
    """A folder on a disk that can refuse to write so many times."""

    folder: Path
    failures: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    real: Callable[[int], None] = os.fsync

    def taken(self) -> list[tuple[int, int]]:
        return [(row["log_offset"], row["version"]) for row in rows_of(self.folder)]

    def fail(self, times: int) -> None:
        self.failures = times

    def fsync(self, descriptor: int) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        self.real(descriptor)


@asynccontextmanager
async def disk() -> AsyncIterator[Disk]:
    with TemporaryDirectory() as folder:
        outside = Disk(Path(folder) / "lake")
        outside.options = {"folder": str(outside.folder)}
        with patch.object(journal.os, "fsync", outside.fsync):
            yield outside


TestParquetLake = sink_suite(
    "parquet_lake",
    SinkSamples(
        outside=disk,
        records=[an_assignment(version=version) for version in (1, 2, 3)],
        options={"rows_max": 1},
    ),
)


def delivered(offset: int, record: CameraAssignment | None = None, partition: int = 0) -> Delivered:
    record = record or an_assignment(version=offset + 1, decided_us=T0_US + offset)
    return Delivered(CAMERA_ASSIGNMENTS, partition, offset, b"key", record)


def a_sink(folder: Path, **changes: Any) -> ParquetLakeSink:
    return ParquetLakeSink(Config(folder=folder, **changes), a_context(now_us=T0_US))


async def test_rows_gather_in_the_journal_and_become_files_when_there_are_enough(tmp_path: Path) -> None:
    sink = a_sink(tmp_path, rows_max=3)
    await sink.write([delivered(0), delivered(1)])
    before = rows_of(tmp_path)
    await sink.write([delivered(2)])
    after = rows_of(tmp_path)
    await sink.close()

    assert before == []
    assert [row["log_offset"] for row in after] == [0, 1, 2]
    assert len(list(tmp_path.rglob("*.parquet"))) == 1


async def test_what_has_waited_long_enough_becomes_a_file_without_further_records(tmp_path: Path) -> None:
    sink = a_sink(tmp_path, age_s=0.05)
    await sink.write([delivered(0)])
    async with asyncio.timeout(5):
        while not rows_of(tmp_path):
            await asyncio.sleep(0.01)
    await sink.close()


async def test_the_end_of_the_sink_makes_files_of_what_waits(tmp_path: Path) -> None:
    sink = a_sink(tmp_path)
    await sink.write([delivered(0)])
    await sink.close()
    assert len(rows_of(tmp_path)) == 1


async def test_files_lie_by_topic_date_and_hour_and_are_named_by_their_first_offset(tmp_path: Path) -> None:
    sink = a_sink(tmp_path)
    later = an_assignment(version=2, decided_us=T0_US + HOUR_US)
    await sink.write([delivered(7), delivered(8, later), delivered(3, partition=1)])
    await sink.close()

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet")) == [
        "camera-assignments/date=2026-06-17/hour=05/camera-assignments-0-0-00000000000000000007.parquet",
        "camera-assignments/date=2026-06-17/hour=05/camera-assignments-1-0-00000000000000000003.parquet",
        "camera-assignments/date=2026-06-17/hour=06/camera-assignments-0-0-00000000000000000008.parquet",
    ]


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(call: int) -> Iterator[None]:
    """Kill the process at the so-manieth step to the disk: sync, rename or emptying."""
    steps = iter(range(1, 10_000))

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            if next(steps) == call:
                raise Killed
            return real(*arguments, **named)

        return step

    with (
        patch.object(journal.os, "fsync", dying(os.fsync)),
        patch.object(journal.Path, "replace", dying(Path.replace)),
        patch.object(files, "parquet_bytes", dying(files.parquet_bytes)),
    ):
        yield


@pytest.mark.parametrize("call", range(1, 17))
def test_killed_at_any_step_no_row_is_lost_and_none_is_doubled(call: int, tmp_path: Path) -> None:
    records = [delivered(n, an_assignment(version=n, decided_us=T0_US + n * HOUR_US // 2)) for n in range(4)]
    first = a_sink(tmp_path, rows_max=3)
    try:
        with killed_at(call):
            first._take(records[:2])
            first._take(records[2:])
    except Killed:
        pass
    first._forget()  # the operating system closes a dead process's files

    second = a_sink(tmp_path, rows_max=3)
    second._take(records)  # nothing was committed: all come again
    second._flush()
    second._forget()

    assert [row["log_offset"] for row in rows_of(tmp_path)] == [0, 1, 2, 3]


def test_a_line_that_was_cut_off_by_a_kill_is_read_again_from_the_log(tmp_path: Path) -> None:
    first = a_sink(tmp_path)
    first._take([delivered(0), delivered(1)])
    first._forget()
    lines = tmp_path / "_journal" / "rows.jsonl"
    lines.write_bytes(lines.read_bytes()[:-20])

    second = a_sink(tmp_path)
    second._take([delivered(0), delivered(1)])
    second._flush()
    second._forget()

    assert [row["log_offset"] for row in rows_of(tmp_path)] == [0, 1]


def test_two_processes_never_write_to_one_folder(tmp_path: Path) -> None:
    first, second = a_sink(tmp_path), a_sink(tmp_path)
    first._take([delivered(0)])
    with pytest.raises(SinkUnavailableError, match="another process"):
        second._take([delivered(1)])
    first._forget()
    second._take([delivered(1)])
    second._forget()


async def test_a_topic_that_was_made_anew_is_another_log_and_overwrites_nothing(tmp_path: Path) -> None:
    sink = a_sink(tmp_path)
    await sink.write([delivered(0), delivered(1)])
    await sink.close()
    again = a_sink(tmp_path)
    await again.write([delivered(0, an_assignment("other", decided_us=T0_US + HOUR_US // 4))])
    await again.close()

    assert [(row["log_era"], row["log_offset"]) for row in rows_of(tmp_path)] == [(0, 0), (0, 1), (1, 0)]


async def test_exact_places_and_what_gives_them_away_stay_out_unless_the_city_keeps_them(tmp_path: Path) -> None:
    for positions in ("coarse", "exact"):
        sink = a_sink(tmp_path / positions, positions=positions, keep_days=7)
        await sink.write([delivered(0)])
        await sink.close()
    (coarse,), (exact,) = rows_of(tmp_path / "coarse"), rows_of(tmp_path / "exact")

    assert (exact["where_lat_deg"], exact["cameras"][0]["distance_m"]) == (37.4, 34.0)
    assert exact["cameras"][0]["aim"]["lat_deg"] == 37.4
    assert dict(exact["cameras"][0]["why"])["gain"] == 0.51
    told = {name: coarse["cameras"][0][name] for name in ("aim", "distance_m", "bearing_deg", "why")}
    assert set(told.values()) == {None}
    assert coarse["runner_up"][0]["distance_m"] is None
    assert coarse["cameras"][0]["camera_id"] == "cam-1"


def test_exact_places_need_an_end(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match="keep_days"):
        Config.from_options({"folder": str(tmp_path), "positions": "exact"})


async def test_dates_that_had_their_time_are_deleted(tmp_path: Path) -> None:
    old = an_assignment(version=1, decided_us=T0_US - 10 * 24 * HOUR_US)
    sink = a_sink(tmp_path, keep_days=7)
    await sink.write([delivered(0, old), delivered(1)])
    await sink.close()

    assert [row["log_offset"] for row in rows_of(tmp_path)] == [1]


async def test_files_from_before_a_field_existed_are_read_with_it_empty(tmp_path: Path) -> None:
    sink = a_sink(tmp_path)
    await sink.write([delivered(0)])
    await sink.close()
    (path,) = tmp_path.rglob("*.parquet")
    older = pq.read_table(path, partitioning=None).drop_columns(["p_view", "assumptions"])
    pq.write_table(older, path.with_name("camera-assignments-0-0-00000000000000000009.parquet"))

    rows = rows_of(tmp_path)

    assert len(rows) == 2
    assert {row["assumptions"] is None for row in rows} == {True, False}


async def test_every_field_of_the_contract_has_a_column_and_comes_back_as_it_was(tmp_path: Path) -> None:
    assignment = an_assignment(cameras=(a_camera("a"), a_camera("b", aim=None)), p_view=0.5, assumptions=("x",))
    sink = a_sink(tmp_path, positions="exact", keep_days=1)
    await sink.write([delivered(0, assignment)])
    await sink.close()
    (row,) = rows_of(tmp_path)

    assert [camera["camera_id"] for camera in row["cameras"]] == ["a", "b"]
    assert row["cameras"][1]["aim"] is None
    assert (row["where_district"], row["excluded"], row["assumptions"]) == ("솔내구", [("purpose", 5)], ["x"])
    assert row["sources"] == [{"topic": "incidents", "partition": 3, "offset": 7}]
    assert pa.types.is_list(schema_of(ACCESS_AUDITS).field("camera_ids").type)


async def test_a_disk_that_is_full_loses_nothing(tmp_path: Path) -> None:
    async with disk() as outside:
        sink = a_sink(outside.folder, rows_max=2)
        outside.fail(2)
        for _ in range(2):
            with pytest.raises(SinkUnavailableError, match="No space left"):
                await sink.write([delivered(0), delivered(1)])
        await sink.write([delivered(0), delivered(1)])
        await sink.close()
        assert [offset for offset, _ in outside.taken()] == [0, 1]


def test_the_example_of_the_manifest_is_a_record_of_the_contract() -> None:
    example = Path(connectors.parquet_lake.__file__).parent / "examples" / "assignment.json"
    record = record_from_json(CameraAssignment, json.loads(example.read_text("utf-8")))
    assert record.case_id == "police_112:17"
