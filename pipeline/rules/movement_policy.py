"""The numbers of people who move, and of how long cases and positions last."""

from dataclasses import dataclass
from typing import TypeVar

from pipeline.rules.policy_fields import PolicyFields
from pipeline.rules.ranking import LAST_RANK

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class MovementPolicy:
    """When a moving subject's cameras are chosen anew, and how its position ages."""

    reselect_distance_m: float
    update_distance_m: float
    max_speed_mps: float
    look_ahead_s: float
    refresh_s: float
    clock_skew_s: float
    position_age_s: float


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """How long things last: every assignment, case and position has an end."""

    lease_s_by_rank: tuple[float, ...]
    renew_share: float
    max_case_s: float
    retention_s: float
    track_age_s: float


def movement_policy_from(f: PolicyFields) -> MovementPolicy:
    """Return the movement's part of ``policy.toml``.

    Raises:
        PolicyError: a field is missing, unknown or out of bounds.
    """
    result = MovementPolicy(
        f.number("reselect_distance_m", 1, 1_000),
        f.number("update_distance_m", 1, 5_000),
        f.number("max_speed_mps", 1, 400),
        f.number("look_ahead_s", 0, 600),
        f.number("refresh_s", 5, 3_600),
        f.number("clock_skew_s", 1, 3_600),
        f.number("position_age_s", 60, 86_400),
    )
    f.done()
    return result


def lease_policy_from(f: PolicyFields) -> LeasePolicy:
    """Return the leases' part of ``policy.toml``.

    Raises:
        PolicyError: a field is missing, unknown or out of bounds.
    """
    result = LeasePolicy(
        per_rank(f, "lease_s_by_rank", f.numbers("lease_s_by_rank", 30, 86_400)),
        f.number("renew_share", 0.05, 0.9),
        f.number("max_case_s", 60, 7 * 86_400),
        f.number("retention_s", 0, 7 * 86_400),
        f.number("track_age_s", 60, 86_400),
    )
    f.done()
    return result


def per_rank(f: PolicyFields, name: str, values: tuple[N, ...]) -> tuple[N, ...]:
    """Return the values if there is one for each rank.

    Raises:
        PolicyError: there are more or fewer.
    """
    if len(values) != LAST_RANK + 1:
        raise f.error(name, f"must have {LAST_RANK + 1} members, one a rank, got {len(values)}")
    return values
