"""Sightings as columns: what the records say, which are refused and why."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reading.columns import decode_columns
from pipeline.reading.intake import Intake, read
from pipeline.reading.sighting_columns import LEVEL_UNKNOWN, Sightings
from schemas.codec import encode
from schemas.location import Location
from schemas.sighting import Sighting
from tests.support.policies import DEMO
from tests.support.records import T0_US, S, a_sighting, at, batches_of

ARRIVED_US = T0_US + 5 * S
SKEW_S = DEMO.movement.clock_skew_s
NOWHERE = Location(lat_deg=0.0, lon_deg=0.0, accuracy_m=1.0, quality="gps")


def taken(*records: Sighting) -> Intake:
    """Return what is read when these records arrive together."""
    return read(batches_of([(ARRIVED_US, record) for record in records]), DEMO)


def columns(*records: Sighting) -> Sightings:
    intake = taken(*records)
    assert intake.refusals == []
    assert intake.sightings is not None
    return intake.sightings


def test_a_sighting_is_read_as_it_was_written() -> None:
    place = at(30, 40, accuracy_m=7.0)
    found = columns(
        a_sighting("a", T0_US + 1, level="recognise", reliability=0.5, exercise=True, location=place),
        a_sighting("b", T0_US + 2, result="looked-not-seen", by="analytics", camera_id="cam-2"),
    )
    assert found.case_id == [b"a", b"b"]
    assert found.camera_id == [b"cam-1", b"cam-2"]
    assert found.by == [b"operator", b"analytics"]
    assert found.seen.tolist() == [True, False]
    assert found.level.tolist() == [3, LEVEL_UNKNOWN]
    assert found.exercise.tolist() == [True, False]
    assert found.seen_us.tolist() == [T0_US + 1, T0_US + 2]
    assert found.now_us.tolist() == [ARRIVED_US, ARRIVED_US]
    assert (found.lat_deg[0], found.lon_deg[0], found.accuracy_m[0]) == (place.lat_deg, place.lon_deg, 7.0)
    assert np.isnan([found.lat_deg[1], found.lon_deg[1], found.accuracy_m[1], found.reliability[1]]).all()
    assert found.reliability[0] == 0.5


BROKEN_RULES = [
    (a_sighting(""), "missing-value", "case_id"),
    (a_sighting(event_id=""), "missing-value", "event_id"),
    (a_sighting(event_id="x" * 513), "too-large", "event_id"),
    (a_sighting(camera_id="x" * 513), "too-large", "camera_id"),
    (a_sighting(result="other"), "unknown-code", "result"),
    (a_sighting(result="smelled"), "unknown-code", "result"),
    (a_sighting(camera_id=None), "missing-value", "camera_id"),
    (a_sighting(camera_id=""), "missing-value", "camera_id"),
    (a_sighting(camera_id=None, location=NOWHERE), "missing-value", "camera_id"),
    (a_sighting(camera_id=None, location=at(quality="none")), "missing-value", "camera_id"),
    (a_sighting(location=Location(lat_deg=91.0, lon_deg=0.0, accuracy_m=1.0, quality="gps")),
     "impossible-position", "location"),
    (a_sighting(location=Location(lat_deg=math.nan, lon_deg=0.0, accuracy_m=1.0, quality="gps")),
     "impossible-position", "location"),
    (a_sighting(location=at(accuracy_m=-1.0)), "out-of-range", "location.accuracy_m"),
    (a_sighting(location=at(accuracy_m=math.nan)), "out-of-range", "location.accuracy_m"),
    (a_sighting(seen_us=ARRIVED_US + int((SKEW_S + 1) * S)), "clock-skew", "seen_us"),
    (a_sighting(seen_us=0), "out-of-range", "seen_us"),
    (a_sighting(reliability=-0.01), "out-of-range", "reliability"),
    (a_sighting(reliability=1.01), "out-of-range", "reliability"),
    (a_sighting(reliability=math.inf), "out-of-range", "reliability"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "reason", "field"), BROKEN_RULES)
def test_a_broken_rule_is_answered_with_reason_and_field_and_the_neighbours_pass(
    record: Sighting, reason: str, field: str
) -> None:
    intake = taken(a_sighting("before"), record, a_sighting("after"))
    (refusal,) = intake.refusals
    assert (refusal.reason, refusal.field, refusal.offset) == (reason, field, 1)
    assert (refusal.topic, refusal.payload, refusal.now_us) == ("sightings", encode(record), ARRIVED_US)
    assert refusal.message.startswith(f"{field}: ")
    assert "91" not in refusal.message
    assert intake.sightings is not None
    assert intake.sightings.case_id == [b"before", b"after"]
    assert intake.sightings.order.tolist() == [0, 2]


@pytest.mark.parametrize(
    "record",
    [
        a_sighting(reliability=0.0),
        a_sighting(reliability=1.0),
        a_sighting(camera_id=None, location=at()),
        a_sighting(seen_us=ARRIVED_US + int(SKEW_S * S)),
        a_sighting(by="a-source-of-tomorrow", level="a-level-of-tomorrow"),
        a_sighting("치매"),
    ],
)
def test_values_on_the_border_and_values_that_a_newer_program_writes_pass(record: Sighting) -> None:
    assert columns(record).case_id == [record.case_id.encode()]


@pytest.mark.parametrize("place", [NOWHERE, at(quality="default"), at(quality="none"), None])
def test_a_look_through_a_camera_whose_place_is_none_is_a_look_without_a_place(place: Location | None) -> None:
    assert np.isnan(columns(a_sighting(location=place)).lat_deg).all()


texts = st.sampled_from(["", "cam-1", "cam-2", "카메라", "x\0"])
numbers = st.one_of(st.none(), st.sampled_from([0.0, 0.5, math.nan, math.inf]))
places = st.builds(
    Location, lat_deg=st.floats(), lon_deg=st.floats(), accuracy_m=st.floats(0, 9), quality=st.sampled_from("ab")
)
looks = st.builds(
    a_sighting,
    case_id=texts,
    event_id=texts,
    camera_id=st.one_of(st.none(), texts),
    level=st.one_of(st.none(), st.sampled_from(["observe", "detect"])),
    reliability=numbers,
    location=st.one_of(st.none(), places),
)
WANTED = ("case_id", "camera_id", "level", "reliability", "actor_ref", "location.lat_deg", "location.quality")


@settings(max_examples=60, deadline=None)
@given(st.lists(looks, max_size=6), st.integers(1, 30))
def test_columns_of_records_with_a_nullable_place_equal_the_records(records: list[Sighting], times: int) -> None:
    """Rows repeated until they are read by layout, and few enough to be read one by one."""
    repeated = [record for record in records for _ in range(times)]
    found = decode_columns(Sighting, [encode(record) for record in repeated], WANTED)
    assert (len(found.ok), found.errors) == (len(repeated), [])
    for name in WANTED:
        expected = [_value(record, name) for record in repeated]
        assert repr(found.data[name].tolist()) == repr(expected), name


def _value(record: Any, name: str) -> Any:
    for part in name.split("."):
        record = None if record is None else getattr(record, part)
    if name in ("reliability", "location.lat_deg"):
        return math.nan if record is None else record
    return record.encode() if isinstance(record, str) else record
