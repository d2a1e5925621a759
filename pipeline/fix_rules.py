"""What a batch of fixes means for the subjects' tracks: one numpy pass over distinct subjects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import geo
from pipeline.intake import Fixes
from pipeline.policy import US_PER_S, MovementPolicy
from pipeline.subjects import Subjects

# A speed from two fixes further apart than this says nothing of now.
DERIVED_SPEED_AGE_S = 900.0

TRACKED, KEPT, LATE, DUPLICATE, JUMP, MIXED, DRILL = range(7)
OUTCOMES = ("tracked", "kept", "late", "duplicate", "dead-letter", "dead-letter", "exercise-without-case")


@dataclass(frozen=True, slots=True)
class FixVerdicts:
    """What became of each fix of a round.

    Attributes:
        verdict: one of the module's constants per fix.
        reselect: fixes of open cases that moved so far, or came first, that cameras must be chosen anew.
    """

    verdict: NDArray[np.int8]
    reselect: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FixRound:
    """Fixes of distinct subjects.

    Attributes:
        fixes: all fixes of the unit.
        rows: which of them these are.
        slots: the subject's slot of each; no slot twice.
        now_us: their nows.
    """

    fixes: Fixes
    rows: NDArray[np.intp]
    slots: NDArray[np.intp]
    now_us: NDArray[np.int64]


def apply_fixes(subjects: Subjects, members: FixRound, policy: MovementPolicy) -> FixVerdicts:
    """Judge the fixes of a round, and write those that stand into the subjects' tracks."""
    fixes, rows, slots = members.fixes, members.rows, members.slots
    fix_us, lat, lon = fixes.fix_us[rows], fixes.lat_deg[rows], fixes.lon_deg[rows]
    accuracy, exercise = fixes.accuracy_m[rows], fixes.exercise[rows]
    before_us = subjects.fix_us[slots]
    tracked = before_us > 0
    step_s = np.where(tracked, (fix_us - before_us) / US_PER_S, np.inf)
    east_m, north_m = geo.steps_m(subjects.lat_deg[slots], subjects.lon_deg[slots], lat, lon)
    step_m = np.where(tracked, np.hypot(east_m, north_m), 0.0)
    noise_m = accuracy + np.where(tracked, subjects.accuracy_m[slots], 0.0)

    is_open = subjects.is_open[slots]
    verdict = np.where(is_open, KEPT, TRACKED).astype(np.int8)
    verdict[exercise & ~is_open] = DRILL
    verdict[is_open & (exercise != subjects.exercise[slots])] = MIXED
    # Two fixes of one second are one: a jump is judged over at least a second.
    jump = tracked & (step_m > policy.max_speed_mps * np.maximum(step_s, 1.0) + noise_m)
    stands = verdict <= KEPT
    verdict[stands & jump & (step_s > 0)] = JUMP
    verdict[stands & (step_s < 0)] = LATE
    verdict[stands & (step_s == 0)] = DUPLICATE

    good = np.flatnonzero(verdict <= KEPT)
    at = slots[good]
    derive = (step_s <= DERIVED_SPEED_AGE_S) & (step_m > noise_m / 2) & (step_s > 0)
    # Over less than a second, noise would make anyone fly.
    derived_mps = np.minimum(step_m / np.maximum(step_s, 1.0), policy.max_speed_mps)
    derived_mps = np.where(derive, derived_mps, np.nan)
    derived_deg = np.where(derive, geo.offsets_bearing_deg(east_m, north_m), np.nan)
    speed, course = fixes.speed_mps[rows], fixes.course_deg[rows]
    subjects.fix_us[at] = fix_us[good]
    subjects.updated_us[at] = members.now_us[good]
    subjects.lat_deg[at], subjects.lon_deg[at] = lat[good], lon[good]
    subjects.accuracy_m[at] = accuracy[good]
    subjects.speed_mps[at] = np.where(np.isnan(speed), derived_mps, speed)[good]
    subjects.course_deg[at] = np.where(np.isnan(course), derived_deg, course)[good]
    return FixVerdicts(verdict, (verdict == KEPT) & _left_the_circle(subjects, slots, policy))


def _left_the_circle(subjects: Subjects, slots: NDArray[np.intp], policy: MovementPolicy) -> NDArray[np.bool_]:
    """Return which subjects are no longer where their cameras were last looked at anew, or never had any.

    The circle is as wide as the fix's own error, so that noise alone does not set cameras moving.
    """
    lat_deg, lon_deg = subjects.lat_deg[slots], subjects.lon_deg[slots]
    east_m, north_m = geo.steps_m(subjects.looked_lat_deg[slots], subjects.looked_lon_deg[slots], lat_deg, lon_deg)
    circle_m = np.maximum(policy.reselect_distance_m, subjects.accuracy_m[slots])
    return ~(np.hypot(east_m, north_m) < circle_m)  # before the first look the distance is NaN, and no circle holds it
