"""From bytes to what a step works on: what is refused and why, what becomes no place, and in which order all stands."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reading.batch import RawBatch
from pipeline.reading.event_rules import ACCURACY_M_MAX, AREA_POINTS_MAX
from pipeline.reading.intake import Intake, read
from schemas.codec import encode
from schemas.incident import Incident, RespondingUnit
from schemas.location import Area, Location, Point
from schemas.operator_command import OperatorCommand
from schemas.ptz import PtzGrant
from schemas.topics import CASE_INPUTS, PROTECTED_SUBJECTS
from schemas.tracker_fix import TrackerFix
from schemas.view_session import ViewSession
from schemas.wandering_alert import WanderingAlert
from tests.support.policies import DEMO
from tests.support.records import (
    LAT_DEG,
    LON_DEG,
    T0_US,
    S,
    a_camera,
    a_fix,
    a_grant,
    a_refused_view,
    a_sighting,
    a_view,
    an_alert,
    an_incident,
    an_order,
    batches_of,
)

ARRIVED_US = T0_US + 5 * S
SKEW_S = DEMO.movement.clock_skew_s


def taken(*records: Any) -> Intake:
    """Return what is read when these records arrive together."""
    return read(batches_of([(ARRIVED_US, record) for record in records]), DEMO)


def a_place(**changes: Any) -> Location:
    fields: dict[str, Any] = {"lat_deg": LAT_DEG, "lon_deg": LON_DEG, "accuracy_m": 10.0, "quality": "gps"}
    return Location(**{**fields, **changes})


def a_unit(**changes: Any) -> RespondingUnit:
    return RespondingUnit(unit_ref="u", **changes)


def raw(topic: str, *values: bytes | None, key: bytes | None = b"k") -> RawBatch:
    count = len(values)
    return RawBatch(topic, 0, list(range(count)), [key] * count, list(values), [ARRIVED_US] * count)


def test_what_is_in_order_is_read_and_nothing_refused() -> None:
    intake = taken(an_incident("a"), an_alert("b"), a_fix("c"), a_sighting("d"), an_order("e"), a_grant("f"))
    assert [event.record.case_id for event in intake.events] == ["a", "b", "e", "f"]
    assert intake.fixes is not None
    assert intake.fixes.case_id == [b"c"]
    assert intake.sightings is not None
    assert intake.sightings.case_id == [b"d"]
    assert (intake.refusals, intake.records) == ([], 6)
    assert intake.positions == {
        "incidents": 0,
        "wandering-alerts": 1,
        "tracker-fixes": 2,
        "sightings": 3,
        "operator-commands": 4,
        "ptz-grants": 5,
    }


def test_views_are_read_apart_from_what_decides_and_leave_no_trace_in_how_far_it_was_read() -> None:
    intake = taken(an_incident("a"), a_view("a"), a_refused_view(), an_incident("b"))
    assert [(view.order, view.record.case_id, view.now_us) for view in intake.views] == [
        (2, "a", ARRIVED_US), (3, "unknown", ARRIVED_US),
    ]  # fmt: skip
    assert ([event.order for event in intake.events], intake.records) == ([0, 1], 4)
    assert intake.positions == {"incidents": 3}


def test_an_event_tells_when_it_was_first_heard_of() -> None:
    incident, grant = taken(an_incident(ingested_us=T0_US + 7), a_grant(decided_us=T0_US + 9)).events
    assert (incident.ingested_us, grant.ingested_us) == (T0_US + 7, T0_US + 9)


def test_nothing_is_read_from_nothing() -> None:
    intake = read([], DEMO)
    assert (intake.events, intake.fixes, intake.refusals, intake.positions, intake.records) == ([], None, [], {}, 0)
    assert read([RawBatch("incidents", 3, [], [], [], [])], DEMO).records == 0


NOT_A_RECORD = [
    (None, "not-confluent-framed"),
    (b"", "not-confluent-framed"),
    (b"{}", "not-confluent-framed"),
    (b"\x00\x00\x00\x00\x63rest", "unknown-schema"),
    (encode(a_camera()), "wrong-record"),
    (encode(an_incident())[:-4], "avro"),
    (encode(an_incident()) + b"!", "avro"),
    (encode(an_incident()) + bytes(2 << 20), "too-large"),
]


@pytest.mark.parametrize(("value", "reason"), NOT_A_RECORD)
def test_bytes_that_are_no_record_are_answered_with_the_codecs_reason(value: bytes | None, reason: str) -> None:
    (refusal,) = read([raw("incidents", value)], DEMO).refusals
    assert (refusal.reason, refusal.field, refusal.payload) == (reason, None, value or b"")
    assert (refusal.topic, refusal.offset, refusal.key, refusal.now_us) == ("incidents", 0, b"k", ARRIVED_US)


@pytest.mark.parametrize("topic", [topic.name for topic in CASE_INPUTS])
@pytest.mark.parametrize("value", [None, b"garbage", encode(a_camera())])
def test_every_topic_answers_garbage(topic: str, value: bytes | None) -> None:
    if topic == PROTECTED_SUBJECTS.name and value is None:
        return  # the end of a registration, see test_watching.py
    (refusal,) = read([raw(topic, value)], DEMO).refusals
    assert refusal.reason in ("not-confluent-framed", "wrong-record")


SQUARE = (Point(lat_deg=37.0, lon_deg=127.0), Point(lat_deg=37.0, lon_deg=127.1), Point(lat_deg=37.1, lon_deg=127.0))
BAD_POINT = Point(lat_deg=91.0, lon_deg=0.0)
BROKEN_RULES = [
    (an_incident(""), "missing-value", "case_id"),
    (an_incident("x" * 513), "too-large", "case_id"),
    (an_incident(occurred_us=-1), "out-of-range", "occurred_us"),
    (an_incident(occurred_us=2**62), "out-of-range", "occurred_us"),
    (an_incident(reported_us=-1), "out-of-range", "reported_us"),
    (an_incident(reported_us=2**62), "out-of-range", "reported_us"),
    (an_incident(location=a_place(lat_deg=91.0)), "impossible-position", "location"),
    (an_incident(location=a_place(lat_deg=86.0)), "impossible-position", "location"),
    (an_incident(location=a_place(lat_deg=127.42, lon_deg=37.4)), "impossible-position", "location"),
    (an_incident(location=a_place(lon_deg=180.5)), "impossible-position", "location"),
    (an_incident(location=a_place(lat_deg=math.nan)), "impossible-position", "location"),
    (an_incident(location=a_place(lon_deg=math.inf)), "impossible-position", "location"),
    (an_incident(location=a_place(accuracy_m=-1.0)), "out-of-range", "location.accuracy_m"),
    (an_incident(location=a_place(accuracy_m=math.nan)), "out-of-range", "location.accuracy_m"),
    (an_incident(location=a_place(accuracy_m=ACCURACY_M_MAX * 1.1)), "out-of-range", "location.accuracy_m"),
    (an_incident(area=Area(polygon=(*SQUARE, BAD_POINT))), "impossible-position", "area.polygon"),
    (an_incident(area=Area(polygon=SQUARE[:1] * (AREA_POINTS_MAX + 1))), "too-large", "area.polygon"),
    (an_incident(units=(a_unit(position=a_place(lat_deg=-91.0)),)), "impossible-position", "units.position"),
    (an_incident(units=(a_unit(position=a_place(accuracy_m=-1.0)),)), "out-of-range", "units.position.accuracy_m"),
    (an_incident(units=(a_unit(route=(*SQUARE, BAD_POINT)),)), "impossible-position", "units.route"),
    (an_incident(units=(a_unit(route=SQUARE[:1] * 10_001),)), "too-large", "units.route"),
    (an_alert(location=a_place(lat_deg=91.0)), "impossible-position", "location"),
    (an_alert("x" * 513), "too-large", "case_id"),
    (an_alert(last_seen_us=-1), "out-of-range", "last_seen_us"),
    (a_fix("x" * 513), "too-large", "case_id"),
    (a_fix(location=a_place(lat_deg=91.0)), "impossible-position", "location"),
    (a_fix(location=a_place(lat_deg=math.nan)), "impossible-position", "location"),
    (a_fix(location=a_place(lon_deg=-181.0)), "impossible-position", "location"),
    (a_fix(location=a_place(accuracy_m=-0.1)), "out-of-range", "location.accuracy_m"),
    (a_fix(location=a_place(accuracy_m=math.nan)), "out-of-range", "location.accuracy_m"),
    (a_fix(location=a_place(lat_deg=0.0, lon_deg=0.0)), "no-position", "location"),
    (a_fix(location=a_place(quality="none")), "no-position", "location"),
    (a_fix(location=a_place(quality="default")), "no-position", "location"),
    (a_fix(fix_us=ARRIVED_US + int((SKEW_S + 1) * S)), "clock-skew", "fix_us"),
    (a_fix(fix_us=0), "out-of-range", "fix_us"),
    (a_fix(fix_us=-5), "out-of-range", "fix_us"),
    (a_fix(speed_mps=-1.0), "out-of-range", "speed_mps"),
    (a_fix(speed_mps=math.inf), "out-of-range", "speed_mps"),
    (a_fix(speed_mps=DEMO.movement.max_speed_mps + 1), "out-of-range", "speed_mps"),
    (a_fix(course_deg=-1.0), "out-of-range", "course_deg"),
    (a_fix(course_deg=361.0), "out-of-range", "course_deg"),
    (an_order(""), "missing-value", "case_id"),
    (an_order(event_id=""), "missing-value", "event_id"),
    (an_order(command="other"), "unknown-code", "command"),
    (an_order(command="an-order-of-tomorrow"), "unknown-code", "command"),
    (an_order(actor_ref=""), "missing-value", "actor_ref"),
    (an_order(actor_ref="x" * 513), "too-large", "actor_ref"),
    (an_order(reason="x" * 65), "too-large", "reason"),
    (an_order(command="take-over"), "missing-value", "camera_id"),
    (an_order(command="resume"), "missing-value", "camera_id"),
    (an_order(command="exclude-camera", camera_id=""), "missing-value", "camera_id"),
    (an_order(command="pin-camera", camera_id="x" * 513), "too-large", "camera_id"),
    (a_grant(""), "missing-value", "case_id"),
    (a_grant(result="other"), "unknown-code", "result"),
    (a_grant(result="lent"), "unknown-code", "result"),
    (a_grant(camera_id=""), "missing-value", "camera_id"),
    (a_view(""), "missing-value", "case_id"),
    (a_view(event_id=""), "missing-value", "event_id"),
    (a_view(agency=""), "missing-value", "agency"),
    (a_view(camera_id=""), "missing-value", "camera_id"),
    (a_view(reason=""), "missing-value", "reason"),
    (a_view(actor_ref="x" * 513), "too-large", "actor_ref"),
    (a_view(legal_basis="x" * 513), "too-large", "legal_basis"),
    (a_view(result="other"), "unknown-code", "result"),
    (a_view(result="lent"), "unknown-code", "result"),
    (a_view(version=-1), "out-of-range", "version"),
]


GOOD: dict[type[Any], Any] = {
    Incident: an_incident,
    WanderingAlert: an_alert,
    TrackerFix: a_fix,
    OperatorCommand: an_order,
    PtzGrant: a_grant,
    ViewSession: a_view,
}


@pytest.mark.parametrize(("record", "reason", "field"), BROKEN_RULES)
def test_a_broken_rule_is_answered_with_reason_and_field_and_the_neighbours_pass(
    record: Any, reason: str, field: str
) -> None:
    good = GOOD[type(record)]
    before, after = good("before"), good("after")
    intake = taken(before, record, after)
    (refusal,) = intake.refusals
    assert (refusal.reason, refusal.field, refusal.offset) == (reason, field, 1)
    assert refusal.message.startswith(f"{field}: ")
    assert refusal.payload == encode(record)
    passed = intake.fixes.case_id if intake.fixes is not None else [e.key for e in intake.events]
    passed = [view.record.case_id.encode() for view in intake.views] or passed
    assert passed == [b"before", b"after"]


@pytest.mark.parametrize("record", [an_incident(), an_alert(), a_fix(), a_sighting(), an_order(), a_grant(), a_view()])
@pytest.mark.parametrize("key", [None, b"", b"another-case"])
def test_a_key_that_is_not_the_case_is_refused_for_it_decides_the_partition(record: Any, key: bytes | None) -> None:
    (batch,) = batches_of([(ARRIVED_US, record)])
    batch.keys = [key]
    intake = read([batch], DEMO)
    assert [(r.reason, r.field, r.key) for r in intake.refusals] == [("key-mismatch", "case_id", key)]
    assert intake.events == []
    assert not intake.fixes
    assert not intake.sightings


@pytest.mark.parametrize(("record", "reason", "field"), BROKEN_RULES)
def test_a_refusal_never_repeats_a_position(record: Any, reason: str, field: str) -> None:
    del reason, field
    (refusal,) = taken(record).refusals
    assert not any(text in refusal.message for text in ("127.4", "37.4", "91.0", "181"))


@pytest.mark.parametrize(
    "record",
    [
        a_fix(fix_us=ARRIVED_US + int(SKEW_S * S)),
        a_fix(speed_mps=0.0, course_deg=360.0),
        a_fix(speed_mps=None, course_deg=None),
        a_fix(location=a_place(accuracy_m=0.0)),
        an_incident(location=a_place(accuracy_m=ACCURACY_M_MAX)),
        an_incident(location=a_place(lat_deg=-85.0, lon_deg=-180.0)),
        an_incident(location=a_place(lat_deg=math.nan, quality="none")),
        an_incident(location=None),
    ],
)
def test_values_on_the_border_and_values_not_given_pass(record: Any) -> None:
    assert taken(record).refusals == []


def test_a_fix_that_breaks_several_rules_is_answered_once() -> None:
    record = a_fix(location=a_place(lat_deg=91.0, accuracy_m=-1.0), fix_us=-1)
    assert [r.reason for r in taken(record).refusals] == ["impossible-position"]


@pytest.mark.parametrize("make", [an_incident, an_alert])
@pytest.mark.parametrize(
    "place",
    [
        a_place(lat_deg=0.0, lon_deg=0.0),
        a_place(lat_deg=-0.0, lon_deg=0.0, quality="address"),
        a_place(lat_deg=37.4003, lon_deg=127.4003),
        a_place(lat_deg=37.4003 + 59 / 111_195, lon_deg=127.4003, quality="gps"),
    ],
)
def test_zero_and_an_agencys_own_address_are_marked_as_no_place(make: Any, place: Location) -> None:
    (event,) = taken(make(location=place)).events
    assert isinstance(event.record, Incident | WanderingAlert)
    assert event.record.location is not None
    assert event.record.location.quality == "default"


def test_just_outside_an_agencys_address_is_a_place() -> None:
    near = a_place(lat_deg=37.4003 + 61 / 111_195, lon_deg=127.4003)
    (event,) = taken(an_incident(location=near)).events
    assert isinstance(event.record, Incident)
    assert event.record.location == near


def test_a_unit_at_zero_is_nowhere_but_one_at_its_agency_is_there() -> None:
    zero, home = a_place(lat_deg=0.0, lon_deg=0.0), a_place(lat_deg=37.4003, lon_deg=127.4003)
    (event,) = taken(an_incident(units=(a_unit(position=zero), a_unit(position=home), a_unit()))).events
    assert isinstance(event.record, Incident)
    qualities = [unit.position.quality if unit.position else None for unit in event.record.units]
    assert qualities == ["default", "gps", None]


def merged(*arrivals: tuple[float, Any]) -> list[str]:
    """Return the case ids of all records in the order of the unit."""
    intake = read(batches_of([(T0_US + int(s * S), record) for s, record in arrivals]), DEMO)
    order = [(event.order, event.record.case_id) for event in intake.events]
    for columns in (intake.fixes, intake.sightings):
        if columns is not None:
            order += zip(columns.order.tolist(), (c.decode() for c in columns.case_id), strict=True)
    return [case_id for _, case_id in sorted(order)]


def test_records_stand_in_order_of_their_append_time() -> None:
    assert merged((3, an_incident("a")), (1, an_alert("b")), (2, a_fix("c"))) == ["b", "c", "a"]


def test_at_one_moment_reports_come_first_then_evidence_then_orders_then_grants() -> None:
    late_first = [a_grant("f"), an_order("e"), a_sighting("d"), a_fix("c"), an_alert("b"), an_incident("a")]
    assert merged(*((1, record) for record in late_first)) == ["a", "b", "c", "d", "e", "f"]


def test_within_a_topic_offsets_rule_whatever_the_clock_says() -> None:
    assert merged((5, an_incident("a")), (1, an_incident("b")), (4, an_alert("z"))) == ["z", "a", "b"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("iafs"), st.integers(0, 5), st.booleans()), max_size=12))
def test_every_record_has_a_place_of_its_own_whether_its_neighbours_are_refused_or_not(log: list[Any]) -> None:
    make = {"i": an_incident, "a": an_alert, "f": a_fix, "s": a_sighting}
    bad = a_place(lat_deg=91.0)
    arrivals = [
        (T0_US + s * S, make[t](f"c{i}", **({} if ok else {"location": bad}))) for i, (t, s, ok) in enumerate(log)
    ]
    intake = read(batches_of(arrivals), DEMO)
    orders = [event.order for event in intake.events]
    orders += intake.fixes.order.tolist() if intake.fixes is not None else []
    orders += intake.sightings.order.tolist() if intake.sightings is not None else []
    good = sum(ok for _, _, ok in log)
    assert len(set(orders)) == len(orders) == good
    assert len(intake.refusals) == len(log) - good
    assert intake.records == len(log)
    assert all(0 <= order < len(log) for order in orders)
