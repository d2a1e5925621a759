"""The choice for one case after the other: candidates, greedy rounds, second views, left-over places, next best.

Greedy choice takes the camera with the best score, then lowers what is left to see, and so spreads over sites and
directions by itself; for such (submodular) utilities it is within 1 - 1/e of the optimum (Nemhauser, Wolsey, Fisher
1978). Only upper bounds are kept of who does not lead (Minoux 1978), so that most cameras are evaluated once.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.choosing_gain import evaluate, first_bound, forget, is_before, next_best
from pipeline.choosing_hits import bearing_deg, gather
from pipeline.choosing_layout import CANDIDATES_MAX, FILLED, PICKS_MAX, SECOND, Deal
from pipeline.choosing_take import describe, excluded_by, held_utility, take
from pipeline.compiled import compiled
from pipeline.optics import REACH_M_MAX, TURNING

# Cameras for left-over places are looked for this far around where the target can be.
FILL_M_MAX = 500.0
_HASHES = 2.0**64
# Share of the room for candidates that thinning aims at: its count scatters by chance, 6 sigma below the limit.
_THINNED = 0.9


@compiled
def choose_all(deal: Deal) -> None:
    """Choose for every case of the batch; the answer is written into ``deal.answer``."""
    for case in range(len(deal.ask.count)):
        _choose_one(deal, case)


@compiled
def _choose_one(deal: Deal, case: int) -> None:
    ask, s, answer = deal.ask, deal.scratch, deal.answer
    places = ask.first[case + 1] - ask.first[case]
    if places == 0:
        return
    off_streets = _spread_masses(deal, case, places)
    candidates = _collect(deal, case, REACH_M_MAX)
    if ask.fill[case] and candidates < ask.count[case] and ask.only_row[case, 0] < 0:
        candidates = _collect(deal, case, FILL_M_MAX)
    _set_sights(deal, case, candidates, off_streets)
    chosen = _take_pinned(deal, case, candidates)
    now_round = chosen
    for second in range(2):
        if second == 1:
            if chosen >= ask.count[case]:
                break
            _begin_again(deal, candidates, places)
        chosen, now_round = _take_best(deal, case, candidates, chosen, now_round, second * SECOND)
    if ask.fill[case]:
        chosen = _take_nearest(deal, case, candidates, chosen)
    _name_next_best(deal, case, candidates, now_round + 1)
    seen = 0.0
    for place in range(places):
        seen += s.mass[place] - s.left[place]
    answer.utility[case] = min(max(seen, 0.0), 1.0)
    last_hit = s.end[candidates - 1] if candidates > 0 else 0
    answer.held_utility[case] = held_utility(deal, case, places, off_streets, last_hit)
    for i in range(ask.first[case], ask.first[case + 1]):
        if ask.cell[i] >= 0 and len(s.cell_place) > 0:
            s.cell_place[ask.cell[i]] = -1


@compiled
def _spread_masses(deal: Deal, case: int, places: int) -> int:
    """Set the masses and map street cells to places; return how many places are on no street."""
    ask, s, off_streets = deal.ask, deal.scratch, 0
    begin = ask.first[case]
    for place in range(places):
        mass, cell = ask.mass[begin + place], ask.cell[begin + place]
        s.mass[place] = mass
        if cell < 0 or cell >= len(s.cell_place):
            s.off_street[off_streets] = place
            off_streets += 1
        elif s.cell_place[cell] >= 0:
            # A cell that comes twice is one place.
            s.mass[s.cell_place[cell]] += mass
            s.mass[place] = 0.0
        else:
            s.cell_place[cell] = place
    for place in range(places):
        s.want[place] = s.left[place] = s.mass[place]
    return off_streets


@compiled
def _collect(deal: Deal, case: int, around_m: float) -> int:
    """List the cameras that the case may look through, within a distance of the box of its places; return how many."""
    ask, s, bins = deal.ask, deal.scratch, deal.bins
    deal.answer.looked_at[case] = 0
    deal.answer.excluded[case] = 0
    if ask.only_row[case, 0] >= 0:
        return _consider_all(deal, case, ask.only_row)
    pinned = found = _consider_all(deal, case, ask.pinned_row)
    x0_m, x1_m, y0_m, y1_m = _box(deal, case)
    column_0 = max(math.floor((x0_m - around_m - bins.origin_x_m) / bins.bin_m), 0)
    column_1 = min(math.floor((x1_m + around_m - bins.origin_x_m) / bins.bin_m), bins.bins_x - 1)
    line_0 = max(math.floor((y0_m - around_m - bins.origin_y_m) / bins.bin_m), 0)
    line_1 = min(math.floor((y1_m + around_m - bins.origin_y_m) / bins.bin_m), bins.bins_y - 1)
    limit = _room(deal, case)
    total = len(bins.moved)
    for line in range(line_0, line_1 + 1):
        if column_1 >= column_0:
            total += bins.first[line * bins.bins_x + column_1 + 1] - bins.first[line * bins.bins_x + column_0]
    share = 1.0 if total + PICKS_MAX <= limit else _THINNED * (limit - PICKS_MAX) / total
    for line in range(line_0, line_1 + 1):
        if column_1 < column_0:
            break
        begin, end = line * bins.bins_x + column_0, line * bins.bins_x + column_1 + 1
        for i in range(bins.first[begin], bins.first[end]):
            row = bins.rows[i]
            if row >= 0 and found < limit and not _is_listed(s.row, pinned, row):
                found = _consider(deal, case, row, found, share)
    for i in range(len(bins.moved)):
        row = bins.moved[i]
        x_m, y_m = deal.lens.x_m[row], deal.lens.y_m[row]
        is_near = x0_m - around_m <= x_m <= x1_m + around_m and y0_m - around_m <= y_m <= y1_m + around_m
        if is_near and found < limit and not _is_listed(s.row, pinned, row):
            found = _consider(deal, case, row, found, share)
    return found


@compiled
def _room(deal: Deal, case: int) -> int:
    """Return how many candidates a case may have, so that each of them may show each of its places."""
    places = int(deal.ask.first[case + 1] - deal.ask.first[case])
    return max(min(CANDIDATES_MAX, len(deal.scratch.hit_place) // places - 1), 2 * PICKS_MAX)


@compiled
def _box(deal: Deal, case: int) -> tuple[float, float, float, float]:
    """Return left, right, low and high edge of a case's places, metres."""
    begin, end = deal.ask.first[case], deal.ask.first[case + 1]
    x0_m = x1_m = deal.ask.x_m[begin]
    y0_m = y1_m = deal.ask.y_m[begin]
    for i in range(begin + 1, end):
        x0_m, x1_m = min(x0_m, deal.ask.x_m[i]), max(x1_m, deal.ask.x_m[i])
        y0_m, y1_m = min(y0_m, deal.ask.y_m[i]), max(y1_m, deal.ask.y_m[i])
    return x0_m, x1_m, y0_m, y1_m


