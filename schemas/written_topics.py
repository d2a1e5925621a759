"""Which topics workers write, and the topics of agencies, which each city has of its own."""

from dataclasses import replace

from schemas.camera_assignment import CameraAssignment
from schemas.topics import (
    ACCESS_AUDITS,
    CAMERA_ASSIGNMENTS,
    CAMERA_KNOWLEDGE,
    CAMERA_OBSERVATIONS,
    CASE_BELIEFS,
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

# The form of the topics of agencies; a city's projections fill the name in. Which there are, its folder says.
PROJECTION = Topic(
    name="camera-assignments-{agency}",
    record=CameraAssignment,
    key_field="case_id",
    co_partitioned=True,
    compacted=True,
    why="the assignments addressed to one agency, with only the fields it may see",
)
# Dead letters apart. Any other topic is told to workers from outside.
WRITTEN_BY_WORKERS = (
    CAMERA_ASSIGNMENTS,
    PROJECTION,
    ACCESS_AUDITS,
    PTZ_REQUESTS,
    PTZ_COMMANDS,
    PTZ_GRANTS,
    CAMERA_OBSERVATIONS,
    CAMERA_KNOWLEDGE,
    CASE_STATES,
    SUBJECT_TRACKS,
    CASE_BELIEFS,
    WANDERING_STATES,
    PTZ_HEADS,
)
# Told from outside, and by workers too: what detection of our own finds in fixes.
WRITTEN_BY_WORKERS_TOO = (WANDERING_ALERTS,)


def projection_topic(agency: str) -> Topic:
    """Return the topic of a projection by its name, e.g. ``camera-assignments-police`` of ``police``."""
    return replace(PROJECTION, name=PROJECTION.name.format(agency=agency), why=f"{PROJECTION.why}: {agency}")
