"""Where a pole of uncertain place may stand: at the sides of streets, more at junctions, hardly anywhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compiled import plain
from pipeline.sight.pole_spots import ANYWHERE, ASIDE_M, SPOTS, Streetside, put_spots, reach_of_spots_m
from pipeline.world.streets import streets_from
from tests.support.little_city import PLANE, grid_lines_m, lines_deg

STREETS = streets_from(lines_deg(grid_lines_m(4)), PLANE)  # blocks of 80 m
SIDE = Streetside(*(getattr(STREETS, name) for name in Streetside._fields))
NOTHING_NEAR = np.empty(0, np.int32)


def spots_of(x_m, y_m, error_m, near=None, kernel=put_spots):
    if near is None:
        apart_m = np.hypot(STREETS.cell_x_m - x_m, STREETS.cell_y_m - y_m)
        near = np.flatnonzero(apart_m <= reach_of_spots_m(error_m) + ASIDE_M).astype(np.int32)
    arrays = [np.empty(SPOTS) for _ in range(3)]
    count = kernel(SIDE, near, x_m, y_m, error_m, *arrays)
    return tuple(a[:count] for a in arrays)


def to_street_m(x_m, y_m):
    return np.hypot(x_m[:, None] - STREETS.cell_x_m, y_m[:, None] - STREETS.cell_y_m).min(axis=1)


def test_a_pole_of_certain_place_stands_there():
    assert [a.tolist() for a in spots_of(13.0, 21.0, 0.0)] == [[13.0], [21.0], [1.0]]


def test_a_pole_registered_inside_a_block_is_looked_for_at_the_streets_around_it():
    x_m, y_m, weight = spots_of(20.0, 40.0, 23.0)  # 20 m from one street, 40 m and more from the others
    beside = to_street_m(x_m, y_m) < 9.0
    assert weight[beside].sum() > 1.0 - 2 * ANYWHERE
    assert weight @ x_m < 8.0


def test_a_pole_is_rather_at_the_junction_than_along_the_street():
    x_m, y_m, weight = spots_of(0.0, 18.0, 23.0)  # on the street, 18 m from its crossing
    towards, away = np.hypot(x_m, y_m) < 9.0, np.hypot(x_m, y_m - 36.0) < 9.0
    assert weight[towards].sum() > 2 * weight[away].sum()


def test_without_a_street_a_pole_may_stand_all_around():
    x_m, y_m, weight = spots_of(500.0, 500.0, 23.0, NOTHING_NEAR)
    assert len(x_m) == SPOTS
    assert (weight @ x_m, weight @ y_m) == pytest.approx((500.0, 500.0))
    within = weight[np.hypot(x_m - 500.0, y_m - 500.0) < 20.5].sum()
    assert within == pytest.approx(0.68, abs=0.12)


@given(st.floats(-100, 100), st.floats(-100, 100), st.floats(1, 60))
@settings(max_examples=30, deadline=None)
def test_spots_are_a_distribution_within_their_reach(x_m, y_m, error_m):
    at_x_m, at_y_m, weight = spots_of(x_m, y_m, error_m)
    assert weight.sum() == pytest.approx(1.0)
    assert (weight > 0.0).all()
    assert (np.hypot(at_x_m - x_m, at_y_m - y_m) <= reach_of_spots_m(error_m) + 1e-9).all()


@given(st.floats(-100, 100), st.floats(-100, 100), st.sampled_from((0.0, 8.0, 23.0)))
@settings(max_examples=8, deadline=None)
def test_compiled_spots_equal_plain_ones(x_m, y_m, error_m):
    compiled = [a.tolist() for a in spots_of(x_m, y_m, error_m)]
    assert [a.tolist() for a in spots_of(x_m, y_m, error_m, kernel=plain(put_spots))] == [
        pytest.approx(a, abs=1e-9) for a in compiled
    ]
