from topologies.ticks import MISSED_MAX, TickGrid

S = 1_000_000


def test_ticks_fall_on_whole_multiples_of_their_interval() -> None:
    grid = TickGrid(S)
    assert grid.take_due(7 * S + 300_000) == 7 * S
    assert grid.take_due(7 * S + 999_999) is None
    assert grid.take_due(8 * S) == 8 * S
    assert grid.next_us == 9 * S


def test_missed_ticks_are_made_in_order_and_of_too_many_only_the_newest() -> None:
    grid = TickGrid(S)
    assert grid.take_due(100 * S) == 100 * S
    late_us = (100 + MISSED_MAX) * S + 5
    made = [grid.take_due(late_us) for _ in range(MISSED_MAX)]
    assert made == [(101 + number) * S for number in range(MISSED_MAX)]
    assert grid.take_due(late_us) is None
    assert grid.take_due(late_us + (MISSED_MAX + 1) * S) == (100 + 2 * MISSED_MAX + 1) * S


def test_time_that_goes_back_brings_no_tick() -> None:
    grid = TickGrid(S)
    grid.take_due(50 * S)
    assert grid.take_due(20 * S) is None
