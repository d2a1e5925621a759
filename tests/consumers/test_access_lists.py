"""``goldentime topics acl`` lets each do its part and no more: by the lines, and on a Kafka that forbids the rest."""

import json
import shlex
from typing import Any

import pytest
from click.testing import CliRunner
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACL, ACLOperation, ACLPermissionType, KafkaAdminClient, ResourcePattern, ResourceType
from kafka.admin import ACLResourcePatternType as PatternType
from kafka.errors import AuthorizationError

from console.commands import goldentime
from schemas.codec import encode
from schemas.registry import newest_schema
from schemas.topics import CASE_STATES, INCIDENTS, SUBJECT_TRACKS, prefixed
from tests.consumers.city_run import picture_of
from tests.consumers.commands import python_command
from tests.consumers.secured_kafka import SecuredKafka
from tests.schemas.examples import example_record
from tests.support.kafka_server import why_not_available
from tests.support.schema_registry import running_registry
from topologies.schema_registry import SchemaRegistry, register_schemas

POLICE, FIRE, CENTRE = "demo.camera-assignments-police", "demo.camera-assignments-fire", "demo.camera-assignments"
OPTIONS = {"Read": "READ", "Write": "WRITE", "Create": "CREATE", "Describe": "DESCRIBE"}


def lines() -> list[list[str]]:
    """Return the words of each command that is printed."""
    result = CliRunner().invoke(goldentime, ["--broker", "kafka:9092", "--city", "demo", "topics", "acl"])
    assert result.exit_code == 0, result.output
    return [shlex.split(line) for line in result.output.splitlines() if not line.startswith("#")]


def values(words: list[str], option: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == option]


def allowed(principal: str) -> set[tuple[str, str]]:
    """Return what a principal may do, as pairs of operation and topic."""
    return {
        (operation, topic)
        for words in lines()
        if principal in values(words, "--allow-principal")
        for operation in values(words, "--operation")
        for topic in values(words, "--topic")
    }


def test_every_line_is_a_whole_command_of_kafka_acls() -> None:
    for words in lines():
        assert words[:5] == ["kafka-acls.sh", "--bootstrap-server", "kafka:9092", "--add", "--force"]
        assert values(words, "--allow-principal")
        assert values(words, "--operation")
        kinds = [k for k in ("--topic", "--group", "--transactional-id") if values(words, k)]
        assert len(kinds) == 1
        assert values(words, "--resource-pattern-type") in ([], ["prefixed"])


def test_an_agency_may_read_its_projection_and_nothing_else() -> None:
    assert allowed("User:police-112") == {("Read", POLICE), ("Describe", POLICE)}


def test_connectors_may_not_write_what_workers_write_and_not_read_what_others_wrote() -> None:
    may = allowed("User:goldentime-connectors")
    assert ("Write", prefixed("demo")(INCIDENTS.name)) in may
    assert ("Write", "demo.incidents-dlq") in may
    assert not {topic for operation, topic in may if operation == "Read"} - {"demo.connector-cursors"}
    assert not {topic for _, topic in may} & {CENTRE, POLICE, f"demo.{CASE_STATES.name}", f"demo.{SUBJECT_TRACKS.name}"}


def test_sinks_read_decisions_but_no_state_and_no_agencys_projection() -> None:
    may = allowed("User:goldentime-sinks")
    assert {("Read", CENTRE), ("Read", "demo.ptz-commands"), ("Write", "demo.view-sessions")} <= may
    assert not {topic for _, topic in may} & {POLICE, f"demo.{CASE_STATES.name}", f"demo.{SUBJECT_TRACKS.name}"}


def test_as_json_it_is_a_list_of_objects() -> None:
    result = CliRunner().invoke(goldentime, ["--city", "demo", "topics", "acl", "--json"])
    rules: list[dict[str, Any]] = json.loads(result.output)
    assert len(rules) == len(lines())
    assert {rule["kind"] for rule in rules} == {"topic", "group", "transactional-id"}


def acls() -> list[ACL]:
    """Return the printed lines in the form of an admin client."""
    made = []
    for words in lines():
        pattern = PatternType.PREFIXED if "prefixed" in words else PatternType.LITERAL
        kinds = (("--topic", "TOPIC"), ("--group", "GROUP"), ("--transactional-id", "TRANSACTIONAL_ID"))
        made += [
            ACL(
                principal=principal,
                host="*",
                operation=ACLOperation[OPTIONS.get(operation, "DESCRIBE_CONFIGS")],
                permission_type=ACLPermissionType.ALLOW,
                resource_pattern=ResourcePattern(ResourceType[kind], name, pattern),
            )
            for option, kind in kinds
            for name in values(words, option)
            for principal in values(words, "--allow-principal")
            for operation in values(words, "--operation")
        ]
    return made


def read_by(client: dict[str, str], topic: str, group: str | None = None, wait_s: float = 15) -> list[bytes]:
    """Return the first record of a topic that a user gets within a time, if any."""
    consumer = KafkaConsumer(**client, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        consumer.assign([TopicPartition(topic, 0)])
        fetched = consumer.poll(timeout_ms=int(wait_s * 1000), max_records=1)
        return [record.value for records in fetched.values() for record in records]
    finally:
        consumer.close()


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.skipif(why_not_available() is not None, reason=str(why_not_available()))
async def test_on_a_kafka_that_forbids_the_rest_the_police_read_their_topic_and_no_other() -> None:
    assignment = encode(example_record(newest_schema("CameraAssignment")))
    with SecuredKafka(["police-112", "goldentime-connectors"]) as kafka:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        names = (POLICE, FIRE, CENTRE, "demo.incidents")
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1} for name in names})
        admin.wait_for_topics(list(names))
        admin.create_acls(acls())
        admin.close()
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
        for name in names:
            producer.send(name, key=b"a", value=assignment).get(timeout=15)
        producer.close()

        police, connectors = kafka.client_of("police-112"), kafka.client_of("goldentime-connectors")
        assert read_by(police, POLICE, "demo.police-wall") == [assignment]
        for forbidden in (FIRE, CENTRE, "demo.incidents"):
            assert read_by(kafka.administrator(), forbidden) == [assignment]
            assert read_by(police, forbidden, wait_s=3) == []
        writer = KafkaProducer(**connectors, enable_idempotence=False)
        writer.send("demo.incidents", key=b"b", value=b"x").get(timeout=15)
        with pytest.raises(AuthorizationError):
            writer.send(POLICE, key=b"b", value=b"x").get(timeout=15)
        writer.close()
        await the_program_reads_as(kafka, "police-112")


async def the_program_reads_as(kafka: SecuredKafka, user: str) -> None:
    """Run the program of docs/consumers.md as a user: it reads what it may, and says so where it may not."""
    broker = kafka.client_of(user)["bootstrap_servers"]
    words = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": user}
    login = [f"-X{name}={value}" for name, value in (words | {"sasl.password": user}).items()]
    with running_registry() as registry:
        register_schemas(SchemaRegistry(registry.url), "demo")

        def command(topic: str, group: str) -> list[str]:
            return python_command(broker, registry.url, topic, 1, *login, f"-Xgroup.id={group}", quiet_s=2)

        picture, _ = await picture_of(command(POLICE, "demo.police-wall"))
        assert set(picture) == {"a"}
        for topic, group, refused in ((CENTRE, "demo.police-wall", "Topic"), (POLICE, "demo.wall", "Group")):
            with pytest.raises(AssertionError, match=f"{refused} authorization failed"):
                await picture_of(command(topic, group))
