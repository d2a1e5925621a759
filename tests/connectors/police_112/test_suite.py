"""The suite over the 112 connector: dropped files, and the same calls pushed."""

import json
from collections.abc import Sequence

from tests.connectors.dispatch_pushes import PUSH, PushedAnswers
from tests.support.connector_suite import Happening, Samples, connector_suite

HEADER = (
    "RECV_NO,RECV_CPLT_DT,RECV_CPLT_TM,NPA_CL,RECV_EMG_CD,EVT_STAT_CD,EVT_CL_CD,END_CD,RPTER_NM,RPTER_TEL,"
    "HPPN_X,HPPN_Y,MEMO{extra}"
)
USUAL, DRILL = "102", "507"
STATES = {1: "2", 2: "4"}
# Recorded-looking bodies of a sender that does all it should not.
HOSTILE = [
    b'[{"EVT_CL_CD": 102}, 7, null, [], "x", {"EVT_CL_CD": {"a": 1}}]',
    b'{"RECV_NO": "\\ud800", "EVT_CL_CD": "102", "HPPN_X": "\\ud800", "HPPN_Y": true}',
    b'{"RECV_NO": -1e999, "EVT_CL_CD": "102"}',
    b'{"recv_no": "9", "evt_cl_cd": "102", "EVT_CL_CD": "509", "HPPN_X": [126.9], "HPPN_Y": {"y": 37.5}}',
    b'{"RECV_NO": "9", "EVT_CL_CD": "\\u0661\\u0660\\u0662", "RECV_CPLT_DT": "20260301", "RECV_CPLT_TM": "115907"}',
    b'{"RECV_NO": "9", "EVT_CL_CD": "102", "END_CD": "708", "RLT_RECV_NO": "010-4857-2961"}',
    b'\xef\xbb\xbf{"RECV_NO": "9", "EVT_CL_CD": "102"}',
    '{"RECV_NO": "구-9", "EVT_CL_CD": "102", "UPD_DT": "곧"}'.encode("cp949"),
]


def row(h: Happening) -> str:
    moment = h.local_time
    code = (DRILL if h.exercise else USUAL) if h.code is None else h.code
    end = "25" if h.closed else ""
    state = STATES.get(h.revision, "5")
    cells = [h.number, f"{moment:%Y%m%d}", f"{moment:%H%M%S}", "8", "C0", state, code, end]
    person = [h.person_name, h.person_phone, h.lon, h.lat, h.person_text.replace(",", " ")]
    if h.nulls:
        cells, person = [h.number, *[""] * 7], [""] * 5
    return ",".join("" if cell is None else str(cell) for cell in (*cells, *person, *h.extra.values()))


def file(happenings: Sequence[Happening]) -> bytes:
    extra = "".join(f",{name}" for name in happenings[0].extra)
    return "\n".join([HEADER.format(extra=extra), *map(row, happenings), ""]).encode()


def body(h: Happening) -> bytes:
    """Return the call as a push of the system: numbers as numbers, the time of a change where there was one."""
    moment = h.local_time
    code = (DRILL if h.exercise else USUAL) if h.code is None else h.code
    fields = {
        "RECV_CPLT_DT": f"{moment:%Y%m%d}",
        "RECV_CPLT_TM": int(f"{moment:%H%M%S}"),
        "NPA_CL": 8,
        "RECV_EMG_CD": "C0",
        "EVT_STAT_CD": int(STATES.get(h.revision, "5")),
        "EVT_CL_CD": code,
        "END_CD": 25 if h.closed else None,
        "UPD_DT": f"{moment:%Y-%m-%dT%H:%M:%S}" if h.revision > 1 else None,
        "RPTER_NM": h.person_name,
        "RPTER_TEL": h.person_phone,
        "HPPN_X": h.lon,
        "HPPN_Y": h.lat,
        "MEMO": h.person_text,
    }
    if h.nulls:
        fields = dict.fromkeys(fields)
    return json.dumps({"RECV_NO": h.number, **fields, **h.extra}, ensure_ascii=False).encode()


TestPolice112 = connector_suite(
    "police_112",
    Samples(write=lambda h: file([h]), write_many=file, origin="calls.csv", options={"transport": "file"}),
)
_Pushed = connector_suite("police_112", Samples(write=body, options=PUSH, hostile=HOSTILE))


class TestPushed(PushedAnswers, _Pushed):
    """What holds of calls that are pushed."""
