"""What holds for every log of records: cuts into batches, order among cases, and restarts change nothing.

One strategy makes a log of incidents, alerts, fixes, looks, orders and grants of a few cases, disordered, repeated and
partly broken, with ticks among them. A failing example prints the log.
"""

import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cases.case import is_ended
from pipeline.steps.state import PartitionState
from schemas.camera_assignment import CameraAssignment, CameraRole, PtzState
from schemas.sighting import Sighting
from schemas.topics import CASE_BELIEFS
from tests.pipeline.law_worlds import (
    HEADS,
    POLICY,
    SCENERY,
    TICK,
    Entry,
    assignments,
    by_case,
    logs,
    outcomes,
    rows,
    run,
    told,
)
from tests.support.records import T0_US, S, a_fix, an_incident, an_order, at


@settings(max_examples=30, deadline=None)
@given(logs(), st.lists(st.integers(0, 24), max_size=6))
def test_how_records_are_cut_into_batches_changes_nothing(log: list[Entry], cuts: list[int]) -> None:
    whole = run(log)
    for cut in (run(log, [c for c in cuts if c < len(log)]), run(log, range(1, len(log)))):
        assert told(cut) == told(whole)
        assert rows(cut) == rows(whole)
        assert outcomes(cut) == outcomes(whole)


def test_a_drills_fix_far_away_leaves_no_mark_on_the_track_of_a_real_case_that_is_over() -> None:
    log: list[Entry] = [
        (T0_US, an_incident("s:ann", T0_US, location=None, subject_ref="s:ann")),
        (T0_US + S, an_order("s:ann", "release", T0_US + S)),
        (T0_US + 2 * S, a_fix("s:ann", T0_US + 2 * S, location=at(9_000.0))),
        (T0_US + 5 * S, a_fix("s:ann", T0_US + 5 * S, exercise=True)),
    ]
    assert rows(run(log)) == rows(run(log[:-1]))


@settings(max_examples=25, deadline=None)
@given(logs(), st.randoms(use_true_random=False))
def test_the_order_of_records_of_different_cases_changes_no_case(log: list[Entry], rnd: Any) -> None:
    records = [record for _, record in log if record is not TICK]
    if not records:
        return
    shuffled = list(range(len(records)))
    rnd.shuffle(shuffled)
    # Only records of different cases change places: each case keeps its own records in order; all come at one time.
    queues: dict[str, list[Any]] = {}
    for record in records:
        queues.setdefault(record.case_id, []).append(record)
    mixed = [queues[records[i].case_id].pop(0) for i in shuffled]
    last_us = log[-1][0]

    mixed_results = run([(last_us, record) for record in mixed])
    plain_results = run([(last_us, record) for record in records])
    assert _without_offsets(by_case(mixed_results)) == _without_offsets(by_case(plain_results))
    assert rows(mixed_results)[CASE_BELIEFS.name] == rows(plain_results)[CASE_BELIEFS.name]


@settings(max_examples=25, deadline=None)
@given(logs(), st.integers(0, 24))
def test_a_restart_between_two_steps_changes_nothing(log: list[Entry], cut: int) -> None:
    cut = min(cut, len(log) - 1)
    # What a source tells twice is forgotten by a restart in between, see pipeline.steps.sightings.RecentLooks.
    before = {record.event_id for _, record in log[:cut] if isinstance(record, Sighting)}
    rest = [e for e in log[cut:] if not (isinstance(e[1], Sighting) and e[1].event_id in before)] or [
        (log[-1][0], TICK)
    ]
    state = PartitionState()
    first = run(log[:cut], state=state, later_s=())
    restored = PartitionState.restored(rows(first), POLICY)
    restored.camera_revision = state.camera_revision
    restored.positions, restored.partition = dict(state.positions), state.partition

    going_on = run(rest, state=state, first_offset=cut)
    begun_anew = run(rest, state=restored, first_offset=cut)
    assert told(begun_anew) == told(going_on)
    assert rows(first + begun_anew) == rows(first + going_on)


@settings(max_examples=15, deadline=None)
@given(logs(), st.integers(0, 24), st.integers(1, 9))
def test_looking_at_a_belief_in_between_does_not_change_it(log: list[Entry], when: int, times: int) -> None:
    # Only what decides nothing may be added: glances at the beliefs themselves, as metrics or a map would take them.
    state = PartitionState()
    plain = run(log)
    first = run(log[:when], state=state, later_s=())
    beliefs = state.beliefs_on(SCENERY.streets, POLICY)
    for _ in range(times if when < len(log) else 0):
        for key in list(beliefs.row_of):
            beliefs.before_look(key, log[when][0])
    rest = run(log[when:], state=state, first_offset=when) if when < len(log) else []
    if rest:
        assert told(first + rest) == told(plain)
        assert rows(first + rest) == rows(plain)


