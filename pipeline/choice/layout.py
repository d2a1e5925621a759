"""The arrays that the choosing kernels pass among each other, by name.

Kernels take arrays and scalars only. There are many of them, so they travel in named tuples, which the compiler and
plain Python treat alike. A tuple's arrays are counted and copied at each call, so inner loops get few: what belongs
together is one array of records. Nothing here is seen outside of choosing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.sight.camera_grid import Bins

# Cameras of one choice at most; beyond that they are thinned evenly by the hash of their ids (an area of a whole city).
CANDIDATES_MAX = 4_096
# Cameras that are considered for one choice at most, about ten times those of the largest cities.
CONSIDERED_MAX = 1 << 20
# Pairs of (camera, place in its sight) of one case at most; bounds the scratch memory to about 30 MB.
HITS_MAX = 1 << 20
PICKS_MAX = 16
NO_RANK = -(1 << 62)
TOP_RANK = 1 << 62
# Differences of scores below this are rounding: such cameras are told apart by distance, then by hash.
SCORE_UNIT = 1e-9
# Columns of Answer.terms.
PAN, FIELD, OBSERVE, GAIN, P_VIEW, DISTANCE, BEARING, COVERED = range(8)
SIGHT, LEVEL, CLUTTER, HEADING, FACTOR, TRAVEL, BONUS, LOSS = range(8, 16)
TERMS = 16
# Bits of Answer.flags.
HELD, FILLED, SECOND = 1, 2, 4
# Reasons of Answer.excluded; the first three are those of Optics.reason.
REASONS = ("status", "position", "health", "purpose", "barred")
BY_PURPOSE, BY_BAR = 3, 4

# A camera that may be chosen. Its hits are ``first`` to ``end``; ``rank`` is its best score in units of
# ``SCORE_UNIT`` as of round ``round``, later it can only be lower; ``enough`` says whether it then added enough.
CANDIDATE = np.dtype(
    [
        *((name, np.int32) for name in ("row", "first", "end", "motion", "site", "mates", "held_at")),
        *((name, np.int32) for name in ("round", "enough", "taken")),
        ("rank", np.int64),
        ("id_hash", np.uint64),
        *((name, np.float64) for name in ("distance_m", "bearing_deg", "gain", "pan_deg", "field_deg")),
        *((name, np.float64) for name in ("held_pan_deg", "held_field_deg", "price")),
    ],
    align=True,
)
HIT = np.dtype(
    [
        ("p", np.float64),
        ("heading", np.float64),
        ("place", np.int32),
        *((name, np.uint8) for name in ("bin", "metres", "share")),
    ],
    align=True,
)
# ``want`` is the mass still to be seen by this round of views, ``left`` what none of the chosen shows.
PLACE = np.dtype([(name, np.float64) for name in ("mass", "want", "left", "x_m", "y_m")])
AIM = np.dtype([("deg", np.float64), *((name, np.int32) for name in ("zoom", "first", "bins"))], align=True)
RULES = np.dtype(
    [
        *((name, np.float64) for name in ("weak_view", "min_gain", "ptz_min_gain", "held_bonus", "travel_cost")),
        ("runners", np.int64),
    ]
)


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
    cells: NDArray[np.int32]
    cell: NDArray[np.int32]
    bearing: NDArray[np.uint8]
    metres: NDArray[np.uint8]
    share: NDArray[np.uint8]


class Work(NamedTuple):
    """Rules and working memory of one choice, used again for the next one.

    Attributes:
        rows: i4, camera rows that are considered.
        candidates: of ``CANDIDATE``.
        hits: of ``HIT``: a place in a camera's sight.
        places: of ``PLACE``, counted from 0 within the case.
        ranges_m: f8 (candidates, zooms), range of 62 px/m at each field.
        rings: f8 (zooms, 241), sums by bearing.
        rules: of ``RULES``, one.
        fade: f8 (256), what clutter leaves of sight at each distance in metres.
        zoom_deg: f8 (zooms,), fields of view of what turns, widest first.
        aims: of ``AIM``, all steps of all fields.
    """

    rows: NDArray[np.int32]
    candidates: NDArray[np.void]
    hits: NDArray[np.void]
    places: NDArray[np.void]
    ranges_m: NDArray[np.float64]
    rings: NDArray[np.float64]
    rules: NDArray[np.void]
    fade: NDArray[np.float64]
    zoom_deg: NDArray[np.float64]
    aims: NDArray[np.void]


class Ask(NamedTuple):
    """Columns of ``Places`` and ``Wishes``, by case."""

    first: NDArray[np.int32]
    cell: NDArray[np.int32]
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    mass: NDArray[np.float64]
    wanted: NDArray[np.int32]
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


class Streetwise(NamedTuple):
    """Which place lies on which street cell, and which places lie on none.

    ``cell_place`` is -1 outside of a choice, and empty without sight lines.
    """

    cell_place: NDArray[np.int32]
    off_street: NDArray[np.int32]


class Answer(NamedTuple):
    """What is chosen, by case; columns 0 to 15 are chosen, the rest the next best.

    The last column of ``excluded`` is how many cameras were looked at.
    """

    row: NDArray[np.int32]
    terms: NDArray[np.float32]
    flags: NDArray[np.uint8]
    utility: NDArray[np.float64]
    held_utility: NDArray[np.float64]
    excluded: NDArray[np.int32]


class Deal(NamedTuple):
    """All of it."""

    lens: Lens
    bins: Bins
    sight: Sight
    ask: Ask
    streetwise: Streetwise
    work: Work
    answer: Answer
