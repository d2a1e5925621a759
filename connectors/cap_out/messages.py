"""What was told of a case, and what must be told next. Pure: an assignment and a memory give a message or nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.kit.reading.dispatch_rows import digest
from connectors.kit.sink import Delivered
from schemas.camera_assignment import CameraAssignment, CaseStatus

# A lease that grew by less is no news to others, microseconds.
RENEWED_US = 300_000_000
_OVER = frozenset({CaseStatus.RELEASED, CaseStatus.DENIED})
_M_PER_DEG = 111_320.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What is told.

    Attributes:
        services: a case is told where all its services are among these.
        kinds: and where its kind is among these; empty takes all.
        exercises: whether drills are told, as such.
        move_m: a case that moved by less is not told again, metres.
    """

    services: frozenset[str]
    kinds: frozenset[str]
    exercises: bool
    move_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was told of a case last.

    Attributes:
        opened_us: the opening of the case it belongs to.
        version: the version that was told.
        messages: identifier and time of the first message and of the last; one where they are the same.
        content: digest of what a receiver would act upon.
        lat_deg: where it was; None without a place.
        lon_deg: the same.
        expires_us: until when it holds.
        is_exercise: whether it is a drill.
        is_over: whether its end was told.
    """

    opened_us: int
    version: int
    messages: tuple[tuple[str, int], ...]
    content: str
    lat_deg: float | None
    lon_deg: float | None
    expires_us: int
    is_exercise: bool
    is_over: bool = False

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Told":
        """Return what :meth:`fields` wrote."""
        messages = tuple((str(identifier), int(sent_us)) for identifier, sent_us in fields["messages"])
        return cls(**{**fields, "messages": messages})

    def fields(self) -> dict[str, Any]:
        """Return this as JSON holds it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send.

    Attributes:
        kind: ``Alert``, ``Update`` or ``Cancel``.
        identifier: its id.
        sent_us: when it was made, UTC microseconds since the epoch.
        references: identifier and time of earlier messages.
        case_ref: digest that all messages of a case share.
        is_exercise: whether it is a drill.
        assignment: what it tells; None where only the end is known.
        told: what is to be remembered once it was sent.
    """

    kind: str
    identifier: str
    sent_us: int
    references: tuple[tuple[str, int], ...]
    case_ref: str
    is_exercise: bool
    assignment: CameraAssignment | None
    told: Told


def next_message(assignment: CameraAssignment, told: Told | None, rules: Rules, now_us: int) -> Message | None:
    """Return what must be told after a version; None where that is nothing.

    A version whose lease has run out opens no case, and ends one that was told.

    Args:
        assignment: the version.
        told: what was told last; None for nothing yet.
        rules: what is told.
        now_us: the present, UTC microseconds since the epoch.
    """
    if told is not None and (assignment.opened_us, assignment.version) <= (told.opened_us, told.version):
        return None  # a repeat
    before = None if told is None or told.is_over else told
    if not _is_told(assignment, rules):
        return None if before is None else _cancel(assignment, before, rules)
    if assignment.valid_until_us <= now_us:
        # Nobody looks at it any more, which is no word of the danger being over.
        return None if before is None else replace(_ending(assignment, before), assignment=None)
    if before is None:
        return _message("Alert", assignment, None)
    changed = _content(assignment) != before.content or _moved_m(assignment, before) >= rules.move_m
    if not changed and assignment.valid_until_us - before.expires_us < RENEWED_US:
        return None
    return _message("Update", assignment, before)


def forgotten(case_id: str, told: Told, now_us: int) -> Message:
    """Return the end of a case that was forgotten without a word of its end."""
    identifier = _identifier(f"{case_id}/{told.opened_us}/forgotten")
    ended = replace(told, is_over=True)
    return Message(
        "Cancel", identifier, now_us, told.messages, _case_ref(case_id, told.opened_us), told.is_exercise, None, ended
    )


def newest_of(batch: Sequence[Delivered]) -> list[Delivered]:
    """Return the records of a batch that still say something: of each opening of a case its newest version.

    A receiver shows the present, so what a later version of the batch replaces is no news. A tombstone takes the place
    of what came before it, but for the word of an end, which says more.
    """
    newest: dict[tuple[bytes | None, int], int] = {}
    forgotten_at: dict[bytes | None, int] = {}
    for place, delivered in enumerate(batch):
        version = delivered.record
        if version is None:
            forgotten_at[delivered.key] = place
        else:
            opening = (delivered.key, version.opened_us)
            newest[opening] = max(version.version, newest.get(opening, version.version))
    return [
        delivered
        for place, delivered in enumerate(batch)
        if (version := delivered.record) is None
        or (
            version.version == newest[delivered.key, version.opened_us]
            and (version.status in _OVER or place > forgotten_at.get(delivered.key, -1))
        )
    ]


def _is_told(assignment: CameraAssignment, rules: Rules) -> bool:
    return assignment.status not in _OVER and _is_ours(assignment, rules)


def _is_ours(assignment: CameraAssignment, rules: Rules) -> bool:
    """Return whether a case, open or over, is of those that others may know of."""
    return (
        set(assignment.services) <= rules.services
        and (not rules.kinds or assignment.kind in rules.kinds)
        and (rules.exercises or not assignment.exercise)
    )


def _cancel(assignment: CameraAssignment, before: Told, rules: Rules) -> Message:
    """Return the end of what was told; of a case that has become another's it says no more than that."""
    message = _ending(assignment, before)
    return message if _is_ours(assignment, rules) else replace(message, assignment=None)


def _ending(assignment: CameraAssignment, before: Told) -> Message:
    return _message("Cancel", assignment, before, is_over=True)


def _message(kind: str, assignment: CameraAssignment, before: Told | None, *, is_over: bool = False) -> Message:
    identifier, sent_us = _identifier(assignment.event_id), assignment.decided_us
    references = () if before is None else before.messages
    messages = (*references[:1], (identifier, sent_us))
    where = assignment.where
    told = Told(
        opened_us=assignment.opened_us,
        version=assignment.version,
        messages=messages,
        content=_content(assignment),
        lat_deg=None if where is None else where.lat_deg,
        lon_deg=None if where is None else where.lon_deg,
        expires_us=assignment.valid_until_us,
        is_exercise=assignment.exercise,
        is_over=is_over,
    )
    # Drills and real cases never mix: an end is of the kind of what it ends.
    is_exercise = assignment.exercise if before is None else before.is_exercise
    case_ref = _case_ref(assignment.case_id, assignment.opened_us)
    return Message(kind, identifier, sent_us, references, case_ref, is_exercise, assignment, told)


def _identifier(event: str) -> str:
    return "goldentime-" + digest(event)


def _case_ref(case_id: str, opened_us: int) -> str:
    return "goldentime-case-" + digest(case_id, opened_us)


def _content(assignment: CameraAssignment) -> str:
    where = assignment.where
    district, radius = (None, None) if where is None else (where.district, round(where.accuracy_m, -2))
    return digest(assignment.kind, assignment.rank, assignment.services, assignment.exercise, district, radius)


def _moved_m(assignment: CameraAssignment, before: Told) -> float:
    where = assignment.where
    if where is None or before.lat_deg is None or before.lon_deg is None:
        return 0.0 if where is None else math.inf
    north_m = (where.lat_deg - before.lat_deg) * _M_PER_DEG
    east_m = (where.lon_deg - before.lon_deg) * _M_PER_DEG * math.cos(math.radians(where.lat_deg))
    return math.hypot(north_m, east_m)
