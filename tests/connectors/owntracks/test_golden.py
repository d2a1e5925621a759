"""From OwnTracks messages to the cameras: a zone is left, a way is gone, somebody says found."""

import json
from typing import Any

from tests.support.golden import assignments_for, entries_of

START_S = 1_772_331_600  # 02:20 UTC, before the clock of the tests
STEP_DEG = 0.0006


def message(after_s: int, **fields: Any) -> list[Any]:
    body = {"_type": "location", "lat": 37.5665, "lon": 126.978, "acc": 15, "tst": START_S + after_s, **fields}
    return entries_of("owntracks", json.dumps(body).encode(), origin="owntracks/kim/watch")


def test_leaving_a_safe_zone_gets_cameras_that_go_along_until_found() -> None:
    left = message(0, _type="transition", event="leave", desc="home")
    way = [entry for n in range(1, 4) for entry in message(300 * n, lat=37.5665 + n * STEP_DEG)]
    found = message(1200, lat=37.5665 + 3 * STEP_DEG, alert="found")

    run = assignments_for([*left, *way, *found])

    first, last_active, last = run[0], run[-2], run[-1]
    assert (first.kind, first.status) == ("safe-zone-exit", "active")
    assert {c.camera_id for c in last_active.cameras} != {c.camera_id for c in first.cameras}
    assert (last.status, last.cameras) == ("released", ())
