"""Laws of alarms by threshold: they alternate, ask for their times, and survive being stored at any reading."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit.sensors.hysteresis import LATE_US, REMEMBERED_MAX, AlarmBook, Change
from connectors.kit.sensors.table import SensorKind, fitted

SECOND_US = 1_000_000
HIGH = SensorKind(
    name="level", threshold_on=2, threshold_off=1, min_on_s=3, min_off_s=4, rearm_s=5, incident="flood"
)  # fmt: skip
readings = st.lists(st.tuples(st.integers(1, 6), st.floats(0, 3)), max_size=40)


def changes(book: AlarmBook, kind: SensorKind, steps: list[tuple[int, float]], begin_s: int = 0) -> list[object]:
    found: list[object] = []
    at_s = begin_s
    for pause_s, value in steps:
        at_s += pause_s
        found.append(book.take("s", kind, value, at_s * SECOND_US))
    return found


@settings(max_examples=100, deadline=None)
@given(readings)
def test_an_alarm_begins_before_it_ends_and_ends_before_the_next(steps: list[tuple[int, float]]) -> None:
    told = [change for change in changes(AlarmBook(), HIGH, steps) if change is not None]
    assert told == [(Change.BEGINS, Change.ENDS)[n % 2] for n in range(len(told))]


@settings(max_examples=100, deadline=None)
@given(readings)
def test_low_alarms_are_high_alarms_turned_over(steps: list[tuple[int, float]]) -> None:
    low = SensorKind(
        name="level", threshold_on=-2, threshold_off=-1, min_on_s=3, min_off_s=4, rearm_s=5, incident="drought"
    )  # fmt: skip
    turned = [(pause_s, -value) for pause_s, value in steps]
    assert changes(AlarmBook(), low, turned) == changes(AlarmBook(), HIGH, steps)


@settings(max_examples=100, deadline=None)
@given(readings, st.integers(0, 40))
def test_a_book_that_was_stored_and_restored_goes_on_as_if_it_had_not(steps: list[tuple[int, float]], cut: int) -> None:
    whole = changes(AlarmBook(), HIGH, steps)
    first, second = AlarmBook(), AlarmBook()
    kept: dict[str, Any] = {}
    first.sensors.recall({}, is_kept=True)
    before = changes(first, HIGH, steps[:cut])
    kept |= first.sensors.changed()
    second.sensors.recall(json.loads(json.dumps({n: p for n, p in kept.items() if p is not None})), is_kept=True)
    passed_s = sum(pause_s for pause_s, _ in steps[:cut])
    assert before + changes(second, HIGH, steps[cut:], passed_s) == whole


@settings(max_examples=50, deadline=None)
@given(readings)
def test_readings_that_come_again_change_nothing(steps: list[tuple[int, float]]) -> None:
    book = AlarmBook()
    changes(book, HIGH, [*steps, (1, 2.5), (3, 2.5)])
    state = [replace(known) for known in book.sensors]
    if state:
        assert book.take("s", HIGH, 0.0, state[0].last_us) is None
        assert list(book.sensors) == state


def test_a_reading_that_comes_after_the_end_of_its_alarm_begins_none() -> None:
    kind = SensorKind(name="level", threshold_on=2, threshold_off=1, incident="flood")
    book = AlarmBook()
    told = [book.take("s", kind, value, at_s * SECOND_US) for at_s, value in [(100, 2.5), (200, 0.5), (260, 0.4)]]
    assert told == [Change.BEGINS, Change.ENDS, None]

    assert book.take("s", kind, 2.5, 150 * SECOND_US) is None
    assert book.take("s", kind, 2.5, 100 * SECOND_US) is None
    assert book.take("s", kind, 2.5, 300 * SECOND_US) is Change.BEGINS


def test_a_sensor_that_is_long_at_rest_needs_no_memory() -> None:
    book = AlarmBook()
    changes(book, HIGH, [(1, 2.5), (4, 2.5), (1, 0.5), (5, 0.5)])
    assert len(book.sensors) == 1
    book.take("s", HIGH, 0.5, 2 * LATE_US)
    assert len(book.sensors) == 0


def test_no_more_sensors_are_remembered_than_there_is_room_for() -> None:
    book = AlarmBook()
    for number in range(REMEMBERED_MAX + 3):
        book.take(f"s-{number}", HIGH, 2.5, (number + 1) * SECOND_US)
    assert (len(book.sensors), book.forgotten) == (REMEMBERED_MAX, 3)
    assert "level/s-0" not in book.sensors


def test_a_topic_fits_its_pattern_level_by_level() -> None:
    assert fitted("a/{id}/+", "a/7/x") == "7"
    assert fitted("a/+", "a/7") == ""
    assert fitted("a/{id}", "b/7") is None
    assert fitted("a/{id}", "a/7/x") is None
