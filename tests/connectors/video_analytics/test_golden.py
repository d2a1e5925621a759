"""From a picture to the cameras: analytics see the person, and the search moves; the wall's own words come back."""

import json
from collections.abc import Sequence
from typing import Any

from connectors.kit.source import Accepted, Entry
from connectors.vms_webhook.parse import Rules, calls_for
from schemas.camera import Camera
from schemas.camera_assignment import CameraAssignment
from tests.connectors.local_context import NOON_US
from tests.support.golden import assignments_for, camera_grid, entries_of

S = 1_000_000
HOME = (37.5665, 126.978)
# 240 m by 240 m around home; the corner of the next street is 85 m away, a minute and a half on foot.
CAMERAS = camera_grid(*HOME)
CORNER, LATER_S = "cam-6-6", -540


def tracker(*items: dict[str, Any]) -> list[Entry]:
    """Return what comes of a tracker's words, seconds before noon."""
    body = [
        {"tracker": "T-4411", "lat": HOME[0], "lon": HOME[1], "accuracy_m": 40, **item, "time": _text(item["time"])}
        for item in items
    ]
    return entries_of("tracker_push", json.dumps(body).encode())


def _text(seconds: float) -> float:
    return NOON_US / S + seconds


SOS = {"type": "sos", "time": -600}
BEFORE = assignments_for(tracker(SOS), cameras=CAMERAS)[-1]
# What the video wall was told of it, as it was sent.
CALL = json.loads(json.dumps(calls_for(BEFORE, None, Rules(exercises=True), BEFORE.decided_us)[0].body))


def seen(camera_id: str, seconds: float, **fields: Any) -> list[Entry]:
    """Return what comes of a hit of analytics that answers the wall's call."""
    item = {"session": CALL["session"], "camera_id": camera_id, "result": "seen", "at": _text(seconds), **fields}
    return entries_of("video_analytics", json.dumps(item).encode())


def after(*looks: Sequence[Entry]) -> list[CameraAssignment]:
    return assignments_for([*tracker(SOS), *(entry for look in looks for entry in look)], cameras=CAMERAS)


def camera(camera_id: str) -> Camera:
    return next(c for c in CAMERAS if c.camera_id == camera_id)


def far_m(assignment: CameraAssignment, camera_id: str) -> float:
    """Return roughly how far the search is from a camera, metres."""
    place, where = camera(camera_id).location, assignment.where
    assert where is not None
    north, east = (where.lat_deg - place.lat_deg) * 111_000, (where.lon_deg - place.lon_deg) * 88_000
    return float((north**2 + east**2) ** 0.5)


def test_analytics_see_the_person_at_a_corner_and_the_search_moves_there() -> None:
    run = after(*[seen(CORNER, LATER_S + 10 * n, confidence=0.95) for n in range(2)])
    assert CORNER not in {c.camera_id for c in BEFORE.cameras}
    assert [a.reason for a in run[1:]] == ["sighted", "sighted"]
    assert run[-1].cameras[0].camera_id == CORNER
    assert far_m(BEFORE, CORNER) > 70
    assert far_m(run[-1], CORNER) < 20


def test_a_place_that_an_operator_clicked_moves_the_search_at_once() -> None:
    place = camera(CORNER).location
    item = {"session": CALL["session"], "result": "seen", "at": _text(LATER_S), "operator": "op-7"}
    clicked = {**item, "lat": place.lat_deg, "lon": place.lon_deg}
    run = after(entries_of("video_analytics", json.dumps(clicked).encode(), options={"by": "operator"}))
    assert run[-1].reason == "sighted"
    assert far_m(run[-1], CORNER) < 20


def test_what_three_cameras_of_one_side_did_not_show_turns_the_search_away_from_there() -> None:
    side = ("cam-5-3", "cam-5-4", "cam-5-5")
    looks = [seen(camera_id, LATER_S + 10 * n, result="not-seen") for camera_id in side for n in range(3)]
    # After looks that saw nobody time alone decides, both times 510 s before noon.
    entries = [*tracker(SOS), *(entry for look in looks for entry in look)]
    with_looks = assignments_for(entries, cameras=CAMERAS, ticks_s=(10,))[-1]
    without = assignments_for(tracker(SOS), cameras=CAMERAS, ticks_s=(90,))[-1]
    assert far_m(with_looks, "cam-5-4") > far_m(without, "cam-5-4") + 5


def test_a_look_at_a_camera_that_nobody_knows_a_late_one_and_one_that_mixes_with_a_drill_change_nothing() -> None:
    useless = [seen("cam-of-nobody", LATER_S), seen(CORNER, LATER_S - 900), seen(CORNER, LATER_S, exercise=True)]
    assert [len(look) for look in useless] == [1, 1, 1]
    assert after(*useless) == after()


def test_the_walls_session_leads_back_to_its_case_and_no_further() -> None:
    (entry,) = seen(CORNER, LATER_S)
    assert isinstance(entry, Accepted)
    assert entry.record is not None
    assert entry.record.case_id == BEFORE.case_id
    other = {**CALL, "session": CALL["session"].replace(BEFORE.case_id, "police_112:1")}
    stray = json.dumps({"session": other["session"], "camera_id": CORNER, "result": "seen", "at": _text(LATER_S)})
    assert after(entries_of("video_analytics", stray.encode())) == after()


def test_a_drill_answered_as_one_moves_the_drill() -> None:
    drill = tracker({**SOS, "exercise": True})
    hit = seen(CORNER, LATER_S, exercise=True)
    run = assignments_for([*drill, *hit], cameras=CAMERAS)
    assert all(a.exercise for a in run)
    assert run[-1].reason == "sighted"