@compiled
def _is_listed(rows: NDArray[np.int32], count: int, row: int) -> bool:
    """Return whether a row is among the first so many."""
    for k in range(count):
        if rows[k] == row:
            return True
    return False


@compiled
def _consider(deal: Deal, case: int, row: int, found: int, share: float) -> int:
    """Put a row on the list of candidates if it may be looked through; return how many are on it."""
    if row < 0:
        return found
    deal.answer.looked_at[case] += 1
    reason = excluded_by(deal, case, row)
    if reason >= 0:
        deal.answer.excluded[case, reason] += 1
        return found
    if share < 1.0 and float(deal.lens.id_hash[row]) >= share * _HASHES:
        return found
    deal.scratch.row[found] = row
    return found + 1


@compiled
def _consider_all(deal: Deal, case: int, rows: NDArray[np.int32]) -> int:
    """Begin the list of candidates with these rows of a case, each once; return how many are on it."""
    found = 0
    for k in range(PICKS_MAX):
        if not _is_listed(deal.scratch.row, found, rows[case, k]):
            found = _consider(deal, case, rows[case, k], found, 1.0)
    return found


@compiled
def _set_sights(deal: Deal, case: int, candidates: int, off_streets: int) -> None:
    """Find what each candidate may show, its distance to the middle of the places, and its first rank."""
    ask, lens, s = deal.ask, deal.lens, deal.scratch
    x_m, y_m, total = 0.0, 0.0, 0.0
    for i in range(ask.first[case], ask.first[case + 1]):
        x_m += ask.mass[i] * ask.x_m[i]
        y_m += ask.mass[i] * ask.y_m[i]
        total += ask.mass[i]
    x_m, y_m = x_m / max(total, 1e-12), y_m / max(total, 1e-12)
    at = 0
    for c in range(candidates):
        row = s.row[c]
        dx_m, dy_m = x_m - lens.x_m[row], y_m - lens.y_m[row]
        s.distance_m[c] = math.sqrt(dx_m * dx_m + dy_m * dy_m)
        s.bearing_deg[c] = bearing_deg(dx_m, dy_m)
        s.taken[c], s.mates[c], s.held_at[c], s.first[c] = False, 0, -1, at
        for k in range(PICKS_MAX):
            if ask.held_row[case, k] == row:
                s.held_at[c] = k
        at = gather(lens, deal.sight, deal.rules, ask, s, case, row, off_streets, at)
        s.end[c] = at
        first_bound(deal, case, c)


