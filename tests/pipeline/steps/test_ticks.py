"""What time alone decides: leases, ages, forgetting, and cameras that changed."""

from itertools import pairwise
from typing import Any

import pytest

from pipeline.steps.ticks import LOOKS_PER_TICK
from tests.pipeline.engine_runs import DEMO, EngineRun, a_grid, ids, only, policy_with, reasons
from tests.support.records import T0_US, S, a_camera, a_fix, a_health, a_table, an_alert, an_incident, at

ELDER = "s:elder"
LEASE_S = DEMO.lease.lease_s_by_rank[0]  # 600
ELDERS_LEASE_S = DEMO.lease.lease_s_by_rank[2]  # 900
RENEWAL_S = LEASE_S * (1 - DEMO.lease.renew_share)  # 450
RETENTION_S = DEMO.lease.retention_s  # 3600
TRACK_AGE_S = DEMO.lease.track_age_s  # 3600


def later(seconds: float) -> int:
    return T0_US + int(seconds * S)


def a_run(policy: Any = DEMO) -> EngineRun:
    return EngineRun(a_table(*a_grid()), policy)


def with_incident(policy: Any = DEMO, **changes: Any) -> EngineRun:
    run = a_run(policy)
    run.tell(an_incident("i", **changes), now_s=0)
    return run


def ticks(run: EngineRun, until_s: int, step_s: int = 10, start_s: int = 0) -> list[tuple[int, str]]:
    """Return (second, reason) of every version that ticks make."""
    return [(now_s, reason) for now_s in range(start_s, until_s, step_s) for reason in reasons(run.tick(now_s))]


def test_a_case_that_nothing_is_heard_of_ends_with_its_lease() -> None:
    run = with_incident()
    assert ticks(run, 700) == [(600, "lease-expired")]
    assert run.case("i").status == "released"
    assert run.case("i").held == ()


def test_an_update_gives_a_new_lease() -> None:
    run = with_incident()
    run.tell(an_incident("i", later(300), status="updated"), now_s=300)
    assert ticks(run, 2_000, start_s=310) == [(900, "lease-expired")]


def test_late_and_repeated_events_are_no_news() -> None:
    run = a_run()
    report = an_incident("i", later(9))
    run.tell(report, now_s=10)
    run.tell(report, an_incident("i"), now_s=300)
    assert ticks(run, 2_000, start_s=310) == [(610, "lease-expired")]


def test_a_lease_is_renewed_when_fixes_came_since_and_it_is_nearly_used_up() -> None:
    # So stubborn that a fix makes no version by itself.
    run = a_run(policy_with(selection={"switch_gain": 1.0}, movement={"update_distance_m": 5_000}))
    run.tell(an_alert(ELDER, location=at()), now_s=0)
    assert run.tell(a_fix(ELDER, later(500), location=at(5)), now_s=500).assignments == []
    made = run.tick(ELDERS_LEASE_S * 0.75)
    assert reasons(made) == ["lease-renewed"]
    assert only(made).valid_until_us == later(ELDERS_LEASE_S * 0.75 + ELDERS_LEASE_S)


def test_a_person_nobody_hears_of_is_released_when_the_lease_ends() -> None:
    run = a_run(policy_with(movement={"update_distance_m": 5_000}))
    run.tell(an_alert(ELDER, location=at()), now_s=0)
    assert reasons(run.tick(ELDERS_LEASE_S - 1)) != ["lease-expired"]
    run = a_run(policy_with(selection={"switch_gain": 1.0}))
    run.tell(an_alert(ELDER, location=at(accuracy_m=200)), now_s=0)
    made = ticks(run, 4_000)
    assert made[-1][1] == "lease-expired"
    assert run.case(ELDER).ended_us is not None


def test_no_case_outlives_its_limit_however_often_it_is_heard_of() -> None:
    policy = policy_with(lease={"max_case_s": 2_000.0})
    run = with_incident(policy)
    ends = []
    for now_s in range(100, 2_300, 100):
        if now_s < 2_000:
            made = run.tell(an_incident("i", later(now_s), status="updated"), now_s=now_s).assignments
            assert all(a.valid_until_us <= later(2_000) for a in made)
        ends += [(now_s, a.reason) for a in run.tick(now_s).assignments if a.status == "released"]
    assert ends == [(2_000, "case-age-limit")]


