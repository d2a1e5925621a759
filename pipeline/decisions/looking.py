"""Questions of decisions under way, and their answers: which cameras show these places best?"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from pipeline.belief.glance import Later, places_later
from pipeline.choice.choosing import Choices, Wishes, choose_many
from pipeline.choice.layout import PICKS_MAX
from pipeline.choice.scenery import Scenery
from pipeline.choice.survey import Survey
from pipeline.rules.policy import Policy
from pipeline.sight.camera_grid import CameraGrid
from pipeline.world.places import Places, join

T = TypeVar("T")
# What of a pick is told as a share of all places.
SHARES = ("gain", "p_view", "covered")


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

    @property
    def rows(self) -> list[int]:
        """Return the cameras that are held or pinned."""
        return [*(view.row for view in self.held if view.row >= 0), *self.pinned]


@dataclass(frozen=True, slots=True)
class LookRequest:
    """A question: which cameras, with which aims, show these places (of one case) best?"""

    places: Places | Later | Survey
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
    found: dict[int, Answer] = {}
    together = [number for number, request in enumerate(requests) if not isinstance(request.places, Survey)]
    if together:
        some = [requests[number] for number in together]
        answers = _answers(join(_places(some)), [one.wish for one in some], scenery.grid, scenery, policy)
        found.update(zip(together, answers, strict=True))
    for number, request in enumerate(requests):
        if isinstance(request.places, Survey):  # each has cameras of its own to choose among
            survey = request.places
            (found[number],) = _answers(survey.places, [request.wish], survey.grid, scenery, policy)
    return [found[number] for number in range(len(requests))]


def of_the_whole(answer: Answer, scale: float) -> Answer:
    """Return the answer for a survey with gains and views as shares of the whole area; bids stay as they were made.

    Args:
        answer: of a choice of one case.
        scale: the mass of the whole area.
    """
    choices = answer.choices
    shares = {name: getattr(choices, name) / np.float32(scale) for name in SHARES}
    runner = replace(choices.runner, **{name: getattr(choices.runner, name) / np.float32(scale) for name in SHARES})
    return replace(answer, choices=replace(choices, **shares, runner=runner, utility=choices.utility / scale))


def _answers(
    places: Places, wishes: Sequence[Wish], grid: CameraGrid, scenery: Scenery, policy: Policy
) -> list[Answer]:
    """Return the answers for some cases among the cameras of a grid."""
    choices = choose_many(scenery.world, scenery.optics, grid, places, _wishes(wishes), scenery.view, policy.selection)
    rows = choices.row.tolist()
    return [Answer(choices, at, tuple(r for r in rows[at] if r >= 0)) for at in range(len(wishes))]


def in_driving_order(scenery: Scenery, places: Places, answer: Answer) -> tuple[int, ...]:
    """Return the chosen rows in the order in which a unit on its way passes nearest to them."""
    rows = list(answer.rows)
    x_m, y_m = scenery.optics.x_m[rows], scenery.optics.y_m[rows]
    passed = np.hypot(places.x_m[None, :] - x_m[:, None], places.y_m[None, :] - y_m[:, None]).argmin(axis=1)
    return tuple(rows[i] for i in np.argsort(passed, kind="stable").tolist())


def _places(requests: Sequence[LookRequest]) -> list[Places]:
    """Return the places of requests that are no surveys."""
    later = iter(places_later([request.places for request in requests if isinstance(request.places, Later)]))
    places: list[Places] = []
    for request in requests:
        if isinstance(request.places, Later):
            places.append(next(later))
        elif isinstance(request.places, Places):
            places.append(request.places)
    return places


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
