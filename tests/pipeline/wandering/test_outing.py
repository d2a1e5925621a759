"""What one fix after the other makes of an outing: exits, nights, returns, each with its reasons."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.errors import RuleBrokenError
from pipeline.wandering.findings import Finding, Fix
from pipeline.wandering.outing import after_fix
from pipeline.wandering.protection import check_registration, protection_of
from schemas.location import Point
from schemas.protected_subject import SafeZone
from schemas.wandering_state import WanderingState
from tests.support.policies import DEMO, policy_with
from tests.support.records import LAT_DEG, LON_DEG, S, a_registration, at

NOON_US = int(datetime(2026, 9, 21, 12, tzinfo=ZoneInfo("Asia/Seoul")).timestamp()) * S
NIGHT = {"quiet_from_min": 22 * 60, "quiet_until_min": 6 * 60}


class Outing:
    """A person whose fixes come once a minute; places are metres from home, whose zone has 100 m."""

    def __init__(self, policy: Any = DEMO, **registration: Any) -> None:
        self.protection = protection_of(a_registration(**registration))
        self.policy = policy
        self.memory: WanderingState | None = None

    def fix(self, east_m: float, north_m: float = 0.0, *, minute: float = 0.0, accuracy_m: float = 10.0) -> list[str]:
        """Return the kinds of alerts of a fix so many minutes after noon."""
        return [finding.kind.value for finding in self.findings(east_m, north_m, minute, accuracy_m)]

    def findings(
        self, east_m: float, north_m: float = 0.0, minute: float = 0.0, accuracy_m: float = 10.0
    ) -> tuple[Finding, ...]:
        place, moment_us = at(east_m, north_m), NOON_US + int(minute * 60 * S)
        fix = Fix(moment_us, moment_us, place.lat_deg, place.lon_deg, accuracy_m)
        self.memory, findings = after_fix(self.memory, self.protection, fix, self.policy)
        return findings


def test_two_fixes_outside_by_more_than_their_error_are_an_exit_and_it_is_told_once() -> None:
    outing = Outing()
    assert outing.fix(150, minute=0) == []
    (finding,) = outing.findings(180, minute=1)
    assert finding.kind == "safe-zone-exit"
    assert finding.why == ("outside zone home by 80 m ± 10 m", "2 fixes in a row")
    assert [outing.fix(200 + i, minute=2 + i) for i in range(5)] == [[]] * 5


def test_one_fix_far_outside_is_enough() -> None:
    (finding,) = Outing().findings(100 + 10 + 155)
    assert finding.why == ("outside zone home by 165 m ± 10 m", "one fix clear by 150 m")


def test_fixes_outside_by_less_than_their_error_tell_nothing_and_remember_nothing() -> None:
    outing = Outing()
    for minute in range(5):
        assert outing.fix(130, minute=minute, accuracy_m=40) == []
    assert outing.memory is None


def test_a_fix_that_does_not_tell_lies_between_two_that_do_and_changes_nothing() -> None:
    outing = Outing()
    assert outing.fix(150, minute=0) == []
    assert outing.fix(130, minute=1, accuracy_m=40) == []
    assert outing.fix(150, minute=2) == ["safe-zone-exit"]


def test_a_fix_inside_between_two_outside_begins_the_count_anew() -> None:
    outing = Outing()
    for minute, east_m in enumerate([150, 20, 150, 20, 150]):
        assert outing.fix(east_m, minute=minute) == []


def test_a_return_is_two_exact_fixes_inside_and_then_the_next_outing_is_told_again() -> None:
    outing = Outing()
    outing.fix(150, minute=0), outing.fix(150, minute=1)
    assert outing.fix(0, minute=2, accuracy_m=500) == []  # a cell of the phone network: could be anywhere
    assert outing.fix(0, minute=3) == []
    (finding,) = outing.findings(10, minute=4)
    assert finding == Finding("returned", ("inside zone home ± 10 m", "2 fixes in a row"))  # type: ignore[arg-type]
    assert outing.memory is None
    assert [outing.fix(150, minute=5), outing.fix(150, minute=6)] == [[], ["safe-zone-exit"]]


def test_at_night_an_outing_has_a_kind_of_its_own_and_says_when_the_rest_is() -> None:
    outing = Outing(**NIGHT)
    (finding,) = outing.findings(400, minute=11 * 60)
    assert finding.kind == "night-outing"
    assert finding.why[-1] == "in the night rest 22:00 to 06:00"
    assert outing.fix(420, minute=19 * 60) == []  # still out in the morning: known already


def test_who_is_out_when_the_rest_begins_is_told_of_again() -> None:
    outing = Outing(policy_with(wandering={"memory_s": 86_400.0}), **NIGHT)
    assert outing.fix(400, minute=9 * 60 + 59) == ["safe-zone-exit"]
    assert outing.fix(400, minute=10 * 60) == ["night-outing"]
    assert outing.fix(400, minute=10 * 60 + 1) == []


@pytest.mark.parametrize(("minute", "kind"), [(59, "safe-zone-exit"), (60, "night-outing"), (120, "safe-zone-exit")])
def test_a_rest_within_a_day_ends_before_its_last_minute(minute: int, kind: str) -> None:
    assert Outing(quiet_from_min=13 * 60, quiet_until_min=14 * 60).fix(400, minute=minute) == [kind]


def test_the_rest_is_in_the_citys_time() -> None:
    outing = Outing(replace(DEMO, time_zone=ZoneInfo("America/New_York")), **NIGHT)
    assert outing.fix(400) == ["night-outing"]  # noon in Seoul is 23:00 there


def test_any_zone_will_do_also_a_polygon() -> None:
    corners = [(300, -50), (400, -50), (400, 50), (300, 50)]
    points = tuple(Point(lat_deg=at(*c).lat_deg, lon_deg=at(*c).lon_deg) for c in corners)
    centre = Point(lat_deg=at(350, 0).lat_deg, lon_deg=at(350, 0).lon_deg)
    home = a_registration().safe_zones[0]
    outing = Outing(safe_zones=(home, SafeZone(zone_ref="day-centre", centre=centre, polygon=points)))
    assert outing.fix(390, 40) == []
    assert outing.memory is None
    (finding,) = outing.findings(650, 0, minute=1)
    assert finding.why[0] == "outside zone day-centre by 250 m ± 10 m"


def test_without_a_zone_nobody_leaves_one() -> None:
    outing = Outing(safe_zones=(), **NIGHT)
    assert [outing.fix(5_000, minute=m) for m in range(3)] == [[], [], []]
    assert outing.memory is None


def test_an_outing_that_was_told_is_remembered_without_its_way_when_nothing_is_heard() -> None:
    outing = Outing(detects_patterns=True)
    outing.fix(150, minute=0), outing.fix(180, minute=1)
    assert outing.memory is not None
    assert outing.memory.trail
    assert outing.fix(185, minute=120) == []
    assert outing.memory is not None
    assert len(outing.memory.trail) == 1  # what was before is gone
    assert outing.fix(185, minute=120 + 13 * 60) == []  # beyond the longest case it is another outing
    assert outing.fix(185, minute=121 + 13 * 60) == ["safe-zone-exit"]


def walk(outing: Outing, places: list[tuple[float, float]], start: float = 0.0, every: float = 0.5) -> list[list[str]]:
    """Return the alerts of fixes at places, one every so many minutes."""
    return [outing.fix(x, y, minute=start + i * every) for i, (x, y) in enumerate(places)]


def there_and_back(times: int) -> list[tuple[float, float]]:
    line = [(1_000.0 + 25 * i, 3.0 * (i % 2)) for i in range(5)]
    return [place for i in range(times) for place in (line if i % 2 == 0 else line[::-1])]


def rounds(times: float) -> list[tuple[float, float]]:
    block = [(1_000, 0), (1_025, 0), (1_050, 0), (1_050, 25), (1_050, 50), (1_025, 50), (1_000, 50), (1_000, 25)]
    return [block[i % 8] for i in range(int(8 * times) + 1)]


def test_there_and_back_again_and_again_is_pacing_but_only_with_consent() -> None:
    (told,) = [f for f in walk(Outing(safe_zones=(), detects_patterns=True), there_and_back(6)) if f]
    assert told == ["wandering-pattern"]
    assert not any(walk(Outing(safe_zones=()), there_and_back(6)))


def test_a_pattern_says_what_it_rests_on() -> None:
    outing = Outing(safe_zones=(), detects_patterns=True)
    found = [f for i, p in enumerate(there_and_back(6)) for f in outing.findings(*p, i * 0.5)]
    assert [f.why for f in found] == [("pacing: 4 turns back, 40 m apart or more, in 10 min",)]
    outing = Outing(safe_zones=(), detects_patterns=True)
    found = [f for i, p in enumerate(rounds(3)) for f in outing.findings(*p, i * 0.5)]
    assert [f.why for f in found] == [("lapping: 2.1 rounds, radius 30 m, in 8 min",)]


def test_one_errand_there_and_back_or_a_walk_round_the_block_is_no_pattern() -> None:
    for places in (there_and_back(2), there_and_back(3), rounds(1.2), [(1_000.0 + 25 * i, 0.0) for i in range(40)]):
        assert not any(walk(Outing(safe_zones=(), detects_patterns=True), places))


def test_a_pattern_is_told_of_again_only_after_a_while() -> None:
    outing = Outing(safe_zones=(), detects_patterns=True)
    told = walk(outing, there_and_back(60))
    assert sum(map(len, told)) == 2  # 150 minutes, and again_s is 120


def test_rounds_are_found_although_the_way_there_belongs_to_none() -> None:
    outing = Outing(safe_zones=(), detects_patterns=True)
    way = [(500.0 + 25 * i, -40.0) for i in range(20)]
    assert sum(map(len, walk(outing, way + rounds(3)))) == 1


def test_inside_a_safe_zone_nobody_is_watched_pacing() -> None:
    outing = Outing(detects_patterns=True)
    places = [(x - 1_050.0, y) for x, y in there_and_back(8)]
    assert not any(walk(outing, places))
    assert outing.memory is None


def test_who_rides_round_in_a_bus_does_not_lap() -> None:
    outing = Outing(safe_zones=(), detects_patterns=True)
    assert not any(walk(outing, [(20 * x, 20 * y) for x, y in rounds(5)]))


def test_noise_of_somebody_who_stands_still_is_no_way() -> None:
    for seed in range(10):  # two hours each; 68 % of the fixes lie within their 10 m
        noise_m = np.random.default_rng(seed).normal(0.0, 10.0 / 1.51, (240, 2)).tolist()
        assert not any(walk(Outing(safe_zones=(), detects_patterns=True), [(1_000.0 + x, y) for x, y in noise_m]))


def test_a_way_is_bounded() -> None:
    outing = Outing(safe_zones=(), detects_patterns=True)
    walk(outing, [(25.0 * i, 0.0) for i in range(500)])
    assert outing.memory is not None
    assert len(outing.memory.trail) == DEMO.wandering.trail_points


ZONE = SafeZone(zone_ref="z", centre=Point(lat_deg=LAT_DEG, lon_deg=LON_DEG), radius_m=100.0)
BAD: list[tuple[str, dict[str, Any]]] = [
    ("subject_ref", {"subject_ref": ""}),
    ("safe_zones", {"safe_zones": (ZONE,) * 17}),
    ("safe_zones.zone_ref", {"safe_zones": (replace(ZONE, zone_ref="z" * 65),)}),
    ("safe_zones.radius_m", {"safe_zones": (replace(ZONE, radius_m=0.0),)}),
    ("safe_zones.radius_m", {"safe_zones": (replace(ZONE, radius_m=float("nan")),)}),
    ("safe_zones.polygon", {"safe_zones": (replace(ZONE, polygon=(ZONE.centre,) * 5),)}),
    ("safe_zones.polygon", {"safe_zones": (replace(ZONE, polygon=(ZONE.centre,) * 501),)}),
    ("safe_zones", {"safe_zones": (replace(ZONE, centre=Point(lat_deg=95.0, lon_deg=0.0)),)}),
    ("quiet_from_min", {"quiet_from_min": 1_440, "quiet_until_min": 0}),
    ("quiet_until_min", {"quiet_from_min": 60}),
]


@pytest.mark.parametrize(("field", "changes"), BAD)
def test_a_registration_that_is_of_no_use_is_refused_by_field(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(RuleBrokenError) as refused:
        check_registration(a_registration(**changes))
    assert refused.value.field == field
    assert str(LAT_DEG) not in str(refused.value)
