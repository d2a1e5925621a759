"""Silence of a tracker whose person is out: when it is told of, once, with what it rests on, and how it ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PolicyError
from pipeline.rules.policy import Policy
from pipeline.rules.policy_fields import PolicyFields
from pipeline.rules.wandering_policy import wandering_policy_from
from pipeline.wandering.findings import Fix
from pipeline.wandering.silence import Deadlines
from pipeline.wandering.watch import Watch
from schemas.codec import encode
from schemas.wandering_alert import WanderingAlert
from tests.support.policies import DEMO, policy_with
from tests.support.records import S, a_registration, at

NOON_US = int(datetime(2026, 9, 21, 12, tzinfo=ZoneInfo("Asia/Seoul")).timestamp()) * S
KEY = b"s:elder"
MINUTE = 60


class Tracker:
    """A registered person's tracker; times are seconds after noon, places metres from a home of 100 m."""

    def __init__(self, policy: Policy = DEMO, **registration: Any) -> None:
        self.policy = policy
        self.watch = Watch()
        self.watch.register(a_registration(**registration))
        self._before_us = 0

    def fix(self, second: float, east_m: float = 400.0, accuracy_m: float = 10.0) -> list[str]:
        """Return the kinds of alerts of a fix."""
        return [alert.kind for alert in self.alerts(second, east_m, accuracy_m)]

    def alerts(self, second: float, east_m: float = 400.0, accuracy_m: float = 10.0) -> list[WanderingAlert]:
        now_us, place = NOON_US + int(second * S), at(east_m)
        fix = Fix(now_us, now_us, place.lat_deg, place.lon_deg, accuracy_m, self._before_us)
        self._before_us = now_us
        return self.watch.take(KEY, fix, self.policy, exercise=False)

    def fixes(self, seconds: Sequence[float]) -> list[str]:
        return [kind for second in seconds for kind in self.fix(second)]

    def tick(self, second: float) -> list[WanderingAlert]:
        """Return who has fallen silent by a moment; then what is old is forgotten, as at every tick."""
        now_us = NOON_US + int(second * S)
        told = self.watch.fallen_silent(now_us, self.policy)
        self.watch.forget_due(now_us, self.policy)
        return told

    def restarted(self) -> None:
        rows = [encode(memory) for memory in self.watch.memories.values()]
        registered = {key: encode(one.subject) for key, one in self.watch.protections.items()}
        self.watch = Watch()
        self.watch.restore(registered, rows)


def test_who_is_out_and_not_heard_for_ten_minutes_has_fallen_silent_and_the_alert_says_why() -> None:
    tracker = Tracker(hazards=("water",))
    assert tracker.fixes([0, 60, 120]) == ["safe-zone-exit"]
    assert not tracker.tick(120 + 599)
    (alert,) = tracker.tick(120 + 605)
    assert (alert.kind, alert.hazards) == ("no-contact", ("water",))
    assert alert.why == ("no fix since 12:02, for 10 min", "usually one every 60 s", "out when last heard")
    assert alert.location == replace(at(400), accuracy_m=10.0)
    assert alert.last_seen_us == NOON_US + 120 * S
    assert (alert.observed_us, alert.ingested_us) == (NOON_US + 720 * S, NOON_US + 725 * S)
    assert alert.event_id == f"goldentime-detection/s:elder/no-contact/{NOON_US + 120 * S}"


def test_a_slow_tracker_is_waited_for_three_of_its_usual_gaps() -> None:
    tracker = Tracker()
    tracker.fixes([0, 5 * MINUTE, 10 * MINUTE, 11 * MINUTE, 16 * MINUTE])
    assert not tracker.tick(30.9 * MINUTE)
    (alert,) = tracker.tick(31 * MINUTE)
    assert alert.why[:2] == ("no fix since 12:16, for 15 min", "usually one every 5 min")


def test_the_gap_before_the_first_fix_outside_is_known_from_home() -> None:
    tracker = Tracker()
    assert not tracker.fix(0, east_m=0)
    assert tracker.fix(300) == ["safe-zone-exit"]
    assert not tracker.tick(300 + 899)
    assert [a.why[1] for a in tracker.tick(300 + 900)] == ["usually one every 5 min"]


