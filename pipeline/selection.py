"""Which cameras: greedy joint coverage of a region, held cameras preferred, left-over places to the nearest.

Utility of a set = Σ w(x) · (1 − Π (1 − p_c(x))): the probability that at least one of its cameras shows the target.
Greedy choice takes the camera with the largest gain, then lowers what is left to see, and so spreads over sites and
directions by itself; for such (submodular) utilities it is within 1 − 1/e of the optimum (Nemhauser, Wolsey, Fisher
1978).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.policy import SelectionPolicy
from pipeline.visibility import Views


@dataclass(frozen=True, slots=True)
class Pick:
    """A chosen view.

    Attributes:
        candidate: its camera's place among the candidates.
        view: its place among the views.
        p_view: probability that it shows the target, 0 to 1.
        gain: what it added to the set's utility when it was chosen, 0 to 1.
        heading: probability that the camera points the right way, as counted.
        filled: True when it took a left-over place as the nearest.
    """

    candidate: int
    view: int
    p_view: float
    gain: float
    heading: float
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen set.

    Attributes:
        picks: in the order they were chosen.
        utility: probability that at least one of them shows the target, 0 to 1.
        rest: the state of the choice after them, for the next best.
        runner_up_max: how many of the next best are named.
    """

    picks: tuple[Pick, ...]
    utility: float
    rest: "_Greedy"
    runner_up_max: int

    @property
    def runner_up(self) -> tuple[tuple[int, float], ...]:
        """Return (candidate, gain) of the next best that were not chosen, best first."""
        gains = np.where(self.rest.open_views, self.rest.gains(), 0.0)
        best: dict[int, float] = {}
        for view in np.argsort(-gains, kind="stable").tolist():
            if gains[view] <= 0 or len(best) >= self.runner_up_max:
                break
            best.setdefault(self.rest.camera_of(view), float(gains[view]))
        return tuple(best.items())


@dataclass(frozen=True, slots=True)
class Wish:
    """What is chosen from and how many.

    Attributes:
        sites: site of each candidate, shape (m,); cameras of a site are pole-mates.
        allowed: which candidates may be chosen, shape (m,).
        held: which candidates the case holds already, shape (m,).
        count: how many at most.
    """

    sites: NDArray[np.integer]
    allowed: NDArray[np.bool_]
    held: NDArray[np.bool_]
    count: int


def choose(views: Views, weights: NDArray[np.float64], wish: Wish, policy: SelectionPolicy) -> Choice:
    """Return the greedy choice.

    Args:
        views: what the candidates can show.
        weights: of the region's points, shape (n,).
        wish: what is chosen from and how many.
        policy: gains that count.
    """
    greedy = _Greedy(views, weights, wish, policy)
    picks: list[Pick] = []
    while len(picks) < wish.count and (best := greedy.best()) is not None:
        picks.append(greedy.take(*best))
    utility = greedy.utility()
    picks += _nearest_left(greedy, wish.count - len(picks))
    return Choice(tuple(picks), utility, greedy, policy.runner_up)


class _Greedy:
    """The state of one greedy choice: what is left to see and which views are still open."""

    def __init__(self, views: Views, weights: NDArray[np.float64], wish: Wish, policy: SelectionPolicy) -> None:
        self._views = views
        self._weights = weights
        self._sites = wish.sites
        self._left = weights.copy()
        self._heading = views.heading.copy()
        self._mates_taken: dict[int, int] = {}
        self._min_gain = policy.min_gain
        self.open_views = wish.allowed[views.camera].copy()
        # What is added to a view's gain to compare it: the bonus of held cameras; closed views never win.
        self._offset = np.where(self.open_views, np.where(wish.held[views.camera], policy.held_bonus, 0.0), -np.inf)

    def best(self) -> tuple[int, float] | None:
        """Return the best open view that adds enough, and its gain; None when there is none."""
        gains = self.gains()
        if not len(gains):
            return None
        best = int((gains + self._offset).argmax())
        if gains[best] < self._min_gain:  # a held camera can win by its bonus alone: look among those that add enough
            best = int(np.where(gains >= self._min_gain, gains + self._offset, -np.inf).argmax())
        enough = self.open_views[best] and gains[best] >= self._min_gain
        return (best, float(gains[best])) if enough else None

    def camera_of(self, view: int) -> int:
        return int(self._views.camera[view])

    def gains(self) -> NDArray[np.float64]:
        return np.asarray(self._heading * (self._views.seen @ self._left))

    def utility(self) -> float:
        return float(min(max(1.0 - self._left.sum(), 0.0), 1.0))

    def take(self, view: int, gain: float, *, filled: bool = False) -> Pick:
        views, candidate = self._views, int(self._views.camera[view])
        heading = float(self._heading[view])
        pick = Pick(
            candidate=candidate,
            view=view,
            p_view=float(heading * (views.seen[view] @ self._weights)),
            gain=gain,
            heading=heading,
            filled=filled,
        )
        self._left *= 1.0 - heading * views.seen[view]
        own = views.camera == candidate
        self.open_views[own] = False
        self._offset[own] = -np.inf
        if not views.heading_known[candidate]:
            self._expect_of_mates(candidate)
        return pick

    def _expect_of_mates(self, candidate: int) -> None:
        """Pole-mates point elsewhere: after j of them, p of the others is p / (1 − j p), at most 1."""
        site = int(self._sites[candidate])
        taken = self._mates_taken[site] = self._mates_taken.get(site, 0) + 1
        mates = (self._sites[self._views.camera] == site) & ~self._views.heading_known[self._views.camera]
        p = self._views.heading[mates]
        rest = 1.0 - taken * p
        self._heading[mates] = np.where(rest > p, p / np.maximum(rest, 1e-9), 1.0)


def _nearest_left(greedy: _Greedy, count: int) -> list[Pick]:
    """Give left-over places to the nearest open cameras, widest view first."""
    picks: list[Pick] = []
    while len(picks) < count and greedy.open_views.any():
        view = int(np.argmax(greedy.open_views))  # candidates stand nearest first
        picks.append(greedy.take(view, 0.0, filled=True))
    return picks
