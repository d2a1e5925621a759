"""From the registry's bytes and a tracker's pushes to the cameras: the engine itself finds that the home was left."""

import json
from typing import Any

from connectors.kit.arrival import Arrival
from connectors.kit.manifest import build
from tests.connectors.local_context import NOON_US, a_context
from tests.support.golden import assignments_for, entries_of

HOME = {"id": "home", "lat": 37.5665, "lon": 126.978, "radius_m": 100}
STEP_DEG = 0.0009  # about 100 m of latitude


def registered(**fields: Any) -> list[Any]:
    source: Any = build("welfare_registry", {"transport": "http-push", "token_env": "T"}, a_context())
    body = {"person": "W-1042", "trackers": ["T-4411"], "updated": "2026-03-01T02:00:00Z", "zones": [HOME], **fields}
    return list(source.answers(json.dumps(body).encode(), Arrival(NOON_US)))


def way(steps: int) -> list[Any]:
    fixes = [
        {
            "tracker": "T-4411",
            "type": "fix",
            "time": f"2026-03-01T02:{10 + 5 * n:02}:00Z",
            "lat": 37.5665 + STEP_DEG * n,
            "lon": 126.978,
            "accuracy_m": 15,
        }
        for n in range(steps)
    ]
    return entries_of("tracker_push", json.dumps(fixes).encode())


def test_a_registered_person_who_goes_on_from_home_gets_cameras_without_anybody_pressing_anything() -> None:
    run = assignments_for([*registered(), *way(5)])

    assert run
    assert (run[0].kind, run[0].status) == ("safe-zone-exit", "active")
    assert run[-1].cameras


def test_a_person_whose_registration_has_ended_is_followed_by_nobody() -> None:
    assert assignments_for([*registered(), *registered(state="ended"), *way(5)]) == []


def test_a_person_who_stays_within_their_zone_is_followed_by_nobody() -> None:
    wide = {**HOME, "radius_m": 1000}

    assert assignments_for([*registered(zones=[wide]), *way(5)]) == []
