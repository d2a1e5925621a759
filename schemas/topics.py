"""The one list of topics: what each carries, its key, its partitions and how long it is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.access_audit import AccessAudit
from schemas.camera import Camera, CameraHealth
from schemas.camera_assignment import CameraAssignment
from schemas.camera_knowledge import CameraKnowledge, CameraObservation
from schemas.case_belief import CaseBelief
from schemas.case_state import CaseState
from schemas.condition import Condition
from schemas.connector_cursor import ConnectorCursor
from schemas.dead_letter import DeadLetter
from schemas.incident import Incident
from schemas.operator_command import OperatorCommand
from schemas.protected_subject import ProtectedSubject
from schemas.ptz import PtzCommand, PtzGrant, PtzHead, PtzRequest
from schemas.sighting import Sighting
from schemas.subject_track import SubjectTrack
from schemas.tracker_fix import TrackerFix
from schemas.view_session import ViewSession
from schemas.wandering_alert import WanderingAlert
from schemas.wandering_state import WanderingState

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DEAD_LETTER_SUFFIX = "-dlq"
# A fortnight to find out what a source does wrong.
DEAD_LETTER_MS = 14 * DAY_MS
# How many partitions the topics keyed by case have unless a deployment says otherwise: two cores, four streams.
CASE_PARTITIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic of the contract.

    Attributes:
        name: kebab-case plural of the record, without the city's prefix.
        record: the Python type of its values.
        key_field: the record's field that is the Kafka key; None where the key lies outside the record.
        co_partitioned: True for the topics keyed by case: all have the same partition count; others have one.
        compacted: True where the newest value of a key is the present state.
        retention_ms: how long records are kept; None for compacted topics.
        append_time: True for inputs, whose broker append time is the ``now`` of their records.
        why: what the topic is for, in a sentence.
    """

    name: str
    record: type[Any]
    key_field: str | None
    co_partitioned: bool
    compacted: bool
    retention_ms: int | None = None
    append_time: bool = False
    why: str

    def partitions(self, case_partitions: int) -> int:
        """Return the partition count in a deployment whose case topics have ``case_partitions``."""
        return case_partitions if self.co_partitioned else 1

    def key_of(self, record: Any) -> bytes:
        """Return the Kafka key of a record of this topic.

        Raises:
            ValueError: the topic's key is not a field of its record.
        """
        if self.key_field is None:
            raise ValueError(f"{self.name}: the key is not a field of {self.record.__name__}")
        return str(getattr(record, self.key_field)).encode()


def _case_input(name: str, record: type[Any], why: str) -> Topic:
    return Topic(
        name=name,
        record=record,
        key_field="case_id",
        co_partitioned=True,
        compacted=False,
        retention_ms=7 * DAY_MS,
        append_time=True,
        why=why,
    )


def _state(name: str, record: type[Any], key_field: str | None, why: str) -> Topic:
    return Topic(name=name, record=record, key_field=key_field, co_partitioned=True, compacted=True, why=why)


