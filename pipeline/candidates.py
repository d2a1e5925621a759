"""Which cameras may be considered for a region: near enough, in service, answering, allowed by purpose."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.camera_columns import HEALTH_CODES, PURPOSE_BITS
from pipeline.camera_table import CameraTable
from pipeline.policy import SearchPolicy
from pipeline.region import Region
from schemas.camera import HealthState

# Candidates of a large area are thinned to this many, evenly by distance, so that a flood over half a city stays cheap.
CANDIDATES_MAX = 1_500
_NOT_ANSWERING = [HEALTH_CODES[s] for s in (HealthState.DOWN, HealthState.MAINTENANCE, HealthState.OBSTRUCTED)]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Usable cameras around a region.

    Attributes:
        rows: camera table rows, nearest first, ties by camera id.
        search_radius_m: how far was looked.
        excluded: how many within that distance were left out, by reason.
    """

    rows: NDArray[np.intp]
    search_radius_m: float
    excluded: dict[str, int]


def around(cameras: CameraTable, region: Region, purposes: frozenset[str], policy: SearchPolicy) -> Candidates:
    """Return the usable cameras in the first ring that holds enough sites, else in the widest."""
    result = Candidates(np.zeros(0, np.intp), 0.0, {})
    for ring_m in policy.rings_m:
        radius_m = ring_m + region.radius_m
        rows, _ = cameras.near(region.lat_deg, region.lon_deg, radius_m)
        usable, excluded = _usable(cameras, rows, purposes)
        result = Candidates(usable[:CANDIDATES_MAX], radius_m, excluded)
        if len(np.unique(cameras.site[usable])) >= policy.enough_sites:
            break
    return result


def inside(
    cameras: CameraTable, polygon: shapely.Polygon, region: Region, purposes: frozenset[str], policy: SearchPolicy
) -> Candidates:
    """Return the usable cameras within a polygon; where it holds too few, those around it."""
    rows = cameras.within(polygon)
    usable, excluded = _usable(cameras, rows, purposes)
    if len(np.unique(cameras.site[usable])) < policy.enough_sites:
        return around(cameras, region, purposes, policy)
    step = -(-len(usable) // CANDIDATES_MAX)
    return Candidates(usable[::step], region.radius_m, excluded)


def is_usable(cameras: CameraTable, rows: NDArray[np.intp], purposes: frozenset[str]) -> NDArray[np.bool_]:
    """Return which rows are in service, placed, answering and of an allowed purpose."""
    return np.asarray(
        cameras.in_service[rows] & cameras.placed[rows] & _answering(cameras, rows) & _allowed(cameras, rows, purposes)
    )


def _usable(
    cameras: CameraTable, rows: NDArray[np.intp], purposes: frozenset[str]
) -> tuple[NDArray[np.intp], dict[str, int]]:
    """Return the usable rows, and by reason how many were left out; a camera counts for the first that applies."""
    excluded: dict[str, int] = {}
    usable = np.ones(len(rows), np.bool_)
    for reason, keep in (
        ("status", cameras.in_service[rows]),
        ("position", cameras.placed[rows]),
        ("health", _answering(cameras, rows)),
        ("purpose", _allowed(cameras, rows, purposes)),
    ):
        if count := int((usable & ~keep).sum()):
            excluded[reason] = count
        usable &= keep
    return rows[usable], excluded


def _answering(cameras: CameraTable, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which cameras can be looked through; one that nothing was heard of counts as answering."""
    return ~np.isin(cameras.health[rows], _NOT_ANSWERING)


def _allowed(cameras: CameraTable, rows: NDArray[np.intp], purposes: frozenset[str]) -> NDArray[np.bool_]:
    if not purposes:
        return np.ones(len(rows), np.bool_)
    mask = sum(PURPOSE_BITS[purpose] for purpose in sorted(purposes))
    return np.asarray((cameras.purposes[rows] & np.uint16(mask)) != 0)
