"""Dropped files are read once, in order, row by row, whatever their encoding and faults, and reading resumes."""

import asyncio
import json
import logging
from contextlib import aclosing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.transports.dropped_file import MAX_ROW_BYTES
from connectors.kit.transports.file_drop import FileDrop, FileDropConfig

QUICK_S = 0.01


async def rows_of(path, cursor=None, required=(), **options):
    drop = FileDrop(FileDropConfig(path, once=True, **options), required)
    return [row async for row in drop.rows(cursor)]


def cells(rows):
    return [dict(row.cells) for row in rows]


async def test_files_are_read_in_the_order_of_their_names(tmp_path):
    (tmp_path / "0302.csv").write_text("A\n3\n")
    (tmp_path / "0301.csv").write_text("A\n1\n2\n")

    rows = await rows_of(tmp_path)

    assert [row.cells["A"] for row in rows] == ["1", "2", "3"]
    assert [row.cursor for row in rows] == ["1:0301.csv", "2:0301.csv", "1:0302.csv"]


async def test_files_that_are_still_being_written_are_left_alone(tmp_path):
    for name in ("a.csv.part", ".b.csv", "~c.csv", "d.tmp", "e.xlsx"):
        (tmp_path / name).write_text("A\nunfinished\n")
    (tmp_path / "f.csv").write_text("A\ncomplete\n")

    assert cells(await rows_of(tmp_path)) == [{"A": "complete"}]


async def test_reading_resumes_after_the_cursor(tmp_path):
    (tmp_path / "1.csv").write_text("A\n1\n2\n3\n")
    (tmp_path / "2.csv").write_text("A\n4\n")

    all_rows = await rows_of(tmp_path)
    for done, row in enumerate(all_rows, start=1):
        assert await rows_of(tmp_path, row.cursor) == all_rows[done:]


async def test_rows_added_to_the_file_of_the_cursor_are_read(tmp_path):
    (tmp_path / "1.csv").write_text("A\n1\n")
    cursor = (await rows_of(tmp_path))[-1].cursor
    (tmp_path / "1.csv").write_text("A\n1\n2\n")

    assert cells(await rows_of(tmp_path, cursor)) == [{"A": "2"}]


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
async def test_the_encoding_is_found(tmp_path, encoding, line_end):
    text = line_end.join(["부서,유형", "대전청,똠방각하 사건", "서울청,화재", ""])
    (tmp_path / "1.csv").write_bytes(text.encode(encoding))

    assert cells(await rows_of(tmp_path)) == [
        {"부서": "대전청", "유형": "똠방각하 사건"},
        {"부서": "서울청", "유형": "화재"},
    ]


async def test_broken_bytes_spoil_only_their_own_row(tmp_path):
    lines = ["부서,유형".encode(), "대전청,화재".encode(), b"\xff\xfe,\xb0", "서울청,구조".encode()]
    (tmp_path / "1.csv").write_bytes(b"\n".join(lines))

    rows = await rows_of(tmp_path)

    assert [row.broken_bytes for row in rows] == [False, True, False]
    assert rows[2].cells == {"부서": "서울청", "유형": "구조"}


async def test_a_quoted_cell_may_hold_commas_quotes_and_line_breaks(tmp_path):
    (tmp_path / "1.csv").write_text('A,MEMO,B\n1,"says ""help"",\nthen silence",2\n3,,4\n')

    assert [(row.cells["A"], row.cells["B"]) for row in await rows_of(tmp_path)] == [("1", "2"), ("3", "4")]


async def test_a_stray_quote_does_not_swallow_the_rows_after_it(tmp_path):
    rows = "".join(f"{n},x\n" for n in range(2, 60))
    (tmp_path / "1.csv").write_text('A,MEMO\n1,"never closed\n' + rows)

    read = await rows_of(tmp_path)

    assert [row.cells.get("A") for row in read] == [str(n) for n in range(1, 60)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2,3", "wrong-column-count"),
        ("1", "wrong-column-count"),
        ("1," + "x" * (MAX_ROW_BYTES + 10), "row-too-large"),
    ],
)
async def test_an_unreadable_row_is_named_and_its_neighbours_pass(tmp_path, row, reason):
    (tmp_path / "1.csv").write_text(f"A,B\nbefore,b\n{row}\nafter,b\n")

    before, bad, after = await rows_of(tmp_path)

    assert (before.cells["A"], after.cells["A"]) == ("before", "after")
    assert bad.problem is not None
    assert bad.problem.reason == reason
    assert not bad.cells


async def test_a_comma_at_the_end_of_every_row_is_forgiven(tmp_path):
    (tmp_path / "1.csv").write_text("A,B\n1,2,\n")

    assert cells(await rows_of(tmp_path)) == [{"A": "1", "B": "2"}]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
async def test_other_delimiters_are_recognised(tmp_path, delimiter):
    (tmp_path / "1.csv").write_text(f"A{delimiter}B\n1{delimiter}2,5\n")

    assert cells(await rows_of(tmp_path)) == [{"A": "1", "B": "2,5"}]


