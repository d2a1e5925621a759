"""Which open cases a changed condition touches: a crowd around their cameras' view, a closed road on their units' way.

A crowd hides people where it is: it touches a case if a camera that stands in it could show the case's target. A closed
road touches a case if it lies on the way of one of its units. What is farther off cannot change what is chosen.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.belief.belief import R68_PER_SIGMA
from pipeline.cases.case import is_ended, open_reports
from pipeline.choice.scenery import Scenery
from pipeline.decisions.place import Place, place_of, routes_of
from pipeline.geo import Plane
from pipeline.rules.condition_policy import ConditionPolicy
from pipeline.rules.policy import Policy
from pipeline.rules.ranking import LAST_RANK
from pipeline.steps.state import PartitionState
from pipeline.steps.wakes import Touch
from pipeline.world.conditions import Closure, Conditions, Crowd
from pipeline.world.places import SIGMAS_MAX, STREET_M_MAX
from schemas.case_state import CaseState
from schemas.location import Location


def note_changed_conditions(state: PartitionState, scenery: Scenery, policy: Policy) -> None:
    """Wake the open cases that are touched by what has begun, changed or ended since the last tick.

    A condition that is told again and says the same has not changed. After a restart nobody knows what held before:
    then all that holds has begun. What ended meanwhile is found at a case's next report.
    """
    conditions = scenery.cameras.conditions
    before, now = state.conditions or {}, conditions.in_force(state.clock_us)
    if now is state.conditions:
        return
    state.conditions = now
    changed = Conditions.changes(before, now)
    crowds = [one for one in changed if isinstance(one, Crowd) and _matters(one, policy.conditions)]
    closures = [one for one in changed if isinstance(one, Closure)]
    if not crowds and not closures:
        return
    touched = dict.fromkeys(_crowded(state, crowds, scenery, policy), Touch.CROWD)
    for key in _cut_off(state, closures, scenery.plane):
        touched[key] = touched.get(key, Touch(0)) | Touch.WAY
    wake(state, touched, policy)


def wake(state: PartitionState, touched: Mapping[bytes, Touch], policy: Policy) -> None:
    """Let cases for which something changed wait for their turn at this tick or one of the next."""
    for key, touch in touched.items():
        case = state.cases[key]
        standing = state.outlooks.of(key, case, policy).standing
        state.wakes.note(case, touch, LAST_RANK if standing is None else standing.rank, state.clock_us)


def _matters(crowd: Crowd, policy: ConditionPolicy) -> bool:
    """Return whether a level changes anything under a city's rules."""
    return policy.factor_of(crowd.level) < 1.0 or policy.cameras_for(crowd.level) > 0


def _crowded(state: PartitionState, crowds: Sequence[Crowd], scenery: Scenery, policy: Policy) -> set[bytes]:
    """Return the cases whose target is so near to one of these crowds that a camera in it could show it."""
    cases = _with_anchor(state) if crowds else []
    if not cases:
        return set()
    plane, usable = scenery.plane, scenery.optics.usable
    reach_m = float(scenery.optics.reach_m[usable].max(initial=0.0))
    polygons = [_polygon_m(crowd.polygon, plane) for crowd in crowds]
    anchors = [anchor for _, _, anchor in cases]
    x_m, y_m = plane.to_metres(np.array([a.lat_deg for a in anchors]), np.array([a.lon_deg for a in anchors]))
    spread_m = np.array([a.accuracy_m for a in anchors]) * (SIGMAS_MAX / R68_PER_SIGMA) + STREET_M_MAX
    tree = shapely.STRtree(polygons)
    near = np.unique(tree.query(shapely.points(x_m, y_m), "dwithin", spread_m + reach_m)[0])
    found = {cases[i][0] for i in near.tolist()}
    for key, case, _ in cases:
        if key not in found and any(report.area is not None for report in open_reports(case)):
            extent = _extent_m(state, key, case, plane, policy)
            if extent is not None and len(tree.query(extent, "dwithin", STREET_M_MAX + reach_m)):
                found.add(key)
    return found


def _cut_off(state: PartitionState, closures: Sequence[Closure], plane: Plane) -> set[bytes]:
    """Return the cases on the way of whose units one of these closed roads lies."""
    cases = [item for item in _with_anchor(state) if any(r.units for r in open_reports(item[1]))] if closures else []
    if not cases:
        return set()
    tree = shapely.STRtree([closure.on(plane) for closure in closures])
    return {key for key, case, anchor in cases if len(tree.query(_ways_m(case, anchor, plane), "intersects")[0])}


def _with_anchor(state: PartitionState) -> list[tuple[bytes, CaseState, Location]]:
    """Return the open cases for whose place cameras were chosen."""
    return [
        (key, case, case.anchor) for key, case in state.cases.items() if case.anchor is not None and not is_ended(case)
    ]


def _extent_m(
    state: PartitionState, key: bytes, case: CaseState, plane: Plane, policy: Policy
) -> shapely.Geometry | None:
    """Return the area of a case on the plane; None where it has none that can be used."""
    standing = state.outlooks.of(key, case, policy).standing
    place = None if standing is None else place_of(case, standing, policy)
    return None if place is None or place.polygon is None else _polygon_m(place.polygon, plane)


def _polygon_m(polygon: shapely.Geometry, plane: Plane) -> shapely.Geometry:
    def to_metres(lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
        x_m, y_m = plane.to_metres(lon_lat[:, 1], lon_lat[:, 0])
        return np.column_stack([x_m, y_m])

    return shapely.transform(polygon, to_metres)


def _ways_m(case: CaseState, anchor: Location, plane: Plane) -> Collection[shapely.LineString]:
    """Return the ways of a case's units on the plane."""
    lines = []
    for way in routes_of(case, Place(anchor, 0, anchor.accuracy_m)):
        x_m, y_m = plane.to_metres(np.array([p.lat_deg for p in way]), np.array([p.lon_deg for p in way]))
        lines.append(shapely.LineString(np.column_stack([x_m, y_m])))
    return lines
