import time
from typing import Any

import pytest

from console.embedded_broker import EmbeddedBroker
from console.errors import BrokerUnavailableError, NoSuchTopicError
from console.topic_reader import newest_by_key, open_topic, require_broker
from schemas.codec import encode
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.console.assignments import an_assignment
from tests.console.topics import create, new_name, write, write_records


def _options(broker: EmbeddedBroker) -> dict[str, Any]:
    return {"bootstrap_servers": [broker.bootstrap_servers]}


def test_reads_to_the_true_end_although_the_broker_tells_another(broker: EmbeddedBroker) -> None:
    name = new_name("ends")
    create(broker.bootstrap_servers, name, partitions=2)
    pairs = [(f"case-{n}".encode(), encode(an_assignment(f"case-{n}"))) for n in range(107)]
    write(broker.bootstrap_servers, name, pairs, batches=(1, 1, 5))
    with open_topic(_options(broker), CAMERA_ASSIGNMENTS, name) as reader:
        read = list(reader.to_end())
    assert [one.key for one in read] == [f"case-{n}" for n in range(107)]
    assert read[0].record == an_assignment("case-0")


def test_an_empty_topic_ends_at_once(broker: EmbeddedBroker) -> None:
    name = new_name("empty")
    create(broker.bootstrap_servers, name, partitions=4)
    with open_topic(_options(broker), CAMERA_ASSIGNMENTS, name) as reader:
        assert list(reader.to_end()) == []


def test_the_newest_record_of_a_key_counts_and_a_tombstone_removes_it(broker: EmbeddedBroker) -> None:
    name = new_name("newest")
    create(broker.bootstrap_servers, name)
    write_records(broker.bootstrap_servers, name, CAMERA_ASSIGNMENTS, [an_assignment("a"), an_assignment("b")])
    write_records(broker.bootstrap_servers, name, CAMERA_ASSIGNMENTS, [an_assignment("a", version=2)])
    write(broker.bootstrap_servers, name, [(b"b", None)])
    with open_topic(_options(broker), CAMERA_ASSIGNMENTS, name) as reader:
        newest = newest_by_key(reader.to_end())
    assert {case_id: record.version for case_id, record in newest.items()} == {"a": 2}


def test_what_does_not_decode_is_passed_over_and_counted(broker: EmbeddedBroker) -> None:
    name = new_name("garbage")
    create(broker.bootstrap_servers, name)
    write(broker.bootstrap_servers, name, [(b"x", b"no avro"), (b"a", encode(an_assignment("a")))])
    with open_topic(_options(broker), CAMERA_ASSIGNMENTS, name) as reader:
        assert [one.key for one in reader.to_end()] == ["a"]
        assert reader.undecodable == 1


def test_only_wanted_keys_are_given(broker: EmbeddedBroker) -> None:
    name = new_name("wanted")
    create(broker.bootstrap_servers, name)
    write_records(broker.bootstrap_servers, name, CAMERA_ASSIGNMENTS, [an_assignment("a"), an_assignment("b")])
    with open_topic(_options(broker), CAMERA_ASSIGNMENTS, name, wanted=lambda key: key == "b") as reader:
        assert [one.key for one in reader.to_end()] == ["b"]


def test_a_missing_topic_is_named_and_not_created(broker: EmbeddedBroker) -> None:
    name = new_name("missing")
    for _ in range(2):
        with (
            pytest.raises(NoSuchTopicError, match=f"no topic {name}"),
            open_topic(_options(broker), CAMERA_ASSIGNMENTS, name),
        ):
            pass


def test_a_broker_that_is_not_there_is_told_within_seconds() -> None:
    started_s = time.monotonic()
    with pytest.raises(BrokerUnavailableError, match=r"no broker answers at 127\.0\.0\.1:1 .*goldentime broker"):
        require_broker({"bootstrap_servers": ["127.0.0.1:1"]})
    assert time.monotonic() - started_s < 8
