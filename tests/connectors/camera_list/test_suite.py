"""The camera list on the suite of all connectors: CSV from a file, GeoJSON from a portal."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from tests.support.connector_suite import Happening, Samples, connector_suite

HEADER = (
    "CAMERA_ID", "OWNER", "LATITUDE", "LONGITUDE", "TYPE", "PURPOSE", "HEADING", "RESOLUTION", "HEIGHT",
    "RETENTION_DAYS", "STATUS", "UPDATED", "ADDRESS", "CONTACT", "PHONE", "REMARKS",
)  # fmt: skip


def cells(h: Happening) -> dict[str, Any]:
    kind = "Dome" if h.code is None else h.code
    known = [h.number, "Riverside", h.lat, h.lon, kind, "Crime", "", "1080p", "9", str(29 + h.revision), "Active"]
    if h.nulls:
        known = [h.number, "", h.lat, h.lon, *[""] * 7]
    when = "" if h.nulls else f"{h.local_time:%m/%d/%Y %H:%M:%S}"
    address = "test" if h.exercise else "12 MAIN ST"
    row = [*known, when, address, h.person_name, h.person_phone, h.person_text]
    return dict(zip(HEADER, row, strict=True)) | dict(h.extra)


def file(happenings: Sequence[Happening]) -> bytes:
    rows = [cells(h) for h in happenings]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else HEADER, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def portal(happenings: Sequence[Happening]) -> bytes:
    features = []
    for h in happenings:
        fields = cells(h)
        at = [fields.pop("LONGITUDE"), fields.pop("LATITUDE")]
        geometry = {"type": "Point", "coordinates": at}
        features.append({"type": "Feature", "geometry": geometry, "properties": fields})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


UGLY = (
    b"",
    b"\xff\xfe",
    b"a,b\n1,2\n",
    file([]),
    b"PK\x03\x04 no workbook",
    file([Happening()]).replace(b"CAMERA_ID", b"ID"),
    file([Happening()]).replace(b"Riverside", b'"Riverside'),
    file([Happening()]).replace(b"12 MAIN ST", b"12 MAIN ST, REAR"),
    file([Happening(number="415-555-0117")]),
    b'{"features": 7}',
    b'{"type": "FeatureCollection", "exceededTransferLimit": true, "features": []}',
    b'{"type": "FeatureCollection", "features": [], "links": [{"rel": "next", "href": "x"}]}',
    b'{"type": "FeatureCollection", "features": [], "crs": {"properties": {"name": "EPSG:3857"}}}',
    portal([Happening()]).replace(b'"Point"', b'"Polygon"'),
    b'[7, null, {"camera_id": {"a": {"b": {"c": {"d": {"e": {}}}}}}, "latitude": [], "longitude": true}]',
)

TestCameraList = connector_suite(
    "camera_list",
    Samples(
        write=lambda h: file([h]), write_many=file, origin="cameras.csv", options={"transport": "file"}, hostile=UGLY
    ),
)
TestPolled = connector_suite(
    "camera_list",
    Samples(
        write=lambda h: portal([h]),
        write_many=portal,
        origin="cameras.geojson",
        options={"transport": "http-poll", "token_file": "portal.token"},
        hostile=UGLY,
    ),
)
