"""Crowds and closed roads: what holds when and where, and what cannot be used."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline.errors import RuleBrokenError
from pipeline.geo import Plane
from pipeline.world.conditions import Closure, Conditions, cut_at_closures
from schemas.codec import encode
from schemas.condition import Condition
from tests.support.conditions import a_closure, a_crowd, point
from tests.support.records import LAT_DEG, LON_DEG, T0_US, S

PLANE = Plane(LAT_DEG, LON_DEG)


def of(*conditions: Condition) -> Conditions:
    known = Conditions()
    keys = [c.condition_id.encode() for c in conditions]
    assert known.apply(keys, [encode(c) for c in conditions], len(keys) - 1) == []
    return known


def test_a_crowd_holds_in_its_area_until_its_end() -> None:
    known = of(a_crowd("busy", valid_until_us=T0_US + 60 * S))
    assert known.level_at(LAT_DEG, LON_DEG, T0_US) == "busy"
    far = point(100, 0)
    assert known.level_at(far.lat_deg, far.lon_deg, T0_US) is None
    assert known.level_at(LAT_DEG, LON_DEG, T0_US + 60 * S) is None
    assert known.level_at(LAT_DEG, LON_DEG, T0_US) == "busy"  # asked for an earlier moment, as while catching up


def test_where_crowds_overlap_the_most_crowded_counts() -> None:
    known = of(a_crowd("busy"), replace(a_crowd("crowded", 20.0), condition_id="c:2"))
    assert known.level_at(LAT_DEG, LON_DEG, T0_US) == "crowded"


def test_the_newest_word_counts_and_a_tombstone_removes() -> None:
    known = of(a_crowd("busy"), a_crowd("relaxed"))
    assert known.level_at(LAT_DEG, LON_DEG, T0_US) == "relaxed"
    assert known.apply([b"c:crowd"], [None], 7) == []
    assert (len(known), known.offset, known.crowds(T0_US)) == (0, 7, ())


def test_the_crowds_of_a_moment_are_the_same_object_while_nothing_changes() -> None:
    known = of(a_crowd("busy"))
    assert known.crowds(T0_US) is known.crowds(T0_US + S)


def test_conditions_of_drills_and_of_other_kinds_decide_nothing() -> None:
    assert len(of(a_crowd(exercise=True))) == 0
    assert len(of(replace(a_crowd(), kind="fog"))) == 0


BAD: list[tuple[str, Condition]] = [
    ("crowd_level", a_crowd("dense")),
    ("polygon", a_crowd(polygon=())),
    ("polygon", a_crowd(polygon=(point(0, 0), point(10, 10), point(10, 0), point(0, 10)))),
    ("line", a_closure(0, line=(point(0, 0), point(0, 0)))),
    ("line", a_closure(0, line=tuple(point(i, 0) for i in range(2_001)))),
    ("width_m", a_closure(0, width_m=0.0)),
]


@pytest.mark.parametrize(("field", "bad"), BAD)
def test_what_cannot_be_used_is_refused_by_field_and_removes_what_was_known(field: str, bad: Condition) -> None:
    known = of(a_crowd(), a_closure(0))
    ((index, error),) = known.apply([bad.condition_id.encode()], [encode(bad)], 5)
    assert index == 0
    assert isinstance(error, RuleBrokenError)
    assert error.field == field
    assert len(known) == 1


def test_garbage_and_a_wrong_key_are_refused() -> None:
    known = Conditions()
    errors: list[Any] = known.apply([b"k", b"other"], [b"garbage", encode(a_crowd())], 1)
    assert [error.reason for _, error in errors] == ["not-confluent-framed", "key-mismatch"]


def closed_at(east_m: float) -> Closure:
    (closure,) = of(a_closure(east_m)).closures(T0_US)
    return closure


def test_a_way_ends_at_the_first_closed_road_on_it() -> None:
    way = (point(-200, 0), point(0, 0), point(0, 90))
    part, open_m = cut_at_closures(way, [closed_at(-50.0), closed_at(-100.0)], PLANE)
    assert open_m == pytest.approx(95.0, abs=0.5)  # half of the road's 10 m lies before its middle
    assert part[0].lon_deg == pytest.approx(way[0].lon_deg)
    assert part[-1].lon_deg == pytest.approx(point(-105, 0).lon_deg, abs=1e-5)


def test_a_way_without_a_closed_road_is_whole_and_one_closed_at_once_is_empty() -> None:
    way = (point(-200, 0), point(0, 0))
    assert cut_at_closures(way, [closed_at(50.0)], PLANE) == (way, None)
    assert cut_at_closures(way, [], PLANE) == (way, None)
    part, open_m = cut_at_closures(way, [closed_at(-195.0)], PLANE)
    assert part == ()
    assert open_m is not None
    assert open_m < 20
