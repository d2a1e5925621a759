"""Disaster areas: how much of the streets in a polygon do k cameras show, of what cameras could show?"""

from typing import Any

import numpy as np
import shapely

from benchmarks.eyes_on.baselines import NearestCameras
from benchmarks.eyes_on.cameras import registry_of
from benchmarks.eyes_on.cells import cameras_in, walls_in
from benchmarks.eyes_on.engine_cases import EngineCases
from benchmarks.eyes_on.engine_side import EngineSide, policy_for
from benchmarks.eyes_on.maps import CityMap, Floats, city_map
from benchmarks.eyes_on.scoring import Figure, ratio, scores_of
from benchmarks.eyes_on.sights import sights_of
from benchmarks.eyes_on.statics import incident
from benchmarks.eyes_on.trackers import TrackerReports
from benchmarks.eyes_on.truth import TEST_SEEDS, Walks
from benchmarks.eyes_on.views import ViewBoard
from schemas.incident import Service
from schemas.location import Area, Point
from schemas.topics import INCIDENTS, Topic

AREAS = 40
SIDE_M = (120.0, 260.0)
POINT_EVERY_M = 10.0
METHODS = ("nearest", "engine")
# A place where nobody is and no camera looks: fills up the shorter lists of points.
_NOWHERE_M = 1e5
# Views are open long before the streets are looked at.
_BEFORE_S = -100.0


class AreaCases(EngineCases):
    """The engine, told of disasters with an extent."""

    def __init__(self, side: EngineSide, city: CityMap, areas: list[Floats]) -> None:
        super().__init__(side, city)
        self._areas = areas

    def told(self, reports: TrackerReports, fix: int, now_s: int) -> list[tuple[Topic, Any]]:
        """Return the report with its polygon."""
        episode = int(reports.episode[fix])
        corners = self._areas[episode]
        lat_deg, lon_deg = (axis.tolist() for axis in self.city.plane.to_degrees(corners[:, 0], corners[:, 1]))
        polygon = tuple(Point(lat_deg=lat, lon_deg=lon) for lat, lon in zip(lat_deg, lon_deg, strict=True))
        place = self.place(float(corners[:, 0].mean()), float(corners[:, 1].mean()), 50.0)
        fields = {"service": Service.DISASTER, "kind": "flood", "urgency_native": "urgent"}
        told = incident(self.case_id_of(episode), now_s, location=place, area=Area(polygon=polygon), **fields)
        return [(INCIDENTS, told)]


def run_areas(city_name: str, method: str, cameras: int, *, count: int = AREAS) -> Figure:
    """Return the share of the areas' street points that some camera could show and one of the k does."""
    city, true = city_map(city_name), cameras_in(city_name, "clean")
    registry = registry_of(true, "clean")
    areas = [_area(city, np.random.default_rng([seed, 9])) for seed in TEST_SEEDS[9_000 : 9_000 + count]]
    points = [_street_points(city, corners) for corners in areas]
    places = np.full((count, 2, max(len(p) for p in points)), _NOWHERE_M)
    for number, some in enumerate(points):
        places[number, :, : len(some)] = some.T
    walks = Walks(places[:, 0], places[:, 1], np.arange(count))
    sights = sights_of(walks, true, walls_in(city_name))
    board = ViewBoard(sights, EngineCases.slots)
    middle = np.array([corners.mean(axis=0) for corners in areas])
    if method == "nearest":
        rule = NearestCameras(registry, cameras)
        for episode in range(count):
            board.show(episode, rule.views_at(*middle[episode].tolist()), _BEFORE_S)
    else:
        cases = AreaCases(EngineSide(city, registry, policy_for(cameras, zoom=False)), city, areas)
        zeros = np.zeros(count)
        reports = TrackerReports(
            np.arange(count), zeros.astype(np.int64), zeros, middle[:, 0], middle[:, 1], zeros + 50.0
        )
        for episode, views in cases.decide(0, reports, None).items():
            board.show(episode, views, _BEFORE_S)
    board.watch(0, sights.seconds)
    scores = scores_of(board, sights, zoom=False)
    return ratio(scores.seen_s, scores.possible_s)


def _area(city: CityMap, rng: np.random.Generator) -> Floats:
    """Return the corners of a turned rectangle somewhere in the city, shape (4, 2)."""
    width_m, height_m = rng.uniform(*SIDE_M, 2)
    turn = rng.uniform(0, np.pi)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width_m / 2, height_m / 2]
    rotated = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    node = int(rng.integers(len(city.node_x_m)))
    middle = np.array([city.node_x_m[node], city.node_y_m[node]])
    return np.asarray(rotated + middle)


def _street_points(city: CityMap, corners: Floats) -> Floats:
    """Return points on the streets within a polygon, shape (n, 2)."""
    nodes = np.column_stack([city.node_x_m, city.node_y_m])
    lines = shapely.linestrings(np.stack([nodes[city.edge_from], nodes[city.edge_to]], axis=1))
    inside = shapely.intersection(lines, shapely.Polygon(corners))
    inside = inside[shapely.length(inside) > 0]
    pieces = np.ceil(shapely.length(inside) / POINT_EVERY_M).astype(np.int64)
    each = np.repeat(np.arange(len(inside)), pieces)
    share = (np.arange(len(each)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + 0.5) / pieces[each]
    points = shapely.line_interpolate_point(inside[each], share, normalized=True)
    return np.asarray(shapely.get_coordinates(points))
