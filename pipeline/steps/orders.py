"""What an operator's order does to a case. An order is obeyed or refused with a reason, and changes nothing else."""

from collections.abc import Callable
from dataclasses import replace

from pipeline.cases.bars import BY_OPERATOR, with_bar, without_bar
from pipeline.cases.case import (
    AFTER_CLOSE,
    CHANGED,
    CLOSED_BY_ORDER,
    DUPLICATE,
    EXERCISE_MIX,
    LATE,
    NOTED,
    REFUSED,
    RELEASED_BY_ORDER,
    UNKNOWN_CASE,
    Applied,
    is_ended,
    with_event_id,
)
from pipeline.reading.event_rules import ORDERS_OF_CAMERAS
from schemas.case_state import BarredCamera, CaseState
from schemas.operator_command import Command, OperatorCommand
from schemas.ptz import PtzAction, PtzRequest

PINNED_MAX = 16
EXTENDED = "extended-by-order"
NOT_HELD = "camera-not-held"
TOO_MANY = "too-many-cameras"
_NO_REASON = "unspecified"


def apply_order(case: CaseState | None, command: OperatorCommand, now_us: int, *, skew_us: int = 0) -> Applied:
    """Return the case after an operator's order.

    Args:
        case: the case as it is; None when there is none of this id.
        command: the order, which keeps the rules of ``pipeline.reading.event_rules``.
        now_us: the order's append time.
        skew_us: how far the clocks of consoles may be behind the broker's: an order from before the case was opened
            is late.

    Returns:
        ``changed`` asks for a version with ``Applied.reason``; ``noted`` asks for none, but the state has changed and
        ``Applied.ptz_request`` may hold a wish to send on; ``refused`` is answered with ``Applied.reason`` in the dead
        letters. A release or close leaves no report open.
    """
    if case is None:
        return Applied(None, UNKNOWN_CASE)
    if ignored := _ignored(case, command, skew_us):
        return Applied(case, ignored)
    applied = _OBEY[command.command](case, command, now_us)
    if applied.case is None or applied.outcome == REFUSED:
        return applied
    return replace(applied, case=with_event_id(applied.case, command.event_id))


def _ignored(case: CaseState, command: OperatorCommand, skew_us: int) -> str | None:
    """Return how an order ends that must not touch the case; None for one that may."""
    if command.event_id in case.recent_event_ids:
        return DUPLICATE
    if command.exercise != case.exercise:
        return EXERCISE_MIX
    # A head must be given back even when the case that it was taken for is over.
    if command.command == Command.RESUME:
        return None
    if command.observed_us + skew_us < case.opened_us:
        return LATE
    return AFTER_CLOSE if is_ended(case) else None


def _release(case: CaseState, command: OperatorCommand, now_us: int) -> Applied:
    """Stop looking; the next word from a source opens the case again."""
    return _end(case, command, now_us, RELEASED_BY_ORDER)


def _close(case: CaseState, command: OperatorCommand, now_us: int) -> Applied:
    """End all reports; only a new report opens the case again."""
    return _end(case, command, now_us, CLOSED_BY_ORDER)


def _end(case: CaseState, command: OperatorCommand, now_us: int, closed_reason: str) -> Applied:
    ordered_us = min(command.observed_us, now_us)
    # What a source observed before the order and tells after it must not undo the order.
    reports = tuple(
        replace(r, closed_reason=closed_reason, observed_us=max(r.observed_us, ordered_us))
        if r.closed_reason is None
        else r
        for r in case.reports
    )
    ended = replace(case, reports=reports, extended_by=command.actor_ref)
    return Applied(ended, CHANGED, _with_why(closed_reason, command))


def _extend(case: CaseState, command: OperatorCommand, now_us: int) -> Applied:
    """Ask for a version, whose lease begins anew; no version's lease goes beyond the case's age limit."""
    del now_us
    return Applied(replace(case, extended_by=command.actor_ref), CHANGED, _with_why(EXTENDED, command))


def _exclude(case: CaseState, command: OperatorCommand, now_us: int) -> Applied:
    camera_id = command.camera_id or ""
    barred = with_bar(
        without_bar(case, camera_id, BY_OPERATOR), BarredCamera(camera_id=camera_id, reason=BY_OPERATOR), now_us
    )
    if barred is None:
        return Applied(case, REFUSED, TOO_MANY)
    excluded = replace(barred, pinned=tuple(c for c in case.pinned if c != camera_id))
    return Applied(excluded, CHANGED, _with_why("camera-excluded", command))


def _pin(case: CaseState, command: OperatorCommand, now_us: int) -> Applied:
    """Put a camera on the list; this also takes back an operator's order to exclude it."""
    del now_us
    camera_id = command.camera_id or ""
    others = tuple(c for c in case.pinned if c != camera_id)
    if len(others) >= PINNED_MAX:
        return Applied(case, REFUSED, TOO_MANY)
    pinned = replace(without_bar(case, camera_id, BY_OPERATOR), pinned=(*others, camera_id))
    return Applied(pinned, CHANGED, _with_why("camera-pinned", command))


def _turn_by_hand(case: CaseState, command: OperatorCommand, now_us: int) -> Applied:
    """Pass the order on to the arbitration of heads, whose answer comes back as a grant.

    Only a head of a camera that the case may look through can be taken over: an order gives nobody access.
    """
    camera_id = command.camera_id or ""
    action = PtzAction.TAKE_OVER if command.command == Command.TAKE_OVER else PtzAction.RESUME
    if action == PtzAction.TAKE_OVER and all(held.camera_id != camera_id for held in case.held):
        return Applied(case, REFUSED, NOT_HELD)
    request = PtzRequest(
        # The order's own id is in it: a head may be taken over twice under one version.
        event_id=f"{case.case_id}/{case.opened_us}/{case.version}/{camera_id}/{action}/{command.event_id}",
        camera_id=camera_id,
        action=action,
        case_id=case.case_id,
        opened_us=case.opened_us,
        version=case.version,
        exercise=case.exercise,
        rank=0,
        value=1.0,
        requested_us=now_us,
        deadline_us=max(case.valid_until_us, now_us),
        actor_ref=command.actor_ref,
    )
    return Applied(case, NOTED, command.command, ptz_request=request)


_OBEY: dict[str, Callable[[CaseState, OperatorCommand, int], Applied]] = {
    Command.RELEASE: _release,
    Command.CLOSE: _close,
    Command.EXTEND: _extend,
    Command.EXCLUDE_CAMERA: _exclude,
    Command.PIN_CAMERA: _pin,
    Command.TAKE_OVER: _turn_by_hand,
    Command.RESUME: _turn_by_hand,
}


def _with_why(reason: str, command: OperatorCommand) -> str:
    """Return a version's reason with the operator's own word for it, and the camera where the order speaks of one."""
    parts = [reason]
    if command.command in ORDERS_OF_CAMERAS and command.camera_id:
        parts.append(command.camera_id)
    if command.reason and command.reason != _NO_REASON:
        parts.append(command.reason)
    return ":".join(parts)
