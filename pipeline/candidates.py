"""Which cameras may be considered for a region: near enough, in service, answering, allowed by purpose."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.camera_columns import HEALTH_STATES, PURPOSE_BITS
from pipeline.camera_table import CameraTable
from pipeline.policy import SearchPolicy
from pipeline.region import Region
from pipeline.site_index import MAX_RADIUS_M
from schemas.camera import HealthState

# Candidates of a large area are thinned to this many, evenly by distance, so that a flood over half a city stays cheap.
CANDIDATES_MAX = 1_500
_NOT_ANSWERING = (HealthState.DOWN, HealthState.MAINTENANCE, HealthState.OBSTRUCTED)
# Which cameras can be looked through, by health code; one that nothing was heard of (-1, the last place) can.
_ANSWERS = np.array([*(state not in _NOT_ANSWERING for state in HEALTH_STATES), True])
# Reason for leaving a camera out, and which of the rows it leaves in.
Rules = tuple[tuple[str, NDArray[np.bool_]], ...]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Usable cameras around a region.

    Attributes:
        rows: camera table rows, nearest first, ties by camera id.
        search_radius_m: how far was looked.
        rules: by reason, which of the cameras looked at it leaves in.
        looked_at: how many of them lie within that distance.
    """

    rows: NDArray[np.intp]
    search_radius_m: float
    rules: Rules
    looked_at: int

    @property
    def excluded(self) -> dict[str, int]:
        """Return by reason how many were left out; a camera counts for the first that applies."""
        excluded: dict[str, int] = {}
        left_in = np.ones(self.looked_at, np.bool_)
        for reason, keep in self.rules:
            still_in = left_in & keep[: self.looked_at]
            if count := int(np.count_nonzero(left_in) - np.count_nonzero(still_in)):
                excluded[reason] = count
            left_in = still_in
        return excluded


def around(cameras: CameraTable, region: Region, purposes: frozenset[str], policy: SearchPolicy) -> Candidates:
    """Return the usable cameras in the first ring that holds enough sites, else in the widest."""
    # One search for the widest ring is cheaper than one for each; nearer rings are its beginnings.
    # What is known worse than the widest search is looked for in that: a wild guess must not stop the worker.
    widest_m = min(policy.rings_m[-1] + region.radius_m, MAX_RADIUS_M)
    rows, distances_m = cameras.near(region.lat_deg, region.lon_deg, widest_m)
    rules = _rules(cameras, rows, purposes)
    usable = _all_kept(rules)
    radius_m, found, within = widest_m, rows, len(rows)
    for ring_m in policy.rings_m:
        radius_m = min(ring_m + region.radius_m, widest_m)
        within = int(distances_m.searchsorted(radius_m, "right"))
        found = rows[:within][usable[:within]]
        if _has_enough_sites(cameras, found, policy):
            break
    return Candidates(found[:CANDIDATES_MAX], radius_m, rules, within)


def inside(
    cameras: CameraTable, polygon: shapely.Polygon, region: Region, purposes: frozenset[str], policy: SearchPolicy
) -> Candidates:
    """Return the usable cameras within a polygon; where it holds too few, those around it."""
    rows = cameras.within(polygon)
    rules = _rules(cameras, rows, purposes)
    found = rows[_all_kept(rules)]
    if not _has_enough_sites(cameras, found, policy):
        return around(cameras, region, purposes, policy)
    x_m, y_m = region.plane.to_metres(cameras.lat_deg[found], cameras.lon_deg[found])
    found = found[np.argsort(np.hypot(x_m, y_m), kind="stable")]  # ties stay in order of their ids
    step = -(-len(found) // CANDIDATES_MAX)
    return Candidates(found[::step], region.radius_m, rules, len(rows))


def is_usable(cameras: CameraTable, rows: NDArray[np.intp], purposes: frozenset[str]) -> NDArray[np.bool_]:
    """Return which rows are in service, placed, answering and of an allowed purpose."""
    return _all_kept(_rules(cameras, rows, purposes))


def _rules(cameras: CameraTable, rows: NDArray[np.intp], purposes: frozenset[str]) -> Rules:
    """Return by reason which of the rows it leaves in."""
    return (
        ("status", cameras.in_service[rows]),
        ("position", cameras.placed[rows]),
        ("health", _ANSWERS[cameras.health[rows]]),
        ("purpose", _allowed(cameras, rows, purposes)),
    )


def _all_kept(rules: Rules) -> NDArray[np.bool_]:
    (_, in_service), (_, placed), (_, answering), (_, allowed) = rules
    return np.asarray(in_service & placed & answering & allowed)


def _has_enough_sites(cameras: CameraTable, rows: NDArray[np.intp], policy: SearchPolicy) -> bool:
    return len(set(cameras.site[rows].tolist())) >= policy.enough_sites


def _allowed(cameras: CameraTable, rows: NDArray[np.intp], purposes: frozenset[str]) -> NDArray[np.bool_]:
    if not purposes:
        return np.ones(len(rows), np.bool_)
    mask = sum(PURPOSE_BITS[purpose] for purpose in sorted(purposes))
    return np.asarray((cameras.purposes[rows] & np.uint16(mask)) != 0)
