import pytest

from console.demo.figures import Figures, quantile
from schemas.camera_assignment import InputRef
from schemas.dead_letter import DeadLetter
from tests.console.assignments import T0_US, a_camera, an_assignment

MS = 1_000


def test_measures_from_the_connectors_stamp_in_real_milliseconds() -> None:
    figures = Figures(factor=60)
    figures.saw_input("incidents", 3, 7, T0_US)
    # 40 real milliseconds are 2.4 seconds of a story that runs 60 times as fast.
    figures.saw_decision(an_assignment(), T0_US + 2_400 * MS)
    assert figures.latencies_ms(first_only=False) == pytest.approx([40.0])


def test_a_decision_that_arrives_before_its_report_is_seen_counts_all_the_same() -> None:
    figures = Figures(factor=1)
    figures.saw_decision(an_assignment(), T0_US + 5 * MS)
    figures.saw_input("incidents", 3, 7, T0_US)
    assert figures.latencies_ms(first_only=True) == pytest.approx([5.0])


def test_what_time_alone_caused_has_no_latency() -> None:
    figures = Figures(factor=1)
    figures.saw_input("incidents", 3, 7, T0_US)
    by_time = (InputRef(topic="tick", partition=3, offset=T0_US), InputRef(topic="incidents", partition=3, offset=7))
    figures.saw_decision(an_assignment(version=2, sources=by_time), T0_US + 900_000 * MS)
    assert figures.latencies_ms(first_only=False) == []
    assert figures.decisions == 1


def test_later_versions_are_not_first_views() -> None:
    figures = Figures(factor=1)
    figures.saw_input("incidents", 3, 7, T0_US)
    figures.saw_decision(an_assignment(version=2), T0_US + MS)
    assert figures.latencies_ms(first_only=True) == []
    assert len(figures.latencies_ms(first_only=False)) == 1


def test_counts_cases_views_hand_overs_and_dead_letters() -> None:
    figures = Figures(factor=1)
    figures.saw_decision(an_assignment(), T0_US)
    handed = an_assignment(version=2, cameras=(a_camera("cam-2"),), released=("cam-1",))
    figures.saw_decision(handed, T0_US)
    figures.saw_decision(an_assignment("police_112:2", status="denied", reason="not-urgent", cameras=()), T0_US)
    letter = DeadLetter(
        source="police_112",
        origin_topic="incidents",
        origin_partition=-1,
        origin_offset=1,
        payload=b"",
        reason="not-a-call",
        message="",
        failed_us=T0_US,
    )
    figures.saw_dead_letter(letter)
    assert figures.statuses == {"police_112:1": "active", "police_112:2": "denied"}
    assert figures.viewed == {"police_112:1"}
    assert (figures.decisions, figures.handovers) == (3, 1)
    assert figures.dead_letters == {("incidents", "not-a-call"): 1}


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1, 100), (0.001, 1)])
def test_quantiles_are_values_that_occurred(share: float, expected: int) -> None:
    assert quantile(range(1, 101), share) == expected


def test_there_is_no_quantile_of_nothing() -> None:
    assert quantile([], 0.5) is None
