"""One cell of the tables: a city, a registry, a fix interval, k, zoom or not, and who chooses."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from benchmarks.eyes_on.baselines import Decider, EverythingNear, NearestCameras
from benchmarks.eyes_on.cameras import TrueCameras, registry_of, true_cameras
from benchmarks.eyes_on.engine_cases import EngineCases
from benchmarks.eyes_on.engine_side import EngineSide, abilities, policy_for
from benchmarks.eyes_on.learning import group_every_s, month_of
from benchmarks.eyes_on.maps import city_map
from benchmarks.eyes_on.rays import Walls, walls_of
from benchmarks.eyes_on.scoring import EpisodeScores, Figure, figures_of, scores_of
from benchmarks.eyes_on.sights import Sights, sights_of
from benchmarks.eyes_on.trackers import STEP_S, TrackerReports, reports_of
from benchmarks.eyes_on.truth import LEARNING_SEEDS, TEST_SEEDS, TUNING_SEEDS, Walks, walks_of
from benchmarks.eyes_on.views import ViewBoard
from benchmarks.eyes_on.watchers import Watchers
from schemas.camera_knowledge import CameraKnowledge
from schemas.codec import encode

EPISODES = 200
# Of the month from which cameras are learned: the harder of the two.
MONTH_INTERVAL_S = 300
_MONTHS: dict[tuple[str, int, bool], tuple[dict[str, CameraKnowledge], float]] = {}
EPISODE_S = 900
# How often somebody is seen who is not there, per look.
FALSE_RATE = {"clean": 0.001, "known": 0.001, "no-streets": 0.001, "faulted": 0.01}
# A registry as clean as ``clean``, in a city of which the engine has no map.
NO_STREETS = "no-streets"
LEARNED = ("engine+learned", "engine+feedback+learned")
METHODS = ("nearest", "nearest-zoom", "all-500m", "engine", "engine+feedback", *LEARNED)
# 68 % error of the poles, which a city knows that has gone out and looked at some of them: sqrt(0.68) of the 28 m.
POLE_ERROR_68_M = {"clean": 0.0, "known": 0.0, "no-streets": 0.0, "faulted": 23.0}
SEEDS = {"test": TEST_SEEDS, "tuning": TUNING_SEEDS, "learning": LEARNING_SEEDS}


@dataclass(frozen=True, slots=True)
class Cell:
    """What is measured together. ``name`` is its place in the tables, e.g. ``helsinki/clean/60/k4/wide/engine``."""

    city: str
    registry: str
    interval_s: int
    count: int
    zoom: bool
    method: str

    @property
    def name(self) -> str:
        """Return the cell's name."""
        zoom = "zoom" if self.zoom else "wide"
        return f"{self.city}/{self.registry}/{self.interval_s}/k{self.count}/{zoom}/{self.method}"

    @property
    def is_possible(self) -> bool:
        """Return whether the engine that is installed can do what the cell asks."""
        needed = {method: {"sightings"} for method in ("engine+feedback", *LEARNED)}
        return needed.get(self.method, set()) <= abilities()


@dataclass(frozen=True, slots=True, eq=False)
class CellResult:
    """What a cell gave.

    Attributes:
        cell: which one.
        episodes: how many.
        figures: by name.
        scores: of each episode.
        engine_us: CPU µs of the engine per case and moment of decision; None for rules of thumb.
        cpu_s: CPU seconds of everything.
    """

    cell: Cell
    episodes: int
    figures: dict[str, Figure]
    scores: EpisodeScores
    engine_us: float | None
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Scope:
    """Which episodes: how many, how long, of which range of seeds, from which on."""

    episodes: int = EPISODES
    seconds: int = EPISODE_S
    seeds: str = "test"
    first_seed: int = 0


@cache
def walls_in(city: str) -> Walls:
    """Return the walls of a city."""
    return walls_of(city_map(city).buildings)


@cache
def cameras_in(city: str, registry: str) -> TrueCameras:
    """Return the true cameras of a city; where the registry is faulted, some are down."""
    return true_cameras(city_map(city), down=registry == "faulted")


@cache
def world_in(city: str, registry: str, scope: Scope) -> tuple[Walks, Sights]:
    """Return the walks of a city's episodes and what its cameras could show of them."""
    seeds = SEEDS[scope.seeds][scope.first_seed : scope.first_seed + scope.episodes]
    walks = walks_of(city_map(city), seeds, scope.seconds)
    return walks, sights_of(walks, cameras_in(city, registry), walls_in(city))


