"""Which cameras a case may choose among: near enough, usable, of an allowed purpose, not barred."""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.choice.layout import BY_BAR, BY_PURPOSE, PICKS_MAX, Ask, Lens, Work
from pipeline.compiled import compiled_lean
from pipeline.sight.camera_grid import Bins

_HASHES = 2.0**64
# Share of the room for candidates that thinning aims at: its count scatters by chance, 6 sigma below the limit.
_THINNED = 0.9
# Left, right, low and high edge, metres.
Box = tuple[float, float, float, float]


@compiled_lean
def excluded_by(reason: int, purposes: int, mask: int, barred: NDArray[np.int32], row: int) -> int:
    """Return why a camera may not be looked through, a place in ``REASONS``, or -1 if it may.

    Args:
        reason: why its optics say that it is not usable, 0 if it is.
        purposes: its purposes.
        mask: set of purposes of which it must have one; 0 for any.
        barred: rows that are barred.
        row: its row.
    """
    if reason != 0:
        return min(reason, BY_PURPOSE) - 1
    if mask != 0 and (purposes & mask) == 0:
        return BY_PURPOSE
    for k in range(len(barred)):
        if barred[k] == row:
            return BY_BAR
    return -1


@compiled_lean
def collect(  # noqa: PLR0917 - a kernel takes plain arguments
    lens: Lens,
    bins: Bins,
    ask: Ask,
    work: Work,
    case: int,
    places_box: Box,
    around_m: float,
    counts: NDArray[np.int32],
) -> tuple[int, int]:
    """List the cameras that a case may look through within a distance of the box of its places; return how many.

    Pinned cameras are listed wherever they are. If the case may choose among some rows only, these are all. These and
    the pinned ones stand first; how many they are is returned too.

    Args:
        lens: optics.
        bins: where the cameras are.
        ask: the cases.
        work: the rows are written here.
        case: which case.
        places_box: left, right, low and high edge of its places.
        around_m: the distance.
        counts: i4 (6,), gets how many were left out by ``REASONS``, and how many were looked at.
    """
    counts[:] = 0
    only = ask.only_row[case, 0] >= 0
    rows, found = work.rows, 0
    for row in ask.only_row[case] if only else ask.pinned_row[case]:
        if 0 <= row < len(lens.reason) and not _is_among(rows, found, row):
            rows[found] = row
            found += 1
    named = found
    if not only:
        left_m, right_m, low_m, high_m = places_box
        box = (left_m - around_m, right_m + around_m, low_m - around_m, high_m + around_m)
        found = _list_bins(bins, rows, named, box)
        found = _list_moved(bins.moved, lens.x_m, lens.y_m, rows, (named, found), box)
    limit = _room(work, int(ask.first[case + 1] - ask.first[case]))
    share = 1.0 if found <= limit else _THINNED * limit / found
    barred = ask.barred_row[ask.barred_first[case] : ask.barred_first[case + 1]]
    kept, named = _keep(
        lens.reason, lens.purposes, lens.id_hash, rows, (named, found), int(ask.purposes[case]), barred, share, counts
    )
    return min(kept, limit), min(named, limit)


@compiled_lean
def put_in_reach_first(lens: Lens, rows: NDArray[np.int32], named: int, found: int, places_box: Box) -> int:
    """Put the rows that may reach a place behind the first ``named`` ones and before all others; return how many.

    Most cameras around do not reach so far: nothing else is asked of them, unless left-over places go to the nearest.
    """
    to = named
    for k in range(named, found):
        row = rows[k]
        x_m, y_m = lens.x_m[row], lens.y_m[row]
        dx_m = max(places_box[0] - x_m, x_m - places_box[1], 0.0)
        dy_m = max(places_box[2] - y_m, y_m - places_box[3], 0.0)
        # Distances count in whole metres: half a metre more than the reach may be in reach.
        reach_m = float(lens.reach_m[row]) + 1.0
        if dx_m * dx_m + dy_m * dy_m <= reach_m * reach_m:
            rows[k], rows[to] = rows[to], row
            to += 1
    return to


