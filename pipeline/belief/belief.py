"""Where the subjects of cases can be now: particles that walk, and the evidence that weighs them.

Every function takes many cases at once, m rows of P particles (see ``particles``), and works in place where it says
so. A case's result depends on its own row, numbers and seed alone: not on the batch, its order or its size, nor on
whether the loops are compiled. Give every call that moves or weighs a case a seed of its own; calls of different
functions may share one. Positions are metres on the city's plane and finite.

The caller moves the belief to a fix's own time before it weighs the fix, and judges jumps before that: a fix is never
refused here, at worst it is an outlier.
"""

import numpy as np

from pipeline.belief import evidence, fresh_draws, walks
from pipeline.belief.chance import wrapping
from pipeline.belief.looks import Sight, weigh_looks
from pipeline.belief.particles import PARTICLE, Ints, Particles, Seeds, f8, i4, street_arrays, u8, walk_table
from pipeline.belief.whereabouts import places_of, spots_of, where_of
from pipeline.geo import Floats
from pipeline.rules.belief_policy import BeliefPolicy
from pipeline.world.streets import Streets

__all__ = [
    "Sight",
    "fix_sigma_m",
    "move_many",
    "places_of",
    "spots_of",
    "start_many",
    "weigh_fixes",
    "weigh_looks",
    "where_of",
]
# The 68 % radius of a round normal error is so many of its standard deviations: sqrt(-2 ln 0.32).
R68_PER_SIGMA = 1.51
# Receivers state radii of nothing at times; no fix is better than this.
SIGMA_MIN_M = 1.0
# The plain form's hashes wrap on purpose, see pipeline.belief.chance.
_wrapping = np.errstate(over="ignore")


def fix_sigma_m(r68_m: Floats, lag_s: Floats, policy: BeliefPolicy) -> Floats:
    """Return a fix's standard deviation per axis, metres, at least 1.

    sigma^2 = (fix_error_scale * r68 / 1.51)^2 + (late_mps * lag)^2: what came late is blurred by what happened since.

    Args:
        r68_m: stated 68 % radius.
        lag_s: by how many seconds the fix is older than the belief it is weighed into; below 0 counts as 0.
        policy: the city's.
    """
    own_m = policy.fix_error_scale * np.asarray(r68_m) / R68_PER_SIGMA
    late_m = policy.late_mps * np.maximum(lag_s, 0.0)
    return np.asarray(np.maximum(np.sqrt(own_m * own_m + late_m * late_m), SIGMA_MIN_M))


@wrapping
def start_many(  # noqa: PLR0917 - the seam takes plain arguments
    x_m: Floats,
    y_m: Floats,
    sigma_m: Floats,
    walk: Ints,
    seeds: Seeds,
    streets: Streets | None,
    policy: BeliefPolicy,
) -> Particles:
    """Return new beliefs (m, P): drawn around a place each, on the nearest street within 60 m, else on the plane.

    Args:
        x_m: f8 (m,).
        y_m: f8 (m,).
        sigma_m: standard deviation per axis, f8 (m,).
        walk: places in the policy's walks, i4 (m,).
        seeds: u8 (m,).
        streets: None where the city's are not known.
        policy: the city's; its ``particles`` is P.
    """
    count = policy.particles
    particles: Particles = np.zeros((len(x_m), count), PARTICLE)
    fresh_draws.start_cases(
        particles,
        f8(x_m),
        f8(y_m),
        f8(sigma_m),
        i4(walk),
        u8(seeds),
        walk_table(policy),
        street_arrays(streets),
        np.empty((2, count)),
        np.empty(count, np.int32),
    )
    return particles


@wrapping
def move_many(  # noqa: PLR0917 - the seam takes plain arguments
    particles: Particles, seconds: Floats, walk: Ints, seeds: Seeds, streets: Streets | None, policy: BeliefPolicy
) -> None:
    """Let beliefs (m, P) walk in place.

    Args:
        particles: changed in place.
        seconds: how long, f8 (m,); 0, less or NaN leaves a case as it is.
        walk: places in the policy's walks, i4 (m,).
        seeds: u8 (m,).
        streets: those that the particles were drawn on.
        policy: the city's.
    """
    walks.move_cases(particles, f8(seconds), i4(walk), u8(seeds), walk_table(policy), street_arrays(streets))


@wrapping
def weigh_fixes(  # noqa: PLR0917 - the seam takes plain arguments
    particles: Particles,
    x_m: Floats,
    y_m: Floats,
    sigma_m: Floats,
    walk: Ints,
    seeds: Seeds,
    streets: Streets | None,
    policy: BeliefPolicy,
) -> Floats:
    """Weigh a fix into each belief (m, P), in place, and return how much of each belief agreed with it.

    A weight is multiplied by e^(-d^2 / 2 sigma^2) + outlier. Then all but a share are drawn anew by weight, and that
    share, clip(1 - agreement / 0.3, fresh_min, fresh_max), is drawn fresh around the fix. A place clicked on a map is a
    fix with its own sigma.

    Args:
        particles: moved to the fix's time; changed in place, all of equal weight afterwards.
        x_m: f8 (m,).
        y_m: f8 (m,).
        sigma_m: standard deviation per axis, f8 (m,), see ``fix_sigma_m``; less than 1 counts as 1.
        walk: places in the policy's walks, i4 (m,).
        seeds: u8 (m,).
        streets: those that the particles were drawn on.
        policy: the city's.

    Returns:
        The effective share of particles, f8 (m,), 0 to 1: near 0 the fix was where hardly a particle was.
    """
    count = particles.shape[1]
    ess_share = np.zeros(len(particles))
    evidence.weigh_fix_cases(
        particles,
        f8(x_m),
        f8(y_m),
        np.maximum(f8(sigma_m), SIGMA_MIN_M),
        i4(walk),
        u8(seeds),
        float(policy.outlier),
        float(policy.fresh_min),
        float(policy.fresh_max),
        walk_table(policy),
        street_arrays(streets),
        np.empty(count, PARTICLE),
        np.empty(count),
        np.empty((2, count)),
        np.empty(count, np.int32),
        ess_share,
    )
    return ess_share
