"""The suite over the CAD connector, from dropped files and by push."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from tests.connectors.dispatch_pushes import PUSH, PushedAnswers
from tests.support.connector_suite import Happening, Samples, connector_suite

HEADER = (
    "INCIDENT_NUMBER", "RECEIVED", "LAST_UPDATE", "NATURE", "PRIORITY", "STATUS", "DISPOSITION", "EXERCISE",
    "LATITUDE", "LONGITUDE", "CALLER_NAME", "CALLER_PHONE", "LOCATION", "REMARKS",
)  # fmt: skip


def cells(h: Happening) -> dict[str, Any]:
    moment = f"{h.local_time:%m/%d/%Y %H:%M:%S}"
    state = "CLOSED" if h.closed else {1: "RECEIVED", 2: "DISPATCHED"}.get(h.revision, "ON SCENE")
    code = "ROBBERY - ARMED" if h.code is None else h.code
    known = [h.number, moment, moment, code, "1", state, "", "Y" if h.exercise else "N", h.lat, h.lon]
    if h.nulls:
        known = [h.number, *[""] * 9]
    row = [*known, h.person_name, h.person_phone, f"12 MAIN ST {h.person_name}", h.person_text]
    return dict(zip(HEADER, row, strict=True)) | dict(h.extra)


def file(happenings: Sequence[Happening]) -> bytes:
    rows = [cells(h) for h in happenings]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def body(h: Happening) -> bytes:
    return json.dumps(cells(h), ensure_ascii=False).encode()


UGLY = (
    file([Happening()]).replace(b"INCIDENT_NUMBER", b"CALL_ID"),
    file([Happening()]).replace(b"ROBBERY", b'"ROBBERY'),
    file([Happening(number="415-555-0117")]),
    b"\xef\xbb\xbf" + file([Happening(lat="37.5665 N", lon="W 126.978")]),
)

TestCad911 = connector_suite(
    "cad_911",
    Samples(
        write=lambda h: file([h]), write_many=file, origin="calls.csv", options={"transport": "file"}, hostile=UGLY
    ),
)
_Pushed = connector_suite("cad_911", Samples(write=body, options=PUSH))


class TestPushed(PushedAnswers, _Pushed):  # type: ignore[valid-type, misc]
    """What holds of calls that are pushed."""
