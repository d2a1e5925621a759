"""From what was shown to figures with 95 % intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.eyes_on.maps import Floats
from benchmarks.eyes_on.sights import Sights
from benchmarks.eyes_on.views import FULL, WEAK, ViewBoard

BOOTSTRAPS = 1_000
BOOTSTRAP_SEED = 4_300
# A person is lost from sight when nothing shows them for so long although something could.
GAP_S = 10
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval, from resampled episodes."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeScores:
    """What happened in each episode; arrays of shape (episodes,).

    Attributes:
        minutes: length.
        possible_s: seconds in which any camera could show the person at 62 px/m.
        seen_s: those of them in which an assigned one did.
        possible_25_s: the same at 25 px/m.
        seen_25_s: the same at 25 px/m.
        first_view_s: first sight beyond the first that was possible; NaN where none was possible or came.
        gaps: spells of ``GAP_S`` or more in which somebody could be seen and was not.
        switches: cameras added after the first set.
        turned_deg: how far heads were turned.
        view_s: seconds of open views.
    """

    minutes: Floats
    possible_s: Floats
    seen_s: Floats
    possible_25_s: Floats
    seen_25_s: Floats
    first_view_s: Floats
    gaps: Floats
    switches: Floats
    turned_deg: Floats
    view_s: Floats


def scores_of(board: ViewBoard, sights: Sights, *, zoom: bool) -> EpisodeScores:
    """Return the scores of each episode of a cell.

    Args:
        board: what the views showed.
        sights: what cameras could show.
        zoom: whether heads may zoom, in the ceiling as in the cell.
    """
    possible, seen = sights.ceiling(zoom=zoom), board.seen == FULL
    possible_25 = sights.ceiling(zoom=zoom, px_per_m=25.0)
    count = len(seen)
    return EpisodeScores(
        minutes=np.full(count, sights.seconds / 60),
        possible_s=possible.sum(axis=1).astype(np.float64),
        seen_s=(possible & seen).sum(axis=1).astype(np.float64),
        possible_25_s=possible_25.sum(axis=1).astype(np.float64),
        seen_25_s=(possible_25 & (board.seen >= WEAK)).sum(axis=1).astype(np.float64),
        first_view_s=_first(seen) - _first(possible),
        gaps=np.array([_spells(row) for row in possible & ~seen], np.float64),
        switches=board.switches.astype(np.float64),
        turned_deg=board.turned_deg,
        view_s=board.view_s,
    )


def figures_of(scores: EpisodeScores) -> dict[str, Figure]:
    """Return the figures of a cell by name; shares from 0 to 1."""
    minutes = scores.minutes
    return {
        "share_62": ratio(scores.seen_s, scores.possible_s),
        "share_25": ratio(scores.seen_25_s, scores.possible_25_s),
        "possible_62": ratio(scores.possible_s, minutes * 60),
        "first_view_delay_s": _mean(scores.first_view_s),
        "gaps_per_hour": ratio(scores.gaps, minutes / 60),
        "switches_per_minute": ratio(scores.switches, minutes),
        "ptz_deg_per_minute": ratio(scores.turned_deg, minutes),
        "cameras_open": ratio(scores.view_s, minutes * 60),
    }


def ratio(part: Floats, whole: Floats) -> Figure:
    """Return Σ part / Σ whole over episodes with its interval; zeros where there is nothing to divide by."""
    if not whole.sum() > 0:
        return Figure(0.0, 0.0, 0.0)
    pick = np.random.default_rng(BOOTSTRAP_SEED).integers(0, len(part), (BOOTSTRAPS, len(part)))
    parts, wholes = part[pick].sum(axis=1), whole[pick].sum(axis=1)
    low, high = np.percentile(parts / np.maximum(wholes, 1e-12), [2.5, 97.5])
    return Figure(float(part.sum() / whole.sum()), float(low), float(high))


def _mean(values: Floats) -> Figure:
    known = values[~np.isnan(values)]
    return ratio(known, np.ones(len(known)))


def _first(flags: Bools) -> Floats:
    """Return the first second at which each row is true, NaN where it never is."""
    return np.where(flags.any(axis=1), flags.argmax(axis=1), np.nan)


def _spells(flags: Bools) -> int:
    """Return how many runs of at least ``GAP_S`` true seconds there are."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2] >= GAP_S).sum())
