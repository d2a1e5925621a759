"""Arbitration of one PTZ head: requests in, at most one order to the head and the answers to the cases out.

A head is at home, held by a case, turned by hand, or let go and not yet sent home. A holder whose own operator turns
it by hand keeps it meanwhile, and has it turned back afterwards. All requests of one moment are judged together, so
that their order does not matter; of a case only its newest version counts. What a moment brings is one net order with
the next fence. A lease that ends lets the head go, and a head nobody holds goes home.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pipeline.heads import head_bids as bids
from pipeline.rules.policy import US_PER_S
from pipeline.rules.ptz_policy import PtzPolicy
from schemas.ptz import PtzAction, PtzCommand, PtzGrant, PtzHead, PtzRequest, PtzResult

# Orders that need no lease, release and return-home, are void after this long, like any order that came too late.
UNLEASED_ORDER_US = 60 * US_PER_S


@dataclass(frozen=True, slots=True)
class Arbitration:
    """What a moment brought to a head.

    Attributes:
        head: as it is now.
        command: the one order to it; None if nothing changes for it.
        grants: answers to cases, in the order of their ids.
        outcomes: how each request ended, in the order of the requests.
    """

    head: PtzHead
    command: PtzCommand | None
    grants: tuple[PtzGrant, ...]
    outcomes: tuple[str, ...]


def arbitrate(
    head: PtzHead | None, requests: Sequence[PtzRequest], camera_id: str, now_us: int, policy: PtzPolicy
) -> Arbitration:
    """Return what requests of one moment, and the time up to it, bring to a head.

    Args:
        head: as it was; None for one that nobody has asked for yet.
        requests: all of this head and this moment, in any order; none for time alone.
        camera_id: whose head it is.
        now_us: the moment, UTC microseconds since the epoch; not before that of the head's newest change.
        policy: the numbers.
    """
    before = head or PtzHead(camera_id=camera_id, fence=0, updated_us=now_us)
    moment = _Moment(before, before, now_us, policy)
    outcomes = moment.take(requests)
    return moment.concluded(outcomes)


@dataclass(slots=True)
class _Moment:
    """One moment of a head under way: what it is so far, and what the cases must be told."""

    before: PtzHead
    head: PtzHead
    now_us: int
    policy: PtzPolicy
    told: dict[tuple[str, bool], PtzGrant] = field(default_factory=dict)
    homeward: bool = False

    def take(self, requests: Sequence[PtzRequest]) -> list[str]:
        """End what is over, then work through the requests; return how each ended."""
        self._end_what_is_over()
        outcomes = ["late" if request.action in bids.WISHES else "ignored" for request in requests]
        orders = [i for i, request in enumerate(requests) if request.action in bids.BY_HAND]
        for i in sorted(orders, key=lambda i: (requests[i].requested_us, requests[i].event_id)):
            outcomes[i] = self._by_hand(requests[i])
        newest = bids.newest_wishes(requests)
        own = [i for i in newest if self._is_own(requests[i])]
        others = [i for i in newest if i not in own]
        for i in own:
            outcomes[i] = self._own(requests[i])
        for i in sorted(others, key=lambda i: bids.order_of(requests[i], self.policy), reverse=True):
            outcomes[i] = self._foreign(requests[i])
        return outcomes

    def _end_what_is_over(self) -> None:
        head = self.head
        if head.manual_by is not None and self.now_us >= head.manual_until_us:
            self._end_manual(since_us=head.manual_until_us)
        if head.case_id is not None and self.now_us >= head.deadline_us:
            self._tell_holder(PtzResult.ENDED, bids.EXPIRED, self.now_us)
            self._let_go(since_us=head.deadline_us, keep_manual=True)

    def _by_hand(self, order: PtzRequest) -> str:
        """Carry out an operator's order; a drill's operator takes nothing from real use."""
        head = self.head
        in_use = head.case_id is not None or head.manual_by is not None
        if in_use and order.exercise and not head.exercise:
            self._tell(order, PtzResult.DENIED, bids.EXERCISE, bids.until_us(self.now_us, self.policy.retry_s))
            return "denied"
        if order.action == PtzAction.RESUME:
            if head.manual_by is None:
                return "ignored"
            self._end_manual(since_us=self.now_us)
            return "resumed"
        until_us = bids.until_us(self.now_us, self.policy.manual_max_s)
        by = order.actor_ref or "unknown"
        if bids.is_of_holder(order, head):
            self.head = replace(head, manual_by=by, manual_until_us=until_us)
            self._tell_holder(PtzResult.GRANTED, bids.MANUAL, head.deadline_us)
            return "taken-over"
        self._tell_holder(
            PtzResult.PRE_EMPTED, bids.MANUAL, min(until_us, bids.until_us(self.now_us, self.policy.retry_s))
        )
        self._let_go(since_us=self.now_us)
        self.head = replace(self.head, manual_by=by, manual_until_us=until_us, exercise=order.exercise)
        return "taken-over"

    def _end_manual(self, since_us: int) -> None:
        """Take the head from the operator's hand: back to the case that kept it, else it is let go."""
        if self.head.case_id is None:
            self._let_go(since_us=since_us)
            return
        self.head = replace(self.head, manual_by=None, manual_until_us=0, since_us=self.now_us)
        self._tell_holder(PtzResult.GRANTED, bids.RENEWED, self.head.deadline_us)

    def _is_own(self, request: PtzRequest) -> bool:
        """Return whether the holder asks; a drill of the same name is somebody else."""
        head = self.head
        return request.case_id == head.case_id and (head.exercise or not request.exercise)

    def _own(self, request: PtzRequest) -> str:
        """Take the holder's renewal, another aim or its giving back."""
        head = self.head
        if (request.opened_us, request.version) < (head.opened_us, head.version):
            return "late"
        if request.action in bids.GIVING_BACK:
            self._tell_holder(PtzResult.ENDED, bids.RELEASED, self.now_us)
            self._let_go(since_us=self.now_us, keep_manual=True)
            self.homeward = request.action == PtzAction.RETURN_HOME
            return "released"
        if request.deadline_us <= self.now_us:
            return "late"
        is_manual = head.manual_by is not None
        turns = request.action == PtzAction.MOVE and bids.turns(head.aim, request.aim)
        free_us = bids.budget_free_us(head, self.now_us, self.policy)
        may_turn = turns and (is_manual or bids.has_right(request, self.policy) or free_us <= self.now_us)
        held = replace(
            self._with(request, since_us=head.since_us), deadline_us=bids.lease_end_us(head, request, self.now_us)
        )
        # While it is turned by hand the aim is where it will be turned back to.
        aim = held.aim if may_turn else head.aim
        self.head = replace(held, aim=aim, manual_by=head.manual_by, manual_until_us=head.manual_until_us)
        if replace(self.head, updated_us=head.updated_us) == head:
            return "repeated"
        reason = bids.MANUAL if is_manual else bids.BUDGET if turns and not may_turn else bids.RENEWED
        is_same = (held.deadline_us, held.exercise) == (head.deadline_us, head.exercise)
        if not (request.action == PtzAction.HOLD and is_same and reason == bids.RENEWED):
            self._tell(request, PtzResult.GRANTED, reason, held.deadline_us)
        return "renewed"  # another value alone is news to nobody but the head

    def _foreign(self, request: PtzRequest) -> str:
        """Judge the wish of a case that does not hold the head."""
        if request.action in bids.GIVING_BACK:
            return "ignored"
        if request.deadline_us <= self.now_us or request.aim is None:
            self._tell(request, PtzResult.DENIED, bids.EXPIRED, self.now_us)
            return "denied"
        verdict = bids.judged(self.head, request, self.now_us, self.policy)
        if not verdict.wins:
            by, price = self.head.case_id, verdict.price
            self._tell(request, PtzResult.DENIED, verdict.reason, verdict.until_us, by, price)
            return "denied"
        wait_s = max(self.policy.dwell_s, self.policy.retry_s)
        retry_us = min(bids.until_us(self.now_us, wait_s), request.deadline_us)
        loser, self.head = self.head, self._with(request, since_us=self.now_us)
        if loser.case_id is not None:
            price = bids.price_of(self.head, self.policy) if verdict.reason == bids.VALUE else None
            self._tell(loser, PtzResult.PRE_EMPTED, verdict.reason, retry_us, by=request.case_id, price=price)
        self._tell(request, PtzResult.GRANTED, verdict.reason, request.deadline_us)
        return "granted"

    def _with(self, request: PtzRequest, since_us: int) -> PtzHead:
        return replace(
            self.head,
            case_id=request.case_id,
            opened_us=request.opened_us,
            version=request.version,
            rank=request.rank,
            first_head=request.first_head,
            value=request.value,
            aim=request.aim if request.aim is not None else self.head.aim,
            exercise=request.exercise,
            since_us=since_us,
            deadline_us=request.deadline_us,
            manual_by=None,
            manual_until_us=0,
        )

    def _let_go(self, since_us: int, *, keep_manual: bool = False) -> None:
        """Leave the head to no case; where it looks is still known, for it has not gone home."""
        head = self.head
        is_manual = keep_manual and head.manual_by is not None
        self.head = PtzHead(
            camera_id=head.camera_id,
            fence=head.fence,
            aim=head.aim,
            exercise=head.exercise and is_manual,
            since_us=since_us,
            manual_by=head.manual_by if is_manual else None,
            manual_until_us=head.manual_until_us if is_manual else 0,
            moves_us=head.moves_us,
            updated_us=head.updated_us,
        )

    def _tell_holder(self, result: PtzResult, reason: str, until_us: int, by: str | None = None) -> None:
        if self.head.case_id is not None:
            self._tell(self.head, result, reason, until_us, by=by)

    def _tell(  # noqa: PLR0917 - the parts of an answer
        self, to: bids.Bidder, result: PtzResult, reason: str, until_us: int, by: str | None = None,
        price: float | None = None,
    ) -> None:  # fmt: skip
        """Note what a case is told; of several answers in one moment the last one counts."""
        case_id = to.case_id or ""
        told = self.told.get((case_id, to.exercise))
        if told is not None and told.result == PtzResult.PRE_EMPTED and result == PtzResult.DENIED:
            return  # that it lost the head says more
        if not to.exercise:
            self.told.pop((case_id, True), None)  # what speaks of a real case ends its drill
        self.told[case_id, to.exercise] = PtzGrant(
            event_id="",
            case_id=case_id,
            opened_us=to.opened_us,
            camera_id=to.camera_id,
            result=result.value,
            reason=bids.SHADOW + reason if self.policy.shadow else reason,
            by_case_id=by,
            fence=0,
            exercise=to.exercise,
            decided_us=self.now_us,
            until_us=until_us,
            price=price,
        )

    def concluded(self, outcomes: list[str]) -> Arbitration:
        """Return the moment's net order, and the answers with its fence."""
        action = self._action()
        if action is not None:
            self._note_order(action)
        head = self.head
        if replace(head, updated_us=self.before.updated_us) != self.before:
            self.head = head = replace(head, updated_us=self.now_us)
        grants = tuple(
            replace(
                grant,
                fence=head.fence,
                event_id=f"{head.camera_id}/{head.fence}/{grant.case_id}/{grant.result}/{grant.decided_us}",
            )
            for _, grant in sorted(self.told.items())
        )
        return Arbitration(head, None if action is None else self._command(action), grants, tuple(outcomes))

    def _action(self) -> PtzAction | None:
        """Return what the head must be told after all."""
        before, head = self.before, self.head
        if head.manual_by is not None:
            return PtzAction.RELEASE if before.case_id is not None and before.manual_by is None else None
        if head.case_id is not None:
            taken = head.case_id != before.case_id or head.since_us != before.since_us
            if taken or head.aim != before.aim:
                return PtzAction.MOVE
            return PtzAction.HOLD if head.deadline_us != before.deadline_us else None
        if head.since_us:
            home_us = head.since_us + int(self.policy.home_after_s * US_PER_S)
            if self.homeward or self.now_us >= home_us:
                return PtzAction.RETURN_HOME
        return PtzAction.RELEASE if before.case_id is not None else None

    def _note_order(self, action: PtzAction) -> None:
        head = replace(self.head, fence=self.head.fence + 1)
        if action in (PtzAction.MOVE, PtzAction.RETURN_HOME):
            moves_us = (*bids.moves_in_budget(head, self.now_us), self.now_us)
            head = replace(head, moves_us=moves_us[-self.policy.moves_per_hour :])
        if action == PtzAction.RETURN_HOME:
            head = replace(head, aim=None, since_us=0)
        self.head = head

    def _command(self, action: PtzAction) -> PtzCommand:
        head = self.head
        leased = action in (PtzAction.MOVE, PtzAction.HOLD)
        return PtzCommand(
            event_id=f"{head.camera_id}/{head.fence}",
            camera_id=head.camera_id,
            action=action.value,
            fence=head.fence,
            case_id=head.case_id,
            aim=head.aim if action == PtzAction.MOVE else None,
            shadow=self.policy.shadow,
            exercise=self.before.exercise if action in bids.GIVING_BACK else head.exercise,
            issued_us=self.now_us,
            deadline_us=head.deadline_us if leased else self.now_us + UNLEASED_ORDER_US,
        )
