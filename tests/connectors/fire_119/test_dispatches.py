"""What a vehicle's position makes of the dispatch it belongs to, and what is remembered for it."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import connectors.fire_119.dispatches as module
from connectors.fire_119.dispatch import Dispatch, written
from connectors.fire_119.dispatches import Dispatches
from connectors.fire_119.parse import Rules
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import Parsed
from connectors.kit.reading.korean_places import PlaceRules
from schemas.incident import Incident, RespondingUnit
from schemas.location import Point
from tests.connectors.local_context import NOON_US, SEOUL_BOX

RULES = Rules(
    zone=ZoneInfo("Asia/Seoul"),
    places=PlaceRules(accuracy_m=50.0, city_box=SEOUL_BOX),
    future_tolerance_us=300_000_000,
    radius_m_by_level={"level-2": 150.0},
)
WAY = "126.97 37.574;126.975 37.574;126.98 37.574"
SCENE = Point(lat_deg=37.574, lon_deg=126.98)
ENGINE = {"VHCL_ID": "종로-펌프-1", "VHCL_X": 126.97, "VHCL_Y": 37.574, "VHCL_ROUTE": WAY}


def a_dispatch(**cells: Any) -> dict[str, Any]:
    row = {"OBJT_ID": "1", "STTE_DT": "20260301115000", "EMG_TY_NM1": "화재", "X": 126.98, "Y": 37.574}
    return row | cells


def a_position(x: float, **cells: Any) -> dict[str, Any]:
    return {"OBJT_ID": "1", "VHCL_ID": "종로-펌프-1", "VHCL_X": x, "VHCL_Y": 37.574} | cells


class Desk:
    """Dispatches, and the incident of the row read last."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.dispatches = Dispatches(RULES, 50.0)
        for row in rows:
            self.dispatches.read_row(row, NOON_US)

    def parsed(self, row: dict[str, Any]) -> Parsed:
        parsed = self.dispatches.read_row(row, NOON_US)
        assert parsed is not None
        return parsed

    def read(self, row: dict[str, Any]) -> Incident:
        return self.parsed(row).incident

    def unit(self, row: dict[str, Any], name: str = "종로-펌프-1") -> RespondingUnit:
        return next(unit for unit in self.read(row).units if unit.unit_ref == name)


def lons(unit: RespondingUnit) -> list[float]:
    return [point.lon_deg for point in unit.route]


def test_a_position_is_a_new_word_of_the_same_dispatch() -> None:
    desk = Desk()
    told = desk.read(a_dispatch(EMG_TY_NM2="건물"))

    moved = desk.read(a_position(126.975))

    assert (moved.case_id, moved.kind, moved.native_code) == (told.case_id, told.kind, told.native_code)
    assert (moved.status, moved.location, moved.occurred_us) == ("updated", told.location, told.occurred_us)
    assert moved.event_id != told.event_id


def test_of_the_way_only_what_lies_ahead_is_told() -> None:
    desk = Desk(a_dispatch(**ENGINE))

    assert lons(desk.unit(a_position(126.972))) == [126.972, 126.975, 126.98]
    assert lons(desk.unit(a_position(126.977))) == [126.977, 126.98]


def test_a_vehicle_that_leaves_its_way_goes_straight_from_where_it_is() -> None:
    parsed = Desk(a_dispatch(**ENGINE)).parsed(a_position(126.975, VHCL_Y=37.58))

    assert parsed.incident.units[0].route == ()
    assert parsed.findings == ("off-route",)


def test_a_vehicle_without_a_way_is_followed_by_its_position() -> None:
    assert Desk(a_dispatch()).unit(a_position(126.975)).route == ()


def test_a_small_step_tells_nothing_and_many_small_steps_do() -> None:
    desk = Desk(a_dispatch(**ENGINE))

    told = [desk.dispatches.read_row(a_position(126.97 + 0.0002 * step), NOON_US) for step in range(1, 8)]

    assert [parsed is not None for parsed in told] == [False, False, True, False, False, True, False]


def test_a_position_that_is_sent_again_is_the_same_event() -> None:
    desk = Desk(a_dispatch(**ENGINE))

    assert desk.read(a_position(126.975)) == desk.read(a_position(126.975))


