"""What follows from a case's state alone is worked out once, and again as soon as the state is another."""

from dataclasses import replace

from pipeline.decisions.looking import Wish
from pipeline.decisions.outlook import Outlook, Outlooks
from schemas.case_state import BarredCamera
from tests.pipeline.cases.test_case import case_after
from tests.pipeline.engine_runs import DEMO
from tests.support.records import an_incident, at

CASE = case_after(an_incident("i", location=at(5)))


class Counted:
    """Makes wishes and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def make(self) -> Wish:
        self.made += 1
        return Wish(self.made)


def test_the_same_state_has_the_same_outlook_and_another_state_another() -> None:
    outlooks = Outlooks()
    first = outlooks.of(b"c", CASE, DEMO)
    assert outlooks.of(b"c", CASE, DEMO) is first
    assert first.standing == Outlook.of(CASE, DEMO).standing is not None
    closed = replace(CASE, reports=tuple(replace(report, closed_reason="found") for report in CASE.reports))
    assert outlooks.of(b"c", closed, DEMO).standing is None


def test_another_policy_gives_another_outlook() -> None:
    outlooks = Outlooks()
    first = outlooks.of(b"c", CASE, DEMO)
    assert outlooks.of(b"c", CASE, replace(DEMO)) is not first


def test_a_forgotten_case_is_worked_out_anew() -> None:
    outlooks = Outlooks()
    first = outlooks.of(b"c", CASE, DEMO)
    outlooks.forget(b"c")
    outlooks.forget(b"never heard of")
    assert outlooks.of(b"c", CASE, DEMO) is not first


def test_what_is_wanted_is_made_anew_for_another_number_or_another_camera_table() -> None:
    outlook, wishes = Outlook.of(CASE, DEMO), Counted()
    asked = ((4, 1), (4, 1), (5, 1), (5, 2), (5, 2))
    made = [outlook.wish(count, revision, wishes.make).count for count, revision in asked]
    assert made == [1, 1, 2, 3, 3]


def test_what_is_wanted_under_a_bar_is_made_at_each_look_because_bars_end_with_time() -> None:
    barred = replace(CASE, barred=(BarredCamera(camera_id="x", reason="operator", until_us=None),))
    outlook, wishes = Outlook.of(barred, DEMO), Counted()
    assert [outlook.wish(4, 1, wishes.make).count for _ in range(2)] == [1, 2]
