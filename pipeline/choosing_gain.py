"""What a candidate would add, and with which aim: the kernel's middle loops."""

import math

from pipeline.choosing_hits import BINS, heading_after, hit_seen, level, observe_range_m, turn_deg
from pipeline.choosing_layout import NO_RANK, SCORE_UNIT, TOP_RANK, Deal
from pipeline.compiled import compiled
from pipeline.optics import TURNING

# A held head keeps its full bonus when it is turned by no more than this.
KEEPS_BONUS_DEG = 30.0


@compiled
def rank_of(score: float) -> int:
    """Return a score in units that are coarser than rounding."""
    return math.floor(score / SCORE_UNIT + 0.5)


@compiled
def bonus_of(deal: Deal, case: int, c: int, pan_deg: float) -> float:
    """Return what a candidate's score gets for being held: half if it must be turned far or its aim is not known."""
    held_at = deal.scratch.held_at[c]
    if held_at < 0:
        return 0.0
    if deal.lens.motion[deal.scratch.row[c]] != TURNING:
        return deal.rules.held_bonus
    turn = turn_deg(float(deal.ask.held_pan_deg[case, held_at]), pan_deg)
    return deal.rules.held_bonus if turn <= KEEPS_BONUS_DEG else deal.rules.held_bonus / 2


@compiled
def travel_of(deal: Deal, case: int, c: int, pan_deg: float) -> float:
    """Return what turning a held head costs; where other heads point is not known, and costs nothing."""
    held_at = deal.scratch.held_at[c]
    if held_at < 0 or deal.lens.motion[deal.scratch.row[c]] != TURNING:
        return 0.0
    turn = turn_deg(float(deal.ask.held_pan_deg[case, held_at]), pan_deg)
    return deal.rules.travel_cost * turn / 180.0 if turn >= 0.0 else 0.0


@compiled
def floor_of(deal: Deal, c: int) -> float:
    """Return the gain below which a candidate is not taken; a head that is held already is not taken from anybody."""
    turning = deal.lens.motion[deal.scratch.row[c]] == TURNING
    if turning and deal.scratch.held_at[c] < 0:
        return max(deal.rules.ptz_min_gain, deal.rules.min_gain)
    return deal.rules.min_gain


@compiled
def evaluate(deal: Deal, case: int, c: int, now_round: int) -> None:
    """Find a candidate's best aim for what is left to be seen, and write down gain, aim and rank."""
    s = deal.scratch
    if deal.lens.motion[s.row[c]] == TURNING:
        _evaluate_aims(deal, case, c)
    else:
        gain, mates = 0.0, s.mates[c]
        for hit in range(s.first[c], s.end[c]):
            heading = heading_after(float(s.hit_heading[hit]), mates)
            gain += s.want[s.hit_place[hit]] * s.hit_p[hit] * heading
        _propose(deal, case, c, gain, math.nan, float(deal.lens.field_deg[s.row[c]]))
    s.at_round[c] = now_round


@compiled
def _propose(deal: Deal, case: int, c: int, gain: float, pan_deg: float, field_deg: float) -> None:
    """Make this a candidate's proposal."""
    s = deal.scratch
    score = gain + bonus_of(deal, case, c, pan_deg) - travel_of(deal, case, c, pan_deg)
    s.gain[c], s.pan_deg[c], s.field_deg[c] = gain, pan_deg, field_deg
    s.enough[c] = gain >= floor_of(deal, c) and gain > 0.0
    s.rank[c] = rank_of(score)


@compiled
def _evaluate_aims(deal: Deal, case: int, c: int) -> None:
    """Compare the aims of a head: the one it is held with, then all steps, wider fields first.

    An aim that adds enough beats one that does not. Of equal ones the held aim wins, then the wider field, then the one
    whose axis is nearest to the target.
    """
    s, rules = deal.scratch, deal.rules
    has_held = _propose_held(deal, case, c)
    if not has_held:
        s.gain[c], s.pan_deg[c], s.field_deg[c] = 0.0, math.nan, math.nan
        s.enough[c], s.rank[c] = False, NO_RANK
    _fill_rings(deal, c)
    floor = floor_of(deal, c)
    best_zoom, best_off_deg = -1, 0.0
    for a in range(len(rules.aim_deg)):
        zoom, first = rules.aim_zoom[a], rules.aim_first[a]
        gain = s.rings[zoom, first + rules.aim_bins[a]] - s.rings[zoom, first]
        if gain < SCORE_UNIT:
            continue
        pan_deg, enough = rules.aim_deg[a], gain >= floor
        score = gain
        if s.held_at[c] >= 0:
            score += bonus_of(deal, case, c, pan_deg) - travel_of(deal, case, c, pan_deg)
        rank = rank_of(score)
        if enough == s.enough[c]:
            if rank < s.rank[c]:
                continue
            off_deg = turn_deg(s.bearing_deg[c], pan_deg)
            if rank == s.rank[c] and not (best_zoom == zoom and off_deg < best_off_deg):
                continue
        elif s.enough[c]:
            continue
        s.gain[c], s.pan_deg[c], s.field_deg[c] = gain, pan_deg, rules.zoom_deg[zoom]
        s.enough[c], s.rank[c] = enough, rank
        best_zoom, best_off_deg = zoom, turn_deg(s.bearing_deg[c], pan_deg)


