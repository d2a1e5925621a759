"""What a batch of fixes means for the subjects' tracks: one numpy pass over distinct subjects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import geo
from pipeline.reading.intake import Fixes
from pipeline.rules.movement_policy import MovementPolicy
from pipeline.rules.policy import US_PER_S, Policy
from pipeline.steps.subjects import Subjects

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


def apply_fixes(subjects: Subjects, members: FixRound, city_policy: Policy) -> FixVerdicts:
    """Judge the fixes of a round, and write those that stand into the subjects' tracks.

    Of what was refused as a jump the newest is remembered: so many in a row that agree with each other
    (``belief.jump_fixes``) are right, and what was known before was wrong.
    """
    policy = city_policy.movement
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
    # A drill's fix says nothing of where the person really is.
    jump &= ~_jumps_agree(subjects, members, stands & jump & (step_s > 0), city_policy)
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
    subjects.jumps[at] = 0
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


def _jumps_agree(subjects: Subjects, members: FixRound, jump: NDArray[np.bool_], policy: Policy) -> NDArray[np.bool_]:
    """Remember the jumps of a round, and return those that are the last of enough which agree with each other."""
    agrees = np.zeros(len(jump), np.bool_)
    some = np.flatnonzero(jump)
    if not len(some):
        return agrees
    fixes, rows, at = members.fixes, members.rows[some], members.slots[some]
    fix_us, lat_deg, lon_deg = fixes.fix_us[rows], fixes.lat_deg[rows], fixes.lon_deg[rows]
    east_m, north_m = geo.steps_m(subjects.jump_lat_deg[at], subjects.jump_lon_deg[at], lat_deg, lon_deg)
    since_s = (fix_us - subjects.jump_us[at]) / US_PER_S
    reach_m = policy.movement.max_speed_mps * np.maximum(since_s, 1.0) + 2 * fixes.accuracy_m[rows]
    again = (subjects.jumps[at] > 0) & (since_s > 0) & (np.hypot(east_m, north_m) <= reach_m)
    subjects.jumps[at] = np.where(again, subjects.jumps[at] + 1, 1)
    subjects.jump_us[at], subjects.jump_lat_deg[at], subjects.jump_lon_deg[at] = fix_us, lat_deg, lon_deg
    agrees[some] = subjects.jumps[at] >= policy.belief.jump_fixes
    return agrees
