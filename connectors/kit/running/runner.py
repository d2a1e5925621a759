"""Runs sources: reads, publishes, remembers how far, and stops within two seconds.

Delivery: at least once. A stored cursor never lies beyond a record that the broker has not acknowledged; after a
failure or a restart the source is read again from there, and repeated records carry the event ids they had.

Failures: a source or broker that does not answer is tried again after growing pauses. Anything unexpected ends the run
with that error, because going on would lose what it happened to.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.errors import BrokerUnavailableError, RecordsLostError, SourceUnavailableError
from connectors.kit.running.answering import Answering
from connectors.kit.running.cursors import Cursors
from connectors.kit.running.outbox import Outbox
from connectors.kit.running.pacing import Backoff, ConnectorCounters, closing, ends, pause
from connectors.kit.running.publish import TOO_LARGE, Publisher
from connectors.kit.source import AcknowledgedSource, Refused, Source
from schemas.clock import Clock, SystemClock
from schemas.connector_cursor import ConnectorCursor

logger = logging.getLogger(__name__)

# Together under the two seconds in which a stop must end.
STOP_SOURCE_S = 0.8
STOP_DRAIN_S = 0.5
STOP_CURSOR_S = 0.4
# How often acknowledgements are counted and passed on to sources that wait for them; the position is stored every 2 s.
COLLECT_S = 0.02
YIELD_EVERY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceJob:
    """A source and how to run it.

    Attributes:
        name: name of the instance, under which its cursor is kept, e.g. ``112-seoul``.
        kind: name of the connector, e.g. ``police_112``; in headers and dead letters.
        source: the source.
        backoff: pauses while it does not answer.
        cursor_entries: the position is stored after so many acknowledged entries at the latest,
        cursor_s: or after so many seconds, if it has moved.
        counters: what it has done so far.
    """

    name: str
    kind: str
    source: Source
    backoff: Backoff = field(default_factory=Backoff)
    cursor_entries: int = 5_000
    cursor_s: float = 2.0
    counters: ConnectorCounters = field(default_factory=ConnectorCounters)


async def run_source(
    job: SourceJob, publisher: Publisher, cursors: Cursors, stop: asyncio.Event, clock: Clock | None = None
) -> ConnectorCounters:
    """Run a source until it ends or ``stop`` is set; return what it did.

    Args:
        job: the source and how to run it.
        publisher: where its records go; it is started here if it is not yet, as soon as the broker answers.
        cursors: where its position is kept.
        stop: set it to end the run within two seconds.
        clock: stamps counters and cursors; the machine's if None.

    Raises:
        ConnectorConfigError: a person must mend the configuration.
        RecordsLostError: records could not be delivered and the source, having no cursor, cannot give them again.
        Exception: whatever else the source raises.
    """
    await _SourceRun(job, publisher, cursors, stop, clock or SystemClock()).run()
    return job.counters


async def run_sources(
    jobs: Sequence[SourceJob], publisher: Publisher, cursors: Cursors, stop: asyncio.Event, clock: Clock | None = None
) -> None:
    """Run several sources in this process until all have ended or ``stop`` is set.

    Raises:
        Exception: the first error that ended one of them; the others are stopped in order before.
    """
    await run_together([run_source(job, publisher, cursors, stop, clock) for job in jobs], stop)


async def run_together(runs: Sequence[Awaitable[Any]], stop: asyncio.Event) -> None:
    """Wait for runs that end by themselves or by ``stop``; an error of one stops all and is raised.

    Raises:
        Exception: the first error; later ones are logged.
    """
    tasks = [asyncio.ensure_future(run) for run in runs]
    try:
        pending: set[asyncio.Future[Any]] = set(tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            if any(task.exception() is not None for task in done):
                stop.set()
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in errors[1:]:
        logger.error("another connector ended with %s", type(error).__name__, exc_info=error)
    if errors:
        raise errors[0]


class _SourceRun:
    """One run of one source."""

    def __init__(
        self, job: SourceJob, publisher: Publisher, cursors: Cursors, stop: asyncio.Event, clock: Clock
    ) -> None:
        self._job = job
        self._counters = job.counters
        self._publisher = publisher
        self._cursors = cursors
        self._stop = stop
        self._clock = clock
        # Newest position that the broker has acknowledged everything up to, and the one that is stored.
        self._position: str | None = None
        self._stored: str | None = None
        # (accepted, refused) since the cursor began, before the present reading.
        self._totals = (0, 0)
        # What of the present reading is in the counters already.
        self._counted = (0, 0)
        # The newest cursor of this reading that its source was told; cursors may begin anew with the next.
        self._told: str | None = None
        self._answering = Answering(job.counters, job.source)

    async def run(self) -> None:
        failures = 0
        prepared = False
        while not self._stop.is_set():
            before = self._counters.accepted + self._counters.refused
            try:
                if not prepared:
                    prepared = await self._prepare()
                    continue
                await self._read()
                return
            except (SourceUnavailableError, BrokerUnavailableError) as error:
                went_on = self._counters.accepted + self._counters.refused > before
                failures = 1 if went_on else failures + 1
                self._note(error, failures)
                backoff = self._job.backoff
                is_broker = isinstance(error, BrokerUnavailableError)
                await pause(self._stop, (backoff.broker_pause_s if is_broker else backoff.pause_s)(failures))

    def _note(self, error: Exception, failures: int) -> None:
        self._counters.unavailable += 1
        self._counters.last_error = str(error)
        if failures == 1:  # once per outage: a system that is away for a night must not fill the log
            logger.warning("%s: %s; trying again until it answers", self._job.name, error)

    async def _prepare(self) -> bool:
        """Connect and find the place to go on from; return False when a stop came first."""
        await self._publisher.start()
        reading = asyncio.ensure_future(self._cursors.read(self._job.name))
        if not await ends(self._stop, reading, grace_s=0):
            return False
        saved = reading.result()
        if saved is not None:
            self._position = self._stored = saved.cursor
            self._totals = (saved.accepted, saved.refused)
        return True

    async def _read(self) -> None:
        """Read the source until it ends, fails or is stopped; leave everything settled and the position stored."""
        await self._publisher.start()
        outbox = self._publisher.outbox()
        tasks = [asyncio.ensure_future(self._pump(outbox)), asyncio.ensure_future(self._keep_position(outbox))]
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            _, left = await asyncio.wait(tasks, timeout=STOP_SOURCE_S)
        if left:
            logger.error("%s: the source did not stop within %g s and is left behind", self._job.name, STOP_SOURCE_S)
        failed = [e for task in tasks if task.done() and not task.cancelled() and (e := task.exception()) is not None]
        error = await self._settle(outbox) or next(iter(failed), None)
        if error is not None and not (self._stop.is_set() and isinstance(error, SourceUnavailableError)):
            comes_again = outbox.carries_cursors or getattr(self._job.source, "remembers", False)
            if isinstance(error, BrokerUnavailableError) and not comes_again and outbox.undelivered:
                raise RecordsLostError(
                    f"{self._job.name}: {outbox.undelivered} records could not be delivered, and the source has no "
                    "cursor to read them again from"
                ) from error
            raise error

    async def _pump(self, outbox: Outbox) -> None:
        """Publish the entries of the source from the present position on."""
        counters = self._counters
        entries = self._job.source.entries(self._position)
        async with closing(entries):
            async for entry in entries:
                counters.last_entry_us = self._clock.now_us()
                self._answering.entry_came()
                went_out = await self._publisher.put(outbox, entry, source=self._job.kind)
                if not went_out:
                    reason = entry.reason if isinstance(entry, Refused) else TOO_LARGE
                    counters.refusals[entry.topic.name, reason] += 1
                if outbox.put_count % YIELD_EVERY == 0:
                    await asyncio.sleep(0)  # a source that never waits must not keep the others from running

    async def _keep_position(self, outbox: Outbox) -> None:
        """Count what is acknowledged, look after what is shown, and store the position now and then."""
        stored_count = 0
        began_s = stored_s = time.monotonic()
        # While a position waits to be stored, what is acknowledged must still be passed on.
        storing: asyncio.Future[None] | None = None
        try:
            while True:
                await asyncio.sleep(COLLECT_S)
                outbox.collect()
                self._look(outbox, time.monotonic() - began_s)
                if storing is not None:
                    if not storing.done():
                        continue
                    storing.result()
                    storing = None
                due = outbox.acknowledged - stored_count >= self._job.cursor_entries
                if due or time.monotonic() - stored_s >= self._job.cursor_s:
                    stored_count, stored_s = outbox.acknowledged, time.monotonic()
                    storing = asyncio.ensure_future(self._store(outbox))
        finally:
            if storing is not None:
                storing.cancel()
                await asyncio.gather(storing, return_exceptions=True)

    async def _settle(self, outbox: Outbox) -> BaseException | None:
        """Wait for what is on its way, store the position and return the error there was, if any."""
        watching = asyncio.ensure_future(self._watch(outbox))
        try:
            await ends(self._stop, asyncio.ensure_future(outbox.drain()), grace_s=STOP_DRAIN_S)
            error = None
        except BrokerUnavailableError as failure:
            error = failure
            if not self._stop.is_set():
                # A repeat must come after what is still on its way, or an old record would follow a newer one.
                await self._publisher.give_up(outbox)
        finally:
            watching.cancel()
        self._count(outbox)
        if error is None:
            try:
                await ends(self._stop, asyncio.ensure_future(self._store(outbox)), grace_s=STOP_CURSOR_S)
            except BrokerUnavailableError as failure:
                error = failure
        self._position = outbox.cursor or self._position
        self._totals = (self._totals[0] + outbox.accepted, self._totals[1] + outbox.refused)
        self._counted, self._told = (0, 0), None
        return error

    async def _watch(self, outbox: Outbox) -> None:
        """Keep the counters up to date while what is on its way is waited for; with a broker away that takes long."""
        while True:
            await asyncio.sleep(COLLECT_S)
            self._look(outbox, 0.0)

    def _look(self, outbox: Outbox, reads_s: float) -> None:
        self._count(outbox)
        if self._answering.look(waited_s=outbox.waited_s, reads_s=reads_s):
            logger.warning("%s: %s; its records wait", self._job.name, self._counters.last_error)

    def _count(self, outbox: Outbox) -> None:
        accepted, refused = self._counted
        self._counters.accepted += outbox.accepted - accepted
        self._counters.refused += outbox.refused - refused
        self._counters.waiting = outbox.waiting
        self._counted = (outbox.accepted, outbox.refused)
        source = self._job.source
        if outbox.cursor is not None and outbox.cursor != self._told and isinstance(source, AcknowledgedSource):
            self._told = outbox.cursor
            source.acknowledged(outbox.cursor)

    async def _store(self, outbox: Outbox) -> None:
        if outbox.cursor is None or outbox.cursor == self._stored:
            return
        cursor = ConnectorCursor(
            connector=self._job.name,
            cursor=outbox.cursor,
            accepted=self._totals[0] + outbox.accepted,
            refused=self._totals[1] + outbox.refused,
            updated_us=self._clock.now_us(),
        )
        await self._cursors.write(cursor)
        self._stored = cursor.cursor
        self._counters.cursor_writes += 1