def test_an_ended_case_is_forgotten_after_its_retention_with_a_tombstone() -> None:
    run = with_incident()
    run.tell(an_incident("i", later(9), status="closed"), now_s=10)
    assert run.tick(10 + RETENTION_S - 1).case_states == {}
    result = run.tick(10 + RETENTION_S)
    assert (result.case_states, result.assignments) == ({"i": None}, [])
    assert (run.state.cases, run.state.subjects.slot_of, run.state.holders) == ({}, {}, {})
    assert run.tick(10 + 2 * RETENTION_S).case_states == {}


def test_a_denied_case_is_forgotten_too() -> None:
    run = with_incident(urgency_native="C4")
    assert run.tick(RETENTION_S).case_states == {"i": None}


def test_a_track_without_a_case_is_forgotten_at_its_age() -> None:
    run = a_run()
    run.tell(a_fix(ELDER), now_s=0)
    run.tell(a_fix(ELDER, later(60)), now_s=61)
    assert run.tick(61 + TRACK_AGE_S - 1).tracks == []
    assert run.tick(61 + TRACK_AGE_S).tracks == [(ELDER.encode(), None)]
    assert run.state.subjects.slot_of == {}


def test_a_track_that_came_after_the_release_outlives_its_case() -> None:
    run = a_run()
    run.tell(an_alert(ELDER), now_s=0)
    run.tell(an_alert(ELDER, later(9), kind="found"), now_s=10)
    run.tell(a_fix(ELDER, later(3_000)), now_s=3_000)
    assert run.tick(10 + RETENTION_S).case_states == {ELDER: None}
    assert run.tick(3_000 + TRACK_AGE_S - 1).tracks == []
    assert run.tick(3_000 + TRACK_AGE_S).tracks == [(ELDER.encode(), None)]


def test_a_case_that_ends_by_time_forgets_its_track() -> None:
    run = a_run(policy_with(lease={"max_case_s": 900.0}))
    run.tell(an_alert(ELDER), a_fix(ELDER), now_s=0)
    result = run.tick(900)
    assert reasons(result) == ["case-age-limit"]
    assert result.tracks == [(ELDER.encode(), None)]


def test_an_ageing_position_widens_the_search() -> None:
    run = a_run()
    first = only(run.tell(an_alert(ELDER, location=at()), now_s=0))
    made = [a for now_s in range(60, 300, 10) for a in run.tick(now_s).assignments]
    assert {a.reason for a in made} == {"position-ageing"}
    radii = [a.where.accuracy_m for a in [first, *made] if a.where]
    # Walkers are drawn by chance: from one look to the next the radius may shrink by a few per cent.
    assert all(later_m > 0.95 * sooner_m for sooner_m, later_m in pairwise(radii))
    assert radii[-1] > 5 * radii[0]


def test_what_time_alone_decides_does_not_put_off_the_end_of_a_lease() -> None:
    run = a_run()
    first = only(run.tell(an_alert(ELDER, location=at()), now_s=0))
    made = [a for now_s in range(60, 300, 10) for a in run.tick(now_s).assignments]
    assert made
    assert {a.valid_until_us for a in made} == {first.valid_until_us}
    heard = run.tell(a_fix(ELDER, later(300), location=at(200)), now_s=300)
    assert only(heard).valid_until_us == later(300 + ELDERS_LEASE_S)


def test_a_camera_that_goes_down_is_replaced_at_once_and_others_stay() -> None:
    run = with_incident()
    run.tick(1)
    held = [camera.camera_id for camera in run.case("i").held]
    run.change(a_health(held[2], "obstructed"))
    made = only(run.tick(2))
    assert (made.reason, made.released) == ("camera-lost", (held[2],))
    assert set(held) - {held[2]} <= set(ids(made)) | set(made.released)
    assert run.tick(3).assignments == []


def test_a_camera_taken_from_the_table_is_lost() -> None:
    run = with_incident()
    run.tick(1)
    gone = run.case("i").held[0].camera_id
    run.remove(gone)
    made = only(run.tick(2))
    assert (made.reason, gone in made.released, gone in ids(made)) == ("camera-lost", True, False)


