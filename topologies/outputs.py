"""What a step decided, as records for the broker: assignments with CloudEvents headers, state rows, dead letters."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pipeline.batch import StepResult
from schemas.camera_assignment import CameraAssignment
from schemas.codec import encode
from schemas.topics import CAMERA_ASSIGNMENTS, CASE_STATES, SUBJECT_TRACKS
from topologies.dead_letters import dead_letters
from topologies.unit_of_work import NO_HEADERS, Header, Outgoing

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVENT_TYPE = b"goldentime.CameraAssignment"


class OutputWriter:
    """Turns step results into records for a city's topics."""

    def __init__(self, full_name: Callable[[str], str], city: str) -> None:
        self._full_name = full_name
        self._assignments = full_name(CAMERA_ASSIGNMENTS.name)
        self._case_states = full_name(CASE_STATES.name)
        self._subject_tracks = full_name(SUBJECT_TRACKS.name)
        self._source = f"/goldentime/{city}".encode()

    def outgoing(self, result: StepResult, now_us: int) -> list[Outgoing]:
        """Return the records of a step, topics without any left out.

        Args:
            result: what the step decided.
            now_us: time of state rows and tombstones, which have none of their own.
        """
        assignments, states = Outgoing(self._assignments), Outgoing(self._case_states, is_state=True)
        for assignment in result.assignments:
            assignments.add(
                assignment.case_id.encode(),
                encode(assignment),
                assignment.decided_us // 1000,
                cloud_event_headers(assignment, self._source),
            )
        now_ms = now_us // 1000
        for case_id, state in result.case_states.items():
            key = case_id.encode()
            if state is None:
                # Forgetting a case forgets its picture too; the tombstone comes after its last version.
                assignments.add(key, None, now_ms)
                states.add(key, None, now_ms)
            else:
                states.add(key, encode(state), state.decided_us // 1000)
        tracks = Outgoing(self._subject_tracks, is_state=True)
        tracks.keys = [key for key, _ in result.tracks]
        tracks.values = [value for _, value in result.tracks]
        tracks.timestamps_ms = [now_ms] * len(result.tracks)
        tracks.headers = [NO_HEADERS] * len(result.tracks)
        # Without transactions this order counts: what was decided, then the cases it was decided for, then positions,
        # which the next fix mends.
        outgoing = [*dead_letters(result.refusals, self._full_name), assignments, states, tracks]
        return [records for records in outgoing if records.keys]


def cloud_event_headers(assignment: CameraAssignment, source: bytes) -> list[Header]:
    """Return the CloudEvents attributes of an assignment as Kafka headers."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", assignment.event_id.encode()),
        ("ce_type", EVENT_TYPE),
        ("ce_source", source),
        ("ce_time", rfc3339(assignment.decided_us).encode()),
    ]


def rfc3339(time_us: int) -> str:
    """Return a time in UTC microseconds since the epoch as RFC 3339 text, e.g. ``2026-03-01T12:00:00.000000Z``."""
    return (EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
