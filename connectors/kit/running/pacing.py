"""What the runners of sources and sinks share: how long to pause, and what they count."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

# Asking whether our own broker is back costs nothing, and all wait for it.
BROKER_PAUSE_MAX_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses that grow while a system does not answer.

    There is no jitter: one process runs a connector instance, so no herd comes back at once, and tests stay exact.

    Attributes:
        first_s: the first pause, seconds.
        factor: how much longer each next one is.
        limit_s: the longest, seconds.
    """

    first_s: float = 0.5
    factor: float = 2.0
    limit_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.limit_s or self.factor < 1:
            raise ValueError(f"a pause must be above 0, not above its limit, and not shrink, got {self}")

    def pause_s(self, failures: int) -> float:
        """Return the pause after so many failures in a row (1 or more), seconds."""
        # Beyond 64 steps the power overflows nothing yet and is far over any limit.
        return min(self.limit_s, self.first_s * self.factor ** min(failures - 1, 64))

    def broker_pause_s(self, failures: int) -> float:
        """Return the pause after so many failures of our own broker in a row, seconds."""
        return min(BROKER_PAUSE_MAX_S, self.pause_s(failures))


@dataclass(slots=True)
class ConnectorCounters:
    """What one connector has done since it was started; read it at any time, e.g. for metrics.

    Attributes:
        accepted: source: records the broker acknowledged; sink: records the outside took.
        refused: source: dead letters the broker acknowledged; sink: records that did not decode.
        refusals: refused entries by (topic, reason), counted when they are read.
        waiting: records that are on their way to the broker.
        unavailable: how often the outside or the broker did not answer.
        cursor_writes: how often the position was stored.
        last_entry_us: the clock's now at the newest entry, UTC microseconds; None before the first.
        last_error: why it pauses, without a person's data; None while it works.
    """

    accepted: int = 0
    refused: int = 0
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    waiting: int = 0
    unavailable: int = 0
    cursor_writes: int = 0
    last_entry_us: int | None = None
    last_error: str | None = None


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for so many seconds, or until ``stop`` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def ends(stop: asyncio.Event, task: "asyncio.Future[Any]", *, grace_s: float) -> bool:
    """Wait for a task, once ``stop`` is set only ``grace_s`` more; return whether it ended. Its error is raised."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=grace_s)
        if not task.done():
            return False
        task.result()
        return True
    finally:
        stopped.cancel()
        task.cancel()


@contextlib.asynccontextmanager
async def closing(entries: AsyncIterator[Any]) -> AsyncIterator[None]:
    """Close an iterator that can be closed, so that a source frees what it holds now and not when it is collected."""
    try:
        yield
    finally:
        close = getattr(entries, "aclose", None)
        if close is not None:
            await close()