def test_fixes_that_come_together_are_one_arrival() -> None:
    tracker = Tracker()
    tracker.fixes([minute * MINUTE + second for minute in (0, 8, 16) for second in (0, 1, 2, 3)])
    assert not tracker.tick(39 * MINUTE)
    assert tracker.tick(41 * MINUTE)


def test_one_fix_of_a_tracker_that_nobody_knows_is_not_waited_after() -> None:
    tracker = Tracker()
    assert tracker.fix(0) == ["safe-zone-exit"]
    assert not any(tracker.tick(hour * 3_600) for hour in range(1, 14))


def test_a_tracker_whose_place_would_be_forgotten_before_is_not_waited_for() -> None:
    tracker = Tracker()
    tracker.fixes([0, 30 * MINUTE, 60 * MINUTE])  # three gaps are more than memory_s
    assert not any(tracker.tick(hour * 3_600) for hour in range(2, 14))


def test_silence_at_home_or_after_one_fix_inside_is_not_told_of() -> None:
    at_home = Tracker()
    for minute in range(3):
        at_home.fix(minute * MINUTE, east_m=0)
    back = Tracker()
    back.fixes([0, 60, 120])
    back.fix(180, east_m=0)
    for tracker in (at_home, back):
        assert not tracker.tick(3 * 3_600)


def test_fixes_that_do_not_tell_whether_somebody_is_out_are_fixes_all_the_same() -> None:
    tracker = Tracker()
    tracker.fixes([0, 60])
    tracker.fix(500, east_m=0, accuracy_m=500)
    assert not tracker.tick(1_100)  # the longer of two gaps counts: 440 s
    assert tracker.tick(500 + 3 * 440)


def test_a_fix_ends_the_silence_and_the_outing_is_told_of_anew_with_its_place() -> None:
    tracker = Tracker()
    tracker.fixes([0, 60, 120])
    assert tracker.tick(900)
    assert not tracker.tick(1_500)
    exit_again, again = tracker.alerts(42 * MINUTE, east_m=900)
    assert (exit_again.kind, exit_again.location) == ("safe-zone-exit", replace(at(900), accuracy_m=10.0))
    assert (again.kind, again.why) == ("heard-again", ("a fix after 40 min of silence",))
    assert not tracker.fix(43 * MINUTE)
    assert [a.kind for a in tracker.tick(90 * MINUTE)] == ["no-contact"]  # another silence


def test_who_is_heard_again_at_home_has_returned_after_as_many_fixes_as_ever() -> None:
    tracker = Tracker()
    tracker.fixes([0, 60, 120])
    assert tracker.tick(900)
    assert tracker.fix(1_000, east_m=0) == ["heard-again"]
    assert tracker.fix(1_060, east_m=0) == ["returned"]
    assert not tracker.watch.memories


def test_a_case_that_people_ended_is_over_for_silence_until_the_next_outing() -> None:
    tracker = Tracker()
    tracker.fixes([0, 60])
    tracker.watch.forget_places(KEY, keeps_newest=False, is_settled=True)
    assert tracker.fixes([120, 180]) == []  # on the way home with whoever found them
    assert not tracker.tick(3_000)
    tracker.fix(3_060, east_m=0), tracker.fix(3_120, east_m=0)
    assert tracker.fixes([3_180, 3_240]) == ["safe-zone-exit"]
    assert tracker.tick(3_900)


def test_a_case_that_ran_out_is_told_of_the_silence_with_the_last_place() -> None:
    tracker = Tracker(detects_patterns=True)
    tracker.fixes([0, 60])
    tracker.watch.forget_places(KEY, keeps_newest=True, is_settled=False)
    assert not tracker.watch.memories[KEY].trail
    (alert,) = tracker.tick(660)
    assert alert.location is not None


def test_the_place_is_forgotten_once_the_silence_is_told() -> None:
    tracker = Tracker()
    tracker.fixes([0, 60])
    tracker.tick(660)
    assert tracker.watch.memories[KEY].newest is None
    assert "no-contact" in tracker.watch.memories[KEY].raised


def test_a_registration_that_ended_before_the_silence_was_due_is_not_told_of() -> None:
    tracker = Tracker(valid_until_us=NOON_US + 300 * S)
    tracker.fixes([0, 60])
    assert not tracker.tick(660)
    assert not tracker.watch.memories
    tracker = Tracker()
    tracker.fixes([0, 60])
    tracker.watch.end(KEY)
    assert not tracker.tick(660)


