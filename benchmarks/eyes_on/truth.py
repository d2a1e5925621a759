"""Who really walks where: people whose ways differ from the walk that the engine's belief assumes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.eyes_on.maps import CityMap, Floats

# Episodes are numbered; these ranges never meet. Numbers of the policy are tuned on the first only.
TUNING_SEEDS = range(10_000, 20_000)
TEST_SEEDS = range(20_000, 30_000)
LEARNING_SEEDS = range(30_000, 40_000)
# Speeds of two kinds of people (share, median m/s, spread of the logarithm); the engine assumes normal(0.9, 0.25).
WALKERS = ((0.35, 0.6, 0.25), (0.65, 1.0, 0.22))
SPEED_MIN_MPS, SPEED_MAX_MPS = 0.25, 1.8
# At each crossing the pace changes by this spread.
PACE_SPREAD = 0.12
# Weights at a crossing by the angle of the turn; the engine assumes 0.55, 0.18, 0.18 and 0.09.
STRAIGHT, TURN, BACK = 0.48, 0.22, 0.04
STRAIGHT_DEG, BACK_DEG = 45.0, 150.0
# This share of people is drawn to a place (an old home) and prefers streets that lead there.
DRAWN_SHARE, DRAWN_M, DRAWN_PULL = 0.3, 900.0, 1.2
# Pauses begin at this rate; most are short, some long (log-normal). The engine assumes 1/200 and exponential 80 s.
PAUSE_PER_S, PAUSE_MEDIAN_S, PAUSE_SPREAD, PAUSE_MAX_S = 1 / 260, 35.0, 1.1, 900.0
# People keep to a side of the street that changes now and then.
ASIDE_M = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """Where the people are at each second; arrays of shape (episodes, seconds).

    Attributes:
        x_m: on the city's plane.
        y_m: the same.
        seeds: the seed of each episode, shape (episodes,).
    """

    x_m: Floats
    y_m: Floats
    seeds: NDArray[np.int64]

    @property
    def episodes(self) -> int:
        """Return how many people there are."""
        return len(self.x_m)

    @property
    def seconds(self) -> int:
        """Return how long each is followed."""
        return int(self.x_m.shape[1])


class Graph:
    """Streets at each crossing, for walking."""

    def __init__(self, city: CityMap) -> None:
        self.x_m, self.y_m = city.node_x_m, city.node_y_m
        self.next_nodes: list[list[int]] = [[] for _ in range(len(city.node_x_m))]
        for a, b in zip(city.edge_from.tolist(), city.edge_to.tolist(), strict=True):
            self.next_nodes[a].append(b)
            self.next_nodes[b].append(a)

    def inner_nodes(self) -> NDArray[np.intp]:
        """Return the crossings in the inner two thirds of the city, so that walks do not begin at its edge."""
        inner_x, inner_y = (np.abs(axis - axis.mean()) < (axis.max() - axis.min()) / 3 for axis in (self.x_m, self.y_m))
        return np.flatnonzero(inner_x & inner_y)

    def nodes_in(self, x_m: float, y_m: float, radius_m: float) -> NDArray[np.intp]:
        """Return the crossings in a circle."""
        return np.flatnonzero(np.hypot(self.x_m - x_m, self.y_m - y_m) <= radius_m)

    def bearing_deg(self, a: int, b: int) -> float:
        """Return the direction from one crossing to another, clockwise from north, -180 to 180."""
        return float(np.degrees(np.arctan2(self.x_m[b] - self.x_m[a], self.y_m[b] - self.y_m[a])))


def walks_of(city: CityMap, seeds: range, seconds: int, circle: tuple[float, float, float] | None = None) -> Walks:
    """Return one walk for each seed; with a circle (x_m, y_m, radius_m) all of them begin in it."""
    graph = Graph(city)
    homes = graph.inner_nodes() if circle is None else graph.nodes_in(*circle)
    paths = [_walk(graph, np.random.default_rng([seed, len(graph.x_m)]), seconds, homes) for seed in seeds]
    whole = np.stack(paths)
    return Walks(whole[:, 0], whole[:, 1], np.array(seeds))


def _walk(graph: Graph, rng: np.random.Generator, seconds: int, homes: NDArray[np.intp]) -> Floats:
    """Return one person's positions (2, seconds): from crossing to crossing, with pauses, beside the middle line."""
    _, median_mps, spread = WALKERS[int(rng.random() >= WALKERS[0][0])]
    speed_mps = float(np.clip(median_mps * np.exp(rng.normal(0, spread)), SPEED_MIN_MPS, SPEED_MAX_MPS))
    here = int(rng.choice(homes))
    target = _drawn_to(graph, here, rng) if rng.random() < DRAWN_SHARE else None
    ahead = int(rng.choice(graph.next_nodes[here]))
    times, places = [0.0], [(float(graph.x_m[here]), float(graph.y_m[here]), 0.0)]
    aside_m = rng.uniform(-ASIDE_M, ASIDE_M)
    while times[-1] < seconds:
        length_m = float(np.hypot(graph.x_m[ahead] - graph.x_m[here], graph.y_m[ahead] - graph.y_m[here]))
        pace_mps = float(np.clip(speed_mps * np.exp(rng.normal(0, PACE_SPREAD)), SPEED_MIN_MPS, SPEED_MAX_MPS))
        leg_s = max(length_m, 0.1) / pace_mps
        until_pause_s = rng.exponential(1 / PAUSE_PER_S)
        if until_pause_s < leg_s:
            at = until_pause_s / leg_s
            x_m = graph.x_m[here] + at * (graph.x_m[ahead] - graph.x_m[here])
            y_m = graph.y_m[here] + at * (graph.y_m[ahead] - graph.y_m[here])
            pause_s = min(PAUSE_MEDIAN_S * np.exp(rng.normal(0, PAUSE_SPREAD)), PAUSE_MAX_S)
            times += [times[-1] + until_pause_s, times[-1] + until_pause_s + pause_s]
            places += [(float(x_m), float(y_m), aside_m)] * 2
            leg_s -= until_pause_s
        if rng.random() < 0.15:
            aside_m = rng.uniform(-ASIDE_M, ASIDE_M)
        times.append(times[-1] + leg_s)
        places.append((float(graph.x_m[ahead]), float(graph.y_m[ahead]), aside_m))
        here, ahead = ahead, _turn(graph, rng, here, ahead, target)
    return _sampled(np.array(times), np.array(places), seconds)


