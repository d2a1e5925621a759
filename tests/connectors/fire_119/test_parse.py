"""A 119 row becomes one incident with its vehicles; its faults are repaired, named or answered."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.fire_119.parse import Rules, parse_row
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.korean_places import PlaceRules
from schemas.codec import decode, encode
from schemas.incident import Incident
from tests.connectors.local_context import NOON_US, POLICE_AGENCY, SEOUL_BOX

RULES = Rules(
    zone=ZoneInfo("Asia/Seoul"),
    places=PlaceRules(accuracy_m=50.0, default_points=(POLICE_AGENCY,), city_box=SEOUL_BOX),
    future_tolerance_us=300_000_000,
)


def a_row(**cells):
    """Return the sample the feed's description prints: an illness in Jongno, first dispatch."""
    row = {
        "OBJT_ID": "173001",
        "STTE_DT": "20180821194519",
        "STTE_LC": "서울특별시 종로구 적선동",
        "STT_LC_DTL": "80",
        "EMG_TY_NM1": "구급",
        "EMG_TY_NM2": "질병",
        "EMG_TY_NM3": "1차출동",
        "PROGRS_STN": "",
        "X": "126.9725",
        "Y": "37.5740",
    }
    return {name: value for name, value in (row | cells).items() if value is not None}


def parsed(rules=RULES, **cells):
    return parse_row(a_row(**cells), NOON_US, rules)


def incident(**cells):
    return parsed(**cells).incident


def test_the_printed_sample_becomes_an_incident():
    record = incident()

    assert (record.service, record.kind, record.native_code) == ("fire", "medical", "구급/질병")
    assert record.case_id == record.incident_id == "fire_119:173001"
    assert record.status == "reported"
    assert datetime.fromtimestamp(record.occurred_us / 1e6, UTC).isoformat() == "2018-08-21T10:45:19+00:00"
    assert (record.location.lat_deg, record.location.lon_deg, record.location.quality) == (37.5740, 126.9725, "address")
    assert parsed().findings == ()


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("화재", "건물화재", ""), "structure-fire"),
        (("화재", "주택", ""), "structure-fire"),
        (("화재", "자동차/철도차량", ""), "vehicle-fire"),
        (("화재", "산불", ""), "forest-fire"),
        (("화재", "쓰레기", ""), "fire"),
        (("구조", "승강기", ""), "rescue"),
        (("구조", "붕괴", ""), "collapse"),
        (("구급", "심정지", ""), "cardiac-arrest"),
        (("구급", "교통사고", ""), "ems"),
        (("구급", "다수사상", ""), "mass-casualty"),
        (("생활안전", "긴급", ""), "life-safety-urgent"),
        (("생활안전", "벌집제거", "잠재긴급"), "life-safety-latent"),
        (("생활안전", "비긴급", ""), "life-safety-routine"),
        (("의료지도", "", ""), "advice"),
        (("오접속", "", ""), "wrong-number"),
    ],
)
def test_type_names_give_the_contracts_kind(names, kind):
    record = incident(EMG_TY_NM1=names[0], EMG_TY_NM2=names[1], EMG_TY_NM3=names[2])

    assert (record.kind, record.service) == (kind, "fire")


@pytest.mark.parametrize(
    ("cells", "urgency"),
    [
        ({"EMG_TY_NM1": "화재"}, None),
        ({"EMG_TY_NM1": "화재", "RSPNS_LV": "2"}, "level-2"),
        ({"EMG_TY_NM1": "화재", "RSPNS_LV": 3.0}, "level-3"),
        ({"EMG_TY_NM1": "화재", "RSPNS_LV": "대응 1단계"}, "level-1"),
        ({"EMG_TY_NM1": "화재", "EMG_TY_NM3": "대응2단계"}, "level-2"),
        ({"EMG_TY_NM1": "생활안전", "EMG_TY_NM2": "잠재긴급"}, "latent-urgent"),
        ({"EMG_TY_NM1": "생활안전", "EMG_TY_NM2": "비긴급"}, "not-urgent"),
        ({"EMG_TY_NM1": "생활안전", "EMG_TY_NM2": "긴급"}, "urgent"),
    ],
)
def test_response_levels_and_degrees_give_the_urgency(cells, urgency):
    assert incident(**cells).urgency_native == urgency


@pytest.mark.parametrize(
    ("progress", "status"),
    [
        ("접수", "reported"),
        ("1차출동", "reported"),
        ("2차출동", "updated"),
        ("현장도착", "updated"),
        ("병원이송", "updated"),
        ("귀소", "closed"),
        ("상황 종료", "closed"),
        ("출동취소", "cancelled"),
        ("오인", "cancelled"),
        ("", "reported"),
    ],
)
def test_progress_gives_the_status(progress, status):
    assert incident(PROGRS_STN=progress).status == status


def test_unknown_progress_is_noted_and_the_dispatch_goes_on():
    result = parsed(PROGRS_STN="???")

    assert (result.incident.status, result.findings) == ("reported", ("unknown-progress",))


