"""How a fix is weighed, and how particles are drawn anew in proportion to their weights."""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.chance import uniform
from pipeline.compiled import compiled
from pipeline.fresh_draws import FRESH_STREAMS, draw_around
from pipeline.geo import Floats
from pipeline.particles import FULL_WEIGHT, Ints, Particles, StreetArrays, spot_of, walk_at

RESAMPLE_STREAM = 3 << 20
# Below this share of effective particles a fix hit what the belief hardly held; then more of them are drawn anew.
HEALTHY_ESS_SHARE = 0.3
# Beyond this many e-folds a fix's weight is lost beside the outlier's.
_FOLDS_MAX = 40.0
# A sum of weights this small is none.
LEAST = 1e-300


@compiled
def store_weights(row: Particles, weights: Floats) -> None:
    """Store weights (P,) with a particle each, the heaviest as 65,535; if there is none, the old ones stay."""
    heaviest = 0.0
    for i in range(row.shape[0]):
        heaviest = max(heaviest, weights[i])
    if heaviest <= LEAST:
        return
    for i in range(row.shape[0]):
        row[i]["weight"] = math.floor(weights[i] / heaviest * FULL_WEIGHT + 0.5)


@compiled
def ess_share_of(weights: Floats) -> float:
    """Return the effective number of particles (sum w)^2 / sum w^2 as a share of all, 0 to 1 (A. Kong 1992)."""
    total = squares = 0.0
    for i in range(weights.shape[0]):
        total += weights[i]
        squares += weights[i] * weights[i]
    return total * total / (squares * weights.shape[0]) if squares > LEAST else 0.0


@compiled
def draw_by_weight(row: Particles, weights: Floats, count: int, u: float, scratch: Particles) -> None:
    """Replace the first ``count`` particles of a row by systematic resampling of all of it.

    One draw serves all: particle i comes floor or ceiling of count * w_i / sum(w) times (J. Carpenter, P. Clifford,
    P. Fearnhead 1999). Order is kept. All of them weigh the same afterwards.

    Args:
        row: one case's particles (P,).
        weights: f8 (P,), not all 0.
        count: how many to draw, at most P.
        u: a draw, 0 <= u < 1.
        scratch: room for P particles.
    """
    total = 0.0
    for i in range(row.shape[0]):
        total += weights[i]
    step = total / max(count, 1)
    i, reached = 0, weights[0]
    for k in range(count):
        wanted = (k + u) * step
        while reached <= wanted and i < row.shape[0] - 1:
            i += 1
            reached += weights[i]
        scratch[k] = row[i]
    for k in range(count):
        row[k] = scratch[k]
        row[k]["weight"] = FULL_WEIGHT


@compiled
def weigh_by_fix(  # noqa: PLR0917 - the seam takes plain arguments
    row: Particles, x_m: float, y_m: float, sigma_m: float, outlier: float, s: StreetArrays, weights: Floats
) -> float:
    """Write each particle's weight after a fix: what it had, times e^(-d^2 / 2 sigma^2) + outlier.

    Returns the effective share of particles, counted without the outlier: with it, a belief all of which is far from a
    fix would look like one all of which agrees.
    """
    total = squares = 0.0
    per_m2 = 0.5 / (sigma_m * sigma_m)
    for i in range(row.shape[0]):
        at_x_m, at_y_m = spot_of(row[i], s)
        d_x, d_y = at_x_m - x_m, at_y_m - y_m
        folds = (d_x * d_x + d_y * d_y) * per_m2
        near = math.exp(-folds) if folds < _FOLDS_MAX else 0.0
        weight = np.float64(row[i]["weight"])
        weights[i] = weight * (near + outlier)
        total += weight * near
        squares += weight * near * weight * near
    return total * total / (squares * row.shape[0]) if squares > LEAST else 0.0


@compiled
def weigh_fix_cases(  # noqa: PLR0917 - a kernel takes plain arguments
    particles: Particles,
    x_m: Floats,
    y_m: Floats,
    sigma_m: Floats,
    walk: Ints,
    seeds: NDArray[np.uint64],
    outlier: float,
    fresh_min: float,
    fresh_max: float,
    walks: Floats,
    s: StreetArrays,
    scratch: Particles,
    weights: Floats,
    spots: Floats,
    found: Ints,
    ess_share: Floats,
) -> None:
    """Weigh a fix per case, draw its particles anew by weight, and a fresh share around the fix.

    ``scratch``, ``weights`` and ``found`` are room for (P,), ``spots`` for (2, P).
    """
    count = particles.shape[1]
    for case in range(particles.shape[0]):
        row, seed = particles[case], seeds[case]
        ess_share[case] = weigh_by_fix(row, x_m[case], y_m[case], sigma_m[case], outlier, s, weights)
        fresh = min(max(1.0 - ess_share[case] / HEALTHY_ESS_SHARE, fresh_min), fresh_max)
        kept = count - math.floor(fresh * count + 0.5)
        draw_by_weight(row, weights, kept, uniform(seed, RESAMPLE_STREAM, 0), scratch)
        spots[0, :] = x_m[case]
        spots[1, :] = y_m[case]
        one = walk_at(walks, walk[case])
        draw_around(row, kept, spots[0], spots[1], sigma_m[case], seed, FRESH_STREAMS, one, s, found)
