"""Whatever a source writes into a well-formed record, the engine decides or answers it and goes on."""

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.incident import RespondingUnit
from schemas.location import Area, Location, Point
from tests.pipeline.engine_runs import EngineRun, a_grid
from tests.support.records import T0_US, S, a_camera, a_fix, a_table, an_alert, an_incident, at

CAMERAS = a_table(
    *a_grid(6, 6, 40.0),
    *(a_camera(f"ptz-{i}", kind="ptz", location=at(25.0 * i, 10), width_px=1_000_000) for i in range(5)),
    *(a_camera(f"odd-{i}", kind="unknown", location=at(i, 20), field_of_view_deg=360.0 * i / 4) for i in range(5)),
    a_camera("north-pole", location=Location(lat_deg=90.0, lon_deg=0.0, accuracy_m=1.0, quality="gps")),
)

any_float = st.one_of(
    st.sampled_from([0.0, -0.0, -1.0, 85.0, 90.0, 180.0, -180.0, 360.0, 1e300, 5e-324, math.inf, -math.inf, math.nan]),
    st.floats(),
)
lat = st.floats(37.3, 37.5) | st.floats(-85, 85) | any_float
lon = st.floats(127.3, 127.5) | st.floats(-180, 180) | any_float
any_time = st.sampled_from([0, 1, -1, T0_US, T0_US + S, T0_US - 86_400 * S, 2**63 - 1, -(2**63)]) | st.integers(
    T0_US - 10 * S, T0_US + 10 * S
)
word = st.sampled_from(["", "x", "gps", "none", "default", "police", "fire", "closed", "잃어버린", "x" * 5_000])
places = st.none() | st.builds(
    Location, lat_deg=lat, lon_deg=lon, accuracy_m=st.floats(0, 100_000) | any_float, quality=st.just("gps") | word
)
routes = st.lists(st.builds(Point, lat_deg=lat, lon_deg=lon), max_size=6).map(tuple)
areas = st.none() | st.builds(Area, polygon=routes, district_names=st.lists(word, max_size=2).map(tuple))
units = st.lists(st.builds(RespondingUnit, unit_ref=word, position=places, route=routes), max_size=2).map(tuple)
common = {"observed_us": any_time, "exercise": st.sampled_from([False, False, True]), "location": places}

incidents = st.fixed_dictionaries(
    common,
    optional={
        "occurred_us": any_time,
        "reported_us": st.none() | any_time,
        "incident_id": word,
        "status": st.sampled_from(["reported", "updated", "closed", "merged", "cancelled", "brand-new"]),
        "service": st.sampled_from(["police", "fire", "disaster", "brand-new"]),
        "kind": st.sampled_from(["robbery", "structure-fire", ""]),
        "urgency_native": st.none() | st.sampled_from(["C0", "C4", "?"]),
        "area": areas,
        "units": units,
        "subject_ref": st.none() | word,
        "merged_into": st.none() | word,
        "legal_basis": st.none() | word,
    },
)
alerts = st.fixed_dictionaries(
    common, optional={"kind": st.sampled_from(["sos", "found", "no-contact", "brand-new"]), "last_seen_us": any_time}
)
fixes = st.fixed_dictionaries(
    {**common, "location": places.filter(bool), "fix_us": any_time},
    optional={"speed_mps": st.none() | any_float, "course_deg": st.none() | any_float, "battery_pct": any_float},
)
MAKE: dict[str, Any] = {"incident": an_incident, "alert": an_alert, "fix": a_fix}
logs = st.lists(
    st.one_of(*(st.tuples(st.just(n), s) for n, s in (("incident", incidents), ("alert", alerts), ("fix", fixes)))),
    min_size=1,
    max_size=8,
)


# A late word of a real person found a drill open, and took its reports away without ending it.
LATE_WORD_IN_A_DRILL: list[tuple[str, dict[str, Any]]] = [
    ("incident", {"observed_us": 0, "exercise": False, "location": None}),
    ("incident", {"observed_us": 0, "exercise": False, "location": None, "status": "closed"}),
    ("alert", {"observed_us": 0, "exercise": False, "location": None, "kind": "found"}),
    ("incident", {"observed_us": 0, "exercise": True, "location": None}),
    ("alert", {"observed_us": -1, "exercise": False, "location": None}),
]


@settings(max_examples=50, deadline=None)
@given(logs)
@example(LATE_WORD_IN_A_DRILL)
def test_every_well_formed_record_is_decided_or_answered(log: list[tuple[str, dict[str, Any]]]) -> None:
    decide_or_answer(log)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(logs)
def test_many_more_well_formed_records_are_decided_or_answered(log: list[tuple[str, dict[str, Any]]]) -> None:
    decide_or_answer(log)


def decide_or_answer(log: list[tuple[str, dict[str, Any]]]) -> None:
    """Tell the engine a log, and check that every record of it counted once and that all of it is forgotten."""
    run = EngineRun(CAMERAS)
    records: list[Any] = [dataclasses.replace(MAKE[name]("s:x"), **fields) for name, fields in log]
    answered = 0
    for now_s, record in enumerate(records):
        result = run.tell(record, now_s=now_s)
        answered += sum(result.outcomes.values())
        for assignment in result.assignments:
            encode(assignment)
            assert all(math.isfinite(c.distance_m) and 0 <= c.p_view <= 1 for c in assignment.cameras)
            where = assignment.where
            assert where is None or (math.isfinite(where.lat_deg) and math.isfinite(where.search_radius_m))
    assert answered == len(records)
    for hours in (1, 20, 40, 60):
        run.tick(hours * 3_600)
    assert run.state.cases == {}
    assert run.state.subjects.slot_of == {}


def test_more_units_than_a_region_has_are_answered_and_not_followed() -> None:
    unit = RespondingUnit(unit_ref="u", position=at(-300))
    run = EngineRun(CAMERAS)
    assert run.tell(an_incident("i", service="fire", units=(unit,) * 100), now_s=0).assignments
    (refusal,) = run.tell(an_incident("j", service="fire", units=(unit,) * 20_000), now_s=1).refusals
    assert (refusal.reason, refusal.field) == ("too-large", "units")


@pytest.mark.parametrize("half_deg", [1e-15, 1e-9, 1.0, 20.0])
def test_an_area_of_any_size_is_decided(half_deg: float) -> None:
    ring = tuple(
        Point(lat_deg=at().lat_deg + y * half_deg, lon_deg=at().lon_deg + x * half_deg)
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )
    run = EngineRun(CAMERAS)
    (made,) = run.tell(an_incident("f", service="disaster", area=Area(polygon=ring)), now_s=0).assignments
    assert made.status in ("active", "needs-location", "waiting")
