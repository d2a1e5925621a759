"""What follows from the sums of a camera's looks: pole, direction, trust, factors, and sentences for people."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.geo import Floats
from pipeline.learning.hypotheses import (
    AS_REGISTERED,
    BINS,
    DARK,
    EVIDENCE_BYTES,
    FIRST_HEADING,
    HEADINGS,
    ORIENTATIONS,
    SEES,
    SIGMAS_OF_68,
    SPOT_EAST_M,
    SPOT_NORTH_M,
    SPOTS,
    posterior,
    prior,
)
from schemas.camera import CameraKind
from schemas.camera_knowledge import SECTORS, CameraKnowledge

# A camera is never written off for good: what is judged dark may still fill a place that no other camera covers, and
# is looked at again. No learned factor makes a view more than three times as likely as the registry says.
FACTOR_MIN, FACTOR_MAX = 0.05, 3.0
# As much as so many expected sightings speaks for the registry before the first look (gamma prior of trust).
TRUST_PRIOR = 1.5
# A kind, or a heading, is named when it is at least this probable.
TELLS = 0.9
# Looks tell where a pole stands when they leave less than half of the registry's error. Before that what they say is
# drawn to the registered place, and streets around it know better: measured, ADR 13.
POLE_TELLS = 0.5
# Length of the mean vector of the headings (1 for a single one) above which one is named: within about 40 degrees.
_ONE_WAY = 0.75
# Differences that are worth a sentence: in metres, and as factors of a sector.
_WORTH_TELLING_M = 4.0
_LOW, _HIGH = 0.5, 1.5
# A camera of which no sector shows more than this part of what it should shows next to nothing.
_NEXT_TO_NOTHING = 0.25
_Z_OF_80 = 1.2816
_NO_EVIDENCE = np.zeros((SPOTS, ORIENTATIONS), np.float32)
# SHARE[h, s]: part of sector s that a camera of heading h sees.
_SHARE = SEES.reshape(HEADINGS, SECTORS, BINS // SECTORS).mean(axis=2)


def evidence_of(stored: bytes) -> NDArray[np.float32]:
    """Return summed log-likelihoods as an array, shape (SPOTS, ORIENTATIONS); zeros where none are kept."""
    if len(stored) != EVIDENCE_BYTES:
        return _NO_EVIDENCE
    return np.frombuffer(stored, "<f4").reshape(SPOTS, ORIENTATIONS)


def prior_of(known: CameraKnowledge) -> NDArray[np.float64]:
    """Return the probability of each hypothesis before any look, shape (SPOTS, ORIENTATIONS)."""
    is_fixed = known.registered_kind not in (CameraKind.PTZ, CameraKind.ALL_ROUND)
    return prior(known.registered_error_m, is_fixed=is_fixed, azimuth_deg=known.registered_azimuth_deg)


def concluded(sums: CameraKnowledge) -> CameraKnowledge:
    """Return the knowledge with everything that follows from its sums."""
    before = prior_of(sums)
    after = posterior(before, evidence_of(sums.evidence))
    spots, turned = after.sum(axis=1), after.sum(axis=0)
    east_m, north_m = float(spots @ SPOT_EAST_M), float(spots @ SPOT_NORTH_M)
    spread = (SPOT_EAST_M - east_m) ** 2 + (SPOT_NORTH_M - north_m) ** 2
    error_m = SIGMAS_OF_68 * math.sqrt(float(spots @ spread) / 2)
    tells_place = sums.looks > 0 and error_m <= POLE_TELLS * sums.registered_error_m
    kind, heading_deg, heading_error_deg = _behaviour(sums.registered_kind, turned)
    trust, low, high = _trust(sum(sums.expected), sum(sums.seen))
    factors = np.clip(_sees(turned) / _sees(before.sum(axis=0)), FACTOR_MIN, FACTOR_MAX)
    return replace(
        sums,
        trust=trust,
        trust_low=low,
        trust_high=high,
        dark=float(turned[DARK]),
        factors=tuple(factors.tolist()),
        kind=kind,
        heading_deg=heading_deg,
        heading_error_deg=heading_error_deg,
        # Until looks tell the place the registry's stands, to the last digit.
        pole_east_m=east_m if tells_place else 0.0,
        pole_north_m=north_m if tells_place else 0.0,
        pole_error_m=error_m if tells_place else sums.registered_error_m,
    )


def _sees(turned: Floats) -> Floats:
    """Return the part of each sector that is seen, from the probabilities of the directions."""
    seen: Floats = turned[FIRST_HEADING:AS_REGISTERED] @ _SHARE + turned[AS_REGISTERED]
    return seen


def _behaviour(registered_kind: str, turned: Floats) -> tuple[str | None, float | None, float | None]:
    """Return the kind a camera behaves like, its heading and the heading's 68 % error; None for what looks leave open.

    The heading is the circular mean of the probabilities; its error follows from the length of their mean vector.
    """
    headings = turned[FIRST_HEADING:AS_REGISTERED]
    one_way, whole = float(headings.sum()), float(turned[AS_REGISTERED])
    if whole >= TELLS:
        kind = registered_kind if registered_kind == CameraKind.PTZ else CameraKind.ALL_ROUND.value
        return kind, None, None
    if one_way < TELLS:
        return None, None, None
    angle = np.arange(HEADINGS) * (2 * math.pi / HEADINGS)
    east, north = float(headings @ np.sin(angle)) / one_way, float(headings @ np.cos(angle)) / one_way
    length = math.hypot(east, north)
    if length < _ONE_WAY:
        return CameraKind.FIXED.value, None, None
    error_deg = math.degrees(math.sqrt(-2.0 * math.log(min(length, 1.0))))
    # Headings are 30 degrees apart: no estimate is better than a third of that.
    return CameraKind.FIXED.value, math.degrees(math.atan2(east, north)) % 360.0, max(error_deg, 10.0)


def _trust(expected: float, seen: float) -> tuple[float, float, float]:
    """Return sightings for each one expected, and its 80 % interval, of a gamma posterior (Wilson and Hilferty)."""
    shape, rate = TRUST_PRIOR + seen, TRUST_PRIOR + expected
    middle, spread = 1.0 - 1.0 / (9.0 * shape), _Z_OF_80 / (3.0 * math.sqrt(shape))
    low = shape * max(middle - spread, 0.0) ** 3 / rate
    return shape / rate, low, shape * (middle + spread) ** 3 / rate


def explained(known: CameraKnowledge) -> list[str]:
    """Return what is known of a camera in sentences for people."""
    since = "since an operator had it forgotten" if known.reset_by else "so far"
    if not known.looks:
        return [f"Nothing was learned {since}: the registry counts."]
    told = [
        f"{_counted(known.looks, 'look')} {since}, {_counted(known.sightings, 'sighting')}; "
        f"{sum(known.expected):.1f} were to be expected lately if the registry is right.",
        f"It shows {known.trust:.0%} of what it should, "
        f"with 80 % certainty between {known.trust_low:.0%} and {known.trust_high:.0%}.",
        _pole_told(known),
        _direction_told(known),
    ]
    doubtful = [place for place, factor in enumerate(known.factors) if factor < _LOW]
    better = [place for place, factor in enumerate(known.factors) if factor > _HIGH]
    if doubtful and len(doubtful) < SECTORS:
        told.append(f"It shows less than half of what it should towards {_sectors_told(doubtful)}.")
    if better:
        told.append(f"It shows more than the registry says towards {_sectors_told(better)}.")
    return told


def _pole_told(known: CameraKnowledge) -> str:
    moved_m = math.hypot(known.pole_east_m, known.pole_north_m)
    if known.registered_error_m == 0.0:
        return "The registry's position is taken as exact."
    if moved_m < _WORTH_TELLING_M:
        return f"The pole stands where the registry says, within {known.pole_error_m:.0f} m."
    bearing_deg = math.degrees(math.atan2(known.pole_east_m, known.pole_north_m)) % 360.0
    return (
        f"The pole seems to stand {moved_m:.0f} m from the registered position at bearing {bearing_deg:.0f} degrees, "
        f"within {known.pole_error_m:.0f} m."
    )


def _direction_told(known: CameraKnowledge) -> str:
    if max(known.factors) < _NEXT_TO_NOTHING:
        return f"It shows next to nothing: down or covered (probability {known.dark:.0%}), or turned away."
    if known.kind is None:
        return f"The looks do not tell how it is turned; that it shows nothing has a probability of {known.dark:.0%}."
    if known.heading_deg is not None:
        return (
            f"It behaves like a {known.kind} camera that looks at {known.heading_deg:.0f} degrees "
            f"(within {known.heading_error_deg or 0.0:.0f}), registered as {known.registered_kind}."
        )
    return f"It behaves like a {known.kind} camera, registered as {known.registered_kind}."


def _sectors_told(places: list[int]) -> str:
    """Return sectors as ranges of bearings, neighbours joined: ``0 to 60 and 330 to 360 degrees``."""
    ranges: list[list[int]] = []
    for place in places:
        if ranges and ranges[-1][1] == place:
            ranges[-1][1] = place + 1
        else:
            ranges.append([place, place + 1])
    width_deg = 360 // SECTORS
    return " and ".join(f"{low * width_deg} to {high * width_deg}" for low, high in ranges) + " degrees"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
