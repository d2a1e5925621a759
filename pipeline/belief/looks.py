"""How looks through cameras are weighed: seen, or looked and not seen, and where a belief starts again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.chance import uniform, wrapping
from pipeline.belief.evidence import LEAST, draw_by_weight, ess_share_of, store_weights
from pipeline.belief.fresh_draws import FRESH_STREAMS, draw_around
from pipeline.belief.particles import PARTICLE, Ints, Particles, StreetArrays, f8, street_arrays, walk_at, walk_table
from pipeline.compiled import compiled
from pipeline.geo import Floats
from pipeline.rules.belief_policy import BeliefPolicy
from pipeline.world.streets import Streets

RESTART_STREAM = (3 << 20) + 1
# Particles are drawn anew when fewer than this share of them carry the weight. The usual threshold: A. Doucet,
# A. Johansen: A tutorial on particle filtering and smoothing, 2009, section 3.5.
ESS_SHARE_MIN = 0.5
# Who says "seen" in error says it of any view alike. A view that is looked through holds about this much of a belief,
# so that a statement which is right with probability r leaves about r of the belief in such a view.
FALSE_VIEW_SHARE = 0.1
RESTART_SIGMA_M = 8.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What a view shows of the streets: where a belief starts again if only that view knows better.

    Attributes:
        x_m: middles of the cells in sight, f8 (n,).
        y_m: the same.
        mass: how well each is shown, f8 (n,), 0 or more; only the proportion means something.
    """

    x_m: Floats
    y_m: Floats
    mass: Floats


@compiled
def look_factor(true: float, false: float, seen: bool, outlier: float) -> float:
    """Return what a look multiplies the weight of a place by; see ``weigh_looks``.

    Args:
        true: chance that the look sees somebody at the place and says so rightly, r rate p.
        false: chance that it says "seen" wherever the subject is.
        seen: what it says.
        outlier: least weight left to a place.
    """
    return true + false + outlier if seen else max(1.0 - true, outlier)


@compiled
def weigh_by_looks(  # noqa: PLR0917 - a kernel takes plain arguments
    row: Particles,
    p: NDArray[np.float32],
    weak: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    reliability: NDArray[np.float32],
    seen_rate: float,
    weak_seen_rate: float,
    outlier: float,
    weights: Floats,
    held: Floats,
) -> float:
    """Write each particle's weight after looks (l, P), and return the total weight they leave, 0 to 1.

    ``held`` (l,) gets, for each look that saw: the part of the belief, as it was before that look, that the look would
    have seen. Nearly none means that the belief is elsewhere.
    """
    total = 1.0
    for i in range(row.shape[0]):
        weights[i] = np.float64(row[i]["weight"])
    for look in range(p.shape[0]):
        r = np.float64(reliability[look])
        false = (1.0 - r) * seen_rate * FALSE_VIEW_SHARE
        before = after = shown = 0.0
        for i in range(row.shape[0]):
            rate = weak_seen_rate if weak[look, i] else seen_rate
            chance = rate * np.float64(p[look, i])
            before += weights[i]
            shown += weights[i] * chance
            weights[i] *= look_factor(r * chance, false, seen[look], outlier)
            after += weights[i]
        held[look] = shown / before if seen[look] and before > LEAST else 1.0
        total *= after / before if before > LEAST else 0.0
    return total


@compiled
def restart_around(  # noqa: PLR0917 - a kernel takes plain arguments
    row: Particles,
    x_m: Floats,
    y_m: Floats,
    mass: Floats,
    fresh: int,
    seed: np.uint64,
    w: int,
    walks: Floats,
    s: StreetArrays,
    scratch: Particles,
    weights: Floats,
    spots: Floats,
    found: Ints,
) -> None:
    """Keep a part of a belief (P,) and draw ``fresh`` particles around places in proportion to their mass."""
    count = row.shape[0]
    for i in range(count):
        weights[i] = np.float64(row[i]["weight"])
    walk = walk_at(walks, w)
    draw_by_weight(row, weights, count - fresh, seed, walk, s.edge_length_m, scratch)
    total = 0.0
    for k in range(mass.shape[0]):
        total += mass[k]
    step, u = total / max(fresh, 1), uniform(seed, RESTART_STREAM, 0)
    place, reached = 0, mass[0]
    for k in range(fresh):
        while reached <= (k + u) * step and place < mass.shape[0] - 1:
            place += 1
            reached += mass[place]
        i = count - fresh + k
        spots[0, i], spots[1, i] = x_m[place], y_m[place]
    draw_around(row, count - fresh, spots[0], spots[1], RESTART_SIGMA_M, seed, FRESH_STREAMS, walk, s, found)


