"""Camera assignment: alarms and tracker fixes in, which cameras to look through out.

Flow::

    incidents, wandering-alerts, tracker-fixes,
    protected-subjects, view-sessions ──────────┐
    sightings, operator-commands, ptz-grants ───┼─▶ agent of batches ─▶ pump per partition ─▶ case engine, camera desk
    ptz-requests, camera-observations ──────────┘        (Crew)         (one unit of work)           │
    cameras, -health, -knowledge, conditions ─▶ global tables ─▶ camera table ───────────────────────┤
                                                                                                     ▼
    camera-assignments, access-audits, ptz-requests, ptz-commands, ptz-grants, camera-observations, camera-knowledge,
    wandering-alerts, state (case-states, subject-tracks, case-beliefs, wandering-states, ptz-heads), <topic>-dlq,
    input offsets

Join: the inputs of the first three lines are co-partitioned by case_id, so everything about a case meets in one
partition; those of the fourth by camera_id, so a head has one writer. All have the same partition count and are
subscribed together, so Faust gives partition p of all of them to one worker, whose pump p owns both. The camera table
is joined whole (a global table, as of when the unit is decided; its version stands in every decision).

Delivery: exactly once on a broker with transactions, because outputs, state and input offsets are committed in one
transaction per unit. At least once elsewhere: after a crash a unit may be decided again, with the same ids and
versions. A replay of the inputs gives the same decisions. Views that were asked for only take their place in the chain
of access-audits.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from pipeline.reading.batch import Refusal
from schemas.topics import CAMERA_HEALTH, CAMERA_KNOWLEDGE, CAMERAS, CASE_STATES, CONDITIONS, Topic, prefixed
from topologies.app import WorkerApp
from topologies.batches import BatchSchema
from topologies.camera_refusals import CameraRefusals
from topologies.cloud_events import events_of
from topologies.crew import Crew
from topologies.dead_letter_watch import DeadLetterWatch
from topologies.decisions import CameraView, DecisionEngine
from topologies.golden_time import NO_TERMS, CityTerms
from topologies.metrics import FlowMetrics
from topologies.outputs import OutputWriter
from topologies.preparation import Preparation
from topologies.projections import Projection
from topologies.pump import UNIT_INPUTS, Workbench
from topologies.settings import Settings
from topologies.stores import CASE_STORE_URL, FEED_STORE_URL
from topologies.table_feed import Apply, TableFeed
from topologies.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class CameraAssignmentTopology:
    """The parts of the topology that run beside Faust's agents.

    Attributes:
        crew: the pumps.
        feeds: what keeps the camera table up to date, cameras first.
        cameras: the camera table.
        engine: what decides.
        refusals: refused camera rows on their way to their dead-letter topics.
        dead_letters: shows how old the oldest dead letter is.
        unit_of_work: how units are committed.
        metrics: of the worker.
        preparation: what the engine does before the worker joins its group.
        broker_silence_s: tells for how many seconds the broker has not answered a fetch; None before the first answer.
    """

    crew: Crew
    feeds: tuple[TableFeed, ...]
    cameras: CameraView
    engine: DecisionEngine
    refusals: CameraRefusals
    dead_letters: DeadLetterWatch
    unit_of_work: UnitOfWork
    metrics: FlowMetrics
    preparation: Preparation
    broker_silence_s: Callable[[], float | None]


def add_to(
    app: WorkerApp,
    settings: Settings,
    *,
    prefix: str,
    city: str,
    engine: DecisionEngine,
    unit_of_work: UnitOfWork,
    failed: "asyncio.Future[BaseException]",
    projections: Sequence[Projection] = (),
    terms: CityTerms = NO_TERMS,
) -> CameraAssignmentTopology:
    """Add the topology to the app.

    Args:
        app: a new app.
        settings: the worker's settings.
        prefix: the city's topic prefix.
        city: the city's name, for the source of events.
        engine: decides.
        unit_of_work: commits.
        failed: gets the first unexpected error; whoever runs the worker must end it then.
        projections: what each agency gets of the assignments on a topic of its own.
        terms: the city's words for the labels of its metrics.
    """
    full_name = prefixed(prefix)
    metrics = FlowMetrics(terms)
    cameras = engine.new_cameras()
    preparation = Preparation(engine, cameras)
    transport = _Transport(app)
    refusals = CameraRefusals(settings, full_name, metrics, events=events_of(city), is_ours=lambda: 0 in crew.pumps)
    letters = DeadLetterWatch(settings, full_name, metrics, is_ours=lambda: 0 in crew.pumps)

    refused = _answering(refusals, metrics)
    feeds = tuple(
        TableFeed(
            settings,
            topic,
            full_name(topic.name),
            apply=preparation.applying(apply),
            refused=refused,
            read_committed=unit_of_work.guarantee == "transactional",
            set_flow=transport.set_flow,
            restored=metrics.restored,
        )
        for topic, apply in _feeding(cameras)
    )
    bench = Workbench(
        settings=settings,
        engine=engine,
        cameras=cameras,
        unit_of_work=unit_of_work,
        writer=OutputWriter(full_name, city, settings.case_partitions, projections),
        metrics=metrics,
        full_name=full_name,
        end_offset=transport.end_offset,
        set_flow=transport.set_flow,
    )
    crew = Crew(bench, _once(failed), feeds)
    app.batch_control = crew
    _declare_tables(app, settings, full_name(CASE_STATES.name), crew, feeds)
    _declare_agent(app, [full_name(topic.name) for topic in UNIT_INPUTS], crew)
    return CameraAssignmentTopology(
        crew, feeds, cameras, engine, refusals, letters, unit_of_work, metrics, preparation, transport.silence_s
    )


def _answering(refusals: CameraRefusals, metrics: FlowMetrics) -> Callable[[Refusal], None]:
    """Return what is done with refused rows of the tables' topics."""

    def refused(refusal: Refusal) -> None:
        if refusal.topic == CAMERA_KNOWLEDGE.name:
            # Only workers write it: a row without use is counted, and the camera counts as not known any better.
            metrics.dead_letter(refusal.topic, refusal.reason)
        else:
            refusals.add(refusal)

    return refused


