"""What the traffic feeds send, written by tests."""

import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from connectors.traffic.roads import from_tm
from tests.support.connector_suite import Happening

ITS = {"transport": "http-push", "token_env": "TRAFFIC_TOKEN"}
TOPIS = {"transport": "http-poll"}


def to_tm(lat_deg: float, lon_deg: float) -> tuple[float, float]:
    """Return a place of Korea in EPSG:5181, by correcting a first guess until it is right to a millimetre."""
    x_m, y_m = 200_000.0, 450_000.0
    for _ in range(20):
        lat, lon = from_tm(x_m, y_m)
        x_m, y_m = x_m + (lon_deg - lon) * 88_000, y_m + (lat_deg - lat) * 111_000
    return x_m, y_m


def its_item(h: Happening) -> dict[str, Any]:
    """Return an accident as the national centre tells of it."""
    fields = {
        "type": "국도",
        "eventType": "교통사고" if h.code is None else h.code,
        "eventDetailType": "충돌사고" if h.code is None else "",
        "startDate": f"{h.local_time:%Y%m%d%H%M%S}",
        "endDate": f"{h.local_time:%Y%m%d%H%M%S}" if h.closed else "",
        "coordX": h.lon,
        "coordY": h.lat,
        "linkId": "2860255507",
        "roadName": "국도1호선",
        "lanesBlockType": {1: "0", 2: "1"}.get(h.revision, "2"),
        "message": f"승용차 단독사고 {h.person_name} {h.person_phone} {h.person_text}",
    }
    return {"eventId": h.number, **(dict.fromkeys(fields) if h.nulls else fields), **h.extra}


def its_document(happenings: Sequence[Happening]) -> bytes:
    items = [its_item(h) for h in happenings]
    body = {"totalCount": len(items), "items": items}
    return json.dumps({"header": {"resultCode": 0, "resultMsg": "success"}, "body": body}, ensure_ascii=False).encode()


def topis_row(h: Happening) -> str:
    """Return an accident as Seoul's centre tells of it."""
    x, y = h.lon, h.lat
    if all(isinstance(value, float) and 20 < value < 140 for value in (x, y)):
        # Swapped axes are swapped metres.
        x, y = to_tm(y, x) if y < x else to_tm(x, y)[::-1]
    fields = {
        "occr_date": f"{h.local_time:%Y%m%d}",
        "occr_time": f"{h.local_time:%H%M%S}",
        "exp_clr_date": "20260301",
        "exp_clr_time": "1800",
        "acc_type": "A01" if h.code is None else h.code,
        "acc_dtype": "01B01",
        "link_id": "1130017700",
        "grs80tm_x": x,
        "grs80tm_y": y,
        "acc_info": f"추돌사고 {h.person_name} {h.person_phone} {h.person_text}" + (" 처리완료" if h.closed else ""),
    }
    if h.revision > 1:
        fields["acc_dtype"] = "01B02"
    if h.nulls:
        fields = dict.fromkeys(fields, "")
    cells = {"acc_id": h.number, **fields, **h.extra}
    return "<row>" + "".join(f"<{name}>{escape(str(cell))}</{name}>" for name, cell in cells.items()) + "</row>"


def topis_document(rows: Sequence[str]) -> bytes:
    head = (
        f"<list_total_count>{len(rows)}</list_total_count><RESULT><CODE>INFO-000</CODE><MESSAGE>정상</MESSAGE></RESULT>"
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><AccInfo>{head}{"".join(rows)}</AccInfo>'.encode()
