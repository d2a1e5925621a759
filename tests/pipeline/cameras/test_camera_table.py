"""The camera table takes the topic as it comes: upserts, tombstones, health, repeats and rubbish."""

import dataclasses
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cameras.camera_columns import HEALTH_CODES, HEALTH_UNKNOWN, KIND_CODES, PURPOSE_BITS
from pipeline.cameras.camera_table import CHANGE_LOG_ROWS, CameraTable
from pipeline.geo import Plane
from schemas.camera import CameraPurpose
from schemas.camera_knowledge import CameraKnowledge
from schemas.codec import encode
from schemas.location import Location
from tests.pipeline.camera_records import SEOUL, a_camera, a_health, found, put, tell


def reasons(errors):
    return [(index, error.reason) for index, error in errors]


def test_a_camera_becomes_a_row_with_all_its_attributes():
    table = CameraTable(plane=Plane(*SEOUL))
    camera = a_camera(
        "cam-1",
        SEOUL[0] + 0.01,
        SEOUL[1],
        site_id="pole-7",
        owner="종로구",
        kind="ptz",
        azimuth_deg=45.0,
        field_of_view_deg=60.0,
        width_px=1920,
        height_m=5.0,
        purposes=("child-protection", "waste"),
    )
    assert put(table, camera) == []
    row = table.row_of("cam-1")
    assert (table.camera_id(row), table.site_id(row), table.owner(row)) == ("cam-1", "pole-7", "종로구")
    assert (table.lat_deg[row], table.lon_deg[row]) == (SEOUL[0] + 0.01, SEOUL[1])
    assert (table.x_m[row], table.y_m[row]) == (pytest.approx(0), pytest.approx(1111.95, abs=0.01))
    assert (table.azimuth_deg[row], table.field_of_view_deg[row], table.height_m[row]) == (45.0, 60.0, 5.0)
    assert (table.width_px[row], table.kind[row], table.health[row]) == (1920, KIND_CODES["ptz"], HEALTH_UNKNOWN)
    assert table.purposes[row] == PURPOSE_BITS["child-protection"] | PURPOSE_BITS["waste"]
    assert table.in_service[row]
    assert table.placed[row]
    assert len(table) == 1


def test_what_a_registry_does_not_know_is_nan_or_zero():
    table = CameraTable()
    put(table, a_camera("cam-1", purposes=()))
    row = table.row_of("cam-1")
    assert np.isnan([table.azimuth_deg[row], table.field_of_view_deg[row], table.height_m[row]]).all()
    assert (table.width_px[row], table.purposes[row]) == (0, 0)


def test_codes_that_are_new_to_us_become_other():
    table = CameraTable()
    put(table, a_camera("cam-1", kind="flying", purposes=("espionage",), status="on-loan"))
    tell(table, a_health("cam-1", "asleep"))
    row = table.row_of("cam-1")
    assert (table.kind[row], table.health[row]) == (KIND_CODES["other"], HEALTH_CODES["other"])
    assert table.purposes[row] == PURPOSE_BITS["other"]
    assert not table.in_service[row]


def test_every_purpose_has_a_bit_of_its_own_in_the_lists_order():
    assert [PURPOSE_BITS[purpose] for purpose in CameraPurpose] == [1 << n for n in range(len(CameraPurpose))]


@pytest.mark.parametrize(
    "changes",
    [
        {"quality_flags": ("coarse-position", "pile")},
        {"quality": "default"},
        {"quality": "none"},
        {"lat_deg": 0.0, "lon_deg": 0.0},
    ],
)
def test_a_camera_on_a_default_point_is_kept_but_not_placed(changes):
    table = CameraTable()
    assert put(table, a_camera("cam-1", **changes)) == []
    assert not table.placed[table.row_of("cam-1")]


def test_sites_and_owners_are_shared_and_forgotten_with_their_last_camera():
    table = CameraTable()
    put(table, a_camera("a", site_id="pole"), a_camera("b", site_id="pole"), a_camera("c", site_id="roof"))
    a, b, c = (table.row_of(i) for i in "abc")
    assert table.site[a] == table.site[b] != table.site[c]
    put(table, "a", "b")
    assert len(table._sites) == 1
    put(table, a_camera("c", site_id="mast", owner="mapo-gu"))
    assert (table.site_id(c), table.owner(c)) == ("mast", "mapo-gu")
    assert (len(table._sites), len(table._owners)) == (1, 1)


