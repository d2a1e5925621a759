"""Choosing where heads have prices: no bid is made that is known to lose."""

from collections.abc import Mapping
from dataclasses import replace

from pipeline.belief.glance import Later
from pipeline.choice.survey import Survey
from pipeline.decisions.looking import Answer, Looking, LookRequest, Wish
from pipeline.world.places import Places

# After so many choices without the heads that were too dear the others' bids are made as they are.
CHOICES_MAX = 8


def choose_with_bids(places: Places | Later | Survey, wish: Wish) -> Looking[Answer]:
    """Return a choice in which every head that others hold is worth more than its price.

    The price is taken off a head's score when it is chosen, but what is chosen after it can make it worth less: its bid
    is what would be lost without it in the end. Then all is chosen anew without those heads.
    """
    answer = yield LookRequest(places, wish)
    for _ in range(CHOICES_MAX - 1):
        vain = vain_bids(answer.losses, wish)
        if not vain:
            break
        wish = without_heads(wish, vain)
        answer = yield LookRequest(places, wish)
    return answer


def vain_bids(losses: Mapping[int, float], wish: Wish) -> set[int]:
    """Return the chosen heads that would be lost for less than their price, by row."""
    return {row for row, price in wish.priced if row in losses and losses[row] <= price}


def without_heads(wish: Wish, rows: set[int]) -> Wish:
    """Return a wish in which no bid is made for some heads."""
    priced = tuple((row, price) for row, price in wish.priced if row not in rows)
    return replace(wish, priced=priced, barred=(*wish.barred, *sorted(rows)))
