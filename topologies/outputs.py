"""What a step decided, as records for the broker: public ones with CloudEvents headers, state rows, dead letters."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
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
    Topic,
)
from topologies.dead_letters import dead_letters
from topologies.partitioning import partition_of
from topologies.unit_of_work import NO_HEADERS, Header, Outgoing

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVENT_TYPE_PREFIX = "goldentime."
# The single partition of topics that every worker reads whole.
ONLY_PARTITION = 0


class OutputWriter:
    """Turns step results into records for a city's topics.

    Args:
        full_name: turns a topic's name into its name in the city.
        city: the city's name, for the source of events.
        partitions: of the co-partitioned topics; what changes its key goes where its new key belongs.
    """

    def __init__(self, full_name: Callable[[str], str], city: str, partitions: int = 1) -> None:
        self._full_name = full_name
        self._partitions = partitions
        self._source = f"/goldentime/{city}".encode()
        self._of_cases = frozenset(full_name(topic.name) for topic in CASE_INPUTS)
        self._of_heads = frozenset({full_name(PTZ_REQUESTS.name)})
        self._of_looks = frozenset({full_name(CAMERA_OBSERVATIONS.name)})

    def outgoing(self, result: StepResult, now_us: int) -> list[Outgoing]:
        """Return the records of a step, topics without any left out.

        Without transactions their order counts: what was decided comes before the state it was decided from. The state
        of a topic covers the inputs it was made from, and its first rows to arrive say how far it stands; what follows
        with the same cover is mended by what comes next: a track by the next fix, a belief by the next evidence.

        Args:
            result: what the step decided.
            now_us: time of state rows and tombstones, which have none of their own.
        """
        now_ms = now_us // 1000
        outgoing = [
            *dead_letters(result.refusals, self._full_name),
            self._assignments(result, now_ms),
            self._public(ACCESS_AUDITS, ((a, a.from_us) for a in result.audits)),
            *self._by_key(self._public(PTZ_REQUESTS, ((r, r.requested_us) for r in result.ptz_requests))),
            *self._by_key(self._internal(CAMERA_OBSERVATIONS, ((o, o.observed_us) for o in result.observations))),
            self._public(PTZ_COMMANDS, ((c, c.issued_us) for c in result.ptz_commands)),
            *self._by_key(self._public(PTZ_GRANTS, ((g, g.decided_us) for g in result.ptz_grants))),
            self._heads(result, now_ms),
            self._knowledge(result, now_ms),
            self._case_states(result, now_ms),
            self._finished_rows(SUBJECT_TRACKS, result.tracks, now_ms),
            self._finished_rows(CASE_BELIEFS, result.beliefs, now_ms),
        ]
        return [records for records in outgoing if records.keys]

    def _assignments(self, result: StepResult, now_ms: int) -> Outgoing:
        assignments = self._public(CAMERA_ASSIGNMENTS, ((a, a.decided_us) for a in result.assignments))
        for case_id, state in result.case_states.items():
            if state is None:
                # Forgetting a case forgets its picture too; the tombstone comes after its last version.
                assignments.add(case_id.encode(), None, now_ms)
        return assignments

    def _case_states(self, result: StepResult, now_ms: int) -> Outgoing:
        states = Outgoing(self._full_name(CASE_STATES.name), covers=self._of_cases)
        for case_id, state in result.case_states.items():
            if state is None:
                states.add(case_id.encode(), None, now_ms)
            else:
                states.add(case_id.encode(), encode(state), state.decided_us // 1000)
        return states

    def _heads(self, result: StepResult, now_ms: int) -> Outgoing:
        heads = Outgoing(self._full_name(PTZ_HEADS.name), covers=self._of_heads)
        for camera_id, head in result.heads.items():
            heads.add(camera_id.encode(), None if head is None else encode(head), now_ms)
        return heads

    def _knowledge(self, result: StepResult, now_ms: int) -> Outgoing:
        knowledge = Outgoing(self._full_name(CAMERA_KNOWLEDGE.name), partition=ONLY_PARTITION, covers=self._of_looks)
        for camera_id, known in result.knowledge.items():
            if known is None:
                knowledge.add(camera_id.encode(), None, now_ms)
            else:
                headers = self._headers("CameraKnowledge", f"{camera_id}/{known.updated_us}", known.updated_us)
                knowledge.add(camera_id.encode(), encode(known), now_ms, headers)
        return knowledge

    def _public(self, topic: Topic, records: Iterable[tuple[Any, int]]) -> Outgoing:
        """Return records with CloudEvents headers, each with its own time in microseconds."""
        outgoing, name = Outgoing(self._full_name(topic.name)), topic.record.__name__
        for record, time_us in records:
            headers = self._headers(name, record.event_id, time_us)
            outgoing.add(topic.key_of(record), encode(record), time_us // 1000, headers)
        return outgoing

    def _internal(self, topic: Topic, records: Iterable[tuple[Any, int]]) -> Outgoing:
        outgoing = Outgoing(self._full_name(topic.name))
        for record, time_us in records:
            outgoing.add(topic.key_of(record), encode(record), time_us // 1000)
        return outgoing

    def _finished_rows(self, topic: Topic, rows: list[tuple[bytes, bytes | None]], now_ms: int) -> Outgoing:
        """Return rows of case state that are in the wire format already; there may be thousands in a unit."""
        outgoing = Outgoing(self._full_name(topic.name), covers=self._of_cases)
        outgoing.keys = [key for key, _ in rows]
        outgoing.values = [value for _, value in rows]
        outgoing.timestamps_ms = [now_ms] * len(rows)
        outgoing.headers = [NO_HEADERS] * len(rows)
        return outgoing

    def _by_key(self, outgoing: Outgoing) -> list[Outgoing]:
        """Return records by the partition of their key: another worker may own it."""
        parts: dict[int, Outgoing] = {}
        rows = zip(outgoing.keys, outgoing.values, outgoing.timestamps_ms, outgoing.headers, strict=True)
        for key, value, time_ms, headers in rows:
            partition = partition_of(key or b"", self._partitions)
            part = parts.setdefault(partition, Outgoing(outgoing.topic, partition=partition))
            part.add(key, value, time_ms, headers)
        return [parts[partition] for partition in sorted(parts)]

    def _headers(self, record_name: str, event_id: str, time_us: int) -> list[Header]:
        return cloud_event_headers(record_name, event_id, time_us, self._source)


def cloud_event_headers(record_name: str, event_id: str, time_us: int, source: bytes) -> list[Header]:
    """Return the CloudEvents attributes of a record as Kafka headers."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", (EVENT_TYPE_PREFIX + record_name).encode()),
        ("ce_source", source),
        ("ce_time", rfc3339(time_us).encode()),
    ]


def rfc3339(time_us: int) -> str:
    """Return a time in UTC microseconds since the epoch as RFC 3339 text, e.g. ``2026-03-01T12:00:00.000000Z``."""
    return (EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
