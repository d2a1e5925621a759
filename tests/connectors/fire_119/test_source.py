"""The 119 source: CSV and JSON lines, one entry per row, nothing of a person in it."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.fire_119.source import Config, Fire119Source
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.source import Accepted, Refused
from schemas.codec import encode
from tests.connectors.local_context import a_context

HEADER = "OBJT_ID,STTE_DT,STTE_LC,EMG_TY_NM1,EMG_TY_NM2,EMG_TY_NM3,PROGRS_STN,X,Y"
FIRE = "7,20260301115900,서울특별시 종로구 적선동 80,화재,건물,,1차출동,126.9725,37.5740"


def a_source(path):
    return Fire119Source(Config.from_options({"path": str(path), "once": True}), a_context())


async def entries_of(source, cursor=None):
    return [entry async for entry in source.entries(cursor)]


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
async def test_a_csv_file_becomes_incidents(tmp_path, encoding):
    (tmp_path / "1.csv").write_bytes(f"{HEADER}\n{FIRE}\n{FIRE}\n".encode(encoding))

    entries = await entries_of(a_source(tmp_path))

    assert [entry.record.kind for entry in entries] == ["structure-fire", "structure-fire"]
    assert entries[0].record.event_id == entries[1].record.event_id
    assert await entries_of(a_source(tmp_path), entries[0].cursor) == entries[1:]


async def test_json_lines_become_incidents_and_broken_ones_are_answered(tmp_path):
    good = {
        "OBJT_ID": 7,
        "STTE_DT": 20260301115900,
        "EMG_TY_NM1": "구조",
        "PROGRS_STN": "출동",
        "X": 126.97,
        "Y": 37.57,
    }
    lines = [json.dumps(good), '{"OBJT_ID": ', "null", json.dumps(dict.fromkeys(good)), json.dumps(good)]
    (tmp_path / "1.jsonl").write_text("\n".join(lines))

    entries = await entries_of(a_source(tmp_path))

    assert [entry.reason if isinstance(entry, Refused) else entry.record.kind for entry in entries] == [
        "rescue",
        "broken-json",
        "broken-json",
        "not-a-dispatch",
        "rescue",
    ]


PERSONAL = ("김영희", "010-1234-5678", "적선동 80", "다리가 아파요")


@pytest.mark.parametrize(
    "row",
    [
        "7,20260301115900,적선동 80,구급,다리가 아파요,김영희,010-1234-5678,126.9725,37.5740",
        "010-1234-5678,20260301115900,적선동 80,김영희,다리가 아파요,김영희,김영희,김영희,김영희",
        "김영희,010-1234-5678,적선동 80,김영희,다리가 아파요,김영희,김영희,010-1234-5678,김영희",
        "김영희,010-1234-5678",
    ],
)
async def test_nothing_of_a_person_leaves_the_connector(tmp_path, row):
    (tmp_path / "1.csv").write_text(f"{HEADER}\n{row}\n", encoding="utf-8")

    (entry,) = await entries_of(a_source(tmp_path))

    if isinstance(entry, Accepted):
        kept = encode(entry.record).decode("utf-8", "replace") + repr(entry)
    else:
        kept = entry.payload.decode() + repr(entry)
    assert not [word for word in PERSONAL if word in kept]


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(st.text(max_size=12), min_size=9, max_size=9), max_size=8))
def test_any_text_gives_one_entry_per_row(tmp_path, rows):
    clean = [[cell.translate({10: " ", 13: " ", 34: " ", 44: " "}) for cell in row] for row in rows]
    (tmp_path / "1.csv").write_text(
        "\n".join([HEADER, *(",".join(row) for row in clean)]), encoding="utf-8", errors="replace"
    )

    entries = asyncio.run(entries_of(a_source(tmp_path)))

    assert [entry.cursor for entry in entries] == [f"{n}:1.csv" for n in range(1, len(rows) + 1)]


@pytest.mark.parametrize(("options", "named"), [({"point_accuracy_m": -1}, "point_accuracy_m"), ({"x": 1}, "x")])
def test_wrong_options_are_named(tmp_path, options, named):
    with pytest.raises(ConnectorConfigError, match=named):
        Config.from_options({"path": str(tmp_path)} | options)


async def test_after_a_restart_in_the_middle_of_a_file_its_vehicles_are_still_known(tmp_path):
    fire = {"OBJT_ID": 7, "STTE_DT": 20260301115900, "EMG_TY_NM1": "화재", "X": 126.98, "Y": 37.57}
    engine = {"VHCL_ID": "종로-펌프-1", "VHCL_X": 126.97, "VHCL_Y": 37.57, "VHCL_ROUTE": "126.97 37.57;126.98 37.57"}
    moved = {"OBJT_ID": 7, "VHCL_ID": "종로-펌프-1", "VHCL_X": 126.975, "VHCL_Y": 37.57}
    (tmp_path / "1.jsonl").write_text("\n".join(json.dumps(row) for row in (fire | engine, moved)))
    entries = await entries_of(a_source(tmp_path))

    again = await entries_of(a_source(tmp_path), entries[0].cursor)

    assert again == entries[1:]
    assert [point.lon_deg for point in again[0].record.units[0].route] == [126.975, 126.98]


async def test_the_same_source_read_again_from_an_earlier_place_gives_the_same(tmp_path):
    (tmp_path / "1.csv").write_text(f"{HEADER}\n{FIRE}\n{FIRE.replace('1차출동', '대응2단계')}\n")
    source = a_source(tmp_path)
    entries = await entries_of(source)

    assert await entries_of(source) == entries
    assert await entries_of(source, entries[0].cursor) == entries[1:]