def test_a_tombstone_removes_and_the_row_is_used_again():
    table = CameraTable()
    put(table, a_camera("a"), a_camera("b"))
    row = table.row_of("a")
    put(table, "a", "never-seen")
    assert (table.row_of("a"), len(table), table.camera_id(row)) == (None, 1, "")
    assert not table.in_service[row]
    put(table, a_camera("c", azimuth_deg=None))
    assert table.row_of("c") == row
    assert np.isnan(table.azimuth_deg[row])
    assert table.health[row] == HEALTH_UNKNOWN


def test_within_a_slice_the_last_valid_record_of_a_camera_counts():
    table = CameraTable()
    first, second = a_camera("a", kind="fixed"), a_camera("a", kind="ptz")
    put(table, first, second, "a")
    assert len(table) == 0
    put(table, "a", second, first)
    assert table.kind[table.row_of("a")] == KIND_CODES["fixed"]
    put(table, second, a_camera("a", lat_deg=math.nan))
    assert table.kind[table.row_of("a")] == KIND_CODES["ptz"]
    put(table, first, second, first, second)
    assert table.kind[table.row_of("a")] == KIND_CODES["ptz"]


BAD_CAMERAS = {
    "nan": a_camera("bad", lat_deg=math.nan),
    "infinite": a_camera("bad", lon_deg=math.inf),
    "swapped": a_camera("bad", lat_deg=126.99, lon_deg=37.55),
    "azimuth": a_camera("bad", azimuth_deg=361.0),
    "field": a_camera("bad", field_of_view_deg=math.nan),
    "width": a_camera("bad", width_px=-5),
    "wide": a_camera("bad", width_px=2**40),
    "height": a_camera("bad", height_m=math.inf),
    "site": a_camera("bad", site_id="x" * 1000),
}


@pytest.mark.parametrize("name", BAD_CAMERAS)
def test_a_number_beyond_its_limits_is_refused_and_the_old_row_stays(name):
    table = CameraTable()
    old = a_camera("bad", azimuth_deg=10.0)
    put(table, old, a_camera("good"))
    revision = table.revision
    errors = put(table, BAD_CAMERAS[name])
    assert reasons(errors) == [(0, "out-of-range")]
    assert table.azimuth_deg[table.row_of("bad")] == 10.0
    assert table.revision == revision


def test_rubbish_is_answered_with_reasons_and_its_neighbours_pass():
    table = CameraTable()
    good = [a_camera(f"good-{n}") for n in range(4)]
    payload = encode(a_camera("x"))
    keys = [b"good-0", b"x", b"x", b"good-1", b"y", None, b"x", b"good-2", b"", b"x", None, b"good-3"]
    values = [
        encode(good[0]),
        b"garbage",
        payload[:-3],
        encode(good[1]),
        payload,
        payload,
        payload[:4] + b"\x63" + payload[5:],
        encode(good[2]),
        payload,
        encode(a_health("x")),
        None,
        encode(good[3]),
    ]
    errors = table.apply_cameras(keys, values, 11)
    assert reasons(errors) == [
        (1, "not-confluent-framed"),
        (2, "avro"),
        (4, "key-mismatch"),
        (5, "key-mismatch"),
        (6, "unknown-schema"),
        (8, "key-mismatch"),
        (9, "wrong-record"),
        (10, "key-mismatch"),
    ]
    assert [table.row_of(f"good-{n}") is not None for n in range(4)] == [True] * 4
    assert len(table) == 4


def test_errors_do_not_repeat_what_the_record_says_of_its_key():
    table = CameraTable()
    ((_, error),) = table.apply_cameras([b"secret-key"], [encode(a_camera("cam-1"))], 0)
    assert "secret" not in str(error)


def test_a_full_table_refuses_new_cameras_but_takes_changes(monkeypatch):
    monkeypatch.setattr("pipeline.cameras.camera_table.MAX_CAMERAS", 2)
    table = CameraTable()
    errors = put(table, a_camera("a"), a_camera("b"), a_camera("c"))
    errors += put(table, a_camera("a", kind="ptz"), a_camera("d"))
    assert reasons(errors) == [(2, "table-full"), (1, "table-full")]
    assert table.kind[table.row_of("a")] == KIND_CODES["ptz"]
    errors = tell(table, a_health("x"), a_health("y"), a_health("z"), a_health("a"))
    assert reasons(errors) == [(2, "table-full")]
    assert table.health[table.row_of("a")] == HEALTH_CODES["down"]


