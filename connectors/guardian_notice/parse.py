"""What a guardian's side is told of a record. Pure: a record gives a notice or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.reading.dispatch_rows import digest
from schemas.camera_assignment import CameraAssignment, CaseStatus
from schemas.location import LocationQuality
from schemas.wandering_alert import AlertKind, WanderingAlert

ALERT, FOUND, CLOSED = "alert", "found", "closed"
NOTICES = (ALERT, FOUND, CLOSED)
_OPEN = frozenset({CaseStatus.ACTIVE.value, CaseStatus.WAITING.value, CaseStatus.NEEDS_LOCATION.value})
_NO_PLACE = frozenset({LocationQuality.NONE.value, LocationQuality.DEFAULT.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that a guardian may have to be told.

    Attributes:
        case_id: the case, which is the person's pseudonym.
        notice: :data:`ALERT`, :data:`FOUND` or :data:`CLOSED`.
        reason: kind of the alert or incident; empty for the end of a case.
        time_us: when it happened, UTC microseconds since the epoch.
        event_id: id of the record it comes from.
        opened_us: when this opening of the case began; None where an alert told it first hand.
        place: (latitude, longitude, accuracy in metres), if known.
        exercise: whether it is a drill.
    """

    case_id: str
    notice: str
    reason: str
    time_us: int
    event_id: str
    opened_us: int | None = None
    place: tuple[float, float, float] | None = None
    exercise: bool = False


def notice_of(record: Any) -> Notice | None:
    """Return the notice that an alert or an assignment may be; None for what tells nothing of the kind."""
    if isinstance(record, WanderingAlert):
        if record.kind in (AlertKind.RETURNED, AlertKind.HEARD_AGAIN):
            return None  # back in a safe zone, or heard again: the end of the case will be told
        return Notice(
            case_id=record.case_id,
            notice=FOUND if record.kind == AlertKind.FOUND else ALERT,
            reason=record.kind,
            time_us=record.observed_us,
            event_id=record.event_id,
            place=_place(record.location),
            exercise=record.exercise,
        )
    if not isinstance(record, CameraAssignment):
        return None
    is_over = record.status == CaseStatus.RELEASED
    if not is_over and record.status not in _OPEN:
        return None
    where = record.where
    return Notice(
        case_id=record.case_id,
        notice=CLOSED if is_over else ALERT,
        reason="" if is_over else record.kind,
        time_us=record.decided_us if is_over else record.occurred_us,
        event_id=record.event_id,
        opened_us=record.opened_us,
        place=None if where is None else (where.lat_deg, where.lon_deg, where.accuracy_m),
        exercise=record.exercise,
    )


def call_of(notice: Notice, guardian_ref: str, *, with_place: bool, with_reason: bool) -> Mapping[str, Any]:
    """Return what the guardian's side is told.

    Args:
        notice: what happened.
        guardian_ref: the guardian's reference in the registry.
        with_place: whether the place is told.
        with_reason: whether the alert's kind is told.
    """
    call: dict[str, Any] = {
        "guardian_ref": guardian_ref,
        "notice": notice.notice,
        "time_us": notice.time_us,
        # The same for one person and their guardian, and no pseudonym that means anything elsewhere.
        "case_ref": digest(guardian_ref, notice.case_id),
        "exercise": notice.exercise,
    }
    if with_reason and notice.reason:
        call["reason"] = notice.reason
    if with_place and notice.place is not None:
        lat_deg, lon_deg, accuracy_m = notice.place
        call["place"] = {"lat_deg": lat_deg, "lon_deg": lon_deg, "accuracy_m": accuracy_m}
    return call


def key_of(notice: Notice) -> str:
    """Return the idempotency key of a notice: all versions of one opening are one alert."""
    if notice.notice == ALERT and notice.opened_us is not None:
        return digest(notice.case_id, ALERT, notice.opened_us)
    return digest(notice.case_id, notice.notice, notice.event_id)


def _place(location: Any) -> tuple[float, float, float] | None:
    if location is None or location.quality in _NO_PLACE:
        return None
    return (location.lat_deg, location.lon_deg, location.accuracy_m)
