"""The choice for one case after the other: candidates, greedy rounds, second views, left-over places, next best.

Greedy choice takes the camera with the best score, then lowers what is left to see, and so spreads over sites and
directions by itself; for such (submodular) utilities it is within 1 - 1/e of the optimum (Nemhauser, Wolsey, Fisher
1978). Only upper bounds are kept of who does not lead (Minoux 1978), so that most cameras are evaluated once.
"""

from pipeline.choice.candidates import box_of, collect, excluded_by, put_in_reach_first
from pipeline.choice.gain import evaluate, first_bound, forget, is_before, next_best
from pipeline.choice.hits import gather, gather_nothing
from pipeline.choice.layout import FILLED, PICKS_MAX, SECOND, Ask, Deal, Lens, Streetwise, Work
from pipeline.choice.prices import price_of, set_prices, write_losses
from pipeline.choice.take import Held, enter, sum_of_held, take, write_down
from pipeline.compiled import compiled_lean
from pipeline.sight.optics import REACH_M_MAX, TURNING

# Cameras for left-over places are taken up to this far from the middle of where the target can be.
FILL_M_MAX = 500.0


@compiled_lean
def choose_all(deal: Deal) -> None:
    """Choose for every case of the batch; the answer is written into ``deal.answer``."""
    for case in range(len(deal.ask.wanted)):
        if deal.ask.first[case + 1] > deal.ask.first[case]:
            _choose_one(deal, case)


@compiled_lean
def _choose_one(deal: Deal, case: int) -> None:
    """Choose for one case."""
    ask, work, lens = deal.ask, deal.work, deal.lens
    begin, end = ask.first[case], ask.first[case + 1]
    places = end - begin
    off_streets = _spread_masses(ask, work, deal.streetwise, case)
    held = (ask.held_row[case], ask.held_pan_deg[case], ask.held_field_deg[case])
    middle, box = _middle_of(work, places), box_of(ask.x_m[begin:end], ask.y_m[begin:end])
    counts = deal.answer.excluded[case]
    near, named = collect(lens, deal.bins, ask, work, case, box, REACH_M_MAX, counts)
    fills = ask.fill[case] and ask.only_row[case, 0] < 0
    if fills and not _are_within_reach(lens, work, near, middle, ask.wanted[case]):
        near, named = collect(lens, deal.bins, ask, work, case, box, FILL_M_MAX, counts)
    # Candidates are entered as far as they may show something; the rest only if left-over places go to the nearest.
    found = put_in_reach_first(lens, work.rows, named, near, box)
    enter(work, lens, 0, found, held, middle)
    set_prices(ask, work, case, found)
    gather(lens, deal.sight, deal.streetwise, work, off_streets, 0, found)
    for c in range(found):
        first_bound(work, c)
    chosen = _take_pinned(deal, case, found)
    now_round = chosen
    for second in range(2):
        if second == 1:
            if chosen >= ask.wanted[case]:
                break
            _begin_again(work, found, places)
        while chosen < ask.wanted[case]:
            c = next_best(work, found, now_round, True)
            if c < 0:
                break
            _take_into_slot(deal, case, c, found, chosen, second * SECOND)
            chosen += 1
            now_round += 1
    if ask.fill[case] and chosen < ask.wanted[case]:
        enter(work, lens, found, near, held, middle)
        gather_nothing(work, found, near)
        found = near
        _take_nearest(deal, case, found, chosen)
    _name_next_best(deal, case, found, now_round + 1)
    seen = 0.0
    for place in range(places):
        seen += work.places[place]["mass"] - work.places[place]["left"]
    deal.answer.utility[case] = min(max(seen, 0.0), 1.0)
    deal.answer.held_utility[case] = _value_held(deal, case, (places, off_streets), found, held, middle)
    if deal.answer.utility[case] - deal.answer.held_utility[case] >= ask.bids_from[case]:
        write_losses(deal, case, places, found)
    for i in range(ask.first[case], ask.first[case + 1]):
        if 0 <= ask.cell[i] < len(deal.streetwise.cell_place):
            deal.streetwise.cell_place[ask.cell[i]] = -1


@compiled_lean
def _are_within_reach(lens: Lens, work: Work, near: int, middle_m: tuple[float, float], wanted: int) -> bool:
    """Return whether so many of the cameras stand in the circle around the middle that was surely searched."""
    count = 0
    for k in range(near):
        dx_m, dy_m = middle_m[0] - lens.x_m[work.rows[k]], middle_m[1] - lens.y_m[work.rows[k]]
        count += 1 if dx_m * dx_m + dy_m * dy_m <= REACH_M_MAX * REACH_M_MAX else 0
        if count >= wanted:
            return True
    return False


@compiled_lean
def _spread_masses(ask: Ask, work: Work, streetwise: Streetwise, case: int) -> int:
    """Set the masses and map street cells to places; return how many places are on no street."""
    begin, places, cell_place, off_streets = ask.first[case], work.places, streetwise.cell_place, 0
    for place in range(ask.first[case + 1] - begin):
        cell = ask.cell[begin + place]
        places[place]["mass"] = ask.mass[begin + place]
        places[place]["x_m"], places[place]["y_m"] = ask.x_m[begin + place], ask.y_m[begin + place]
        if cell < 0 or cell >= len(cell_place):
            streetwise.off_street[off_streets] = place
            off_streets += 1
        elif cell_place[cell] >= 0:
            # A cell that comes twice is one place.
            places[cell_place[cell]]["mass"] += places[place]["mass"]
            places[place]["mass"] = 0.0
        else:
            cell_place[cell] = place
    for place in range(ask.first[case + 1] - begin):
        places[place]["want"] = places[place]["mass"]
        places[place]["left"] = places[place]["mass"]
    return off_streets


