"""Vehicles on their way to a scene: how much of the drive do the cameras along it show?"""

import heapq
from typing import Any

import numpy as np

from benchmarks.eyes_on.baselines import NearestCameras
from benchmarks.eyes_on.cameras import Registry, registry_of
from benchmarks.eyes_on.cells import SEEDS, cameras_in, walls_in
from benchmarks.eyes_on.engine_cases import EngineCases
from benchmarks.eyes_on.engine_side import EngineSide, policy_for
from benchmarks.eyes_on.maps import CityMap, Floats, city_map
from benchmarks.eyes_on.scoring import Figure, ratio, scores_of
from benchmarks.eyes_on.sights import sights_of
from benchmarks.eyes_on.statics import incident
from benchmarks.eyes_on.trackers import STEP_S, TrackerReports
from benchmarks.eyes_on.truth import Graph, Walks
from benchmarks.eyes_on.views import View, ViewBoard
from schemas.camera_assignment import CameraAssignment, CameraRole
from schemas.incident import RespondingUnit
from schemas.location import Point
from schemas.topics import INCIDENTS, Topic

DRIVES, DRIVE_S = 60, 130
# The engine knows the route, not the speed.
SPEED_MPS, STARTS_S = 8.0, 10
LENGTH_M = (500.0, 900.0)
CAMERAS = 4
METHODS = ("nearest", "engine")
_FIRST_SEED = 8_000


class CorridorCases(EngineCases):
    """The engine, told of an incident with a unit on its way; only cameras along the way count."""

    def __init__(self, side: EngineSide, city: CityMap, routes: list[Floats]) -> None:
        super().__init__(side, city)
        self._routes = routes

    def told(self, reports: TrackerReports, fix: int, now_s: int) -> list[tuple[Topic, Any]]:
        """Return the report with its unit's route."""
        episode = int(reports.episode[fix])
        route = self._routes[episode]
        lat_deg, lon_deg = (axis.tolist() for axis in self.city.plane.to_degrees(route[:, 0], route[:, 1]))
        points = tuple(Point(lat_deg=lat, lon_deg=lon) for lat, lon in zip(lat_deg, lon_deg, strict=True))
        unit = RespondingUnit(
            unit_ref="unit-1", position=self.place(float(route[0, 0]), float(route[0, 1]), 10.0), route=points
        )
        place = self.place(float(route[-1, 0]), float(route[-1, 1]), 15.0)
        return [(INCIDENTS, incident(self.case_id_of(episode), now_s, location=place, units=(unit,)))]

    def views(self, assignment: CameraAssignment) -> list[View]:
        """Return the views along the way."""
        along = {c.camera_id for c in assignment.cameras if c.role in (CameraRole.CORRIDOR, CameraRole.ENDING)}
        numbers = {int(camera_id.removeprefix("cam-")) for camera_id in along}
        return [view for view in super().views(assignment) if view.camera in numbers]


def run_corridors(city_name: str, method: str, *, count: int = DRIVES, seeds: str = "test") -> Figure:
    """Return the share of the seconds in which any camera could show the vehicle and one along the way does."""
    city, true = city_map(city_name), cameras_in(city_name, "clean")
    registry = registry_of(true, "clean")
    numbers = SEEDS[seeds][_FIRST_SEED : _FIRST_SEED + count]
    routes = [_route(Graph(city), np.random.default_rng([seed, 8])) for seed in numbers]
    tracks = np.stack([_driven(route) for route in routes])
    walks = Walks(tracks[:, 0], tracks[:, 1], np.array(numbers))
    sights = sights_of(walks, true, walls_in(city_name))
    first = np.array([route[0] for route in routes])
    reports = TrackerReports(
        np.arange(count), np.zeros(count, np.int64), np.zeros(count), first[:, 0], first[:, 1], np.full(count, 10.0)
    )
    board = ViewBoard(sights, EngineCases.slots)
    if method == "nearest":
        for episode, route in enumerate(routes):
            board.show(episode, _nearest_along(registry, route), 0.0)
        board.watch(0, sights.seconds)
    else:
        cases = CorridorCases(EngineSide(city, registry, policy_for(4, zoom=False)), city, routes)
        for now_s in range(0, sights.seconds, STEP_S):
            for episode, views in cases.decide(now_s, reports, None).items():
                board.show(episode, views, now_s)
            board.watch(now_s, now_s + STEP_S)
    scores = scores_of(board, sights, zoom=False)
    return ratio(scores.seen_s, scores.possible_s)


def _nearest_along(registry: Registry, route: Floats) -> list[View]:
    """Return the nearest camera to each of four points spread over the route, none twice."""
    length_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(route, axis=0).T))])
    views: dict[int, View] = {}
    for at_m in (np.arange(CAMERAS) + 0.5) * length_m[-1] / CAMERAS:
        x_m, y_m = (float(np.interp(at_m, length_m, axis)) for axis in route.T)
        candidates = NearestCameras(registry, CAMERAS).views_at(x_m, y_m)
        new = next(view for view in candidates if view.camera not in views)
        views[new.camera] = new
    return list(views.values())


def _driven(route: Floats) -> Floats:
    """Return where the vehicle is at each second, shape (2, seconds)."""
    length_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(route, axis=0).T))])
    at_m = (np.arange(DRIVE_S) - STARTS_S).clip(0) * SPEED_MPS
    return np.stack([np.interp(at_m, length_m, axis) for axis in route.T])


def _route(graph: Graph, rng: np.random.Generator) -> Floats:
    """Return a shortest way of some hundred metres between two crossings, shape (points, 2)."""
    start = int(rng.choice(graph.inner_nodes()))
    wanted_m = rng.uniform(*LENGTH_M)
    best_m, before, queue = {start: 0.0}, {start: start}, [(0.0, start)]
    end = start
    while queue:
        so_far_m, node = heapq.heappop(queue)
        end = node
        if so_far_m >= wanted_m:
            break
        for other in graph.next_nodes[node]:
            step_m = float(np.hypot(graph.x_m[other] - graph.x_m[node], graph.y_m[other] - graph.y_m[node]))
            if so_far_m + step_m < best_m.get(other, np.inf):
                best_m[other], before[other] = so_far_m + step_m, node
                heapq.heappush(queue, (so_far_m + step_m, other))
    nodes = [end]
    while nodes[-1] != start:
        nodes.append(before[nodes[-1]])
    nodes.reverse()
    return np.column_stack([graph.x_m[nodes], graph.y_m[nodes]])
