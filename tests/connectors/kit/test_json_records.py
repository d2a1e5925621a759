import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_records import record_from_json, record_to_json
from schemas.codec import encode
from schemas.dead_letter import DeadLetter
from schemas.incident import Incident
from schemas.topics import TOPICS
from tests.connectors.helpers import NOON_US, incident
from tests.schemas.examples import ALL_SCHEMAS, example_record

# What only the engine writes and reads never comes as JSON; times that are not set are 0 there.
INTERNAL = ("CaseState", "PtzHead", "SubjectTrack", "WanderingState")
EXAMPLES = [example_record(published) for published in ALL_SCHEMAS if published.record not in INTERNAL]


def good() -> dict[str, Any]:
    value: dict[str, Any] = record_to_json(incident(1))
    return value


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_every_record_survives_its_json_form(example: Any) -> None:
    text = json.dumps(record_to_json(example))
    assert record_from_json(type(example), json.loads(text)) == example


def test_every_topic_has_a_record_that_can_be_read() -> None:
    for topic in TOPICS:
        with pytest.raises(EntryRefusedError, match="must be given"):
            record_from_json(topic.record, {})


@pytest.mark.parametrize(
    ("change", "reason", "field", "message"),
    [
        ({"event_id": ...}, "missing-field", "event_id", "event_id: must be given"),
        ({"event_id": 7}, "wrong-type", "event_id", "event_id: must be a text, got a number"),
        ({"event_id": None}, "wrong-type", "event_id", "must be a text, got null"),
        ({"event_id": "\ud800"}, "wrong-type", "event_id", "a character that does not exist"),
        ({"event_id": "x" * 5_000}, "too-long", "event_id", "at most 4096 characters, got 5000"),
        ({"nickname": "x"}, "unknown-field", None, "only the fields event_id"),
        ({"exercise": "yes"}, "wrong-type", "exercise", "must be true or false, got a text"),
        ({"occurred_us": 1.5}, "wrong-type", "occurred_us", "must be a whole number"),
        ({"occurred_us": True}, "wrong-type", "occurred_us", "got true or false"),
        ({"occurred_us": NOON_US // 1_000}, "impossible-time", "occurred_us", "is it seconds or milliseconds"),
        ({"service": "polise"}, "unknown-code", "service", "must be one of police, fire"),
        ({"location": [37.5, 127]}, "wrong-type", "location", "must be an object, got a list"),
        ({"units": {}}, "wrong-type", "units", "must be a list, got an object"),
        ({"units": [{"route": []}]}, "missing-field", "units[0].unit_ref", "must be given"),
    ],
)
def test_what_is_wrong_is_named_by_field_and_rule(
    change: dict[str, Any], reason: str, field: str | None, message: str
) -> None:
    value = {name: item for name, item in {**good(), **change}.items() if item is not ...}
    with pytest.raises(EntryRefusedError) as raised:
        record_from_json(Incident, value)
    assert (raised.value.reason, raised.value.field) == (reason, field)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("lat_deg", "lon_deg", "reason", "field"),
    [
        (127.0, 37.5, "impossible-coordinates", "location.lat_deg"),
        (37.5, 1270.0, "impossible-coordinates", "location.lon_deg"),
        ("37.5", 127.0, "wrong-type", "location.lat_deg"),
        (10**400, 127.0, "out-of-range", "location.lat_deg"),
    ],
)
def test_impossible_coordinates_are_refused(lat_deg: Any, lon_deg: Any, reason: str, field: str) -> None:
    value = good()
    value["location"] |= {"lat_deg": lat_deg, "lon_deg": lon_deg}
    with pytest.raises(EntryRefusedError) as raised:
        record_from_json(Incident, value)
    assert (raised.value.reason, raised.value.field) == (reason, field)


def test_a_whole_number_is_a_number() -> None:
    value = good()
    value["location"]["lat_deg"] = 37
    assert record_from_json(Incident, value).location.lat_deg == 37.0  # type: ignore[union-attr]


def test_bytes_are_base64() -> None:
    letter = next(example for example in EXAMPLES if isinstance(example, DeadLetter))
    value = record_to_json(letter)
    value["payload"] = "not base64!"
    with pytest.raises(EntryRefusedError, match="payload: must be 'base64:' and base64"):
        record_from_json(DeadLetter, value)


def test_no_message_repeats_a_text_that_was_got() -> None:
    for field in ("service", "status"):
        with pytest.raises(EntryRefusedError) as raised:
            record_from_json(Incident, {**good(), field: "Kim Minsu 010-1234-5678"})
        assert "Minsu" not in str(raised.value)
    with pytest.raises(EntryRefusedError) as raised:
        record_from_json(Incident, {**good(), "010-1234-5678": 1})
    assert "010" not in str(raised.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(good())), _JSON)
def test_any_value_in_any_field_is_either_a_record_that_encodes_or_a_refusal(field: str, value: Any) -> None:
    try:
        record = record_from_json(Incident, {**good(), field: value})
    except EntryRefusedError:
        return
    encode(record)