def test_there_and_back_again_are_events_of_their_own() -> None:
    desk = Desk(a_dispatch(**ENGINE))
    rows = [a_position(x, VHCL_DT=f"2026030111510{n}") for n, x in enumerate((126.975, 126.977, 126.975))]

    assert len({desk.read(row).event_id for row in rows}) == 3


def test_a_position_older_than_the_last_is_passed_over() -> None:
    desk = Desk(a_dispatch(**ENGINE), a_position(126.977, VHCL_DT="20260301115200"))

    assert desk.dispatches.read_row(a_position(126.972, VHCL_DT="20260301115100"), NOON_US) is None


def test_a_vehicle_that_stands_still_tells_nothing_however_often_it_says_so() -> None:
    desk = Desk(a_dispatch(**ENGINE), a_position(126.975, VHCL_DT="20260301110000"))
    stands = [a_position(126.975, VHCL_DT=f"202603011130{second:02}") for second in range(60)]

    assert [desk.dispatches.read_row(row, NOON_US) for row in stands] == [None] * 60


def test_one_time_far_ahead_does_not_make_all_later_positions_late() -> None:
    desk = Desk(a_dispatch(**ENGINE), a_position(126.972, VHCL_DT="20270301110000"))

    moved = desk.dispatches.read_row(a_position(126.977, VHCL_DT="20260301115900"), NOON_US)

    assert moved is not None


def test_the_time_of_a_position_may_be_written_with_its_offset() -> None:
    desk = Desk(a_dispatch(**ENGINE), a_position(126.977, VHCL_DT="2026-03-01T02:52:00Z"))

    assert desk.dispatches.read_row(a_position(126.972, VHCL_DT="2026-03-01T11:51:00+09:00"), NOON_US) is None


def test_one_point_is_no_way() -> None:
    parsed = Desk().parsed(a_dispatch(**ENGINE | {"VHCL_ROUTE": "126.98 37.574"}))

    assert [unit.route for unit in parsed.incident.units] == [()]
    assert parsed.findings == ("unusable-unit",)


def test_a_level_that_is_lowered_to_another_is_that_other() -> None:
    desk = Desk(a_dispatch(PROGRS_STN="대응3단계"))

    assert desk.read(a_dispatch(PROGRS_STN="대응3단계 해제, 대응1단계 발령")).urgency_native == "level-1"
    assert desk.read(a_dispatch(PROGRS_STN="진압중")).urgency_native == "level-1"


def test_each_vehicle_stays_when_another_one_moves() -> None:
    desk = Desk(a_dispatch(**ENGINE), a_position(126.96, VHCL_ID="종로-구급-2"))

    moved = desk.read(a_position(126.976))

    assert [(unit.unit_ref, unit.position and unit.position.lon_deg) for unit in moved.units] == [
        ("종로-펌프-1", 126.976),
        ("종로-구급-2", 126.96),
    ]


def test_a_frame_of_positions_moves_several_vehicles_in_one_event() -> None:
    desk = Desk(a_dispatch(UNITS=[ENGINE, {"VHCL_ID": "P-2"}]))
    frame = [{"VHCL_ID": "P-2", "VHCL_X": 126.99, "VHCL_Y": 37.574}, a_position(126.975)]

    moved = desk.read({"OBJT_ID": 1, "UNITS": frame})

    assert [unit.position and unit.position.lon_deg for unit in moved.units] == [126.975, 126.99]


def test_a_record_without_vehicles_keeps_them_and_a_list_withdraws_who_is_not_on_it() -> None:
    desk = Desk(a_dispatch(UNITS=[ENGINE, {"VHCL_ID": "P-2"}]))

    kept = desk.read(a_dispatch(PROGRS_STN="현장도착"))
    withdrawn = desk.read(a_dispatch(UNITS=[{"VHCL_ID": "종로-펌프-1"}]))

    assert [unit.unit_ref for unit in kept.units] == ["종로-펌프-1", "P-2"]
    assert [unit.unit_ref for unit in withdrawn.units] == ["종로-펌프-1"]
    assert lons(withdrawn.units[0]) == [126.97, 126.975, 126.98]