@settings(max_examples=30, deadline=None)
@given(logs())
def test_every_record_is_decided_or_answered_and_every_version_is_sound(log: list[Entry]) -> None:
    results = run(log)
    counted = outcomes(results)
    refusals = [refusal for result in results for refusal in result.refusals]

    assert sum(counted.values()) == sum(record is not TICK for _, record in log)
    assert sum(n for (_, outcome), n in counted.items() if outcome == "dead-letter") == len(refusals)
    for versions in by_case(results).values():
        held: set[str] = set()
        for number, a in enumerate(versions, 1):
            _is_sound(a, number, held)
            held = {c.camera_id for c in a.cameras}


def _is_sound(a: CameraAssignment, number: int, held: set[str]) -> None:
    now = {c.camera_id for c in a.cameras}
    assert a.version == number
    assert a.event_id == f"{a.case_id}/{a.opened_us}/{a.version}"
    assert len(now) == len(a.cameras)
    assert sum(c.role != CameraRole.ENDING for c in a.cameras) <= POLICY.selection.cap
    assert set(a.added) == now - held
    assert set(a.kept) == now & held
    assert set(a.released) == held - now
    assert (a.status == "active") == bool(a.cameras)
    assert a.valid_until_us >= a.decided_us
    assert [c.rank for c in a.cameras] == list(range(len(a.cameras)))
    assert a.p_view is None or 0 <= a.p_view <= 1
    for camera in a.cameras:
        assert 0 <= camera.p_view <= 1
        assert (camera.until_us is not None) == (camera.role == CameraRole.ENDING)
        assert camera.role != CameraRole.ENDING or camera.camera_id in held
        assert camera.aim is None or camera.camera_id in HEADS
        assert (camera.ptz == PtzState.NONE) <= (camera.aim is None) or camera.role == CameraRole.ENDING


@settings(max_examples=25, deadline=None)
@given(logs())
def test_heads_are_asked_for_by_the_versions_that_aim_them_and_given_back_by_those_that_do_not(
    log: list[Entry],
) -> None:
    results = run(log)
    asked: dict[str, list[Any]] = {}
    for request in told(results)["ptz_requests"]:
        if request.actor_ref is None:
            asked.setdefault(request.case_id, []).append(request)
    for case_id, versions in by_case(results).items():
        mine: set[str] = set()
        requests = iter(asked.get(case_id, []))
        for a in versions:
            wanted = {c.camera_id for c in a.cameras if c.aim is not None and c.role != CameraRole.ENDING}
            given_back = mine - wanted
            got = [next(requests) for _ in range(len(wanted) + len(given_back))]
            assert {r.camera_id for r in got if r.action in ("move", "hold")} == wanted
            assert {r.camera_id for r in got if r.action == "release"} == given_back
            assert sum(r.first_head for r in got) == bool(wanted)
            assert {r.version for r in got} <= {a.version}
            mine = wanted
        assert next(requests, None) is None
        assert not mine, "in the end no head is kept"


@settings(max_examples=25, deadline=None)
@given(logs())
def test_every_version_has_its_audit_and_the_audits_are_one_chain(log: list[Entry]) -> None:
    results = run(log)
    audits = told(results)["audits"]
    assert [audit.event_id for audit in audits] == [a.event_id for a in assignments(results)]
    assert [audit.sequence for audit in audits] == list(range(1, len(audits) + 1))
    assert [a.previous_hash for a in audits[1:]] == [a.hash for a in audits[:-1]]


@settings(max_examples=15, deadline=None)
@given(logs())
def test_in_the_end_every_case_is_forgotten_with_its_positions(log: list[Entry]) -> None:
    state = PartitionState()
    results = run(log, state=state)
    hours_us = [log[-1][0] + hour * 3_600 * S for hour in range(1, 40)]
    for hour_us in hours_us:
        results += run([(hour_us, TICK)], state=state)

    assert state.cases == {}
    assert state.subjects.slot_of == {}
    assert state.holders == {}
    assert state.recent_looks.cases == 0
    assert state.beliefs_on(SCENERY.streets, POLICY).row_of == {}
    kept = rows(results)
    kept.pop("access-audits")
    assert all(not topic for topic in kept.values())


@settings(max_examples=15, deadline=None)
@given(logs())
def test_only_open_cases_have_a_belief(log: list[Entry]) -> None:
    state, results = PartitionState(), []
    for number, entry in enumerate(log):
        results += run([entry], state=state, first_offset=number, later_s=())
        open_keys = {key for key, case in state.cases.items() if not is_ended(case)}
        assert set(state.beliefs_on(SCENERY.streets, POLICY).row_of) <= open_keys
        assert set(rows(results)[CASE_BELIEFS.name]) <= open_keys
        assert state.recent_looks.cases <= len(open_keys)


def _without_offsets(cases: dict[str, list[CameraAssignment]]) -> dict[str, list[Any]]:
    """Return versions without the offsets of their sources, which shuffling changes by its nature."""
    return {c: [dataclasses.replace(a, sources=()) for a in versions] for c, versions in cases.items()}
