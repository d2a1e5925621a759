"""What crowds and closed roads change in a decision, and that the decision says so."""

from schemas.incident import RespondingUnit
from tests.pipeline.engine_runs import EngineRun, a_grid, ids, only
from tests.support.conditions import a_closure, a_crowd, point, tell
from tests.support.records import T0_US, S, a_camera, a_table, an_incident, at


def a_fire(**changes: object) -> object:
    return an_incident("f", service="fire", kind="structure-fire", urgency_native=None, **changes)


def test_in_a_crowd_cameras_show_less_and_more_of_them_are_suggested() -> None:
    quiet, crowded = EngineRun(a_table(*a_grid())), EngineRun(a_table(*a_grid()))
    tell(crowded.cameras, a_crowd("crowded"), offset=4)
    plain = only(quiet.tell(an_incident(location=at(accuracy_m=10)), now_s=1))
    dense = only(crowded.tell(an_incident(location=at(accuracy_m=10)), now_s=1))
    assert len(dense.cameras) == len(plain.cameras) + 2
    assert "crowd-crowded" in dense.assumptions
    assert dense.camera_table_version.endswith("/conditions@4")
    first = dense.cameras[0]
    assert (first.why["crowd"], first.why["factor"]) == (0.5, 1.0)
    of_plain = {camera.camera_id: camera.p_view for camera in plain.cameras}
    assert first.p_view < of_plain.get(first.camera_id, 1.0)
    assert not any("crowd" in camera.why for camera in plain.cameras)


def test_a_camera_outside_the_crowd_shows_what_it_showed() -> None:
    run = EngineRun(a_table(a_camera("in", location=at(10)), a_camera("out", location=at(-10))))
    tell(run.cameras, a_crowd("busy", polygon=(point(5, -50), point(50, -50), point(50, 50), point(5, 50))))
    why = {c.camera_id: c.why for c in only(run.tell(an_incident(location=at(accuracy_m=5)), now_s=1)).cameras}
    assert why["in"]["crowd"] == 0.8
    assert "crowd" not in why["out"]
    assert why["in"]["p_view"] < why["out"]["p_view"]


def test_a_crowd_that_has_ended_or_is_gone_changes_nothing() -> None:
    run = EngineRun(a_table(*a_grid()))
    tell(run.cameras, a_crowd("crowded", valid_until_us=T0_US + 100 * S))
    during = only(run.tell(an_incident(location=at()), now_s=1))
    after = only(run.tell(an_incident(location=at(), status="updated", observed_us=T0_US + 200 * S), now_s=200))
    assert len(after.cameras) < len(during.cameras)
    assert not any("crowd" in camera.why for camera in after.cameras)
    assert "crowd-crowded" not in after.assumptions
    tell(run.cameras, a_crowd("crowded"))
    assert run.cameras.apply_conditions([b"c:crowd"], [None], 9) == []
    again = only(run.tell(an_incident(location=at(), status="updated", observed_us=T0_US + 210 * S), now_s=210))
    assert not any("crowd" in camera.why for camera in again.cameras)


def on_the_way(east_m: float = -900.0) -> EngineRun:
    """Return a run with cameras along a road from the west to the tests' place."""
    return EngineRun(a_table(*(a_camera(f"w-{i:02}", location=at(east_m + 60.0 * i, 8.0)) for i in range(20))))


def test_a_closed_road_ends_the_corridor_and_the_cameras_before_it_say_so() -> None:
    unit = RespondingUnit(unit_ref="engine-1", route=(point(-900, 0), point(-400, 0), point(0, 0)))
    fire = a_fire(units=(unit,))
    whole = only(on_the_way().tell(fire, now_s=1))
    run = on_the_way()
    tell(run.cameras, a_closure(-500.0))
    cut = only(run.tell(fire, now_s=1))
    corridor = [c for c in cut.cameras if c.role == "corridor"]
    assert any(camera_id > "w-07" for camera_id in ids(whole, "corridor"))
    assert corridor
    assert all(c.camera_id <= "w-07" for c in corridor)  # w-07 stands at -480 and looks back before the closure
    assert [c.camera_id for c in corridor] == sorted(c.camera_id for c in corridor)
    assert {c.why["closed_after_m"] for c in corridor} == {395.0}


def test_a_unit_without_a_route_is_cut_on_its_straight_line_and_one_behind_the_closure_gets_none() -> None:
    run = on_the_way()
    tell(run.cameras, a_closure(-500.0))
    cut = only(run.tell(a_fire(units=(RespondingUnit(unit_ref="u", position=at(-900)),)), now_s=1))
    assert all(camera_id <= "w-07" for camera_id in ids(cut, "corridor"))
    blocked = on_the_way()
    tell(blocked.cameras, a_closure(-895.0))
    none = only(blocked.tell(a_fire(units=(RespondingUnit(unit_ref="u", position=at(-900)),)), now_s=1))
    assert not ids(none, "corridor")
    assert ids(none, "view")


def test_a_closure_that_has_ended_closes_nothing() -> None:
    run = on_the_way()
    tell(run.cameras, a_closure(-500.0, valid_until_us=T0_US))
    unit = RespondingUnit(unit_ref="engine-1", route=(point(-900, 0), point(0, 0)))
    made = only(run.tell(a_fire(units=(unit,)), now_s=1))
    assert not any("closed_after_m" in camera.why for camera in made.cameras)
