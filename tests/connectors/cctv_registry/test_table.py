"""Files as they come: encodings, names, damaged bytes, stray quotes, workbooks and things that are no registry."""

import io
import unicodedata
import zipfile
from pathlib import Path
from typing import Literal

import openpyxl
import pytest

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import load
from connectors.cctv_registry.table import read_table
from connectors.kit.cameras.files import csv_records
from connectors.kit.errors import ConnectorConfigError
from tests.connectors.cctv_registry.files import HEADERS, NOW_US, a_row, csv_text, many_rows, write_file

Form = Literal["NFC", "NFD"]


def test_syllables_that_euc_kr_lacks_are_read_as_cp949(tmp_path: Path) -> None:
    path = write_file(tmp_path / "r.csv", [a_row(관리기관명="똠방시 펲구청")], encoding="cp949")

    assert load(path, Config(), NOW_US).cameras[0].owner == "똠방시 펲구청"


def test_decomposed_text_and_composed_text_give_the_same_cameras(tmp_path: Path) -> None:
    text = csv_text([a_row("standard-13")], HEADERS["standard-13"])
    ids = set()
    forms: tuple[Form, ...] = ("NFC", "NFD")
    for form in forms:
        path = tmp_path / f"{form}.csv"
        path.write_text(unicodedata.normalize(form, text), "utf-8")
        ids.add(load(path, Config(), NOW_US).cameras[0].camera_id)

    assert len(ids) == 1


@pytest.mark.parametrize(("stored", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_file_name_from_macos_is_found_as_people_type_it(tmp_path: Path, stored: Form, typed: Form) -> None:
    name = "가람시/누리구 씨씨티비.csv"
    on_disk = tmp_path / unicodedata.normalize(stored, name)
    on_disk.parent.mkdir()
    write_file(on_disk, [a_row()])

    loaded = load(tmp_path / unicodedata.normalize(typed, name), Config(), NOW_US)

    assert loaded.report.rows == 1


def test_one_damaged_byte_costs_no_file_and_no_row(tmp_path: Path) -> None:
    data = csv_text(many_rows(3), HEADERS["standard-16"]).encode("cp949")
    at = data.rindex("별빛로".encode("cp949"))
    path = tmp_path / "r.csv"
    path.write_bytes(data[:at] + b"\xff" + data[at + 1 :])

    loaded = load(path, Config(), NOW_US)

    assert (loaded.report.encoding, len(loaded.cameras)) == ("cp949", 3)
    assert loaded.report.flags == {"damaged-text": 1}


def test_one_damaged_byte_in_utf_8_does_not_make_it_cp949(tmp_path: Path) -> None:
    data = csv_text(many_rows(3), HEADERS["standard-16"]).encode()
    at = data.rindex("별빛로".encode())
    path = tmp_path / "r.csv"
    path.write_bytes(data[:at] + b"\xff" + data[at + 1 :])

    assert load(path, Config(), NOW_US).report.encoding == "utf-8"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (csv_text([], HEADERS["standard-13"]).encode("cp949"), "header but no rows"),
        ("관리기관명,위도\n".encode("utf-16"), "UTF-16"),
        (b"\xff\xff\xff\xff\n1,2", "neither UTF-8 nor CP949"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .xlsx"),
        (b"PK\x03\x04 no workbook", "begins like an xlsx workbook"),
        (b"<html>error</html>", "no known variant"),
        (
            csv_text([a_row()] * 5, HEADERS["standard-16"]).encode("cp949").replace("별".encode("cp949"), b"\xff\xff"),
            "neither UTF-8 nor CP949",
        ),
    ],
)
def test_what_is_no_registry_is_refused_as_a_whole(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(data)

    with pytest.raises(ConnectorConfigError, match=message):
        read_table(path)


def test_a_missing_file_and_a_folder_are_mistakes_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match=r"no file 'none.csv'"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ConnectorConfigError, match="not a file"):
        read_table(tmp_path)


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("readme.txt", "no workbook")
    path = tmp_path / "r.xlsx"
    path.write_bytes(archive.getvalue())

    with pytest.raises(ConnectorConfigError, match="begins like an xlsx workbook"):
        read_table(path)


def test_a_quote_that_is_never_closed_swallows_no_neighbour(tmp_path: Path) -> None:
    rows = many_rows(400)
    lines = csv_text(rows, HEADERS["standard-16"]).splitlines()
    lines[3] = lines[3].replace("가람시 누리구 별빛로", '"가람시 누리구 별빛로')
    path = tmp_path / "r.csv"
    path.write_text("\r\n".join(lines), "utf-8")

    loaded = load(path, Config(), NOW_US)

    assert (loaded.report.rows, loaded.report.accepted_rows) == (400, 400)


def test_a_stray_quote_in_the_last_cell_swallows_no_neighbour() -> None:
    records = list(csv_records('a,b\r\n1,"2\r\n3,4\r\n5,6\r\n'))

    assert records == [["a", "b"], ["1", "2"], ["3", "4"], ["5", "6"]]


def test_a_cell_with_a_line_break_stays_one_cell() -> None:
    assert list(csv_records('a,b\n1,"x\ny"\n')) == [["a", "b"], ["1", "x\ny"]]


def test_a_line_that_is_too_long_for_a_cell_is_refused_and_its_neighbours_pass(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    text = csv_text([a_row(), ["x" * 200_000], a_row(관리번호="B")], HEADERS["standard-16"])
    path.write_text(text, "utf-8")

    loaded = load(path, Config(), NOW_US)

    assert [(r.reason, r.number) for r in loaded.refused] == [("unreadable-row", 3)]
    assert len(loaded.cameras) == 2


def test_tabs_may_part_the_cells(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("\n".join("\t".join(row) for row in (HEADERS["standard-16"], a_row())), "utf-8")

    assert len(load(path, Config(), NOW_US).cameras) == 1


def test_blank_rows_are_counted_apart_and_keep_the_row_numbers(tmp_path: Path) -> None:
    blank = [""] * len(HEADERS["standard-16"])
    path = write_file(tmp_path / "r.csv", [blank, a_row(), [], a_row(관리번호="B", WGS84위도="0")])

    loaded = load(path, Config(), NOW_US)

    assert (loaded.report.rows, loaded.report.blank_rows) == (2, 2)
    assert (loaded.camera_rows, loaded.refused[0].number) == ([3], 5)


def test_the_sheet_with_the_registry_is_found_in_a_workbook(tmp_path: Path) -> None:
    path = write_file(tmp_path / "r.xlsx", [a_row()], encoding="xlsx")
    workbook = openpyxl.load_workbook(path)
    workbook.create_sheet("안내", 0).append(["이 파일은 …"])
    workbook.save(path)

    assert load(path, Config(), NOW_US).report.accepted_rows == 1


def test_a_workbook_without_a_registry_says_what_was_found(tmp_path: Path) -> None:
    path = write_file(tmp_path / "r.xlsx", [["1"]], encoding="xlsx", header=["무엇"])

    with pytest.raises(ConnectorConfigError, match="무엇"):
        read_table(path)