def _feeding(cameras: CameraView) -> tuple[tuple[Topic, Apply], ...]:
    return (
        (CAMERAS, cameras.apply_cameras),
        (CAMERA_HEALTH, cameras.apply_health),
        (CAMERA_KNOWLEDGE, cameras.apply_knowledge),
        (CONDITIONS, cameras.apply_conditions),
    )


def _declare_tables(
    app: WorkerApp, settings: Settings, case_states: str, crew: Crew, feeds: tuple[TableFeed, ...]
) -> None:
    for feed in feeds:
        app.GlobalTable(
            feed.topic.name,
            partitions=1,
            key_type=bytes,
            value_type=bytes,
            store=FEED_STORE_URL,
            options={"feed": feed, "topic": feed.full_name},
            changelog_topic=app.topic(feed.full_name, partitions=1, schema=BatchSchema(), acks=False),
            # One event is a whole batch here; a larger buffer would keep changes back.
            recovery_buffer_size=1,
        )
    app.Table(
        CASE_STATES.name,
        partitions=settings.case_partitions,
        key_type=bytes,
        value_type=bytes,
        store=CASE_STORE_URL,
        options={"crew": crew, "topic": case_states},
        changelog_topic=app.topic(case_states, partitions=settings.case_partitions, schema=BatchSchema(), acks=False),
    )


def _declare_agent(app: WorkerApp, topics: list[str], crew: Crew) -> None:
    async def pass_on(stream: Any) -> None:
        """Hand every fetched batch to the pump of its partition; the agent itself decides nothing."""
        async for batch in stream:
            crew.put(batch)

    app.agent(app.topic(*topics, schema=BatchSchema()), name="camera-assignment")(pass_on)


class _Transport:
    """What pumps and feeds may ask of Faust's consumer."""

    def __init__(self, app: WorkerApp) -> None:
        self._app = app

    def end_offset(self, topic: str, partition: int) -> int | None:
        """Return the offset after the newest record the broker has told of, None if it has not yet."""
        end: int | None = self._app.consumer.end_offset(TP(topic, partition))
        return end

    def silence_s(self) -> float | None:
        """Return for how many seconds the broker has not answered a fetch; None before the first answer."""
        consumer = self._app.consumer
        polled = [consumer.last_poll_ms(tp) for tp in consumer.assignment()] if self._app.started else []
        newest_ms = max((ms for ms in polled if ms is not None), default=None)
        return None if newest_ms is None else max(0.0, time.time() - newest_ms / 1000)

    def set_flow(self, topic: str, partition: int, flowing: bool) -> None:
        """Hold a topic's partition back at the broker, or let it flow again."""
        tp = TP(topic, partition)
        if flowing:
            self._app.consumer.on_buffer_drop(tp)
        else:
            self._app.consumer.on_buffer_full(tp)


def _once(failed: "asyncio.Future[BaseException]") -> Any:
    def fail(error: BaseException) -> None:
        if not failed.done():
            failed.set_result(error)

    return fail
