"""Camera assignments as a worker writes them to Kafka: in transactions, some of which are aborted."""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer, TopicPartition

from connectors.kit.running.publish import partition_of
from schemas.camera_assignment import AssignedCamera, CameraAssignment
from schemas.codec import encode
from schemas.topics import CAMERA_ASSIGNMENTS

PARTITIONS = 4
OPENED_US = 1_772_333_990_000_000
ABORTED = "aborted"


def assignment(case_id: str, version: int = 1, **changes: Any) -> CameraAssignment:
    """Return a version of a case with one camera whose view is open for an hour from now."""
    now_us = time.time_ns() // 1_000
    camera = AssignedCamera(
        camera_id="cam-1", site_id="pole-1", owner="Riverside", role="view", rank=0, distance_m=40.0,
        bearing_deg=10.0, level="observe", p_view=0.6, since_us=now_us,
    )  # fmt: skip
    fields: dict[str, Any] = {
        "case_id": case_id, "opened_us": OPENED_US, "version": version, "event_id": f"{case_id}/{version}",
        "status": "active", "reason": "reported", "exercise": False, "services": ("police",), "kind": "robbery",
        "rank": 1, "occurred_us": now_us, "decided_us": now_us, "valid_from_us": now_us,
        "valid_until_us": now_us + 3_600_000_000, "purpose": "crime-prevention", "legal_basis": "PIPA18-2-3",
        "recipients": ("city-112:control-room",), "cameras": (camera,), "policy_version": "demo",
        "camera_table_version": "cameras@1/health@1",
    }  # fmt: skip
    return CameraAssignment(**(fields | changes))


@dataclass
class AssignmentWriter:
    """Writes assignments of a city in transactions.

    Attributes:
        newest: newest committed version of each case.
        count: how many were committed.
        aborted: how many were aborted.
    """

    producer: AIOKafkaProducer
    topic: str
    newest: dict[str, int]
    count: int = 0
    aborted: int = 0

    async def commit(self, records: Iterable[CameraAssignment]) -> None:
        """Write records in one transaction."""
        async with self.producer.transaction():
            for record in records:
                await self.send(record)
                self.newest[record.case_id] = record.version
                self.count += 1

    async def abort(self, records: Iterable[CameraAssignment]) -> None:
        """Write records in a transaction that is aborted after the broker has them."""
        await self.producer.begin_transaction()
        for record in records:
            await self.send(record)
            self.aborted += 1
        await self.producer.flush()
        await self.producer.abort_transaction()

    async def forget(self, case_ids: Iterable[str]) -> None:
        """Write the tombstones of cases."""
        async with self.producer.transaction():
            for case_id in case_ids:
                await self._put(case_id, None)

    async def send(self, record: CameraAssignment) -> None:
        """Write a record in the transaction that is open."""
        await self._put(record.case_id, encode(record))

    async def _put(self, case_id: str, value: bytes | None) -> None:
        key = case_id.encode()
        await self.producer.send(self.topic, value, key=key, partition=partition_of(key, PARTITIONS))


@asynccontextmanager
async def writer(servers: str, prefix: str) -> AsyncIterator[AssignmentWriter]:
    """Give a writer for as long as the block runs."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=f"{prefix}-writer")
    await producer.start()
    try:
        yield AssignmentWriter(producer, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", {})
    finally:
        await producer.stop()


def group_lag(servers: str, prefix: str, sink: str) -> dict[int, int]:
    """Return by partition how far a sink's committed offset lies behind the end of the assignments."""
    partitions = [TopicPartition(f"{prefix}.{CAMERA_ASSIGNMENTS.name}", number) for number in range(PARTITIONS)]
    consumer = KafkaConsumer(
        bootstrap_servers=servers, group_id=f"{prefix}.sink-{sink}", isolation_level="read_committed",
        enable_auto_commit=False,
    )  # fmt: skip
    try:
        ends = consumer.end_offsets(partitions)
        return {tp.partition: ends[tp] - (consumer.committed(tp) or 0) for tp in partitions}
    finally:
        consumer.close(autocommit=False)
