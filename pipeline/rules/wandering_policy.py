"""The numbers of detection of our own: safe zones, outings at night, pacing and lapping, silence."""

from dataclasses import dataclass

from pipeline.rules.policy_fields import PolicyFields

TRAIL_POINTS_MAX = 200


@dataclass(frozen=True, slots=True)
class WanderingPolicy:
    """When a fix of a person under protection becomes an alert. All thresholds are the city's choice.

    Attributes:
        exit_fixes: so many fixes in a row outside all safe zones, each by more than its own error, are an exit.
        clear_m: one fix is enough that is outside by its own error and this much more.
        return_fixes: so many fixes in a row inside a zone end the alerts of the outing.
        accuracy_max_m: a less exact fix neither shows that somebody is inside nor belongs to a way.
        memory_s: the way is forgotten when nothing was heard for so long.
        trail_points: most corners of a way that are kept.
        trail_step_m: a new corner is at least this far from the last one, and twice as far as the fix's error.
        walk_max_mps: who goes faster rides; the way begins anew then.
        window_s: a pattern is looked for in this much of the way.
        pacing_turns: so many turns back are pacing: 4 are there and back twice, and off once more.
        pacing_leg_m: between two turns lies at least this much.
        lapping_rounds: so many rounds are lapping.
        lapping_radius_m: rounds have at least this radius, or it is the receiver's noise.
        again_s: after a pattern was told of, it is told of again only after this long.
        no_contact_s: a tracker that is out and silent for less is never told of.
        no_contact_gaps: nor is one that is silent for less than so many of its usual gaps between arrivals.
    """

    exit_fixes: int
    clear_m: float
    return_fixes: int
    accuracy_max_m: float
    memory_s: float
    trail_points: int
    trail_step_m: float
    walk_max_mps: float
    window_s: float
    pacing_turns: int
    pacing_leg_m: float
    lapping_rounds: float
    lapping_radius_m: float
    again_s: float
    no_contact_s: float
    no_contact_gaps: float


def wandering_policy_from(f: PolicyFields) -> WanderingPolicy:
    """Return detection's part of ``policy.toml``.

    Raises:
        PolicyError: a field is missing, unknown or out of bounds.
    """
    result = WanderingPolicy(
        f.integer("exit_fixes", 1, 10),
        f.number("clear_m", 0, 10_000),
        f.integer("return_fixes", 1, 10),
        f.number("accuracy_max_m", 1, 10_000),
        f.number("memory_s", 60, 86_400),
        f.integer("trail_points", 8, TRAIL_POINTS_MAX),
        f.number("trail_step_m", 5, 1_000),
        f.number("walk_max_mps", 0.5, 10),
        f.number("window_s", 300, 86_400),
        f.integer("pacing_turns", 2, 50),
        f.number("pacing_leg_m", 10, 2_000),
        f.number("lapping_rounds", 1, 20),
        f.number("lapping_radius_m", 5, 1_000),
        f.number("again_s", 60, 86_400),
        f.number("no_contact_s", 60, 86_400),
        f.number("no_contact_gaps", 1.5, 20),
    )
    f.done()
    if result.no_contact_s > result.memory_s:
        raise f.error("no_contact_s", f"must not be above memory_s, got {result.no_contact_s}")
    return result
