"""What heads cost a case, and what it would lose without those it chose."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.choice.choosing import Choices, Wishes
from tests.pipeline.choosing_scenes import cameras, chosen, names, numbers_of_policies, spots, wishes_of
from tests.support.brute_force_choice import Cam, Case, Numbers, Spot

known_kinds = st.sampled_from(["fixed", "round", "turning"])
LEFT, RIGHT = Spot(-20.0, 0.0, 0.6), Spot(20.0, 0.0, 0.4)
HEAD = Cam("head", -20.0, 10.0, kind="turning")
SPARE = Cam("spare", -20.0, -15.0, kind="turning", site=1)
OTHER = Cam("other", 20.0, 10.0, site=2)


def bidding(count: int, cams: Sequence[Cam], prices: Mapping[str, float] | None = None) -> Wishes:
    """Return the wishes of one case that must know its losses, with the prices of some heads."""
    rows, prices = {cam.name: row for row, cam in enumerate(cams)}, prices or {}
    return replace(
        wishes_of(count, cams),
        bids_from=np.array([-np.inf]),
        priced_first=np.array([0, len(prices)], np.int32),
        priced_row=np.array([rows[name] for name in prices], np.int32),
        priced=np.array(list(prices.values())),
    )


def losses(choices: Choices, cams: Sequence[Cam]) -> dict[str, float]:
    return dict(zip(names(choices, cams), choices.loss[0].tolist(), strict=False))


@settings(deadline=None, max_examples=60)
@given(cameras(known_kinds), spots(), numbers_of_policies, st.integers(1, 6))
def test_the_loss_of_a_head_is_what_the_case_falls_by_with_the_best_of_the_others_in_its_place(
    cams: list[Cam], where: list[Spot], numbers: Numbers, count: int
) -> None:
    got = losses(chosen(cams, where, bidding(count, cams), numbers), cams)
    case = Case(cams, where, numbers, count).decide()
    assert list(got) == [taken.name for taken in case.taken]
    for taken in case.taken:
        cam = next(cam for cam in cams if cam.name == taken.name)
        if cam.kind != "turning":
            assert got[taken.name] == 0
            continue
        assert got[taken.name] == pytest.approx(case.loss(taken), abs=1e-6)


def test_a_head_with_an_equal_beside_it_is_no_loss() -> None:
    twin = replace(HEAD, name="twin", site=3)
    alone = losses(chosen([HEAD], [LEFT], bidding(1, [HEAD]), Numbers()), [HEAD])
    with_twin = losses(chosen([HEAD, twin], [LEFT], bidding(1, [HEAD, twin]), Numbers()), [HEAD, twin])
    assert alone["head"] == pytest.approx(LEFT.mass * np.exp(-10 / 200))
    assert list(with_twin.values()) == [0]


@pytest.mark.parametrize(("price", "expected"), [(0.0, ["head"]), (0.005, ["head"]), (0.1, ["spare"])])
def test_a_price_counts_against_a_head(price: float, expected: list[str]) -> None:
    cams = [HEAD, SPARE]
    choices = chosen(cams, [LEFT], bidding(1, cams, {"head": price} if price else None), Numbers())
    assert names(choices, cams) == expected


def test_a_head_that_adds_less_than_its_price_is_left_to_others() -> None:
    cams = [HEAD, OTHER]
    dear = chosen(cams, [LEFT, RIGHT], bidding(2, cams, {"head": 0.7}), Numbers())
    cheap = chosen(cams, [LEFT, RIGHT], bidding(2, cams, {"head": 0.3}), Numbers())
    assert (names(dear, cams), names(cheap, cams)) == (["other"], ["other", "head"])


def test_a_dear_spare_does_not_lower_the_loss() -> None:
    cams = [HEAD, SPARE]
    free = losses(chosen(cams, [LEFT], bidding(1, cams), Numbers()), cams)
    dear = losses(chosen(cams, [LEFT], bidding(1, cams, {"spare": 5.0}), Numbers()), cams)
    assert free["head"] == pytest.approx(LEFT.mass * (np.exp(-10 / 200) - np.exp(-15 / 200)))
    assert dear["head"] == pytest.approx(LEFT.mass * np.exp(-10 / 200))


def test_losses_are_reckoned_only_where_they_are_asked_for() -> None:
    wishes = replace(bidding(1, [HEAD]), bids_from=np.array([2.0]))
    assert losses(chosen([HEAD], [LEFT], wishes, Numbers()), [HEAD]) == {"head": 0}
