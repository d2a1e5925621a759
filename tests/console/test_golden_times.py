"""The golden time in the demonstration's summary: from the report to the first view, by kind, district and hour."""

from zoneinfo import ZoneInfo

from console.demo.screen import golden_lines
from console.golden_times import GoldenTimes, Group
from tests.console.assignments import T0_US, a_camera, an_assignment

S = 1_000_000
SEOUL = ZoneInfo("Asia/Seoul")


def test_the_first_version_with_a_camera_that_shows_it_ends_the_golden_time() -> None:
    golden = GoldenTimes(SEOUL)
    golden.saw(an_assignment(decided_us=T0_US + 1 * S, cameras=(), status="waiting"))
    golden.saw(an_assignment(version=2, decided_us=T0_US + 4 * S, cameras=(a_camera(role="corridor"),)))
    golden.saw(an_assignment(version=3, decided_us=T0_US + 9 * S))
    golden.saw(an_assignment(version=4, decided_us=T0_US + 60 * S))

    assert golden.by_kind() == [Group("robbery", 1, 9.0, 9.0)]
    assert golden.by_hour() == [Group("14 h", 1, 9.0, 9.0)]


def test_a_case_that_opens_again_counts_again_and_a_drill_never() -> None:
    golden = GoldenTimes(SEOUL)
    golden.saw(an_assignment(decided_us=T0_US + 2 * S))
    golden.saw(an_assignment(opened_us=T0_US + 900 * S, occurred_us=T0_US + 900 * S, decided_us=T0_US + 904 * S))
    golden.saw(an_assignment("police_112:2", exercise=True))

    assert golden.by_kind() == [Group("robbery", 2, 3.0, 4.0)]


def test_what_happened_hours_before_it_was_reported_counts_from_the_report() -> None:
    golden = GoldenTimes(SEOUL)
    golden.saw(an_assignment(occurred_us=T0_US - 7_200 * S, reported_us=T0_US, decided_us=T0_US + 4 * S))

    assert golden.by_kind() == [Group("robbery", 1, 4.0, 4.0)]
    assert golden.by_hour() == [Group("14 h", 1, 4.0, 4.0)]


def test_the_summary_has_a_line_each_for_kinds_districts_and_hours() -> None:
    golden = GoldenTimes(SEOUL)
    for number in range(9):
        golden.saw(an_assignment(f"c-{number}", kind=f"kind-{min(number, 7)}", decided_us=T0_US + (number + 1) * S))

    kinds, districts, hours = golden_lines(golden)

    assert kinds == ("by kind", "kind-7 8 s (2), " + ", ".join(f"kind-{n} {n + 1} s (1)" for n in range(5)) + ", ..")
    assert districts[0] == "by district"
    assert hours == ("by hour", "14 h 5 s (9)")
    assert list(golden_lines(GoldenTimes(SEOUL))) == []
