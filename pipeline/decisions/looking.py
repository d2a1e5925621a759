"""Questions of decisions under way, and their answers: which cameras show these places best?"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pipeline.belief.glance import Later, places_later
from pipeline.choice.choosing import Choices, Wishes, choose_many
from pipeline.choice.layout import PICKS_MAX
from pipeline.choice.scenery import Scenery
from pipeline.rules.policy import Policy
from pipeline.world.places import Places, join

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HeldView:
    """A camera that the case holds: its row, and how it is turned (NaN where it does not turn)."""

    row: int
    pan_deg: float
    field_deg: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted for one case.

    Attributes:
        count: how many cameras at most.
        purposes: set of purpose bits that cameras may have; 0 means any.
        held: what the case holds already.
        barred: rows that must not be chosen.
        pinned: rows that an operator wants on the list.
        fill: whether left-over places go to the nearest.
        only: rows to choose among; empty means all.
        priced: heads that others hold, and what a bid for each must exceed.
        bids_from: what the case would lose without each chosen head is said where the choice is better than what it
            holds by this much.
    """

    count: int
    purposes: int = 0
    held: tuple[HeldView, ...] = ()
    barred: tuple[int, ...] = ()
    pinned: tuple[int, ...] = ()
    fill: bool = False
    only: tuple[int, ...] = ()
    priced: tuple[tuple[int, float], ...] = ()
    bids_from: float = -np.inf


@dataclass(frozen=True, slots=True)
class LookRequest:
    """A question: which cameras, with which aims, show these places (of one case) best?"""

    places: Places | Later
    wish: Wish


@dataclass(frozen=True, slots=True)
class Answer:
    """The part of a batch of choices that answers one request.

    Attributes:
        choices: of the batch.
        at: place of the request in it.
        rows: chosen camera rows, best first.
    """

    choices: Choices
    at: int
    rows: tuple[int, ...]

    @property
    def utility(self) -> float:
        """Probability that at least one of the chosen shows the target."""
        return float(self.choices.utility[self.at])

    @property
    def losses(self) -> dict[int, float]:
        """What would be lost without each chosen head, by row, as probability of a view."""
        return dict(zip(self.rows, self.choices.loss[self.at].tolist(), strict=False))

    @property
    def held_utility(self) -> float:
        """The same of the held cameras as they are turned now."""
        return float(self.choices.held_utility[self.at])


# A decision under way: it asks for cameras and is sent the answers, so that many decisions can be answered together.
Looking = Generator[LookRequest, Answer, T]


def answers_to(requests: Sequence[LookRequest], scenery: Scenery, policy: Policy) -> list[Answer]:
    """Return the answers to requests, computed together; each is what it would be alone."""
    if not requests:
        return []
    choices = choose_many(
        scenery.world,
        scenery.optics,
        scenery.grid,
        join(_places(requests)),
        _wishes([request.wish for request in requests]),
        scenery.view,
        policy.selection,
    )
    rows = choices.row.tolist()
    return [Answer(choices, at, tuple(r for r in rows[at] if r >= 0)) for at in range(len(requests))]


def in_driving_order(scenery: Scenery, places: Places, answer: Answer) -> tuple[int, ...]:
    """Return the chosen rows in the order in which a unit on its way passes nearest to them."""
    rows = list(answer.rows)
    x_m, y_m = scenery.optics.x_m[rows], scenery.optics.y_m[rows]
    passed = np.hypot(places.x_m[None, :] - x_m[:, None], places.y_m[None, :] - y_m[:, None]).argmin(axis=1)
    return tuple(rows[i] for i in np.argsort(passed, kind="stable").tolist())


def _places(requests: Sequence[LookRequest]) -> list[Places]:
    later = iter(places_later([request.places for request in requests if isinstance(request.places, Later)]))
    return [next(later) if isinstance(request.places, Later) else request.places for request in requests]


def _wishes(wishes: Sequence[Wish]) -> Wishes:
    n = len(wishes)
    held_row = np.full((n, PICKS_MAX), -1, np.int32)
    held_pan = np.full((n, PICKS_MAX), np.nan, np.float32)
    held_field = np.zeros((n, PICKS_MAX), np.float32)
    for i, wish in enumerate(wishes):
        for j, held in enumerate(wish.held[:PICKS_MAX]):
            held_row[i, j], held_pan[i, j], held_field[i, j] = held.row, held.pan_deg, held.field_deg
    barred_first = np.concatenate([[0], np.cumsum([len(wish.barred) for wish in wishes])]).astype(np.int32)
    return Wishes(
        count=np.array([wish.count for wish in wishes], np.int32),
        purposes=np.array([wish.purposes for wish in wishes], np.uint16),
        held_row=held_row,
        held_pan_deg=held_pan,
        held_field_deg=held_field,
        barred_first=barred_first,
        barred_row=np.array([row for wish in wishes for row in wish.barred], np.int32),
        pinned_row=_padded([wish.pinned for wish in wishes]),
        fill=np.array([wish.fill for wish in wishes], np.bool_),
        only_row=_padded([wish.only for wish in wishes]),
        priced_first=np.concatenate([[0], np.cumsum([len(wish.priced) for wish in wishes])]).astype(np.int32),
        priced_row=np.array([row for wish in wishes for row, _ in wish.priced], np.int32),
        priced=np.array([price for wish in wishes for _, price in wish.priced], np.float64),
        bids_from=np.array([wish.bids_from for wish in wishes], np.float64),
    )


def _padded(rows: Sequence[tuple[int, ...]]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    padded = np.full((len(rows), PICKS_MAX), -1, np.int32)
    for i, some in enumerate(rows):
        padded[i, : len(some)] = some[:PICKS_MAX]
    return padded
