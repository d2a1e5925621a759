"""No bid is made that is known to lose."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.choice.choosing import PICKS_MAX
from pipeline.decisions.bidding import CHOICES_MAX, choose_with_bids, vain_bids, without_heads
from pipeline.decisions.looking import Answer, Wish
from tests.pipeline.choosing_scenes import cameras, chosen, spots, wishes_of
from tests.support.brute_force_choice import Cam, Numbers, Spot

kinds = st.sampled_from(["round", "turning", "turning"])


def answer_to(wish: Wish, cams: list[Cam], where: list[Spot]) -> Answer:
    """Return what the real choice answers."""
    wishes = replace(
        wishes_of(wish.count, cams),
        bids_from=np.array([-np.inf]),
        barred_first=np.array([0, len(wish.barred)], np.int32),
        barred_row=np.array(wish.barred, np.int32),
        priced_first=np.array([0, len(wish.priced)], np.int32),
        priced_row=np.array([row for row, _ in wish.priced], np.int32),
        priced=np.array([price for _, price in wish.priced], np.float64),
    )
    choices = chosen(cams, where, wishes, Numbers())
    return Answer(choices, 0, tuple(row for row in choices.row[0, :PICKS_MAX].tolist() if row >= 0))


def deliberated(wish: Wish, cams: list[Cam], where: list[Spot]) -> tuple[Answer, list[Wish]]:
    """Return the answer that a case goes by, and all that it asked for on the way."""
    asked: list[Wish] = []
    looking = choose_with_bids(None, wish)  # type: ignore[arg-type] # the places are the test's own
    request = next(looking)
    while True:
        asked.append(request.wish)
        try:
            request = looking.send(answer_to(request.wish, cams, where))
        except StopIteration as end:
            return end.value, asked


@settings(deadline=None, max_examples=60)
@given(cameras(kinds), spots(), st.integers(1, 6), st.lists(st.floats(0.0, 0.5), min_size=8, max_size=8))
def test_every_bid_of_the_choice_exceeds_its_price(
    cams: list[Cam], where: list[Spot], count: int, prices: list[float]
) -> None:
    heads = [row for row, cam in enumerate(cams) if cam.kind == "turning"]
    wish = Wish(count=count, priced=tuple((row, prices[row]) for row in heads))
    answer, asked = deliberated(wish, cams, where)
    assert len(asked) <= CHOICES_MAX
    # With at most eight heads there are choices enough for the last one to be without a vain bid.
    assert vain_bids(answer.losses, asked[-1]) == set()
    assert all(prices[row] < answer.losses[row] for row in answer.rows if row in heads)
    for before, after in pairwise(asked):
        assert set(before.barred) < set(after.barred)


def test_without_prices_one_choice_is_enough() -> None:
    head = Cam("head", 0.0, 10.0, kind="turning")
    answer, asked = deliberated(Wish(count=1), [head], [Spot(0.0, 0.0, 1.0)])
    assert (answer.rows, len(asked)) == ((0,), 1)


def test_a_head_that_is_left_to_others_is_barred_and_has_no_price_any_more() -> None:
    wish = without_heads(Wish(count=2, barred=(7,), priced=((3, 0.1), (5, 0.2))), {3})
    assert (wish.barred, wish.priced) == ((7, 3), ((5, 0.2),))
