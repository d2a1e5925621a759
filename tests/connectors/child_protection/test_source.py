"""The suite over reports of missing children, and what is the connector's own: beacons, phones, tables."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.child_protection.tables import TableFile, children_of, scanners_of
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.manifest import build
from connectors.kit.payloads import Arrival
from connectors.kit.source import Refused
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.golden import entries_of

OPTIONS = {"token_env": "CHILD_PROTECTION_TOKEN"}
TIME = "2026-03-01T02:50:00Z"


def report(h: Happening) -> bytes:
    body: dict[str, Any] = {
        "type": "missing" if h.code is None else h.code,
        "report": h.number,
        "child": h.person_id,
        "state": "found" if h.closed else "updated" if h.revision > 1 else "open",
        "time": h.time_text,
        "last_seen": {"time": h.time_text, "lat": h.lat, "lon": h.lon},
        "guardian": {"name": h.person_name, "phone": h.person_phone},
        "clothes": h.person_text,
        "exercise": h.exercise,
    }
    if h.nulls:
        body = dict.fromkeys(body) | {"type": "missing"}
    return json.dumps({**body, **h.extra}, ensure_ascii=False).encode()


HOSTILE = [
    b'{"type": "missing", "report": "010-0000-1234", "child": "c"}',
    b'{"type": "missing", "report": "R-1", "child": "c", "last_seen": [1, 2]}',
    b'{"type": "beacon", "beacon": {"a": 1}, "scanner": null}',
    b'{"type": "phone", "child": "c", "lat": 1e308, "lon": -1e308}',
]

TestChildProtection = connector_suite("child_protection", Samples(write=report, options=OPTIONS, hostile=HOSTILE))


def _ignored(finding: str) -> None:
    del finding


def read(*items: dict[str, Any], **options: Any) -> list[Any]:
    return entries_of("child_protection", json.dumps(list(items)).encode(), options=options)


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "scanners.csv").write_text(
        "scanner,lat,lon,range_m\nS-12,37.5672,126.9791,60\nS-13,37.6,127.0,\n,1,2,3\n"
    )
    (tmp_path / "beacons.csv").write_text("beacon,child\nAC:23:3F:A0:00:01,C-771\n")
    return {"scanners_file": str(tmp_path / "scanners.csv"), "beacons_file": str(tmp_path / "beacons.csv")}


def test_report_beacon_and_phone_of_one_child_are_one_case(tables: dict[str, str]) -> None:
    entries = read(
        {"type": "missing", "report": "R-17", "child": "C-771", "state": "open", "time": TIME},
        {"type": "beacon", "beacon": "AC:23:3F:A0:00:01", "scanner": "S-12", "time": TIME},
        {"type": "phone", "child": "C-771", "time": TIME, "lat": 37.5, "lon": 127.0},
        **tables,
    )

    assert [entry.topic.name for entry in entries] == ["incidents", "tracker-fixes", "tracker-fixes"]
    assert len({entry.record.case_id for entry in entries}) == 1
    assert "AC:23" not in repr(entries)


def test_a_beacon_is_where_its_scanner_hangs_as_exactly_as_the_scanner_hears(tables: dict[str, str]) -> None:
    by_table, by_default, by_item = read(
        {"type": "beacon", "child": "C-771", "scanner": "S-12", "time": TIME},
        {"type": "beacon", "child": "C-771", "scanner": "S-13", "time": TIME},
        {
            "type": "beacon",
            "child": "C-771",
            "scanner": "S-14",
            "time": TIME,
            "lat": 37.51,
            "lon": 127.01,
            "range_m": 10,
        },
        **tables,
    )

    places = [entry.record.location for entry in (by_table, by_default, by_item)]
    assert [place.accuracy_m for place in places] == pytest.approx([49.48, 32.98, 8.25], abs=0.01)
    assert [place.lat_deg for place in places] == [37.5672, 37.6, 37.51]
    assert {place.quality for place in places} == {"other"}


def test_what_the_tables_do_not_know_is_refused_and_named_only_where_it_names_no_person(tables: dict[str, str]) -> None:
    entries = read(
        {"type": "beacon", "child": "C-771", "scanner": "S-99", "time": TIME},
        {"type": "beacon", "child": "C-771", "scanner": "010-0000-1234", "time": TIME},
        {"type": "beacon", "beacon": "AC:23:3F:A0:00:02", "scanner": "S-12", "time": TIME},
        **tables,
    )

    assert [(entry.reason, entry.field) for entry in entries if isinstance(entry, Refused)] == [
        ("unknown-scanner", "scanner"),
        ("unknown-scanner", "scanner"),
        ("unknown-beacon", "beacon"),
    ]
    assert "S-99" in entries[0].message
    assert "0000-1234" not in repr(entries)


def test_a_scanner_that_is_entered_while_the_connector_runs_is_known_at_once(tables: dict[str, str]) -> None:
    source: Any = build("child_protection", {**OPTIONS, **tables}, a_context())
    body = json.dumps({"type": "beacon", "child": "C-771", "scanner": "S-15", "time": TIME}).encode()
    before = source.answers(body, Arrival(NOON_US))

    with Path(tables["scanners_file"]).open("a") as file:
        file.write("S-15,37.55,126.99,30\n")
    after = source.answers(body, Arrival(NOON_US))
    Path(tables["scanners_file"]).unlink()
    without_file = source.answers(body, Arrival(NOON_US))

    assert isinstance(before[0], Refused)
    assert after[0].record.location.lat_deg == 37.55
    assert without_file == after
    assert source.findings["table-unreadable"] == 1
    assert source.findings["unusable-scanner-row"] >= 1


@pytest.mark.parametrize(("text", "message"), [("scanner,lat\nS-1,2\n", "lacks lon"), (None, "FileNotFoundError")])
def test_a_table_that_cannot_be_read_stops_the_start_with_its_reason(
    tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "scanners.csv").write_text(text)

    with pytest.raises(ConnectorConfigError, match=message):
        build("child_protection", {**OPTIONS, "scanners_file": str(tmp_path / "scanners.csv")}, a_context())


def test_tables_in_cp949_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("beacon,child,비고\nb-1,C-1,어린이집\n".encode("cp949"))

    assert TableFile(str(tmp_path / "t.csv"), children_of, _ignored).rows() == {"b-1": "C-1"}
    assert scanners_of("scanner,lat,lon\nS-1,91,0\nS-2,x,0\n", _ignored) == {}


def test_a_report_without_the_childs_id_still_gets_a_case_of_its_own() -> None:
    (entry,) = read({"type": "missing", "report": "R-17", "state": "open", "time": TIME})

    assert (entry.record.case_id, entry.record.subject_ref) == ("child_protection:R-17", None)


def test_a_child_last_seen_after_the_report_was_last_seen_at_the_report() -> None:
    seen = {"time": "2026-03-01T02:55:00Z", "lat": 37.5, "lon": 127.0}
    (entry,) = read(
        {"type": "missing", "report": "R-17", "child": "c", "state": "open", "time": TIME, "last_seen": seen}
    )

    assert entry.record.occurred_us == entry.record.observed_us


@pytest.mark.parametrize(
    ("state", "status"),
    [("open", "reported"), ("updated", "updated"), ("FOUND", "closed"), ("cancelled", "cancelled"), ("?", "other")],
)
def test_states_of_the_platform_are_states_of_the_incident(state: str, status: str) -> None:
    (entry,) = read({"type": "missing", "report": "R-17", "child": "c", "state": state, "time": TIME})

    assert entry.record.status == status


def test_ids_of_another_scheme_are_other_people() -> None:
    body = {"type": "phone", "child": "C-771", "time": TIME, "lat": 37.5, "lon": 127.0}

    assert read(body)[0].record.case_id != read(body, id_scheme="person")[0].record.case_id


def test_every_example_of_the_page_is_taken_as_it_stands() -> None:
    page = (Path(__file__).parents[3] / "docs/connectors/child_protection.md").read_text("utf-8")
    bodies = re.findall(r"^```json\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)

    entries = [entry for body in bodies for entry in entries_of("child_protection", body.encode())]

    assert [entry.topic.name for entry in entries] == ["incidents", "tracker-fixes", "tracker-fixes", "incidents"]
    assert not any(isinstance(entry, Refused) for entry in entries)
