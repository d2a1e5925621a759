"""Whole lives: cases that end and come back, clocks that are wrong, noise, long ways, and who is told."""

import dataclasses
import random
from typing import Any

from schemas.incident import RespondingUnit
from schemas.location import Location, Point
from tests.pipeline.engine_runs import DEMO, EngineRun, a_grid, ids, only, policy_with
from tests.support.records import LAT_DEG, T0_US, S, a_camera, a_fix, a_table, an_alert, an_incident, at

ELDER = "s:elder"


def later(seconds: float) -> int:
    return T0_US + int(seconds * S)


def on_a_grid(policy: Any = DEMO) -> EngineRun:
    return EngineRun(a_table(*a_grid()), policy)


def test_a_case_that_comes_back_after_it_was_forgotten_never_repeats_an_event_id() -> None:
    run = on_a_grid()
    first = only(run.tell(an_incident("i"), now_s=1))
    run.tell(an_incident("i", later(9), status="closed"), now_s=10)
    assert run.tick(10 + DEMO.lease.retention_s).case_states == {"i": None}

    again = only(run.tell(an_incident("i", later(9_000)), now_s=9_000))

    assert (first.version, again.version) == (1, 1)
    assert again.event_id != first.event_id
    assert again.opened_us > first.opened_us


def test_a_case_that_is_reported_again_before_it_is_forgotten_goes_on_with_its_versions() -> None:
    run = on_a_grid()
    first = only(run.tell(an_incident("i"), now_s=1))
    run.tell(an_incident("i", later(9), status="closed"), now_s=10)

    again = only(run.tell(an_incident("i", later(20)), now_s=20))

    assert (again.version, again.status) == (3, "active")
    assert (again.opened_us, first.opened_us) == (later(20), later(1))


def test_an_incident_whose_lease_ran_out_goes_on_with_the_next_word_of_its_source() -> None:
    run = on_a_grid()
    run.tell(an_incident("i"), now_s=1)
    assert only(run.tick(1 + DEMO.lease.lease_s_by_rank[0])).reason == "lease-expired"

    back = only(run.tell(an_incident("i", later(900), status="updated"), now_s=900))

    assert (back.status, back.reason) == ("active", "updated")


def test_a_source_whose_clock_is_a_year_ahead_does_not_make_its_next_words_late() -> None:
    run = on_a_grid()
    run.tell(an_incident("i", later(365 * 86_400)), now_s=1)

    closed = only(run.tell(an_incident("i", later(20), status="closed"), now_s=20))

    assert closed.status == "released"


def test_the_first_view_is_counted_however_many_versions_come_before_it() -> None:
    run = on_a_grid()
    nowhere = at(quality="none")
    assert run.tell(an_incident("i", location=nowhere), now_s=1).first_views == []
    assert run.tell(an_incident("i", later(5), status="updated", location=nowhere), now_s=5).first_views == []

    seen = run.tell(an_incident("i", later(9), status="updated"), now_s=9)

    assert seen.first_views == [only(seen)]
    assert (only(seen).version, only(seen).occurred_us, only(seen).decided_us) == (3, T0_US + 9 * S, later(9))
    assert run.tell(an_incident("i", later(12), status="updated"), now_s=12).first_views == []


def test_only_services_whose_report_is_allowed_get_the_cameras() -> None:
    run = on_a_grid()
    complaint = an_incident("i", incident_id="noise", urgency_native="C4", kind="noise")
    fire = an_incident("i", incident_id="fire", service="fire", kind="structure-fire", urgency_native=None)
    run.tell(complaint, now_s=1)

    both = only(run.tell(fire, now_s=2))

    assert both.services == ("fire", "police")
    assert "demo-119:control-room" in both.recipients
    assert "demo-112:control-room" not in both.recipients


def test_a_place_that_an_alert_tells_of_is_as_old_as_the_person_was_last_seen_there() -> None:
    run = on_a_grid()
    alert = an_alert(ELDER, later(600), location=at(), last_seen_us=T0_US)

    made = only(run.tell(alert, now_s=600))

    assert made.where is not None
    assert made.where.position_us == T0_US
    assert made.where.accuracy_m > 0.3 * 600  # ten minutes of walking, most of it in a ring around the place


