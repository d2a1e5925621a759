"""Cases that want the same heads are answered by the engine's own camera desk."""

import numpy as np

from benchmarks.eyes_on.cameras import TURNING, registry_of
from benchmarks.eyes_on.cells import cameras_in
from benchmarks.eyes_on.contention import ContendedSide
from benchmarks.eyes_on.engine_side import policy_for
from benchmarks.eyes_on.maps import city_map
from benchmarks.eyes_on.statics import IncidentCases
from benchmarks.eyes_on.trackers import TrackerReports
from schemas.camera_assignment import PtzState

CASES = 4


def test_a_head_that_several_cases_want_is_granted_to_one_and_moved_for_it() -> None:
    city, true = city_map("old-town"), cameras_in("old-town", "clean")
    side = ContendedSide(city, registry_of(true, "clean"), policy_for(4, zoom=True))
    heads = np.flatnonzero(true.kind == TURNING)
    head = int(heads[np.argmin(np.hypot(true.x_m - true.x_m.mean(), true.y_m - true.y_m.mean())[heads])])
    here = (np.full(CASES, true.x_m[head]), np.full(CASES, true.y_m[head]))
    reports = TrackerReports(np.arange(CASES), np.zeros(CASES, np.int64), np.zeros(CASES), *here, np.full(CASES, 30.0))
    cases = IncidentCases(side, city)
    for now_s in range(0, 60, 10):
        cases.decide(now_s, reports, None)
    granted: dict[str, str] = {}
    for case in side.state.cases.cases.values():
        for held in case.held:
            if held.ptz == PtzState.GRANTED:
                assert granted.setdefault(held.camera_id, case.case_id) == case.case_id
    assert granted
    for camera_id, case_id in granted.items():
        assert side.desk.holder(int(camera_id.rsplit("-", 1)[1])) == int(case_id.rsplit("-", 1)[1])
    assert any(bar.reason == "head-denied" for case in side.state.cases.cases.values() for bar in case.barred)