@pytest.mark.parametrize("cells", [{"EMG_TY_NM3": "훈련"}, {"PROGRS_STN": "훈련출동"}, {"EMG_TY_NM1": "화재훈련"}])
def test_drills_are_marked(cells):
    assert incident(**cells).exercise


def test_an_unknown_type_goes_on_as_other_without_its_text():
    result = parsed(EMG_TY_NM1="김영희")

    assert (result.incident.kind, result.incident.native_code) == ("other", None)
    assert result.findings == ("unknown-type",)


@pytest.mark.parametrize(
    ("x", "y", "quality", "finding"),
    [
        ("953300.0", "1952900.0", "address", None),  # UTM-K, near the palace
        ("37.5740", "126.9725", "address", "swapped-axes"),
        ("0", "0", "default", "default-point"),
        ("126.9722", "37.5755", "default", "default-point"),
        ("126.97", "211", "none", "impossible-coordinates"),
        ("1e300", "-1e300", "none", "impossible-coordinates"),
        ("200000", "450000", "none", "impossible-coordinates"),  # an older grid, which one is not said
        ("129.07", "35.17", "address", "outside-city"),
        (None, None, None, "no-coordinates"),
    ],
)
def test_a_dispatch_keeps_going_whatever_its_position(x, y, quality, finding):
    result = parsed(X=x, Y=y)

    location = result.incident.location
    assert (location.quality if location else None) == quality
    assert result.findings == ((finding,) if finding else ())


def test_a_time_that_is_no_time_or_in_the_future_becomes_the_time_of_reading():
    for text, finding in (("20181399000000", "unreadable-time"), ("20991231235959", "clock-skew")):
        result = parsed(STTE_DT=text)
        assert (result.incident.occurred_us, result.findings) == (NOON_US, (finding,))


def test_the_responding_vehicle_comes_with_its_way():
    record = incident(
        VHCL_ID="종로-구급-1", VHCL_X="126.99", VHCL_Y="37.57", VHCL_ROUTE="126.99 37.57;126.98 37.572; 126.9725 37.574"
    )

    (unit,) = record.units
    assert unit.unit_ref == "종로-구급-1"
    assert (unit.position.lat_deg, unit.position.lon_deg, unit.position.quality) == (37.57, 126.99, "gps")
    assert [(point.lat_deg, point.lon_deg) for point in unit.route] == [
        (37.57, 126.99),
        (37.572, 126.98),
        (37.574, 126.9725),
    ]


def test_json_lines_may_list_several_vehicles():
    units = [{"VHCL_ID": "P-1", "VHCL_X": 126.98, "VHCL_Y": 37.57}, {"vhcl_id": "P-2"}, {"VHCL_ID": "김영희"}, None, 7]

    result = parsed(UNITS=units)

    assert [unit.unit_ref for unit in result.incident.units] == ["P-1", "P-2"]
    assert result.findings == ("unusable-unit",)


@pytest.mark.parametrize(
    "route", ["126.99", "126.99 37.57;x y", "126.99 37.57;0 0", ";".join(["126.99 37.57"] * 1001), "a;b;c"]
)
def test_a_way_with_an_unusable_point_is_left_out_and_the_vehicle_stays(route):
    result = parsed(VHCL_ID="P-1", VHCL_ROUTE=route)

    assert result.incident.units[0].route == ()
    assert result.findings == ("unusable-unit",)


def test_a_row_read_twice_has_the_same_event_id_and_progress_has_another():
    assert incident().event_id == incident().event_id
    assert incident().event_id != incident(PROGRS_STN="귀소").event_id
    assert incident(OBJT_ID=None).incident_id == incident(OBJT_ID=None, PROGRS_STN="귀소").incident_id


def test_a_drill_that_turns_out_to_be_real_is_another_event_of_the_same_dispatch():
    drill, real = incident(EMG_TY_NM1="훈련 화재"), incident(EMG_TY_NM1="화재")

    assert (drill.exercise, real.exercise) == (True, False)
    assert drill.incident_id == real.incident_id
    assert drill.event_id != real.event_id


def test_a_row_without_type_and_time_is_no_dispatch():
    with pytest.raises(EntryRefusedError) as refusal:
        parsed(STTE_DT="", EMG_TY_NM1="?")

    assert refusal.value.reason == "not-a-dispatch"


any_cell = st.recursive(
    st.one_of(
        st.text(max_size=30), st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["화재", "0"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["VHCL_ID", "VHCL_X", "VHCL_ROUTE"]), inner)
    ),
    max_leaves=5,
)


@settings(deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from([*a_row(), "VHCL_ID", "VHCL_X", "VHCL_Y", "VHCL_ROUTE", "UNITS"]), any_cell))
def test_any_cells_give_an_incident_that_fits_the_contract_or_a_refusal(cells):
    record, reason = None, ""
    try:
        record = parse_row(cells, NOON_US, RULES).incident
    except EntryRefusedError as refusal:
        reason = refusal.reason

    assert reason == "not-a-dispatch" if record is None else decode(Incident, encode(record)) == record
