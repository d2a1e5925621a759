"""Records go to bytes and back, standard clients read and write the same bytes, and rubbish has a reason."""

import dataclasses

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.codec import MAX_RECORD_BYTES, decode, encode, wire_header
from schemas.errors import RecordDecodeError, RecordEncodeError
from schemas.registry import newest_schema
from schemas.topics import TOPICS
from schemas.tracker_fix import TrackerFix
from tests.schemas.examples import RECORD_TYPES, example_fields, example_record
from tests.schemas.registry_stub import registry_stub

A_FIX = example_record(newest_schema("TrackerFix"))
PAYLOAD = encode(A_FIX)
TOPIC_OF = {topic.record.__name__: topic.name for topic in TOPICS}


@pytest.fixture(scope="module")
def registry():
    with registry_stub() as url, SchemaRegistryClient({"url": url}) as client:
        yield client


def context(record):
    return SerializationContext(TOPIC_OF[record], MessageField.VALUE)


@pytest.mark.parametrize("record", RECORD_TYPES)
def test_the_official_deserializer_reads_what_we_write(registry, record):
    published = newest_schema(record)
    read = AvroDeserializer(registry)(encode(example_record(published)), context(record))
    assert read == example_fields(published)


@pytest.mark.parametrize("record", RECORD_TYPES)
def test_we_read_what_the_official_serializer_writes(registry, record):
    published = newest_schema(record)
    write = AvroSerializer(registry, conf={"auto.register.schemas": False, "use.latest.version": True})
    payload = write(example_fields(published), context(record))
    assert payload == encode(example_record(published))
    assert decode(RECORD_TYPES[record], payload) == example_record(published)


def test_a_record_begins_with_zero_and_its_schema_id():
    assert PAYLOAD[:5] == wire_header(TrackerFix) == b"\0" + newest_schema("TrackerFix").schema_id.to_bytes(4, "big")


def header(number):
    return b"\0" + number.to_bytes(4, "big")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, "not-confluent-framed"),
        (b"", "not-confluent-framed"),
        (b"\0\0\0", "not-confluent-framed"),
        (b'{"lat": 37.5}', "not-confluent-framed"),
        (PAYLOAD + b"\0" * MAX_RECORD_BYTES, "too-large"),
        (header(999_999) + PAYLOAD[5:], "unknown-schema"),
        (header(newest_schema("Camera").schema_id) + PAYLOAD[5:], "wrong-record"),
        (PAYLOAD[:5], "avro"),
        (PAYLOAD[:-1], "avro"),
        (PAYLOAD + b"\0", "avro"),
        (PAYLOAD[:5] + b"\x04\xff\xfe" + PAYLOAD[5:], "avro"),
        (PAYLOAD[:5] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + PAYLOAD[5:], "avro"),
    ],
)
def test_bytes_that_are_no_such_record_are_refused_with_a_reason(payload, reason):
    with pytest.raises(RecordDecodeError) as refused:
        decode(TrackerFix, payload)
    assert refused.value.reason == reason
    assert A_FIX.subject_ref not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"fix_us": "noon"},
        {"fix_us": 2**63},
        {"fix_us": None},
        {"speed_mps": "fast"},
        {"location": None},
        {"case_id": 7},
    ],
)
def test_a_record_whose_values_do_not_fit_is_refused(changes):
    with pytest.raises(RecordEncodeError, match="TrackerFix does not fit its schema"):
        encode(dataclasses.replace(A_FIX, **changes))


def test_text_of_any_script_goes_round():
    record = dataclasses.replace(A_FIX, source="치매 추적기 🚸", subject_ref="")
    assert decode(TrackerFix, encode(record)) == record


def test_every_cut_of_a_record_is_refused_and_none_crashes():
    for end in range(len(PAYLOAD)):
        with pytest.raises(RecordDecodeError):
            decode(TrackerFix, PAYLOAD[:end])
