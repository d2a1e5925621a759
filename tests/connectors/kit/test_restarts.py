"""Connectors that remember cases between pushes: after a restart they tell what they would have told without one."""

import json
from typing import Any

import pytest

from tests.connectors.child_protection.test_source import OPTIONS as CHILD
from tests.connectors.disaster_text.test_source import PUSH as TEXTS
from tests.connectors.disaster_text.test_source import text
from tests.connectors.dispatch_pushes import PUSH
from tests.connectors.fire_119.test_dispatches import ENGINE, a_dispatch, a_position
from tests.connectors.police_112.test_suite import body as a_call
from tests.connectors.traffic.feeds import ITS, its_document, its_item
from tests.support.connector_suite import Happening
from tests.support.restarts import tellings


def bodies(*items: dict[str, Any]) -> list[bytes]:
    return [json.dumps(item, ensure_ascii=False).encode() for item in items]


def calls(*changes: dict[str, Any]) -> list[bytes]:
    usual = json.loads(a_call(Happening()))
    return bodies(*(usual | change for change in changes))


def texts(*changes: dict[str, Any]) -> list[bytes]:
    usual = json.loads(text(Happening()))
    return bodies(*(usual | change for change in changes))


def road(*changes: dict[str, Any]) -> list[bytes]:
    usual = its_item(Happening())
    return bodies(*(usual | change for change in changes))


def report(number: str, state: str, minute: int, **fields: Any) -> dict[str, Any]:
    time = f"2026-03-01T02:{minute}:00Z"
    return {"type": "missing", "report": number, "state": state, "time": time, **fields}


ON_FILE = {"child": "C-771", "last_seen": {"time": "2026-03-01T02:30:00Z", "lat": 37.51, "lon": 127.01}}
EVENTS = [Happening(number=number, revision=3) for number in ("1", "2", "3")]
TWO_ENGINES = [{"VHCL_ID": "종로-펌프-1"}, {"VHCL_ID": "종로-펌프-2", "VHCL_X": 126.96, "VHCL_Y": 37.574}]
CASES = {
    "112: an update leaves the urgency blank": (
        "police_112",
        PUSH,
        calls({"RECV_EMG_CD": "C0"}, {"RECV_EMG_CD": "", "EVT_STAT_CD": 4, "UPD_DT": "20260301115230"}),
    ),
    "112: a real call turns out to be a drill": (
        "police_112",
        PUSH,
        calls({}, {"EVT_CL_CD": 507, "EVT_STAT_CD": 4, "UPD_DT": "20260301115230"}),
    ),
    "112: three calls are each said to be the next": (
        "police_112",
        PUSH,
        calls(
            {"RECV_NO": "1", "RLT_RECV_NO": "2", "SME_EVT_YN": "Y"},
            {"RECV_NO": "2", "RLT_RECV_NO": "3", "SME_EVT_YN": "Y"},
            {"RECV_NO": "3", "RLT_RECV_NO": "1", "SME_EVT_YN": "Y"},
        ),
    ),
    "119: engines move by themselves": (
        "fire_119",
        PUSH,
        bodies(
            a_dispatch(**ENGINE, RSPNS_LV="2"),
            a_position(126.972, VHCL_DT="20260301115100"),
            {"VHCL_ID": "종로-펌프-1", "VHCL_X": 126.975, "VHCL_Y": 37.574, "VHCL_DT": "20260301115200"},
            a_position(126.971, VHCL_DT="20260301115130"),
            a_position(126.979, VHCL_DT="20260301115300"),
        ),
    ),
    "119: an engine is withdrawn and the level is lifted": (
        "fire_119",
        PUSH,
        bodies(
            a_dispatch(UNITS=TWO_ENGINES, RSPNS_LV="2"),
            a_position(126.972),
            a_dispatch(UNITS=TWO_ENGINES[1:], UPD_DT="20260301115500"),
            a_dispatch(UPD_DT="20260301115600", PROGRS_STN="대응단계 해제"),
            a_dispatch(UPD_DT="20260301115700", UNITS=[]),
        ),
    ),
    "119: an engine goes on to another dispatch": (
        "fire_119",
        PUSH,
        bodies(
            a_dispatch(**ENGINE),
            a_dispatch(OBJT_ID="2", **ENGINE),
            a_dispatch(UPD_DT="20260301115500"),
            {"VHCL_ID": "종로-펌프-1", "VHCL_X": 126.975, "VHCL_Y": 37.574},
        ),
    ),
    "119: positions after the dispatch is over": (
        "fire_119",
        PUSH,
        bodies(a_dispatch(**ENGINE), a_dispatch(PROGRS_STN="상황종료", UPD_DT="20260301115500"), a_position(126.975)),
    ),
    "child: found by the number of the report alone": (
        "child_protection",
        CHILD,
        bodies(report("R-1", "open", 50, **ON_FILE), report("R-1", "found", 55)),
    ),
    "child: two reports, found by one": (
        "child_protection",
        CHILD,
        bodies(
            report("R-1", "open", 50, **ON_FILE),
            report("R-2", "open", 51, child="C-771"),
            report("R-2", "found", 55, child="C-771"),
            report("R-2", "found", 55, child="C-771"),
        ),
    ),
    "child: named only later": (
        "child_protection",
        CHILD,
        bodies(report("R-1", "open", 50), report("R-1", "updated", 52, child="C-771")),
    ),
    "text: a text that was told is lifted": (
        "disaster_text",
        TEXTS,
        texts({}, {"MSG_CN": "호우경보 해제", "MDFCN_YMD": "2026-03-02"}),
    ),
    "traffic: a closed road opens": (
        "traffic",
        ITS,
        road({"lanesBlockType": "3"}, {"lanesBlockType": "1"}),
    ),
    "traffic: a closed road whose place is no longer said": (
        "traffic",
        ITS,
        road({"lanesBlockType": "3"}, {"lanesBlockType": "3", "coordX": "", "coordY": "", "linkId": ""}),
    ),
    "traffic: an event vanishes from the document": (
        "traffic",
        {"transport": "http-poll", "url": "http://127.0.0.1:9/events"},
        [its_document(shown) for shown in (EVENTS, EVENTS[1:], EVENTS[1:], EVENTS[2:], EVENTS)],
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_after_a_restart_the_same_is_told_as_without_one(case: str) -> None:
    name, options, payloads = CASES[case]

    whole, restarted = await tellings(name, options, payloads)

    assert len(whole) >= len(payloads) - 1
    for cut, told in restarted.items():
        assert told == whole, f"restarted after {cut}"
