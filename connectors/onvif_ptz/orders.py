"""What is remembered of the orders to one head, and what is to be done about them now. Pure but for its own memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.ptz import PtzAction, PtzCommand

# A head that could not be sent home for so long after the deadline is left where it is.
HOME_TRIED_US = 600_000_000

TURN, GO_HOME = "turn", "go-home"
LEASED = (PtzAction.MOVE, PtzAction.HOLD)


@dataclass(slots=True)
class Orders:
    """The newest order to a head.

    Attributes:
        fence: its fence; none with the same or a lower one is carried out again.
        command: the order; None after a restart where nothing is left to do for it.
        done: whether nothing is left to do before the deadline.
        homed: whether the head was sent home after the deadline, or that was given up.
    """

    fence: int = -1
    command: PtzCommand | None = None
    done: bool = True
    homed: bool = True

    def take(self, command: PtzCommand, *, turns: bool) -> str:
        """Take an order; return what was found: ``obsolete``, ``repeated``, ``shadow``, ``drill`` or ``taken``.

        Args:
            command: the order.
            turns: whether drills turn heads.
        """
        if command.fence < self.fence:
            return "obsolete"
        if command.fence == self.fence:
            return "repeated"
        self.fence, self.command = command.fence, command
        idle = command.shadow or (command.exercise and not turns)
        self.done = idle or command.action not in (PtzAction.MOVE, PtzAction.RETURN_HOME)
        self.homed = idle or command.action not in LEASED
        if idle:
            return "shadow" if command.shadow else "drill"
        return "taken"

    def wants(self, now_us: int) -> str | None:
        """Return what is to be done now, ``turn`` or ``go-home``; None for nothing.

        An order whose deadline is over is settled by this as too late.
        """
        command = self.command
        if command is None:
            return None
        is_over = command.deadline_us <= now_us
        if not self.done and not is_over:
            return TURN if command.action == PtzAction.MOVE else GO_HOME
        if is_over:
            self.done = True
            if now_us - command.deadline_us > HOME_TRIED_US:
                self.homed = True
            if not self.homed:
                return GO_HOME
        return None

    def settle(self, wanted: str) -> None:
        """Take note that what was wanted is done, or cannot be."""
        self.done = True
        if wanted == GO_HOME:
            self.homed = True

    @property
    def is_open(self) -> bool:
        """Return whether something is left to do, now or at the deadline."""
        return not (self.done and self.homed)

    def kept(self) -> dict[str, Any]:
        """Return what must outlive a restart, as JSON values."""
        command = self.command
        deadline_us = command.deadline_us if command is not None and not self.homed else None
        # An order that is not done yet comes again, and must not be taken for a repeat then.
        return {"fence": self.fence if self.done else self.fence - 1, "home_at_us": deadline_us}

    @classmethod
    def of_kept(cls, camera_id: str, kept: Mapping[str, Any]) -> "Orders":
        """Return what :meth:`kept` has kept.

        Raises:
            ValueError: it has kept something else.
        """
        fence, deadline_us = kept.get("fence"), kept.get("home_at_us")
        if not isinstance(fence, int) or not (deadline_us is None or isinstance(deadline_us, int)):
            raise ValueError("not what was kept")
        if deadline_us is None:
            return cls(fence)
        # What is left of the order: it ends at its deadline, and the head goes home.
        hold = PtzCommand(
            event_id="", camera_id=camera_id, action=PtzAction.HOLD, fence=fence, issued_us=0, deadline_us=deadline_us
        )
        return cls(fence, hold, done=True, homed=False)
