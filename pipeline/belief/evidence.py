"""How a fix is weighed, and how particles are drawn anew in proportion to their weights."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.chance import normal_from, stream_of, uniform, uniform_at
from pipeline.belief.fresh_draws import FRESH_STREAMS, draw_around
from pipeline.belief.particles import FULL_WEIGHT, ON_PLANE, Ints, Particles, StreetArrays, Walk, spot_of, walk_at
from pipeline.compiled import compiled
from pipeline.geo import Floats

RESAMPLE_STREAM = 3 << 20
ROUGH_STREAMS = 4 << 20
# How far copies of a particle are moved apart, and by which part of the speeds' own spread they are changed: found on
# the tuning seeds of benchmarks/eyes_on.
ROUGH_M = 4.0
ROUGH_SPEED = 0.3
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
def draw_by_weight(  # noqa: PLR0917 - a kernel takes plain arguments
    row: Particles,
    weights: Floats,
    count: int,
    seed: np.uint64,
    walk: Walk,
    edge_length_m: NDArray[np.float32],
    scratch: Particles,
) -> None:
    """Replace the first ``count`` particles of a row by systematic resampling of all of it.

    One draw serves all: particle i comes floor or ceiling of count * w_i / sum(w) times (J. Carpenter, P. Clifford,
    P. Fearnhead 1999). Order is kept. All of them weigh the same afterwards. Copies are roughened (N. Gordon,
    D. Salmond, A. Smith 1993), or a few survivors of a sighting would walk on as one.

    Args:
        row: one case's particles (P,).
        weights: f8 (P,), not all 0.
        count: how many to draw, at most P.
        seed: of the call.
        walk: of the case.
        edge_length_m: f4, lengths of the street pieces.
        scratch: room for P particles.
    """
    total = 0.0
    for i in range(row.shape[0]):
        total += weights[i]
    step, u = total / max(count, 1), uniform(seed, RESAMPLE_STREAM, 0)
    i, reached, last = 0, weights[0], -1
    for k in range(count):
        wanted = (k + u) * step
        while reached <= wanted and i < row.shape[0] - 1:
            i += 1
            reached += weights[i]
        scratch[k] = row[i]
        if i == last:
            roughen(scratch[k], stream_of(seed, ROUGH_STREAMS + k), walk, edge_length_m)
        last = i
    for k in range(count):
        row[k] = scratch[k]
        row[k]["weight"] = FULL_WEIGHT


@compiled
def roughen(particle: Any, start: np.uint64, walk: Walk, edge_length_m: NDArray[np.float32]) -> None:
    """Move a copy of a particle a little along its street, or on the plane, and change its speed a little."""
    off_cm = math.floor(100.0 * ROUGH_M * normal_from(uniform_at(start, 0)) + 0.5)
    if particle["state"] & ON_PLANE:
        particle["a"] += math.floor(100.0 * ROUGH_M * normal_from(uniform_at(start, 1)) + 0.5)
        particle["b"] += off_cm
    else:
        end_cm = math.floor(100.0 * edge_length_m[particle["a"]])
        particle["b"] = min(max(particle["b"] + off_cm, 0), end_cm)
    change_mps = ROUGH_SPEED * walk.speed_sd_mps * normal_from(uniform_at(start, 2))
    speed_mps = max(particle["speed_mmps"] / 1000.0 + change_mps, walk.speed_min_mps)
    particle["speed_mmps"] = int(min(math.floor(1000.0 * speed_mps + 0.5), 65_535))


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
        one = walk_at(walks, walk[case])
        draw_by_weight(row, weights, kept, seed, one, s.edge_length_m, scratch)
        spots[0, :] = x_m[case]
        spots[1, :] = y_m[case]
        draw_around(row, kept, spots[0], spots[1], sigma_m[case], seed, FRESH_STREAMS, one, s, found)
