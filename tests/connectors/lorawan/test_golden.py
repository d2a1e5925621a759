"""From a network server's uplinks to the cameras: a button without a position; uplinks that stop while one is out."""

import json
from dataclasses import replace
from typing import Any

from schemas.location import Point
from tests.connectors.lorawan.test_forms import with_payload
from tests.support.golden import assignments_for, camera_grid, entries_of
from tests.support.policies import DEMO
from tests.support.records import a_registration


def uplink(second: int, payload: dict[str, Any], *, minute: int = 0) -> list[Any]:
    time = f"2026-03-01T02:{minute:02}:{second:02}Z"
    message = {**with_payload("chirpstack", payload), "time": time, "fCnt": 100 * minute + second}
    return entries_of("lorawan", json.dumps(message).encode())


def test_a_button_pressed_without_a_position_is_looked_for_around_the_gateway_and_then_where_the_person_is() -> None:
    pressed = uplink(10, {"sos": True}, minute=50)
    found_out = uplink(40, {"latitude": 37.5702, "longitude": 126.9805}, minute=50)

    run = assignments_for([*pressed, *found_out])

    assert (run[0].kind, run[0].version) == ("sos", 1)
    assert run[-1].status == "active"
    assert run[-1].cameras
    assert run[0].where is not None
    assert run[-1].where is not None
    assert run[-1].where.accuracy_m < 100 < run[0].where.accuracy_m
    assert abs(run[-1].where.lat_deg - 37.5702) < 0.001


def test_uplinks_that_stop_while_somebody_is_out_are_a_case_around_the_last_place_that_grows() -> None:
    home, step_deg = (37.5700, 126.9800), 0.003  # about 330 m between two uplinks, five minutes apart
    told = [
        entry
        for number in range(4)
        for entry in uplink(0, {"latitude": home[0] + number * step_deg, "longitude": home[1]}, minute=5 * number)
    ]
    first = told[0].record
    centre = Point(lat_deg=home[0], lon_deg=home[1])
    zone = replace(a_registration().safe_zones[0], centre=centre)
    person = a_registration(first.case_id, first.observed_us, safe_zones=(zone,))

    there = camera_grid(home[0] + 3 * step_deg, home[1])

    run = assignments_for([person, *told], cameras=there, ticks_s=range(10, 1_800, 10))

    assert DEMO.wandering.no_contact_gaps * 300 == 900
    (silent, *_) = [version for version in run if version.reason == "no-contact"]
    assert silent.decided_us == told[-1].record.observed_us + 900_000_000
    assert silent.status == "active"
    assert silent.cameras
    assert silent.where is not None
    assert abs(silent.where.lat_deg - (home[0] + 3 * step_deg)) < 0.003
    later = run[run.index(silent) + 1 :]
    areas_m = [version.where.accuracy_m for version in (silent, *later) if version.where is not None]
    assert areas_m[-1] > 1.3 * areas_m[0]