def test_a_camera_taken_from_the_table_is_lost_even_when_another_takes_its_row() -> None:
    run = with_incident()
    run.tick(1)
    gone = run.case("i").held[0].camera_id
    row = run.cameras.row_of(gone)
    run.remove(gone)
    run.change(a_camera("far-away", location=at(9_000)))
    assert run.cameras.row_of("far-away") == row
    made = only(run.tick(2))
    assert (made.reason, gone in made.released) == ("camera-lost", True)


@pytest.mark.parametrize("change", [{"status": "retired"}, {"quality_flags": ("pile",)}])
def test_a_camera_that_is_out_of_service_or_place_is_lost(change: dict[str, Any]) -> None:
    run = with_incident()
    run.tick(1)
    camera_id = run.case("i").held[0].camera_id
    run.change(next(a_camera(camera_id, location=c.location, **change) for c in a_grid() if c.camera_id == camera_id))
    assert reasons(run.tick(2)) == ["camera-lost"]


def test_news_of_cameras_that_nobody_holds_and_of_good_health_change_nothing() -> None:
    run = with_incident()
    run.tick(1)
    held = {camera.camera_id for camera in run.case("i").held}
    others = [c.camera_id for c in a_grid() if c.camera_id not in held]
    run.change(a_health(others[0], "down"), a_health(sorted(held)[0], "up"))
    run.remove(others[1])
    assert run.tick(2).assignments == []


def test_when_all_cameras_are_lost_the_case_waits() -> None:
    run = with_incident()
    run.tick(1)
    run.remove(*(c.camera_id for c in a_grid()))
    made = only(run.tick(2))
    assert (made.status, made.reason, made.cameras, len(made.released)) == ("waiting", "camera-lost", (), 8)


def test_a_tick_says_how_far_each_topic_had_been_read() -> None:
    run = a_run()
    run.tell(an_incident("i"), a_fix(ELDER), an_incident("j", later(0), urgency_native="C1"), now_s=0)
    made = run.tick(600).assignments
    sources = [(s.topic, s.partition, s.offset) for s in made[0].sources]
    assert sources == [("tick", 0, later(600)), ("incidents", 0, 2), ("tracker-fixes", 0, 1)]


def test_time_never_goes_back() -> None:
    run = with_incident()
    run.tick(500)
    assert run.tick(100).assignments == []
    made = only(run.tell(an_incident("i", later(9), status="updated"), now_s=50))
    assert made.decided_us == later(500)


def test_the_longest_due_come_first_and_the_rest_at_the_next_ticks() -> None:
    run = a_run()
    count = LOOKS_PER_TICK + 50
    early = [an_incident(f"a{n:03}", location=None) for n in range(50)]
    late = [an_incident(f"0{n:03}", location=None) for n in range(count - 50)]
    run.tell(*early, now_s=0)
    run.tell(*late, now_s=1)
    first, second = run.tick(700), run.tick(701)
    assert [a.case_id for a in first.assignments[-50:]] == [incident.case_id for incident in early]
    assert (len(first.assignments), len(second.assignments)) == (LOOKS_PER_TICK, 50)
    assert run.tick(702).assignments == []
    assert all(case.ended_us is not None for case in run.state.cases.values())


def test_versions_of_a_tick_follow_the_ids_of_their_cases_however_long_each_has_been_due() -> None:
    run = a_run()
    run.tell(an_incident("b"), now_s=0)
    run.tell(an_incident("a"), now_s=1)
    assert [made.case_id for made in run.tick(700).assignments] == ["a", "b"]


def test_with_the_track_of_a_person_the_place_of_a_refused_jump_is_forgotten_too() -> None:
    run = a_run()
    run.tell(an_alert(ELDER, location=at()), a_fix(ELDER, later(1), location=at()), now_s=1)
    run.tell(a_fix(ELDER, later(2), location=at(9_000)), now_s=2)
    subjects = run.state.subjects
    slot = subjects.slot_of[ELDER.encode()]
    assert subjects.jump_us[slot] == later(2)
    run.tell(an_alert(ELDER, later(9), kind="found"), now_s=10)
    assert (subjects.jump_us[slot], subjects.jump_lat_deg[slot], subjects.jump_lon_deg[slot]) == (0, 0.0, 0.0)
