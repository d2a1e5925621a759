"""A view in the chain was granted when it was given, or it is found."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decisions import view_check
from pipeline.decisions.audit import ENGINE, AuditChain, record_of, view_record_of
from pipeline.decisions.audit_check import verify
from pipeline.decisions.view_check import TOLERANCE_US, ViewCheck
from schemas.access_audit import AccessAudit
from schemas.camera_assignment import CameraAssignment
from schemas.view_session import ViewSession
from tests.pipeline.decisions.test_audit import _camera, a_version
from tests.support.records import T0_US, S, a_refused_view, a_view

LEASE_S = 900
Told = CameraAssignment | tuple[float, ViewSession]


def version(number: int, at_s: float, cameras: str = "ab", before: str = "", **changes: Any) -> CameraAssignment:
    """Return a version of case ``i`` in force for a quarter of an hour from a moment on."""
    from_us = T0_US + int(at_s * S)
    times = {"valid_from_us": from_us, "decided_us": from_us, "valid_until_us": from_us + LEASE_S * S}
    return a_version(number, cameras, before, **{**times, "recipients": ("police:112",), **changes})


def view(at_s: float, camera_id: str = "a", **changes: Any) -> tuple[float, ViewSession]:
    """Return a link of a minute that an agency was given at a moment."""
    return at_s, a_view("i", T0_US + int(at_s * S), camera_id=camera_id, **{"agency": "police", **changes})


def chained(told: Sequence[Told], chain: AuditChain | None = None) -> list[AccessAudit]:
    chain, records = chain or AuditChain(), list[AccessAudit]()
    for what in told:
        if isinstance(what, CameraAssignment):
            records.append(record_of(what, None, ENGINE, chain))
        else:
            records.append(view_record_of(what[1], T0_US + int(what[0] * S), "demo-1", chain))
        chain = AuditChain.after(records[-1])
    return records


def checked(*told: Told, chain: AuditChain | None = None) -> ViewCheck:
    records, check = chained(told, chain), ViewCheck()
    assert not any(finding.is_fault for finding in verify(records))
    for record in records:
        check.take(record)
    return check


def kinds(check: ViewCheck) -> list[tuple[str, int]]:
    return [(finding.kind, finding.sequence) for finding in check.findings()]


def test_views_that_a_version_in_force_allows_are_counted_and_nothing_is_found() -> None:
    check = checked(version(1, 0), view(1), view(800, "b"), (1.0, a_refused_view()))
    assert (check.issued, check.refused, check.repeats, check.unjudged) == (2, 1, 0, 0)
    assert check.findings() == ()


@pytest.mark.parametrize(
    "wrong",
    [
        view(1, "z"),
        view(1, agency="fire"),
        view(LEASE_S + 120),
        view(1, until_us=T0_US + (LEASE_S + 1) * S),
        view(1, exercise=True),
        (1.0, a_view("another", agency="police", camera_id="a")),
    ],
    ids=["camera", "agency", "after the lease", "link beyond the lease", "drill", "case"],
)
def test_a_view_that_no_version_allows_is_found(wrong: tuple[float, ViewSession]) -> None:
    assert kinds(checked(version(1, 0), view(1), wrong)) == [("view-not-granted", 3)]


def test_a_view_that_had_to_be_masked_and_was_not_is_found() -> None:
    masked = version(1, 0, masking_required=True)
    assert kinds(checked(masked, view(1), view(1, masking_required=True))) == [("view-not-granted", 2)]


def test_a_refused_view_needs_no_grant() -> None:
    refused = a_refused_view("i", agency="police", camera_id="z", reason="not-assigned", version=1)
    assert kinds(checked(version(1, 0), (1.0, refused))) == []


@pytest.mark.parametrize("ends", [version(2, 100, "bc", "ab"), version(2, 100, "", "ab", status="released")])
def test_a_camera_that_was_taken_away_may_be_looked_through_a_moment_longer_for_news_takes_its_time(
    ends: CameraAssignment,
) -> None:
    late_s = 100 + TOLERANCE_US / S
    assert kinds(checked(version(1, 0), ends, view(late_s - 1))) == []
    assert kinds(checked(version(1, 0), ends, view(late_s + 1))) == [("view-not-granted", 3)]


def test_a_view_that_ends_earlier_ends_for_links_too() -> None:
    ending = replace(_camera("c"), role="ending", until_us=T0_US + 106 * S)
    after = version(2, 100, "ab")
    after = replace(after, cameras=(*after.cameras, ending))
    before = version(1, 0, "bc")
    assert kinds(checked(before, after, view(101, "c", until_us=T0_US + 106 * S))) == []
    # What the version before allowed is over, and a minute of grace with it.
    assert kinds(checked(before, after, view(200, "c"))) == [("view-not-granted", 3)]
    assert kinds(checked(after, view(101, "c", until_us=T0_US + 120 * S))) == [("view-not-granted", 2)]


def test_a_renewed_lease_goes_on_and_a_link_by_the_one_before_is_still_good() -> None:
    by_the_first = view(850, until_us=T0_US + 900 * S)
    assert kinds(checked(version(1, 0), version(2, 800, "ab", "ab"), by_the_first, view(1_500))) == []


def test_a_record_that_came_to_stand_after_its_link_was_over_is_judged_by_the_link() -> None:
    late = view(1_000, until_us=T0_US + 60 * S)
    assert kinds(checked(version(1, 0), version(2, 90, "", "ab", status="released"), late)) == []


def test_a_view_that_is_recorded_again_is_one_view_and_told_once() -> None:
    first = view(1)
    check = checked(version(1, 0), first, (5.0, first[1]), (2_000.0, first[1]))
    assert (check.issued, check.repeats, check.faults) == (1, 2, 0)
    assert kinds(check) == [("view-repeated", 3)]


def test_a_view_that_is_told_again_in_another_way_is_found() -> None:
    first, refused = view(1), a_refused_view()
    other = replace(first[1], camera_id="b")
    check = checked(version(1, 0), first, (2.0, other), (3.0, refused), (4.0, replace(refused, agency="fire")))
    assert kinds(check) == [("view-changed", 3), ("view-changed", 5)]


def test_views_older_than_what_is_known_are_not_judged() -> None:
    begun_later = AuditChain(7, "f" * 64)
    check = checked(view(1), version(3, 2), view(3), view(90_000), chain=begun_later)
    assert (check.unjudged, kinds(check)) == (1, [("view-not-granted", 11)])


def test_memory_is_bounded_and_what_was_forgotten_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_check, "VERSIONS_MAX", 3)
    monkeypatch.setattr(view_check, "WINDOW", 2)
    monkeypatch.setattr(view_check, "FINDINGS_MAX", 2)
    others = [version(1, 2_000 + n, case_id=f"other-{n}") for n in range(4)]
    check = checked(version(1, 0), *others, view(5, "z"), *(view(4_000, "z") for _ in range(3)))
    assert (check.unjudged, check.faults) == (1, 3)
    assert len(check.findings()) == 2
    assert len(check._arrived) == 3
    assert len(check._told) <= 2


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=8), st.randoms())
def test_what_the_gateway_gives_by_the_newest_version_is_never_found(deeds: list[tuple[str, bool]], rnd: Any) -> None:
    told: list[Told] = []
    held, at_s = "", 0
    for number, (cameras, is_view) in enumerate(deeds, 1):
        at_s += rnd.choice([1, 30, 400])
        after = "".join(sorted({cameras, rnd.choice("abcd")}))
        told.append(version(number, at_s, after, held))
        held = after
        if is_view:
            told.append(view(at_s + rnd.choice([0, 1, 59, 800]), rnd.choice(held)))
    assert kinds(checked(*told)) == []
