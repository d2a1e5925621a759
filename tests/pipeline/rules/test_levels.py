"""Levels of a view by pixel density."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.levels import level_at


@pytest.mark.parametrize(
    ("distance_m", "level"),
    [
        (0.0, "identify"),
        (5.82, "identify"),
        (5.84, "recognise"),
        (11.65, "recognise"),
        (11.66, "observe"),
        (23.5, "observe"),
        (23.6, "detect"),
        (58.2, "detect"),
        (58.3, "none"),
        (10_000.0, "none"),
    ],
)
def test_the_level_is_the_pixel_density_at_the_distance(distance_m: float, level: str) -> None:
    # 23.5 m is where 62 px/m are left: 250 at 5.83 m, 125 at 11.66 m, 25 at 58.28 m.
    assert level_at(distance_m, 23.5) == level


def test_a_range_that_nobody_knows_gives_no_level() -> None:
    assert level_at(1.0, float("nan")) == "none"


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.1, 1e4))
def test_a_level_never_gets_better_with_distance(one_m: float, other_m: float, range_m: float) -> None:
    order = ["identify", "recognise", "observe", "detect", "none"]
    near_m, far_m = sorted((one_m, other_m))
    assert order.index(level_at(near_m, range_m)) <= order.index(level_at(far_m, range_m))
