"""What taking a camera changes, and what is said of it: terms of its score."""

import math

from pipeline.choosing_gain import bonus_of, forget, travel_of
from pipeline.choosing_hits import bearing_deg, gather, heading_after, hit_seen, level, observe_range_m
from pipeline.choosing_layout import (
    BEARING,
    BONUS,
    CLUTTER,
    COVERED,
    DISTANCE,
    FACTOR,
    FIELD,
    GAIN,
    HEADING,
    HELD,
    LEVEL,
    OBSERVE,
    P_VIEW,
    PAN,
    PICKS_MAX,
    SIGHT,
    TRAVEL,
    Deal,
)
from pipeline.compiled import compiled
from pipeline.optics import LOOSE, TURNING


@compiled
def observe_of(deal: Deal, row: int, field_deg: float) -> float:
    """Return a camera's range of 62 px/m with a field; NaN of a head without a known field."""
    if deal.lens.motion[row] != TURNING:
        return float(deal.lens.observe_m[row, 0])
    if not field_deg > 0.0:
        return math.nan
    return observe_range_m(deal.lens, row, deal.rules.zoom_deg, field_deg)


@compiled
def take(deal: Deal, c: int, candidates: int) -> float:
    """Choose a candidate with its aim: lower what is left to see and tell its pole-mates; return what it added."""
    s, row = deal.scratch, deal.scratch.row[c]
    motion = int(deal.lens.motion[row])
    observe_m, half_deg, gain = observe_of(deal, row, s.field_deg[c]), s.field_deg[c] / 2, 0.0
    for hit in range(s.first[c], s.end[c]):
        p = hit_seen(motion, s.mates[c], s.pan_deg[c], half_deg, observe_m, deal.rules, s, hit)
        place = s.hit_place[hit]
        gain += s.want[place] * p
        s.want[place] *= 1.0 - p
        s.left[place] *= 1.0 - p
    s.taken[c] = True
    if motion == LOOSE:
        for other in range(candidates):
            is_mate = deal.lens.site[s.row[other]] == deal.lens.site[row] and deal.lens.motion[s.row[other]] == LOOSE
            if is_mate and not s.taken[other]:
                s.mates[other] += 1
                forget(deal, other)
    return gain


@compiled
def describe(deal: Deal, case: int, c: int, slot: int, gain: float, flags: int) -> None:
    """Write a candidate and the terms of its score into a slot of the answer.

    ``COVERED`` is the mass of the places in field and range; ``SIGHT``, ``LEVEL``, ``CLUTTER``, ``HEADING`` and
    ``FACTOR`` are means over it. Distance and bearing lead to the middle of what it shows, or else of all places.
    """
    s, lens, terms = deal.scratch, deal.lens, deal.answer.terms[case, slot]
    row, first = s.row[c], deal.ask.first[case]
    motion, observe_m = int(lens.motion[row]), observe_of(deal, row, s.field_deg[c])
    p_view, covered, x_m, y_m = 0.0, 0.0, 0.0, 0.0
    terms[SIGHT : FACTOR + 1] = 0.0
    for hit in range(s.first[c], s.end[c]):
        p = hit_seen(motion, s.mates[c], s.pan_deg[c], s.field_deg[c] / 2, observe_m, deal.rules, s, hit)
        if p <= 0.0:
            continue
        place = s.hit_place[hit]
        mass, metres = s.mass[place], int(s.hit_metres[hit])
        p_view += mass * p
        covered += mass
        x_m += mass * p * deal.ask.x_m[first + place]
        y_m += mass * p * deal.ask.y_m[first + place]
        terms[SIGHT] += mass * int(s.hit_share[hit]) / 255.0
        terms[LEVEL] += mass * level(metres, observe_m, deal.rules.weak_view)
        terms[CLUTTER] += mass * deal.rules.fade[metres]
        terms[HEADING] += mass * heading_after(float(s.hit_heading[hit]), s.mates[c])
        terms[FACTOR] += mass * float(lens.factor[row, int(s.hit_bin[hit]) // 10])
    if covered > 0.0:
        for k in range(SIGHT, FACTOR + 1):
            terms[k] /= covered
    terms[DISTANCE], terms[BEARING] = s.distance_m[c], s.bearing_deg[c]
    if p_view > 0.0:
        dx_m, dy_m = x_m / p_view - lens.x_m[row], y_m / p_view - lens.y_m[row]
        terms[DISTANCE], terms[BEARING] = math.sqrt(dx_m * dx_m + dy_m * dy_m), bearing_deg(dx_m, dy_m)
    terms[PAN], terms[FIELD], terms[OBSERVE] = s.pan_deg[c], s.field_deg[c], observe_m
    terms[GAIN], terms[P_VIEW], terms[COVERED] = gain, p_view, covered
    terms[TRAVEL] = travel_of(deal, case, c, s.pan_deg[c])
    terms[BONUS] = bonus_of(deal, case, c, s.pan_deg[c])
    deal.answer.row[case, slot] = row
    deal.answer.flags[case, slot] = flags | (HELD if s.held_at[c] >= 0 else 0)


@compiled
def held_utility(deal: Deal, case: int, places: int, off_streets: int, at: int) -> float:
    """Return what the held cameras show just as they are aimed; hits from ``at`` on and ``want`` are overwritten."""
    ask, lens, s = deal.ask, deal.lens, deal.scratch
    for place in range(places):
        s.want[place] = s.mass[place]
    for k in range(PICKS_MAX):
        row = ask.held_row[case, k]
        if row < 0 or excluded_by(deal, case, row) >= 0:
            continue
        mates, motion = 0, int(lens.motion[row])
        for j in range(k):
            other = ask.held_row[case, j]
            if other >= 0 and excluded_by(deal, case, other) < 0 and motion == LOOSE == int(lens.motion[other]):
                mates += 1 if lens.site[other] == lens.site[row] else 0
        pan_deg, field_deg = float(ask.held_pan_deg[case, k]), float(ask.held_field_deg[case, k])
        observe_m = observe_of(deal, row, field_deg)
        end = gather(lens, deal.sight, deal.rules, ask, s, case, row, off_streets, at)
        for hit in range(at, end):
            p = hit_seen(motion, mates, pan_deg, field_deg / 2, observe_m, deal.rules, s, hit)
            s.want[s.hit_place[hit]] *= 1.0 - p
    rest = 0.0
    for place in range(places):
        rest += s.mass[place] - s.want[place]
    return min(max(rest, 0.0), 1.0)


@compiled
def excluded_by(deal: Deal, case: int, row: int) -> int:
    """Return why a case may not look through a camera, a place in ``REASONS``, or -1 if it may."""
    if row >= len(deal.lens.reason):
        return 0
    reason = int(deal.lens.reason[row])
    if reason != 0:
        return min(reason, 3) - 1
    mask = int(deal.ask.purposes[case])
    if mask != 0 and (int(deal.lens.purposes[row]) & mask) == 0:
        return 3
    for k in range(deal.ask.barred_first[case], deal.ask.barred_first[case + 1]):
        if deal.ask.barred_row[k] == row:
            return 4
    return -1
