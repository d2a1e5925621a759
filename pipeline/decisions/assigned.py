"""Write chosen cameras down as records of an assignment: aim, level, and the terms of why."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import shapely

from pipeline.cases.bars import barred_ids
from pipeline.choice.choosing import Picks
from pipeline.choice.scenery import Scenery
from pipeline.decisions.looking import Answer
from pipeline.decisions.place import Place
from pipeline.rules.levels import level_at
from pipeline.rules.policy import US_PER_S, Policy
from schemas.camera_assignment import Aim, AssignedCamera, CameraRole, PtzState, RunnerUp, Target
from schemas.case_state import CaseState, HeldCamera

# Where the height of a camera is unknown: the usual height of a street pole's arm in Korea is 4 to 6 m.
ASSUMED_HEIGHT_M = 5.0
_WIDEST_DEG = 60.0
_PICTURE_HEIGHT_PER_WIDTH = 9 / 16
# The terms of a choice that are told, by the names of its columns.
LOSS = "loss"
TERMS = ("gain", "p_view", "covered", "sight", "level", "clutter", "heading", "factor", "travel", "bonus")


@dataclass(frozen=True, slots=True)
class Look:
    """Cameras chosen for some places, and what for.

    Attributes:
        answer: the choice.
        rows: the chosen camera rows in the order they are listed.
        role: what they are for.
        losses: what the probability of a view would lose without each head, by row; 0 for those that are not here.
        terms: more that is told of each of its cameras.
    """

    answer: Answer
    rows: tuple[int, ...]
    role: CameraRole
    losses: Mapping[int, float]
    terms: Mapping[str, float] = field(default_factory=dict)


def assigned_cameras(
    scenery: Scenery, look: Look, case: CaseState, now_us: int, *, first_rank: int
) -> list[AssignedCamera]:
    """Return the cameras of a look as records ranked from ``first_rank`` on; what was held carries over."""
    held = {camera.camera_id: camera for camera in case.held}
    column_of = {row: column for column, row in enumerate(look.answer.rows)}
    return [
        _assigned(scenery, look, column_of[row], held, now_us, rank=rank)
        for rank, row in enumerate(look.rows, first_rank)
    ]


def _assigned(
    scenery: Scenery, look: Look, column: int, held: dict[str, HeldCamera], now_us: int, *, rank: int
) -> AssignedCamera:
    cameras, choices, at = scenery.cameras, look.answer.choices, (look.answer.at, column)
    row = int(choices.row[at])
    camera_id = cameras.camera_id(row)
    before = held.get(camera_id)
    distance_m, bearing_deg = float(choices.distance_m[at]), float(choices.bearing_deg[at])
    observe_m, filled = float(choices.observe_m[at]), bool(choices.filled[at])
    pan_deg = float(choices.pan_deg[at])
    # A head that is not worth turning is looked through as it stands.
    aim = None if math.isnan(pan_deg) else _aim(scenery, row, pan_deg, float(choices.field_deg[at]), distance_m)
    return AssignedCamera(
        camera_id=camera_id,
        site_id=cameras.site_id(row),
        owner=cameras.owner(row),
        role=CameraRole.NEXT if filled else look.role,
        rank=rank,
        distance_m=round(distance_m, 1),
        bearing_deg=round(bearing_deg, 1) % 360,
        level=level_at(distance_m, observe_m),
        p_view=round(float(choices.p_view[at]), 4),
        aim=aim,
        ptz=_ptz_state(before, aim),
        since_us=now_us if before is None else before.since_us,
        why={
            **_terms(choices, at),
            **scenery.crowd_terms(row, float(choices.factor[at])),
            **look.terms,
            "held": 0.0 if before is None else 1.0,
            "nearest": float(filled),
            "second": float(choices.second[at]),
            **({} if aim is None else {LOSS: round(look.losses.get(row, 0.0), 4)}),
        },
    )


def _ptz_state(before: HeldCamera | None, aim: Aim | None) -> str:
    """Return what is known of the head: granted before means still granted until the arbitration says otherwise."""
    if aim is None:
        return PtzState.NONE
    if before is not None and before.ptz in (PtzState.GRANTED, PtzState.SHADOW):
        return before.ptz
    return PtzState.REQUESTED


def _aim(scenery: Scenery, row: int, pan_deg: float, field_deg: float, distance_m: float) -> Aim:
    distance_m = max(distance_m, 1.0)
    half_rad, pan_rad = math.radians(field_deg / 2), math.radians(pan_deg)
    x_m = float(scenery.optics.x_m[row]) + distance_m * math.sin(pan_rad)
    y_m = float(scenery.optics.y_m[row]) + distance_m * math.cos(pan_rad)
    lat_deg, lon_deg = scenery.plane.to_degrees(x_m, y_m)
    height_m = float(scenery.cameras.height_m[row])
    width_m = 2 * distance_m * math.tan(half_rad)
    drop_m = ASSUMED_HEIGHT_M if math.isnan(height_m) else height_m
    return Aim(
        pan_deg=round(pan_deg, 1) % 360,
        tilt_deg=round(math.degrees(math.atan2(drop_m, distance_m)), 1),
        zoom=round(math.tan(math.radians(_WIDEST_DEG / 2)) / math.tan(half_rad), 2),
        lat_deg=round(float(lat_deg), 7),
        lon_deg=round(float(lon_deg), 7),
        area_width_m=round(width_m, 1),
        area_height_m=round(width_m * _PICTURE_HEIGHT_PER_WIDTH, 1),
    )


def field_of(aim: Aim) -> float:
    """Return the horizontal field of view that an aim's zoom gives, degrees."""
    return round(2 * math.degrees(math.atan(math.tan(math.radians(_WIDEST_DEG / 2)) / aim.zoom)), 1)


