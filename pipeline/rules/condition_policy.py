"""What crowds change: how much less a camera shows in them, and how many more cameras are suggested."""

from dataclasses import dataclass

from pipeline.rules.policy_fields import PolicyFields
from schemas.condition import CrowdLevel

CAMERAS_MORE_MAX = 8


@dataclass(frozen=True, slots=True)
class ConditionPolicy:
    """By level of a crowd; levels that are not named change nothing. The numbers are judgement, not measurement.

    Attributes:
        factors: what remains of the probability that a camera there shows somebody.
        cameras: how many cameras more a target there gets.
    """

    factors: dict[str, float]
    cameras: dict[str, int]

    def factor_of(self, level: str) -> float:
        """Return what a level leaves of what a camera shows, above 0 to 1."""
        return self.factors.get(level, 1.0)

    def cameras_for(self, level: str | None) -> int:
        """Return how many cameras more a level is worth."""
        return self.cameras.get(level or "", 0)


def condition_policy_from(f: PolicyFields) -> ConditionPolicy:
    """Return the conditions' part of ``policy.toml``.

    Raises:
        PolicyError: a field is missing, unknown or out of bounds.
    """
    levels = (CrowdLevel.BUSY, CrowdLevel.CROWDED)
    result = ConditionPolicy(
        {level.value: f.number(f"{level}_factor", 0.05, 1) for level in levels},
        {level.value: f.integer(f"{level}_cameras", 0, CAMERAS_MORE_MAX) for level in levels},
    )
    f.done()
    return result
