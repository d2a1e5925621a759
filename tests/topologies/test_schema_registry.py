"""Schemas registered at a registry of the city's own, over real HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.codec import encode
from schemas.registry import newest_schema, published_schemas
from schemas.topics import TOPICS
from tests.support.kafka_server import free_port
from tests.support.records import an_incident
from tests.support.schema_registry import Registry, running_registry
from topologies.errors import SchemaRegistryError, SettingsError
from topologies.schema_registry import RegistryReport, SchemaRegistry, register_schemas
from topologies.settings import settings_from

VERSIONS_OF = {
    record: sum(schema.record == record for schema in published_schemas().values())
    for record in {topic.record.__name__ for topic in TOPICS}
}
ALL = sum(VERSIONS_OF[topic.record.__name__] for topic in TOPICS)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with running_registry() as running:
        yield running


def test_every_version_of_every_topic_is_registered_with_the_id_that_records_carry(registry: Registry) -> None:
    assert register_schemas(SchemaRegistry(registry.url), "seoul") == RegistryReport(ALL, 0)
    assert registry.subjects.keys() == {f"seoul.{topic.name}-value" for topic in TOPICS}
    for topic in TOPICS:
        ours = {s.version: s for s in published_schemas().values() if s.record == topic.record.__name__}
        theirs = registry.subjects[f"seoul.{topic.name}-value"]
        assert {version: schema_id for version, (schema_id, _) in theirs.items()} == {
            version: schema.schema_id for version, schema in ours.items()
        }
        assert all(json.loads(theirs[version][1]) == schema.schema for version, schema in ours.items())
    assert registry.modes == {}, "nobody else may import after us"


def test_a_second_time_nothing_is_written_and_a_new_version_alone_is_added(registry: Registry) -> None:
    where = SchemaRegistry(registry.url + "/")
    register_schemas(where, "seoul")
    writes = registry.writes
    assert register_schemas(where, "seoul") == RegistryReport(0, ALL)
    assert registry.writes == writes
    newest = newest_schema("SubjectTrack").version
    del registry.subjects["seoul.subject-tracks-value"][newest]
    assert register_schemas(where, "seoul") == RegistryReport(1, ALL - 1)
    assert newest in registry.subjects["seoul.subject-tracks-value"]


def test_the_official_client_decodes_our_records_with_what_was_registered(registry: Registry) -> None:
    register_schemas(SchemaRegistry(registry.url), "")
    decoder = AvroDeserializer(SchemaRegistryClient({"url": registry.url}))
    context = SerializationContext("incidents", MessageField.VALUE)
    assert decoder(encode(an_incident("inc-7")), context)["case_id"] == "inc-7"


def test_an_id_that_is_somebody_elses_is_refused_before_anything_is_written(registry: Registry) -> None:
    registry.subjects["billing-value"] = {1: (newest_schema("Incident").schema_id, '"string"')}
    with pytest.raises(SchemaRegistryError, match="is another schema there, but records carry it for Incident"):
        register_schemas(SchemaRegistry(registry.url), "")
    assert registry.writes == 0


def test_a_version_that_has_another_id_there_is_refused_before_anything_is_written(registry: Registry) -> None:
    text = json.dumps(newest_schema("Incident").schema)
    registry.subjects["incidents-value"] = {1: (4_711, text)}
    with pytest.raises(SchemaRegistryError, match="incidents-value version 1 has id 4711, but records carry"):
        register_schemas(SchemaRegistry(registry.url), "")
    assert registry.writes == 0


def test_a_registry_that_takes_no_ids_is_named_with_what_it_must_allow() -> None:
    with running_registry(may_import=False) as registry:
        with pytest.raises(SchemaRegistryError, match=r"Mode changes are not allowed.*mode\.mutability"):
            register_schemas(SchemaRegistry(registry.url), "")
        assert registry.subjects == {}


def test_who_we_are_comes_from_the_environment_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    variables = {"GOLDENTIME_BOOTSTRAP_SERVERS": "b:1", "GOLDENTIME_CITY": "c"}
    with running_registry(login="gt:s3cret") as registry:
        variables["GOLDENTIME_SCHEMA_REGISTRY_URL"] = registry.url
        anonymous = settings_from(variables).schema_registry
        assert anonymous is not None
        with pytest.raises(SchemaRegistryError, match="HTTP 401, Unauthorized; see GOLDENTIME_SCHEMA_REGISTRY_USER"):
            register_schemas(anonymous, "")
        login = {"GOLDENTIME_SCHEMA_REGISTRY_USER": "gt", "GOLDENTIME_SCHEMA_REGISTRY_PASSWORD_FILE": str(file)}
        known = settings_from(variables | login).schema_registry
        assert known is not None
        assert "s3cret" not in repr(known)
        assert register_schemas(known, "").registered == ALL


def test_a_registry_that_does_not_answer_is_an_error_with_its_address() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(SchemaRegistryError, match=f"{url}: GET .*: no answer"):
        register_schemas(SchemaRegistry(url), "")


@pytest.mark.parametrize("url", ["ftp://x", "registry:8081", "http://user:pw@x", "http://"])
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="schema_registry_url must be") as refused:
        SchemaRegistry(url)
    assert "user:pw" not in str(refused.value)


def test_a_user_without_a_password_is_refused() -> None:
    with pytest.raises(SettingsError, match="belong together"):
        SchemaRegistry("http://x", "gt")
