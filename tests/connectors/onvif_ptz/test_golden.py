"""From the bytes of a call to a head that turns: the real engine, the real desk, a simulated camera."""

import json
from dataclasses import replace
from pathlib import Path

from connectors.kit.source import Accepted
from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.scenery import Scenery
from pipeline.heads import camera_desk
from pipeline.heads.camera_desk import DeskState
from pipeline.reading.batch import RawBatch
from pipeline.reading.intake import read
from pipeline.steps.engine import step
from pipeline.steps.state import PartitionState
from schemas.codec import encode
from schemas.topics import CAMERAS, INCIDENTS, PTZ_REQUESTS
from tests.connectors.local_context import NOON_US
from tests.connectors.onvif_ptz.desks import desk, names
from tests.connectors.onvif_ptz.simulated import SimulatedHead
from tests.support.golden import camera_grid, entries_of
from tests.support.policies import DEMO

CALL = {
    "event_id": "e-1", "source": "s", "observed_us": NOON_US, "ingested_us": NOON_US, "case_id": "112:17",
    "incident_id": "112:17", "status": "reported", "service": "police", "kind": "robbery", "occurred_us": NOON_US,
    "location": {"lat_deg": 37.5665, "lon_deg": 126.978, "accuracy_m": 10.0, "quality": "gps"},
}  # fmt: skip


async def test_from_the_bytes_of_a_call_to_a_head_that_turns_and_goes_home(tmp_path: Path) -> None:
    policy = replace(DEMO, ptz=replace(DEMO.ptz, shadow=False))
    # One head 60 m south of the call, and nothing else.
    head = replace(camera_grid(37.5660, 126.978, side=1)[0], camera_id="cam-1", kind="ptz", height_m=6.0)
    table = CameraTable()
    assert not table.apply_cameras([CAMERAS.key_of(head)], [encode(head)], 0)
    line = json.dumps({"topic": "incidents", "record": CALL}).encode() + b"\n"
    (entry,) = entries_of("file_replay", line, origin="events.jsonl")
    assert isinstance(entry, Accepted)
    incident = RawBatch(INCIDENTS.name, 0, [0], [b"112:17"], [encode(entry.record)], [NOON_US])
    decided = step(PartitionState(), read([incident], policy), Scenery(table, policy), policy, None)
    (wish,) = decided.ptz_requests
    requests = RawBatch(PTZ_REQUESTS.name, 0, [0], [b"cam-1"], [encode(wish)], [NOON_US])
    (order,) = camera_desk.step(DeskState(), camera_desk.read([requests]), policy, None).ptz_commands

    async with desk(tmp_path, SimulatedHead(pan_zero_deg=0.0)) as d:
        ((name, told),) = await d.tell(order)
        assert (name, order.action) == ("AbsoluteMove", "move")
        # The call lies to the north: pan 0.
        assert abs(told["PanTilt.x"]) < 0.02
        assert -1 < told["PanTilt.y"] < 1
        assert names(await d.after_s((order.deadline_us - NOON_US) / 1e6 + 1)) == ["GotoPreset"]
