"""Columns hold what the codec would have decoded, row for row, and refuse what it refuses."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reading.column_layout import leaves
from pipeline.reading.columns import MIN_ROWS_OF_A_LAYOUT, decode_columns, encode_columns
from schemas.camera import Camera, CameraHealth
from schemas.codec import decode, encode
from schemas.errors import RecordDecodeError
from schemas.location import Location
from schemas.registry import newest_schema
from schemas.subject_track import SubjectTrack
from schemas.tracker_fix import TrackerFix

ALL_FIELDS = tuple(leaf.name for leaf in leaves(newest_schema("TrackerFix").schema_id))
TRACK_FIELDS = tuple(field.name for field in dataclasses.fields(SubjectTrack))
NOON_US = 1_770_000_000_000_000

times_us = st.one_of(
    st.integers(NOON_US, NOON_US + 10**12), st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, -1, 63, 64])
)
texts = st.one_of(
    st.sampled_from(["owntracks", "owntracks-2", "", "p-00ff", "p-00fe", "치매-추적기", "end\0", "\0\0"]),
    st.text(max_size=12),
)
numbers = st.one_of(st.sampled_from([0.0, -0.0, 37.5, math.nan, math.inf]), st.floats())
perhaps = st.one_of(st.none(), numbers)
locations = st.builds(Location, lat_deg=numbers, lon_deg=numbers, accuracy_m=numbers, quality=texts)
fixes = st.builds(
    TrackerFix,
    event_id=texts,
    source=texts,
    observed_us=times_us,
    ingested_us=times_us,
    exercise=st.booleans(),
    case_id=texts,
    subject_ref=texts,
    fix_us=times_us,
    location=locations,
    speed_mps=perhaps,
    course_deg=perhaps,
    battery_pct=perhaps,
)


def a_fix(number, **changes):
    """Return a fix as trackers send them; fixes of neighbouring numbers have the same form."""
    usual = TrackerFix(
        event_id=f"owntracks:{number:08d}",
        source="owntracks",
        observed_us=NOON_US + number,
        ingested_us=NOON_US + number,
        case_id=f"p-{number % 50:08x}",
        subject_ref=f"p-{number % 50:08x}",
        fix_us=NOON_US + 1_000 * number,
        location=Location(lat_deg=37.5 + number / 1e5, lon_deg=127.0 - number / 1e5, accuracy_m=12.0, quality="gps"),
        speed_mps=number / 7,
        battery_pct=80.0,
    )
    return dataclasses.replace(usual, **changes)


def damaged(draw, payload):
    """Return bytes that are near a record: cut, prolonged, with a byte changed, of another schema, or no record."""
    how = draw(st.sampled_from(["cut", "prolong", "byte", "schema", "garbage", "null"]))
    at = draw(st.integers(0, len(payload) - 1))
    changed = {
        "cut": payload[:at],
        "prolong": payload + b"\0",
        "byte": payload[:at] + bytes([draw(st.integers(0, 255))]) + payload[at + 1 :],
        "schema": payload[:4] + bytes([draw(st.integers(0, 12))]) + payload[5:],
        "garbage": draw(st.binary(max_size=len(payload) + 2)),
        "null": None,
    }
    return changed[how]


@st.composite
def batches_of_values(draw):
    """Return values as a topic may hold them: runs of like rows, rows of any form, damaged rows, in any order."""
    values = [
        encode(a_fix(n, source=draw(st.sampled_from(["owntracks", "lora-gate"]))))
        for n in range(draw(st.integers(0, 40)))
    ]
    values += [encode(fix) for fix in draw(st.lists(fixes, max_size=20))]
    twin = draw(fixes)
    values += [encode(twin)] * draw(st.sampled_from([0, MIN_ROWS_OF_A_LAYOUT]))
    values += [damaged(draw, encode(a_fix(n))) for n in range(draw(st.integers(0, 8)))]
    return draw(st.permutations(values))


def one_by_one(record_type, values, wanted):
    """Return what the codec says: rows of wanted cells, and errors."""
    rows, errors = {}, {}
    for index, value in enumerate(values):
        try:
            record = decode(record_type, value)
        except RecordDecodeError as error:
            errors[index] = (error.reason, str(error))
            continue
        cells = []
        for name in wanted:
            cell = record
            for part in name.split("."):
                cell = getattr(cell, part)
            cells.append(cell.encode() if isinstance(cell, str) else cell)
        rows[index] = cells
    return rows, errors


def as_bits(cell):
    """Return a cell so that equal means the same bits, NaN and the sign of zero included; null doubles are NaN."""
    return np.float64(cell).tobytes() if isinstance(cell, float) else cell


def assert_same_as_codec(record_type, values, wanted):
    rows, errors = one_by_one(record_type, values, wanted)
    columns = decode_columns(record_type, values, wanted)
    doubles = {leaf.name for leaf in leaves(newest_schema(record_type.__name__).schema_id) if leaf.kind == "double"}
    assert columns.ok.tolist() == list(rows)
    assert [(index, error.reason, str(error)) for index, error in columns.errors] == [
        (i, *e) for i, e in errors.items()
    ]
    for place, name in enumerate(wanted):
        expected = [math.nan if row[place] is None and name in doubles else row[place] for row in rows.values()]
        assert [as_bits(c) for c in columns.data[name].tolist()] == [as_bits(c) for c in expected], name


@settings(max_examples=150, deadline=None)
@given(batches_of_values())
def test_columns_equal_the_codec_for_any_rows(values):
    assert_same_as_codec(TrackerFix, values, ALL_FIELDS)


def test_like_rows_become_typed_columns_in_input_order():
    fixes_in = [a_fix(number) for number in range(500)]
    columns = decode_columns(TrackerFix, [encode(fix) for fix in fixes_in], ALL_FIELDS)
    assert columns.errors == []
    assert columns.ok.tolist() == list(range(500))
    assert columns.data["location.lat_deg"].dtype == np.float64
    assert columns.data["fix_us"].dtype == np.int64
    assert columns.data["exercise"].dtype == np.bool_
    assert columns.data["case_id"].tolist() == [fix.case_id.encode() for fix in fixes_in]
    assert columns.data["fix_us"].tolist() == [fix.fix_us for fix in fixes_in]
    assert np.isnan(columns.data["course_deg"]).all()


def test_many_sources_with_forms_of_their_own_are_taken_by_layout(monkeypatch):
    values = [
        encode(a_fix(n, source=f"source{'x' * (n % 15)}", course_deg=None if n % 2 else 1.0)) for n in range(1500)
    ]
    expected = [f"source{'x' * (n % 15)}".encode() for n in range(1500)]

    def refuse(*_):
        raise AssertionError("a row was decoded on its own")

    monkeypatch.setattr("pipeline.reading.columns.decode", refuse)
    assert decode_columns(TrackerFix, values, ("source",)).data["source"].tolist() == expected


def test_a_bad_row_among_like_rows_is_an_error_and_its_neighbours_pass():
    values = [encode(a_fix(number)) for number in range(100)]
    values[40] = b"\0" + b"\xff" * (len(values[40]) - 1)
    values[41] = values[41][:-1]
    values[42] = None
    columns = decode_columns(TrackerFix, values, ("fix_us",))
    assert [(index, error.reason) for index, error in columns.errors] == [
        (40, "unknown-schema"),
        (41, "avro"),
        (42, "not-confluent-framed"),
    ]
    assert len(columns.ok) == 97


def test_a_flood_of_forms_ends_in_the_codec_not_in_endless_learning(monkeypatch):
    import pipeline.reading.columns

    learnt = []
    real = pipeline.reading.columns.layout_of
    monkeypatch.setattr(pipeline.reading.columns, "layout_of", lambda *a: learnt.append(1) or real(*a))
    # Equal lengths, but the border between two strings wanders.
    values = [encode(a_fix(1, source="s" * (n % 97), event_id="e" * (97 - n % 97))) for n in range(970)]
    assert_same_as_codec(TrackerFix, values, ("source", "event_id"))
    assert len(learnt) <= pipeline.reading.columns.MAX_POOR_LAYOUTS


def test_no_rows_give_empty_columns():
    columns = decode_columns(TrackerFix, [], ("fix_us", "case_id"))
    assert (len(columns.ok), len(columns.data["fix_us"]), columns.errors) == (0, 0, [])


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"has no field 'location\.altitude'"):
        decode_columns(TrackerFix, [], ("location.altitude",))


def test_a_record_that_is_not_flat_is_refused():
    with pytest.raises(ValueError, match="presets is not a string, long, double or boolean"):
        decode_columns(Camera, [], ("camera_id",))


def test_camera_health_decodes_as_columns():
    values = [
        encode(
            CameraHealth(
                event_id=f"e{n:04d}", source="beat", observed_us=n, ingested_us=n, camera_id="c", state="up", since_us=n
            )
        )
        for n in range(200)
    ]
    assert_same_as_codec(CameraHealth, values, ("camera_id", "state", "since_us", "exercise"))


longs = st.one_of(st.integers(NOON_US, NOON_US + 10**12), st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300))
tracks = st.builds(
    SubjectTrack,
    fix_us=longs,
    updated_us=longs,
    lat_deg=numbers,
    lon_deg=numbers,
    accuracy_m=numbers,
    speed_mps=numbers,
    course_deg=numbers,
    looked_lat_deg=numbers,
    looked_lon_deg=numbers,
)


def columns_of(records):
    dtypes = dict.fromkeys(("fix_us", "updated_us", "jumps", "jump_us"), np.int64)
    return {n: np.array([getattr(r, n) for r in records], dtypes.get(n, np.float64)) for n in TRACK_FIELDS}


@settings(deadline=None)
@given(st.lists(tracks, max_size=30), st.integers(1, 20))
def test_encoded_columns_equal_the_codec_byte_for_byte(records, times):
    records = records * times
    encoded = encode_columns(SubjectTrack, columns_of(records))
    assert encoded == [encode(record) for record in records]
    assert_same_as_codec(SubjectTrack, encoded, TRACK_FIELDS)


@pytest.mark.parametrize("edge", [0, 63, 64, 8191, 8192, 2**55 - 1, 2**62 - 1, 2**62, 2**63 - 1])
def test_longs_encode_right_at_the_edges_of_their_widths(edge):
    doubles = dict.fromkeys(("lat_deg", "lon_deg", "accuracy_m", "course_deg", "looked_lat_deg", "looked_lon_deg"), 1.5)
    record = SubjectTrack(fix_us=edge, updated_us=-edge - 1, speed_mps=math.nan, **doubles)
    assert encode_columns(SubjectTrack, columns_of([record] * 20)) == [encode(record)] * 20


def test_columns_that_do_not_fit_the_record_are_refused():
    columns = columns_of([])
    with pytest.raises(ValueError, match="got columns"):
        encode_columns(SubjectTrack, {"fix_us": columns["fix_us"]})
    with pytest.raises(ValueError, match="differ in length"):
        encode_columns(SubjectTrack, {**columns, "lat_deg": np.zeros(3)})
    with pytest.raises(ValueError, match="must be of signed integers"):
        encode_columns(SubjectTrack, {**columns, "fix_us": np.zeros(0)})
    with pytest.raises(ValueError, match="is not a plain long or double"):
        encode_columns(TrackerFix, {})
