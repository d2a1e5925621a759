"""The 112 source: one entry per row, nothing of a person in it, readable again after a stop."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.source import Accepted, Refused
from connectors.police_112.source import Config, Police112Source
from schemas.codec import encode
from schemas.topics import INCIDENTS
from tests.connectors.dispatch_pushes import entries_of_push
from tests.connectors.local_context import a_context

HEADER = (
    "RECV_NO,RECV_DEPT_NM,RECV_CPLT_DT,RECV_CPLT_TM,NPA_CL,RECV_EMG_CD,EVT_STAT_CD,EVT_CL_CD,END_CD,RPTER_SEX,"
    "HPPN_OLD_ADDR,HPPN_X,HPPN_Y,SME_EVT_YN,MEMO"
)
ROBBERY = "1,서울청,20260301,115907,8,C0,2,102,,2,서울 중구 태평로1가 31,126.978,37.5665,,"


def a_source(path, **options):
    return Police112Source(Config.from_options({"path": str(path), "once": True} | options), a_context())


async def entries_of(source, cursor=None):
    return [entry async for entry in source.entries(cursor)]


def write(path, *rows, encoding="cp949", header=HEADER):
    path.write_bytes("\n".join([header, *rows, ""]).encode(encoding))


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
async def test_a_file_becomes_incidents(tmp_path, encoding):
    write(tmp_path / "1.csv", ROBBERY, ROBBERY.replace("1,", "2,", 1).replace(",102,", ",509,"), encoding=encoding)

    entries = await entries_of(a_source(tmp_path))

    assert [(entry.topic, entry.record.kind, entry.cursor) for entry in entries] == [
        (INCIDENTS, "robbery", "1:1.csv"),
        (INCIDENTS, "missing-person", "2:1.csv"),
    ]


async def test_reading_resumes_after_the_cursor(tmp_path):
    write(tmp_path / "1.csv", *(ROBBERY.replace("1,", f"{n},", 1) for n in range(5)))

    entries = await entries_of(a_source(tmp_path))

    assert await entries_of(a_source(tmp_path), entries[2].cursor) == entries[3:]


async def test_after_a_restart_in_the_middle_of_a_file_its_calls_are_still_known(tmp_path):
    write(tmp_path / "1.csv", ROBBERY, ROBBERY.replace(",C0,2,", ",,4,"))
    entries = await entries_of(a_source(tmp_path))

    again = await entries_of(a_source(tmp_path), entries[0].cursor)

    assert again == entries[1:]
    assert again[0].record.urgency_native == "C0"


async def test_every_hostile_row_has_an_answer_and_its_neighbours_pass(tmp_path):
    hostile = [
        ROBBERY,
        ROBBERY,  # twice
        ROBBERY.replace("115907", "33"),  # out of order
        ROBBERY.replace("1,서울청", "2,서울청").replace(",102,", ",507,"),
        ROBBERY.replace("126.978,37.5665", "127.404663,36.341685"),
        ROBBERY.replace("126.978,37.5665", "0,0"),
        ROBBERY.replace("126.978,37.5665", "37.5665,126.978"),
        ROBBERY.replace("126.978,37.5665", "211,37.5665"),
        ROBBERY.replace(",102,", ",999,"),
        ROBBERY + ",one,too,many",
        "1,2,3",
        ",,,,,,,,,,,,,,",
        ROBBERY.replace("20260301", "20990101"),
    ]
    write(tmp_path / "1.csv", *hostile)
    source = a_source(tmp_path)

    entries = await entries_of(source)

    assert len(entries) == len(hostile)
    assert [entry.reason for entry in entries if isinstance(entry, Refused)] == [
        "wrong-column-count",
        "wrong-column-count",
        "not-a-call",
    ]
    accepted = [entry.record for entry in entries if isinstance(entry, Accepted)]
    assert accepted[0].event_id == accepted[1].event_id
    assert [record.exercise for record in accepted].count(True) == 1
    assert source.findings == {
        "default-point": 2,
        "swapped-axes": 1,
        "impossible-coordinates": 1,
        "unknown-type": 1,
        "clock-skew": 1,
    }


async def test_broken_bytes_are_counted_and_the_call_goes_on(tmp_path):
    raw = f"{HEADER}\n{ROBBERY}\n".encode("cp949").replace("서울청".encode("cp949"), b"\xff\xff\xff")
    (tmp_path / "1.csv").write_bytes(raw)
    source = a_source(tmp_path, encoding="cp949")

    (entry,) = await entries_of(source)

    assert entry.record.kind == "robbery"
    assert source.findings["broken-bytes"] == 1


PERSONAL = ("김영희", "010-1234-5678", "01087654321", "서울 중구 태평로1가 31", "남편이 때려요", "RPTER_SEX", "홍길동")


@pytest.mark.parametrize(
    "row",
    [
        "1,서울청,20260301,115907,8,C0,2,102,,2,서울 중구 태평로1가 31,126.978,37.5665,,김영희 010-1234-5678",
        "010-1234-5678,김영희,20260301,115907,8,C0,2,홍길동,김영희,2,남편이 때려요,126.978,37.5665,01087654321,x",
        "1,서울청,김영희,010-1234-5678,8,C0,2,홍길동,,2,서울 중구 태평로1가 31,01087654321,37.5665,,남편이 때려요",
        "김영희,010-1234-5678,남편이 때려요",
        "홍길동,김영희,01087654321,01087654321,홍길동,홍길동,김영희,김영희,김영희,2,홍길동,홍길동,010-1234-5678,홍길동,홍길동",
    ],
)
async def test_nothing_of_a_person_leaves_the_connector(tmp_path, row):
    write(tmp_path / "1.csv", row)

    (entry,) = await entries_of(a_source(tmp_path))

    if isinstance(entry, Accepted):
        kept = encode(entry.record).decode("utf-8", "replace") + repr(entry)
    else:
        kept = entry.payload.decode() + entry.message + repr(entry)
    assert not [word for word in PERSONAL if word in kept]
    assert not any(len(word) > 4 and word.replace("-", "") in kept.replace("-", "") for word in PERSONAL)


async def test_a_refused_row_keeps_its_place_and_what_is_no_persons(tmp_path):
    write(tmp_path / "1.csv", ROBBERY, "1,서울청,never,never,8,C0,2,what,,2,x,126.978,37.5665,,y")

    refused = (await entries_of(a_source(tmp_path)))[1]

    assert refused.number == 2
    assert b'"row": 2' in refused.payload
    assert b'"EVT_CL_CD": "<4 characters>"' in refused.payload
    assert b'"HPPN_X": "126.978"' in refused.payload


async def test_a_file_that_is_no_112_export_gets_one_answer(tmp_path):
    write(tmp_path / "1.csv", "1,2", "3,4", header="A,B")

    (refused,) = await entries_of(a_source(tmp_path))

    assert (refused.reason, refused.number) == ("unusable-header", 0)
    assert "EVT_CL_CD" in refused.message


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(st.text(max_size=12), min_size=15, max_size=15), max_size=8))
def test_any_text_gives_one_entry_per_row(tmp_path, rows):
    clean = [[cell.translate({10: " ", 13: " ", 34: " ", 44: " "}) for cell in row] for row in rows]
    (tmp_path / "1.csv").write_text(
        "\n".join([HEADER, *(",".join(row) for row in clean)]), encoding="utf-8", errors="replace"
    )

    entries = asyncio.run(entries_of(a_source(tmp_path)))

    assert [entry.cursor for entry in entries] == [f"{n}:1.csv" for n in range(1, len(rows) + 1)]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"point_accuracy_m": 0}, "point_accuracy_m"),
        ({"future_tolerance_s": "x"}, "future_tolerance_s"),
        ({"as_reported": "maybe"}, "as_reported"),
        ({"case_column": 7}, "case_column"),
        ({"pathh": "x"}, "pathh"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, named):
    with pytest.raises(ConnectorConfigError, match=named):
        Config.from_options({"path": str(tmp_path)} | options)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "path"),
        ({"path": "x", "listen": "127.0.0.1:0"}, "listen belongs to transport http-push"),
        ({"transport": "http-push", "token_env": "T", "path": "x"}, "path belongs to transport file"),
        ({"transport": "http-push"}, "token_file, token_env"),
        ({"transport": "mail"}, "transport"),
    ],
)
def test_each_transport_asks_for_its_own_options_and_no_others(options, named):
    with pytest.raises(ConnectorConfigError, match=named):
        Config.from_options(options)


def test_a_body_of_many_calls_gives_an_answer_for_each_and_the_place_of_the_broken_one():
    call = '{"RECV_NO": "%d", "RECV_CPLT_DT": "20260301", "RECV_CPLT_TM": 7, "EVT_CL_CD": 102, "MEMO": "홍길동"}'
    body = "\n".join([call % 1, '{"EVT_CL_CD": ', '{"EVT_CL_CD": "010-1234-5678"}', call % 2])

    entries = entries_of_push("police_112", body.encode())

    assert [getattr(entry, "reason", None) for entry in entries] == [None, "broken-json", "not-a-call", None]
    assert [entry.number for entry in entries if isinstance(entry, Refused)] == [2, 3]
    assert "010" not in repr(entries)
    assert "홍길동" not in repr(entries)
