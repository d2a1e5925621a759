"""Scenes for tests of the choice: cameras of the brute force as columns, places, and sight lines made by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from pipeline.choice.choosing import Choices, Wishes, choose_many
from pipeline.rules.policy import SelectionPolicy, ViewPolicy
from pipeline.sight.camera_grid import CameraGrid
from pipeline.sight.optics import Optics, stable_hash
from pipeline.sight.world import World
from pipeline.world.places import Places
from tests.support.brute_force_choice import Cam, Numbers, Spot

MOTIONS = {"fixed": 0, "loose": 1, "round": 2, "turning": 3}


@dataclass
class HandMadeSightlines:
    """What ``Sightlines`` gives to read."""

    first: Any
    count: Any
    cell: Any
    bearing: Any
    distance_m: Any
    share: Any


@dataclass
class HandMadeStreets:
    """As much of ``Streets`` as the choice reads: how many cells there are."""

    cell_x_m: Any


def view_of(numbers: Numbers) -> ViewPolicy:
    return ViewPolicy(23.5, 31.3, 90.0, numbers.zooms_deg, numbers.clutter_m, numbers.clutter_m, numbers.weak, 0.0)


def selection_of(numbers: Numbers, runner_up: int = 3) -> SelectionPolicy:
    return SelectionPolicy(
        cameras_by_rank=(8, 6, 4, 4, 0),
        next_cameras=2,
        corridor_cameras=4,
        cap=16,
        min_gain=numbers.min_gain,
        held_bonus=numbers.held_bonus,
        switch_gain=0.02,
        runner_up=runner_up,
        ptz_min_gain=numbers.ptz_min_gain,
        travel_cost=numbers.travel_cost,
        aim_step_deg=numbers.step_deg,
        zoom_aim_step_deg=numbers.zoom_step_deg,
        overlap_s=3.0,
        uncertain_m=150.0,
    )


def optics_of(cams: Sequence[Cam], numbers: Numbers) -> Optics:
    """Return optics in which camera i has row i."""
    optics = Optics()
    optics.reserve(len(cams))
    optics.zoom_deg = numbers.zooms_deg
    optics.observe_m = np.zeros((len(optics.x_m), len(numbers.zooms_deg)), np.float32)
    half = np.tan(np.radians(np.array(numbers.zooms_deg)) / 2)
    for row, cam in enumerate(cams):
        optics.x_m[row], optics.y_m[row] = cam.x_m, cam.y_m
        optics.reason[row], optics.usable[row] = cam.reason, cam.reason == 0
        optics.purposes[row], optics.site[row], optics.motion[row] = cam.purposes, cam.site, MOTIONS[cam.kind]
        optics.azimuth_deg[row] = cam.azimuth_deg
        optics.field_deg[row] = numbers.zooms_deg[0] if cam.kind == "turning" else cam.field_deg
        optics.observe_m[row] = cam.observe_m[0] * half[0] / half
        optics.reach_m[row] = cam.reach_m
        optics.facing[row, : len(cam.facing_bins)], optics.facing_n[row] = cam.facing_bins, cam.facing_n
        optics.factor[row] = cam.factor
        optics.id_hash[row] = stable_hash(cam.name)
    return optics


def places_of(*cases: Sequence[Spot]) -> Places:
    """Return places on no street."""
    spots = [spot for case in cases for spot in case]
    first = np.cumsum([0, *(len(case) for case in cases)]).astype(np.int32)
    columns = (np.array([getattr(s, name) for s in spots], np.float64) for name in ("x_m", "y_m", "mass"))
    return Places(first, np.full(len(spots), -1, np.int32), *columns)


def wishes_of(count: int, cams: Sequence[Cam], held: Mapping[str, tuple[float, float]] | None = None) -> Wishes:
    """Return the wishes of one case."""
    wishes, rows = Wishes.of([count]), {cam.name: row for row, cam in enumerate(cams)}
    for k, (name, aim) in enumerate((held or {}).items()):
        wishes.held_row[0, k], wishes.held_pan_deg[0, k], wishes.held_field_deg[0, k] = rows[name], *aim
    return wishes


def chosen(
    cams: Sequence[Cam], spots: Sequence[Spot], wishes: Wishes | int, numbers: Numbers, world: World | None = None
) -> Choices:
    """Return the choice for one case."""
    optics, grid = optics_of(cams, numbers), CameraGrid()
    grid.refresh(optics, None)
    asked = wishes_of(wishes, cams) if isinstance(wishes, int) else wishes
    view, selection = view_of(numbers), selection_of(numbers)
    return choose_many(world or World.none(), optics, grid, places_of(spots), asked, view, selection)


def names(choices: Choices, cams: Sequence[Cam], case: int = 0) -> list[str]:
    return [cams[row].name for row in choices.row[case].tolist() if row >= 0]


metres = st.floats(-120, 120).map(lambda number: round(number, 2))
kinds = st.sampled_from(["fixed", "loose", "round", "turning"])
still_kinds = st.sampled_from(["fixed", "round"])


@st.composite
def cameras(draw: st.DrawFn, kind: st.SearchStrategy[str] = kinds, most: int = 8) -> list[Cam]:
    """Draw cameras, some of them on one pole."""
    poles = draw(st.lists(st.tuples(metres, metres), min_size=1, max_size=most, unique=True))
    cams = []
    for number in range(draw(st.integers(1, most))):
        site = draw(st.integers(0, len(poles) - 1))
        facing = draw(st.sampled_from([((), 0), ((10, 70), 2), ((0, 30, 60, 90), 4)]))
        cam = Cam(
            name=f"cam-{number}",
            x_m=poles[site][0],
            y_m=poles[site][1],
            kind=draw(kind),
            azimuth_deg=draw(st.integers(0, 359)),
            field_deg=draw(st.sampled_from([40.0, 90.0, 110.0])),
            observe_m=(draw(st.sampled_from([23.5, 31.3, 70.0])),),
            reach_m=draw(st.sampled_from([60.0, 150.0, 200.0])),
            site=site,
            facing_bins=facing[0],
            facing_n=facing[1],
            factor=draw(st.sampled_from([(1.0,) * 12, (0.5,) * 6 + (0.9,) * 6])),
        )
        cams.append(cam)
    return cams


@st.composite
def spots(draw: st.DrawFn, most: int = 10) -> list[Spot]:
    """Draw places whose masses add up to 1."""
    where = draw(st.lists(st.tuples(metres, metres), min_size=1, max_size=most, unique=True))
    shares = [draw(st.integers(1, 20)) for _ in where]
    return [Spot(x, y, share / sum(shares)) for (x, y), share in zip(where, shares, strict=True)]


numbers_of_policies = st.sampled_from(
    [Numbers(), Numbers(zooms_deg=(60.0, 30.0, 12.0)), Numbers(zooms_deg=(55.0, 20.0), step_deg=25.0, weak=0.2)]
)