@compiled_lean
def _middle_of(work: Work, places: int) -> tuple[float, float]:
    """Return the middle of the places by mass."""
    x_m, y_m, total = 0.0, 0.0, 1e-12
    for place in range(places):
        mass = work.places[place]["mass"]
        x_m += mass * work.places[place]["x_m"]
        y_m += mass * work.places[place]["y_m"]
        total += mass
    return x_m / total, y_m / total


@compiled_lean
def _take_into_slot(  # noqa: PLR0917 - a kernel takes plain arguments
    deal: Deal,
    case: int,
    c: int,
    found: int,
    slot: int,
    flags: int,
) -> None:
    """Choose a candidate and write it into a slot of the answer."""
    gain = take(deal.work, c, found)
    write_down(deal.work, deal.lens, deal.answer, c, (case, slot), gain, flags)


@compiled_lean
def _take_pinned(deal: Deal, case: int, found: int) -> int:
    """Choose the pinned cameras, in their order, whatever they add; return how many there are."""
    chosen, candidates = 0, deal.work.candidates
    for k in range(PICKS_MAX):
        row = deal.ask.pinned_row[case, k]
        if row < 0:
            continue
        for c in range(found):
            if candidates[c]["row"] != row or candidates[c]["taken"] or price_of(deal.ask, case, row) > 0.0:
                continue
            evaluate(deal.work, c, chosen)
            if candidates[c]["motion"] == TURNING and not candidates[c]["pan_deg"] >= 0.0:
                # It shows nothing whatever its aim: let it look towards the middle.
                candidates[c]["pan_deg"] = candidates[c]["bearing_deg"]
                candidates[c]["field_deg"] = deal.work.zoom_deg[0]
            _take_into_slot(deal, case, c, found, chosen, 0)
            chosen += 1
    return chosen


@compiled_lean
def _begin_again(work: Work, found: int, places: int) -> None:
    """Let everything be seen a second time, by cameras that are not taken."""
    for place in range(places):
        work.places[place]["want"] = work.places[place]["mass"]
    for c in range(found):
        if not work.candidates[c]["taken"]:
            forget(work, c)


@compiled_lean
def _take_nearest(deal: Deal, case: int, found: int, chosen: int) -> int:
    """Give left-over places to the nearest cameras; a head that is not held is looked through as it stands."""
    work = deal.work
    while chosen < deal.ask.wanted[case]:
        best = -1
        for c in range(found):
            near = work.candidates[c]["distance_m"] <= FILL_M_MAX or deal.ask.only_row[case, 0] >= 0
            if not near or work.candidates[c]["taken"] or price_of(deal.ask, case, work.candidates[c]["row"]) > 0.0:
                continue
            if best < 0 or is_before(work, c, best):
                best = c
        if best < 0:
            break
        one = work.candidates[best]
        if one["motion"] == TURNING:
            one["pan_deg"], one["field_deg"] = one["held_pan_deg"], one["held_field_deg"]
        _take_into_slot(deal, case, best, found, chosen, FILLED)
        chosen += 1
    return chosen


@compiled_lean
def _name_next_best(deal: Deal, case: int, found: int, now_round: int) -> None:
    """Write down who would have been next, each as if it alone came on top of those chosen."""
    for k in range(deal.work.rules[0]["runners"]):
        c = next_best(deal.work, found, now_round, False)
        if c < 0:
            break
        write_down(deal.work, deal.lens, deal.answer, c, (case, PICKS_MAX + k), deal.work.candidates[c]["gain"], 0)
        deal.work.candidates[c]["taken"] = 1


@compiled_lean
def _value_held(  # noqa: PLR0917 - a kernel takes plain arguments
    deal: Deal, case: int, places: tuple[int, int], found: int, held: Held, middle_m: tuple[float, float]
) -> float:
    """Return what the held cameras that may still be looked through show, just as they are aimed.

    They are entered once more behind the candidates. ``places`` is how many there are, and how many on no street.
    """
    ask, (all_places, off_streets) = deal.ask, places
    barred = ask.barred_row[ask.barred_first[case] : ask.barred_first[case + 1]]
    end = found
    for k in range(PICKS_MAX):
        row = ask.held_row[case, k]
        if not 0 <= row < len(deal.lens.reason):
            continue
        reason, purposes = int(deal.lens.reason[row]), int(deal.lens.purposes[row])
        if excluded_by(reason, purposes, int(ask.purposes[case]), barred, row) < 0 and price_of(ask, case, row) <= 0.0:
            deal.work.rows[end] = row
            end += 1
    if end == found:
        return 0.0
    enter(deal.work, deal.lens, found, end, held, middle_m)
    gather(deal.lens, deal.sight, deal.streetwise, deal.work, off_streets, found, end)
    for c in range(found):
        deal.work.candidates[c]["taken"] = 1
    return sum_of_held(deal.work, found, end, all_places)
