"""The one list of topics keeps its rules."""

import re

import pytest

from schemas.registry import newest_schema
from schemas.topics import (
    ACCESS_AUDITS,
    BY_NAME,
    CAMERA_HEALTH,
    CAMERA_INPUTS,
    CAMERAS,
    CASE_INPUTS,
    CONDITIONS,
    DAY_MS,
    DEAD_LETTER_SUFFIX,
    INCIDENTS,
    SUBJECT_TRACKS,
    TOPICS,
    VIEW_SESSIONS,
    prefixed,
)
from tests.schemas.examples import RECORD_TYPES, example_record

# Names that are not the plural of their record, and why.
EXCEPTIONS = {"camera-health": "health has no plural", "camera-knowledge": "knowledge has no plural"}
RECORD_TOPICS = [topic for topic in TOPICS if not topic.name.endswith(DEAD_LETTER_SUFFIX)]
DEAD_LETTERS = [topic for topic in TOPICS if topic.name.endswith(DEAD_LETTER_SUFFIX)]


def by_name(topic):
    return topic.name


def plural_of(record):
    words = re.sub(r"(?<!^)(?=[A-Z])", "-", record).lower()
    return words + ("es" if words.endswith(("s", "x")) else "s")


@pytest.mark.parametrize("topic", RECORD_TOPICS, ids=by_name)
def test_a_topic_is_named_by_the_plural_of_its_record(topic):
    assert topic.name == plural_of(topic.record.__name__) or topic.name in EXCEPTIONS


@pytest.mark.parametrize("topic", DEAD_LETTERS, ids=by_name)
def test_a_dead_letter_topic_is_named_after_its_input_and_has_its_partitions(topic):
    origin = BY_NAME[topic.name.removesuffix(DEAD_LETTER_SUFFIX)]
    assert topic.record.__name__ == "DeadLetter"
    assert topic.partitions(12) == origin.partitions(12)
    assert not topic.compacted


@pytest.mark.parametrize("topic", DEAD_LETTERS, ids=by_name)
def test_dead_letters_lie_a_fortnight_but_no_longer_than_an_input_that_is_kept_a_day(topic):
    kept_ms = BY_NAME[topic.name.removesuffix(DEAD_LETTER_SUFFIX)].retention_ms
    # Where people under protection live is as personal as where they are.
    is_personal = kept_ms == DAY_MS or topic.name == "protected-subjects-dlq"
    assert topic.retention_ms == (DAY_MS if is_personal else 14 * DAY_MS)


def test_every_input_has_dead_letters():
    assert {topic.name for topic in DEAD_LETTERS} == {
        t.name + "-dlq" for t in (*CASE_INPUTS, *CAMERA_INPUTS, CAMERAS, CAMERA_HEALTH, CONDITIONS)
    }


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_names_are_unique_kebab_case_without_dots(topic):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", topic.name)
    assert BY_NAME[topic.name] is topic
    assert topic.why


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_a_topic_keeps_either_the_newest_or_a_time(topic):
    assert topic.compacted == (topic.retention_ms is None)


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_the_key_is_a_field_of_the_record(topic):
    record = example_record(newest_schema(topic.record.__name__))
    if topic.key_field is None:
        with pytest.raises(ValueError, match="the key is not a field"):
            topic.key_of(record)
    else:
        assert topic.key_of(record) == getattr(record, topic.key_field).encode()


def test_all_topics_of_a_case_meet_in_one_partition():
    keyed_by_case = [t for t in TOPICS if t.key_field == "case_id" or t in (SUBJECT_TRACKS,)]
    assert {t.partitions(6) for t in keyed_by_case} == {6}
    assert CAMERAS.partitions(6) == 1


def test_inputs_of_decisions_carry_the_brokers_time():
    assert {t.name for t in TOPICS if t.append_time} == {t.name for t in (*CASE_INPUTS, *CAMERA_INPUTS)}


def test_who_looked_is_kept_as_long_as_who_was_allowed_to():
    assert VIEW_SESSIONS.retention_ms == ACCESS_AUDITS.retention_ms == 3 * 365 * DAY_MS
    assert VIEW_SESSIONS in CASE_INPUTS


def test_a_city_prefixes_its_topics_with_a_dot():
    assert prefixed("seoul")(INCIDENTS.name) == "seoul.incidents"
    assert prefixed("")(INCIDENTS.name) == "incidents"


def test_every_record_type_is_on_a_topic():
    assert set(RECORD_TYPES) == {topic.record.__name__ for topic in TOPICS}
