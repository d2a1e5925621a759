"""A 112 row becomes one incident in the words of the contract; its faults are repaired, named or answered."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.korean_places import PlaceRules
from connectors.police_112.codes import CASE_TYPES
from connectors.police_112.parse import AGENCY_DEFAULT_POINT, Rules, parse_row
from schemas.codec import decode, encode
from schemas.incident import Incident
from tests.connectors.local_context import NOON_US, POLICE_AGENCY, SEOUL_BOX

RULES = Rules(
    zone=ZoneInfo("Asia/Seoul"),
    places=PlaceRules(accuracy_m=50.0, default_points=(AGENCY_DEFAULT_POINT, POLICE_AGENCY), city_box=SEOUL_BOX),
    case_column="RECV_NO",
    related_column="RLT_RECV_NO",
    child_column="CHLD_YN",
    changed_column="UPD_DT",
    future_tolerance_us=300_000_000,
)


def a_row(**cells):
    """Return a robbery at the City Hall, registered on 2026-03-01 at 11:59:07 in Seoul."""
    row = {
        "RECV_NO": "2026030100123",
        "RECV_DEPT_NM": "서울청",
        "RECV_CPLT_DT": "20260301",
        "RECV_CPLT_TM": "115907",
        "NPA_CL": "8",
        "RECV_EMG_CD": "C0",
        "EVT_STAT_CD": "2",
        "EVT_CL_CD": "102",
        "END_CD": "",
        "HPPN_X": "126.97800000",
        "HPPN_Y": "37.56650000",
        "SME_EVT_YN": "",
    }
    return {name: value for name, value in (row | cells).items() if value is not None}


def parsed(rules=RULES, **cells):
    return parse_row(a_row(**cells), NOON_US, rules)


def incident(**cells):
    return parsed(**cells).incident


def utc(us):
    return datetime.fromtimestamp(us / 1_000_000, UTC).isoformat()


def test_a_call_becomes_an_incident():
    record = incident()

    assert (record.service, record.kind, record.native_code, record.urgency_native) == (
        "police",
        "robbery",
        "102",
        "C0",
    )
    assert record.case_id == record.incident_id == "police_112:2026030100123"
    assert record.status == "reported"
    assert utc(record.occurred_us) == "2026-03-01T02:59:07+00:00"
    assert record.ingested_us == NOON_US
    assert not record.exercise
    assert (record.location.lat_deg, record.location.lon_deg) == (37.5665, 126.978)
    assert (record.location.accuracy_m, record.location.quality) == (50.0, "address")
    assert parsed().findings == ()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"RECV_CPLT_TM": "7"}, "2026-02-28T15:00:07+00:00"),
        ({"RECV_CPLT_TM": "7.0"}, "2026-02-28T15:00:07+00:00"),
        ({"RECV_CPLT_TM": "0"}, "2026-02-28T15:00:00+00:00"),
        ({"RECV_CPLT_TM": 14307}, "2026-02-28T16:43:07+00:00"),
        ({"RECV_CPLT_DM": "20/12/01 01:43:07.000000000", "RECV_CPLT_DT": None}, "2020-11-30T16:43:07+00:00"),
        ({"RECV_CPLT_DM": None, "RECV_CPLT_DT": "20/12/01 01:43:07.000000000"}, "2020-11-30T16:43:07+00:00"),
        ({"RECV_CPLT_DT": None, "DAY": "20201201", "TIME": " 14307"}, "2020-11-30T16:43:07+00:00"),
        ({"RECV_CPLT_DT": None, "RECV_CPLT_DM": "2020-12-01 01:43"}, "2020-11-30T16:43:00+00:00"),
    ],
)
def test_both_exports_times_are_read_in_the_zone_of_the_city(cells, expected):
    assert utc(incident(**cells).occurred_us) == expected


@pytest.mark.parametrize("text", ["20260230", "2026-13-01", "soon", "19200101", "99999999"])
def test_a_call_with_an_impossible_date_goes_on_with_the_time_of_reading(text):
    result = parsed(RECV_CPLT_DT=text)

    assert result.incident.occurred_us == result.incident.observed_us == NOON_US
    assert result.findings == ("unreadable-time",)


def test_a_time_in_the_future_is_not_believed_but_the_call_goes_on():
    result = parsed(RECV_CPLT_TM="120600")

    assert result.incident.occurred_us == NOON_US
    assert result.findings == ("clock-skew",)
    assert parsed(RECV_CPLT_TM="120400").findings == ()  # within five minutes clocks may differ


TIMED = replace(RULES, occurred_column="OCCUR_DT")


def test_what_happened_before_the_call_is_told_apart_from_it():
    record = parsed(TIMED, OCCUR_DT="2026-03-01 11:40:00").incident

    assert utc(record.occurred_us) == "2026-03-01T02:40:00+00:00"
    assert utc(record.reported_us) == utc(record.observed_us) == "2026-03-01T02:59:07+00:00"
    assert record.event_id != parsed(TIMED, OCCUR_DT="2026-03-01 11:41:00").incident.event_id


@pytest.mark.parametrize(
    ("text", "findings"), [(None, ()), ("", ()), ("20260301115930", ()), ("just now", ("unreadable-time",))]
)
def test_a_call_that_does_not_say_when_before_it_something_happened_has_one_time(text, findings):
    result = parsed(TIMED, OCCUR_DT=text)

    assert (result.incident.occurred_us, result.incident.reported_us) == (result.incident.observed_us, None)
    assert result.findings == findings


def test_the_code_book_has_58_types():
    assert len(CASE_TYPES) == 58


@pytest.mark.parametrize(
    ("code", "kind", "service"),
    [
        ("101", "murder", "police"),
        ("103", "snatch", "police"),
        ("105", "abduction", "police"),
        ("106", "sexual-violence", "police"),
        ("108", "child-abuse", "police"),
        ("212", "stalking", "police"),
        ("503", "emergency-bell", "police"),
        ("602", "fire", "fire"),
        ("603", "rescue", "fire"),
        ("609", "disaster", "disaster"),
        ("102.0", "robbery", "police"),
        (" 102 ", "robbery", "police"),
        (102, "robbery", "police"),
    ],
)
def test_types_get_the_contracts_kind_and_service(code, kind, service):
    record = incident(EVT_CL_CD=code)

    assert (record.kind, record.service) == (kind, service)


def test_an_unknown_type_goes_on_as_other_with_its_code():
    result = parsed(EVT_CL_CD="777")

    assert (result.incident.kind, result.incident.native_code) == ("other", "777")
    assert result.findings == ("unknown-type",)


def test_an_unreadable_type_goes_on_as_other_without_its_text():
    result = parsed(EVT_CL_CD="홍길동")

    assert (result.incident.kind, result.incident.native_code) == ("other", None)
    assert result.findings == ("unreadable-type",)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [({}, "missing-person"), ({"CHLD_YN": "Y"}, "missing-child"), ({"CHLD_YN": "N"}, "missing-person")],
)
def test_a_missing_child_is_told_from_a_missing_person(cells, kind):
    assert incident(EVT_CL_CD="509", **cells).kind == kind


@pytest.mark.parametrize("cells", [{"EVT_CL_CD": "507"}, {"END_CD": "604"}])
def test_drills_are_marked(cells):
    assert incident(**cells).exercise


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({"EVT_STAT_CD": "1"}, "reported"),
        ({"EVT_STAT_CD": "4"}, "updated"),
        ({"EVT_STAT_CD": "6"}, "closed"),
        ({"EVT_STAT_CD": "8"}, "cancelled"),
        ({"EVT_STAT_CD": "9"}, "cancelled"),
        ({"EVT_STAT_CD": "10"}, "closed"),
        ({"EVT_STAT_CD": "5", "END_CD": "101"}, "closed"),
        ({"END_CD": "503"}, "cancelled"),
        ({"END_CD": "601"}, "cancelled"),
        ({"END_CD": "604"}, "closed"),
        ({"END_CD": "708"}, "cancelled"),
        ({"END_CD": "nan"}, "reported"),
        ({"END_CD": "{"}, "reported"),
        ({"END_CD": "0"}, "reported"),
        ({"SME_EVT_YN": "Y"}, "reported"),
        ({"EVT_STAT_CD": ""}, "reported"),
    ],
)
def test_state_and_closing_code_give_the_status(cells, status):
    assert incident(**cells).status == status


@pytest.mark.parametrize("cells", [{"END_CD": "708"}, {"SME_EVT_YN": "Y"}])
def test_a_duplicate_that_names_its_case_is_merged_into_it(cells):
    record = incident(RLT_RECV_NO="2026030100099", **cells)

    assert (record.status, record.merged_into) == ("merged", "police_112:2026030100099")


def test_a_duplicate_that_names_itself_is_not_merged():
    assert incident(RLT_RECV_NO="2026030100123", SME_EVT_YN="Y").status == "reported"


def test_an_unknown_state_is_noted_and_the_call_goes_on():
    result = parsed(EVT_STAT_CD="42")

    assert (result.incident.status, result.findings) == ("reported", ("unknown-state",))


def test_a_rehearsal_takes_closed_calls_as_new():
    rules = Rules(RULES.zone, RULES.places, "RECV_NO", "", "", 0, as_reported=True)

    assert parsed(rules, END_CD="101", RECV_CPLT_TM="100000").incident.status == "reported"


@pytest.mark.parametrize("urgency", ["c0", "C0 긴급", "C0(긴급)", "Ｃ０"])
def test_an_urgency_is_read_also_with_its_word_and_in_wide_letters(urgency):
    assert incident(RECV_EMG_CD=urgency).urgency_native == "C0"


@pytest.mark.parametrize("urgency", ["C9", "", "긴급", "C01", "CO", "C" * 10_000])
def test_an_unknown_urgency_is_dropped_and_noted(urgency):
    result = parsed(RECV_EMG_CD=urgency)

    assert (result.incident.urgency_native, result.findings) == (None, ("unknown-urgency",))


@pytest.mark.parametrize(
    ("x", "y", "quality", "finding"),
    [
        ("127.404663", "36.341685", "default", "default-point"),  # the Daejeon agency
        ("126.9722", "37.5755", "default", "default-point"),  # the city's own agency
        ("36.341685", "127.404663", "default", "default-point"),  # and with swapped axes
        ("0", "0", "default", "default-point"),
        ("0.0", "0", "default", "default-point"),
        ("126.978", "137.5665", "none", "impossible-coordinates"),
        ("126.978", "0", "none", "impossible-coordinates"),
        ("126.978", "", "none", "impossible-coordinates"),
        ("nan", "37.5", "none", "impossible-coordinates"),
        ("inf", "37.5", "none", "impossible-coordinates"),
        ("서울", "37.5", "none", "impossible-coordinates"),
        ("2.35", "48.85", "none", "impossible-coordinates"),  # Paris
        ("37.5665", "126.978", "address", "swapped-axes"),
        ("127.3845", "36.3504", "address", "outside-city"),
    ],
)
def test_a_call_keeps_going_whatever_its_position(x, y, quality, finding):
    result = parsed(HPPN_X=x, HPPN_Y=y)

    assert result.incident.location.quality == quality
    assert result.findings == (finding,)


def test_swapped_axes_are_put_right():
    location = incident(HPPN_X="37.5665", HPPN_Y="126.978").location

    assert (location.lat_deg, location.lon_deg) == (37.5665, 126.978)


def test_a_call_without_any_position_says_so():
    result = parsed(HPPN_X="", HPPN_Y=None)

    assert (result.incident.location, result.findings) == (None, ("no-coordinates",))


def a_grid_cell(**cells):
    corners = {
        "HPPN_X_SW": "126.9780",
        "HPPN_X_NW": "126.9780",
        "HPPN_X_SE": "126.9792",
        "HPPN_X_NE": "126.9792",
        "HPPN_Y_SW": "37.5660",
        "HPPN_Y_SE": "37.5660",
        "HPPN_Y_NW": "37.5669",
        "HPPN_Y_NE": "37.5669",
    }
    return {"HPPN_X": None, "HPPN_Y": None, **corners, **cells}


def test_a_grid_cell_gives_its_centre_and_the_circle_that_holds_68_percent():
    location = incident(**a_grid_cell()).location

    assert location.lat_deg == pytest.approx(37.56645)
    assert location.lon_deg == pytest.approx(126.9786)
    # A cell of 105.8 m x 100.1 m: radius of a circle with 68 % of its area.
    assert location.accuracy_m == pytest.approx(47.9, abs=0.2)


def test_corners_of_different_cells_are_no_place():
    result = parsed(**a_grid_cell(HPPN_X_NE="127.5"))

    assert result.incident.location.quality == "none"


def test_a_row_read_twice_has_the_same_event_id_and_a_change_has_another():
    assert incident().event_id == incident().event_id
    changed = [{"EVT_STAT_CD": "4"}, {"RECV_EMG_CD": "C1"}, {"EVT_CL_CD": "101"}, {"HPPN_X": "126.979"}]
    assert len({incident(**cells).event_id for cells in ({}, *changed)}) == 5


def test_every_step_of_a_call_is_an_event_of_its_own_although_the_status_stays():
    cells = [{"EVT_STAT_CD": code} for code in ("3", "4", "5")] + [{"END_CD": code} for code in ("101", "102")]
    dispatched, arrived = incident(EVT_STAT_CD="4"), incident(EVT_STAT_CD="5")

    assert (dispatched.status, dispatched.location) == (arrived.status, arrived.location)
    assert dispatched.event_id != arrived.event_id
    assert len({incident(**change).event_id for change in cells}) == 5
    assert [incident(**change).event_id for change in cells] == [incident(**change).event_id for change in cells]


@pytest.mark.parametrize("again", ["5.0", " 5 ", "05", 5])
def test_the_same_state_written_differently_is_the_same_event(again):
    assert incident(EVT_STAT_CD=again).event_id == incident(EVT_STAT_CD="5").event_id


def test_a_row_without_a_case_number_gets_the_same_id_again():
    cells = {"RECV_NO": None}

    assert incident(**cells).incident_id == incident(**cells).incident_id
    assert incident(**cells).incident_id != incident(RECV_NO=None, RECV_CPLT_TM="115908").incident_id
    assert incident(RECV_NO=None, EVT_STAT_CD="6").incident_id == incident(**cells).incident_id


@pytest.mark.parametrize("number", ["010-1234-5678", "01012345678", "+82-10-1234-5678", "홍길동", "a b", "x" * 41])
def test_a_case_number_that_could_be_a_person_is_replaced(number):
    result = parsed(RECV_NO=number)

    assert result.incident.incident_id.startswith("police_112:h-")
    assert result.findings == ("unusable-case-number",)


@pytest.mark.parametrize("cells", [{"EVT_CL_CD": "", "RECV_CPLT_DT": ""}, {"EVT_CL_CD": "x", "RECV_CPLT_DT": "y"}])
def test_a_row_without_type_and_time_is_no_call(cells):
    with pytest.raises(EntryRefusedError) as refusal:
        parsed(**cells)

    assert refusal.value.reason == "not-a-call"
    assert refusal.value.field == "EVT_CL_CD"


COLUMNS = (*a_row(), "RECV_CPLT_DM", "RLT_RECV_NO", "CHLD_YN", "HPPN_X_SW", "HPPN_Y_SW", "HPPN_X_NE", "HPPN_Y_NE")
any_cell = st.one_of(
    st.text(max_size=30),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.lists(st.text(max_size=3), max_size=2),
    st.sampled_from(["Y", "708", "604", "507", "126.9", "37.5", "20260301", "7", "0", "1e999", "-0.0"]),
)


@settings(deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(COLUMNS), any_cell))
def test_any_cells_give_an_incident_that_fits_the_contract_or_a_refusal(cells):
    record, reason = None, ""
    try:
        record = parse_row(cells, NOON_US, RULES).incident
    except EntryRefusedError as refusal:
        reason = refusal.reason

    assert reason == "not-a-call" if record is None else decode(Incident, encode(record)) == record
    assert record is None or record.observed_us <= NOON_US + RULES.future_tolerance_us


def test_a_time_of_the_change_makes_an_event_of_its_own_and_says_when() -> None:
    taken, raised = incident(), incident(UPD_DT="2026-03-01T11:59:30")

    assert raised.event_id != taken.event_id
    assert utc(raised.observed_us) == "2026-03-01T02:59:30+00:00"
    assert raised.occurred_us == taken.occurred_us


@pytest.mark.parametrize(("text", "finding"), [("soon", "unreadable-time"), ("20990101000000", "clock-skew")])
def test_a_change_at_no_time_or_in_the_future_happened_now(text, finding) -> None:
    result = parsed(UPD_DT=text)

    assert (result.incident.observed_us, result.findings) == (NOON_US, (finding,))
