"""Silence inside the engine: from the last fix to a case with cameras, and its end; cuts, restarts, replays."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reading.batch import RawBatch, StepResult
from pipeline.reading.intake import read
from pipeline.steps.engine import step
from pipeline.steps.state import PartitionState
from schemas.codec import encode
from schemas.topics import PROTECTED_SUBJECTS, WANDERING_STATES
from schemas.wandering_alert import WanderingAlert
from tests.pipeline.engine_runs import EngineRun, a_grid, only
from tests.pipeline.law_worlds import POLICY, SCENERY, rows, told
from tests.support.records import T0_US, S, a_fix, a_registration, a_table, an_alert, an_order, at, batches_of


def a_run() -> EngineRun:
    run = EngineRun(a_table(*a_grid()))
    run.tell(a_registration(), now_s=0)
    return run


def fix_at(run: EngineRun, east_m: float, now_s: float) -> list[WanderingAlert]:
    """Tell of a fix; return the alerts that it leads to."""
    return run.tell(a_fix("s:elder", T0_US + int(now_s * S), location=at(east_m)), now_s=now_s).alerts


def test_silence_opens_a_case_where_the_person_was_last_and_the_search_area_grows() -> None:
    run = a_run()
    fix_at(run, 0, 10)
    (left,) = fix_at(run, 300, 70)
    run.tell(left, now_s=71)
    fix_at(run, 320, 130)
    run.tick(729)
    (alert,) = run.tick(731).alerts
    version = only(run.tell(alert, now_s=731.5))
    assert (version.status, version.reason) == ("active", "no-contact")
    assert version.where is not None
    later = [a for second in range(740, 1_300, 10) for a in run.tick(second).assignments]
    assert later
    assert later[-1].where is not None
    assert later[-1].where.accuracy_m > version.where.accuracy_m
    assert {r.report_id: r.closed_reason for r in run.case("s:elder").reports} == {
        "alert:own:safe-zone-exit": None,
        "alert:own:no-contact": None,
    }


def test_a_case_that_ran_out_before_a_slow_tracker_was_missed_opens_again_where_the_person_was() -> None:
    run = a_run()
    fix_at(run, 0, 10)
    (left,) = fix_at(run, 300, 370)
    run.tell(left, now_s=371)
    fix_at(run, 310, 730)
    fix_at(run, 400, 1_090)
    ticks = [run.tick(second) for second in range(1_100, 2_300, 10)]
    assert [a.reason for tick in ticks for a in tick.assignments][-1] == "lease-expired"
    (silent,) = [alert for tick in ticks for alert in tick.alerts]
    assert silent.why[1] == "usually one every 6 min"
    version = only(run.tell(silent, now_s=2_301))
    assert (version.status, version.kind) == ("active", "no-contact")
    assert version.cameras


def test_a_persons_case_that_opens_again_has_cameras_at_once() -> None:
    run = EngineRun(a_table(*a_grid()))
    run.tell(an_alert(kind="sos", observed_us=T0_US, location=at(0)), now_s=0)
    assert only(run.tick(1_000)).reason == "lease-expired"
    again = only(run.tell(an_alert(kind="sos", observed_us=T0_US + 1_600 * S, location=at(20)), now_s=1_601))
    assert again.status == "active"
    assert again.cameras


def test_a_fix_ends_the_silence_and_leaves_what_else_stands() -> None:
    run = a_run()
    fix_at(run, 0, 10)
    (left,) = fix_at(run, 300, 70)
    run.tell(left, now_s=71)
    (alert,) = run.tick(671).alerts
    run.tell(alert, now_s=671.5)
    exit_again, heard = fix_at(run, 500, 700)
    assert only(run.tell(exit_again, now_s=700.5)).status == "active"
    version = only(run.tell(heard, now_s=701))
    assert (version.status, version.reason) == ("active", "heard-again")
    reports = {r.report_id: r.closed_reason for r in run.case("s:elder").reports}
    assert reports["alert:own:no-contact"] == "heard-again"
    assert reports["alert:own:safe-zone-exit"] is None


def test_a_silence_that_somebody_else_told_of_is_not_ended_by_a_fix() -> None:
    run = a_run()
    run.tell(an_alert(kind="no-contact", observed_us=T0_US + 60 * S), now_s=60)
    result = run.tell(an_alert(kind="heard-again", source="goldentime-detection", observed_us=T0_US + 70 * S), now_s=70)
    assert result.outcomes == {("wandering-alerts", "after-close"): 1}
    assert run.case("s:elder").ended_us is None


def test_whose_case_people_ended_is_not_told_of_when_the_tracker_is_switched_off() -> None:
    for ends in (
        an_alert(kind="found", observed_us=T0_US + 100 * S),
        an_order("s:elder", "close", T0_US + 100 * S),
    ):
        run = a_run()
        fix_at(run, 0, 10)
        (left,) = fix_at(run, 300, 70)
        run.tell(left, now_s=71)
        assert only(run.tell(ends, now_s=100)).status == "released"
        fix_at(run, 200, 200)  # on the way home
        assert not [a for second in range(210, 2_000, 30) for a in run.tick(second).alerts]


def test_nobody_is_missed_who_is_not_registered_or_no_longer() -> None:
    run = EngineRun(a_table(*a_grid()))
    for now_s in (10, 70, 130):
        assert not fix_at(run, 400, now_s)
    assert not run.tick(5_000).alerts
    run = a_run()
    fix_at(run, 0, 10), fix_at(run, 300, 70)
    tombstone = RawBatch(PROTECTED_SUBJECTS.name, 0, [9], [b"s:elder"], [None], [T0_US + 80 * S])
    step(run.state, read([tombstone], run.policy), run.scenery, run.policy, None)
    assert not run.tick(5_000).alerts


TICK_S = 300
Entry = tuple[int, Any]


@st.composite
def logs(draw: Any) -> list[Entry]:
    """Return (now, record) pairs of two people, one registered, mostly out and heard now and then."""
    now_us = T0_US
    log: list[Entry] = []
    for name in ("s:ann", "s:ben"):
        now_us += S
        log.append((now_us, a_registration(name, detects_patterns=draw(st.booleans()))))
    for _ in range(draw(st.integers(1, 12))):
        now_us += draw(st.sampled_from([7, 62, 290, 900, 2_000])) * S
        name = draw(st.sampled_from(["s:ann", "s:ann", "s:ben", "s:eve"]))
        shape = draw(st.sampled_from(["fix"] * 10 + ["found", "registration"]))
        if shape == "fix":
            place = at(draw(st.sampled_from([0.0, 160.0, 400.0, 410.0, 900.0])))
            log.append((now_us, a_fix(name, now_us, location=place)))
        elif shape == "found":
            log.append((now_us, an_alert(name, now_us, kind="found")))
        else:
            log.append((now_us, a_registration(draw(st.sampled_from(["s:ann", "s:ben"])))))
    return log


def lived(log: Sequence[Entry], cuts: set[int], restarts: set[int]) -> list[StepResult]:
    """Return the results of a log with ticks on their grid, cut and restarted at these places."""
    state, results, start = PartitionState(), [], 0
    end_us = log[-1][0] + 2_000 * S
    for number, (now_us, _) in enumerate(log):
        following_us = log[number + 1][0] if number + 1 < len(log) else end_us
        ticks = range(-(-now_us // (TICK_S * S)) * TICK_S * S, following_us, TICK_S * S)
        if not (ticks or number in cuts or number + 1 == len(log)):
            continue
        batches = batches_of(list(log[start : number + 1]), first_offset=start)
        results.append(step(state, read(batches, POLICY), SCENERY, POLICY, None))
        start = number + 1
        if number in restarts:
            state = restarted(log[: number + 1], results)
        results += [step(state, read([], POLICY), SCENERY, POLICY, tick_us) for tick_us in ticks]
    return results


def restarted(log: Sequence[Entry], results: list[StepResult]) -> PartitionState:
    """Return the state as the topics hold it."""
    registered = {r.case_id.encode(): encode(r) for _, r in log if type(r).__name__ == "ProtectedSubject"}
    kept: dict[bytes, bytes | None] = {key: value for result in results for key, value in result.outings}
    outings = {key: value for key, value in kept.items() if value is not None}
    topics = {**rows(results), PROTECTED_SUBJECTS.name: registered, WANDERING_STATES.name: outings}
    return PartitionState.restored(topics, POLICY)


def found_by(results: Sequence[StepResult]) -> list[WanderingAlert]:
    return [alert for result in results for alert in result.alerts]


@settings(max_examples=25)
@given(logs(), st.sets(st.integers(0, 13), max_size=6), st.sets(st.integers(0, 13), max_size=3))
def test_how_records_are_cut_and_where_a_worker_restarts_changes_no_alert(
    log: list[Entry], cuts: set[int], restarts: set[int]
) -> None:
    whole = lived(log, set(), set())
    for other in (lived(log, cuts, set()), lived(log, set(range(len(log))), restarts)):
        assert found_by(other) == found_by(whole)
        assert told(other)["assignments"] == told(whole)["assignments"]
    ids = [alert.event_id for alert in found_by(whole)]
    assert len(ids) == len(set(ids))
    assert not any(alert.case_id == "s:eve" for alert in found_by(whole))
