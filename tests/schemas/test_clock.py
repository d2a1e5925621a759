"""All processes that get the same setting tell the same time."""

import pytest

from schemas.clock import ScaledClock, SystemClock, clock_from


def test_a_scaled_clock_runs_faster_from_its_start():
    clock = ScaledClock(start_us=1_000, story_start_us=50_000, factor=20.0)
    assert clock.story_us(1_000) == 50_000
    assert clock.story_us(1_100) == 52_000


def test_a_setting_makes_the_same_clock_again():
    clock = ScaledClock(start_us=1_000, story_start_us=50_000, factor=12.5)
    assert clock_from(clock.setting()) == clock
    assert clock_from("system") == clock_from("") == SystemClock()


@pytest.mark.parametrize("setting", ["sundial", "scaled:1:2", "scaled:1:2:0", "scaled:1:2:-3", "scaled:a:b:c"])
def test_a_setting_that_is_no_clock_is_refused(setting):
    with pytest.raises(ValueError):  # noqa: PT011  # the number parser's own words serve too
        clock_from(setting)
