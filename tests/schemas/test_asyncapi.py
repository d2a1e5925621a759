"""The AsyncAPI document: made of the topics and schemas, complete, every reference leads somewhere, and never stale.

``test_asyncapi_official.py`` holds it against AsyncAPI's own parser, where that can be run.
"""

import json

import pytest

import schemas.publish
from schemas.asyncapi import asyncapi_document, asyncapi_text, channel_id
from schemas.publish import ASYNCAPI_PATH, main
from schemas.topics import TOPICS
from schemas.written_topics import PROJECTION, WRITTEN_BY_WORKERS
from schemas.yaml_text import yaml_text

DOCUMENT = asyncapi_document()
CHANNELS = DOCUMENT["channels"]


def references(value):
    """Return every ``$ref`` in a document."""
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for member in value.values() for found in references(member)]
    return [found for member in value for found in references(member)] if isinstance(value, list) else []


def looked_up(pointer):
    found = DOCUMENT
    for name in pointer.removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_every_topic_is_a_channel_with_its_partitions_and_how_long_it_is_kept():
    assert list(CHANNELS) == [*(topic.name for topic in TOPICS), "camera-assignments-by-agency"]
    assert CHANNELS["incidents"]["address"] == "{city}.incidents"
    assert CHANNELS["camera-assignments-by-agency"]["address"] == "{city}.camera-assignments-{agency}"
    for topic in (*TOPICS, PROJECTION):
        kafka = CHANNELS[channel_id(topic)]["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions(4)
        assert kafka["topicConfiguration"]["cleanup.policy"] == ["compact" if topic.compacted else "delete"]
        assert kafka["topicConfiguration"].get("retention.ms") == topic.retention_ms


def test_every_reference_leads_somewhere_and_every_message_has_its_newest_published_schema():
    for reference in references(DOCUMENT):
        if reference.startswith("#/"):
            assert looked_up(reference)
        else:
            schema = json.loads((ASYNCAPI_PATH.parent / reference).read_text("utf-8"))
            assert schema["type"] == "record"
    messages = DOCUMENT["components"]["messages"]
    assert set(messages) == {topic.record.__name__ for topic in TOPICS}
    assert all(f"/{name}/v" in message["payload"]["schema"]["$ref"] for name, message in messages.items())


def test_workers_receive_what_they_do_not_send_and_cursors_are_none_of_theirs():
    actions = {}
    for operation in DOCUMENT["operations"].values():
        channel = operation["channel"]["$ref"].rpartition("/")[2]
        actions.setdefault(channel, set()).add(operation["action"])
    assert set(CHANNELS) - set(actions) == {"connector-cursors"}
    assert actions["incidents"] == {"receive"}
    assert actions["incidents-dlq"] == {"send"}
    assert actions["ptz-grants"] == {"receive", "send"}
    assert all("send" in actions[channel_id(topic)] for topic in WRITTEN_BY_WORKERS)


def test_every_message_carries_the_attributes_of_a_cloud_event():
    trait = DOCUMENT["components"]["messageTraits"]["cloudEvent"]["headers"]
    assert set(trait["required"]) == {"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"}
    for message in DOCUMENT["components"]["messages"].values():
        assert message["traits"] == [{"$ref": "#/components/messageTraits/cloudEvent"}]


def test_the_document_in_the_docs_is_the_one_of_today():
    assert ASYNCAPI_PATH.read_text("utf-8") == asyncapi_text()


def test_a_stale_document_is_told_and_mended(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(schemas.publish, "ASYNCAPI_PATH", tmp_path / "asyncapi.yaml")
    assert main(["--check"]) == 1
    assert "run make schemas" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_yaml_is_written_as_block_text_that_needs_no_guessing():
    value = {"a": {"b": [1, "two", {"c": True, "d": []}, {}]}, "$ref": "#/x: y", "no": "on", "1st": "3.0.0"}
    assert yaml_text(value).splitlines() == [
        "a:",
        "  b:",
        "    - 1",
        '    - "two"',
        "    - c: true",
        "      d: []",
        "    - {}",
        '"$ref": "#/x: y"',
        '"no": "on"',
        '"1st": "3.0.0"',
    ]
    with pytest.raises(TypeError, match="got float"):
        yaml_text({"a": 0.5})
