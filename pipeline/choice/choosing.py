"""Which cameras, aimed where: greedy joint coverage of where the targets can be, held cameras preferred.

Utility of a set = Σ m(x) · (1 - Π (1 - p_c(x))), the probability that at least one of its cameras shows the target,
with the seen probability p_c(x) = sight share · level · [in field] · e^(-d / clutter) · heading · learned factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.choice.kernel import choose_all
from pipeline.choice.layout import FILLED, HELD, PICKS_MAX, REASONS, SECOND, TERMS, Answer, Ask, Deal
from pipeline.choice.work import lens_of, sight_of, streetwise_of, work_of
from pipeline.rules.policy import SelectionPolicy, ViewPolicy
from pipeline.sight.camera_grid import CameraGrid
from pipeline.sight.optics import Optics
from pipeline.sight.world import World
from pipeline.world.places import Places

# Each candidate must have room to show each place of a case.
PLACES_MAX = 16_384
# Columns of Places, then of Wishes.
_ASK_KINDS = (
    *(np.int32, np.int32, np.float64, np.float64, np.float64),
    *(np.int32, np.uint16, np.int32, np.float32, np.float32, np.int32, np.int32, np.int32, np.bool_, np.int32),
    *(np.int32, np.int32, np.float64, np.float64),
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What n cases want.

    Attributes:
        count: i4 (n,), how many cameras at most, up to 16.
        purposes: u2 (n,), set of ``PURPOSE_BITS`` a camera must have one of; 0 for any.
        held_row: i4 (n, 16), cameras held now, -1 for none.
        held_pan_deg: f4 (n, 16), where they are aimed, NaN if not known or if they do not turn.
        held_field_deg: f4 (n, 16), with which field of view.
        barred_first: i4 (n + 1,): the barred rows of case i are ``barred_row[barred_first[i]:barred_first[i + 1]]``.
        barred_row: i4, cameras that must not be chosen.
        pinned_row: i4 (n, 16), cameras that are chosen first whatever they add, -1 for none. Not those that are
            unusable, of a wrong purpose or barred.
        fill: bool (n,), whether left-over places go to the nearest.
        only_row: i4 (n, 16), choose among these only; all -1 for no such limit.
        priced_first: i4 (n + 1,): the priced rows of case i are ``priced_row[priced_first[i]:priced_first[i + 1]]``.
        priced_row: i4, heads that others hold; chosen only where they are worth more than their price.
        priced: f8, what a bid for each must exceed, as a probability of a view.
        bids_from: f8 (n,): what a case would lose without each chosen head is reckoned where its choice is better than
            what it holds by this much; infinite for never.
    """

    count: NDArray[np.int32]
    purposes: NDArray[np.uint16]
    held_row: NDArray[np.int32]
    held_pan_deg: NDArray[np.float32]
    held_field_deg: NDArray[np.float32]
    barred_first: NDArray[np.int32]
    barred_row: NDArray[np.int32]
    pinned_row: NDArray[np.int32]
    fill: NDArray[np.bool_]
    only_row: NDArray[np.int32]
    priced_first: NDArray[np.int32]
    priced_row: NDArray[np.int32]
    priced: NDArray[np.float64]
    bids_from: NDArray[np.float64]

    @classmethod
    def of(cls, count: Sequence[int] | NDArray[np.int32]) -> "Wishes":
        """Return wishes for so many cameras each and nothing else, to be filled in."""
        n = len(count)
        return cls(
            count=np.array(count, np.int32),
            purposes=np.zeros(n, np.uint16),
            held_row=np.full((n, PICKS_MAX), -1, np.int32),
            held_pan_deg=np.full((n, PICKS_MAX), np.nan, np.float32),
            held_field_deg=np.full((n, PICKS_MAX), np.nan, np.float32),
            barred_first=np.zeros(n + 1, np.int32),
            barred_row=np.empty(0, np.int32),
            pinned_row=np.full((n, PICKS_MAX), -1, np.int32),
            fill=np.zeros(n, np.bool_),
            only_row=np.full((n, PICKS_MAX), -1, np.int32),
            priced_first=np.zeros(n + 1, np.int32),
            priced_row=np.empty(0, np.int32),
            priced=np.empty(0),
            bids_from=np.full(n, np.inf),
        )


