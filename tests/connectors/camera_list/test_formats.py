"""Delimiters, encodings, JSON and GeoJSON; forms and what is wrong in them."""

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from connectors.camera_list.registry import read_form
from connectors.kit.errors import ConnectorConfigError
from tests.connectors.camera_list.lists import ROW, USUAL, a_form, a_row, csv_bytes, made

CITIES = Path(__file__).parents[3] / "cities"


def feature(properties: dict[str, Any], at: Any = (-69.044121, 40.203112), kind: str = "Point") -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": at}, "properties": properties}


def collection(*features: Any, **more: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, **more}).encode()


OTHERS = {name: text for name, text in ROW.items() if name not in ("LATITUDE", "LONGITUDE")}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1252"])
def test_any_delimiter_and_encoding_give_the_same_camera(delimiter: str, encoding: str) -> None:
    row = a_row(OWNER="Cañada Vieja", CONTACT="Señora Inventada")
    (camera,) = made(csv_bytes([row], delimiter, encoding)).cameras
    assert camera.owner == "Cañada Vieja"
    assert "Inventada" not in repr(camera)


def test_an_encoding_that_the_form_names_is_read() -> None:
    form = a_form(file={"encoding": "iso-8859-2"})
    (camera,) = made(csv_bytes([a_row(OWNER="Łódź")], encoding="iso-8859-2"), form).cameras
    assert camera.owner == "Łódź"


def test_decimal_commas_are_read_where_the_form_says_so() -> None:
    form = a_form(file={"decimal": ","})
    row = a_row(LATITUDE="40,203112", LONGITUDE="-69,044121", HEIGHT="9,5")
    (camera,) = made(csv_bytes([row], ";"), form).cameras
    assert (camera.location.lon_deg, camera.height_m) == (-69.04412, 9.5)


def workbook(*sheets: list[list[Any]]) -> bytes:
    book, data = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet {number}")
        for row in rows:
            sheet.append(row)
    book.save(data)
    return data.getvalue()


def test_a_workbook_says_the_same_as_csv_also_where_cells_are_numbers_and_dates() -> None:
    (from_csv,) = made(csv_bytes([a_row()])).cameras
    typed = {"LATITUDE": 40.203112, "LONGITUDE": -69.044121, "HEADING": 215, "HEIGHT": 9.5, "CAMERAS": 1}
    dated = {"INSTALLED": date(2019, 6, 1), "UPDATED": date(2026, 2, 14)}
    cover = [["Cameras of the city"], ["as of February"]]
    for row in (ROW, ROW | typed | dated):
        loaded = made(workbook(cover, [list(ROW), list(row.values())]))
        assert loaded.cameras == [from_csv]
        assert (loaded.report.encoding, loaded.report.ignored_columns) == ("xlsx", ("CONTACT", "PHONE"))


def test_a_workbook_without_the_forms_columns_and_one_that_is_none_are_refused() -> None:
    with pytest.raises(ConnectorConfigError, match="no column for id"):
        made(workbook([["Cameras of the city"]]))
    with pytest.raises(ConnectorConfigError, match="begins like an xlsx workbook"):
        made(b"PK\x03\x04 no workbook")
    with pytest.raises(ConnectorConfigError, match=r"old Excel file \(\.xls\)"):
        made(b"\xd0\xcf\x11\xe0 old")
    with pytest.raises(ConnectorConfigError, match="no rows"):
        made(workbook([list(ROW)]))


def test_csv_json_lines_and_geojson_say_the_same() -> None:
    from_csv = made(csv_bytes([a_row()])).cameras
    as_json = {name.lower(): text for name, text in ROW.items()}
    forms = [
        json.dumps([as_json]).encode(),
        json.dumps(as_json).encode() + b"\n" + json.dumps(as_json | {"camera_id": "TC-18"}).encode(),
        collection(feature(OTHERS)),
    ]
    for data in forms:
        assert made(data).cameras[0] == from_csv[0]


def test_objects_and_points_within_json_are_reached_by_dots() -> None:
    columns = {"id": "asset.tag", "point": "the_geom", "purpose": "use"}
    form = a_form(columns=columns, file={"items": "data.cameras"})
    item = {
        "asset": {"tag": 7},
        "the_geom": {"type": "Point", "coordinates": [-69.044121, 40.203112]},
        "use": ["Traffic"],
    }
    form = a_form(columns=columns, file={"items": "data.cameras"}, purposes={"traffic": "traffic-information"})
    (camera,) = made(json.dumps({"data": {"cameras": [item]}}).encode(), form).cameras
    assert (camera.camera_id, camera.purposes) == ("7", ("traffic-information",))
    assert camera.location.lat_deg == 40.20311


