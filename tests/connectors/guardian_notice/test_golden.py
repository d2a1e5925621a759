"""From the registry's bytes and a tracker's pushes, through the engine, to what the guardian's side is told."""

import json
from pathlib import Path
from typing import Any

from connectors.kit.arrival import Arrival
from connectors.kit.manifest import build, build_sink
from connectors.kit.sink import Delivered
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import HttpOutside
from tests.support.golden import assignments_for, entries_of

REGISTERED = {"person": "W-1042", "trackers": ["T-4411"], "guardian": "G-5521", "state": "active"}
PLACE = {"tracker": "T-4411", "lat": 37.5665, "lon": 126.978, "accuracy_m": 15}
PUSHED = [
    {**PLACE, "type": "sos", "time": "2026-03-01T02:40:00Z"},
    {**PLACE, "type": "fix", "time": "2026-03-01T02:45:00Z", "lat": 37.5668},
    {**PLACE, "type": "found", "time": "2026-03-01T02:50:00Z"},
]


async def test_the_guardian_of_a_person_with_a_tracker_is_told_by_the_registrys_reference(tmp_path: Path) -> None:
    registry: Any = build("welfare_registry", {"transport": "http-push", "token_env": "T"}, a_context())
    registered = registry.answers(json.dumps(REGISTERED).encode(), Arrival(NOON_US))
    pushed = entries_of("tracker_push", json.dumps(PUSHED).encode())
    decided = assignments_for(pushed)
    (tmp_path / "key").write_text("the key of the tests")

    async with HttpOutside() as outside:
        files = {"hmac_file": str(tmp_path / "key"), "memory_file": str(tmp_path / "guardians.sqlite")}
        sink: Any = build_sink("guardian_notice", {"url": outside.options["url"], **files}, a_context())
        records = [(entry.topic, entry.record) for entry in (*registered, *pushed)]
        records += [(CAMERA_ASSIGNMENTS, assignment) for assignment in decided]
        await sink.write(
            [
                Delivered(topic, 0, offset, topic.key_of(record), record)
                for offset, (topic, record) in enumerate(records)
                if topic in sink.topics
            ]
        )
        await sink.close()
        told = [json.loads(body) for body in outside.bodies]

    assert [(call["guardian_ref"], call["notice"]) for call in told] == [
        ("G-5521", "alert"),
        ("G-5521", "found"),
        ("G-5521", "closed"),
    ]
    assert len({call["case_ref"] for call in told}) == 1
    assert not any("cam-" in body.decode() or "s:" in body.decode() for body in outside.bodies)
