"""Which cameras, aimed where: greedy joint coverage of where the targets can be, held cameras preferred.

Utility of a set = Σ m(x) · (1 - Π (1 - p_c(x))), the probability that at least one of its cameras shows the target,
with the seen probability p_c(x) = sight share · level · [in field] · e^(-d / clutter) · heading · learned factor.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipeline.camera_grid import CameraGrid
from pipeline.choosing_hits import BINS, EDGE_DEG
from pipeline.choosing_kernel import choose_all
from pipeline.choosing_layout import (
    CANDIDATES_MAX,
    FILLED,
    HELD,
    HITS_MAX,
    PICKS_MAX,
    REASONS,
    SECOND,
    TERMS,
    Answer,
    Ask,
    Deal,
    Lens,
    Rules,
    Scratch,
    Sight,
)
from pipeline.optics import BIN_DEG, Optics
from pipeline.places import Places
from pipeline.policy import SelectionPolicy, ViewPolicy
from pipeline.world import World

# Each candidate must have room to show each place of a case.
PLACES_MAX = 16_384
_NO_BYTES = np.empty(0, np.uint8)
_NO_SIGHT = Sight(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), _NO_BYTES, _NO_BYTES, _NO_BYTES)


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


def choose_many(
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
        looked_at=np.zeros(cases, np.int32),
        excluded=np.zeros((cases, len(REASONS)), np.int32),
    )
    ask = Ask(
        places.first,
        places.cell,
        places.x_m,
        places.y_m,
        places.mass,
        *(getattr(wishes, f.name) for f in fields(Wishes)),
    )
    sight = sight_of(world)
    cells = len(world.streets.cell_x_m) if world.streets is not None and world.sightlines is not None else 0
    scratch = _scratch(grid.cell_places(cells)[:cells], most, len(optics.zoom_deg))
    choose_all(Deal(lens_of(optics), grid.bins, sight, rules_of(optics, view, selection), ask, scratch, answer))
    return Choices(
        *_picks(answer, slice(0, PICKS_MAX)),
        utility=answer.utility,
        held_utility=answer.held_utility,
        runner=Picks(*_picks(answer, slice(PICKS_MAX, width))),
        looked_at=answer.looked_at,
        excluded=answer.excluded,
    )


def lens_of(optics: Optics) -> Lens:
    """Return the columns of optics that the kernels read."""
    return Lens(*(getattr(optics, name) for name in Lens._fields))


def sight_of(world: World) -> Sight:
    """Return the sight lines' arrays; empty ones without a map."""
    lines = world.sightlines
    if lines is None:
        return _NO_SIGHT
    return Sight(lines.first, lines.count, lines.cell, lines.bearing, lines.distance_m, lines.share)


def rules_of(optics: Optics, view: ViewPolicy, selection: SelectionPolicy | None) -> Rules:
    """Return the policy's numbers as the kernels read them; without a selection policy there are no aims."""
    fade = np.exp(-np.arange(256) / view.clutter_scale_m)
    zoom_deg = np.array(optics.zoom_deg)
    aims: list[tuple[float, int, int, int]] = []
    for zoom, field_deg in enumerate(optics.zoom_deg if selection is not None else ()):
        assert selection is not None
        step_deg = selection.aim_step_deg if zoom == 0 else selection.zoom_aim_step_deg
        for k in range(math.ceil(360.0 / step_deg - EDGE_DEG)):
            aims.append((k * step_deg, zoom, *_bins_in(k * step_deg, field_deg)))
    columns = np.array(aims).reshape(len(aims), 4)
    return Rules(
        fade=fade,
        weak_view=float(view.weak_view),
        zoom_deg=zoom_deg,
        aim_deg=columns[:, 0].copy(),
        aim_zoom=columns[:, 1].astype(np.int32),
        aim_first=columns[:, 2].astype(np.int32),
        aim_bins=columns[:, 3].astype(np.int32),
        min_gain=float(selection.min_gain) if selection else 0.0,
        ptz_min_gain=float(selection.ptz_min_gain) if selection else 0.0,
        held_bonus=float(selection.held_bonus) if selection else 0.0,
        travel_cost=float(selection.travel_cost) if selection else 0.0,
        runners=int(selection.runner_up) if selection else 0,
    )


def _bins_in(pan_deg: float, field_deg: float) -> tuple[int, int]:
    """Return the first bearing bin whose middle is in a field, 0 to 119, and how many follow each other."""
    half_deg = field_deg / 2 + EDGE_DEG
    low = math.ceil((pan_deg - half_deg) / BIN_DEG - 0.5)
    high = math.floor((pan_deg + half_deg) / BIN_DEG - 0.5)
    return low % BINS, min(max(high - low + 1, 0), BINS)


def _scratch(cell_place: NDArray[np.int32], places: int, zooms: int) -> Scratch:
    """Return working memory for cases of so many places."""
    hits, rows = HITS_MAX, CANDIDATES_MAX
    return Scratch(
        cell_place=cell_place,
        mass=np.empty(places),
        want=np.empty(places),
        left=np.empty(places),
        off_street=np.empty(places, np.int32),
        hit_place=np.empty(hits, np.int32),
        hit_bin=np.empty(hits, np.uint8),
        hit_metres=np.empty(hits, np.uint8),
        hit_share=np.empty(hits, np.uint8),
        hit_p=np.empty(hits),
        hit_heading=np.empty(hits, np.float32),
        row=np.empty(rows, np.int32),
        first=np.empty(rows, np.int32),
        end=np.empty(rows, np.int32),
        distance_m=np.empty(rows),
        bearing_deg=np.empty(rows),
        rank=np.empty(rows, np.int64),
        at_round=np.empty(rows, np.int32),
        gain=np.empty(rows),
        pan_deg=np.empty(rows),
        field_deg=np.empty(rows),
        enough=np.empty(rows, np.bool_),
        taken=np.empty(rows, np.bool_),
        mates=np.empty(rows, np.int32),
        held_at=np.empty(rows, np.int32),
        rings=np.empty((zooms, 2 * BINS + 1)),
    )


def _picks(answer: Answer, part: slice) -> list[NDArray[np.generic]]:
    """Return the columns of ``Picks`` for some slots of the answer."""
    flags = answer.flags[:, part]
    terms = [answer.terms[:, part, k] for k in range(TERMS)]
    return [answer.row[:, part], *terms, *((flags & bit) != 0 for bit in (HELD, FILLED, SECOND))]
