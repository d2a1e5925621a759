"""What goes into and comes out of a step of the engine: the border between transport and decisions."""

from collections import Counter
from dataclasses import dataclass, field

from schemas.access_audit import AccessAudit
from schemas.camera_assignment import CameraAssignment
from schemas.camera_knowledge import CameraKnowledge, CameraObservation
from schemas.case_state import CaseState
from schemas.ptz import PtzCommand, PtzGrant, PtzHead, PtzRequest
from schemas.wandering_alert import WanderingAlert


@dataclass(slots=True)
class RawBatch:
    """Undecoded records of one topic and partition in offset order; the lists have equal length.

    Attributes:
        topic: name without the city's prefix.
        partition: the partition all of them come from.
        offsets: their offsets, growing, gaps allowed.
        keys: their Kafka keys.
        values: their values; None is a tombstone.
        appended_us: their append time, UTC microseconds: the ``now`` of each record.
    """

    topic: str
    partition: int
    offsets: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    appended_us: list[int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is answered in the dead-letter topic instead of by a decision.

    Attributes:
        topic: name without the city's prefix.
        partition: where it came from.
        offset: where it came from.
        key: its Kafka key.
        payload: its original bytes.
        reason: class of failure with few values, kebab-case.
        field: the field that broke the rule, if one did.
        message: field, rule and what was got, without a person's data.
        now_us: the record's own now.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    payload: bytes
    reason: str
    field: str | None
    message: str
    now_us: int


@dataclass(slots=True)
class StepResult:
    """What a step decided; everything in it goes out in one unit of work with the input offsets.

    Attributes:
        assignments: new versions, in order.
        case_states: changed case states by case_id; None forgets the case (tombstones for its state and its
            assignment).
        tracks: changed rows of the subject-tracks topic as (key, value in the wire format); None forgets.
        beliefs: changed rows of the case-beliefs topic as (key, value in the wire format); None forgets.
        audits: what the versions mean for access, and the views that were asked for, in order, chained.
        ptz_requests: wishes of the cases to turn heads, in order.
        observations: what looks teach of cameras, in order.
        ptz_commands: orders to heads, in order.
        ptz_grants: answers to the cases that asked for heads, in order.
        heads: changed states of heads by camera_id; None forgets.
        knowledge: changed knowledge of cameras by camera_id; None forgets.
        alerts: what detection of our own found, in order.
        outings: changed rows of the wandering-states topic as (key, value in the wire format); None forgets.
        refusals: records answered with a reason.
        outcomes: how many records of a topic ended how, by (topic, outcome); every input record is counted once.
        reported: (service, ingested_us of the report) for each version that a report or fix led to.
        first_views: of each case that got its first camera that shows it, that version.
        handovers: how many changes of a moving subject's cameras ended how: ``overlap`` when one went on, else ``cut``.
    """

    assignments: list[CameraAssignment] = field(default_factory=list)
    case_states: dict[str, CaseState | None] = field(default_factory=dict)
    tracks: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    beliefs: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    audits: list[AccessAudit] = field(default_factory=list)
    ptz_requests: list[PtzRequest] = field(default_factory=list)
    observations: list[CameraObservation] = field(default_factory=list)
    ptz_commands: list[PtzCommand] = field(default_factory=list)
    ptz_grants: list[PtzGrant] = field(default_factory=list)
    heads: dict[str, PtzHead | None] = field(default_factory=dict)
    knowledge: dict[str, CameraKnowledge | None] = field(default_factory=dict)
    alerts: list[WanderingAlert] = field(default_factory=list)
    outings: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    reported: list[tuple[str, int]] = field(default_factory=list)
    first_views: list[CameraAssignment] = field(default_factory=list)
    handovers: Counter[str] = field(default_factory=Counter)
