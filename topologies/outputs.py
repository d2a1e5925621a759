"""What a step decided, as records for the broker with CloudEvents headers: public ones, state rows, dead letters."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pipeline.reading.batch import StepResult
from schemas.codec import encode
from schemas.topics import (
    ACCESS_AUDITS,
    CAMERA_ASSIGNMENTS,
    CAMERA_KNOWLEDGE,
    CAMERA_OBSERVATIONS,
    CASE_BELIEFS,
    CASE_INPUTS,
    CASE_STATES,
    PTZ_COMMANDS,
    PTZ_GRANTS,
    PTZ_HEADS,
    PTZ_REQUESTS,
    SUBJECT_TRACKS,
    WANDERING_ALERTS,
    WANDERING_STATES,
    Topic,
)
from schemas.written_topics import projection_topic
from topologies.cloud_events import events_of
from topologies.dead_letters import dead_letters
from topologies.partitioning import partition_of
from topologies.projections import Projection, Projector
from topologies.unit_of_work import Outgoing

# The single partition of topics that every worker reads whole.
ONLY_PARTITION = 0


class OutputWriter:
    """Turns step results into records for a city's topics.

    Args:
        full_name: turns a topic's name into its name in the city.
        city: the city's name, for the source of events.
        partitions: of the co-partitioned topics; what changes its key goes where its new key belongs.
        projections: what each agency gets of the assignments on a topic of its own.
    """

    def __init__(
        self,
        full_name: Callable[[str], str],
        city: str,
        partitions: int = 1,
        projections: Sequence[Projection] = (),
    ) -> None:
        self._full_name = full_name
        self._partitions = partitions
        self._events = events_of(city)
        self._projector = Projector(projections)
        # An agency's part of an assignment is another event than the whole: the same id, of another source.
        self._projection_events = {p.name: events_of(f"{city}/{p.name}") for p in projections}
        self._of_cases = frozenset(full_name(topic.name) for topic in CASE_INPUTS)
        self._of_heads = frozenset({full_name(PTZ_REQUESTS.name)})
        self._of_looks = frozenset({full_name(CAMERA_OBSERVATIONS.name)})

    def outgoing(self, result: StepResult, now_us: int, written_us: int | None = None) -> list[Outgoing]:
        """Return the records of a step, topics without any left out.

        Without transactions their order counts: what was decided comes before the state it was decided from. The state
        of a topic covers the inputs it was made from, and its first rows to arrive say how far it stands; what follows
        with the same cover is mended by what comes next: a track by the next fix, a belief by the next evidence.

        Args:
            result: what the step decided.
            now_us: time of state rows and tombstones, which have none of their own.
            written_us: time of what comes back as an input, where the broker gives it none; ``now_us`` unless told. It
                must not lie before what is decided meanwhile, or a replay would read it too early.
        """
        now_ms = now_us // 1000
        written_ms = now_ms if written_us is None else written_us // 1000
        outgoing = [
            *dead_letters(result.refusals, self._full_name, self._events),
            self._assignments(result, now_ms),
            *self._projections(result, now_ms),
            self._public(ACCESS_AUDITS, ((a, a.from_us) for a in result.audits)),
            *self._by_key(self._public(PTZ_REQUESTS, ((r, r.requested_us) for r in result.ptz_requests)), written_ms),
            *self._by_key(
                self._public(CAMERA_OBSERVATIONS, ((o, o.observed_us) for o in result.observations)), written_ms
            ),
            self._public(PTZ_COMMANDS, ((c, c.issued_us) for c in result.ptz_commands)),
            *self._by_key(self._public(PTZ_GRANTS, ((g, g.decided_us) for g in result.ptz_grants)), written_ms),
            *self._by_key(self._public(WANDERING_ALERTS, ((a, a.ingested_us) for a in result.alerts)), written_ms),
            self._heads(result, now_ms),
            self._knowledge(result, now_ms),
            self._case_states(result, now_ms),
            self._finished_rows(SUBJECT_TRACKS, result.tracks, now_ms, self._of_cases),
            self._finished_rows(CASE_BELIEFS, result.beliefs, now_ms, self._of_cases),
            self._finished_rows(WANDERING_STATES, result.outings, now_ms, self._of_cases),
        ]
        return [records for records in outgoing if records.keys]

    def _assignments(self, result: StepResult, now_ms: int) -> Outgoing:
        assignments = self._public(CAMERA_ASSIGNMENTS, ((a, a.decided_us) for a in result.assignments))
        for case_id, state in result.case_states.items():
            if state is None:
                # Forgetting a case forgets its picture too; the tombstone comes after its last version.
                assignments.add(case_id.encode(), None, now_ms)
        return assignments

    def _projections(self, result: StepResult, now_ms: int) -> list[Outgoing]:
        """Return what each agency gets, one ``Outgoing`` per projection; nothing where a city has none."""
        if not self._projector.projections:
            return []
        parts = {p.name: Outgoing(self._full_name(projection_topic(p.name).name)) for p in self._projector.projections}
        for assignment in result.assignments:
            key, time_us = assignment.case_id.encode(), assignment.decided_us
            for name, view in self._projector.rows(assignment):
                if view is None:
                    parts[name].add(key, None, time_us // 1000)
                else:
                    headers = self._projection_events[name].of("CameraAssignment", view.event_id, time_us)
                    parts[name].add(key, encode(view), time_us // 1000, headers)
        for case_id, state in result.case_states.items():
            if state is None:
                for name in sorted(self._projector.forget(case_id)):
                    parts[name].add(case_id.encode(), None, now_ms)
        return list(parts.values())

    def _case_states(self, result: StepResult, now_ms: int) -> Outgoing:
        rows = [
            (case_id.encode(), None if state is None else encode(state))
            for case_id, state in result.case_states.items()
        ]
        states = self._finished_rows(CASE_STATES, rows, now_ms, self._of_cases)
        decided = (None if state is None else state.decided_us for state in result.case_states.values())
        states.timestamps_ms = [now_ms if time_us is None else time_us // 1000 for time_us in decided]
        return states

    def _heads(self, result: StepResult, now_ms: int) -> Outgoing:
        rows = [
            (camera_id.encode(), None if head is None else encode(head)) for camera_id, head in result.heads.items()
        ]
        return self._finished_rows(PTZ_HEADS, rows, now_ms, self._of_heads)

    def _knowledge(self, result: StepResult, now_ms: int) -> Outgoing:
        knowledge = Outgoing(self._full_name(CAMERA_KNOWLEDGE.name), partition=ONLY_PARTITION, covers=self._of_looks)
        for camera_id, known in result.knowledge.items():
            if known is None:
                knowledge.add(camera_id.encode(), None, now_ms)
            else:
                headers = self._events.of("CameraKnowledge", f"{camera_id}/{known.updated_us}", known.updated_us)
                knowledge.add(camera_id.encode(), encode(known), now_ms, headers)
        return knowledge

    def _public(self, topic: Topic, records: Iterable[tuple[Any, int]]) -> Outgoing:
        """Return records with CloudEvents headers, each with its own time in microseconds."""
        outgoing, name = Outgoing(self._full_name(topic.name)), topic.record.__name__
        for record, time_us in records:
            headers = self._events.of(name, record.event_id, time_us)
            outgoing.add(topic.key_of(record), encode(record), time_us // 1000, headers)
        return outgoing

    def _finished_rows(
        self, topic: Topic, rows: Sequence[tuple[bytes, bytes | None]], now_ms: int, covers: frozenset[str]
    ) -> Outgoing:
        """Return rows of state that are in the wire format already; there may be thousands in a unit."""
        outgoing = Outgoing(self._full_name(topic.name), covers=covers)
        outgoing.keys = [key for key, _ in rows]
        outgoing.values = [value for _, value in rows]
        outgoing.timestamps_ms = [now_ms] * len(rows)
        outgoing.headers = self._events.of_rows(topic.record.__name__, outgoing.keys, outgoing.values, now_ms * 1000)
        return outgoing

    def _by_key(self, outgoing: Outgoing, written_ms: int) -> list[Outgoing]:
        """Return records by the partition of their key, written at a time: another worker may own it."""
        parts: dict[int, Outgoing] = {}
        for key, value, headers in zip(outgoing.keys, outgoing.values, outgoing.headers, strict=True):
            partition = partition_of(key or b"", self._partitions)
            part = parts.setdefault(partition, Outgoing(outgoing.topic, partition=partition))
            part.add(key, value, written_ms, headers)
        return [parts[partition] for partition in sorted(parts)]
