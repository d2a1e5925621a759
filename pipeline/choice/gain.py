"""What a candidate would add, and with which aim: the kernel's middle loops."""

import math

from pipeline.choice.hits import BINS, aimed_at, heading_after, level, observe_range_m, turn_deg
from pipeline.choice.layout import NO_RANK, SCORE_UNIT, TOP_RANK, Work
from pipeline.compiled import compiled_lean
from pipeline.sight.optics import TURNING

# A held head keeps its full bonus when it is turned by no more than this.
KEEPS_BONUS_DEG = 30.0


@compiled_lean
def rank_of(score: float) -> int:
    """Return a score in units that are coarser than rounding."""
    return math.floor(score / SCORE_UNIT + 0.5)


@compiled_lean
def bonus_of(work: Work, c: int, pan_deg: float) -> float:
    """Return what a candidate's score gets for being held: half if it must be turned far or its aim is not known."""
    one, bonus = work.candidates[c], work.rules[0]["held_bonus"]
    if one["held_at"] < 0:
        return 0.0
    if one["motion"] != TURNING or turn_deg(one["held_pan_deg"], pan_deg) <= KEEPS_BONUS_DEG:
        return float(bonus)
    return float(bonus / 2)


@compiled_lean
def travel_of(work: Work, c: int, pan_deg: float) -> float:
    """Return what turning a held head costs; where other heads point is not known, and costs nothing."""
    one = work.candidates[c]
    if one["held_at"] < 0 or one["motion"] != TURNING:
        return 0.0
    turn = turn_deg(one["held_pan_deg"], pan_deg)
    return float(work.rules[0]["travel_cost"] * turn / 180.0) if turn >= 0.0 else 0.0


@compiled_lean
def floor_of(work: Work, c: int) -> float:
    """Return the gain below which a candidate is not taken; a head that is held already is not taken from anybody."""
    one, rules = work.candidates[c], work.rules[0]
    if one["motion"] == TURNING and one["held_at"] < 0:
        return float(max(rules["ptz_min_gain"], rules["min_gain"], one["price"]))
    return float(max(rules["min_gain"], one["price"]))


@compiled_lean
def observe_of(work: Work, c: int, field_deg: float) -> float:
    """Return a candidate's range of 62 px/m with a field; NaN of a head without a known field."""
    if work.candidates[c]["motion"] != TURNING:
        return float(work.ranges_m[c, 0])
    return observe_range_m(work.ranges_m[c], work.zoom_deg, field_deg) if field_deg > 0.0 else math.nan


@compiled_lean
def hit_seen(work: Work, c: int, hit: int, observe_m: float) -> float:
    """Return the probability that a candidate, aimed as it proposes, shows the place of a hit."""
    one, spot = work.candidates[c], work.hits[hit]
    if one["motion"] != TURNING:
        return float(spot["p"]) * heading_after(spot["heading"], one["mates"])
    if not aimed_at(one["pan_deg"], one["field_deg"] / 2, int(spot["bin"])):
        return 0.0
    return float(spot["p"]) * level(int(spot["metres"]), observe_m, work.rules[0]["weak_view"])


@compiled_lean
def evaluate(work: Work, c: int, now_round: int) -> None:
    """Find a candidate's best aim for what is left to be seen, and write down gain, aim and rank."""
    one = work.candidates[c]
    if one["motion"] == TURNING:
        _evaluate_aims(work, c)
    else:
        gain, mates, hits, places = 0.0, one["mates"], work.hits, work.places
        for hit in range(one["first"], one["end"]):
            gain += places[hits[hit]["place"]]["want"] * hits[hit]["p"] * heading_after(hits[hit]["heading"], mates)
        _propose(work, c, gain)
    one["round"] = now_round


@compiled_lean
def _propose(work: Work, c: int, gain: float) -> None:
    """Write down what a candidate adds as it is aimed."""
    one = work.candidates[c]
    one["gain"] = gain
    one["enough"] = 1 if gain >= floor_of(work, c) and gain > 0.0 else 0
    score = gain - one["price"]
    one["rank"] = rank_of(score + bonus_of(work, c, one["pan_deg"]) - travel_of(work, c, one["pan_deg"]))


@compiled_lean
def _evaluate_aims(work: Work, c: int) -> None:
    """Compare the aims of a head: the one it is held with, then all steps, wider fields first.

    An aim that adds enough beats one that does not. Of equal ones the held aim wins, then the wider field, then the one
    whose axis is nearest to the target.
    """
    one, aims, rings = work.candidates[c], work.aims, work.rings
    one["gain"], one["pan_deg"], one["field_deg"], one["enough"], one["rank"] = 0.0, math.nan, math.nan, 0, NO_RANK
    if one["held_at"] >= 0:
        _propose_held(work, c)
    _fill_rings(work, c)
    floor, bearing, is_held = floor_of(work, c), one["bearing_deg"], one["held_at"] >= 0
    best_zoom, best_off_deg = -1, 0.0
    for a in range(len(aims)):
        zoom, first, pan_deg = aims[a]["zoom"], aims[a]["first"], aims[a]["deg"]
        gain = rings[zoom, first + aims[a]["bins"]] - rings[zoom, first]
        enough = 1 if gain >= floor else 0
        if gain < SCORE_UNIT or enough < one["enough"]:
            continue
        score = gain - one["price"]
        if is_held:
            score += bonus_of(work, c, pan_deg) - travel_of(work, c, pan_deg)
        rank, off_deg = rank_of(score), turn_deg(bearing, pan_deg)
        if enough == one["enough"]:
            is_equal_but_nearer = rank == one["rank"] and best_zoom == zoom and off_deg < best_off_deg
            if rank <= one["rank"] and not is_equal_but_nearer:
                continue
        one["gain"], one["pan_deg"], one["field_deg"] = gain, pan_deg, work.zoom_deg[zoom]
        one["enough"], one["rank"] = enough, rank
        best_zoom, best_off_deg = zoom, off_deg


