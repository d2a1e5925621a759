"""What a power cut, a stop, a folder and a record may do to the lake's journal."""

from pathlib import Path

import pytest

from connectors.kit.errors import SinkUnavailableError
from connectors.kit.sink import Delivered
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.connectors.parquet_lake.test_parquet_lake import TOPIC, a_sink, delivered, rows_of
from tests.console.assignments import an_assignment


async def test_more_rows_than_a_stop_leaves_time_for_become_files_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.parquet_lake.sink.CLOSING_ROWS_MAX", 2)
    first = a_sink(tmp_path)
    await first.write([delivered(n) for n in range(3)])
    await first.close()
    assert rows_of(tmp_path) == []

    second = a_sink(tmp_path, rows_max=4)
    await second.write([delivered(3)])
    await second.close()
    assert [row["log_offset"] for row in rows_of(tmp_path)] == [0, 1, 2, 3]


def test_lines_of_which_a_power_cut_left_zeros_are_read_again_from_the_log(tmp_path: Path) -> None:
    first = a_sink(tmp_path)
    first._take([delivered(0)])
    lines = tmp_path / "_journal" / "rows.jsonl"
    safe_bytes = lines.stat().st_size
    first._take([delivered(1), delivered(2)])
    first._forget()
    # The blocks of one append may reach the disk in any order.
    written = lines.read_bytes()
    lines.write_bytes(written[: safe_bytes + 40] + b"\0" * 40 + written[safe_bytes + 80 :])

    second = a_sink(tmp_path)
    second._take([delivered(1), delivered(2)])
    second._flush()
    second._forget()

    assert [row["log_offset"] for row in rows_of(tmp_path)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("decided_us", "hour"), [(2**63 - 1, "date=2200-01-01/hour=00"), (-(2**63), "date=1900-01-01/hour=00")]
)
async def test_a_time_that_is_none_stops_nothing(tmp_path: Path, decided_us: int, hour: str) -> None:
    sink = a_sink(tmp_path)
    record = an_assignment(decided_us=decided_us)
    await sink.write([Delivered(CAMERA_ASSIGNMENTS, 0, 0, record.case_id.encode(), record)])
    await sink.close()
    assert len(list((tmp_path / TOPIC / hour).iterdir())) == 1


async def test_a_journal_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "_journal" / "rows.jsonl").mkdir(parents=True)
    sink = a_sink(tmp_path)
    with pytest.raises(SinkUnavailableError, match="Is a directory"):
        await sink.write([delivered(0)])
    (tmp_path / "_journal" / "rows.jsonl").rmdir()
    await sink.write([delivered(0)])
    await sink.close()
    assert len(rows_of(tmp_path)) == 1
