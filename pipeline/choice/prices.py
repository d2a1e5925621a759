"""What heads cost a case, and what it would lose without those it chose: the kernel's part in their auction.

A head that others hold, and that a bid can win, has a price: what the bid must exceed. A bid is what a case would lose
without the head (``write_losses``), which is about what the head adds more than the next best. So the price is taken
off the head's score, and a case asks for a head only where its bid is likely to win it. This is how objects get their
owners by auction (D. Bertsekas 1979, "A distributed algorithm for the assignment problem").
"""

from pipeline.choice.gain import evaluate
from pipeline.choice.hits import heading_after
from pipeline.choice.layout import LOSS, PICKS_MAX, Ask, Deal, Work
from pipeline.choice.take import hit_shown
from pipeline.compiled import compiled_lean
from pipeline.sight.optics import TURNING


@compiled_lean
def price_of(ask: Ask, case: int, row: int) -> float:
    """Return what a bid of a case must exceed to win a head from others; 0 where none is known."""
    for k in range(ask.priced_first[case], ask.priced_first[case + 1]):
        if ask.priced_row[k] == row:
            return float(ask.priced[k])
    return 0.0


@compiled_lean
def set_prices(ask: Ask, work: Work, case: int, found: int) -> None:
    """Set the price of every candidate; what does not turn has none."""
    if ask.priced_first[case] == ask.priced_first[case + 1]:
        return
    for c in range(found):
        if work.candidates[c]["motion"] == TURNING:
            work.candidates[c]["price"] = price_of(ask, case, work.candidates[c]["row"])


@compiled_lean
def write_losses(deal: Deal, case: int, places: int, found: int) -> None:
    """Write what the probability of a view would lose by each chosen head's not being there.

    That is what it shows and no other of the chosen does, without what the best of those not chosen would show of it.
    To be called when nothing more is chosen: ``want`` and the candidates' ranks are overwritten.
    """
    work, answer = deal.work, deal.answer
    for c in range(found):
        work.candidates[c]["taken"] = 0
        for slot in range(PICKS_MAX):
            if answer.row[case, slot] == work.candidates[c]["row"]:
                work.candidates[c]["taken"] = slot + 1
    for c in range(found):
        one = work.candidates[c]
        if one["taken"] and one["motion"] == TURNING and one["field_deg"] > 0.0 and one["first"] < one["end"]:
            answer.terms[case, one["taken"] - 1, LOSS] = _loss_of(work, c, places, found)


@compiled_lean
def _loss_of(work: Work, c: int, places: int, found: int) -> float:
    """Return what is lost by the absence of a chosen candidate."""
    for place in range(places):
        work.places[place]["want"] = work.places[place]["mass"]
    for other in range(found):
        if work.candidates[other]["taken"] and other != c:
            for hit in range(work.candidates[other]["first"], work.candidates[other]["end"]):
                work.places[work.hits[hit]["place"]]["want"] *= 1.0 - hit_shown(work, other, hit)
    loss = 0.0
    for hit in range(work.candidates[c]["first"], work.candidates[c]["end"]):
        loss += work.places[work.hits[hit]["place"]]["want"] * hit_shown(work, c, hit)
    best = 0.0
    for other in range(found):
        if not work.candidates[other]["taken"] and _at_most(work, other) > best:
            evaluate(work, other, 0)
            best = max(best, work.candidates[other]["gain"] - work.candidates[other]["price"])
    return max(loss - best, 0.0)


@compiled_lean
def _at_most(work: Work, c: int) -> float:
    """Return what a candidate can show of what is wanted at most, whatever its aim, less its price."""
    one, most = work.candidates[c], 0.0
    for hit in range(one["first"], one["end"]):
        spot = work.hits[hit]
        sure = 1.0 if one["motion"] == TURNING else heading_after(spot["heading"], one["mates"])
        most += work.places[spot["place"]]["want"] * spot["p"] * sure
    return float(most - one["price"])