@compiled
def _take_pinned(deal: Deal, case: int, candidates: int) -> int:
    """Choose the pinned cameras, in their order, whatever they add; return how many there are."""
    s, chosen = deal.scratch, 0
    for k in range(PICKS_MAX):
        for c in range(candidates):
            if s.row[c] != deal.ask.pinned_row[case, k] or s.taken[c]:
                continue
            evaluate(deal, case, c, chosen)
            if deal.lens.motion[s.row[c]] == TURNING and not s.pan_deg[c] >= 0.0:
                # It shows nothing whatever its aim: let it look towards the middle.
                s.pan_deg[c], s.field_deg[c] = s.bearing_deg[c], deal.rules.zoom_deg[0]
            _take_into_slot(deal, case, c, candidates, chosen, 0)
            chosen += 1
    return chosen


@compiled
def _take_into_slot(deal: Deal, case: int, c: int, candidates: int, slot: int, flags: int) -> None:
    """Choose a candidate and write it into a slot of the answer."""
    gain = take(deal, c, candidates)
    describe(deal, case, c, slot, gain, flags)


@compiled
def _take_best(deal: Deal, case: int, candidates: int, chosen: int, now_round: int, flags: int) -> tuple[int, int]:
    """Choose the best until the count is reached or nobody adds enough; return how many, and the round's number."""
    while chosen < deal.ask.count[case]:
        c = next_best(deal, case, candidates, now_round, True)
        if c < 0:
            break
        _take_into_slot(deal, case, c, candidates, chosen, flags)
        chosen += 1
        now_round += 1
    return chosen, now_round


@compiled
def _begin_again(deal: Deal, candidates: int, places: int) -> None:
    """Let everything be seen a second time, by cameras that are not taken."""
    s = deal.scratch
    for place in range(places):
        s.want[place] = s.mass[place]
    for c in range(candidates):
        if not s.taken[c] and s.end[c] > s.first[c]:
            forget(deal, c)


@compiled
def _take_nearest(deal: Deal, case: int, candidates: int, chosen: int) -> int:
    """Give left-over places to the nearest cameras; a head that is not held is looked through as it stands."""
    s = deal.scratch
    while chosen < deal.ask.count[case]:
        best = -1
        for c in range(candidates):
            if not s.taken[c] and (best < 0 or is_before(deal, c, best)):
                best = c
        if best < 0:
            break
        held_at = s.held_at[best]
        if deal.lens.motion[s.row[best]] == TURNING:
            s.pan_deg[best] = s.field_deg[best] = math.nan
            if held_at >= 0:
                s.pan_deg[best] = deal.ask.held_pan_deg[case, held_at]
                s.field_deg[best] = deal.ask.held_field_deg[case, held_at]
        _take_into_slot(deal, case, best, candidates, chosen, FILLED)
        chosen += 1
    return chosen


@compiled
def _name_next_best(deal: Deal, case: int, candidates: int, now_round: int) -> None:
    """Write down who would have been next, each as if it alone came on top of those chosen."""
    s = deal.scratch
    for k in range(deal.rules.runners):
        c = next_best(deal, case, candidates, now_round, False)
        if c < 0:
            break
        describe(deal, case, c, PICKS_MAX + k, s.gain[c], 0)
        s.taken[c] = True
