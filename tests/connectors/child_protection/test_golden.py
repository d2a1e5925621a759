"""From the platform's items to the cameras: reported, heard by beacons, told by a phone, found."""

import json
from pathlib import Path
from typing import Any

from tests.support.golden import assignments_for, entries_of

SCANNERS = "scanner,lat,lon,range_m\nS-1,37.5672,126.9786,40\nS-2,37.5679,126.9790,40\n"


def told(tmp_path: Path, *items: dict[str, Any]) -> list[Any]:
    (tmp_path / "scanners.csv").write_text(SCANNERS)
    body = json.dumps([{"child": "C-771", **item} for item in items]).encode()
    return entries_of("child_protection", body, options={"scanners_file": str(tmp_path / "scanners.csv")})


def at(minute: int) -> str:
    return f"2026-03-01T02:{minute:02}:00Z"


def missing(minute: int, state: str) -> dict[str, Any]:
    seen = {"time": at(20), "lat": 37.5665, "lon": 126.978, "accuracy_m": 30}
    return {"type": "missing", "report": "R-17", "state": state, "time": at(minute), "last_seen": seen}


def test_the_cameras_of_a_missing_child_move_with_its_beacon_and_are_let_go_when_it_is_found(tmp_path: Path) -> None:
    run = assignments_for(
        told(
            tmp_path,
            missing(20, "open"),
            {"type": "beacon", "scanner": "S-1", "time": at(22)},
            {"type": "beacon", "scanner": "S-2", "time": at(24)},
            missing(26, "found"),
        )
    )

    first, last_active, last = run[0], run[-2], run[-1]
    assert (first.kind, first.status, first.services) == ("missing-child", "active", ("child",))
    assert {c.camera_id for c in last_active.cameras} != {c.camera_id for c in first.cameras}
    assert first.where is not None
    assert last_active.where is not None
    assert abs(first.where.lat_deg - 37.5665) < 0.0003
    assert abs(last_active.where.lat_deg - 37.5679) < 0.0004
    assert (last.status, last.cameras) == ("released", ())


def test_a_child_last_seen_before_it_was_reported_is_timed_from_the_first_report(tmp_path: Path) -> None:
    first, *_, last = assignments_for(told(tmp_path, missing(50, "open"), missing(55, "updated")))

    assert first.cameras
    assert first.reported_us is not None
    assert first.reported_us - first.occurred_us == 30 * 60 * 1_000_000
    assert (last.occurred_us, last.reported_us) == (first.occurred_us, first.reported_us)


def test_a_phone_says_where_the_child_is_when_the_report_could_not(tmp_path: Path) -> None:
    report = {"type": "missing", "report": "R-17", "state": "open", "time": at(20)}
    phone = {"type": "phone", "lat": 37.5665, "lon": 126.978, "accuracy_m": 20, "time": at(21)}

    first, *_, last = assignments_for(told(tmp_path, report, phone))

    assert (first.status, first.cameras) == ("needs-location", ())
    assert last.status == "active"
    assert last.cameras


def test_a_beacon_without_a_report_leads_to_no_cameras(tmp_path: Path) -> None:
    assert assignments_for(told(tmp_path, {"type": "beacon", "scanner": "S-1", "time": at(22)})) == []


def last_of_each(run: list[Any]) -> dict[str, str]:
    """Return the last status of each case."""
    return {assignment.case_id: assignment.status for assignment in run}


def test_a_child_that_was_found_is_looked_for_by_no_other_report_of_it(tmp_path: Path) -> None:
    second = missing(21, "open") | {"report": "R-18"}

    (status,) = last_of_each(
        assignments_for(told(tmp_path, missing(20, "open"), second, missing(26, "found")))
    ).values()

    assert status == "released"


def test_a_report_that_is_closed_leaves_another_report_of_the_child_open(tmp_path: Path) -> None:
    second = missing(21, "open") | {"report": "R-18"}

    run = assignments_for(told(tmp_path, missing(20, "open"), second, missing(26, "closed")))

    assert list(last_of_each(run).values()) == ["active"]


def test_an_end_that_does_not_name_the_child_again_ends_its_case(tmp_path: Path) -> None:
    run = assignments_for(told(tmp_path, missing(20, "open"), missing(26, "found") | {"child": None}))

    assert list(last_of_each(run).values()) == ["released"]


def test_a_report_that_names_its_child_only_later_leaves_no_case_behind(tmp_path: Path) -> None:
    run = assignments_for(told(tmp_path, missing(20, "open") | {"child": ""}, missing(21, "updated")))

    assert sorted(last_of_each(run).values()) == ["active", "released"]
    assert run[0].case_id == "child_protection:R-17"


def test_a_drill_that_turns_out_to_be_real_gets_its_cameras_although_nothing_else_changed(tmp_path: Path) -> None:
    run = assignments_for(told(tmp_path, missing(20, "open") | {"exercise": True}, missing(20, "open")))

    assert (run[-1].exercise, run[-1].status, bool(run[-1].cameras)) == (False, "active", True)


def test_a_word_that_is_told_again_brings_its_ends_again_and_a_late_one_brings_none(tmp_path: Path) -> None:
    found = missing(26, "found")
    second = missing(21, "open") | {"report": "R-18"}
    entries = told(tmp_path, missing(20, "open"), second, found, found, missing(20, "open"))

    assert [entry.record.status for entry in entries] == ["reported", "reported", *["closed"] * 4, "reported"]
    assert [entry.record.event_id for entry in entries[2:4]] == [entry.record.event_id for entry in entries[4:6]]