def _sampled(times_s: Floats, places: Floats, seconds: int) -> Floats:
    """Return positions by second, moved aside at right angles to the way."""
    now = np.arange(seconds)
    x_m, y_m, aside_m = (np.interp(now, times_s, column) for column in places.T)
    leg = np.minimum(np.searchsorted(times_s, now, side="right") - 1, len(times_s) - 2)
    step = places[leg + 1, :2] - places[leg, :2]
    size = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-6)
    moving = size > 0.01
    # One who pauses stays where they came to stand.
    last = np.maximum.accumulate(np.where(moving, np.arange(len(now)), 0))
    ux, uy = (step[:, 0] / size)[last], (step[:, 1] / size)[last]
    return np.stack([x_m + uy * aside_m, y_m - ux * aside_m])


def _drawn_to(graph: Graph, near: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return a place some hundred metres from a crossing that somebody is drawn to."""
    turn = rng.uniform(0, 2 * np.pi)
    return float(graph.x_m[near] + DRAWN_M * np.cos(turn)), float(graph.y_m[near] + DRAWN_M * np.sin(turn))


def _turn(graph: Graph, rng: np.random.Generator, came_from: int, here: int, target: tuple[float, float] | None) -> int:
    """Return the crossing that one who arrives at ``here`` goes to next."""
    choices = graph.next_nodes[here]
    if len(choices) == 1:
        return choices[0]
    onward_deg = graph.bearing_deg(came_from, here)
    weights = []
    for node in choices:
        way_deg = graph.bearing_deg(here, node)
        angle_deg = abs((way_deg - onward_deg + 180) % 360 - 180)
        weight = STRAIGHT if angle_deg < STRAIGHT_DEG else TURN
        if node == came_from or angle_deg > BACK_DEG:
            weight = BACK if len(choices) > 2 else BACK / 4
        if target is not None:
            to_deg = np.degrees(np.arctan2(target[0] - graph.x_m[here], target[1] - graph.y_m[here]))
            weight *= float(np.exp(DRAWN_PULL * np.cos(np.radians(way_deg - to_deg))))
        weights.append(weight)
    share = np.cumsum(weights) / np.sum(weights)
    return choices[min(int(np.searchsorted(share, rng.random())), len(choices) - 1)]