@wrapping
def weigh_looks(  # noqa: PLR0917 - the seam takes plain arguments
    particles: Particles,
    p: NDArray[np.float32],
    weak: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    reliability: NDArray[np.float32],
    seed: np.uint64,
    walk: int,
    streets: Streets | None,
    policy: BeliefPolicy,
    sights: Sequence[Sight | None] = (),
) -> float:
    """Weigh looks of one moment into one belief (P,), in place, and return the total weight they leave, 0 to 1.

    With r the probability that the source's statement is true, p how surely the view shows a particle's place, and
    rate the policy's chance that a look sees who is in view (``seen_rate``, or ``weak_seen_rate`` where shown weakly):

    - looked and not seen: w *= 1 - r rate p. A careless look says nothing (r = 0), a sure one empties the view by the
      chance with which it would have seen.
    - seen: w *= r rate p + (1 - r) 0.1 seen_rate + outlier. A true statement comes from places in view, with rate p. A
      false one comes from anywhere, as often as if a view held a tenth of the belief, which is about what views hold:
      so about r of the weight ends in view if that much was there before, less if less spoke for it.

    If a look saw and less than ``restart_below`` of the belief could have been seen by it, the belief is elsewhere
    altogether: r of it starts again around what that view shows (sigma 8 m), the rest stays as it was, because the
    statement is false with 1 - r. This needs the look's ``Sight``; of several such looks the last one counts.

    Args:
        particles: one case's, moved to the moment of the looks; changed in place.
        p: f4 (l, P), 0 to 1.
        weak: (l, P), where the view shows less than observe level.
        seen: (l,), whether the look saw the subject.
        reliability: f4 (l,), 0 to 1.
        seed: as everywhere.
        walk: place in the policy's walks.
        streets: those that the particles were drawn on.
        policy: the city's.
        sights: empty, or for each look what its view shows; None without streets or for looks that saw nothing.
    """
    count = len(particles)
    weights, held = np.empty(count), np.ones(len(p))
    total = weigh_by_looks(
        particles,
        np.ascontiguousarray(p, np.float32),
        np.ascontiguousarray(weak, np.bool_),
        np.ascontiguousarray(seen, np.bool_),
        np.ascontiguousarray(reliability, np.float32),
        float(policy.seen_rate),
        float(policy.weak_seen_rate),
        float(policy.outlier),
        weights,
        held,
    )
    for look in range(len(sights) - 1, -1, -1):
        sight = sights[look]
        if held[look] < policy.restart_below and sight is not None and sight.mass.sum() > 0.0:
            fresh = math.floor(float(reliability[look]) * count + 0.5)
            _start_again(particles, fresh, sight, np.uint64(seed), walk, streets, policy)
            return float(total)
    store_weights(particles, weights)
    if 0.0 < ess_share_of(weights) < ESS_SHARE_MIN:
        one, edge_length_m = walk_at(walk_table(policy), int(walk)), street_arrays(streets).edge_length_m
        draw_by_weight(particles, weights, count, np.uint64(seed), one, edge_length_m, np.empty(count, PARTICLE))
    return float(total)


def _start_again(  # noqa: PLR0917 - as the seam
    particles: Particles,
    fresh: int,
    sight: Sight,
    seed: np.uint64,
    walk: int,
    streets: Streets | None,
    policy: BeliefPolicy,
) -> None:
    """Draw so many of the particles around what a view shows; the others are kept as they were before the looks."""
    count = len(particles)
    restart_around(
        particles,
        f8(sight.x_m),
        f8(sight.y_m),
        f8(sight.mass),
        fresh,
        seed,
        int(walk),
        walk_table(policy),
        street_arrays(streets),
        np.empty(count, PARTICLE),
        np.empty(count),
        np.empty((2, count)),
        np.empty(count, np.int32),
    )
