"""Incidents that stand still: does one of the four cameras show the place although the report is off?"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.eyes_on.baselines import Decider, NearestCameras
from benchmarks.eyes_on.cameras import registry_of
from benchmarks.eyes_on.cells import SEEDS, cameras_in, walls_in
from benchmarks.eyes_on.engine_cases import EngineCases
from benchmarks.eyes_on.engine_side import T0_US, EngineSide, policy_for
from benchmarks.eyes_on.maps import city_map
from benchmarks.eyes_on.scoring import Figure, ratio
from benchmarks.eyes_on.sights import sights_of
from benchmarks.eyes_on.trackers import R68_PER_SIGMA, TrackerReports
from benchmarks.eyes_on.truth import Walks, walks_of
from benchmarks.eyes_on.views import FULL, ViewBoard
from schemas.incident import Incident, IncidentStatus, Service
from schemas.topics import INCIDENTS, Topic

INCIDENTS_COUNT = 1_000
# Standard deviation of a report's place to the east and to the north; it states 1.51 times that as its 68 % radius.
ERRORS_M = (25.0, 150.0)
METHODS = ("nearest", "nearest-zoom", "engine")
# When it is judged: streams are open and heads have turned.
JUDGED_S = 9
_FIRST_SEED = 6_000


@dataclass(frozen=True, slots=True)
class StaticFigures:
    """Shares of the incidents that any camera could show.

    Attributes:
        one: at least one assigned camera shows it at 62 px/m.
        two: at least two do, of those that two could.
    """

    one: Figure
    two: Figure


class IncidentCases(EngineCases):
    """The engine, told of incidents instead of walking people."""

    def told(self, reports: TrackerReports, fix: int, now_s: int) -> list[tuple[Topic, Any]]:
        """Return the report of an incident."""
        case_id = self.case_id_of(int(reports.episode[fix]))
        place = self.place(float(reports.x_m[fix]), float(reports.y_m[fix]), float(reports.radius_m[fix]))
        return [(INCIDENTS, incident(case_id, now_s, location=place))]


def incident(case_id: str, now_s: float, **fields: Any) -> Incident:
    """Return the report of an ambulance call, or of what the fields say."""
    now_us = T0_US + int(now_s * 1e6)
    what: dict[str, Any] = {"service": Service.FIRE, "kind": "ems"}
    return Incident(
        event_id=f"eyes-on:incident:{case_id}",
        source="eyes-on",
        observed_us=now_us,
        ingested_us=now_us,
        case_id=case_id,
        incident_id=case_id,
        status=IncidentStatus.REPORTED,
        occurred_us=now_us,
        **{**what, **fields},
    )


def run_statics(
    city_name: str, error_m: float, method: str, *, zoom: bool, count: int = INCIDENTS_COUNT, seeds: str = "test"
) -> StaticFigures:
    """Return how many incidents the four cameras show.

    Args:
        city_name: the city.
        error_m: standard deviation of the report's place, as in ``ERRORS_M``.
        method: one of ``METHODS``.
        zoom: whether heads may zoom.
        count: how many incidents.
        seeds: which range of seeds.
    """
    city, true = city_map(city_name), cameras_in(city_name, "clean")
    registry = registry_of(true, "clean")
    spots = walks_of(city, SEEDS[seeds][_FIRST_SEED : _FIRST_SEED + count], 600)
    still = np.repeat(spots.x_m[:, -1:], JUDGED_S + 1, axis=1), np.repeat(spots.y_m[:, -1:], JUDGED_S + 1, axis=1)
    walks = Walks(*still, spots.seeds)
    sights = sights_of(walks, true, walls_in(city_name))
    decider: Decider
    if method == "engine":
        decider = IncidentCases(EngineSide(city, registry, policy_for(4, zoom=zoom)), city)
    else:
        decider = NearestCameras(registry, 4, zoom=method == "nearest-zoom")
    board = ViewBoard(sights, decider.slots)
    for episode, views in decider.decide(0, _reports(walks, error_m), None).items():
        board.show(episode, views, 0.0)
    shown = (board.levels(JUDGED_S) == FULL).sum(axis=1)
    could = sights.count_at(JUDGED_S, zoom=zoom)
    one = ratio(((could >= 1) & (shown >= 1)).astype(np.float64), (could >= 1).astype(np.float64))
    two = ratio(((could >= 2) & (shown >= 2)).astype(np.float64), (could >= 2).astype(np.float64))
    return StaticFigures(one, two)


def _reports(walks: Walks, error_m: float) -> TrackerReports:
    count = walks.episodes
    off = np.random.default_rng([int(walks.seeds[0]), 6]).normal(0, error_m, (2, count))
    return TrackerReports(
        np.arange(count),
        np.zeros(count, np.int64),
        np.zeros(count),
        walks.x_m[:, 0] + off[0],
        walks.y_m[:, 0] + off[1],
        np.full(count, error_m * R68_PER_SIGMA),
    )
