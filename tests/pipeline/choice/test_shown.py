"""What one camera with one aim shows of each place."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.choice.shown import shown
from pipeline.sight.world import World
from tests.pipeline.choosing_scenes import (
    HandMadeSightlines,
    HandMadeStreets,
    cameras,
    numbers_of_policies,
    optics_of,
    spots,
    view_of,
)
from tests.support.brute_force_choice import Cam, Case, Numbers

PLAIN = Numbers()


def shown_of(cam, where, numbers=PLAIN, aim=(math.nan, math.nan), *, world=None, cells=None):
    cells = [-1] * len(where) if cells is None else cells
    x_m, y_m = [spot[0] for spot in where], [spot[1] for spot in where]
    optics = optics_of([cam], numbers)
    return shown(world or World.none(), optics, 0, *aim, cells, x_m, y_m, view_of(numbers))


@settings(deadline=None, max_examples=150)
@given(cameras(most=1), spots(), numbers_of_policies, st.floats(0, 359), st.sampled_from([60.0, 30.0, 17.0]))
def test_it_is_what_the_choice_counts_but_for_the_factor_of_weak_views(cams, where, numbers, pan, field) -> None:
    pan, field = float(np.float32(pan)), min(field, numbers.zooms_deg[0])
    p, weak = shown_of(cams[0], [(s.x_m, s.y_m) for s in where], numbers, (pan, field))
    plain = Case(cams, where, numbers, 1)
    expected = [plain.p(cams[0], spot, (pan, field)) for spot in where]
    assert p * np.where(weak, numbers.weak, 1.0) == pytest.approx(expected, abs=1e-6)
    assert not weak[p == 0].any()


def test_a_view_between_25_and_62_pixels_per_metre_is_weak() -> None:
    cam = Cam("cam", 0, 0, observe_m=(50.0,), reach_m=124.0)
    p, weak = shown_of(cam, [(0, 50), (0, 51), (0, 124), (0, 125)])
    assert weak.tolist() == [False, True, True, False]
    assert p == pytest.approx([math.exp(-0.25), math.exp(-51 / 200), math.exp(-124 / 200), 0.0])


def test_a_head_of_unknown_aim_looks_anywhere() -> None:
    cam = Cam("ptz", 0, 0, "turning")
    p, _ = shown_of(cam, [(0, 10), (10, 0)])
    assert p == pytest.approx([60 / 360 * math.exp(-0.05)] * 2)
    aimed, _ = shown_of(cam, [(0, 10), (10, 0)], aim=(361.0, 60.0))
    assert aimed == pytest.approx([math.exp(-0.05), 0.0])


def test_a_street_cell_is_shown_as_sight_lines_say() -> None:
    cam = Cam("cam", 0, 0)
    lines = HandMadeSightlines(
        first=np.array([2], np.int64),
        count=np.array([3], np.int32),
        cell=np.array([0, 5, 3, 6, 9, 3], np.int32),
        bearing=np.array([0, 0, 0, 30, 60, 0], np.uint8),
        distance_m=np.array([1, 1, 10, 20, 200, 1], np.uint8),
        share=np.array([255, 255, 255, 102, 255, 255], np.uint8),
    )
    world = World(HandMadeStreets(np.zeros(10)), None, lines)  # type: ignore[arg-type]
    cells = [6, 3, 0, 5, 9, 7, 3, -1]
    p, _ = shown_of(cam, [(0.0, 30.0)] * 8, replace(PLAIN, clutter_m=1e9), world=world, cells=cells)
    assert p == pytest.approx([0.4, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0])


def test_places_of_different_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="of one length"):
        shown_of(Cam("cam", 0, 0), [(0, 0)], cells=[-1, -1])
