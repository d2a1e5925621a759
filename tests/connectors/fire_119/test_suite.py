"""The suite over the 119 connector: dropped files, and the same dispatches pushed."""

import json
from collections.abc import Sequence

from tests.connectors.dispatch_pushes import PUSH, PushedAnswers
from tests.support.connector_suite import Happening, Samples, connector_suite

HEADER = (
    "OBJT_ID,STTE_DT,STTE_LC,STT_LC_DTL,EMG_TY_NM1,EMG_TY_NM2,PROGRS_STN,X,Y,VHCL_ID,VHCL_X,VHCL_Y,"
    "RPTER_TEL,MEMO{extra}"
)
# Bodies of a sender that does all it should not.
HOSTILE = [
    '[{"EMG_TY_NM1": "화재", "UNITS": 7}, {"EMG_TY_NM1": "화재", "UNITS": [[], {"VHCL_ID": []}]}, 9]'.encode(),
    b'{"OBJT_ID": 9, "VHCL_ID": "P-1", "VHCL_X": 126.9, "VHCL_Y": 37.5}',
    b'{"OBJT_ID": {"a": 1}, "UNITS": [{"VHCL_ID": "P-1"}]}',
    '{"EMG_TY_NM1": "화재", "X": 1e308, "Y": -1e308, "VHCL_ID": "P-1", "VHCL_ROUTE": "1 2;3"}'.encode(),
    '{"EMG_TY_NM1": "화재", "RSPNS_LV": "대응9단계", "UPD_DT": [], "OBJT_ID": "\\ud800"}'.encode(),
]


def cells(h: Happening) -> dict[str, object]:
    """Return the dispatch in the feed's columns."""
    progress = "귀소" if h.closed else {1: "1차출동", 2: "현장도착"}.get(h.revision, "진압중")
    fields = {
        "STTE_DT": f"{h.local_time:%Y%m%d%H%M%S}",
        "STTE_LC": "서울특별시 종로구 적선동",
        "STT_LC_DTL": h.person_name,
        "EMG_TY_NM1": "화재" if h.code is None else h.code,
        "EMG_TY_NM2": "건물",
        "PROGRS_STN": "훈련" + progress if h.exercise else progress,
        "X": h.lon,
        "Y": h.lat,
        "VHCL_ID": "종로-펌프-1",
        "VHCL_X": 126.97,
        "VHCL_Y": 37.57,
        "RPTER_TEL": h.person_phone,
        "MEMO": h.person_text,
    }
    return {"OBJT_ID": h.number, **(dict.fromkeys(fields) if h.nulls else fields), **h.extra}


def file(happenings: Sequence[Happening]) -> bytes:
    header = HEADER.format(extra="".join(f",{name}" for name in happenings[0].extra))
    rows = [
        ",".join("" if cell is None else str(cell).replace(",", " ") for cell in cells(h).values()) for h in happenings
    ]
    return "\n".join([header, *rows, ""]).encode()


def body(h: Happening) -> bytes:
    return json.dumps(cells(h), ensure_ascii=False).encode()


TestFire119 = connector_suite(
    "fire_119",
    Samples(write=lambda h: file([h]), write_many=file, origin="dispatches.csv", options={"transport": "file"}),
)
_Pushed = connector_suite("fire_119", Samples(write=body, options=PUSH, hostile=HOSTILE))


class TestPushed(PushedAnswers, _Pushed):
    """What holds of dispatches that are pushed."""
