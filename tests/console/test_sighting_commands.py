"""Sightings and orders written by hand: one record each, for a case that is there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.publish import partition_of
from console.embedded_broker import EmbeddedBroker
from console.topic_reader import open_topic
from pipeline.reading.batch import RawBatch
from pipeline.reading.intake import read
from schemas.codec import decode
from schemas.topics import BY_NAME, CAMERA_ASSIGNMENTS
from tests.console.assignments import an_assignment
from tests.console.commands import call
from tests.console.topics import write_records
from tests.support.policies import DEMO

CASE = "police_112:1"
DRILL = "police_112:9"
OVER = "fire_119:7"


@pytest.fixture(scope="module")
def with_cases() -> Iterator[EmbeddedBroker]:
    """Give a broker with an open case, a drill, and one that is over."""
    with EmbeddedBroker() as broker:
        call("topics", "create", broker=broker)
        over = an_assignment(OVER, version=2, status="released", reason="closed", cameras=(), where=None)
        records = [an_assignment(CASE), an_assignment(DRILL, exercise=True), an_assignment(OVER), over]
        write_records(broker.bootstrap_servers, "demo.camera-assignments", CAMERA_ASSIGNMENTS, records)
        yield broker


def records(broker: EmbeddedBroker, topic: str) -> list[Any]:
    options = {"bootstrap_servers": [broker.bootstrap_servers]}
    with open_topic(options, BY_NAME[topic], f"demo.{topic}") as reader:
        return list(reader.to_end())


def written(broker: EmbeddedBroker, topic: str, *arguments: str) -> Any:
    """Call a command and return the one record that it added to a topic."""
    before = len(records(broker, topic))
    result = call(*arguments, broker=broker)
    assert result.exit_code == 0, result.output
    after = records(broker, topic)
    assert len(after) == before + 1
    event_id = json.loads(result.stdout)["record"]["event_id"] if "--json" in arguments else result.stdout.split()[-1]
    (found,) = [one for one in after if one.record.event_id == event_id]
    assert found.key == found.record.case_id
    return found.record


def test_a_sighting_is_one_record_with_all_that_was_told(with_cases: EmbeddedBroker) -> None:
    record = written(
        with_cases, "sightings", "sighting", CASE, "--camera", "cam-1", "--seen", "--lat", "37.4", "--lon", "127.4",
        "--accuracy", "5", "--level", "recognise", "--reliability", "0.9", "--ago", "30", "--actor", "op-7", "--json",
    )  # fmt: skip
    assert (record.case_id, record.camera_id, record.result, record.by) == (CASE, "cam-1", "seen", "operator")
    assert (record.location.lat_deg, record.location.lon_deg, record.location.accuracy_m) == (37.4, 127.4, 5.0)
    assert (record.level, record.reliability, record.actor_ref) == ("recognise", 0.9, "op-7")
    assert record.observed_us - record.seen_us == 30_000_000
    assert (record.exercise, record.source) == (False, "console")


def test_not_seen_is_a_sighting_too_and_says_no_more_than_it_was_told(with_cases: EmbeddedBroker) -> None:
    record = written(with_cases, "sightings", "sighting", CASE, "--camera", "cam-1", "--not-seen", "--by", "analytics")
    assert (record.result, record.by) == ("looked-not-seen", "analytics")
    assert (record.location, record.level, record.reliability, record.actor_ref) == (None, None, None, None)


def test_what_is_written_for_a_drill_is_part_of_the_drill(with_cases: EmbeddedBroker) -> None:
    assert written(with_cases, "sightings", "sighting", DRILL, "--camera", "cam-1", "--seen").exercise
    assert written(with_cases, "operator-commands", "order", DRILL, "close", "--actor", "op-7").exercise


@pytest.mark.parametrize("command", ["release", "close", "extend"])
def test_an_order_about_a_case_is_one_record(with_cases: EmbeddedBroker, command: str) -> None:
    arguments = ("order", CASE, command, "--actor", "op-7", "--reason", "shift-change")
    record = written(with_cases, "operator-commands", *arguments)
    assert (record.case_id, record.command, record.camera_id) == (CASE, command, None)
    assert (record.actor_ref, record.reason) == ("op-7", "shift-change")


@pytest.mark.parametrize("command", ["take-over", "resume", "exclude-camera", "pin-camera"])
def test_an_order_about_a_camera_is_one_record(with_cases: EmbeddedBroker, command: str) -> None:
    arguments = ("order", CASE, command, "--camera", "cam-1", "--actor", "op-7", "--json")
    record = written(with_cases, "operator-commands", *arguments)
    assert (record.command, record.camera_id, record.reason) == (command, "cam-1", "unspecified")


def test_a_head_can_be_given_back_when_the_case_is_over(with_cases: EmbeddedBroker) -> None:
    arguments = ("order", OVER, "resume", "--camera", "cam-1", "--actor", "op-7")
    assert written(with_cases, "operator-commands", *arguments).case_id == OVER


def test_the_beginning_of_an_id_is_enough_when_it_is_clear(with_cases: EmbeddedBroker) -> None:
    record = written(with_cases, "operator-commands", "order", "police_112:1", "extend", "--actor", "op-7")
    assert record.case_id == CASE
    result = call("order", "police", "extend", "--actor", "op-7", broker=with_cases)
    assert result.exit_code == 1
    assert "2 open cases begin with 'police': police_112:1, police_112:9" in result.output


@pytest.mark.parametrize(
    ("case", "says"), [("nobody", "no open case 'nobody'"), (OVER, "case fire_119:7 is over (released: closed)")]
)
def test_nothing_is_written_for_a_case_that_is_not_open(with_cases: EmbeddedBroker, case: str, says: str) -> None:
    for topic, arguments in (
        ("sightings", ("sighting", case, "--camera", "cam-1", "--seen")),
        ("operator-commands", ("order", case, "extend", "--actor", "op-7")),
    ):
        before = len(records(with_cases, topic))
        result = call(*arguments, broker=with_cases)
        assert result.exit_code == 1
        assert says in result.output
        assert len(records(with_cases, topic)) == before


def test_a_head_of_a_camera_that_the_case_does_not_hold_cannot_be_taken(with_cases: EmbeddedBroker) -> None:
    result = call("order", CASE, "take-over", "--camera", "cam-2", "--actor", "op-7", broker=with_cases)
    assert result.exit_code == 1
    assert "does not hold camera cam-2" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["sighting", CASE, "--camera", "cam-1"],
        ["sighting", CASE, "--seen"],
        ["sighting", CASE, "--seen", "--lat", "37.4"],
        ["sighting", CASE, "--seen", "--lat", "0", "--lon", "0"],
        ["sighting", CASE, "--seen", "--camera", "c", "--reliability", "1.5"],
        ["sighting", CASE, "--seen", "--camera", "c", "--level", "clear"],
        ["order", CASE, "other", "--actor", "op-7"],
        ["order", CASE, "extend"],
        ["order", CASE, "extend", "--actor", ""],
        ["order", CASE, "extend", "--actor", "op-7", "--reason", "x" * 65],
        ["order", CASE, "extend", "--actor", "op-7", "--camera", "cam-1"],
        ["order", CASE, "take-over", "--actor", "op-7"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_before_any_broker_is_asked(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert "no broker" not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments", [["sighting", CASE, "--camera", "c", "--seen"], ["order", CASE, "extend", "--actor", "op-7"]]
)
def test_a_broker_that_does_not_answer_is_told_in_one_line(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert "no broker answers at 127.0.0.1:1" in line


def test_with_a_pseudonym_key_the_operators_id_is_written_nowhere(
    with_cases: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "0123456789abcdef0123456789abcdef"
    monkeypatch.setenv("GOLDENTIME_PSEUDONYM_KEY", key)
    record = written(with_cases, "operator-commands", "order", CASE, "extend", "--actor", "kim.minji")
    assert record.actor_ref.startswith("s:")
    assert record.actor_ref == Pseudonyms(key.encode()).of("operator", "kim.minji")


def test_what_is_written_is_read_by_the_engine_without_refusal_from_the_cases_own_partition(
    with_cases: EmbeddedBroker,
) -> None:
    sighting = ("sighting", CASE, "--camera", "cam-1", "--seen", "--actor", "op-7")
    order = ("order", CASE, "pin-camera", "--camera", "cam-1", "--actor", "op-7")
    for topic, arguments in (("sightings", sighting), ("operator-commands", order)):
        assert call(*arguments, broker=with_cases).exit_code == 0
        batch, headers = raw_records(with_cases, topic, partition_of(CASE.encode(), 4))
        assert CASE.encode() in batch.keys
        assert headers["ce_type"] == f"goldentime.{BY_NAME[topic].record.__name__}".encode()
        assert headers["ce_source"] == b"/connectors/console"
        newest = batch.values[-1]
        assert newest is not None
        assert headers["ce_id"] == decode(BY_NAME[topic].record, newest).event_id.encode()
        assert read([batch], DEMO).refusals == []


def raw_records(broker: EmbeddedBroker, topic: str, partition: int) -> tuple[RawBatch, dict[str, bytes]]:
    """Return a partition of an input as the worker takes it, and the headers of its newest record."""
    place = TopicPartition(f"demo.{topic}", partition)
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers, group_id=None)
    try:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        found: list[Any] = []
        while not found or consumer.position(place) < (consumer.highwater(place) or 1):
            found += consumer.poll(timeout_ms=200).get(place, [])
    finally:
        consumer.close()
    batch = RawBatch(topic, partition, [], [], [], [])
    for message in found:
        batch.offsets.append(message.offset)
        batch.keys.append(message.key)
        batch.values.append(message.value)
        batch.appended_us.append(message.timestamp * 1000)
    return batch, dict(found[-1].headers)