INCIDENTS = _case_input("incidents", Incident, "reports, updates and ends from 112, 119, disaster centres and others")
WANDERING_ALERTS = _case_input("wandering-alerts", WanderingAlert, "alerts about people under protection")
TRACKER_FIXES = Topic(
    name="tracker-fixes",
    record=TrackerFix,
    key_field="case_id",
    co_partitioned=True,
    compacted=False,
    retention_ms=DAY_MS,
    append_time=True,
    why="positions of trackers; kept a day at most, because they are personal",
)
SIGHTINGS = Topic(
    name="sightings",
    record=Sighting,
    key_field="case_id",
    co_partitioned=True,
    compacted=False,
    retention_ms=DAY_MS,
    append_time=True,
    why="what operators and analytics saw, or did not see although they looked; personal, kept a day at most",
)
OPERATOR_COMMANDS = _case_input("operator-commands", OperatorCommand, "orders of operators about a case or a head")
PTZ_GRANTS = _case_input("ptz-grants", PtzGrant, "what the arbitration of heads tells the cases that asked")
CAMERAS = Topic(
    name="cameras",
    record=Camera,
    key_field="camera_id",
    co_partitioned=False,
    compacted=True,
    why="the camera-location table of all districts; one partition, read whole by every worker",
)
CAMERA_HEALTH = Topic(
    name="camera-health",
    record=CameraHealth,
    key_field="camera_id",
    co_partitioned=False,
    compacted=True,
    why="which cameras answer; one partition, read whole by every worker",
)
CAMERA_ASSIGNMENTS = Topic(
    name="camera-assignments",
    record=CameraAssignment,
    key_field="case_id",
    co_partitioned=True,
    compacted=True,
    why="the product: the present picture of every case, newest version wins",
)
CASE_STATES = _state("case-states", CaseState, "case_id", "internal: what the engine remembers of a case")
SUBJECT_TRACKS = _state(
    "subject-tracks", SubjectTrack, None, "internal: last known position by case_id, forgotten by tombstone"
)
CASE_BELIEFS = _state(
    "case-beliefs",
    CaseBelief,
    None,
    "internal: where the subject of an open case can be, by case_id; forgotten by tombstone",
)
ACCESS_AUDITS = Topic(
    name="access-audits",
    record=AccessAudit,
    key_field="case_id",
    co_partitioned=True,
    compacted=False,
    retention_ms=3 * 365 * DAY_MS,
    why="every decision about access and every view asked for, hash-chained per partition; kept three years",
)
PTZ_REQUESTS = Topic(
    name="ptz-requests",
    record=PtzRequest,
    key_field="camera_id",
    co_partitioned=True,
    compacted=False,
    retention_ms=DAY_MS,
    append_time=True,
    why="wishes of cases and operators to turn a head, keyed by camera",
)
PTZ_COMMANDS = Topic(
    name="ptz-commands",
    record=PtzCommand,
    key_field="camera_id",
    co_partitioned=True,
    compacted=True,
    why="the newest order to each head; the higher fence wins",
)
PTZ_HEADS = _state("ptz-heads", PtzHead, "camera_id", "internal: who holds a head")
CAMERA_OBSERVATIONS = Topic(
    name="camera-observations",
    record=CameraObservation,
    key_field="camera_id",
    co_partitioned=True,
    compacted=False,
    retention_ms=DAY_MS,
    append_time=True,
    why="internal: single looks that teach what a camera shows, keyed by camera",
)
CAMERA_KNOWLEDGE = Topic(
    name="camera-knowledge",
    record=CameraKnowledge,
    key_field="camera_id",
    co_partitioned=False,
    compacted=True,
    why="what looks and sightings have taught about a camera beyond its registry; one partition, read whole by workers",
)
PROTECTED_SUBJECTS = Topic(
    name="protected-subjects",
    record=ProtectedSubject,
    key_field="case_id",
    co_partitioned=True,
    compacted=True,
    append_time=True,
    why="who is under protection, with safe zones and the guardian's reference; pseudonymous, ended by tombstone",
)
CONDITIONS = Topic(
    name="conditions",
    record=Condition,
    key_field="condition_id",
    co_partitioned=False,
    compacted=True,
    why="crowds and closed roads, until they end; one partition, read whole by every worker",
)
VIEW_SESSIONS = Topic(
    name="view-sessions",
    record=ViewSession,
    key_field="case_id",
    co_partitioned=True,
    compacted=False,
    retention_ms=3 * 365 * DAY_MS,
    append_time=True,
    why="links to pictures that were given or refused, written before they are given; kept three years like the audit",
)
WANDERING_STATES = _state(
    "wandering-states",
    WanderingState,
    "case_id",
    "internal: what detection remembers of people under protection who are out, forgotten by tombstone",
)
CONNECTOR_CURSORS = Topic(
    name="connector-cursors",
    record=ConnectorCursor,
    key_field="connector",
    co_partitioned=False,
    compacted=True,
    why="how far each connector has read its source, and what it remembers of cases",
)

CASE_INPUTS = (
    INCIDENTS,
    WANDERING_ALERTS,
    TRACKER_FIXES,
    SIGHTINGS,
    OPERATOR_COMMANDS,
    PTZ_GRANTS,
    PROTECTED_SUBJECTS,
    # Decides nothing: it goes into the chain of access-audits.
    VIEW_SESSIONS,
)
CAMERA_INPUTS = (PTZ_REQUESTS, CAMERA_OBSERVATIONS)
_RECORD_TOPICS = (
    *CASE_INPUTS,
    *CAMERA_INPUTS,
    CAMERAS,
    CAMERA_HEALTH,
    CAMERA_KNOWLEDGE,
    CONDITIONS,
    CAMERA_ASSIGNMENTS,
    ACCESS_AUDITS,
    PTZ_COMMANDS,
    CASE_STATES,
    SUBJECT_TRACKS,
    CASE_BELIEFS,
    WANDERING_STATES,
    PTZ_HEADS,
    CONNECTOR_CURSORS,
)


def dead_letters_of(topic: Topic) -> Topic:
    """Return the dead-letter topic of an input topic; as many partitions as the input.

    A dead letter holds the original bytes: what the input keeps only a day, because it tells where people are, lies no
    longer here; nor does where people under protection live.
    """
    kept_ms = DAY_MS if topic is PROTECTED_SUBJECTS else topic.retention_ms
    is_personal = kept_ms is not None and kept_ms <= DAY_MS
    return Topic(
        name=topic.name + DEAD_LETTER_SUFFIX,
        record=DeadLetter,
        key_field=None,
        co_partitioned=topic.co_partitioned,
        compacted=False,
        retention_ms=kept_ms if is_personal else DEAD_LETTER_MS,
        why=f"what could not be used of {topic.name}, with the reason",
    )


TOPICS: tuple[Topic, ...] = (
    *_RECORD_TOPICS,
    *(dead_letters_of(topic) for topic in (*CASE_INPUTS, *CAMERA_INPUTS, CAMERAS, CAMERA_HEALTH, CONDITIONS)),
)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def prefixed(prefix: str) -> Callable[[str], str]:
    """Return the function from a topic's name to its name in a city, e.g. ``seoul.incidents``."""
    return (lambda name: f"{prefix}.{name}") if prefix else (lambda name: name)