def test_near_its_age_limit_a_case_is_not_renewed_again_and_again() -> None:
    limit_s = 2_000.0
    run = on_a_grid(policy_with(lease={"max_case_s": limit_s}))
    run.tell(an_alert(ELDER, location=at()), now_s=1)
    versions = []
    for now_s in range(2, int(limit_s) + 10, 10):
        versions += run.tell(a_fix(ELDER, later(now_s)), now_s=now_s).assignments
        versions += run.tick(now_s + 1).assignments

    assert versions[-1].reason == "case-age-limit"
    assert sum(a.reason == "lease-renewed" for a in versions) <= 3


def test_a_person_who_stands_still_keeps_the_cameras_in_most_minutes_in_spite_of_noise() -> None:
    rnd = random.Random(7)
    run = EngineRun(a_table(*a_grid(15, 15, 25.0)))
    run.tell(an_alert(ELDER, location=at()), now_s=1)
    changes = 0
    for minute in range(1, 61):
        noisy = at(rnd.gauss(0, 10), rnd.gauss(0, 10), accuracy_m=15)
        made = run.tell(a_fix(ELDER, later(60 * minute), location=noisy), now_s=60 * minute).assignments
        changes += sum(bool(a.added or a.released) for a in made)

    assert changes < 30


def test_a_long_ways_cameras_are_spread_along_it() -> None:
    def a_point(east_m: float) -> Point:
        place = at(east_m)
        return Point(lat_deg=place.lat_deg, lon_deg=place.lon_deg)

    along = [a_camera(f"way-{n}", location=at(-25.0 * n, 10.0), kind="ptz") for n in range(200)]
    run = EngineRun(a_table(*along))
    unit = RespondingUnit(unit_ref="engine-1", route=(a_point(-4_900), a_point(0)))

    fire = only(
        run.tell(an_incident("f", service="fire", kind="structure-fire", urgency_native=None, units=(unit,)), now_s=1)
    )

    corridor = [int(camera_id.removeprefix("way-")) * 25 for camera_id in ids(fire, "corridor")]
    assert corridor == sorted(corridor, reverse=True)
    assert corridor[0] - corridor[-1] > 1_500
    by_id = {c.camera_id: c for c in fire.cameras}
    # Each looks at the part of the way before it, not at its far middle.
    assert all(by_id[f"way-{metres // 25}"].distance_m < 120 for metres in corridor)


def test_a_unit_on_the_other_side_of_the_earth_gets_no_corridor_and_stops_nobody() -> None:
    far = Location(lat_deg=37.5, lon_deg=180.0, accuracy_m=0.0, quality="gps")
    run = on_a_grid()

    fire = an_incident("f", service="fire", kind="structure-fire", urgency_native=None)
    made = only(run.tell(dataclasses.replace(fire, units=(RespondingUnit(unit_ref="u", position=far),)), now_s=1))

    assert made.status == "active"
    assert ids(made, "corridor") == []


def test_a_way_that_ends_at_the_antimeridian_stops_nobody() -> None:
    route = (Point(lat_deg=LAT_DEG, lon_deg=179.99), Point(lat_deg=LAT_DEG, lon_deg=180.0))
    fire = an_incident("f", service="fire", kind="structure-fire", urgency_native=None)
    unit = RespondingUnit(unit_ref="u", route=route)

    made = only(on_a_grid().tell(dataclasses.replace(fire, units=(unit,)), now_s=1))

    assert (made.status, ids(made, "corridor")) == ("active", [])


def test_a_person_not_heard_of_for_long_has_no_recent_position_and_the_case_says_so_once() -> None:
    age_s = 240.0
    run = on_a_grid(policy_with(DEMO, movement={"position_age_s": age_s}))
    run.tell(an_alert(ELDER, location=at()), now_s=0)

    before = [a for now_s in range(10, 240, 10) for a in run.tick(now_s).assignments]
    after = [a for now_s in range(250, 500, 10) for a in run.tick(now_s).assignments]

    assert not any("no-recent-position" in a.assumptions for a in before)
    assert [a.reason for a in after].count("no-recent-position") == 1
    assert after[0].reason == "no-recent-position"
    assert all("no-recent-position" in a.assumptions for a in after)
