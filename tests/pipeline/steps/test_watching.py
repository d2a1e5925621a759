"""Detection inside the engine: from registration and fixes to a case with cameras and back; cuts and restarts."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reading.batch import RawBatch, StepResult
from pipeline.reading.intake import read
from pipeline.steps.engine import step
from pipeline.steps.state import PartitionState
from schemas.codec import decode, encode
from schemas.topics import PROTECTED_SUBJECTS, WANDERING_STATES
from schemas.tracker_fix import TrackerFix
from schemas.wandering_state import WanderingState
from tests.pipeline.engine_runs import EngineRun, a_grid, only, policy_with
from tests.pipeline.law_worlds import POLICY, SCENERY, rows, told
from tests.support.records import T0_US, S, a_fix, a_registration, a_table, an_alert, at, batches_of

ONE_BY_ONE = policy_with(selection={"min_gain": 0.0})


def a_run() -> EngineRun:
    return EngineRun(a_table(*a_grid()))


def fix_at(east_m: float, now_s: float, case_id: str = "s:elder", **changes: Any) -> TrackerFix:
    return a_fix(case_id, T0_US + int(now_s * S), location=at(east_m), **changes)


def ended(key: bytes, now_s: float, offset: int) -> RawBatch:
    """Return the tombstone of a registration."""
    return RawBatch(PROTECTED_SUBJECTS.name, 0, [offset], [key], [None], [T0_US + int(now_s * S)])


def test_a_registered_person_who_leaves_home_gets_cameras_and_their_return_ends_the_case() -> None:
    run = a_run()
    assert run.tell(a_registration(), now_s=0).outcomes == {("protected-subjects", "registered"): 1}
    assert not run.tell(fix_at(20, 10), now_s=10).alerts
    assert not run.tell(fix_at(115, 70), now_s=70).alerts
    (exit_alert,) = run.tell(fix_at(118, 130), now_s=130).alerts
    assert exit_alert.event_id == f"goldentime-detection/s:elder/safe-zone-exit/{T0_US + 130 * S}"
    assert exit_alert.why == ("outside zone home by 18 m ± 10 m", "2 fixes in a row")

    opened = only(run.tell(exit_alert, now_s=131))  # as it comes back from the topic
    assert (opened.status, opened.kind, opened.rank) == ("active", "safe-zone-exit", 2)
    assert opened.cameras

    assert not run.tell(fix_at(30, 300), now_s=300).alerts
    (home_again,) = run.tell(fix_at(10, 360), now_s=360).alerts
    assert home_again.kind == "returned"
    closed = only(run.tell(home_again, now_s=361))
    assert (closed.status, closed.reason) == ("released", "returned")
    assert not run.state.watch.memories


def test_a_return_ends_no_alert_that_somebody_else_raised() -> None:
    run = a_run()
    run.tell(a_registration(), now_s=0)
    run.tell(an_alert(kind="safe-zone-exit", observed_us=T0_US + 60 * S), now_s=60)
    (own,) = run.tell(fix_at(300, 130), now_s=130).alerts
    run.tell(own, now_s=141)
    run.tell(fix_at(0, 200), now_s=200)
    (home_again,) = run.tell(fix_at(0, 260), now_s=260).alerts
    still = only(run.tell(home_again, now_s=261))
    assert (still.status, still.reason) == ("active", "returned")
    reports = {r.report_id: r.closed_reason for r in run.case("s:elder").reports}
    assert reports["alert:safe-zone-exit"] is None
    assert reports["alert:own:safe-zone-exit"] == "returned"
    found = only(run.tell(an_alert(kind="found", observed_us=T0_US + 300 * S), now_s=300))
    assert found.status == "released"


def test_a_return_without_an_alert_that_stands_is_counted_and_makes_no_case() -> None:
    run = a_run()
    result = run.tell(an_alert(kind="returned"), now_s=0)
    assert result.outcomes == {("wandering-alerts", "after-close"): 1}
    assert not run.state.cases


def test_found_ends_the_alerts_of_detection_too() -> None:
    run = a_run()
    run.tell(an_alert(kind="night-outing", source="goldentime-detection"), now_s=0)
    assert run.case("s:elder").reports[0].report_id == "alert:own:night-outing"
    found = only(run.tell(an_alert(kind="found", observed_us=T0_US + 60 * S), now_s=60))
    assert (found.status, found.reason) == ("released", "found")


def test_nothing_is_kept_of_people_who_are_not_registered() -> None:
    run = a_run()
    run.tell(a_registration("s:other"), now_s=0)
    for now_s in range(0, 600, 60):
        result = run.tell(fix_at(900, now_s), now_s=now_s)
        assert not result.alerts
        assert not result.outings
    assert not run.state.watch.memories


def test_the_end_of_a_registration_ends_detection_and_forgets_the_way() -> None:
    run = a_run()
    run.tell(a_registration(detects_patterns=True), now_s=0)
    run.tell(fix_at(115, 10), now_s=10)
    assert run.state.watch.memories
    intake = read([ended(b"s:elder", 20, 5)], run.policy)
    result = step(run.state, intake, run.scenery, run.policy, None)
    assert result.outcomes == {("protected-subjects", "ended"): 1}
    assert result.outings == [(b"s:elder", None)]
    assert not run.tell(fix_at(900, 70), now_s=70).alerts


def test_a_registration_that_ran_out_or_is_a_drill_detects_nothing() -> None:
    run = a_run()
    run.tell(a_registration("s:ann", valid_until_us=T0_US + 60 * S), a_registration("s:ben", exercise=True), now_s=0)
    for name in ("s:ann", "s:ben"):
        assert not run.tell(fix_at(900, 70, name), now_s=70).alerts


def test_a_registration_of_no_use_is_answered() -> None:
    result = a_run().tell(a_registration(quiet_from_min=9_999), now_s=0)
    (refusal,) = result.refusals
    assert (refusal.topic, refusal.reason, refusal.field) == ("protected-subjects", "out-of-range", "quiet_from_min")


def test_fixes_that_came_late_or_jump_are_not_held_against_zones() -> None:
    run = a_run()
    run.tell(a_registration(), now_s=0)
    run.tell(fix_at(0, 100), now_s=100)
    assert not run.tell(fix_at(900, 50), now_s=101).alerts
    assert not run.tell(fix_at(90_000, 110), now_s=110).alerts
    assert not run.state.watch.memories


def test_what_is_remembered_ends_by_time_and_where_somebody_went_with_their_case() -> None:
    run = a_run()
    run.tell(a_registration(detects_patterns=True), now_s=0)
    (alert,) = run.tell(fix_at(400, 10), now_s=10).alerts
    run.tell(alert, now_s=11)
    run.tell(an_alert(kind="found", observed_us=T0_US + 60 * S), now_s=60)
    memory = run.state.watch.memories[b"s:elder"]
    assert (memory.raised, memory.trail) == (("found", "safe-zone-exit"), ())
    assert not run.tell(fix_at(410, 120), now_s=120).alerts  # told already, and found; still on the way home
    result = run.tick(13 * 3_600)
    assert (b"s:elder", None) in result.outings
    assert not run.state.watch.memories


PEOPLE = ("s:ann", "s:ben")
# Silence is told of by ticks: where it must not matter when they fall, nobody is waited for.
NO_SILENCE = policy_with(POLICY, wandering={"no_contact_s": 86_400.0})


@st.composite
def watched_logs(draw: Any) -> list[tuple[int, Any]]:
    """Return (now, record) pairs: registrations, fixes near and far from home, finds, alerts of our own coming back."""
    now_us, log = T0_US, []
    for name in PEOPLE:
        log.append(
            (
                now_us,
                a_registration(
                    name,
                    detects_patterns=draw(st.booleans()),
                    quiet_from_min=0,
                    quiet_until_min=draw(st.sampled_from([0, 1_439])),
                ),
            )
        )
        now_us += S
    for _ in range(draw(st.integers(1, 30))):
        now_us += draw(st.sampled_from([10, 30, 60, 600, 5_000])) * S
        name = draw(st.sampled_from(PEOPLE))
        shape = draw(st.sampled_from(["fix"] * 10 + ["found", "own", "returned", "registration"]))
        if shape == "fix":
            place = at(draw(st.sampled_from([0.0, 105.0, 130.0, 160.0, 185.0, 210.0, 400.0])), 0.0,
                       draw(st.sampled_from([5.0, 10.0, 300.0])))  # fmt: skip
            log.append((now_us, a_fix(name, now_us - draw(st.sampled_from([0, 0, 90])) * S, location=place)))
        elif shape == "registration":
            log.append((now_us, a_registration(name)))
        else:
            kind = "safe-zone-exit" if shape == "own" else shape
            log.append((now_us, an_alert(name, now_us, kind=kind, source="goldentime-detection")))
    return log


def run_log(
    log: Sequence[tuple[int, Any]], cuts: Sequence[int], state: PartitionState, first_offset: int = 0
) -> list[StepResult]:
    results, start = [], 0
    for end in sorted({*(c for c in cuts if 0 < c < len(log)), len(log)}):
        batches = batches_of(list(log[start:end]), first_offset=first_offset + start)
        results.append(step(state, read(batches, NO_SILENCE), SCENERY, NO_SILENCE, None))
        start = end
    return results


def a_tick(state: PartitionState, log: Sequence[tuple[int, Any]]) -> StepResult:
    """Let time alone decide, a second after the log."""
    return step(state, read([], NO_SILENCE), SCENERY, NO_SILENCE, log[-1][0] + S)


def outings(results: Sequence[StepResult]) -> dict[bytes, WanderingState]:
    """Return what the internal topic holds after these results."""
    kept: dict[bytes, bytes | None] = {}
    for result in results:
        kept.update(result.outings)
    return {key: decode(WanderingState, value) for key, value in sorted(kept.items()) if value is not None}


def alerts(results: Sequence[StepResult]) -> list[Any]:
    return [alert for result in results for alert in result.alerts]


@settings(max_examples=25, deadline=None)
@given(watched_logs(), st.lists(st.integers(1, 31), max_size=5))
def test_how_records_are_cut_into_batches_changes_no_alert(log: list[tuple[int, Any]], cuts: list[int]) -> None:
    whole = run_log(log, [], PartitionState())
    for some in (cuts, range(1, len(log))):
        cut = run_log(log, list(some), PartitionState())
        assert alerts(cut) == alerts(whole)
        assert outings(cut) == outings(whole)
        assert told(cut) == told(whole)


@settings(max_examples=25, deadline=None)
@given(watched_logs(), st.integers(1, 31), st.booleans())
def test_a_restart_changes_no_alert_and_a_tick_before_it_neither(
    log: list[tuple[int, Any]], cut: int, ticks: bool
) -> None:
    cut = min(cut, len(log))
    whole_state, state = PartitionState(), PartitionState()
    whole = [*run_log(log, [], whole_state), a_tick(whole_state, log)]
    first = run_log(log[:cut], [], state)
    if ticks:
        first.append(a_tick(state, log[:cut]))
    registered = {r.case_id.encode(): encode(r) for _, r in log[:cut] if type(r).__name__ == "ProtectedSubject"}
    kept = {key: encode(memory) for key, memory in outings(first).items()}
    restored = PartitionState.restored(
        {**rows(first), PROTECTED_SUBJECTS.name: registered, WANDERING_STATES.name: kept}, NO_SILENCE
    )
    rest = run_log(log[cut:], [], restored, cut) if cut < len(log) else []
    rest.append(a_tick(restored, log))
    assert alerts(first + rest) == alerts(whole)
    assert outings(first + rest) == outings(whole)