def play(
    decider: Decider, sights: Sights, reports: TrackerReports, watchers_seed: int, false_rate: float | None
) -> ViewBoard:
    """Let the episodes happen side by side under one decider.

    Args:
        decider: who chooses.
        sights: what could be shown.
        reports: the trackers' fixes.
        watchers_seed: luck of those who look.
        false_rate: how often they see who is not there; None if nobody's words come back.
    """
    board = ViewBoard(sights, decider.slots)
    watchers = None if false_rate is None else Watchers(board, false_rate, watchers_seed)
    for now_s in range(0, sights.seconds, STEP_S):
        looks = watchers.look(now_s) if watchers is not None and now_s else None
        for episode, views in decider.decide(now_s, reports, looks).items():
            board.show(episode, views, now_s, overlap_s=decider.overlap_s)
        board.watch(now_s, now_s + STEP_S)
    return board


def run_cell(cell: Cell, scope: Scope) -> CellResult:
    """Measure one cell."""
    walks, sights = world_in(cell.city, cell.registry, scope)
    city, true = city_map(cell.city), cameras_in(cell.city, cell.registry)
    registry = registry_of(true, cell.registry)
    reports = reports_of(walks, cell.interval_s)
    if cell.method.startswith("engine"):
        warm_up()
    began = time.process_time()
    side: EngineSide | None = None
    decider: Decider
    if cell.method == "all-500m":
        decider = EverythingNear(registry)
    elif cell.method.startswith("nearest"):
        decider = NearestCameras(registry, cell.count, zoom=cell.method == "nearest-zoom")
    else:
        policy = policy_for(cell.count, zoom=cell.zoom)
        view = replace(policy.view, pole_error_m=POLE_ERROR_68_M[cell.registry])
        with_map = cell.registry != NO_STREETS
        side = EngineSide(city, registry, replace(policy, view=view), with_map=with_map)
        start_s = 0.0
        if cell.method.endswith("learned"):
            start_s = learned_until(side, cell)
        side.cpu_s, side.steps = 0.0, 0
        decider = EngineCases(side, city, start_s=start_s)
    feedback = FALSE_RATE[cell.registry] if "feedback" in cell.method else None
    board = play(decider, sights, reports, scope.first_seed, feedback)
    scores = scores_of(board, sights, zoom=cell.zoom)
    moments = scope.episodes * (scope.seconds // STEP_S)
    return CellResult(
        cell,
        scope.episodes,
        figures_of(scores),
        scores,
        None if side is None else side.cpu_s / moments * 1e6,
        time.process_time() - began,
    )


@cache
def warm_up() -> None:
    """Let the engine's loops be compiled once in this process, so that no cell pays for it."""
    cell, scope = Cell("old-town", "clean", 60, 4, True, "engine+feedback"), Scope(2, 120, "tuning")
    walks, sights = world_in(cell.city, cell.registry, scope)
    registry = registry_of(cameras_in(cell.city, cell.registry), cell.registry)
    side = EngineSide(city_map(cell.city), registry, policy_for(cell.count, zoom=True))
    play(EngineCases(side, city_map(cell.city)), sights, reports_of(walks, cell.interval_s), 0, 0.3)


def learned_until(side: EngineSide, cell: Cell) -> float:
    """Give the engine what a month of cases teaches; return when that is over, in seconds of its time.

    A process lives through the month of a city once; its trackers report every ``MONTH_INTERVAL_S``.
    """
    known = _MONTHS.get((cell.city, cell.count, cell.zoom))
    if known is None:
        end_s = _live_through_a_month(side, cell)
        known = _MONTHS[cell.city, cell.count, cell.zoom] = (dict(side.state.desk.knowledge), end_s)
        return end_s
    keys, values = [key.encode() for key in known[0]], [encode(one) for one in known[0].values()]
    if errors := side.cameras.apply_knowledge(keys, values, 0):
        raise errors[0][1]
    return known[1]


def _live_through_a_month(side: EngineSide, cell: Cell) -> float:
    end_s = 0.0
    for number, month in enumerate(month_of(cell.city)):
        walks, sights = world_in(cell.city, cell.registry, month)
        cases = EngineCases(side, city_map(cell.city), start_s=end_s, prefix=f"before-{number}", learns=True)
        play(cases, sights, reports_of(walks, MONTH_INTERVAL_S), number, FALSE_RATE[cell.registry])
        cases.close(month.seconds)
        end_s += group_every_s(cell.city)
    return end_s


def cells_of(city: str) -> Iterator[Cell]:
    """Return all cells of a city, in the order of the tables."""
    feedback = ("engine", "engine+feedback")
    for interval_s in (60, 300):
        for method in ("nearest", "all-500m", *feedback):
            yield Cell(city, "clean", interval_s, 4, False, method)
        for method in feedback:
            yield Cell(city, "known", interval_s, 4, False, method)
        for method in ("nearest", *feedback):
            yield Cell(city, NO_STREETS, interval_s, 4, False, method)
        for method in ("nearest", *feedback):
            yield Cell(city, "clean", interval_s, 8, False, method)
        for method in ("nearest", "nearest-zoom", *feedback):
            yield Cell(city, "clean", interval_s, 4, True, method)
        for method in ("nearest", "engine", *LEARNED):
            yield Cell(city, "faulted", interval_s, 4, False, method)
