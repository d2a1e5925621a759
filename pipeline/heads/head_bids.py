"""Who may have a head: the order of bids, and what a bid is told that does not win.

A bid is a case's wish to turn a head. Real cases come before drills. Then the first head of a case of the protected
rank or a more urgent one is the case's by right: it goes to nobody but the first head of a case of a more urgent rank.
Everything else is an auction of values, in which the holder has a margin and a minimum dwell. Only such a right may
end a dwell or exceed the movement budget.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.rules.policy import US_PER_S
from pipeline.rules.ptz_policy import PtzPolicy
from schemas.camera_assignment import Aim
from schemas.ptz import PtzAction, PtzHead, PtzRequest

FREE, VALUE, PROTECTED, DWELL, BUDGET, MANUAL = "free", "value", "rank-protected", "dwell", "budget", "manual"
EXPIRED, RELEASED, RENEWED, EXERCISE = "lease-expired", "released", "renewed", "exercise"
# Grants of a city that only watches say so in front of their reason: nothing was moved.
SHADOW = "shadow-"
GIVING_BACK = (PtzAction.RELEASE, PtzAction.RETURN_HOME)
WISHES = (PtzAction.MOVE, PtzAction.HOLD, *GIVING_BACK)
BY_HAND = (PtzAction.TAKE_OVER, PtzAction.RESUME)
BUDGET_US = 3_600 * US_PER_S
# Less than this is the same picture: about what a preset repeats to, and a twentieth of the picture's width.
TURN_DEG = 1.0
ZOOM_SHARE = 0.05
# A lease that would go on by less than this part of it stays as it is: cases may decide every few seconds.
LEASE_SHARE = 1 / 16
# What wants a head, or has it: both say of which case, with which rank and value.
Bidder = PtzRequest | PtzHead


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a bid wins, why, and before when the same bid is pointless (UTC microseconds; 0 where it wins).

    ``price`` is what another bid of the same case would have to exceed; None where the value decides nothing.
    """

    wins: bool
    reason: str
    until_us: int = 0
    price: float | None = None


def newest_wishes(requests: Sequence[PtzRequest]) -> list[int]:
    """Return where the newest wish of each case is."""
    newest: dict[str, int] = {}
    for i, request in enumerate(requests):
        if request.action in WISHES:
            best = newest.setdefault(request.case_id, i)
            if _age(request) > _age(requests[best]):
                newest[request.case_id] = i
    return list(newest.values())


def _age(request: PtzRequest) -> tuple[int, int, int, str]:
    return (request.opened_us, request.version, request.requested_us, request.event_id)


def is_of_holder(order: PtzRequest, head: PtzHead) -> bool:
    """Return whether an order by hand comes from an operator of the case that holds the head."""
    return (order.case_id, order.opened_us, order.exercise) == (head.case_id, head.opened_us, head.exercise)


def until_us(now_us: int, after_s: float) -> int:
    """Return the moment so many seconds later."""
    return now_us + int(after_s * US_PER_S)


def right_of(bidder: Bidder, policy: PtzPolicy) -> tuple[bool, int]:
    """Return what a bid or holder is by right, growing: (real, how far its protected rank reaches; 0 unprotected)."""
    protected = bidder.first_head and bidder.rank <= policy.protected_rank
    return (not bidder.exercise, policy.protected_rank - bidder.rank + 1 if protected else 0)


def order_of(bidder: Bidder, policy: PtzPolicy) -> tuple[bool, int, float, list[int]]:
    """Return a bid's place among those of one moment, the best one last: right, value, then the smaller case id."""
    # Negated, so that the smaller id comes last; the 1 puts an id after those that begin with it.
    smaller_last = [-code for code in (bidder.case_id or "").encode()] + [1]
    return (*right_of(bidder, policy), bidder.value, smaller_last)