@compiled
def _propose_held(deal: Deal, case: int, c: int) -> bool:
    """Propose the aim that a head is held with; return False where there is none."""
    s, held_at = deal.scratch, deal.scratch.held_at[c]
    if held_at < 0:
        return False
    pan_deg, field_deg = float(deal.ask.held_pan_deg[case, held_at]), float(deal.ask.held_field_deg[case, held_at])
    if not (pan_deg == pan_deg and field_deg > 0.0):  # NaN is not equal to itself
        return False
    observe_m = observe_range_m(deal.lens, s.row[c], deal.rules.zoom_deg, field_deg)
    gain = 0.0
    for hit in range(s.first[c], s.end[c]):
        p = hit_seen(TURNING, 0, pan_deg, field_deg / 2, observe_m, deal.rules, s, hit)
        gain += s.want[s.hit_place[hit]] * p
    _propose(deal, case, c, gain, pan_deg, field_deg)
    return True


@compiled
def _fill_rings(deal: Deal, c: int) -> None:
    """Sum up what each field would show by bearing, running twice around: ``rings[zoom, b]`` is all before bin b."""
    s, rules = deal.scratch, deal.rules
    zooms = len(rules.zoom_deg)
    s.rings[:zooms] = 0.0
    for hit in range(s.first[c], s.end[c]):
        mass = s.want[s.hit_place[hit]] * s.hit_p[hit]
        metres, after = int(s.hit_metres[hit]), int(s.hit_bin[hit]) + 1
        for zoom in range(zooms):
            seen = level(metres, float(deal.lens.observe_m[s.row[c], zoom]), rules.weak_view)
            s.rings[zoom, after] += mass * seen
    for zoom in range(zooms):
        for b in range(1, BINS + 1):
            s.rings[zoom, b] += s.rings[zoom, b - 1]
        once = s.rings[zoom, BINS]
        for b in range(1, BINS + 1):
            s.rings[zoom, BINS + b] = once + s.rings[zoom, b]


@compiled
def first_bound(deal: Deal, case: int, c: int) -> None:
    """Set the rank that a new candidate cannot exceed; what does not turn is evaluated at once."""
    s = deal.scratch
    if deal.lens.motion[s.row[c]] != TURNING:
        evaluate(deal, case, c, 0)
        return
    bound = deal.rules.held_bonus
    for hit in range(s.first[c], s.end[c]):
        bound += s.want[s.hit_place[hit]] * s.hit_p[hit]
    s.rank[c] = rank_of(bound) + 1 if s.end[c] > s.first[c] else 0
    s.at_round[c], s.enough[c] = -1, s.end[c] > s.first[c] or s.held_at[c] >= 0
    s.gain[c], s.pan_deg[c], s.field_deg[c] = 0.0, math.nan, math.nan
    if s.end[c] == s.first[c]:
        evaluate(deal, case, c, 0)


@compiled
def forget(deal: Deal, c: int) -> None:
    """Let a candidate be evaluated anew before anything is concluded from its rank: its gain may have grown."""
    deal.scratch.rank[c], deal.scratch.at_round[c], deal.scratch.enough[c] = TOP_RANK, -1, True


@compiled
def is_before(deal: Deal, one: int, other: int) -> bool:
    """Return whether a candidate goes before another of the same rank: the nearer, then by the hash of its id."""
    s, id_hash = deal.scratch, deal.lens.id_hash
    if s.distance_m[one] != s.distance_m[other]:
        return bool(s.distance_m[one] < s.distance_m[other])
    return bool(id_hash[s.row[one]] < id_hash[s.row[other]])


@compiled
def next_best(deal: Deal, case: int, candidates: int, now_round: int, least_enough: bool) -> int:
    """Return the open candidate with the best rank, or -1.

    Ranks of earlier rounds are upper bounds, because what is left to be seen only shrinks: only who leads by such a
    bound is evaluated anew.

    Args:
        deal: all of it.
        case: which case.
        candidates: how many candidates there are.
        now_round: number of this round.
        least_enough: only candidates that add enough; else all that add anything.
    """
    s = deal.scratch
    while True:
        best = -1
        for c in range(candidates):
            if s.taken[c] or (least_enough and not s.enough[c]):
                continue
            if not least_enough and s.at_round[c] == now_round and s.gain[c] <= 0.0:
                continue
            if best < 0 or s.rank[c] > s.rank[best] or (s.rank[c] == s.rank[best] and is_before(deal, c, best)):
                best = c
        if best < 0 or s.at_round[best] == now_round:
            return best
        evaluate(deal, case, best, now_round)
