"""Writing to topics the way others do, for tests of what reads them."""

import uuid
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from schemas.codec import encode
from schemas.topics import Topic


def new_name(kind: str) -> str:
    """Return a topic name that no other test uses."""
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def create(bootstrap_servers: str, name: str, partitions: int = 1) -> None:
    """Create a topic."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1}})
        admin.wait_for_topics([name])
    finally:
        admin.close()


def write(
    bootstrap_servers: str, name: str, pairs: Sequence[tuple[bytes, bytes | None]], batches: Sequence[int] = ()
) -> None:
    """Write keys and values to partition 0, in batches of the given sizes, what is left in one."""
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=False, linger_ms=50)
    try:
        rest = list(pairs)
        for size in (*batches, len(pairs)):
            for key, value in rest[:size]:
                producer.send(name, key=key, value=value, partition=0)
            producer.flush()
            rest = rest[size:]
    finally:
        producer.close()


def write_records(bootstrap_servers: str, name: str, topic: Topic, records: Sequence[Any]) -> None:
    """Write records of a topic of the contract to partition 0."""
    write(bootstrap_servers, name, [(topic.key_of(record), encode(record)) for record in records])
