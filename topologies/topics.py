"""Creation of a city's topics with explicit partition counts, on any broker, as often as one likes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError

from schemas.topics import HOUR_MS, TOPICS, Topic, prefixed
from topologies.connection import client_options
from topologies.errors import TopicMismatchError
from topologies.settings import Settings

# A tombstone stays this long, so that a worker which was down for a day still hears that a key is gone.
TOMBSTONE_KEPT_MS = 24 * HOUR_MS
# Compaction starts when half of a log could go, and at most this long after a record was written.
COMPACTION_LAG_MAX_MS = HOUR_MS
SEGMENT_MS = HOUR_MS
READY_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What :func:`ensure_topics` did, by full topic name."""

    created: tuple[str, ...]
    existing: tuple[str, ...]


def ensure_topics(settings: Settings, prefix: str, more: Sequence[Topic] = ()) -> TopicReport:
    """Create the topics of the contract that the broker does not have yet; check those it has.

    Args:
        settings: the brokers, the partition count of case topics and the replication factor.
        prefix: the city's topic prefix.
        more: topics of this city alone, such as those of its projections.

    Raises:
        TopicMismatchError: a topic exists with another partition count; nothing is created then.
    """
    wanted = {prefixed(prefix)(topic.name): topic for topic in (*TOPICS, *more)}
    # The embedded broker refuses idempotent producers; the admin client must not try either.
    admin = KafkaAdminClient(client_id=f"goldentime-{settings.worker_id}-topics", **client_options(settings))
    try:
        existing = partition_counts(admin)
        _check(wanted, existing, settings.case_partitions)
        missing = {name: topic for name, topic in wanted.items() if name not in existing}
        if missing:
            _create(admin, missing, settings)
        return TopicReport(tuple(missing), tuple(name for name in wanted if name in existing))
    finally:
        admin.close()


def partition_counts(admin: Any) -> dict[str, int]:
    """Return how many partitions each topic of the broker has, by name."""
    return {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics() if not topic["error_code"]}


def topic_config(topic: Topic) -> dict[str, str]:
    """Return the broker's configuration of a topic of the contract."""
    config = {"cleanup.policy": "compact" if topic.compacted else "delete"}
    if topic.compacted:
        config["delete.retention.ms"] = str(TOMBSTONE_KEPT_MS)
        config["max.compaction.lag.ms"] = str(COMPACTION_LAG_MAX_MS)
    if topic.retention_ms is not None:
        config["retention.ms"] = str(topic.retention_ms)
        # Only whole segments are deleted, and never the one that is written to: short ones keep retention honest.
        config["segment.ms"] = str(min(SEGMENT_MS, topic.retention_ms))
    if topic.append_time:
        config["message.timestamp.type"] = "LogAppendTime"
    return config


def _check(wanted: Mapping[str, Topic], existing: Mapping[str, int], case_partitions: int) -> None:
    wrong = [
        f"{name} has {existing[name]} partitions, must have {topic.partitions(case_partitions)}"
        for name, topic in wanted.items()
        if name in existing and existing[name] != topic.partitions(case_partitions)
    ]
    if wrong:
        raise TopicMismatchError(
            "; ".join(wrong) + ". A key would meet the wrong worker: delete the topics, or set "
            "GOLDENTIME_CASE_PARTITIONS to what they have"
        )


def _create(admin: Any, missing: Mapping[str, Topic], settings: Settings) -> None:
    specs = {
        name: {
            "num_partitions": topic.partitions(settings.case_partitions),
            "replication_factor": settings.replication_factor,
            "configs": topic_config(topic),
        }
        for name, topic in missing.items()
    }
    # Another worker of the city may have started at the same moment; what it made is checked below.
    with suppress(TopicAlreadyExistsError):
        admin.create_topics(specs, timeout_ms=READY_TIMEOUT_MS)
    admin.wait_for_topics(list(specs), timeout_ms=READY_TIMEOUT_MS)
    _check(missing, partition_counts(admin), settings.case_partitions)
