"""A 112 call's steps keep its cameras: each state is news to the engine, and a row that is read again is none."""

from zoneinfo import ZoneInfo

from connectors.kit.reading.korean_places import PlaceRules
from connectors.police_112.parse import Rules, parse_row
from schemas.incident import Incident
from tests.pipeline.engine_runs import DEMO, EngineRun
from tests.support.records import LAT_DEG, LON_DEG, T0_US, S, a_camera, a_table, at

RULES = Rules(ZoneInfo("Asia/Seoul"), PlaceRules(accuracy_m=20.0), "RECV_NO", "", "", 300 * S)
LEASE_S = DEMO.lease.lease_s_by_rank[0]
DISPATCHED, ARRIVED = "4", "5"


def a_call(state: str, read_s: float) -> Incident:
    """Return a robbery as its row is read so many seconds after ``T0_US``; only its state ever changes."""
    row = {
        "RECV_NO": "20260921-7",
        "RECV_CPLT_DT": "20260921",
        "RECV_CPLT_TM": "231300",
        "RECV_EMG_CD": "C0",
        "EVT_STAT_CD": state,
        "EVT_CL_CD": "102",
        "HPPN_X": str(LON_DEG),
        "HPPN_Y": str(LAT_DEG),
    }
    return parse_row(row, T0_US + int(read_s * S), RULES).incident


def end_of_lease_s(run: EngineRun) -> float:
    return (run.case("police_112:20260921-7").valid_until_us - T0_US) / S


def test_arrived_after_dispatched_renews_the_lease_and_a_repeat_does_not() -> None:
    run = EngineRun(a_table(*(a_camera(f"cam-{i}", location=at(20 * i)) for i in range(8))))
    run.tell(a_call(DISPATCHED, 0), now_s=0)
    assert end_of_lease_s(run) == LEASE_S

    run.tell(a_call(DISPATCHED, 100), now_s=100)
    assert end_of_lease_s(run) == LEASE_S

    run.tell(a_call(ARRIVED, 200), now_s=200)
    assert end_of_lease_s(run) == 200 + LEASE_S