def test_health_may_come_before_its_camera_and_survives_its_import_and_return():
    table = CameraTable()
    tell(table, a_health("a", "down"))
    assert table.revision == 0
    put(table, a_camera("a"))
    down = HEALTH_CODES["down"]
    assert table.health[table.row_of("a")] == down
    put(table, a_camera("a", kind="ptz"))
    assert table.health[table.row_of("a")] == down
    put(table, "a")
    put(table, a_camera("b"))
    put(table, a_camera("a"))
    assert table.health[table.row_of("a")] == down
    assert table.health[table.row_of("b")] == HEALTH_UNKNOWN
    tell(table, "a")
    assert table.health[table.row_of("a")] == HEALTH_UNKNOWN
    put(table, "a")
    tell(table, a_health("a", "up"), "a")
    put(table, a_camera("a"))
    assert table.health[table.row_of("a")] == HEALTH_UNKNOWN


def test_bad_health_is_answered_and_changes_nothing():
    table = CameraTable()
    put(table, a_camera("a"))
    errors = table.apply_health([b"a", b"a", None], [b"rubbish", encode(a_health("b")), encode(a_health("a"))], 2)
    assert reasons(errors) == [(0, "not-confluent-framed"), (1, "key-mismatch"), (2, "key-mismatch")]
    assert table.health[table.row_of("a")] == HEALTH_UNKNOWN


def test_the_version_tells_the_offsets_of_both_topics():
    table = CameraTable()
    assert table.version == "cameras@-1/health@-1"
    put(table, a_camera("a"), offset=41)
    tell(table, a_health("a"), offset=7)
    assert table.version == "cameras@41/health@7"
    put(table, a_camera("a"), offset=12)  # read again after a rebalance
    assert table.version == "cameras@41/health@7"


def test_the_revision_grows_only_with_slices_that_change_something():
    table = CameraTable()
    put(table, a_camera("a"), a_camera("b"))
    assert table.revision == 1
    put(table, a_camera("a"), a_camera("b"), "not-there")
    assert table.revision == 1
    tell(table, a_health("a"))
    tell(table, a_health("a"))
    assert table.revision == 2
    put(table, "b")
    assert table.revision == 3


def test_changed_rows_are_told_as_far_as_the_log_reaches_back():
    table = CameraTable()
    put(table, a_camera("a"), a_camera("b"), a_camera("c"))
    a, b, c = (table.row_of(i) for i in "abc")
    tell(table, a_health("b"))
    put(table, a_camera("b", kind="ptz"), "c")
    assert table.changed_rows_since(3).tolist() == []
    assert table.changed_rows_since(2).tolist() == sorted([b, c])
    assert table.changed_rows_since(1).tolist() == sorted([b, c])
    assert table.changed_rows_since(0).tolist() == sorted([a, b, c])
    assert table.changed_rows_since(99) is None


def test_a_log_that_no_longer_reaches_back_says_so(monkeypatch):
    assert CHANGE_LOG_ROWS == 65_536
    monkeypatch.setattr("pipeline.cameras.camera_table.CHANGE_LOG_ROWS", 3)
    table = CameraTable()
    for number in range(5):
        put(table, a_camera(f"cam-{number}"))
    assert table.changed_rows_since(1) is None
    assert len(table.changed_rows_since(2)) == 3
    put(table, *(a_camera(f"more-{number}") for number in range(9)))
    assert table.changed_rows_since(5) is None


def picture(table):
    """Return all that can be asked of a table, without row numbers."""
    names = ("lat_deg", "lon_deg", "azimuth_deg", "width_px", "kind", "health", "purposes", "placed", "in_service")
    rows = np.flatnonzero(table.alive).tolist()
    cameras = {
        table.camera_id(row): (
            table.site_id(row),
            table.owner(row),
            *(str(getattr(table, name)[row]) for name in names),
        )
        for row in rows
    }
    return cameras, found(table, *SEOUL, 2_000)


near_seoul = st.builds(
    lambda i, north, east, kind, azimuth: a_camera(
        f"cam-{i}", SEOUL[0] + north / 1e4, SEOUL[1] + east / 1e4, kind=kind, azimuth_deg=azimuth, site_id=f"p{north}"
    ),
    st.integers(0, 12),
    st.integers(-50, 50),
    st.integers(-50, 50),
    st.sampled_from(["fixed", "ptz"]),
    st.sampled_from([None, 90.0]),
)
events = st.one_of(
    near_seoul,
    st.integers(0, 12).map(lambda i: f"cam-{i}"),
    st.builds(lambda i, s: a_health(f"cam-{i}", s), st.integers(0, 12), st.sampled_from(["up", "down"])),
)


