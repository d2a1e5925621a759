"""What may be wrong with a camera's registry entry, as hypotheses, and how likely a look is under each of them.

A hypothesis is a spot for the pole (the registered one, or one of 24 around it in rings of 8, 16 and 24 m) together
with a direction: shows nothing, looks one of 12 ways whatever it is told, or turns and sees as the registry says. Each
look multiplies each by the probability of what was reported; logarithms are kept and added, so order does not matter.

Sight is taken as open here. Casting rays from all spots was tried in the simulation of docs/adr/0013 and gained
nothing: the choice of cameras, which knows the streets, uses what is learned through its own lines of sight.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import compiled
from pipeline.geo import Floats
from pipeline.rules.levels import DETECT_PER_OBSERVE

RING_M = 8.0
RINGS = 3
DIRECTIONS = 8
SPOTS = 1 + RINGS * DIRECTIONS
HEADINGS = 12
# Places of the directions: nothing, HEADINGS headings from north clockwise, as registered.
DARK, FIRST_HEADING, AS_REGISTERED = 0, 1, 1 + HEADINGS
ORIENTATIONS = AS_REGISTERED + 1
EVIDENCE_BYTES = SPOTS * ORIENTATIONS * 4
# Bearings are sorted into this many bins before headings are compared.
BINS = 36
# Places nearer together than this are one for a camera: half the distance of street cells, a quarter of a ring.
GATHER_M = 2.5
# A camera that looks one way sees so far to each side: fields of street cameras are 60 to 100 degrees.
HALF_FIELD_DEG = 40.0
# Part of looks that report a sighting of nobody; SELECTION's figure for false sightings.
FALSE_SIGHTINGS = 0.01
# What registries get wrong before anything was seen: down without saying so, and a kind that is not true.
PRIOR_DARK = 0.1
PRIOR_ODD = 0.18
# A registered heading is right this often; otherwise the camera may look anywhere.
PRIOR_HEADING = 0.8
# 68 % of a round normal error lie within so many standard deviations.
SIGMAS_OF_68 = math.sqrt(-2.0 * math.log(0.32))

_RADIUS_M = np.concatenate(([0.0], np.repeat(np.arange(1, RINGS + 1) * RING_M, DIRECTIONS)))
_TURN = np.concatenate(([0.0], np.tile(np.arange(DIRECTIONS) * 2 * math.pi / DIRECTIONS, RINGS)))
SPOT_EAST_M: Floats = _RADIUS_M * np.sin(_TURN)
SPOT_NORTH_M: Floats = _RADIUS_M * np.cos(_TURN)
_BIN_DEG = (np.arange(BINS) + 0.5) * 360.0 / BINS
_HEADING_DEG = np.arange(HEADINGS) * 360.0 / HEADINGS


def _apart_deg(one_deg: Floats, other_deg: Floats) -> Floats:
    apart: Floats = np.abs((one_deg - other_deg + 180.0) % 360.0 - 180.0)
    return apart


# SEES[h, b]: a camera that looks along heading h sees bin b.
SEES: NDArray[np.float64] = (_apart_deg(_BIN_DEG[None, :], _HEADING_DEG[:, None]) <= HALF_FIELD_DEG).astype(np.float64)


def log_likelihoods(
    east_m: Floats,
    north_m: Floats,
    mass: Floats,
    *,
    seen: bool,
    reliability: float,
    observe_m: float,
    pan_deg: float,
    field_deg: float,
    seen_rate: float,
    weak_seen_rate: float,
    clutter_scale_m: float,
) -> NDArray[np.float32]:
    """Return how likely one look's report is under each hypothesis, as logarithms, shape (SPOTS, ORIENTATIONS).

    Args:
        east_m: where the target may be, metres east of the registered pole.
        north_m: the same, metres north.
        mass: probability of each of these places; they add up to at most 1.
        seen: whether the look saw the target.
        reliability: probability that the report is true; the rest of the time it says nothing, so that the evidence
            of a single report is bounded.
        observe_m: range of 62 px/m with the zoom it had; beyond it, up to 25 px/m, a view is weak.
        pan_deg: where it was turned, 0 to 360; NaN for what does not turn, or if unknown.
        field_deg: its field; only used with a pan, or as the part of the circle that is seen if the pan is unknown.
            360 for what sees all round.
        seen_rate: probability that a look sees the target within ``observe_m``.
        weak_seen_rate: the same for a weak view.
        clutter_scale_m: sight fades as exp(-distance / scale).
    """
    by_bin = np.zeros((SPOTS, BINS))
    aimed = np.zeros(SPOTS)
    detect_m = observe_m * DETECT_PER_OBSERVE
    distance_m = np.arange(math.ceil(detect_m) + 1.0)
    rate = np.where(distance_m <= observe_m, seen_rate, weak_seen_rate) * np.exp(-distance_m / clutter_scale_m)
    rate[distance_m > detect_m] = 0.0
    _add_up(
        *_gathered(east_m, north_m, mass, detect_m),
        SPOT_EAST_M,
        SPOT_NORTH_M,
        rate,
        (float(pan_deg), float(field_deg)),
        by_bin,
        aimed,
    )
    likely = np.empty((SPOTS, ORIENTATIONS))
    likely[:, DARK] = 0.0
    likely[:, FIRST_HEADING:AS_REGISTERED] = by_bin @ SEES.T
    likely[:, AS_REGISTERED] = aimed
    likely = np.minimum(likely, 1.0) * (1.0 - FALSE_SIGHTINGS) + FALSE_SIGHTINGS
    if not seen:
        likely = 1.0 - likely
    told: NDArray[np.float32] = np.log(reliability * likely / likely.mean() + 1.0 - reliability).astype(np.float32)
    return told


def _gathered(east_m: Floats, north_m: Floats, mass: Floats, detect_m: float) -> tuple[Floats, Floats, Floats]:
    """Return the places within range of some spot, those of one square of ``GATHER_M`` made one in its middle."""
    near = east_m * east_m + north_m * north_m <= (detect_m + RING_M * RINGS) ** 2
    column = np.rint(east_m[near] / GATHER_M).astype(np.int64)
    row = np.rint(north_m[near] / GATHER_M).astype(np.int64)
    squares, square_of = np.unique((column << 32) + row, return_inverse=True)
    column = (squares + (1 << 31)) >> 32
    gathered = np.bincount(square_of, mass[near], len(squares)).astype(np.float64)
    return column * GATHER_M, (squares - (column << 32)) * GATHER_M, gathered


@compiled
def _add_up(  # noqa: PLR0917 - a kernel takes plain arguments
    east_m: Floats,
    north_m: Floats,
    mass: Floats,
    spot_east_m: Floats,
    spot_north_m: Floats,
    rate: Floats,
    aim: tuple[float, float],
    by_bin: NDArray[np.float64],
    aimed: NDArray[np.float64],
) -> None:
    """Add up the sightings expected from each spot, by bearing bin and for the aim; ``rate`` is by whole metres."""
    pan_deg, field_deg = aim
    is_aimed = not math.isnan(pan_deg)
    for spot in range(len(spot_east_m)):
        for place in range(len(east_m)):
            east = east_m[place] - spot_east_m[spot]
            north = north_m[place] - spot_north_m[spot]
            metres = int(math.sqrt(east * east + north * north) + 0.5)
            if metres >= len(rate):
                continue
            expected = mass[place] * rate[metres]
            bearing_deg = math.degrees(math.atan2(east, north))
            if bearing_deg < 0.0:
                bearing_deg += 360.0
            by_bin[spot, min(int(bearing_deg * BINS / 360.0), BINS - 1)] += expected
            if is_aimed:
                off_deg = abs(bearing_deg - pan_deg)
                if min(off_deg, 360.0 - off_deg) <= field_deg / 2:
                    aimed[spot] += expected
            else:  # it does not turn, or nobody knows where to
                aimed[spot] += expected * min(field_deg, 360.0) / 360.0


def prior(pole_error_m: float, *, is_fixed: bool, azimuth_deg: float | None) -> NDArray[np.float64]:
    """Return the probability of each hypothesis before any look, shape (SPOTS, ORIENTATIONS), adding up to 1.

    Args:
        pole_error_m: 68 % error expected of the registry's position; with 0 it is taken as exact.
        is_fixed: the registry says that it looks one way.
        azimuth_deg: which way, if the registry knows.
    """
    sigma_m = max(pole_error_m / SIGMAS_OF_68, 0.1)
    # A spot stands for its share of the plane: an eighth of a ring, and the disc in the middle.
    area = np.where(_RADIUS_M == 0.0, RING_M * RING_M * math.pi / 4, 2 * math.pi * _RADIUS_M * RING_M / DIRECTIONS)
    spots = area * np.exp(-0.5 * (_RADIUS_M / sigma_m) ** 2)
    headings = np.full(HEADINGS, 1.0 / HEADINGS)
    if azimuth_deg is not None:
        near = np.maximum(0.0, 1.0 - _apart_deg(_HEADING_DEG, np.array(azimuth_deg)) * HEADINGS / 360.0)
        headings = PRIOR_HEADING * near / near.sum() + (1 - PRIOR_HEADING) * headings
    usual = 1.0 - PRIOR_DARK - PRIOR_ODD
    turned = np.empty(ORIENTATIONS)
    turned[DARK] = PRIOR_DARK
    turned[FIRST_HEADING:AS_REGISTERED] = headings * (usual if is_fixed else PRIOR_ODD)
    turned[AS_REGISTERED] = PRIOR_ODD if is_fixed else usual
    both: NDArray[np.float64] = np.outer(spots / spots.sum(), turned)
    return both


def posterior(before: NDArray[np.float64], evidence: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probability of each hypothesis after the looks, from the prior and the summed logarithms."""
    exponent = np.log(np.maximum(before, 1e-300)) + evidence
    weight = np.exp(exponent - exponent.max())
    after: NDArray[np.float64] = weight / weight.sum()
    return after
