"""Figures of a policy's decisions, and where two policies part: sums that can be done by hand."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.comparison import comparison
from console.replaying.differences import partings
from console.replaying.figures import by_opening, case_figures, policy_figures, seen_covered
from schemas.camera_assignment import AssignedCamera, CameraAssignment
from schemas.sighting import Sighting
from tests.console.assignments import T0_US, a_camera, an_assignment
from tests.console.test_rendering import SEOUL, _plain

S = 1_000_000


def decided(version: int, at_s: float, *cameras: AssignedCamera, **changes: Any) -> CameraAssignment:
    """Return a version of a case decided so many seconds after its report."""
    at_us = T0_US + round(at_s * S)
    added = changes.pop("added", ())
    return an_assignment(
        version=version, decided_us=at_us, valid_from_us=at_us, cameras=cameras, added=added, **changes
    )


def aimed(camera_id: str, pan_deg: float, **changes: Any) -> AssignedCamera:
    camera = a_camera(camera_id, **changes)
    assert camera.aim is not None
    return replace(camera, aim=replace(camera.aim, pan_deg=pan_deg))


def a_look(camera_id: str | None, at_s: float, result: str = "seen") -> Sighting:
    at_us = T0_US + round(at_s * S)
    return Sighting(
        event_id=f"look/{at_s}",
        source="test",
        observed_us=at_us,
        ingested_us=at_us,
        case_id="police_112:1",
        camera_id=camera_id,
        result=result,
        seen_us=at_us,
        by="operator",
    )


STORY = [
    decided(1, 0, status="waiting"),
    decided(2, 10, aimed("a", 350, p_view=0.5), added=("a",), p_view=0.5),
    decided(3, 40, aimed("a", 20, p_view=0.05), aimed("b", 90, p_view=0.02), added=("b",), p_view=0.06),
    decided(4, 70, aimed("b", 90), aimed("a", 20, role="ending", until_us=T0_US + 73 * S), p_view=None),
    decided(5, 90, status="released"),
]


def test_a_cases_figures_are_sums_over_its_versions() -> None:
    figures = case_figures(STORY, until_us=T0_US + 999 * S)
    assert figures.first_view_s == 10
    assert figures.open_s == 90
    assert figures.shown_s == 30 + 20
    assert figures.p_view_s == pytest.approx(0.5 * 30 + 0.06 * 30)
    assert figures.p_view_told_s == 60
    assert figures.cameras == {"a", "b"}
    assert figures.switches == 1
    assert figures.turned_deg == pytest.approx(30)
    assert figures.statuses == {"waiting", "active", "released"}


def test_a_case_that_is_open_at_the_end_of_the_log_counts_up_to_there() -> None:
    figures = case_figures(STORY[:2], until_us=T0_US + 25 * S)
    assert (figures.open_s, figures.shown_s) == (25, 15)


def test_a_policys_figures_are_over_all_cases() -> None:
    denied = an_assignment("x", status="denied", cameras=())
    nowhere = an_assignment("y", status="needs-location", cameras=(), decided_us=T0_US)
    figures = policy_figures(by_opening([*STORY, denied, nowhere]), [], T0_US + 90 * S)
    assert (figures.cases, figures.decisions, figures.denied, figures.needs_location) == (3, 7, 1, 1)
    assert (figures.never_viewed, figures.first_view_s) == (2, 10)
    assert figures.shown_share == pytest.approx(50 / 180)
    assert figures.mean_p_view == pytest.approx((0.5 * 30 + 0.06 * 30) / 60)
    assert figures.cameras_per_case == pytest.approx(2 / 3)
    assert figures.switches_per_min == pytest.approx(1 / 3)
    assert figures.turned_deg_per_min == pytest.approx(10)
    assert (figures.seen_covered, figures.sightings) == (None, 0)


def test_a_log_without_cases_has_no_figures_but_counts() -> None:
    figures = policy_figures({}, [], 0)
    assert (figures.cases, figures.shown_share, figures.first_view_s) == (0, None, None)


def test_a_sighting_is_covered_when_its_camera_was_on_the_list_at_that_moment() -> None:
    looks = [
        a_look("a", 5),  # before the list had it
        a_look("a", 15),
        a_look("b", 15),
        a_look("a", 72),  # its view is just ending
        a_look("a", 74),  # and has ended
        a_look("b", 95),  # after the case
        a_look("a", 15, result="looked-not-seen"),
        a_look(None, 15),
        replace(a_look("a", 15), case_id="another"),
    ]
    assert seen_covered(by_opening(STORY), looks) == [False, True, False, True, False, False, False]


def test_policies_part_where_cameras_rank_or_status_differ() -> None:
    ours = [decided(1, 0, a_camera("a")), decided(2, 30, a_camera("b")), decided(3, 60, a_camera("b"))]
    theirs = [decided(1, 0, a_camera("a")), decided(2, 40, a_camera("b")), decided(3, 50, a_camera("c"))]
    found = list(partings(by_opening(ours), by_opening(theirs)))
    told = [((p.at_us - T0_US) // S, p.ours.cameras, p.theirs.cameras) for p in found]
    assert told == [(30, ("b",), ("a",)), (50, ("b",), ("c",))]


def test_a_case_that_only_one_policy_opens_parts_from_nothing() -> None:
    (parting,) = partings(by_opening([decided(1, 0, a_camera())]), {})
    assert (parting.theirs.version, parting.theirs.status) == (0, "none")


def test_the_same_cameras_for_another_reason_at_the_same_moment_part_too() -> None:
    one, other = decided(1, 0, a_camera(), reason="moved"), decided(1, 0, a_camera(), reason="located")
    assert len(list(partings(by_opening([one]), by_opening([other])))) == 1


_VERSIONS = st.lists(
    st.tuples(st.integers(0, 100), st.sets(st.sampled_from("abc"))), max_size=6, unique_by=lambda row: row[0]
).map(
    lambda rows: [
        decided(number, at_s, *map(a_camera, sorted(ids))) for number, (at_s, ids) in enumerate(sorted(rows), 1)
    ]
)


@given(_VERSIONS, _VERSIONS)
def test_parting_is_mutual_and_nobody_parts_from_itself(
    one: list[CameraAssignment], other: list[CameraAssignment]
) -> None:
    there = list(partings(by_opening(one), by_opening(other)))
    back = list(partings(by_opening(other), by_opening(one)))
    assert [(p.at_us, p.ours, p.theirs) for p in there] == [(p.at_us, p.theirs, p.ours) for p in back]
    assert list(partings(by_opening(one), by_opening(one))) == []


@given(_VERSIONS.filter(bool))
def test_shares_lie_between_0_and_1_and_no_time_is_lost(versions: list[CameraAssignment]) -> None:
    figures = case_figures(versions, until_us=T0_US + 100 * S)
    first_s = (versions[0].decided_us - T0_US) / S
    assert figures.open_s == pytest.approx(100 - first_s)
    assert 0 <= figures.shown_s <= figures.open_s


def test_the_comparison_shows_both_policies_and_what_only_one_has() -> None:
    ours, theirs = by_opening([decided(1, 0, a_camera("a"))]), by_opening([decided(1, 0, a_camera("b"))])
    figures = [policy_figures(openings, [a_look("a", 1)], T0_US + 60 * S) for openings in (ours, theirs)]
    parted = list(partings(ours, theirs))
    text = _plain(comparison(("one", "two"), (figures[0], figures[1]), parted, time_zone=SEOUL))
    assert "sightings through a camera on the list, %" in text
    assert "100.0 of 1" in text
    assert "only here: a" in text
    assert "only here: b" in text
    assert "14:00:00" in text
