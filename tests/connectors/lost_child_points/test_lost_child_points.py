"""Reports at lost-child points as missing-child incidents."""

import json
from typing import Any

import pytest

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.source import Accepted
from connectors.lost_child_points.parse import booths_from
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.golden import assignments_for, entries_of


def report(h: Happening, **changes: Any) -> bytes:
    state = h.code if h.code is not None else "found" if h.closed else "missing" if h.revision == 1 else "seen"
    body = {
        "report": h.number,
        "booth": "gate-south",
        "at": None if h.nulls else h.time_text,
        "state": state,
        "exercise": h.exercise,
        "child": {"name": h.person_name, "clothes": h.person_text},
        "guardian": {"id": h.person_id, "phone": h.person_phone},
    }
    return json.dumps({**body, **h.extra, **changes}, ensure_ascii=False).encode()


SAMPLES = {"hostile": [b'{"report": "010-4857-2961", "booth": "gate-south"}', b'[{"booth": []}, 7]']}
TestLostChildPoints = connector_suite(
    "lost_child_points", Samples(write=report, options={"token_env": "BOOTH_TOKEN"}, hostile=SAMPLES["hostile"])
)


def record_of(payload: bytes) -> Any:
    (entry,) = entries_of("lost_child_points", payload)
    assert isinstance(entry, Accepted)
    return entry.record


def test_a_report_stands_at_its_booth_unless_it_says_where_the_child_was_seen() -> None:
    assert record_of(report(Happening())).location.lat_deg == 37.5109
    assert record_of(report(Happening(), lat=37.512, lon=127.099)).location.lat_deg == 37.512


@pytest.mark.parametrize(("lat", "lon"), [(0, 0), ("x", 127), (99, 400), (37.5755, 126.9722)])
def test_a_place_that_is_none_gives_way_to_the_booth(lat: Any, lon: Any) -> None:
    assert record_of(report(Happening(), lat=lat, lon=lon)).location.lat_deg == 37.5109


@pytest.mark.parametrize(
    "text", ["", "[[booth]]", '[[booth]]\nid = "a"', '[[booth]]\nid = "a"\nlat = 99\nlon = 1', "a ="]
)
def test_a_list_of_booths_that_is_wrong_is_named(text: str) -> None:
    with pytest.raises(ConnectorConfigError, match="booths"):
        booths_from(text)


def test_a_missed_child_has_cameras_about_the_booth_until_it_is_found() -> None:
    missing, found = Happening(), Happening(closed=True, time_us=Happening().time_us + 300_000_000)
    decided = assignments_for([record_of(report(missing)), record_of(report(found))])
    assert decided[0].status == "active"
    assert (decided[0].kind, decided[0].services) == ("missing-child", ("child",))
    assert decided[0].cameras
    assert decided[-1].status == "released"
