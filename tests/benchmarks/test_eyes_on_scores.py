"""What the benchmark counts: open views, looks, rules of thumb, shares, goals and bounds."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.eyes_on import goals, quick, tables
from benchmarks.eyes_on.baselines import EverythingNear, NearestCameras
from benchmarks.eyes_on.cameras import FIXED, ROUND, TURNING, Registry, TrueCameras
from benchmarks.eyes_on.contention import SharedBoard
from benchmarks.eyes_on.optimum import SmallCase, exact_value, greedy_value
from benchmarks.eyes_on.scoring import ratio, scores_of
from benchmarks.eyes_on.sights import Sights
from benchmarks.eyes_on.trackers import TrackerReports
from benchmarks.eyes_on.views import FULL, NOTHING, WEAK, View, ViewBoard
from benchmarks.eyes_on.watchers import Watchers

SECONDS = 60
# An all-round camera, a head that looks north at home, and a fixed one; the person stands east of all, 20 m away.
KINDS = np.array([ROUND, TURNING, FIXED])


def cameras(observe_m: float = 30.0) -> TrueCameras:
    zero = np.zeros(3)
    fields = np.array([360.0, 60.0, 90.0])
    return TrueCameras(zero, zero, np.arange(3), KINDS, zero, fields, np.full(3, observe_m), np.ones(3, np.bool_))


def sights(distance_m: float = 20.0, observe_m: float = 30.0, episodes: int = 1) -> Sights:
    """All cameras have the person in free sight all the time, to the east."""
    pairs = 3 * episodes
    return Sights(
        cameras(observe_m),
        episodes,
        SECONDS,
        np.tile(np.arange(SECONDS, dtype=np.int32), pairs),
        np.full(pairs * SECONDS, distance_m, np.float32),
        np.full(pairs * SECONDS, 90.0, np.float32),
        np.arange(pairs + 1) * SECONDS,
    )


def one_fix(x_m: float = 0.0, y_m: float = 0.0) -> TrackerReports:
    at = np.zeros(1)
    return TrackerReports(np.zeros(1, int), np.zeros(1, int), at, at + x_m, at + y_m, at + 20.0)


def registry(x_m: list[float], kind: list[int]) -> Registry:
    count = len(x_m)
    return Registry(np.array(x_m), np.zeros(count), np.arange(count), np.array(kind), np.full(count, np.nan))


def test_a_new_view_shows_nothing_until_its_stream_is_open() -> None:
    board = ViewBoard(sights(), 4)
    board.show(0, [View(0)], 10.0)
    board.watch(0, SECONDS)
    assert not board.seen[0, :13].any()
    assert (board.seen[0, 13:] == FULL).all()


def test_a_head_shows_only_where_it_looks_and_turning_takes_time() -> None:
    board = ViewBoard(sights(), 4)
    board.show(0, [View(1, pan_deg=0.0)], 0.0)
    board.watch(0, 20)
    assert (board.seen[0, :20] == NOTHING).all()
    board.show(0, [View(1, pan_deg=90.0)], 20.0)
    board.watch(20, SECONDS)
    assert board.seen[0].argmax() == 23  # 90 degrees at 45 a second and half a second to settle
    assert board.turned_deg[0] == 90
    assert board.switches[0] == 0


def test_what_the_registry_wrongly_calls_a_head_cannot_be_turned_and_a_head_it_does_not_know_stays_at_home() -> None:
    board = ViewBoard(sights(), 4)
    board.show(0, [View(0, pan_deg=200.0), View(1)], 0.0)
    assert board.levels(5).tolist() == [[FULL, NOTHING, -1, -1]]
    assert board.turned_deg[0] == 0


@pytest.mark.parametrize(
    ("distance_m", "field_deg", "level"),
    [(29, 60, FULL), (31, 60, WEAK), (75, 60, NOTHING), (75, 12, FULL), (64, 30, FULL)],
)
def test_pixel_density_decides_what_a_view_shows(distance_m: float, field_deg: float, level: int) -> None:
    board = ViewBoard(sights(distance_m), 4)
    board.show(0, [View(1, 90.0, field_deg)], 0.0)
    assert board.levels(10)[0, 0] == level


def test_a_view_that_ends_goes_on_for_its_overlap_and_one_with_an_end_until_then() -> None:
    board = ViewBoard(sights(), 4)
    board.show(0, [View(0)], 0.0)
    board.show(0, [], 20.0, overlap_s=3.0)
    board.watch(0, 30)
    assert np.flatnonzero(board.seen[0] == FULL).tolist() == list(range(3, 23))
    board.show(0, [View(0, until_s=40.0)], 30.0)
    board.watch(30, SECONDS)
    assert np.flatnonzero(board.seen[0, 30:] == FULL).tolist() == list(range(3, 10))
    assert board.switches[0] == 1


def test_watchers_recognise_at_their_rate_and_the_same_luck_comes_with_the_same_seed() -> None:
    board = ViewBoard(sights(episodes=400), 2)
    for episode in range(400):
        board.show(episode, [View(0), View(1, pan_deg=270.0)], 0.0)
    looks, again = (Watchers(board, 0.01, 3).look(10) for _ in range(2))
    assert looks.seen.tolist() == again.seen.tolist()
    assert looks.seen[looks.camera == 0].mean() == pytest.approx(0.5, abs=0.08)
    assert looks.seen[looks.camera == 1].mean() < 0.04
    assert looks.seen.tolist() != Watchers(board, 0.01, 4).look(10).seen.tolist()


def test_the_nearest_rule_takes_the_nearest_and_turns_heads_to_the_fix() -> None:
    rule = NearestCameras(registry([50.0, 5.0, -10.0, 400.0], [FIXED, TURNING, ROUND, FIXED]), 2)
    (views,) = rule.decide(0, one_fix(), None).values()
    assert views == [View(1, 270.0, 60.0), View(2)]
    assert rule.decide(10, one_fix(), None) == {}


def test_the_zoomable_rule_takes_heads_alone_and_zooms_as_far_as_needed() -> None:
    rule = NearestCameras(registry([60.0, 5.0, -10.0], [TURNING, FIXED, TURNING]), 2, zoom=True)
    near, far = rule.views_at(0.0, 0.0)
    assert (near.camera, near.field_deg) == (2, 60.0)
    assert far.camera == 0
    assert far.field_deg == pytest.approx(2 * np.degrees(np.arctan(np.tan(np.radians(30)) * 31.3 / 60)))


def test_everything_near_is_all_within_500_m() -> None:
    rule = EverythingNear(registry([499.0, 501.0, 0.0], [FIXED, FIXED, FIXED]))
    assert {view.camera for view in rule.views_at(0.0, 0.0)} == {0, 2}


def test_the_share_counts_only_seconds_in_which_somebody_could_be_seen_and_never_exceeds_one() -> None:
    world = sights()
    board = ViewBoard(world, 4)
    board.show(0, [View(0)], 27.0)
    board.watch(0, SECONDS)
    scores = scores_of(board, world, zoom=False)
    assert scores.possible_s[0] == 60
    assert scores.seen_s[0] == 30
    assert scores.first_view_s[0] == 30
    assert scores.gaps[0] == 1
    assert scores.view_s[0] == 30


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=2, max_size=30))
def test_an_interval_holds_its_figure_or_nearly_and_stays_within_zero_and_one(pairs: list[tuple[int, int]]) -> None:
    part, whole = np.array([min(p, w) for p, w in pairs], float), np.array([w for _, w in pairs], float)
    figure = ratio(part, whole)
    assert 0 <= figure.low <= figure.high <= 1
    assert figure.value == pytest.approx(part.sum() / whole.sum())
    assert figure == ratio(part, whole)


def test_nothing_to_divide_by_is_zero() -> None:
    assert ratio(np.zeros(3), np.zeros(3)).value == 0


@pytest.mark.parametrize(("rule", "holder"), [("last-writer", 1), ("locks", 0), ("auction", 0)])
def test_people_who_share_a_head_see_what_its_holder_sees(rule: str, holder: int) -> None:
    board = SharedBoard(sights(episodes=2), 4, rule)
    board.show(0, [View(1, pan_deg=0.0, value=0.5)], 0.0)
    board.settle(0.0)
    board.show(1, [View(1, pan_deg=90.0, value=0.52)], 10.0)
    board.settle(10.0)
    assert (board.pan_deg[:, 0] == (0.0, 90.0)[holder]).all()
    board.show(0, [], 30.0)
    board.settle(30.0)
    assert board.pan_deg[1, 0] == 90.0


def test_a_much_better_bid_takes_a_head_after_its_dwell_time() -> None:
    board = SharedBoard(sights(episodes=2), 4, "auction")
    board.show(0, [View(1, pan_deg=0.0, value=0.2)], 0.0)
    board.settle(0.0)
    board.show(1, [View(1, pan_deg=90.0, value=0.9)], 10.0)
    board.settle(10.0)
    assert board.pan_deg[1, 0] == 0.0
    board.settle(20.0)
    assert (board.pan_deg[:, 0] == 90.0).all()


small = st.integers(2, 7).flatmap(
    lambda views: st.tuples(
        st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=views, max_size=views),
        st.lists(st.integers(0, 3), min_size=views, max_size=views),
    )
)


@settings(max_examples=25, deadline=None)
@given(small)
def test_greedy_is_never_above_the_exact_optimum_and_never_below_two_fifths_of_it(
    case: tuple[list[list[bool]], list[int]],
) -> None:
    pytest.importorskip("highspy", reason="the exact optimum needs highspy, which only the benchmark uses")
    problem = SmallCase(np.array(case[0]), np.array(case[1]), np.full(6, 1 / 6))
    greedy, exact = greedy_value(problem, 2), exact_value(problem, 2)
    # One view a camera makes this a matroid: greedy reaches at least half (Fisher, Nemhauser, Wolsey 1978).
    assert exact / 2 - 1e-9 <= greedy <= exact + 1e-9


def a_row(name: str, share: float, low: float | None = None) -> dict[str, object]:
    city, registry_name, interval, k, zoom, method = name.split("/")
    names = (
        "share_25",
        "first_view_delay_s",
        "gaps_per_hour",
        "switches_per_minute",
        "ptz_deg_per_minute",
        "cameras_open",
    )
    figures = {figure: [1.0, 1.0, 1.0] for figure in names}
    return {
        "name": name, "city": city, "registry": registry_name, "interval_s": int(interval), "k": int(k[1:]),
        "zoom": zoom == "zoom", "method": method, "engine_us": None,
        "figures": {**figures, "share_62": [share, share if low is None else low, share]},
    }  # fmt: skip


def test_goals_are_met_or_missed_on_each_city_and_in_the_mean() -> None:
    rows = [a_row("grid/clean/60/k4/wide/engine", 0.7), a_row("suburb/clean/60/k4/wide/engine", 0.6)]
    found = {(v.goal, v.city): v.met for v in goals.verdicts(rows, [])}
    assert found["without feedback, 60 s", "grid"] is True
    assert found["without feedback, 60 s", "suburb"] is False
    assert found["mean without feedback, 60 s", "mean"] is False
    assert found["with feedback, 60 s", "grid"] is None
    assert "**missed**" in goals.markdown(goals.verdicts(rows, []))


def test_the_small_run_breaks_when_a_cell_falls_below_its_bound_or_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "bounds.json"
    good = [a_row("grid/clean/60/k4/wide/engine", 0.7, 0.65), a_row("grid/clean/60/k4/wide/nearest", 0.5)]
    quick.write_bounds(good, "2026-01-01", path)
    assert list(json.loads(path.read_text())["share_62_at_least"]) == ["grid/clean/60/k4/wide/engine"]
    assert quick.broken_bounds(good, path) == []
    assert len(quick.broken_bounds([a_row("grid/clean/60/k4/wide/engine", 0.64)], path)) == 1
    assert "not measured" in quick.broken_bounds([], path)[0]


def test_tables_go_between_the_markers_and_nothing_else_changes(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter")
    text = tables.markdown([a_row("grid/clean/60/k4/wide/engine", 0.7)], [], {"grid": "dense grid"})
    tables.write_readme(text, readme)
    assert readme.read_text() == f"before\n{tables.BEGIN}\n{text}\n{tables.END}\nafter"
    assert "70 (70…70)" in text
    readme.write_text("no markers")
    with pytest.raises(ValueError, match="must have the lines"):
        tables.write_readme(text, readme)
