"""The suite over the 112 connector."""

from collections.abc import Sequence

from tests.support.connector_suite import Happening, Samples, connector_suite

HEADER = (
    "RECV_NO,RECV_CPLT_DT,RECV_CPLT_TM,NPA_CL,RECV_EMG_CD,EVT_STAT_CD,EVT_CL_CD,END_CD,RPTER_NM,RPTER_TEL,"
    "HPPN_X,HPPN_Y,MEMO{extra}"
)


def row(h: Happening) -> str:
    moment = h.local_time
    code = ("507" if h.exercise else "102") if h.code is None else h.code
    end = "25" if h.closed else ""
    state = {1: "2", 2: "4"}.get(h.revision, "5")
    cells = [h.number, f"{moment:%Y%m%d}", f"{moment:%H%M%S}", "8", "C0", state, code, end]
    person = [h.person_name, h.person_phone, h.lon, h.lat, h.person_text.replace(",", " ")]
    if h.nulls:
        cells, person = [h.number, *[""] * 7], [""] * 5
    return ",".join("" if cell is None else str(cell) for cell in (*cells, *person, *h.extra.values()))


def file(happenings: Sequence[Happening]) -> bytes:
    extra = "".join(f",{name}" for name in happenings[0].extra)
    return "\n".join([HEADER.format(extra=extra), *map(row, happenings), ""]).encode()


TestPolice112 = connector_suite(
    "police_112", Samples(write=lambda h: file([h]), write_many=file, origin="calls.csv", options={"encoding": "auto"})
)
