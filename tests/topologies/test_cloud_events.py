from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.cloud_events import rfc3339
from topologies.cloud_events import EventHeaders

EVENTS = EventHeaders("/goldentime/demo")
NOW_US = 1_790_000_000_123_456


def test_a_record_carries_the_five_attributes_of_a_cloud_event() -> None:
    assert dict(EVENTS.of("CameraAssignment", "a/1/2", NOW_US)) == {
        "ce_specversion": b"1.0",
        "ce_id": b"a/1/2",
        "ce_type": b"goldentime.CameraAssignment",
        "ce_source": b"/goldentime/demo",
        "ce_time": b"2026-09-21T14:13:20.123456Z",
    }


def test_state_rows_have_ids_by_key_time_and_content_and_tombstones_have_no_headers() -> None:
    keys = [b"a", b"b", b"a", b"a", b"gone"]
    values = [b"x", b"x", b"x", b"y", None]
    *rows, gone = EVENTS.of_rows("SubjectTrack", keys, values, NOW_US)
    ids = [dict(row)["ce_id"] for row in rows]
    assert gone == []
    assert ids[0] == ids[2]
    assert len(set(ids)) == 3
    assert {dict(row)["ce_type"] for row in rows} == {b"goldentime.SubjectTrack"}
    assert {len(row) for row in rows} == {5}


@given(st.integers(-(10**15), 10**17))
def test_times_are_written_to_the_microsecond(time_us: int) -> None:
    exact = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    assert rfc3339(time_us) == exact.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert datetime.fromisoformat(rfc3339(time_us)) == exact
