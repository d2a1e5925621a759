"""Keeps a table equal to a public compacted topic: loaded in bulk at start, then changed in small slices.

A re-import of the whole registry while running brings as many rows as the table has. They are applied in slices short
enough, and with pauses long enough, that no decision waits noticeably.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import TopicPartition

from pipeline.reading.batch import Refusal
from schemas.topics import Topic
from topologies.batches import RecordBatch
from topologies.reading import BulkReader
from topologies.settings import Settings

Apply = Callable[[Sequence[bytes | None], Sequence[bytes | None], int], Sequence[tuple[int, Exception]]]
# A slice takes about this long; half of the time between slices is left to decisions.
SLICE_S = 0.010
ROWS_MIN, ROWS_FIRST, ROWS_MAX = 20, 500, 20_000
# Beyond this many waiting rows the topic is held back at the broker; half of it, and it flows again.
WAITING_ROWS_MAX = 50_000


class TableFeed:
    """Feeds one table from one topic of a single partition.

    Args:
        settings: how to reach the broker.
        topic: the topic of the contract.
        full_name: its name in the city.
        apply: puts rows into the table and returns the refused ones.
        refused: told of every refused row.
        read_committed: whether to leave out records of aborted transactions.
        set_flow: tells the transport to hold the topic back (False) or let it flow (True).
        restored: told how many seconds a catching up took.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        full_name: str,
        *,
        apply: Apply,
        refused: Callable[[Refusal], None],
        read_committed: bool,
        set_flow: Callable[[str, int, bool], None],
        restored: Callable[[str, float], None],
    ) -> None:
        self.topic = topic
        self.full_name = full_name
        self.loaded = False
        self.next_offset = 0
        self.newest_us = 0
        self.rows = 0
        self._settings = settings
        self._apply_rows = apply
        self._refused = refused
        self._read_committed = read_committed
        self._set_flow = set_flow
        self._restored = restored
        self._waiting: deque[Any] = deque()
        self._arrived = asyncio.Event()
        self._lock = asyncio.Lock()
        self._held_back = False
        self._lost_some = False
        self._slice_rows = ROWS_FIRST

    @property
    def waiting(self) -> int:
        """How many rows wait to be applied."""
        return len(self._waiting)

    @property
    def expected_offset(self) -> int:
        """The first offset that neither is applied nor waits."""
        return self._waiting[-1].offset + 1 if self._waiting else self.next_offset

    async def catch_up(self) -> None:
        """Read from where the table stands to the end of the topic; the first time that is the whole topic."""
        async with self._lock:
            started_s = time.monotonic()
            self._forget_waiting()
            reader = BulkReader(self._settings, read_committed=self._read_committed)
            async for _, records in reader.read({TopicPartition(self.full_name, 0): self.next_offset}):
                await self._apply_in_slices(records, pause=self.loaded)
            self.next_offset = max(self.next_offset, *reader.positions.values())
            self.loaded = True
            while self._waiting and self._waiting[0].offset < self.next_offset:
                self._waiting.popleft()
            self._restored(self.topic.name, time.monotonic() - started_s)

    def take(self, records: RecordBatch) -> None:
        """Take rows that were written while the worker runs; returns at once."""
        expected = self.expected_offset
        if records.follows is not None and records.follows > expected and records[0].offset > expected:
            self._lost_some = True  # dropped on the way in a rebalance; read again below
        self._waiting.extend(record for record in records if record.offset >= expected)
        if len(self._waiting) > WAITING_ROWS_MAX and not self._held_back:
            self._held_back = True
            self._set_flow(self.full_name, 0, False)
        self._arrived.set()

    async def run(self) -> None:
        """Apply what arrives, until cancelled. Any exception ends the worker."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self._lost_some:
                self._lost_some = False
                await self.catch_up()
                continue
            async with self._lock:
                while self._waiting:
                    rows = [self._waiting.popleft() for _ in range(min(self._slice_rows, len(self._waiting)))]
                    await self._apply_in_slices(rows, pause=True)
                    self._let_flow()

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        self._let_flow()

    def _let_flow(self) -> None:
        if self._held_back and len(self._waiting) <= WAITING_ROWS_MAX // 2:
            self._held_back = False
            self._set_flow(self.full_name, 0, True)

    async def _apply_in_slices(self, records: Sequence[Any], *, pause: bool) -> None:
        start = 0
        while start < len(records):
            slice_ = records[start : start + self._slice_rows]
            start += len(slice_)
            started_s = time.perf_counter()
            self._apply(slice_)
            taken_s = time.perf_counter() - started_s
            self._slice_rows = _fitting_rows(len(slice_), taken_s)
            await asyncio.sleep(taken_s if pause else 0)

    def _apply(self, records: Sequence[Any]) -> None:
        last = records[-1]
        keys, values = [record.key for record in records], [record.value for record in records]
        for index, error in self._apply_rows(keys, values, last.offset):
            self._refused(self._refusal(records[index], error))
        self.rows += len(records)
        self.next_offset = last.offset + 1
        self.newest_us = last.timestamp * 1000

    def _refusal(self, record: Any, error: Exception) -> Refusal:
        return Refusal(
            topic=self.topic.name,
            partition=0,
            offset=record.offset,
            key=record.key,
            payload=record.value or b"",
            reason=getattr(error, "reason", "invalid"),
            field=getattr(error, "field", None),
            message=str(error),
            now_us=record.timestamp * 1000,
        )


def _fitting_rows(rows: int, taken_s: float) -> int:
    """Return how many rows fit into a slice, from how long the last slice took; at most twice as many as it had."""
    fitting = int(rows * SLICE_S / max(taken_s, 1e-6))
    return max(ROWS_MIN, min(fitting, 2 * max(rows, ROWS_MIN), ROWS_MAX))
