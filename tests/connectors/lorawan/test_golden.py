"""From a network server's uplinks to the cameras: a button without a position, then a position."""

import json
from typing import Any

from tests.connectors.lorawan.test_forms import with_payload
from tests.support.golden import assignments_for, entries_of


def uplink(second: int, payload: dict[str, Any]) -> list[Any]:
    message = {**with_payload("chirpstack", payload), "time": f"2026-03-01T02:50:{second:02}Z", "fCnt": second}
    return entries_of("lorawan", json.dumps(message).encode())


def test_a_button_pressed_without_a_position_is_looked_for_around_the_gateway_and_then_where_the_person_is() -> None:
    pressed = uplink(10, {"sos": True})
    found_out = uplink(40, {"latitude": 37.5702, "longitude": 126.9805})

    run = assignments_for([*pressed, *found_out])

    assert (run[0].kind, run[0].version) == ("sos", 1)
    assert run[-1].status == "active"
    assert run[-1].cameras
    assert run[0].where is not None
    assert run[-1].where is not None
    assert run[-1].where.accuracy_m < 100 < run[0].where.accuracy_m
    assert abs(run[-1].where.lat_deg - 37.5702) < 0.001
