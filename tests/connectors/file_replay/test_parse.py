import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.file_replay.parse import LINE_BYTES_MAX, kept_of, parse_line, topic_of
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_records import record_to_json
from schemas.topics import CAMERAS, INCIDENTS
from tests.connectors.helpers import NOON_US, incident

START_US = NOON_US + 3_600_000_000


def line(**changes: Any) -> bytes:
    value = {"topic": "incidents", "record": record_to_json(incident(1)), **changes}
    return json.dumps({name: item for name, item in value.items() if item is not ...}).encode()


def parse(raw: bytes, speed: float = 1.0) -> Any:
    return parse_line(raw, start_us=START_US, speed=speed, now_us=START_US + 5)


def test_a_line_is_a_topic_and_a_record() -> None:
    parsed = parse(line())
    assert (parsed.topic, parsed.record, parsed.key, parsed.at_s) == (INCIDENTS, incident(1), None, None)


def test_times_may_be_counted_from_the_beginning_and_speed_divides_them() -> None:
    record = record_to_json(incident(1)) | {"occurred_us": {"at_s": -30}, "observed_us": {"at_s": 12.5}}
    at_once = parse(line(record=record, at_s=12.5))
    assert (at_once.record.occurred_us, at_once.record.observed_us) == (START_US - 30_000_000, START_US + 12_500_000)
    assert at_once.at_s == 12.5
    twice_as_fast = parse(line(record=record, at_s=12.5), speed=2)
    assert twice_as_fast.record.occurred_us == START_US - 15_000_000
    assert twice_as_fast.at_s == 6.25


def test_the_time_of_reading_is_filled_in_only_where_it_is_missing() -> None:
    record = record_to_json(incident(1))
    assert parse(line(record=record)).record.ingested_us == incident(1).ingested_us
    del record["ingested_us"]
    assert parse(line(record=record)).record.ingested_us == START_US + 5


def test_a_null_record_with_a_key_is_a_tombstone() -> None:
    parsed = parse(line(topic="cameras", record=None, key="cam-1"))
    assert (parsed.topic, parsed.record, parsed.key) == (CAMERAS, None, b"cam-1")


@pytest.mark.parametrize(
    ("raw", "reason", "field"),
    [
        (b'{"topic": "incidents", ', "broken-json", None),
        (b"\xff\xfe", "broken-text", None),
        (b"[]", "broken-json", None),
        (b'{"topic": NaN}', "broken-json", None),
        (b'{"a":' * 100_000, "broken-json", None),
        (b"1" * 10_000, "broken-json", None),
        (b" " * (LINE_BYTES_MAX + 1), "too-large", None),
        (line(topic=...), "missing-field", "topic"),
        (line(topic="accidents"), "unknown-topic", "topic"),
        (line(topic=["incidents"]), "unknown-topic", "topic"),
        (line(record=...), "missing-field", "record"),
        (line(record="x"), "wrong-type", "Incident"),
        (line(record=None), "missing-field", "key"),
        (line(key=7), "wrong-type", "key"),
        (line(ats=3), "unknown-field", None),
        (line(at_s="soon"), "wrong-type", "at_s"),
        (line(at_s=1e12), "out-of-range", "at_s"),
        (line(record={"occurred_us": {"at_s": "x"}}), "wrong-type", "occurred_us.at_s"),
        (line(record={"event_id": "x"}), "missing-field", "source"),
    ],
)
def test_a_bad_line_is_refused_with_reason_and_field(raw: bytes, reason: str, field: str | None) -> None:
    with pytest.raises(EntryRefusedError) as raised:
        parse(raw)
    assert (raised.value.reason, raised.value.field) == (reason, field)


def test_of_a_refused_line_only_what_finds_it_again_is_kept() -> None:
    kept = kept_of(b'{"name": "Kim Minsu"', 7)
    assert json.loads(kept)["line"] == 7
    assert b"Minsu" not in kept


def test_the_topic_of_a_line_is_told_where_it_can_be_read() -> None:
    assert topic_of(line(record="x")) is INCIDENTS
    assert topic_of(b"{") is None


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_refused_with_a_reason_and_never_more(raw: bytes) -> None:
    with pytest.raises(EntryRefusedError):
        parse(raw)
