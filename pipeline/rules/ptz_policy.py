"""The numbers of the arbitration of PTZ heads."""

from dataclasses import dataclass

from pipeline.rules.policy_fields import PolicyFields


@dataclass(frozen=True, slots=True)
class PtzPolicy:
    """When a head may change hands, and how much it may be moved.

    Attributes:
        shadow: decide, but command nothing.
        dwell_s: a head that was just given to a case stays with it at least this long.
        margin: a bid must exceed the holder's by this much, as a probability of a view.
        protected_rank: the first head of a case of this rank or more urgent is taken only by a more urgent case.
        moves_per_hour: how often a head may be moved in an hour.
        retry_s: how long a denied case does not ask for the head again.
        manual_max_s: a take-over that nobody resumes ends after this long.
        home_after_s: a head nobody holds goes home after this long.
        slew_s: from the command to the picture: turning and opening the stream.
    """

    shadow: bool
    dwell_s: float
    margin: float
    protected_rank: int
    moves_per_hour: int
    retry_s: float
    manual_max_s: float
    home_after_s: float
    slew_s: float


def ptz_policy_from(f: PolicyFields) -> PtzPolicy:
    """Return the heads' part of ``policy.toml``.

    Raises:
        PolicyError: a field is missing, unknown or out of bounds.
    """
    result = PtzPolicy(
        f.flag("shadow"),
        f.number("dwell_s", 0, 600),
        f.number("margin", 0, 1),
        f.integer("protected_rank", 0, 4),
        f.integer("moves_per_hour", 1, 3_600),
        f.number("retry_s", 0, 3_600),
        f.number("manual_max_s", 10, 86_400),
        f.number("home_after_s", 0, 3_600),
        f.number("slew_s", 0, 60),
    )
    f.done()
    return result
