"""Logs for the engine's laws: records of a few cases, disordered, repeated and partly broken, with ticks among them."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.scenery import Scenery
from pipeline.geo import Plane
from pipeline.reading.batch import StepResult
from pipeline.reading.intake import read
from pipeline.steps.engine import step
from pipeline.steps.state import PartitionState
from pipeline.world.free_space import free_space_from_streets
from pipeline.world.streets import streets_from
from schemas.camera_assignment import CameraAssignment
from schemas.codec import encode
from schemas.topics import ACCESS_AUDITS, CASE_BELIEFS, CASE_STATES, SUBJECT_TRACKS
from tests.support.little_city import grid_lines_m, lines_deg
from tests.support.policies import DEMO
from tests.support.records import (
    LAT_DEG,
    LON_DEG,
    T0_US,
    S,
    a_camera,
    a_fix,
    a_grant,
    a_sighting,
    an_alert,
    an_incident,
    an_order,
    at,
    batches_of,
)

# Fewer particles than a city has, so that hundreds of logs take seconds: the laws hold for any number.
POLICY = dataclasses.replace(DEMO, belief=dataclasses.replace(DEMO.belief, particles=60))
PLANE = Plane(LAT_DEG, LON_DEG)
KINDS = ("fixed", "ptz", "all-round", "unknown")
CAMERAS = [
    a_camera(
        f"cam-{i:03}",
        site_id=f"site-{i // 2}",
        location=at(37.0 * (i // 2 % 5) - 75 + i, 41.0 * (i // 10) - 80),
        kind=KINDS[i % 4],
        azimuth_deg=float(i * 37 % 360) if i % 3 == 0 else None,
        width_px=1920 if i % 5 == 0 else None,
    )
    for i in range(40)
]
CAMERA_IDS = [camera.camera_id for camera in CAMERAS]
HEADS = [camera.camera_id for camera in CAMERAS if camera.kind == "ptz"]
TICK = None
Entry = tuple[int, Any]
# Ticks after the end of a log: another look, a lease nearly used up, all leases over.
LATER_S = (1, 12, 700, 9_000)


def scenery_of(cameras: Sequence[Any] = CAMERAS, *, streets: bool = True) -> Scenery:
    """Return these cameras in a city whose middle is mapped: two blocks of streets, nothing known around them."""
    table = CameraTable(PLANE)
    keys = [camera.camera_id.encode() for camera in cameras]
    assert not table.apply_cameras(keys, [encode(camera) for camera in cameras], len(keys) - 1)
    if not streets:
        return Scenery(table, POLICY)
    mapped = streets_from(lines_deg(grid_lines_m(2), PLANE), PLANE)
    return Scenery(table, POLICY, mapped, free_space_from_streets(mapped))


SCENERY = scenery_of()

seconds = st.integers(0, 5_000)
places = st.builds(
    at,
    east_m=st.integers(-250, 250).map(float),
    north_m=st.integers(-250, 250).map(float),
    accuracy_m=st.sampled_from([0.0, 5.0, 30.0, 200.0]),
    quality=st.sampled_from(["gps", "gps", "address", "none", "default"]),
)
far_places = st.builds(at, east_m=st.just(9_000.0), north_m=st.integers(-50, 50).map(float))
drills = st.sampled_from([False, False, False, False, True])
people = st.sampled_from(["s:ann", "s:ben"])
cases = st.sampled_from(["s:ann", "s:ben", "inc-1", "inc-2"])


@st.composite
def _entries(draw: Any, now_us: int) -> Any:
    """Return a record that is appended now; sources lag behind by up to an hour, some clocks run ahead."""
    lag_s = draw(st.sampled_from([0, 0, 1, 5, 40, 400, 3_000, -3]))
    observed_us, exercise = now_us - lag_s * S, draw(drills)
    shape = draw(
        st.sampled_from(["fix", "fix", "fix", "alert", "incident", "incident", "look", "look", "order", "grant"])
    )
    if shape == "fix":
        place = draw(st.one_of(places, places, places, far_places))
        return a_fix(draw(people), observed_us, location=place, exercise=exercise)
    if shape == "alert":
        kind = draw(st.sampled_from(["safe-zone-exit", "sos", "low-battery", "found"]))
        return an_alert(draw(people), observed_us, kind=kind, exercise=exercise, location=draw(st.none() | places))
    if shape == "look":
        clicked = draw(st.none() | places)
        return a_sighting(
            draw(people),
            observed_us,
            camera_id=None if clicked else draw(st.sampled_from(CAMERA_IDS)),
            result="seen" if clicked else draw(st.sampled_from(["seen", "looked-not-seen", "looked-not-seen"])),
            location=clicked,
            exercise=exercise,
        )
    if shape == "order":
        command = draw(
            st.sampled_from(["release", "extend", "take-over", "resume", "exclude-camera", "pin-camera", "close"])
        )
        camera_id = (
            draw(st.sampled_from(CAMERA_IDS)) if command.split("-")[-1] in ("over", "resume", "camera") else None
        )
        return an_order(draw(cases), command, observed_us, camera_id=camera_id, exercise=exercise)
    case_id = draw(cases)
    if shape == "grant":
        result = draw(st.sampled_from(["granted", "denied", "pre-empted", "ended"]))
        return a_grant(case_id, result, now_us, camera_id=draw(st.sampled_from(HEADS)), exercise=exercise)
    return an_incident(
        case_id,
        observed_us,
        incident_id=draw(st.sampled_from([case_id, case_id + "-b"])),
        status=draw(st.sampled_from(["reported", "reported", "reported", "updated", "closed", "cancelled", "merged"])),
        urgency_native=draw(st.sampled_from(["C0", "C2", "C4"])),
        subject_ref=case_id if case_id.startswith("s:") else None,
        exercise=exercise,
        location=draw(st.none() | places | places),
    )


@st.composite
def logs(draw: Any, max_size: int = 25) -> list[Entry]:
    """Return (now, record) pairs in append order, ``TICK`` for a record where time alone decides.

    Some records come twice. No two have the same time: topics know no order among each other but that of time.
    """
    now_us = T0_US
    log: list[Entry] = []
    opened_us: dict[str, int] = {}
    for _ in range(draw(st.integers(1, max_size))):
        now_us += draw(st.sampled_from([1, 2, 5, 15, 60, 400])) * S
        again = [record for _, record in log if record is not TICK]
        shape = draw(st.sampled_from(["new"] * 8 + ["tick", "tick", "again"]))
        record: Any = TICK if shape == "tick" else draw(st.sampled_from(again)) if shape == "again" and again else draw(
            _entries(now_us)
        )  # fmt: skip
        if type(record).__name__ in ("Incident", "WanderingAlert"):
            opened_us.setdefault(record.case_id, now_us)
        if type(record).__name__ == "PtzGrant":
            record = dataclasses.replace(record, opened_us=opened_us.get(record.case_id, record.opened_us))
        log.append((now_us, record))
    return log


def run(
    log: list[Entry],
    cuts: Sequence[int] = (),
    state: PartitionState | None = None,
    *,
    first_offset: int = 0,
    scenery: Scenery = SCENERY,
    later_s: Sequence[int] = LATER_S,
) -> list[StepResult]:
    """Return the results of steps over the log cut at these places and at its ticks, and of ticks so much later."""
    if not log:
        return []
    state = PartitionState() if state is None else state
    ticks = [i for i, (_, record) in enumerate(log) if record is TICK]
    ends = sorted({*cuts, *ticks, *(i + 1 for i in ticks), len(log)})
    results, start = [], 0
    for end in ends:
        part = log[start:end]
        if part and part[0][1] is TICK:
            results.append(step(state, read([], POLICY), scenery, POLICY, part[0][0]))
        elif part:
            intake = read(batches_of(part, first_offset=first_offset + start), POLICY)
            results.append(step(state, intake, scenery, POLICY, None))
        start = end
    last_us = log[-1][0]
    empty = read([], POLICY)
    return results + [step(state, empty, scenery, POLICY, last_us + s * S) for s in later_s]


def assignments(results: list[StepResult]) -> list[CameraAssignment]:
    """Return all versions in order."""
    return [a for result in results for a in result.assignments]


def by_case(results: list[StepResult]) -> dict[str, list[CameraAssignment]]:
    """Return the versions of each case in order."""
    found: dict[str, list[CameraAssignment]] = {}
    for assignment in assignments(results):
        found.setdefault(assignment.case_id, []).append(assignment)
    return found


def told(results: list[StepResult]) -> dict[str, list[Any]]:
    """Return what went out to others than the engine itself, in order."""
    names = ("assignments", "audits", "ptz_requests", "observations", "refusals")
    return {name: [item for result in results for item in getattr(result, name)] for name in names}


def outcomes(results: list[StepResult]) -> Counter[tuple[str, str]]:
    """Return how many records of a topic ended how."""
    return +sum((result.outcomes for result in results), Counter())


def rows(results: list[StepResult]) -> dict[str, dict[bytes, bytes]]:
    """Return what the internal topics hold after these results, by topic."""
    kept: dict[str, dict[bytes, bytes]] = {
        name: {} for name in (CASE_STATES.name, SUBJECT_TRACKS.name, CASE_BELIEFS.name)
    }
    for result in results:
        states = [(i.encode(), None if case is None else encode(case)) for i, case in result.case_states.items()]
        for name, changed in (
            (CASE_STATES.name, states),
            (SUBJECT_TRACKS.name, result.tracks),
            (CASE_BELIEFS.name, result.beliefs),
        ):
            for key, value in changed:
                kept[name].pop(key, None)
                if value is not None:
                    kept[name][key] = value
    audits = [audit for result in results for audit in result.audits]
    return {**kept, ACCESS_AUDITS.name: {b"": encode(audits[-1])} if audits else {}}
