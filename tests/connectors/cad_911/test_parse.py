"""A CAD row becomes one incident by the city's form; its faults are repaired, named or answered."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.cad_911.form import Form, form_from
from connectors.cad_911.parse import Rules, kept_columns, local_us, parse_row
from connectors.cad_911.source import read_form
from connectors.kit.context import DefaultPoint
from connectors.kit.errors import ConnectorConfigError, EntryRefusedError
from connectors.kit.reading.dispatch_rows import Parsed
from connectors.kit.reading.places import PlaceRules
from schemas.incident import Incident

# 2026-03-08 20:00 in New York, the first evening of daylight saving time.
NOW_US = 1_773_014_400_000_000
NEW_YORK = ZoneInfo("America/New_York")
USUAL = read_form("", None)
DISPATCH_CENTRE = DefaultPoint(lat_deg=41.41, lon_deg=-70.62, radius_m=40, name="Dispatch centre")


def rules(form: Form = USUAL, system: str = "") -> Rules:
    places = PlaceRules(accuracy_m=30, default_points=(DISPATCH_CENTRE,), city_box=(41.3, -70.7, 41.5, -70.5))
    return Rules(form=form, zone=NEW_YORK, places=places, future_tolerance_us=300_000_000, system=system)


def parsed_by(by: Rules, cells: dict[str, str]) -> Parsed:
    row = {
        "INCIDENT_NUMBER": "26-000117", "RECEIVED": "03/08/2026 19:55:00", "NATURE": "Robbery - Armed", "PRIORITY": "1",
        "STATUS": "Dispatched", "DISPOSITION": "", "LATITUDE": "41.4012", "LONGITUDE": "-70.6101",
    }  # fmt: skip
    return parse_row({**row, **cells}, NOW_US, by)


def parsed(**cells: str) -> Parsed:
    return parsed_by(rules(), cells)


def incident(**cells: str) -> Incident:
    return parsed(**cells).incident


def utc(us: int | None) -> str:
    assert us is not None
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")


def test_a_call_becomes_an_incident() -> None:
    record = incident()

    assert (record.case_id, record.kind, record.service) == ("cad_911:26-000117", "robbery", "police")
    assert (record.urgency_native, record.status) == ("P1", "updated")
    assert record.native_code is None  # "ROBBERY - ARMED" is no code of the form; it only begins like one
    assert utc(record.occurred_us) == "2026-03-08 23:55:00"
    assert record.location is not None
    assert (record.location.lat_deg, record.location.lon_deg) == (41.4012, -70.6101)
    assert parsed().findings == ()


@pytest.mark.parametrize(
    ("text", "expected", "finding"),
    [
        ("01/15/2026 12:00:00", "2026-01-15 17:00:00", None),  # standard time
        ("07/15/2026 12:00:00", "2026-07-15 16:00:00", None),  # daylight saving time
        ("07/15/2026 01:30 PM", "2026-07-15 17:30:00", None),
        ("2026-07-15T12:00:00", "2026-07-15 16:00:00", None),
        ("2026-07-15T12:00:00Z", "2026-07-15 12:00:00", None),
        ("2026-07-15T12:00:00-07:00", "2026-07-15 19:00:00", None),
        ("03/08/2026 02:30:00", "2026-03-08 07:30:00", "skipped-hour"),  # clocks went from 2 to 3
        ("11/01/2026 01:30:00", "2026-11-01 05:30:00", "repeated-hour"),  # clocks went from 2 to 1
        ("11/01/2026 01:30:00 EDT", "2026-11-01 05:30:00", None),
        ("11/01/2026 01:30:00 EST", "2026-11-01 06:30:00", None),
    ],
)
def test_local_times_know_daylight_saving_time(text: str, expected: str, finding: str | None) -> None:
    moment_us, found = local_us(text, USUAL, NEW_YORK)

    assert (utc(moment_us), found) == (expected, finding)


@pytest.mark.parametrize("text", ["", "soon", "13/45/2026 10:00:00", "01/01/1970 00:00:00", "9" * 1_000])
def test_a_call_with_an_impossible_time_goes_on_with_the_time_of_reading(text: str) -> None:
    result = parsed(RECEIVED=text)

    assert result.incident.occurred_us == NOW_US
    assert "unreadable-time" in result.findings


def test_what_changes_later_is_observed_later_and_happened_when_it_happened() -> None:
    record = incident(LAST_UPDATE="03/08/2026 19:58:00", STATUS="ON SCENE")

    assert (record.observed_us - record.occurred_us) == 180_000_000
    assert record.event_id != incident().event_id


def test_what_happened_before_the_call_is_told_apart_from_it_where_the_form_has_a_column_for_it() -> None:
    timed = rules(replace(USUAL, columns={**USUAL.columns, "occurred": "OCCURRED"}))
    record = parsed_by(timed, {"OCCURRED": "03/08/2026 16:55:00"}).incident
    unsaid = parsed_by(timed, {"OCCURRED": "03/08/2026 19:56:00"}).incident

    assert utc(record.occurred_us) == "2026-03-08 20:55:00"
    assert utc(record.reported_us) == utc(record.observed_us) == "2026-03-08 23:55:00"
    assert (unsaid.occurred_us, unsaid.reported_us) == (unsaid.observed_us, None)  # after the call: a slip


@pytest.mark.parametrize(
    ("cells", "status", "merged_into"),
    [
        ({"STATUS": "PENDING"}, "reported", None),
        ({"STATUS": ""}, "reported", None),
        ({"STATUS": "CLOSED"}, "closed", None),
        ({"STATUS": "CLOSED", "DISPOSITION": "REPORT TAKEN"}, "closed", None),
        ({"STATUS": "", "DISPOSITION": "REPORT TAKEN"}, "closed", None),
        ({"STATUS": "CLOSED", "DISPOSITION": "unfounded"}, "cancelled", None),
        ({"DISPOSITION": "DUPLICATE", "PARENT_INCIDENT": "26-000116"}, "merged", "cad_911:26-000116"),
        ({"DISPOSITION": "DUPLICATE"}, "cancelled", None),
        ({"DISPOSITION": "DUPLICATE", "PARENT_INCIDENT": "26-000117"}, "cancelled", None),
    ],
)
def test_state_and_disposition_give_the_status(cells: dict[str, str], status: str, merged_into: str | None) -> None:
    record = incident(**cells)

    assert (record.status, record.merged_into) == (status, merged_into)


def test_of_two_beginnings_the_longer_one_counts_and_an_exact_code_before_both() -> None:
    natures = {
        "69*": {"kind": "structure-fire", "service": "fire"},
        "69D*": {"kind": "high-rise-fire", "service": "fire"},
        "69D06": {"kind": "collapse", "service": "fire"},
    }
    form = form_from("f.toml", {"columns": {"number": "n", "nature": "c"}, "natures": natures})

    kinds = [form.nature_of(code) for code in ("69A1", "69D01", "69D06", "10D1")]
    assert [None if kind is None else kind.kind for kind in kinds] == [
        "structure-fire", "high-rise-fire", "collapse", None,
    ]  # fmt: skip


def test_an_unlisted_code_goes_on_as_other_and_only_what_cannot_be_a_word_is_kept() -> None:
    code, name = incident(NATURE="10-D-4"), incident(NATURE="JOHN DOE")

    assert (code.kind, code.service, code.native_code) == ("other", "police", "10-D-4")
    assert (name.kind, name.native_code) == ("other", None)


@pytest.mark.parametrize("number", ["415-555-0117", "(415) 555-0117", "+1 415 555 0117"])
def test_a_phone_number_is_no_incident_number(number: str) -> None:
    result = parsed(INCIDENT_NUMBER=number)

    assert result.incident.case_id.startswith("cad_911:h-")
    assert "unusable-case-number" in result.findings


def test_drills_are_marked_by_column_or_nature() -> None:
    assert incident(EXERCISE="yes").exercise
    assert incident(NATURE="TEST CALL").exercise
    assert not incident().exercise


def test_the_dispatch_centres_own_address_is_no_place() -> None:
    result = parsed(LATITUDE="41.41", LONGITUDE="-70.62")

    assert result.incident.location is not None
    assert (result.incident.location.quality, result.findings) == ("default", ("default-point",))


def test_two_systems_of_a_city_do_not_share_ids() -> None:
    assert parsed_by(rules(system="fire"), {}).incident.case_id == "cad_911:fire:26-000117"


def test_a_row_without_nature_and_time_is_no_call() -> None:
    with pytest.raises(EntryRefusedError, match="NATURE and the time must be readable"):
        parsed(NATURE="", RECEIVED="")


def test_what_a_refused_row_may_keep_has_no_text_of_a_person() -> None:
    assert set(kept_columns(USUAL)) == {"RECEIVED", "LAST_UPDATE", "LATITUDE", "LONGITUDE", "PRIORITY", "EXERCISE"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[columns]\nnumber = 'n'", r"\[columns\]: nature must name a column"),
        ("[columns]\nnumber = 'n'\nnature = 'c'\nlat = 'y'", "lat and lon must both"),
        ("[columns]\nnumber = 'n'\nnature = 'c'\nadress = 'a'", "adress is not known"),
        ("[natures]\nA = { kind = 'Fire!', service = 'fire' }", r"\[natures\] A: kind must be small letters"),
        ("[natures]\nA = { kind = 'fire', service = 'feuerwehr' }", r"\[natures\] A: service must be one of"),
        ("[statuses]\nA = 'gone'", r"\[statuses\]: A must be one of"),
        ("[times]\nformats = ['%Q']", "formats must not have %Q"),
        ("[times.offsets]\nEST = '5'", "an offset must be like -05:00"),
        ("columns = 3", "columns must be a table"),
        ("[natures", "form.toml"),
    ],
)
def test_a_form_that_cannot_be_is_refused_by_file_and_field(text: str, message: str, tmp_path: Path) -> None:
    columns = "" if "columns" in text else "\n[columns]\nnumber = 'n'\nnature = 'c'\n"
    (tmp_path / "form.toml").write_text(text + columns, "utf-8")

    with pytest.raises(ConnectorConfigError, match=message):
        read_form("form.toml", tmp_path)


def test_a_form_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match=r"option form: no\.toml cannot be read: No such file"):
        read_form("no.toml", tmp_path)
