"""Small worlds for the tests of beliefs: a policy, streets, evidence, and a fingerprint of all that beliefs do."""

import dataclasses
import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.belief import belief
from pipeline.belief.chance import seed_of
from pipeline.geo import Plane
from pipeline.rules.belief_policy import BeliefPolicy
from pipeline.rules.policy import policy_from
from pipeline.world.streets import Streets, streets_from

CITIES = Path(__file__).parents[2] / "cities"
PLANE = Plane(37.5, 127.0)
FILES = {
    name: tomllib.loads((CITIES / "demo" / f"{name}.toml").read_text("utf-8"))
    for name in ("policy", "ranks", "purposes", "agencies")
}
POLICY = policy_from(**FILES).belief
ADULT = 0


def policy_of(particles: int = 200, **walk: Any) -> BeliefPolicy:
    """Return the demo city's belief policy with some particles, and its first walk changed."""
    first, *others = POLICY.walks
    return dataclasses.replace(POLICY, particles=particles, walks=(dataclasses.replace(first, **walk), *others))


def streets_of(*lines_m: Sequence[tuple[float, float]]) -> Streets:
    """Return streets from lines in metres on the plane."""
    lines_deg = []
    for line in lines_m:
        x_m, y_m = np.array(line, np.float64).T
        lat_deg, lon_deg = PLANE.to_degrees(x_m, y_m)
        lines_deg.append(np.stack([lon_deg, lat_deg], axis=1))
    return streets_from(lines_deg, PLANE)


def grid(blocks: int = 10, block_m: float = 80.0) -> Streets:
    """Return a grid of streets around the origin."""
    at = (np.arange(blocks + 1) - blocks / 2) * block_m
    rows = [[(x, y) for x in at] for y in at]
    columns = [[(x, y) for y in at] for x in at]
    return streets_of(*rows, *columns)


GRID = grid()


def walks_of(cases: int, walk: int = ADULT) -> np.ndarray:
    """Return the same walk for each case."""
    return np.full(cases, walk, np.int32)


def seeds_of(cases: int, number: int = 0) -> np.ndarray:
    """Return a seed for each case."""
    return np.array([seed_of(f"case-{i}".encode(), number) for i in range(cases)], np.uint64)


def started(
    places_m: Sequence[tuple[float, float]], streets: Streets | None, policy: BeliefPolicy, sigma_m: float = 10.0
) -> np.ndarray:
    """Return new beliefs around places."""
    x_m, y_m = np.array(places_m, np.float64).reshape(-1, 2).T
    cases = len(x_m)
    return belief.start_many(x_m, y_m, np.full(cases, sigma_m), walks_of(cases), seeds_of(cases), streets, policy)


def moved(
    particles: np.ndarray, seconds: float, streets: Streets | None, policy: BeliefPolicy, number: int = 1
) -> np.ndarray:
    """Return copies of beliefs that walked for so many seconds."""
    later = particles.copy()
    cases = len(later)
    belief.move_many(later, np.full(cases, seconds), walks_of(cases), seeds_of(cases, number), streets, policy)
    return later


def fingerprint() -> str:
    """Return a hash of what every function of the belief makes of small cases, on streets and on the plane."""
    digest = hashlib.sha256()
    policy = policy_of(25)
    for streets in (GRID, None):
        particles = started([(3.0, 4.0), (-200.0, 90.0), (5_000.0, 0.0)], streets, policy)
        particles = moved(particles, 300.0, streets, policy)
        x_m, y_m = np.array([20.0, -150.0, 4_990.0]), np.array([0.0, 90.0, 30.0])
        sigma_m = np.array([15.0, 30.0, 8.0])
        agreed = belief.weigh_fixes(particles, x_m, y_m, sigma_m, walks_of(3), seeds_of(3, 2), streets, policy)
        digest.update(agreed.tobytes())
        cell, spot_x_m, spot_y_m = belief.spots_of(particles, streets)
        p = np.where(spot_x_m[0] > 20.0, 0.9, 0.1).astype(np.float32)
        looks = (np.stack([p, 1 - p]), np.zeros((2, 25), bool), np.array([False, True]), np.array([0.9, 0.8]))
        sight = belief.Sight(np.array([0.0, 80.0]), np.array([0.0, 40.0]), np.array([1.0, 0.5]))
        left = belief.weigh_looks(particles[0], *looks, seeds_of(1, 3)[0], ADULT, streets, policy)
        never = (np.zeros((1, 25), np.float32), np.zeros((1, 25), bool), np.array([True]), np.array([0.9]))
        belief.weigh_looks(particles[1], *never, seeds_of(1, 4)[0], ADULT, streets, policy, [sight])
        places = belief.places_of(particles, streets)
        where = belief.where_of(particles, streets)
        parts = [particles, cell, spot_x_m, spot_y_m, np.array(left), *where]
        parts += [getattr(places, name) for name in ("first", "cell", "x_m", "y_m", "mass")]
        for part in parts:
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