async def test_a_file_without_the_required_columns_gets_one_answer_and_is_not_read_again(tmp_path):
    (tmp_path / "1.csv").write_text("X,Y\n1,2\n3,4\n")
    (tmp_path / "2.csv").write_text("a ,Y\n1,2\n")

    refused, good = await rows_of(tmp_path, required=("A",))

    assert refused.problem is not None
    assert refused.problem.reason == "unusable-header"
    assert "A" in refused.problem.message
    assert good.cells["A"] == "1"
    assert await rows_of(tmp_path, refused.cursor, required=("A",)) == [good]


async def test_json_lines_are_read_and_broken_ones_named(tmp_path):
    lines = ['{"a": 1}', "{broken", "[1]", "[" * 50_000, '{"a": "x"}']
    (tmp_path / "1.jsonl").write_text("\n".join(lines))

    rows = await rows_of(tmp_path)

    assert [row.problem.reason if row.problem else row.cells["A"] for row in rows] == [
        1,
        "broken-json",
        "broken-json",
        "broken-json",
        "x",
    ]


async def test_a_folder_is_watched_for_new_files_and_the_watch_ends_at_once_when_cancelled(tmp_path):
    (tmp_path / "1.csv").write_text("A\n1\n")
    read = []
    drop = FileDrop(FileDropConfig(tmp_path, poll_interval_s=QUICK_S))

    async def watch():
        async for row in drop.rows(None):
            read.extend([row.cells["A"]])

    task = asyncio.create_task(watch())
    async with asyncio.timeout(5):
        while read != ["1"]:
            await asyncio.sleep(QUICK_S)
        (tmp_path / "2.csv.part").write_text("A\n2\n")
        (tmp_path / "2.csv.part").rename(tmp_path / "2.csv")
        while read != ["1", "2"]:
            await asyncio.sleep(QUICK_S)
    task.cancel()
    async with asyncio.timeout(2):
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_a_file_that_comes_late_is_read_without_moving_the_cursor_back(tmp_path, caplog):
    (tmp_path / "2.csv").write_text("A\n2\n")
    drop = FileDrop(FileDropConfig(tmp_path, poll_interval_s=QUICK_S))

    async with aclosing(drop.rows(None)) as rows, asyncio.timeout(5):
        first = await anext(rows)
        (tmp_path / "1.csv").write_text("A\n1\n")
        with caplog.at_level(logging.WARNING):
            late = await anext(rows)

    assert (first.cursor, late.cells["A"], late.cursor) == ("1:2.csv", "1", None)
    assert "1.csv came after 2.csv" in caplog.text


async def test_a_growing_file_is_followed_line_by_line(tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text("A\n1\n2")
    drop = FileDrop(FileDropConfig(path, poll_interval_s=QUICK_S, follow=True))

    async with aclosing(drop.rows(None)) as rows, asyncio.timeout(5):
        assert (await anext(rows)).cells["A"] == "1"
        with path.open("a") as file:
            file.write("2\n")
        assert (await anext(rows)).cells["A"] == "22"
        path.write_text("A\n9\n")  # begun anew
        assert (await anext(rows)).cells["A"] == "9"


async def test_a_single_file_ends_the_reading(tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text("A\n" + "".join(f"{n}\n" for n in range(1234)))
    drop = FileDrop(FileDropConfig(path))

    assert len([row async for row in drop.rows(None)]) == 1234
    assert len([row async for row in drop.rows("1000:calls.csv")]) == 234


async def test_a_missing_folder_is_an_outage_not_an_end(tmp_path):
    with pytest.raises(SourceUnavailableError, match="nowhere"):
        await rows_of(tmp_path / "nowhere")


async def test_a_foreign_cursor_is_refused(tmp_path):
    with pytest.raises(ConnectorConfigError, match="cursor"):
        await rows_of(tmp_path, "12")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "path"),
        ({"path": 3}, "path"),
        ({"path": "x", "encoding": "latin-1"}, "encoding"),
        ({"path": "x", "poll_interval_s": "soon"}, "poll_interval_s"),
        ({"path": "x", "poll_interval_s": 0}, "poll_interval_s"),
        ({"path": "x", "once": "perhaps"}, "once"),
        ({"path": "x", "once": True, "follow": True}, "follow"),
    ],
)
def test_wrong_options_are_named(options, named):
    with pytest.raises(ConnectorConfigError, match=named):
        FileDropConfig.from_options(options)


def test_options_from_a_command_line_are_text(tmp_path):
    config = FileDropConfig.from_options({"path": str(tmp_path), "poll_interval_s": "0.5", "once": "true"})

    assert config == FileDropConfig(tmp_path, poll_interval_s=0.5, once=True)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"").replace(b'"', b"")), max_size=20))
def test_any_bytes_give_exactly_one_row_per_line_that_is_not_empty(tmp_path, lines):
    (tmp_path / "1.csv").write_bytes(b"A,B\n" + b"\n".join(lines))

    rows = asyncio.run(rows_of(tmp_path))

    assert len(rows) == sum(1 for line in lines if line.strip())
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=400))
def test_no_bytes_stop_the_reading(tmp_path, raw):
    (tmp_path / "1.csv").write_bytes(b"A,B\n" + raw + b'\n"\n' + json.dumps("x").encode())

    rows = asyncio.run(rows_of(tmp_path))

    assert rows == asyncio.run(rows_of(tmp_path))