def judged(head: PtzHead, bid: PtzRequest, now_us: int, policy: PtzPolicy) -> Verdict:
    """Return whether a bid of a case that does not hold the head wins it.

    Args:
        head: as it is now; whatever has ended by ``now_us`` is already ended in it.
        bid: a wish to move the head.
        now_us: the moment of the bid.
        policy: the numbers.
    """
    if head.manual_by is not None:
        if head.exercise and not bid.exercise:
            return Verdict(True, EXERCISE)
        return Verdict(False, MANUAL, min(_retry_us(now_us, policy), head.manual_until_us))
    if head.case_id is None:
        return _within_budget(head, bid, now_us, policy, FREE)
    if head.since_us == now_us and order_of(bid, policy) > order_of(head, policy):
        return Verdict(True, VALUE)  # it was won in this very moment: that contest is still open
    return _against_holder(head, bid, now_us, policy)


def _against_holder(head: PtzHead, bid: PtzRequest, now_us: int, policy: PtzPolicy) -> Verdict:
    bids, holds = right_of(bid, policy), right_of(head, policy)
    later_us = min(_retry_us(now_us, policy), head.deadline_us)
    if bids != holds:
        wins = bids > holds
        return Verdict(wins, EXERCISE if bids[0] != holds[0] else PROTECTED, 0 if wins else later_us)
    if bids[1]:
        return Verdict(False, PROTECTED, later_us)
    if bid.value <= price_of(head, policy):
        return Verdict(False, VALUE, later_us, price_of(head, policy))
    dwells_until_us = head.since_us + int(policy.dwell_s * US_PER_S)
    if now_us < dwells_until_us:
        return Verdict(False, DWELL, min(dwells_until_us, head.deadline_us))
    return _within_budget(head, bid, now_us, policy, VALUE)


def price_of(head: PtzHead, policy: PtzPolicy) -> float:
    """Return what a bid must exceed to win a head from its holder, where only the value decides."""
    return head.value + policy.margin


def turns(now: Aim | None, wanted: Aim | None) -> bool:
    """Return whether a head that looks at ``now`` (None for home) must be moved for what is wanted."""
    if now is None or wanted is None:
        return wanted is not None
    pan_deg = abs((wanted.pan_deg - now.pan_deg + 180) % 360 - 180)
    zoomed = abs(wanted.zoom / now.zoom - 1)
    return pan_deg >= TURN_DEG or abs(wanted.tilt_deg - now.tilt_deg) >= TURN_DEG or zoomed >= ZOOM_SHARE


def lease_end_us(head: PtzHead, wish: PtzRequest, now_us: int) -> int:
    """Return until when a head is its holder's that wishes to hold it on: as before, if that is nearly as long."""
    gained_us = wish.deadline_us - head.deadline_us
    is_little = 0 <= gained_us < (wish.deadline_us - now_us) * LEASE_SHARE
    return head.deadline_us if wish.action == PtzAction.HOLD and is_little else wish.deadline_us


def moves_in_budget(head: PtzHead, now_us: int) -> tuple[int, ...]:
    """Return the moves of the last hour."""
    return tuple(moved_us for moved_us in head.moves_us if moved_us > now_us - BUDGET_US)


def budget_free_us(head: PtzHead, now_us: int, policy: PtzPolicy) -> int:
    """Return from when the head may be moved again: ``now_us`` if the budget is not used up."""
    moves_us = moves_in_budget(head, now_us)
    if len(moves_us) < policy.moves_per_hour:
        return now_us
    return moves_us[-policy.moves_per_hour] + BUDGET_US


def _within_budget(head: PtzHead, bid: PtzRequest, now_us: int, policy: PtzPolicy, reason: str) -> Verdict:
    free_us = now_us if has_right(bid, policy) else budget_free_us(head, now_us, policy)
    return Verdict(True, reason) if free_us <= now_us else Verdict(False, BUDGET, free_us)


def has_right(bidder: Bidder, policy: PtzPolicy) -> bool:
    """Return whether a bid or holder is a real case's protected head."""
    return right_of(bidder, policy) > (True, 0)


def _retry_us(now_us: int, policy: PtzPolicy) -> int:
    return until_us(now_us, policy.retry_s)


def due_us(head: PtzHead, policy: PtzPolicy) -> int | None:
    """Return when time alone will change a head, UTC microseconds since the epoch; None for never."""
    ends_us = [head.manual_until_us] if head.manual_by is not None else []
    ends_us += [head.deadline_us] if head.case_id is not None else []
    if ends_us:
        return min(ends_us)
    return head.since_us + int(policy.home_after_s * US_PER_S) if head.since_us else None