@compiled_lean
def _list_bins(bins: Bins, rows: NDArray[np.int32], found: int, box: Box) -> int:
    """List the rows in the bins that a box touches behind the first ones, which are not listed again."""
    named = found
    columns, lines = _bins_in(bins, box)
    for line in range(lines[0], lines[1] + 1):
        begin, end = line * bins.bins_x + columns[0], line * bins.bins_x + columns[1] + 1
        for i in range(bins.first[begin], bins.first[end]):
            row = bins.rows[i]
            if row >= 0 and found < len(rows) and not _is_among(rows, named, row):
                rows[found] = row
                found += 1
    return found


@compiled_lean
def _list_moved(  # noqa: PLR0917 - a kernel takes plain arguments
    moved: NDArray[np.int32],
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    rows: NDArray[np.int32],
    so_far: tuple[int, int],
    box: Box,
) -> int:
    """List the rows in a box that stand in no bin."""
    named, found = so_far
    for row in moved:
        near = box[0] <= x_m[row] <= box[1] and box[2] <= y_m[row] <= box[3]
        if near and found < len(rows) and not _is_among(rows, named, row):
            rows[found] = row
            found += 1
    return found


@compiled_lean
def _keep(  # noqa: PLR0917 - a kernel takes plain arguments
    reasons: NDArray[np.uint8],
    purposes: NDArray[np.uint16],
    id_hash: NDArray[np.uint64],
    rows: NDArray[np.int32],
    so_far: tuple[int, int],
    mask: int,
    barred: NDArray[np.int32],
    share: float,
    counts: NDArray[np.int32],
) -> tuple[int, int]:
    """Keep the rows that may be looked through, of too many a share by the hash of their ids.

    Returns how many, and how many of them are among the first, named ones.
    """
    named, found = so_far
    kept = named_kept = 0
    for k in range(found):
        row = rows[k]
        reason = excluded_by(int(reasons[row]), int(purposes[row]), mask, barred, row)
        counts[-1] += 1
        if reason >= 0:
            counts[reason] += 1
        elif k < named or share >= 1.0 or float(id_hash[row]) < share * _HASHES:
            rows[kept] = row
            kept += 1
            named_kept += 1 if k < named else 0
    return kept, named_kept


@compiled_lean
def _is_among(rows: NDArray[np.int32], count: int, row: int) -> bool:
    """Return whether a row is among the first so many."""
    for k in range(count):  # noqa: SIM110 - kernels have no generators
        if rows[k] == row:
            return True
    return False


@compiled_lean
def _room(work: Work, places: int) -> int:
    """Return how many candidates there may be, so that each, and each held one, may show each of the places."""
    by_hits = len(work.hits) // max(places, 1) - PICKS_MAX
    return max(min(len(work.candidates), by_hits) - PICKS_MAX, PICKS_MAX)


@compiled_lean
def box_of(x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> Box:
    """Return left, right, low and high edge of the box of places."""
    left_m = right_m = x_m[0]
    low_m = high_m = y_m[0]
    for i in range(1, len(x_m)):
        left_m, right_m = min(left_m, x_m[i]), max(right_m, x_m[i])
        low_m, high_m = min(low_m, y_m[i]), max(high_m, y_m[i])
    return left_m, right_m, low_m, high_m


@compiled_lean
def _bins_in(bins: Bins, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return first and last column, and first and last line, of the bins that a box touches."""
    column_0 = max(math.floor((box[0] - bins.origin_x_m) / bins.bin_m), 0)
    column_1 = min(math.floor((box[1] - bins.origin_x_m) / bins.bin_m), bins.bins_x - 1)
    line_0 = max(math.floor((box[2] - bins.origin_y_m) / bins.bin_m), 0)
    line_1 = min(math.floor((box[3] - bins.origin_y_m) / bins.bin_m), bins.bins_y - 1)
    if column_1 < column_0:
        return (0, -1), (0, -1)
    return (column_0, column_1), (line_0, line_1)
