"""The arrays that the choosing kernels pass among each other, by name.

Kernels take arrays and scalars only. There are about sixty of them, so they travel in named tuples, which the compiler
and plain Python treat alike. Nothing here is seen outside of choosing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.camera_grid import Bins

# Cameras of one choice at most; beyond that they are thinned evenly by the hash of their ids (an area of a whole city).
CANDIDATES_MAX = 4_096
# Pairs of (camera, place in its sight) of one case at most; bounds the scratch memory to about 30 MB.
HITS_MAX = 1 << 20
PICKS_MAX = 16
NO_RANK = -(1 << 62)
TOP_RANK = 1 << 62
# Differences of scores below this are rounding: such cameras are told apart by distance, then by hash.
SCORE_UNIT = 1e-9
# Columns of Answer.terms.
PAN, FIELD, OBSERVE, GAIN, P_VIEW, DISTANCE, BEARING, COVERED = range(8)
SIGHT, LEVEL, CLUTTER, HEADING, FACTOR, TRAVEL, BONUS = range(8, 15)
TERMS = 15
# Bits of Answer.flags.
HELD, FILLED, SECOND = 1, 2, 4
# Reasons of Answer.excluded; the first three are those of Optics.reason.
REASONS = ("status", "position", "health", "purpose", "barred")
BY_PURPOSE, BY_BAR = 3, 4


class Lens(NamedTuple):
    """Columns of ``Optics``, by camera row."""

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    reason: NDArray[np.uint8]
    purposes: NDArray[np.uint16]
    site: NDArray[np.int32]
    motion: NDArray[np.uint8]
    azimuth_deg: NDArray[np.float32]
    field_deg: NDArray[np.float32]
    observe_m: NDArray[np.float32]
    reach_m: NDArray[np.float32]
    facing: NDArray[np.uint8]
    facing_n: NDArray[np.uint8]
    factor: NDArray[np.float32]
    id_hash: NDArray[np.uint64]


class Sight(NamedTuple):
    """Columns of ``Sightlines``; empty without streets."""

    first: NDArray[np.int64]
    count: NDArray[np.int32]
    cell: NDArray[np.int32]
    bearing: NDArray[np.uint8]
    metres: NDArray[np.uint8]
    share: NDArray[np.uint8]


class Rules(NamedTuple):
    """Numbers of the policy, and tables made from them.

    ``fade[d]`` is what clutter leaves of sight at d metres. Aim a looks to ``aim_deg[a]`` with the field
    ``zoom_deg[aim_zoom[a]]``, which covers ``aim_bins[a]`` bearing bins from ``aim_first[a]`` on.
    """

    fade: NDArray[np.float64]
    weak_view: float
    zoom_deg: NDArray[np.float64]
    aim_deg: NDArray[np.float64]
    aim_zoom: NDArray[np.int32]
    aim_first: NDArray[np.int32]
    aim_bins: NDArray[np.int32]
    min_gain: float
    ptz_min_gain: float
    held_bonus: float
    travel_cost: float
    runners: int


class Ask(NamedTuple):
    """Columns of ``Places`` and ``Wishes``, by case."""

    first: NDArray[np.int32]
    cell: NDArray[np.int32]
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    mass: NDArray[np.float64]
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


class Scratch(NamedTuple):
    """Working memory of one choice, used again for the next one.

    ``cell_place`` is -1 outside of a choice. Places are counted from 0 within the case; ``want`` is the mass that is
    still to be seen by this round of views, ``left`` what none of the chosen shows. A hit is a place in a camera's
    sight; the hits of candidate c are ``first[c]`` to ``end[c]``. ``rank`` is the score in units of ``SCORE_UNIT``,
    as of round ``at_round``; later it can only be lower.
    """

    cell_place: NDArray[np.int32]
    mass: NDArray[np.float64]
    want: NDArray[np.float64]
    left: NDArray[np.float64]
    off_street: NDArray[np.int32]
    hit_place: NDArray[np.int32]
    hit_bin: NDArray[np.uint8]
    hit_metres: NDArray[np.uint8]
    hit_share: NDArray[np.uint8]
    hit_p: NDArray[np.float64]
    hit_heading: NDArray[np.float32]
    row: NDArray[np.int32]
    first: NDArray[np.int32]
    end: NDArray[np.int32]
    distance_m: NDArray[np.float64]
    bearing_deg: NDArray[np.float64]
    rank: NDArray[np.int64]
    at_round: NDArray[np.int32]
    gain: NDArray[np.float64]
    pan_deg: NDArray[np.float64]
    field_deg: NDArray[np.float64]
    enough: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    mates: NDArray[np.int32]
    held_at: NDArray[np.int32]
    rings: NDArray[np.float64]


class Answer(NamedTuple):
    """What is chosen, by case; columns 0 to 15 are chosen, the rest the next best."""

    row: NDArray[np.int32]
    terms: NDArray[np.float32]
    flags: NDArray[np.uint8]
    utility: NDArray[np.float64]
    held_utility: NDArray[np.float64]
    looked_at: NDArray[np.int32]
    excluded: NDArray[np.int32]


class Deal(NamedTuple):
    """All of it."""

    lens: Lens
    bins: Bins
    sight: Sight
    rules: Rules
    ask: Ask
    scratch: Scratch
    answer: Answer
