"""Which cameras near a target could not be chosen, whatever they show, and by which limit."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.cameras.camera_columns import purpose_mask
from pipeline.cameras.camera_table import CameraTable
from pipeline.cameras.site_index import MAX_RADIUS_M
from pipeline.cases.bars import bars_now
from pipeline.choice.scenery import Scenery
from pipeline.rules.policy import SearchPolicy
from pipeline.sight.optics import NOT_ANSWERING, NOT_PLACED, OUT_OF_SERVICE
from pipeline.world.places import Places
from schemas.camera_assignment import ExcludedCamera
from schemas.case_state import CaseState

# So many of those left out are named; the rest is counted.
NAMED_MAX = 8


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Cameras within the search radius that were left out.

    Attributes:
        counts: how many by reason; a camera counts for the first that applies.
        nearest: the nearest of them.
        search_radius_m: how far was looked.
        nearest_owner: owner of the nearest camera that may be used; None without one.
    """

    counts: dict[str, int] = field(default_factory=dict)
    nearest: tuple[ExcludedCamera, ...] = ()
    search_radius_m: float = 0.0
    nearest_owner: str | None = None


def exclusions_around(
    scenery: Scenery, places: Places, purposes: frozenset[str], case: CaseState, *, now_us: int, policy: SearchPolicy
) -> Exclusions:
    """Return what was left out in the first ring around the places that holds enough usable sites, else the widest."""
    cameras = scenery.cameras
    if cameras.plane is None or not len(places.mass):
        return Exclusions()
    x_m, y_m = float(places.mass @ places.x_m), float(places.mass @ places.y_m)
    spread_m = float(np.hypot(places.x_m - x_m, places.y_m - y_m).max())
    # What is known worse than the widest search is looked for in that: a wild guess must not stop the worker.
    widest_m = min(policy.rings_m[-1] + spread_m, MAX_RADIUS_M)
    lat_deg, lon_deg = (float(degrees) for degrees in cameras.plane.to_degrees(x_m, y_m))
    if not (-90 <= lat_deg <= 90 and -180 <= lon_deg <= 180):
        return Exclusions()
    for ring_m in policy.rings_m:
        radius_m = min(ring_m + spread_m, widest_m)
        rows, distances_m = cameras.near(lat_deg, lon_deg, radius_m)
        rules = _rules(scenery, rows, purposes, case, now_us)
        usable = np.logical_and.reduce([keep for _, keep in rules])
        if len(set(cameras.site[rows[usable]].tolist())) >= policy.enough_sites:
            break
    reasons = _first_reasons(rules, len(rows))
    names = [name for name, _ in rules]
    counts = {name: n for i, name in enumerate(names) if (n := int(np.count_nonzero(reasons == i)))}
    nearest = tuple(
        ExcludedCamera(
            camera_id=cameras.camera_id(int(rows[i])),
            distance_m=round(float(distances_m[i]), 1),
            reason=names[reasons[i]],
        )
        for i in np.flatnonzero(reasons >= 0)[:NAMED_MAX].tolist()
    )
    first = np.flatnonzero(usable)
    owner = cameras.owner(int(rows[first[0]])) if len(first) else None
    return Exclusions(counts, nearest, radius_m, owner)


Rules = tuple[tuple[str, NDArray[np.bool_]], ...]


def _rules(scenery: Scenery, rows: NDArray[np.intp], purposes: frozenset[str], case: CaseState, now_us: int) -> Rules:
    """Return by reason which of the rows it leaves in."""
    cameras, unusable = scenery.cameras, scenery.optics.reason[rows]
    barred = {bar.camera_id: bar.reason for bar in bars_now(case, now_us)}
    by_bar = {reason: [i for i, r in barred.items() if r == reason] for reason in sorted(set(barred.values()))}
    return (
        ("status", unusable != OUT_OF_SERVICE),
        ("position", unusable != NOT_PLACED),
        ("health", unusable != NOT_ANSWERING),
        ("purpose", _allowed(cameras, rows, purposes)),
        *((reason, _not_among(cameras, rows, ids)) for reason, ids in by_bar.items()),
    )


def _not_among(cameras: CameraTable, rows: NDArray[np.intp], camera_ids: list[str]) -> NDArray[np.bool_]:
    barred = [row for camera_id in camera_ids if (row := cameras.row_of(camera_id)) is not None]
    return np.asarray(~np.isin(rows, barred))


def _first_reasons(rules: Rules, rows: int) -> NDArray[np.int64]:
    """Return for each row the place of the first rule that leaves it out, -1 for none."""
    reasons = np.full(rows, -1)
    for i, (_, keep) in reversed(list(enumerate(rules))):
        reasons[~keep] = i
    return reasons


def _allowed(cameras: CameraTable, rows: NDArray[np.intp], purposes: frozenset[str]) -> NDArray[np.bool_]:
    if not purposes:
        return np.ones(len(rows), np.bool_)
    return np.asarray((cameras.purposes[rows] & np.uint16(purpose_mask(purposes))) != 0)
