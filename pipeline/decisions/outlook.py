"""What every look at a case begins with, worked out once for each state of it: its standing and the cameras wanted.

A case is looked at every ten seconds and seldom changes. Its state is never changed in place, so that what follows from
it alone holds as long as the very same state is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.cases.case import Standing, standing_of
from pipeline.decisions.looking import Wish
from pipeline.rules.policy import Policy
from schemas.case_state import CaseState


@dataclass(slots=True)
class Outlook:
    """A state of a case under a policy.

    Attributes:
        case: the state.
        policy: the city's rules.
        standing: what its open reports amount to; None when none is open.
    """

    case: CaseState
    policy: Policy
    standing: Standing | None
    _wish: Wish | None = None
    _made_for: tuple[int, int] = (-1, -1)

    @classmethod
    def of(cls, case: CaseState, policy: Policy) -> "Outlook":
        """Return the outlook of a state."""
        return cls(case, policy, standing_of(case, policy))

    def wish(self, count: int, revision: int, make: Callable[[], Wish]) -> Wish:
        """Return what is wanted for the target of the case: what ``make`` gives, or gave before.

        Args:
            count: how many cameras.
            revision: of the camera table, which knows the rows of cameras.
            make: works it out.
        """
        if self.case.barred:
            return make()  # bars end with time
        if self._wish is None or self._made_for != (count, revision):
            self._wish, self._made_for = make(), (count, revision)
        return self._wish


@dataclass(slots=True)
class Outlooks:
    """The newest outlook of each case of a partition; as many as there are cases."""

    _of_key: dict[bytes, Outlook] = field(default_factory=dict)

    def of(self, key: bytes, case: CaseState, policy: Policy) -> Outlook:
        """Return the outlook of a case's state."""
        known = self._of_key.get(key)
        if known is None or known.case is not case or known.policy is not policy:
            known = self._of_key[key] = Outlook.of(case, policy)
        return known

    def forget(self, key: bytes) -> None:
        """Forget a case."""
        self._of_key.pop(key, None)