def ending_cameras(
    scenery: Scenery, place: Place, case: CaseState, chosen: list[AssignedCamera], *, now_us: int, overlap_s: float
) -> list[AssignedCamera]:
    """Return the held cameras that are replaced: they go on until the new views have begun (make before break).

    Those that nothing replaces, that can no longer be looked through, or whose head is somebody else's are left out.
    """
    on_list = {camera.camera_id for camera in chosen}
    if overlap_s <= 0 or not on_list - {held.camera_id for held in case.held}:
        return []
    barred = set(barred_ids(case, now_us))
    ending: list[AssignedCamera] = []
    for held in case.held:
        row = scenery.cameras.row_of(held.camera_id)
        if held.camera_id in on_list or held.role == CameraRole.ENDING or row is None:
            continue
        if scenery.optics.usable[row] and held.camera_id not in barred:
            ending.append(_ending(scenery, place, held, row, len(chosen) + len(ending)))
    until_us = now_us + int(overlap_s * US_PER_S)
    return [replace(camera, until_us=until_us) for camera in ending]


def _ending(scenery: Scenery, place: Place, held: HeldCamera, row: int, rank: int) -> AssignedCamera:
    cameras, optics = scenery.cameras, scenery.optics
    x_m, y_m = scenery.plane.to_metres(place.location.lat_deg, place.location.lon_deg)
    east_m, north_m = float(x_m) - float(optics.x_m[row]), float(y_m) - float(optics.y_m[row])
    distance_m = math.hypot(east_m, north_m)
    field_deg = held.field_deg or _WIDEST_DEG
    aim = None if held.pan_deg is None else _aim(scenery, row, held.pan_deg, field_deg, distance_m)
    return AssignedCamera(
        camera_id=held.camera_id,
        site_id=cameras.site_id(row),
        owner=cameras.owner(row),
        role=CameraRole.ENDING,
        rank=rank,
        distance_m=round(distance_m, 1),
        bearing_deg=round(math.degrees(math.atan2(east_m, north_m)) % 360, 1) % 360,
        level=level_at(distance_m, float(optics.observe_m[row, 0])),
        p_view=0.0,
        aim=aim,
        ptz=held.ptz,
        since_us=held.since_us,
        why={"held": 1.0},
    )


def target_of(place: Place, search_radius_m: float, nearest_owner: str | None, policy: Policy) -> Target:
    """Return the assignment's ``where``: the district by polygon, else the owner of the nearest camera."""
    lon_deg, lat_deg = place.location.lon_deg, place.location.lat_deg
    within = (d.name for d in policy.districts if shapely.intersects_xy(d.polygon, lon_deg, lat_deg))
    return Target(
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        accuracy_m=round(place.accuracy_m, 1),
        search_radius_m=round(search_radius_m, 1),
        heading_deg=place.heading_deg,
        speed_mps=place.speed_mps,
        district=next(within, nearest_owner),
        position_us=place.position_us,
    )


def runner_up_of(scenery: Scenery, answer: Answer, on_list: Collection[str]) -> tuple[RunnerUp, ...]:
    """Return the next best of a choice that are not on the list, best first."""
    runner, at = answer.choices.runner, answer.at
    result = []
    for column, row in enumerate(runner.row[at].tolist()):
        gain = float(runner.gain[at, column])
        if row < 0 or not gain > 0 or (camera_id := scenery.cameras.camera_id(row)) in on_list:
            continue
        distance_m = round(float(runner.distance_m[at, column]), 1)
        why = _terms(runner, (at, column))
        result.append(RunnerUp(camera_id=camera_id, distance_m=distance_m, gain=round(gain, 4), why=why))
    return tuple(result)


def _terms(picks: Picks, at: tuple[int, int]) -> dict[str, float]:
    """Return the terms of one pick's score by name; a head that stands as it stood has a range that nobody knows."""
    terms = {term: round(float(getattr(picks, term)[at]), 4) for term in TERMS}
    observe_m = float(picks.observe_m[at])
    return terms if math.isnan(observe_m) else {**terms, "observe_range_m": round(observe_m, 1)}