def apply(table, events):
    """Apply events of both topics in their order, neighbours of one topic as a slice."""
    for event in events:
        (tell if hasattr(event, "state") else put)(table, event)


@settings(max_examples=60, deadline=None)
@given(st.lists(events, max_size=40), st.randoms(use_true_random=False), st.integers(1, 7))
def test_only_the_order_of_each_cameras_own_records_counts(history, rng, cut):
    """Shuffled between cameras and topics, cut anywhere, with searches in between: the same picture."""
    table = CameraTable()
    apply(table, history)
    streams = {}
    for event in history:
        kind = "health" if hasattr(event, "state") else "camera"
        streams.setdefault((kind, event if isinstance(event, str) else event.camera_id), []).append(event)
    shuffled = [name for name, stream in streams.items() for _ in stream]
    rng.shuffle(shuffled)
    other = CameraTable(plane=Plane(37.0, 127.0))
    for number, name in enumerate(shuffled):
        apply(other, [streams[name].pop(0)])
        if number % cut == 0:
            other.near(*SEOUL, 300)
    assert picture(other) == picture(table)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(near_seoul, st.integers(0, 12).map(lambda i: f"cam-{i}")), max_size=40), st.integers(1, 9))
def test_slices_may_be_cut_anywhere(history, size):
    whole, cut = CameraTable(), CameraTable()
    put(whole, *history)
    for start in range(0, len(history), size):
        put(cut, *history[start : start + size])
    assert picture(cut) == picture(whole)


def test_the_short_way_gives_what_the_codec_gives(monkeypatch):
    quick, slow = CameraTable(), CameraTable()
    cameras = [a_camera(f"cam-{n}", SEOUL[0] + n / 1e4, azimuth_deg=float(n)) for n in range(20)]
    put(quick, *cameras)
    monkeypatch.setattr("pipeline.cameras.camera_rows._schemas_by_header", lambda _: {})
    put(slow, *cameras)
    assert picture(slow) == picture(quick)


def test_columns_grow_with_the_table():
    rng = random.Random(2)
    table = CameraTable()
    cameras = [a_camera(f"cam-{n:05d}", SEOUL[0] + rng.random() / 100, width_px=n + 1) for n in range(5_000)]
    for start in range(0, 5_000, 700):
        put(table, *cameras[start : start + 700])
    rows = np.array([table.row_of(camera.camera_id) for camera in cameras])
    assert table.width_px[rows].tolist() == list(range(1, 5_001))
    assert table.lat_deg[rows].tolist() == [camera.location.lat_deg for camera in cameras]


def test_a_camera_that_moves_keeps_its_row_and_is_found_at_its_new_place():
    table = CameraTable()
    camera = a_camera("a")
    put(table, camera)
    row = table.row_of("a")
    assert found(table, *SEOUL, 10) == [("a", 0.0)]
    moved = dataclasses.replace(
        camera, location=Location(lat_deg=37.6, lon_deg=127.1, accuracy_m=5.0, quality="address")
    )
    put(table, moved)
    assert table.row_of("a") == row
    assert found(table, *SEOUL, 10) == []
    assert found(table, 37.6, 127.1, 10) == [("a", 0.0)]


def a_knowledge(camera_id="cam-1", *, factor=0.5, pole_m=(3.0, -4.0), basis=0, **fields):
    usual = {
        "trust": factor,
        "trust_low": 0.0,
        "trust_high": 1.0,
        "dark": 0.1,
        "factors": (factor,) * 12,
        "pole_east_m": pole_m[0],
        "pole_north_m": pole_m[1],
        "pole_error_m": 6.0,
        "looks": 3,
        "sightings": 1,
        "evidence": b"",
        "since_us": 0,
        "updated_us": 0,
    }
    return CameraKnowledge(camera_id=camera_id, basis=basis, **(usual | fields))


def learned(table, *knowledge, offset=0):
    """Apply knowledge, and for a plain text the tombstone of that camera id; return the errors."""
    keys = [(k if isinstance(k, str) else k.camera_id).encode() for k in knowledge]
    return table.apply_knowledge(keys, [None if isinstance(k, str) else encode(k) for k in knowledge], offset)


def basis_in(table, camera_id="cam-1"):
    return table.learned.basis_of(table.row_of(camera_id))


def test_without_knowledge_every_factor_is_one_and_takes_no_memory():
    table = CameraTable()
    put(table, a_camera("cam-1"))
    assert table.factor.shape == (len(table.alive), 12)
    assert (table.factor == 1).all()
    assert table.factor.strides[0] == 0
    assert np.isnan(table.learned.pole_error_m[0])


