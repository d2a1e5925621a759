"""Cameras along the ways of responding units, as far as no road on them is closed."""

from collections.abc import Callable

from pipeline.choice.scenery import Scenery
from pipeline.decisions.assigned import Look
from pipeline.decisions.looking import Looking, LookRequest, Wish, in_driving_order
from pipeline.decisions.place import Place, routes_of
from pipeline.world.conditions import cut_at_closures
from pipeline.world.places import places_along, without_ties
from schemas.camera_assignment import CameraRole
from schemas.case_state import CaseState

# Term of a corridor camera's why: after so many metres the way is closed.
CLOSED_AFTER = "closed_after_m"


def corridor_looks(
    case: CaseState,
    place: Place,
    scenery: Scenery,
    *,
    now_us: int,
    wish: Callable[[list[Look]], Wish],
) -> Looking[list[Look]]:
    """Return cameras along the ways of the responding units, in driving order, one look a way.

    A way ends at the first closed road that it crosses: what is beyond is not reached that way.

    Args:
        case: with the units of its reports.
        place: where they go.
        scenery: what the cameras can show, and which roads are closed.
        now_us: the now of the decision.
        wish: what is wanted of a way, given the looks of those before.
    """
    closures = scenery.cameras.conditions.closures(now_us)
    result: list[Look] = []
    for route in routes_of(case, place):
        way, open_m = cut_at_closures(route, closures, scenery.plane)
        places = places_along(way, scenery.plane, scenery.streets)
        if places is None:
            continue
        answer = yield LookRequest(without_ties(places), wish(result))
        terms = {} if open_m is None else {CLOSED_AFTER: round(open_m, 1)}
        in_order = in_driving_order(scenery, places, answer)
        result.append(Look(answer, in_order, CameraRole.CORRIDOR, answer.losses, terms))
    return result


def is_other_way(case: CaseState, scenery: Scenery, looks: list[Look], room: int) -> bool:
    """Return whether other cameras are chosen along the ways than the case holds for them; ``room`` is for how many."""
    rows = [row for look in looks for row in look.rows][:room]
    held = {held.camera_id for held in case.held if held.role == CameraRole.CORRIDOR}
    return {scenery.cameras.camera_id(row) for row in rows} != held
