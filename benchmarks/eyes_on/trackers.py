"""What trackers report: positions with errors, every minute or five, some of them late."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.eyes_on.maps import Floats
from benchmarks.eyes_on.truth import Walks

STEP_S = 10
# 68 % radius that a fix states, metres: log-uniform between these.
RADIUS_M = (10.0, 100.0)
# 68 % of a two-dimensional normal distribution lie within 1.51 standard deviations.
R68_PER_SIGMA = 1.51
# Receivers are too sure of themselves by 1.2 (the engine assumes 1.1), and some fixes are worse than that by 2.5.
TRUE_PER_STATED = 1.2
BAD_SHARE, BAD_SCALE = 0.05, 2.5
# From measuring to arriving, seconds; some fixes wait for a network.
DELAY_S = (1.0, 6.0)
LATE_SHARE, LATE_S = 0.08, (20.0, 130.0)


@dataclass(frozen=True, slots=True, eq=False)
class TrackerReports:
    """All fixes of all people, in order of arrival; arrays of shape (fixes,).

    Attributes:
        episode: of whom.
        arrives_s: when it is read, a multiple of ``STEP_S``.
        fix_s: when it was measured.
        x_m: the reported place.
        y_m: the same.
        radius_m: the 68 % radius it states.
    """

    episode: NDArray[np.int64]
    arrives_s: NDArray[np.int64]
    fix_s: Floats
    x_m: Floats
    y_m: Floats
    radius_m: Floats

    def arriving(self, now_s: int) -> NDArray[np.int64]:
        """Return the fixes that arrive now."""
        low, high = np.searchsorted(self.arrives_s, [now_s, now_s + 1])
        return np.arange(low, high)


def reports_of(walks: Walks, interval_s: int) -> TrackerReports:
    """Return the fixes of some walks, one every so many seconds, the first at once."""
    columns = [_of_one(walks, episode, interval_s) for episode in range(walks.episodes)]
    whole = np.concatenate(columns, axis=1)
    whole = whole[:, np.argsort(whole[1], kind="stable")]
    episode, arrives_s = whole[0].astype(np.int64), whole[1].astype(np.int64)
    return TrackerReports(episode, arrives_s, whole[2], whole[3], whole[4], whole[5])


def _of_one(walks: Walks, episode: int, interval_s: int) -> Floats:
    rng = np.random.default_rng([int(walks.seeds[episode]), interval_s, 2])
    due_s = np.arange(0, walks.seconds, interval_s).astype(np.float64)
    count = len(due_s)
    fix_s = np.maximum(due_s - rng.uniform(*DELAY_S, count), 0.0)
    late_s = np.where(rng.random(count) < LATE_SHARE, rng.uniform(*LATE_S, count), 0.0)
    late_s[0] = 0.0
    arrives_s = np.ceil((due_s + late_s) / STEP_S) * STEP_S
    radius_m = np.exp(rng.uniform(math.log(RADIUS_M[0]), math.log(RADIUS_M[1]), count))
    sigma_m = radius_m / R68_PER_SIGMA * TRUE_PER_STATED * np.where(rng.random(count) < BAD_SHARE, BAD_SCALE, 1.0)
    at = fix_s.astype(np.int64)
    x_m = walks.x_m[episode, at] + rng.normal(0, 1, count) * sigma_m
    y_m = walks.y_m[episode, at] + rng.normal(0, 1, count) * sigma_m
    return np.stack([np.full(count, float(episode)), arrives_s, fix_s, x_m, y_m, radius_m])
