"""Invented lists and what is made of them."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.camera_list.form import Form, form_from
from connectors.camera_list.registry import Surroundings, load_list, read_form
from connectors.kit.cameras.making import RegistryLoad
from connectors.kit.context import DefaultPoint
from connectors.kit.source import Refused
from schemas.camera import Camera

NOW_US = 1_772_334_000_000_000  # 2026-03-01 03:00 UTC
BOX = (40.18, -69.08, 40.26, -68.94)
CENTRE = DefaultPoint(40.2311, -69.0032, 40, "dispatch centre")
AROUND = Surroundings("America/New_York", BOX, (CENTRE,))
USUAL = read_form("", None)
ROW = {
    "CAMERA_ID": "TC-17", "OWNER": "Transportation", "LATITUDE": "40.203112", "LONGITUDE": "-69.044121",
    "TYPE": "Fixed", "PTZ": "", "PURPOSE": "Traffic", "HEADING": "215", "FIELD_OF_VIEW": "72", "RESOLUTION": "1080p",
    "HEIGHT": "9.5", "CAMERAS": "1", "RETENTION_DAYS": "30", "STATUS": "Active", "INSTALLED": "06/01/2019",
    "UPDATED": "02/14/2026", "ADDRESS": "12 PIER ST", "CONTACT": "INVENTED CLERK", "PHONE": "(555) 555-0100",
}  # fmt: skip


def a_row(**changed: str) -> dict[str, str]:
    """Return an ordinary row with some columns changed."""
    assert not set(changed) - set(ROW), changed
    return ROW | changed


def csv_bytes(rows: Sequence[Mapping[str, str]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Return rows as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def a_form(**tables: Mapping[str, Any]) -> Form:
    """Return a form with the usual columns where it names none."""
    columns = tables.pop("columns", USUAL.columns)
    return form_from("form.toml", {"columns": columns, **tables})


def made(data: bytes, form: Form = USUAL, around: Surroundings = AROUND) -> RegistryLoad:
    """Return what a list makes, and that its report accounts for every row."""
    loaded = load_list(data, "cameras.csv", form, around, NOW_US)
    report = loaded.report
    assert report.rows == report.accepted_rows + report.refused_rows
    assert len({camera.camera_id for camera in loaded.cameras}) == len(loaded.cameras)
    assert report.as_text()
    return loaded


def camera_of(form: Form = USUAL, **changed: str) -> Camera:
    """Return the camera of one row."""
    (camera,) = made(csv_bytes([a_row(**changed)]), form).cameras
    return camera


def refusal_of(**changed: str) -> Refused:
    """Return the answer to one row."""
    (refused,) = made(csv_bytes([a_row(), a_row(**changed)])).refused
    return refused
