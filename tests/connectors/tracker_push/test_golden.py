"""From a vendor's pushes to the cameras: the button, the way, found."""

import json
from typing import Any

from tests.support.golden import assignments_for, entries_of

STEP_DEG = 0.0006  # about 67 m of latitude, five minutes of an old person's way


def pushed(*items: dict[str, Any]) -> list[Any]:
    body = [{"tracker": "T-4411", "lat": 37.5665, "lon": 126.978, "accuracy_m": 15, **item} for item in items]
    return entries_of("tracker_push", json.dumps(body).encode())


def test_a_pressed_button_gets_cameras_that_go_along_with_the_person_until_found() -> None:
    way = [
        {"type": "fix", "time": f"2026-03-01T02:{20 + 5 * n}:00Z", "lat": 37.5665 + n * STEP_DEG} for n in range(1, 4)
    ]
    run = assignments_for(
        pushed(
            {"type": "sos", "time": "2026-03-01T02:20:00Z"},
            *way,
            {"type": "found", "time": "2026-03-01T02:40:00Z", "lat": 37.5665 + 3 * STEP_DEG},
        )
    )

    first, last_active, last = run[0], run[-2], run[-1]
    assert (first.kind, first.status, first.version) == ("sos", "active", 1)
    assert first.cameras
    assert {c.camera_id for c in last_active.cameras} != {c.camera_id for c in first.cameras}
    assert last_active.where is not None
    assert last_active.where.lat_deg > 37.5665 + 2 * STEP_DEG
    assert (last.status, last.cameras) == ("released", ())


def test_fixes_without_an_alert_lead_to_no_cameras() -> None:
    assert assignments_for(pushed({"type": "fix", "time": "2026-03-01T02:20:00Z"})) == []


def test_a_drill_stays_a_drill_to_the_end() -> None:
    (assignment,) = assignments_for(pushed({"type": "sos", "time": "2026-03-01T02:20:00Z", "exercise": True}))

    assert assignment.exercise
