import dataclasses

import pytest
from kafka.admin import KafkaAdminClient

from schemas.topics import CAMERAS, INCIDENTS, TOPICS, prefixed
from topologies.errors import TopicMismatchError
from topologies.settings import Settings
from topologies.topics import ensure_topics, partition_counts, topic_config


def counts_on(settings: Settings) -> dict[str, int]:
    admin = KafkaAdminClient(bootstrap_servers=list(settings.bootstrap_servers))
    try:
        return partition_counts(admin)
    finally:
        admin.close()


def test_all_topics_of_the_contract_are_created_with_their_partition_counts(settings: Settings, prefix: str) -> None:
    report = ensure_topics(settings, prefix)
    counts = counts_on(settings)
    assert set(report.created) == {f"{prefix}.{topic.name}" for topic in TOPICS}
    for topic in TOPICS:
        assert counts[prefixed(prefix)(topic.name)] == topic.partitions(settings.case_partitions)


def test_creating_again_changes_nothing(settings: Settings, prefix: str) -> None:
    ensure_topics(settings, prefix)
    again = ensure_topics(settings, prefix)
    assert again.created == ()
    assert len(again.existing) == len(TOPICS)


def test_another_partition_count_is_an_error_that_names_topic_and_counts(settings: Settings, prefix: str) -> None:
    ensure_topics(settings, prefix)
    other = dataclasses.replace(settings, case_partitions=3)
    with pytest.raises(TopicMismatchError, match=f"{prefix}.incidents has 2 partitions, must have 3"):
        ensure_topics(other, prefix)


def test_inputs_ask_for_append_time_and_compacted_topics_keep_tombstones() -> None:
    assert topic_config(INCIDENTS)["message.timestamp.type"] == "LogAppendTime"
    assert topic_config(INCIDENTS)["retention.ms"] == str(INCIDENTS.retention_ms)
    assert topic_config(CAMERAS)["cleanup.policy"] == "compact"
    assert "delete.retention.ms" in topic_config(CAMERAS)
    assert "retention.ms" not in topic_config(CAMERAS)


@pytest.mark.slow
@pytest.mark.kafka
def test_real_kafka_accepts_every_topic_configuration(settings: Settings, kafka_broker: str, prefix: str) -> None:
    on_kafka = dataclasses.replace(settings, bootstrap_servers=(kafka_broker,))
    assert len(ensure_topics(on_kafka, prefix).created) == len(TOPICS)
    assert ensure_topics(on_kafka, prefix).created == ()