def test_a_vehicle_that_is_known_needs_no_number_of_its_dispatch() -> None:
    desk = Desk(a_dispatch(**ENGINE), a_dispatch(OBJT_ID="2", VHCL_ID="P-2"))

    assert desk.read(a_position(126.975, OBJT_ID=None)).case_id == "fire_119:1"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (a_position(126.975, OBJT_ID="2"), "unknown-dispatch"),
        (a_position(126.975, OBJT_ID=None, VHCL_ID="P-9"), "unknown-dispatch"),
        (a_position(126.975, VHCL_ID="김영희"), "unusable-unit"),
        (a_position(126.975, VHCL_ID="010-1234-5678"), "unusable-unit"),
        ({"OBJT_ID": "1", "UNITS": "all"}, "unusable-unit"),
        ({"OBJT_ID": "1"}, "not-a-dispatch"),
    ],
)
def test_a_position_of_nobody_is_answered(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(EntryRefusedError) as refusal:
        Desk(a_dispatch(**ENGINE)).read(row)

    assert refusal.value.reason == reason
    assert "김영희" not in str(refusal.value)


@pytest.mark.parametrize("over", ["귀소", "출동취소"])
def test_on_the_way_home_nobody_is_followed(over: str) -> None:
    desk = Desk(a_dispatch(**ENGINE), a_dispatch(PROGRS_STN=over))

    assert desk.dispatches.read_row(a_position(126.975), NOON_US) is None


def test_the_end_of_a_dispatch_tells_of_no_vehicle_where_it_is_and_a_restart_changes_nothing_of_that() -> None:
    over = a_dispatch(PROGRS_STN="귀소", UPD_DT="20260301115800")
    later = [a_dispatch(PROGRS_STN="귀소", UPD_DT="20260301115900"), a_dispatch(UPD_DT="20260301115930")]
    desk, fresh = Desk(a_dispatch(**ENGINE, RSPNS_LV="2")), Desk()
    end = desk.read(over)
    kept = dict(desk.dispatches._known.items())
    fresh.dispatches.recall({name: read_back(dispatch) for name, dispatch in kept.items()}, is_kept=False)

    assert [(unit.position, unit.route) for unit in end.units] == [(None, ())]
    assert end.location is not None
    assert desk.read(over).event_id == end.event_id
    assert [fresh.read(row) for row in later] == [desk.read(row) for row in later]


def read_back(dispatch: Dispatch) -> dict[str, Any]:
    """Return the parts of a dispatch as they come from Kafka."""
    parts: dict[str, Any] = json.loads(json.dumps(dict(written(dispatch))))
    return parts


def test_a_response_level_stands_until_it_is_lifted() -> None:
    desk = Desk(a_dispatch(), a_dispatch(PROGRS_STN="대응2단계"))

    fighting = desk.read(a_dispatch(PROGRS_STN="진압중"))
    lifted = desk.read(a_dispatch(PROGRS_STN="대응2단계 해제"))

    assert fighting.urgency_native == "level-2"
    assert fighting.area is not None
    assert lifted.urgency_native is None
    assert (lifted.area, lifted.replaces) == (None, True)
    assert lifted.location is not None
    assert desk.read(a_dispatch(PROGRS_STN="진압중")).urgency_native is None


def test_a_lifted_level_without_a_place_keeps_the_scene_that_was_told() -> None:
    desk = Desk(a_dispatch(PROGRS_STN="대응2단계", **ENGINE))
    lifted = desk.read(a_dispatch(PROGRS_STN="대응2단계 해제", X=None, Y=None))

    assert (lifted.area, lifted.replaces) == (None, True)
    assert lifted.location == desk.read(a_dispatch()).location
    assert [unit.unit_ref for unit in lifted.units] == [ENGINE["VHCL_ID"]]


def test_when_all_vehicles_are_withdrawn_the_word_says_so() -> None:
    desk = Desk(a_dispatch(UNITS=[ENGINE]))

    empty = desk.read(a_dispatch(UNITS=[]))

    assert (empty.units, empty.replaces) == ((), True)
    assert desk.read(a_dispatch(PROGRS_STN="진압중")).replaces is False


def test_only_so_many_dispatches_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DISPATCHES_MAX", 3)
    desk = Desk(*(a_dispatch(OBJT_ID=str(n), VHCL_ID=f"P-{n}") for n in range(5)))

    assert desk.read(a_position(126.9, OBJT_ID="4", VHCL_ID="P-4")).case_id == "fire_119:4"
    with pytest.raises(EntryRefusedError):
        desk.read(a_position(126.9, OBJT_ID=None, VHCL_ID="P-0"))
