"""What holds for every log of records: cuts into batches, order among cases, and restarts change nothing.

One strategy makes a log of incidents, alerts and fixes of a few cases, disordered, repeated and partly broken. A
failing example prints the log.
"""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.batch import StepResult
from pipeline.engine import step
from pipeline.intake import read
from pipeline.state import PartitionState
from schemas.camera_assignment import CameraAssignment
from schemas.codec import encode
from tests.support.records import T0_US, S, a_camera, a_fix, a_table, an_alert, an_incident, at, batches_of
from topologies.city_files import load_city

POLICY = load_city(Path(__file__).parents[2] / "cities", "demo").policy
KINDS = ("fixed", "ptz", "all-round", "unknown")
CAMERAS = a_table(
    *(
        a_camera(
            f"cam-{i:03}",
            site_id=f"site-{i // 2}",
            location=at(37.0 * (i // 2 % 9) - 150 + i, 41.0 * (i // 18) - 170),
            kind=KINDS[i % 4],
            azimuth_deg=float(i * 37 % 360) if i % 3 == 0 else None,
            width_px=1920 if i % 5 == 0 else None,
        )
        for i in range(150)
    )
)

cases = st.sampled_from(["s:ann", "s:ben", "inc-1", "inc-2"])
seconds = st.integers(0, 5_000)
places = st.builds(
    at,
    east_m=st.integers(-400, 400).map(float),
    north_m=st.integers(-400, 400).map(float),
    accuracy_m=st.sampled_from([0.0, 5.0, 30.0, 200.0]),
    quality=st.sampled_from(["gps", "gps", "address", "none", "default"]),
)
drills = st.sampled_from([False, False, False, True])


@st.composite
def records(draw: Any) -> Any:
    case, observed_us, exercise = draw(cases), T0_US + draw(seconds) * S, draw(drills)
    subject = case if case.startswith("s:") else None
    shape = draw(st.integers(0, 5))
    if shape <= 2:
        return a_fix(case, observed_us, location=draw(places), exercise=exercise)
    if shape == 3 and subject:
        kind = draw(st.sampled_from(["safe-zone-exit", "sos", "low-battery", "found"]))
        return an_alert(case, observed_us, kind=kind, exercise=exercise, location=draw(st.none() | places))
    return an_incident(
        case,
        observed_us,
        incident_id=draw(st.sampled_from([case, case + "-b"])),
        status=draw(st.sampled_from(["reported", "reported", "updated", "closed", "cancelled", "merged"])),
        urgency_native=draw(st.sampled_from(["C0", "C2", "C4"])),
        subject_ref=subject,
        exercise=exercise,
        location=draw(st.none() | places),
    )


@st.composite
def logs(draw: Any) -> list[tuple[int, Any]]:
    """Return (append time, record) pairs in append order; some records come twice.

    No two have the same time: topics know no order among each other but that of time.
    """
    made = draw(st.lists(records(), min_size=1, max_size=25))
    made += draw(st.lists(st.sampled_from(made), max_size=4))
    steps = draw(st.lists(st.integers(1, 400), min_size=len(made), max_size=len(made)))
    now_us, log = T0_US, []
    for record, step_s in zip(made, steps, strict=True):
        now_us += step_s * S
        log.append((now_us, record))
    return log


def run(log: list[tuple[int, Any]], cuts: list[int], state: PartitionState | None = None) -> list[StepResult]:
    """Return the results of steps over the log cut at these places, with a tick after the last record of each cut."""
    state = state or PartitionState()
    results, start = [], 0
    for end in [*sorted(cuts), len(log)]:
        part = log[start:end]
        intake = read(batches_of(part, first_offset=start), POLICY)
        results.append(step(state, intake, CAMERAS, POLICY, None))
        start = end
    last_us = log[-1][0]
    empty = read([], POLICY)
    results += [step(state, empty, CAMERAS, POLICY, last_us + s * S) for s in (1, 700, 1_500, 9_000)]
    return results


def assignments(results: list[StepResult]) -> list[CameraAssignment]:
    return [a for result in results for a in result.assignments]


def by_case(results: list[StepResult]) -> dict[str, list[CameraAssignment]]:
    cases: dict[str, list[CameraAssignment]] = {}
    for assignment in assignments(results):
        cases.setdefault(assignment.case_id, []).append(assignment)
    return cases


def rows(results: list[StepResult]) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Return what the compacted topics case-states and subject-tracks hold after these results."""
    case_rows: dict[bytes, bytes] = {}
    track_rows: dict[bytes, bytes] = {}
    for result in results:
        for case_id, case in result.case_states.items():
            case_rows.pop(case_id.encode(), None)
            if case is not None:
                case_rows[case_id.encode()] = encode(case)
        for key, value in result.tracks:
            track_rows.pop(key, None)
            if value is not None:
                track_rows[key] = value
    return case_rows, track_rows


@settings(max_examples=150, deadline=None)
@given(logs(), st.lists(st.integers(0, 29), max_size=6))
def test_how_records_are_cut_into_batches_changes_no_decision(log: list[tuple[int, Any]], cuts: list[int]) -> None:
    whole = run(log, [])
    cut = run(log, [c for c in cuts if c < len(log)])
    one_by_one = run(log, list(range(1, len(log))))

    assert assignments(cut) == assignments(whole)
    assert assignments(one_by_one) == assignments(whole)
    assert rows(one_by_one) == rows(whole)
    assert sum((r.outcomes for r in one_by_one), Counter()) == sum((r.outcomes for r in whole), Counter())


@settings(max_examples=100, deadline=None)
@given(logs(), st.randoms(use_true_random=False))
def test_the_order_of_records_of_different_cases_changes_no_case(log: list[tuple[int, Any]], rnd: Any) -> None:
    shuffled = list(range(len(log)))
    rnd.shuffle(shuffled)
    # Only records of different cases change places: each case keeps its own records in order, with their append times.
    queues: dict[str, list[tuple[int, Any]]] = {}
    for entry in log:
        queues.setdefault(entry[1].case_id, []).append(entry)
    mixed = [queues[log[i][1].case_id].pop(0) for i in shuffled]
    same_time = [(T0_US, record) for _, record in mixed]
    plain = [(T0_US, record) for _, record in log]

    assert _without_offsets(by_case(run(same_time, []))) == _without_offsets(by_case(run(plain, [])))


@settings(max_examples=100, deadline=None)
@given(logs(), st.integers(0, 29))
def test_a_restart_between_two_steps_changes_no_decision(log: list[tuple[int, Any]], cut: int) -> None:
    cut = min(cut, len(log) - 1)
    state = PartitionState()
    before = [step(state, read(batches_of(log[:cut]), POLICY), CAMERAS, POLICY, None)]
    restored = PartitionState.restored(*rows(before), POLICY)
    restored.camera_revision = state.camera_revision
    restored.positions, restored.partition = state.positions, state.partition

    def go_on(from_state: PartitionState) -> list[StepResult]:
        rest = read(batches_of(log[cut:], first_offset=cut), POLICY)
        results = [step(from_state, rest, CAMERAS, POLICY, None)]
        empty = read([], POLICY)
        return results + [step(from_state, empty, CAMERAS, POLICY, log[-1][0] + s * S) for s in (1, 700, 9_000)]

    assert by_case(go_on(restored)) == by_case(go_on(state))


@settings(max_examples=100, deadline=None)
@given(logs())
def test_every_record_is_decided_or_answered_and_every_version_is_sound(log: list[tuple[int, Any]]) -> None:
    results = run(log, [])
    outcomes: Counter[tuple[str, str]] = sum((r.outcomes for r in results), Counter())
    refusals = [refusal for result in results for refusal in result.refusals]

    assert sum(outcomes.values()) == len(log)
    assert sum(n for (_, outcome), n in outcomes.items() if outcome == "dead-letter") == len(refusals)
    for versions in by_case(results).values():
        held: set[str] = set()
        for number, a in enumerate(versions, 1):
            now = {c.camera_id for c in a.cameras}
            assert a.version == number
            assert a.event_id == f"{a.case_id}/{a.opened_us}/{a.version}"
            assert len(now) == len(a.cameras) <= POLICY.selection.cap
            assert set(a.added) == now - held
            assert set(a.kept) == now & held
            assert set(a.released) == held - now
            assert (a.status == "active") == bool(a.cameras)
            assert a.valid_until_us >= a.decided_us
            assert [c.rank for c in a.cameras] == list(range(len(a.cameras)))
            held = now


@settings(max_examples=60, deadline=None)
@given(logs())
def test_in_the_end_every_case_is_forgotten_with_its_positions(log: list[tuple[int, Any]]) -> None:
    state = PartitionState()
    results = [step(state, read(batches_of(log), POLICY), CAMERAS, POLICY, None)]
    hours_us = [log[-1][0] + hour * 3_600 * S for hour in range(1, 40)]
    results += [step(state, read([], POLICY), CAMERAS, POLICY, hour_us) for hour_us in hours_us]

    assert state.cases == {}
    assert state.subjects.slot_of == {}
    assert state.holders == {}
    assert rows(results) == ({}, {})


def _without_offsets(cases: dict[str, list[CameraAssignment]]) -> dict[str, list[Any]]:
    """Return versions without the offsets of their sources, which shuffling changes by its nature."""
    return {c: [dataclasses.replace(a, sources=()) for a in versions] for c, versions in cases.items()}