@dataclass(frozen=True, slots=True)
class Picks:
    """Cameras and the terms of their scores, arrays of shape (n, w), in order; f4 unless said otherwise.

    ``sight``, ``level``, ``clutter``, ``heading`` and ``factor`` are means over the places it covers, by mass.

    Attributes:
        row: i4, camera row, -1 for none; the rest is 0 there.
        pan_deg: where what turns is to be aimed; NaN for what does not turn, and for a head that is looked through as
            it stands.
        field_deg: with which field of view; NaN for a head that is looked through as it stands.
        observe_m: range of 62 px/m with that field.
        gain: what it added to the probability of a view when it was chosen; of a second view: to that of a second one.
        p_view: probability that it alone shows the target.
        distance_m: to the middle of what it shows, or else of all places.
        bearing_deg: the same way.
        covered: mass of the places in its field and range.
        sight: share of certain sight.
        level: 1 at 62 px/m or more, a little below.
        clutter: what distance leaves of sight.
        heading: probability that it looks that way, given its pole-mates before it.
        factor: learned multiplier.
        travel: what turning it cost.
        bonus: what its score got for being held.
        loss: of a head that is turned, where ``bids_from`` asks for it: what the probability of a view would lose
            without it, the best that was not chosen in its place.
        held: bool, it was held before.
        filled: bool, it took a left-over place as the nearest.
        second: bool, it was chosen to see for a second time what others show.
    """

    row: NDArray[np.int32]
    pan_deg: NDArray[np.float32]
    field_deg: NDArray[np.float32]
    observe_m: NDArray[np.float32]
    gain: NDArray[np.float32]
    p_view: NDArray[np.float32]
    distance_m: NDArray[np.float32]
    bearing_deg: NDArray[np.float32]
    covered: NDArray[np.float32]
    sight: NDArray[np.float32]
    level: NDArray[np.float32]
    clutter: NDArray[np.float32]
    heading: NDArray[np.float32]
    factor: NDArray[np.float32]
    travel: NDArray[np.float32]
    bonus: NDArray[np.float32]
    loss: NDArray[np.float32]
    held: NDArray[np.bool_]
    filled: NDArray[np.bool_]
    second: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Choices(Picks):
    """What was chosen for n cases; the arrays of ``Picks`` are (n, 16).

    Attributes:
        utility: f8 (n,), probability that at least one of the chosen shows the target.
        held_utility: f8 (n,), the same of the held cameras as they are aimed.
        runner: the next best that were not chosen, arrays (n, r); ``gain`` is of each alone on top of the chosen.
        looked_at: i4 (n,), how many cameras around were considered.
        excluded: i4 (n, 5), how many of them were left out, by ``choosing_layout.REASONS``; by the first that applies.
    """

    utility: NDArray[np.float64]
    held_utility: NDArray[np.float64]
    runner: Picks
    looked_at: NDArray[np.int32]
    excluded: NDArray[np.int32]

    @property
    def runner_row(self) -> NDArray[np.int32]:
        """Return the rows of the next best, -1 for none."""
        return self.runner.row

    @property
    def runner_gain(self) -> NDArray[np.float32]:
        """Return what each of the next best would add."""
        return self.runner.gain


def choose_many(  # noqa: PLR0917 - all that a choice depends on
    world: World,
    optics: Optics,
    grid: CameraGrid,
    places: Places,
    wishes: Wishes,
    view: ViewPolicy,
    selection: SelectionPolicy,
) -> Choices:
    """Return the greedy choices of n cases; what a case gets does not depend on the others or on their order.

    Args:
        world: the map. With sight lines a place on a street is seen from where these lead; all others within reach.
        optics: the cameras, refreshed with the same ``view``.
        grid: where they are; refreshed after ``optics``. It lends scratch memory: one grid, one thread.
        places: where the targets can be; no cameras for a case without places.
        wishes: what each case wants.
        view: clutter and weak views.
        selection: gains that count, steps of aims, costs.

    Raises:
        ValueError: places and wishes are not of equally many cases, a case has too many places, or a count is too high.
    """
    cases = len(places)
    most = int(np.diff(places.first).max(initial=0))
    if len(wishes.count) != cases:
        raise ValueError(f"wishes must be of {cases} cases, got {len(wishes.count)}")
    if most > PLACES_MAX:
        raise ValueError(f"a case must have at most {PLACES_MAX} places, got {most}")
    if cases and not 0 <= wishes.count.min() <= wishes.count.max() <= PICKS_MAX:
        raise ValueError(f"count must be 0 to {PICKS_MAX}, got {wishes.count.min()} to {wishes.count.max()}")
    width = PICKS_MAX + selection.runner_up
    answer = Answer(
        row=np.full((cases, width), -1, np.int32),
        terms=np.zeros((cases, width, TERMS), np.float32),
        flags=np.zeros((cases, width), np.uint8),
        utility=np.zeros(cases),
        held_utility=np.zeros(cases),
        excluded=np.zeros((cases, len(REASONS) + 1), np.int32),
    )
    choose_all(
        Deal(
            lens_of(optics),
            grid.bins,
            sight_of(world),
            _ask_of(places, wishes),
            streetwise_of(world, grid, most),
            work_of(optics, view, selection, most),
            answer,
        )
    )
    return Choices(
        **_picks(answer, slice(0, PICKS_MAX)),
        utility=answer.utility,
        held_utility=answer.held_utility,
        runner=Picks(**_picks(answer, slice(PICKS_MAX, width))),
        looked_at=answer.excluded[:, -1],
        excluded=answer.excluded[:, :-1],
    )


def _ask_of(places: Places, wishes: Wishes) -> Ask:
    """Return places and wishes in the one memory layout that the kernel is compiled for."""
    given = replace(wishes, held_pan_deg=wishes.held_pan_deg % np.float32(360.0))
    columns = [getattr(places, column.name) for column in fields(Places)]
    columns += [getattr(given, column.name) for column in fields(Wishes)]
    return Ask(*(np.require(column, kind, ("C", "W")) for column, kind in zip(columns, _ASK_KINDS, strict=True)))


def _picks(answer: Answer, part: slice) -> dict[str, Any]:
    """Return the columns of ``Picks`` by name for some slots of the answer."""
    flags = answer.flags[:, part]
    columns = [answer.row[:, part], *(answer.terms[:, part, k] for k in range(TERMS))]
    columns += [(flags & bit) != 0 for bit in (HELD, FILLED, SECOND)]
    return {column.name: values for column, values in zip(fields(Picks), columns, strict=True)}
