"""Records that wait to become a unit of work, as columns; the engine orders those of a unit over the topics."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.reading.batch import RawBatch
from topologies.batches import RecordBatch


@dataclass(slots=True)
class Waiting:
    """Records of one partition that wait to be decided on, in order of arrival, as columns per fetched batch.

    Attributes:
        batches: what was fetched; batches of a topic are in offset order.
        records: how many records they hold.
    """

    batches: list[RawBatch] = field(default_factory=list)
    records: int = 0

    def add(self, batch: RawBatch) -> None:
        """Append a fetched batch."""
        self.batches.append(batch)
        self.records += len(batch.offsets)

    def take(self, records_max: int) -> list[RawBatch]:
        """Remove and return the first batches, at most ``records_max`` records; a batch is cut if need be."""
        taken: list[RawBatch] = []
        room = records_max
        while self.batches and room > 0:
            batch = self.batches[0]
            if len(batch.offsets) > room:
                self.batches[0] = part(batch, room, len(batch.offsets))
                batch = part(batch, 0, room)
            else:
                self.batches.pop(0)
            taken.append(batch)
            room -= len(batch.offsets)
        self.records -= records_max - room
        return taken

    def put_back(self, batches: Sequence[RawBatch]) -> None:
        """Have batches that were taken wait again, before all others."""
        self.batches[:0] = batches
        self.records += sum(len(batch.offsets) for batch in batches)

    def clear(self) -> None:
        """Forget everything that waits."""
        self.batches.clear()
        self.records = 0


def raw_batch(records: RecordBatch, topic: str, next_offset: int) -> RawBatch | None:
    """Return fetched records as columns, without those below ``next_offset``; None if nothing is left.

    Faust reads again from the committed offsets after every rebalance, so records may come a second time.

    Args:
        records: aiokafka's records of one topic and partition.
        topic: the topic's name without the city's prefix.
        next_offset: the first offset not yet worked on.
    """
    if records[0].offset < next_offset:
        records = RecordBatch(record for record in records if record.offset >= next_offset)
        if not records:
            return None
    return RawBatch(
        topic=topic,
        partition=records[0].partition,
        offsets=[record.offset for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        appended_us=[record.timestamp * 1000 for record in records],
    )


def part(batch: RawBatch, start: int, end: int) -> RawBatch:
    """Return the records at positions ``start`` to ``end`` of a batch."""
    return RawBatch(
        topic=batch.topic,
        partition=batch.partition,
        offsets=batch.offsets[start:end],
        keys=batch.keys[start:end],
        values=batch.values[start:end],
        appended_us=batch.appended_us[start:end],
    )


def split_at(batches: Sequence[RawBatch], moment_us: int) -> tuple[list[RawBatch], list[RawBatch]]:
    """Return the records up to a moment, and those from after it; a topic's records stay in the order of their offsets.

    Args:
        batches: those of a topic in offset order.
        moment_us: UTC microseconds; what was appended then is not after it.
    """
    until: list[RawBatch] = []
    after: list[RawBatch] = []
    for batch in batches:
        end = next((i for i, us in enumerate(batch.appended_us) if us > moment_us), len(batch.offsets))
        if any(earlier.topic == batch.topic for earlier in after):
            end = 0
        if end:
            until.append(part(batch, 0, end) if end < len(batch.offsets) else batch)
        if end < len(batch.offsets):
            after.append(part(batch, end, len(batch.offsets)) if end else batch)
    return until, after


def next_offsets(batches: Sequence[RawBatch]) -> dict[str, int]:
    """Return the offset after the last record of each topic."""
    return {batch.topic: batch.offsets[-1] + 1 for batch in batches}