def test_a_tick_looks_only_at_who_is_due() -> None:
    deadlines = Deadlines()
    for number in range(1_000):
        deadlines.look_at(b"%d" % number, 1_000 + number)
    deadlines.look_at(b"7", 5_000)  # heard meanwhile: looked at when it was expected first, and set anew then
    assert deadlines.take(999) is None
    assert [deadlines.take(1_001) for _ in range(3)] == [(1_000, b"0"), (1_001, b"1"), None]


def test_silence_cannot_be_shorter_than_a_minute_or_longer_than_what_is_remembered() -> None:
    names = type(DEMO.wandering).__slots__
    good = {name: getattr(DEMO.wandering, name) for name in names}
    bad = {"no_contact_s": (59, 86_401, "x", 3_601), "no_contact_gaps": (1, 21)}
    for name, value in [(name, value) for name, values in bad.items() for value in values]:
        with pytest.raises(PolicyError, match=f"policy.toml \\[wandering\\]: {name} must"):
            wandering_policy_from(PolicyFields("policy.toml [wandering]", {**good, name: value}))


@given(
    st.sampled_from([1, 9, 30, 60, 300, 700, 1_199, 1_201, 3_000, 4_000, 20_000]),
    st.lists(st.floats(0.6, 1.4), min_size=2, max_size=20),
    st.booleans(),
    st.sampled_from([60.0, 600.0, 3_600.0]),
)
def test_who_is_heard_as_usual_never_falls_silent(
    gap_s: int, shares: list[float], was_home: bool, no_contact_s: float
) -> None:
    tracker = Tracker(policy_with(wandering={"no_contact_s": no_contact_s}))
    second = 0.0
    if was_home:
        tracker.fix(second, east_m=0)
    for share in shares:
        second += share * gap_s
        assert not tracker.tick(second)
        assert "heard-again" not in tracker.fix(second)


def expected_silences(seconds: Sequence[int], every_s: int, end_s: int) -> list[int]:
    """Return after which fixes of somebody who is out a silence is told of, by the words of the rule."""
    silences: list[int] = []
    arrivals: list[int] = []
    for second, following in pairwise([*seconds, end_s]):
        arrivals += [] if arrivals and second - arrivals[-1] < 10 else [second]
        gaps = sorted(b - a for a, b in pairwise(arrivals[-6:]))
        limit_s = max(600, 3 * gaps[len(gaps) // 2]) if gaps else 3_601
        next_tick_s = -(-(second + limit_s) // every_s) * every_s
        if limit_s <= 3_600 and next_tick_s < following:
            silences.append(second)
    return silences


@given(
    st.lists(st.sampled_from([1, 4, 30, 60, 61, 300, 599, 601, 700, 2_000, 4_000]), min_size=1, max_size=25),
    st.sampled_from([15, 60, 700]),
    st.sets(st.integers(0, 25), max_size=4),
)
def test_each_silence_is_told_of_exactly_once_and_ended_once_whatever_restarts(
    gaps_s: list[int], every_s: int, restarts: set[int]
) -> None:
    tracker, told, ended = Tracker(), [], 0
    seconds = [sum(gaps_s[:n]) for n in range(len(gaps_s) + 1)]
    end_s = seconds[-1] + 5_000
    for number, (second, following) in enumerate(pairwise([*seconds, end_s])):
        ended += tracker.fix(second).count("heard-again")
        if number in restarts:
            tracker.restarted()
        for tick_s in range(-(-second // every_s) * every_s, following, every_s):
            told += tracker.tick(tick_s)
    expected = expected_silences(seconds, every_s, end_s)
    assert [(alert.last_seen_us or 0) - NOON_US for alert in told] == [second * S for second in expected]
    assert ended == len([second for second in expected if second != seconds[-1]])


def test_what_is_old_is_forgotten_whoever_was_written_before_it() -> None:
    watch = Tracker().watch
    watch.register(a_registration("s:other"))
    place = at(150)
    for key, second in ((KEY, 5_000), (b"s:other", 160)):  # a unit of work takes the people round by round
        now_us = NOON_US + second * S
        fix = Fix(now_us, now_us, place.lat_deg, place.lon_deg, 10.0)
        watch.take(key, fix, DEMO, exercise=False)
    watch.forget_due(NOON_US + 5_001 * S, DEMO)
    assert list(watch.memories) == [KEY]
