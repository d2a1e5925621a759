"""Who may do what with a city's topics, as lines of Kafka's own ``kafka-acls``.

They suit a broker that forbids what nobody allowed (``StandardAuthorizer`` without
``allow.everyone.if.no.acl.found``): an agency reads its projection and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.topics import (
    ACCESS_AUDITS,
    CAMERA_ASSIGNMENTS,
    CAMERA_HEALTH,
    CAMERAS,
    CONNECTOR_CURSORS,
    DEAD_LETTER_SUFFIX,
    OPERATOR_COMMANDS,
    PROTECTED_SUBJECTS,
    PTZ_COMMANDS,
    PTZ_GRANTS,
    SIGHTINGS,
    TOPICS,
    VIEW_SESSIONS,
    WANDERING_ALERTS,
    Topic,
)
from schemas.written_topics import WRITTEN_BY_WORKERS, projection_topic
from topologies.projection_files import CityAccess

READ = ("Read", "Describe")
WRITE = ("Write", "Describe")
# Workers make the topics that are missing, and look at what they have.
WORK = ("Read", "Write", "Create", "Describe", "DescribeConfigs")
# What the people and programs of the CCTV centre read and write beside the assignments.
CENTRE_READS = (
    CAMERA_ASSIGNMENTS,
    CAMERAS,
    CAMERA_HEALTH,
    PTZ_COMMANDS,
    PTZ_GRANTS,
    ACCESS_AUDITS,
    VIEW_SESSIONS,
)
# What sinks carry out, what the link gateway judges by, and what registries and heartbeats compare with.
SINK_READS = (
    CAMERA_ASSIGNMENTS,
    CAMERAS,
    CAMERA_HEALTH,
    PTZ_COMMANDS,
    PROTECTED_SUBJECTS,
    WANDERING_ALERTS,
    CONNECTOR_CURSORS,
)
CENTRE_WRITES = (OPERATOR_COMMANDS, SIGHTINGS)
# Connectors write what comes from outside, their cursors, and what they refuse; orders are given by people.
_FROM_OUTSIDE = tuple(
    topic
    for topic in TOPICS
    if topic not in (*WRITTEN_BY_WORKERS, OPERATOR_COMMANDS) and not topic.name.endswith(DEAD_LETTER_SUFFIX)
)
_LETTERS = {topic.name + DEAD_LETTER_SUFFIX for topic in _FROM_OUTSIDE}
CONNECTOR_WRITES = (*_FROM_OUTSIDE, *(topic for topic in TOPICS if topic.name in _LETTERS))


@dataclass(frozen=True, slots=True)
class Permission:
    """What some principals may do with some resources.

    Attributes:
        principals: such as ``User:police``.
        operations: in Kafka's words, e.g. ``Read``.
        kind: ``topic``, ``group`` or ``transactional-id``.
        names: of the resources, or what their names begin with.
        is_prefix: whether ``names`` are only beginnings.
    """

    principals: tuple[str, ...]
    operations: tuple[str, ...]
    kind: str
    names: tuple[str, ...]
    is_prefix: bool = False

    def line(self, bootstrap_servers: str) -> str:
        """Return the command that allows it."""
        words = ["kafka-acls.sh", "--bootstrap-server", bootstrap_servers, "--add", "--force"]
        for principal in self.principals:
            words += ["--allow-principal", principal]
        for operation in self.operations:
            words += ["--operation", operation]
        for name in self.names:
            words += [f"--{self.kind}", name]
        return " ".join([*words, "--resource-pattern-type", "prefixed"] if self.is_prefix else words)


def permissions(access: CityAccess, prefix: str) -> list[Permission]:
    """Return all that a city's access needs.

    Args:
        access: who there is.
        prefix: of the city's topics; also what the names of the workers' groups and transactions begin with.
    """
    own = f"{prefix}." if prefix else ""
    return [
        *_workers(access.workers, own),
        *_topics(access.connectors, WRITE, CONNECTOR_WRITES, own),
        *_topics(access.connectors, READ, (CONNECTOR_CURSORS,), own),
        *_topics(access.sinks, WRITE, CONNECTOR_WRITES, own),
        *_topics(access.sinks, READ, SINK_READS, own),
        *_groups(access.sinks, f"{own}sink-"),
        *_topics(access.centre, READ, CENTRE_READS, own),
        *_topics(access.centre, WRITE, CENTRE_WRITES, own),
        *_groups(access.centre, f"{own}centre-"),
        *(line for projection in access.projections for line in _agency(projection.name, projection.principals, own)),
    ]


def _workers(principals: tuple[str, ...], own: str) -> Iterator[Permission]:
    """Return what workers need; their group and transactions are named like the topics."""
    if principals:
        for kind, operations in (("topic", WORK), ("group", READ), ("transactional-id", WRITE)):
            yield Permission(principals, operations, kind, (own or "'*'",), is_prefix=bool(own))


def _agency(name: str, principals: tuple[str, ...], own: str) -> Iterator[Permission]:
    yield from _topics(principals, READ, (projection_topic(name),), own)
    yield from _groups(principals, f"{own}{name}-")


def _topics(
    principals: tuple[str, ...], operations: tuple[str, ...], topics: Sequence[Topic], own: str
) -> Iterator[Permission]:
    if principals:
        yield Permission(principals, operations, "topic", tuple(f"{own}{topic.name}" for topic in topics))


def _groups(principals: tuple[str, ...], beginning: str) -> Iterator[Permission]:
    if principals:
        yield Permission(principals, ("Read",), "group", (beginning,), is_prefix=True)
