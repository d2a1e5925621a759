"""What the rows before say of a 112 row that is blank, out of order, or against what was told."""

import pytest

import connectors.police_112.calls as module
from connectors.police_112.calls import Calls
from schemas.incident import Incident
from tests.connectors.local_context import NOON_US
from tests.connectors.police_112.test_golden import pushed
from tests.connectors.police_112.test_parse import RULES, a_row


def told(*rows: dict[str, str]) -> list[Incident]:
    """Return the incidents of rows that are read one after the other."""
    calls = Calls(RULES)
    return [calls.read_row(a_row(**row), NOON_US).incident for row in rows]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("blank", ["", "  ", "C9"])
def test_an_update_without_an_urgency_keeps_rank_and_cameras(blank: str) -> None:
    before, after = pushed({"RECV_EMG_CD": "C0"}, {"RECV_EMG_CD": blank, "EVT_STAT_CD": 4, "UPD_DT": "20260301115230"})

    assert (before.rank, after.rank) == (0, 0)
    assert len(after.cameras) == len(before.cameras)


def test_an_update_without_a_type_keeps_the_type_and_what_the_law_allows() -> None:
    before, after = pushed({"RECV_EMG_CD": "C2"}, {"RECV_EMG_CD": "C2", "EVT_CL_CD": "", "UPD_DT": "20260301115230"})

    assert (before.kind, after.kind) == ("robbery", "robbery")
    assert (after.status, after.rank) == (before.status, before.rank)


def test_two_calls_that_are_each_said_to_be_the_other_leave_one_with_cameras() -> None:
    merged, goes_on = pushed(
        {"RECV_NO": "17", "SME_EVT_YN": "Y", "RLT_RECV_NO": "18"},
        {"RECV_NO": "18", "SME_EVT_YN": "Y", "RLT_RECV_NO": "17", "RECV_CPLT_TM": 115100},
    )

    assert (merged.status, merged.cameras) == ("released", ())
    assert goes_on.status == "active"
    assert goes_on.cameras


def test_a_ring_of_three_calls_is_noticed_and_its_last_one_closes_by_its_own_words() -> None:
    same = {"SME_EVT_YN": "Y"}
    first, second, third, ended = told(
        {"RECV_NO": "1", "RLT_RECV_NO": "2"} | same,
        {"RECV_NO": "2", "RLT_RECV_NO": "3"} | same,
        {"RECV_NO": "3", "RLT_RECV_NO": "1"} | same,
        {"RECV_NO": "3", "RLT_RECV_NO": "1", "END_CD": "708"} | same,
    )

    assert [one.status for one in (first, second, third, ended)] == ["merged", "merged", "reported", "cancelled"]
    assert third.merged_into is None


@pytest.mark.parametrize(
    "drill", [{"EVT_CL_CD": 507, "EVT_STAT_CD": 4}, {"END_CD": 604, "EVT_STAT_CD": 6}], ids=["type", "closing code"]
)
def test_a_real_call_that_turns_out_to_be_a_drill_lets_its_cameras_go(drill: dict[str, int]) -> None:
    before, after = pushed({}, {**drill, "UPD_DT": "20260301115230"})

    assert before.cameras
    assert (after.status, after.cameras, after.exercise) == ("released", (), False)


def test_a_drill_stays_one_when_a_row_leaves_its_type_blank_and_is_real_when_it_says_so() -> None:
    drill, blank, real = told({"EVT_CL_CD": "507"}, {"EVT_CL_CD": "", "EVT_STAT_CD": "4"}, {"EVT_CL_CD": "102"})

    assert [one.exercise for one in (drill, blank, real)] == [True, True, False]


def test_a_state_from_before_the_end_that_comes_after_it_opens_nothing() -> None:
    versions = pushed({"EVT_STAT_CD": 6, "END_CD": 101}, {"EVT_STAT_CD": 2}, {"EVT_STAT_CD": 4})

    assert [a.status for a in versions] == ["released"]


def test_a_call_that_is_taken_anew_after_its_end_opens_again_where_it_says_when() -> None:
    *_, again = pushed({"EVT_STAT_CD": 6, "END_CD": 101}, {"EVT_STAT_CD": 2, "UPD_DT": "20260301115230"})

    assert again.status == "active"


def test_an_older_word_does_not_change_what_is_known() -> None:
    *_, newest = told(
        {"RECV_EMG_CD": "C0", "UPD_DT": "20260301115930"},
        {"RECV_EMG_CD": "C3", "UPD_DT": "20260301115910"},
        {"RECV_EMG_CD": "", "UPD_DT": "20260301115940"},
    )

    assert newest.urgency_native == "C0"


def test_only_so_many_calls_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLS_MAX", 2)
    rows = [{"RECV_NO": str(n)} for n in range(3)]

    *_, forgotten, known = told(*rows, {"RECV_NO": "0", "RECV_EMG_CD": ""}, {"RECV_NO": "2", "RECV_EMG_CD": ""})

    assert (forgotten.urgency_native, known.urgency_native) == (None, "C0")
