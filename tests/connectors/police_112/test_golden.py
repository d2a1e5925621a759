"""From what the 112 system says to the cameras: reported, raised, changed, merged, closed."""

import json
from typing import Any

from schemas.camera_assignment import CameraAssignment
from tests.connectors.dispatch_pushes import entries_of_push
from tests.connectors.police_112.test_suite import body, file
from tests.support.connector_suite import Happening
from tests.support.connector_suite.happenings import MINUTE_US, USUAL_US
from tests.support.golden import assignments_for, entries_of


def pushed(*calls: dict[str, Any]) -> list[CameraAssignment]:
    """Return the assignments of calls that are pushed in one body; what a call does not say is a usual robbery's."""
    usual = json.loads(body(Happening()))
    return assignments_for(entries_of_push("police_112", json.dumps([usual | call for call in calls]).encode()))


def test_a_robbery_gets_cameras_within_the_first_version_and_lets_them_go_when_it_is_closed() -> None:
    rows = [Happening(), Happening(closed=True, revision=3, time_us=USUAL_US + 5 * MINUTE_US)]

    first, last = assignments_for(entries_of("police_112", file(rows)))

    assert (first.kind, first.status, first.version) == ("robbery", "active", 1)
    assert first.cameras
    assert (last.status, last.version) == ("released", 2)
    assert not last.cameras


def test_what_happened_before_the_call_is_timed_from_the_call_also_when_an_update_corrects_it() -> None:
    column = {"occurred_column": "OCCUR_DT"}
    usual = json.loads(body(Happening()))
    called_us = assignments_for(entries_of_push("police_112", body(Happening())))[0].occurred_us
    calls = [
        usual | {"OCCUR_DT": "20260301103000", "RECV_EMG_CD": "C1"},
        usual | {"OCCUR_DT": "20260301101500", "RECV_EMG_CD": "C0", "EVT_STAT_CD": 4, "UPD_DT": "20260301120000"},
    ]

    first, corrected = assignments_for(entries_of_push("police_112", json.dumps(calls).encode(), options=column))

    assert first.cameras
    assert (first.occurred_us, first.reported_us) == (1_772_328_600_000_000, called_us)  # 10:30 in Seoul
    assert (corrected.occurred_us, corrected.reported_us) == (1_772_327_700_000_000, called_us)


def test_a_call_at_an_agencys_own_address_gets_no_cameras_and_asks_for_the_place() -> None:
    (assignment,) = assignments_for(entries_of("police_112", file([Happening(lat=0.0, lon=0.0)])))

    assert (assignment.status, assignment.cameras) == ("needs-location", ())


def test_the_same_call_dropped_and_pushed_is_one_case_with_one_version() -> None:
    dropped = entries_of("police_112", file([Happening()]))

    assignments = assignments_for([*dropped, *entries_of_push("police_112", body(Happening()))])

    assert [(a.case_id, a.version) for a in assignments] == [("police_112:17", 1)]


def test_a_call_that_is_raised_in_flight_is_ranked_anew_and_gets_more_cameras() -> None:
    taken, raised, lowered = pushed(
        {"RECV_EMG_CD": "C2"},
        {"RECV_EMG_CD": "C0", "EVT_STAT_CD": 4, "UPD_DT": "20260301115230"},
        {"RECV_EMG_CD": "C2", "EVT_STAT_CD": 4, "UPD_DT": "20260301115500"},
    )

    assert [a.rank for a in (taken, raised, lowered)] == [2, 0, 2]
    assert [a.version for a in (taken, raised, lowered)] == [1, 2, 3]
    assert len(taken.cameras) < len(raised.cameras)


def test_a_call_that_goes_back_to_what_it_was_is_ranked_anew_each_time() -> None:
    ranks = pushed(
        {"RECV_EMG_CD": "C1", "UPD_DT": "20260301115100"},
        {"RECV_EMG_CD": "C0", "UPD_DT": "20260301115200"},
        {"RECV_EMG_CD": "C1", "UPD_DT": "20260301115300"},
        {"RECV_EMG_CD": "C0", "UPD_DT": "20260301115400"},
    )

    assert [a.rank for a in ranks] == [1, 0, 1, 0]


def test_a_drunk_person_who_turns_violent_opens_the_cameras_that_the_law_kept_shut() -> None:
    before, after = pushed(
        {"EVT_CL_CD": 305, "RECV_EMG_CD": "C2"},
        {"EVT_CL_CD": 201, "RECV_EMG_CD": "C1", "EVT_STAT_CD": 4, "UPD_DT": "20260301115230"},
    )

    assert (before.kind, before.status, before.cameras) == ("drunk-person", "denied", ())
    assert (after.kind, after.status, after.rank) == ("violence", "active", 1)
    assert after.cameras


def test_a_second_call_of_the_same_case_is_merged_and_its_cameras_go_back() -> None:
    first, second, merged = pushed(
        {"RECV_NO": "17"},
        {"RECV_NO": "18", "RECV_CPLT_TM": 115100},
        {"RECV_NO": "18", "END_CD": 708, "SME_EVT_YN": "Y", "RLT_RECV_NO": "17", "UPD_DT": "20260301115300"},
    )

    assert [a.case_id for a in (first, second, merged)] == ["police_112:17", "police_112:18", "police_112:18"]
    assert first.cameras
    assert second.cameras
    assert (merged.status, merged.reason, merged.cameras) == ("released", "merged-into:police_112:17", ())


def test_an_exercise_of_the_room_is_marked_to_the_end() -> None:
    (assignment,) = pushed({"EVT_CL_CD": 507, "RECV_EMG_CD": "C0"})

    assert assignment.exercise
