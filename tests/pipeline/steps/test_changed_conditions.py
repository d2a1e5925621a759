"""Crowds and closed roads that come, change and go: the cases that they touch are decided again, and no others."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.steps import ticks
from schemas.camera_assignment import CameraAssignment
from schemas.condition import Condition
from schemas.incident import RespondingUnit
from schemas.location import Area
from tests.pipeline.engine_runs import DEMO, EngineRun, a_grid, ids, only, policy_with, reasons
from tests.support.conditions import a_closure, a_crowd, point, tell
from tests.support.records import T0_US, S, a_camera, a_table, an_incident, at

WEST = (point(-75, -130), point(8, -130), point(8, 130), point(-75, 130))
# A set that is kept may be this much worse than the best: less than the gain that is worth a change, and the bonus of
# the cameras held.
HYSTERESIS = DEMO.selection.switch_gain + 2 * DEMO.selection.held_bonus
SQUARE = Area(polygon=(point(-100, -100), point(100, -100), point(100, 100), point(-100, 100)))
UNIT = RespondingUnit(unit_ref="engine-1", route=(point(-900, 0), point(-400, 0), point(0, 0)))


def with_incidents(*places: tuple[float, float], **changes: Any) -> EngineRun:
    """Return a run with incidents ``i0``, ``i1``, ... so many metres east and north, after their first tick."""
    run = EngineRun(a_table(*a_grid(15, 5)))
    for number, place in enumerate(places):
        run.tell(an_incident(f"i{number}", location=at(*place, accuracy_m=40), **changes), now_s=1)
    assert run.tick(2).assignments == []
    return run


def a_fire(observed_us: int = T0_US) -> Any:
    return an_incident("f", observed_us, service="fire", kind="structure-fire", urgency_native=None, units=(UNIT,))


def of_corridor(made: CameraAssignment) -> float:
    """Return how much of the way the cameras along it show, as the sum of their shares."""
    return sum(camera.p_view for camera in made.cameras if camera.role == "corridor")


def on_the_way() -> EngineRun:
    """Return a run with a fire, cameras along the road from the west to it, and an engine on that road."""
    run = EngineRun(a_table(*(a_camera(f"w-{i:02}", location=at(-900 + 60.0 * i, 8.0)) for i in range(20))))
    run.tell(a_fire(), now_s=1)
    assert run.tick(2).assignments == []
    return run


def lift(run: EngineRun, *keys: bytes) -> None:
    assert run.cameras.apply_conditions(list(keys), [None] * len(keys), 9) == []


def shown(made: CameraAssignment) -> float:
    assert made.p_view is not None
    return made.p_view


def state_of(run: EngineRun) -> dict[bytes, Any]:
    """Return what the cases hold."""
    return {key: (case.held, case.status) for key, case in run.state.cases.items()}


def test_a_crowd_wakes_the_incident_it_hides_and_its_end_gives_back_as_good_a_view() -> None:
    run = with_incidents((0, 0))
    before = run.case("i0")
    quiet = only(EngineRun(run.cameras).tell(an_incident("i0", location=at(accuracy_m=40)), now_s=1))
    tell(run.cameras, a_crowd("crowded", polygon=WEST))
    woken = only(run.tick(3))
    assert (woken.reason, woken.case_id) == ("conditions-changed", "i0")
    assert {camera.camera_id for camera in woken.cameras} != {held.camera_id for held in before.held}
    assert woken.valid_until_us == before.valid_until_us  # nobody said anything of the case
    lift(run, b"c:crowd")
    again = only(run.tick(4))
    assert again.reason == "conditions-changed"
    assert shown(again) >= shown(quiet) - HYSTERESIS
    assert not any("crowd" in camera.why for camera in again.cameras)
    assert "crowd-crowded" not in again.assumptions


def test_a_change_wakes_once() -> None:
    run = with_incidents((0, 0))
    tell(run.cameras, a_crowd("crowded", polygon=WEST))
    assert len(run.tick(3).assignments) == 1
    assert [run.tick(3 + n).assignments for n in range(1, 5)] == [[]] * 4
    assert len(run.state.wakes) == 0


def test_a_crowd_ends_with_its_time_too() -> None:
    run = with_incidents((0, 0))
    tell(run.cameras, a_crowd("crowded", polygon=WEST, valid_until_us=T0_US + 60 * S))
    assert reasons(run.tick(3)) == ["conditions-changed"]
    assert run.tick(59).assignments == []
    assert reasons(run.tick(60)) == ["conditions-changed"]


@pytest.mark.parametrize("level", ["normal", "relaxed"])
def test_a_level_that_changes_nothing_wakes_nobody(level: str) -> None:
    run = with_incidents((0, 0))
    tell(run.cameras, a_crowd(level, polygon=WEST))
    assert run.tick(3).assignments == []


def test_what_is_told_again_with_a_later_end_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    run = with_incidents((0, 0))
    tell(run.cameras, a_crowd("crowded", polygon=WEST))
    run.tick(3)
    looks: list[bytes] = []
    look = ticks._look_at_change
    monkeypatch.setattr(ticks, "_look_at_change", lambda work, key, *rest: looks.append(key) or look(work, key, *rest))
    tell(run.cameras, a_crowd("crowded", polygon=WEST, valid_until_us=T0_US + 7_200 * S))
    run.tick(4)
    assert looks == []
    tell(run.cameras, a_crowd("busy", polygon=WEST))
    run.tick(5)
    assert looks == [b"i0"]


def test_a_crowd_wakes_a_disaster_whose_area_it_lies_in() -> None:
    run = EngineRun(a_table(*a_grid(15, 7)))
    run.tell(an_incident("flood", service="disaster", kind="flood", urgency_native="critical", area=SQUARE), now_s=1)
    run.tick(2)
    corner = (point(-110, -110), point(-40, -110), point(-40, 110), point(-110, 110))
    tell(run.cameras, a_crowd("crowded", polygon=corner))
    assert reasons(run.tick(3)) == ["conditions-changed"]


def test_a_closed_road_wakes_the_corridor_it_crosses_and_its_opening_gives_the_corridor_back() -> None:
    run = on_the_way()
    before = run.case("f")
    fresh = only(run.tell(a_fire(T0_US + S), now_s=2))
    tell(run.cameras, a_closure(-500.0))
    cut = only(run.tick(3))
    assert cut.reason == "conditions-changed"
    assert ids(cut, "corridor")
    assert all(camera_id <= "w-07" for camera_id in ids(cut, "corridor"))
    assert set(ids(cut, "view")) == {held.camera_id for held in before.held if held.role == "view"}
    assert run.tick(4).assignments == []
    lift(run, b"c:closure")
    whole = only(run.tick(5))
    assert not any("closed_after_m" in camera.why for camera in whole.cameras)
    assert of_corridor(whole) >= of_corridor(fresh) - HYSTERESIS


def test_a_closed_road_beside_the_way_changes_nothing() -> None:
    run = on_the_way()
    beside = (point(-900, 40), point(0, 40))
    tell(run.cameras, a_closure(0.0, line=beside), replace(a_closure(200.0), condition_id="c:behind"))
    assert run.tick(3).assignments == []


def test_no_more_than_so_many_cases_get_other_cameras_in_a_tick_and_none_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ticks, "LOOKS_PER_TICK", 2 * ticks.LOOKS_OF_VERSION)
    run = with_incidents(*[(0.0, 5.0 * n) for n in range(5)])
    tell(run.cameras, a_crowd("crowded", polygon=WEST))
    woken = [[a.case_id for a in run.tick(3 + n).assignments] for n in range(4)]
    assert woken == [["i0", "i1"], ["i2", "i3"], ["i4"], []]


def test_a_tick_looks_at_more_cases_where_they_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "LOOKS_PER_TICK", 2 * ticks.LOOKS_OF_VERSION)
    run = with_incidents(*[(0.0, 5.0 * n) for n in range(2 * ticks.LOOKS_OF_VERSION)])
    run.policy = policy_with(selection={"switch_gain": 1.0}, conditions={"cameras": {}})
    tell(run.cameras, a_crowd("crowded", polygon=WEST))
    assert run.tick(3).assignments == []
    assert len(run.state.wakes) == 0


def test_a_tick_after_many_crowds_is_bounded_however_many_cases_get_other_cameras() -> None:
    run, count = EngineRun(a_table(*a_grid(15, 5))), 2 * ticks.LOOKS_PER_TICK // ticks.LOOKS_OF_VERSION
    run.tell(*(an_incident(f"i{n:03}", location=at(0, n % 7, accuracy_m=40)) for n in range(count)), now_s=1)
    run.tick(2)
    tell(run.cameras, a_crowd("crowded", polygon=WEST))
    made = [len(run.tick(3 + n).assignments) for n in range(4)]
    assert made == [count // 2, count // 2, 0, 0]


def test_looks_at_areas_take_up_more_of_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "LOOKS_PER_TICK", ticks.LOOKS_OF_AREA)
    monkeypatch.setattr(ticks, "WOKEN_TOGETHER", 1)
    run = EngineRun(a_table(*a_grid(15, 7)))
    floods = {"service": "disaster", "kind": "flood", "urgency_native": "critical", "area": SQUARE}
    run.tell(*(an_incident(f"flood-{n}", **floods) for n in range(3)), now_s=1)
    run.tick(2)
    tell(run.cameras, a_crowd("crowded", half_m=130.0))
    waiting = [len(run.state.wakes) for n in range(3) if run.tick(3 + n)]
    assert waiting == [2, 1, 0]


def test_of_the_cases_that_a_crowd_wakes_the_most_urgent_come_first_and_then_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ticks, "LOOKS_PER_TICK", ticks.LOOKS_OF_VERSION)
    run = EngineRun(a_table(*a_grid(15, 5)))
    for now_s, (name, urgency) in enumerate([("d", "C1"), ("a", "C1"), ("c", "C0"), ("b", "C0")], 1):
        run.tell(an_incident(name, T0_US + now_s * S, urgency_native=urgency, location=at(accuracy_m=40)), now_s=now_s)
    run.tick(6)
    tell(run.cameras, a_crowd("crowded", polygon=WEST))
    assert [only(run.tick(7 + n)).case_id for n in range(4)] == ["c", "b", "d", "a"]


def test_ticks_that_come_again_wake_the_same_cases_at_the_same_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "LOOKS_PER_TICK", 2 * ticks.LOOKS_OF_VERSION)
    log = [(crowd_level, n) for n, crowd_level in enumerate(("crowded", "busy", "crowded"), 3)]
    made: list[list[Any]] = []
    for names in (range(6), reversed(range(6))):
        # The order in which a worker took up its cases, from records or from a restart, must not matter.
        run = EngineRun(a_table(*a_grid(15, 5)))
        run.tell(*(an_incident(f"i{n}", location=at(0, 5.0 * n, accuracy_m=40)) for n in names), now_s=1)
        run.tick(2)
        made.append([])
        for level, now_s in [*log, *((None, 6 + n) for n in range(6))]:
            if level:
                tell(run.cameras, a_crowd(level, polygon=WEST))
            made[-1].append([(a.case_id, a.version, a.decided_us, ids(a)) for a in run.tick(now_s).assignments])
    assert made[0] == made[1]
    assert sum(len(versions) for versions in made[0]) >= 6


def test_after_a_restart_what_holds_is_looked_at_once() -> None:
    run = with_incidents((0, 0))
    run.state.conditions = None
    tell(run.cameras, a_crowd("crowded", polygon=WEST))
    assert reasons(run.tick(3)) == ["conditions-changed"]
    run.state.conditions = None
    assert run.tick(4).assignments == []


spots = st.tuples(st.integers(-200, 200).map(float), st.integers(-60, 60).map(float))


@st.composite
def conditions(draw: Any) -> list[Condition]:
    """Return crowds and closures around the grid, each with an id of its own."""
    made: list[Condition] = []
    for number in range(draw(st.integers(1, 4))):
        (east, north), half = draw(spots), draw(st.sampled_from([30.0, 80.0]))
        corners = ((east - half, north - half), (east + half, north - half), (east + half, north + half))
        crowd = a_crowd(draw(st.sampled_from(["busy", "crowded", "normal"])), polygon=tuple(point(*c) for c in corners))
        one = draw(st.sampled_from([crowd, a_closure(east)]))
        made.append(replace(one, condition_id=f"c:{number}", event_id=f"c:{number}"))
    return made


def a_world() -> EngineRun:
    """Return a run with incidents spread over a grid, one of them with an engine on its way, all settled."""
    run = EngineRun(a_table(*a_grid(15, 5)))
    engine = RespondingUnit(unit_ref="u", route=(point(-200, 0), point(150, 0)))
    run.tell(*(an_incident(f"i{n}", location=at(80.0 * n - 120, 0, accuracy_m=40)) for n in range(4)), now_s=1)
    run.tell(an_incident("i3", T0_US + S, location=None, status="updated", units=(engine,)), now_s=2)
    run.tick(3)
    return run


@settings(max_examples=12, deadline=None)
@given(conditions(), st.randoms(use_true_random=False))
def test_the_order_in_which_conditions_arrive_changes_no_set(told: list[Condition], rnd: Any) -> None:
    mixed = list(told)
    rnd.shuffle(mixed)
    one, other = a_world(), a_world()
    tell(one.cameras, *told)
    for offset, condition in enumerate(mixed):
        tell(other.cameras, condition, offset=offset)
    for now_s in (4, 5):
        one.tick(now_s)
        other.tick(now_s)
        assert state_of(one) == state_of(other)


@settings(max_examples=10, deadline=None)
@given(conditions())
def test_what_is_far_from_a_case_never_changes_it(told: list[Condition]) -> None:
    run = a_world()
    before = state_of(run)
    for condition in told:
        north = {
            name: tuple(replace(p, lat_deg=p.lat_deg + 0.02) for p in getattr(condition, name))
            for name in ("polygon", "line")
        }
        tell(run.cameras, replace(condition, **north))
    assert run.tick(4).assignments == []
    assert state_of(run) == before


@settings(max_examples=10, deadline=None)
@given(conditions())
def test_with_the_last_condition_gone_every_case_is_seen_as_well_as_before(told: list[Condition]) -> None:
    run, before = a_world(), views(a_world())
    for now_s, condition in enumerate(told, 4):  # each with a tick of its own
        tell(run.cameras, condition)
        run.tick(now_s)
    lift(run, *[condition.condition_id.encode() for condition in told])
    run.tick(9)
    after = views(run)
    assert all(after[case_id] >= before[case_id] - HYSTERESIS for case_id in before)


def views(run: EngineRun) -> dict[str, float]:
    """Return how well the cameras that each case holds show its target: an update that keeps them says so."""
    run.policy = policy_with(selection={"switch_gain": 1.0})
    found = {}
    for number in range(3):
        place = at(80.0 * number - 120, 0, accuracy_m=40)
        update = an_incident(f"i{number}", T0_US + 9 * S, location=place, status="updated")
        found[f"i{number}"] = shown(only(run.tell(update, now_s=10)))
    return found
