"""What the arbitration of heads tells a case: a head is its own for a time, or others hold it."""

from dataclasses import replace

from pipeline.cases.bars import BY_HEAD, bars_now, with_bar, without_bar
from pipeline.cases.case import (
    AFTER_CLOSE,
    CHANGED,
    DUPLICATE,
    EXERCISE_MIX,
    LATE,
    NOTED,
    UNKNOWN_CASE,
    Applied,
    is_ended,
)
from pipeline.heads.head_bids import MANUAL, PROTECTED, SHADOW, VALUE
from schemas.camera_assignment import PtzState
from schemas.case_state import BarredCamera, CaseState, HeldCamera
from schemas.ptz import PtzGrant, PtzResult

NOT_HELD = "not-held"
HEAD_GRANTED = "head-granted"
HEAD_BY_HAND = "head-by-hand"
HEAD_ENDED = "head-ended"
HEAD_DENIED = "head-denied"
HEAD_PRE_EMPTED = "head-pre-empted"
# A head is asked for again after so many times the usual wait at the latest.
WAITS_MAX = 7


def apply_grant(case: CaseState | None, grant: PtzGrant, now_us: int) -> Applied:
    """Return the case after the arbitration's word about one head.

    Granted marks the held camera: as ``shadow`` where the city only watches and nothing was moved, as ``none`` while
    the case's own operator turns the head by hand, so that nobody here knows where it looks. Denied and pre-empted mark
    it and bar the camera from the case until the arbitration would listen again. Who loses a head is planned anew at
    once, so pre-empted is ``changed``. A denied head showed nothing yet: the case is planned anew with the next tick
    (``bars.awaits_plan``), once for all that was denied. What speaks of an older opening is ``late``, of a camera that
    the case no longer holds ``not-held``; both change nothing. The same word twice is a ``duplicate``: no event ids are
    remembered, because each word says all there is to know of the head.

    Args:
        case: the case as it is; None when there is none of this id.
        grant: what the arbitration says.
        now_us: the grant's append time.
    """
    if case is None:
        return Applied(None, UNKNOWN_CASE)
    held = next((h for h in case.held if h.camera_id == grant.camera_id), None)
    if ignored := _ignored(case, grant, now_us):
        return Applied(case, ignored)
    if held is None:
        return Applied(case, NOT_HELD)
    if grant.result == PtzResult.GRANTED:
        return _granted(case, held, grant)
    if grant.result == PtzResult.ENDED:
        return _noted(case, held, PtzState.NONE, 0, HEAD_ENDED)
    return _taken(case, held, grant, now_us)


def _ignored(case: CaseState, grant: PtzGrant, now_us: int) -> str | None:
    """Return how a grant ends that must not touch the case; None for one that may."""
    if is_ended(case):
        return AFTER_CLOSE
    if grant.opened_us != case.opened_us:
        return LATE
    if grant.exercise != case.exercise:
        return EXERCISE_MIX
    return LATE if grant.result == PtzResult.GRANTED and grant.until_us <= now_us else None


def _granted(case: CaseState, held: HeldCamera, grant: PtzGrant) -> Applied:
    if grant.reason.removeprefix(SHADOW) == MANUAL:
        return _noted(case, held, PtzState.NONE, grant.until_us, HEAD_BY_HAND)
    state = PtzState.SHADOW if grant.reason.startswith(SHADOW) else PtzState.GRANTED
    # A denial of an earlier bid may have come just before.
    noted = _noted(case, held, state, grant.until_us, HEAD_GRANTED)
    return noted if noted.case is None else replace(noted, case=without_bar(noted.case, grant.camera_id, BY_HEAD))


def _taken(case: CaseState, held: HeldCamera, grant: PtzGrant, now_us: int) -> Applied:
    marked = _marked(case, held, PtzState.DENIED, grant.until_us)
    if grant.until_us > now_us:
        until_us, price = _until_us(case, grant, now_us), grant.price
        bar = BarredCamera(camera_id=grant.camera_id, reason=BY_HEAD, until_us=until_us, price=price)
        # When operators have barred as many as can be, the mark on the held camera must do.
        marked = with_bar(marked, bar, now_us) or marked
    if marked == case:
        return Applied(case, DUPLICATE)
    if grant.result == PtzResult.PRE_EMPTED:
        return Applied(marked, CHANGED, HEAD_PRE_EMPTED)
    return Applied(marked, NOTED, HEAD_DENIED)


def _until_us(case: CaseState, grant: PtzGrant, now_us: int) -> int:
    """Return until when a head that others hold is left to them.

    The more heads are kept from the case, the longer it waits before it asks for this one again without a higher bid,
    so that all of them together are asked for in vain as often as one would be.
    """
    if grant.reason.removeprefix(SHADOW) not in (VALUE, PROTECTED):
        return grant.until_us
    others = sum(bar.reason == BY_HEAD and bar.camera_id != grant.camera_id for bar in bars_now(case, now_us))
    return now_us + (grant.until_us - now_us) * (1 + min(others, WAITS_MAX))


def _noted(case: CaseState, held: HeldCamera, ptz: PtzState, until_us: int, reason: str) -> Applied:
    marked = _marked(case, held, ptz, until_us)
    return Applied(case, DUPLICATE) if marked == case else Applied(marked, NOTED, reason)


def _marked(case: CaseState, held: HeldCamera, ptz: PtzState, until_us: int) -> CaseState:
    marked = replace(held, ptz=ptz, ptz_until_us=until_us)
    return replace(case, held=tuple(marked if h is held else h for h in case.held))