def test_a_geometry_that_is_no_point_is_no_position() -> None:
    data = collection(feature(OTHERS), feature(OTHERS | {"CAMERA_ID": "L"}, [[1, 2], [3, 4]], "LineString"), 7)
    loaded = made(data)
    assert [refused.reason for refused in loaded.refused] == ["no-position", "unreadable-row"]
    assert len(loaded.cameras) == 1


def test_times_since_1970_are_read_as_portals_write_them() -> None:
    data = collection(feature(OTHERS | {"UPDATED": 1_771_045_200_000}))
    assert made(data).cameras[0].observed_us == 1_771_045_200_000_000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"CAMERA_ID,LATITUDE,LONGITUDE\n", "has no rows"),
        (b"TAG,LATITUDE,LONGITUDE\n1,2,3\n", "no column for id"),
        (b"CAMERA_ID,LAT,LON\n1,2,3\n", "no column for latitude"),
        (b'[{"camera_id": 1}]', "no column for latitude"),
        (b'{"cameras": []}', "must be an array"),
        (b"[]", "has no rows"),
        (b"[[[", "begins like JSON but is none"),
        (collection(exceededTransferLimit=True), "only a part"),
        (collection(properties={"exceededTransferLimit": True}), "only a part"),
        (collection(feature(OTHERS), links=[{"rel": "next", "href": "x"}]), "only a part"),
        (collection(feature(OTHERS), crs={"properties": {"name": "EPSG:3857"}}), "must be WGS 84"),
    ],
)
def test_a_list_of_no_use_is_refused_as_a_whole_and_says_why(data: bytes, message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        made(data)


def test_wgs_84_by_its_names_is_taken() -> None:
    data = collection(feature(OTHERS), crs={"properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}})
    assert len(made(data).cameras) == 1


def test_a_row_that_is_too_long_is_refused_and_one_too_short_is_filled() -> None:
    lines = csv_bytes([a_row(), a_row(CAMERA_ID="B"), a_row(CAMERA_ID="C")]).decode().splitlines()
    lines[2] += ",more"
    lines[3] = ",".join(lines[3].split(",")[:-3])
    loaded = made("\n".join(lines).encode())
    assert [refused.reason for refused in loaded.refused] == ["wrong-columns"]
    assert loaded.cameras[-1].quality_flags == ("columns-padded",)


def test_a_quote_that_is_never_closed_costs_one_row() -> None:
    rows = [a_row(CAMERA_ID=f"C{n}") for n in range(4)]
    data = csv_bytes(rows).replace(b"C1,Transportation", b'C1,"Transportation')
    assert {"C0", "C2", "C3"} <= {camera.camera_id for camera in made(data).cameras}


def test_columns_that_the_list_lacks_and_those_that_are_not_read_are_told() -> None:
    report = made(b"CAMERA_ID,LATITUDE,LONGITUDE,CLERK\n1,40.203112,-69.044121,X\n").report
    assert "purpose" in report.absent_columns
    assert report.ignored_columns == ("CLERK",)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"columns": {"id": "A", "latitude": "B"}}, r"form.toml \[columns\]: latitude and longitude"),
        ({"columns": {"latitude": "B", "longitude": "C", "point": "D"}}, "got both"),
        ({"columns": {"colour": "B"}}, "colour is not known"),
        ({"column": {}}, "column is not known"),
        ({"kinds": {"X": "flying"}}, r"form.toml \[kinds\]: X must be one of fixed"),
        ({"purposes": {"X": []}}, "at least one purpose"),
        ({"purposes": {"X": "fun"}}, r"\[purposes\]: X must be one of"),
        ({"statuses": {"X": 1}}, "X must be text"),
        ({"headings": {"X": 400}}, "from 0 to 360"),
        ({"times": {"formats": ["%Q"]}}, "must not have %Q"),
        ({"file": {"encoding": "utf-16"}}, "name of an encoding"),
        ({"file": {"encoding": "rot13"}}, "name of an encoding"),
        ({"file": {"delimiter": ",,"}}, "one character"),
        ({"position": {"region": [1, 2]}}, "region must be"),
        ({"position": {"error_m": -1}}, "error_m must be a number"),
        ({"list": {"system": "Parks!"}}, "small letters and digits"),
        ({"words": {"yes": ["A"], "no": ["a"]}}, "yes and no at once"),
        ({"kinds": 7}, "kinds must be a table"),
    ],
)
def test_a_form_that_cannot_be_used_names_file_and_field(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        a_form(**tables)


def test_a_form_that_is_not_there_or_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match=r"gone.toml cannot be read"):
        read_form("gone.toml", tmp_path)
    (tmp_path / "bad.toml").write_text("= 7")
    with pytest.raises(ConnectorConfigError, match=r"option form: bad.toml"):
        read_form("bad.toml", tmp_path)


def test_the_usual_form_and_that_of_harborview_can_be_read() -> None:
    assert USUAL.columns["id"] == "CAMERA_ID"
    assert read_form("camera_list.toml", CITIES / "harborview").metres_per_height == 0.3048