def test_knowledge_changes_factors_and_where_the_camera_is_seen_from_and_logs_the_row():
    table = CameraTable(plane=Plane(*SEOUL))
    put(table, a_camera("cam-1"), a_camera("cam-2"))
    row, revision = table.row_of("cam-1"), table.revision
    assert learned(table, a_knowledge(basis=basis_in(table)), offset=5) == []
    assert table.factor[row].tolist() == [0.5] * 12
    assert (table.factor[table.row_of("cam-2")] == 1).all()
    x_m, y_m = table.learned.seen_from_m(np.array([row]))
    assert (x_m[0] - table.x_m[row], y_m[0] - table.y_m[row]) == (4.0, -4.0), "in steps of 4 m"
    assert table.learned.seen_error_m(np.array([row, table.row_of("cam-2")]), 18.0).tolist() == [8.0, 18.0]
    assert table.changed_rows_since(revision).tolist() == [row]
    assert table.version == "cameras@0/health@-1/knowledge@5"


def test_the_same_knowledge_again_changes_nothing_and_a_tombstone_takes_it_back():
    table = CameraTable()
    put(table, a_camera("cam-1"))
    known = a_knowledge(basis=basis_in(table))
    learned(table, known)
    revision = table.revision
    learned(table, known)
    assert table.revision == revision
    learned(table, "cam-1")
    assert table.revision == revision + 1
    assert (table.factor[table.row_of("cam-1")] == 1).all()
    assert len(table.learned) == 0


def test_knowledge_waits_for_its_camera_and_outlives_its_row():
    table, other = CameraTable(), CameraTable()
    put(other, a_camera("cam-1"))
    learned(table, a_knowledge(basis=basis_in(other)))
    put(table, a_camera("cam-1"))
    row = table.row_of("cam-1")
    assert table.factor[row].tolist() == [0.5] * 12
    put(table, "cam-1")
    put(table, a_camera("cam-2"))
    assert table.row_of("cam-2") == row
    assert (table.factor[row] == 1).all()
    put(table, a_camera("cam-1"))
    assert table.factor[table.row_of("cam-1")].tolist() == [0.5] * 12


def test_knowledge_against_another_entry_of_the_registry_is_void_until_that_entry_comes_again():
    table = CameraTable()
    put(table, a_camera("cam-1"))
    learned(table, a_knowledge(basis=basis_in(table)))
    row = table.row_of("cam-1")
    put(table, a_camera("cam-1", SEOUL[0] + 0.0002))
    assert (table.factor[row] == 1).all()
    put(table, a_camera("cam-1", owner="mapo-gu"))
    assert table.factor[row].tolist() == [0.5] * 12
    put(table, a_camera("cam-1", kind="ptz"))
    assert (table.factor[row] == 1).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"factors": (1.0,) * 11}, "out-of-range"),
        ({"factors": (math.nan,) * 12}, "out-of-range"),
        ({"factors": (11.0,) * 12}, "out-of-range"),
        ({"pole_east_m": math.inf}, "out-of-range"),
        ({"pole_error_m": -1.0}, "out-of-range"),
    ],
)
def test_knowledge_out_of_range_is_refused_and_leaves_what_was(changes, reason):
    table = CameraTable()
    put(table, a_camera("cam-1"))
    learned(table, a_knowledge(basis=basis_in(table)))
    wrong = dataclasses.replace(a_knowledge(basis=basis_in(table)), **changes)
    assert reasons(learned(table, wrong)) == [(0, reason)]
    assert table.factor[table.row_of("cam-1")].tolist() == [0.5] * 12


def test_knowledge_is_kept_of_a_bounded_number_of_cameras(monkeypatch):
    monkeypatch.setattr("pipeline.cameras.camera_table.MAX_LEARNED", 2)
    table = CameraTable()
    errors = learned(table, *(a_knowledge(f"cam-{n}") for n in range(3)))
    assert reasons(errors) == [(2, "table-full")]
    assert learned(table, a_knowledge("cam-0", factor=0.25)) == []


def test_factors_follow_when_the_table_grows():
    table = CameraTable()
    put(table, a_camera("cam-1"))
    learned(table, a_knowledge(basis=basis_in(table)))
    put(table, *(a_camera(f"new-{n}") for n in range(1_500)))
    assert len(table.factor) == len(table.alive) > 1_500
    assert table.factor[table.row_of("cam-1")].tolist() == [0.5] * 12
    assert (table.factor[table.row_of("new-1499")] == 1).all()