@compiled_lean
def _propose_held(work: Work, c: int) -> None:
    """Propose the aim that a head is held with, if it is known."""
    one = work.candidates[c]
    if not (one["held_pan_deg"] >= 0.0 and one["held_field_deg"] > 0.0):
        return
    one["pan_deg"], one["field_deg"] = one["held_pan_deg"], one["held_field_deg"]
    observe_m, gain = observe_of(work, c, one["field_deg"]), 0.0
    for hit in range(one["first"], one["end"]):
        gain += work.places[work.hits[hit]["place"]]["want"] * hit_seen(work, c, hit, observe_m)
    _propose(work, c, gain)


@compiled_lean
def _fill_rings(work: Work, c: int) -> None:
    """Sum up what each field would show by bearing, running twice around: ``rings[zoom, b]`` is all before bin b."""
    rings, hits, ranges_m, weak_view = work.rings, work.hits, work.ranges_m[c], work.rules[0]["weak_view"]
    zooms = len(work.zoom_deg)
    rings[:, : BINS + 1] = 0.0
    for hit in range(work.candidates[c]["first"], work.candidates[c]["end"]):
        mass = work.places[hits[hit]["place"]]["want"] * hits[hit]["p"]
        metres, after = int(hits[hit]["metres"]), int(hits[hit]["bin"]) + 1
        for zoom in range(zooms):
            rings[zoom, after] += mass * level(metres, ranges_m[zoom], weak_view)
    for zoom in range(zooms):
        for b in range(1, BINS + 1):
            rings[zoom, b] += rings[zoom, b - 1]
        once = rings[zoom, BINS]
        for b in range(1, BINS + 1):
            rings[zoom, BINS + b] = once + rings[zoom, b]


@compiled_lean
def first_bound(work: Work, c: int) -> None:
    """Set the rank that a new candidate cannot exceed; what does not turn is evaluated at once.

    Most cameras around have nothing in sight: they are never asked for their rank.
    """
    one = work.candidates[c]
    if one["end"] == one["first"]:
        one["gain"], one["enough"], one["rank"], one["round"] = 0.0, 0, NO_RANK, 0
        return
    if one["motion"] != TURNING:
        evaluate(work, c, 0)
        return
    bound = (work.rules[0]["held_bonus"] if one["held_at"] >= 0 else 0.0) - one["price"]
    for hit in range(one["first"], one["end"]):
        bound += work.places[work.hits[hit]["place"]]["want"] * work.hits[hit]["p"]
    one["rank"], one["round"], one["enough"] = rank_of(bound) + 1, -1, 1


@compiled_lean
def forget(work: Work, c: int) -> None:
    """Let a candidate be evaluated anew before anything is concluded from its rank: its gain may have grown."""
    one = work.candidates[c]
    one["rank"], one["round"], one["enough"] = TOP_RANK, -1, 1


@compiled_lean
def is_before(work: Work, c: int, other: int) -> bool:
    """Return whether a candidate goes before another of the same rank: the nearer, then by the hash of its id."""
    one, two = work.candidates[c], work.candidates[other]
    if one["distance_m"] != two["distance_m"]:
        return bool(one["distance_m"] < two["distance_m"])
    return bool(one["id_hash"] < two["id_hash"])


@compiled_lean
def next_best(work: Work, count: int, now_round: int, must_be_enough: bool) -> int:
    """Return the open candidate with the best rank, or -1.

    Ranks of earlier rounds are upper bounds, because what is left to be seen only shrinks: only who leads by such a
    bound is evaluated anew.

    Args:
        work: candidates and what is left to be seen.
        count: how many candidates there are.
        now_round: number of this round.
        must_be_enough: only candidates that add enough; else all that add anything.
    """
    candidates = work.candidates
    while True:
        best, best_rank = -1, NO_RANK
        for c in range(count):
            one = candidates[c]
            if one["taken"] or one["first"] == one["end"] or one["rank"] < best_rank:
                continue
            if must_be_enough:
                if not one["enough"]:
                    continue
            elif one["round"] == now_round and one["gain"] <= 0.0:
                continue
            if best < 0 or one["rank"] > best_rank or is_before(work, c, best):
                best, best_rank = c, one["rank"]
        if best < 0 or candidates[best]["round"] == now_round:
            return best
        evaluate(work, best, now_round)
