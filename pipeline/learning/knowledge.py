"""Learning what a camera really shows from looks through it: pure functions from look to observation to knowledge.

A look (seen, or looked and not seen) is judged with the belief of its case: had the registry been right, how many
sightings were to be expected, and how likely is the report under each hypothesis about pole and direction
(``hypotheses``). The case engine makes a ``CameraObservation`` of it, the camera desk adds it up. What flows
back is a pole position with its error and a factor for each sector of 30 degrees around that pole.

Sums are kept, so looks may come in any order; older looks count less by ``HALF_LIFE_US``, measured to the newest look.
Which method, and what it is worth, was measured: docs/adr/0013-learned-cameras.md.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.geo import Floats
from pipeline.learning.conclusions import concluded, evidence_of, explained, prior_of
from pipeline.learning.hypotheses import FALSE_SIGHTINGS, ORIENTATIONS, log_likelihoods
from schemas.camera import CameraKind
from schemas.camera_knowledge import SECTORS, CameraKnowledge, CameraObservation

__all__ = ["Registered", "View", "aged", "explained", "factors_of", "learn", "observed", "relaxed", "reset"]

DAY_US = 86_400_000_000
# Trees grow and cameras are repaired within a season: after 60 days a look counts half, after half a year an eighth.
HALF_LIFE_US = 60 * DAY_US
# A look that was to see nothing under any hypothesis teaches nothing and makes no observation.
LEAST_EVIDENCE = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the registry says of a camera, as far as looks can contradict it.

    Attributes:
        basis: checksum of the entry, ``CameraTable.basis_of``.
        kind: code of ``CameraKind``.
        azimuth_deg: heading, None if unknown.
        error_m: 68 % error that the city expects of the registry's positions, ``policy.view.pole_error_m``.
    """

    basis: int
    kind: str
    azimuth_deg: float | None
    error_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a camera looked.

    Attributes:
        observe_m: range of 62 px/m at the zoom it had.
        pan_deg: where it was turned; NaN for what does not turn, or if nobody knows.
        field_deg: the field of view of what turns, also if nobody knows where it was turned; others' is not used.
        seen_rate: probability that a look within ``observe_m`` sees the target.
        weak_seen_rate: the same beyond, up to 25 px/m.
        clutter_scale_m: sight fades as exp(-distance / scale).
    """

    observe_m: float
    pan_deg: float
    field_deg: float
    seen_rate: float
    weak_seen_rate: float
    clutter_scale_m: float


def observed(
    *,
    event_id: str,
    camera_id: str,
    observed_us: int,
    seen: bool,
    reliability: float,
    east_m: Floats,
    north_m: Floats,
    mass: Floats,
    expected: Floats,
    registered: Registered,
    view: View,
    exercise: bool = False,
) -> CameraObservation | None:
    """Return what a look teaches of a camera; None if it teaches nothing.

    Args:
        event_id: the sighting's.
        camera_id: the camera's.
        observed_us: when it was looked, UTC microseconds since the epoch.
        seen: whether the target was seen.
        reliability: probability that the report is true, 0 to 1.
        east_m: where the target may have been, metres east of the REGISTERED pole (not of the learned one).
        north_m: the same, metres north.
        mass: probability of each place before this look, adding up to at most 1. Other looks of the same moment may be
            in it; this one must not.
        expected: probability of a sighting at each place if the registry is right: p times rate, learned factors left
            out.
        registered: the registry's entry.
        view: how the camera looked.
        exercise: the look was part of a drill.
    """
    by_sector = np.bincount(sectors_of(east_m, north_m), mass * expected, SECTORS) * reliability
    evidence = log_likelihoods(
        east_m,
        north_m,
        mass,
        seen=seen,
        reliability=reliability,
        observe_m=view.observe_m,
        pan_deg=view.pan_deg,
        # What is registered as fixed and still shows more than one way shows every way.
        field_deg=view.field_deg if registered.kind == CameraKind.PTZ else 360.0,
        seen_rate=view.seen_rate,
        weak_seen_rate=view.weak_seen_rate,
        clutter_scale_m=view.clutter_scale_m,
    )
    total = float(by_sector.sum())
    if total < LEAST_EVIDENCE and float(np.abs(evidence).max()) < LEAST_EVIDENCE:
        return None
    # A sighting where little was to be expected is rather a false one: only its likely part counts.
    true_part = reliability * total / (total + FALSE_SIGHTINGS) if seen else 0.0
    by_place = by_sector / total if total > 0 else by_sector
    return CameraObservation(
        event_id=event_id,
        camera_id=camera_id,
        observed_us=observed_us,
        basis=registered.basis,
        registered_kind=registered.kind,
        registered_azimuth_deg=registered.azimuth_deg,
        registered_error_m=registered.error_m,
        saw=seen,
        expected=tuple(by_sector.tolist()),
        seen=tuple((true_part * by_place).tolist()),
        evidence=evidence.astype("<f4").tobytes(),
        weight=reliability,
        exercise=exercise,
    )


def sectors_of(east_m: Floats, north_m: Floats) -> NDArray[np.intp]:
    """Return the sector, 0 to 11 from north clockwise, in which each place lies that is so far from a pole."""
    return (np.degrees(np.arctan2(east_m, north_m)) % 360.0 * (SECTORS / 360.0)).astype(np.intp) % SECTORS


def learn(known: CameraKnowledge | None, observation: CameraObservation) -> CameraKnowledge:
    """Return what is known of a camera after one look more, or after an operator had it forgotten.

    Looks that are older than a reset change nothing. A look at a camera whose registry entry has changed starts anew.

    Args:
        known: what was known; None for nothing.
        observation: of the same camera; its numbers are finite and its arrays empty or of the documented lengths.
    """
    at_us = observation.observed_us
    if observation.reset_by is not None:
        before = known if known is not None else _nothing_known(observation, at_us)
        return before if at_us < before.since_us else reset(before, observation.reset_by, at_us)
    if known is None:
        known = _nothing_known(observation, at_us)
    elif at_us < known.since_us and (known.reset_by is not None or known.basis != observation.basis):
        return known
    elif known.basis != observation.basis:
        known = replace(_nothing_known(observation, at_us), reset_by=known.reset_by)
    newest_us = max(known.updated_us, at_us)
    old, new = _faded(newest_us - known.updated_us), _faded(newest_us - at_us)
    evidence = old * evidence_of(known.evidence) + new * evidence_of(observation.evidence)
    sums = replace(
        known,
        looks=known.looks + 1,
        sightings=known.sightings + observation.saw,
        expected=_added(known.expected, old, observation.expected, new),
        seen=_added(known.seen, old, observation.seen, new),
        evidence=evidence.astype("<f4").tobytes(),
        since_us=min(known.since_us, at_us),
        updated_us=newest_us,
    )
    return concluded(sums)


def aged(known: CameraKnowledge, now_us: int) -> CameraKnowledge:
    """Return the same knowledge as it counts now: without looks it fades, so that a repaired camera gets looks again.

    The camera desk calls it now and then for what was not looked through lately.
    """
    if now_us <= known.updated_us:
        return known
    fade = _faded(now_us - known.updated_us)
    return concluded(
        replace(
            known,
            expected=tuple(fade * x for x in known.expected),
            seen=tuple(fade * x for x in known.seen),
            evidence=(fade * evidence_of(known.evidence)).astype("<f4").tobytes(),
            updated_us=now_us,
        )
    )


def has_faded(known: CameraKnowledge) -> bool:
    """Return whether so little is left of the looks that fading further changes nothing anybody could tell."""
    evidence = evidence_of(known.evidence)
    return sum(known.expected) < LEAST_EVIDENCE and float(evidence.max() - evidence.min()) < LEAST_EVIDENCE


def relaxed(known: CameraKnowledge, now_us: int) -> CameraKnowledge:
    """Return the knowledge after somebody worked on the camera: it answers again after it did not.

    Poles do not move then, but what it shows may be all different: the pole stays, what was learned of darkness and
    direction is forgotten.
    """
    evidence = evidence_of(known.evidence).astype(np.float64)
    # What the looks say of a spot, whatever the direction; the same for all its directions says nothing of these.
    weight = np.log(prior_of(known).clip(1e-300)) + evidence
    by_spot = np.logaddexp.reduce(weight, axis=1) - np.log(prior_of(known).sum(axis=1).clip(1e-300))
    of_pole = np.repeat((by_spot - by_spot.max())[:, None], ORIENTATIONS, axis=1)
    forgotten = replace(
        known,
        expected=(0.0,) * SECTORS,
        seen=(0.0,) * SECTORS,
        evidence=of_pole.astype("<f4").tobytes(),
        updated_us=max(now_us, known.updated_us),
    )
    return concluded(forgotten)


def reset(known: CameraKnowledge, actor: str, now_us: int) -> CameraKnowledge:
    """Return the knowledge of a camera of which an operator has everything forgotten: the registry counts again.

    Args:
        known: what was known.
        actor: pseudonym of the operator.
        now_us: UTC microseconds since the epoch; older looks that come later change nothing.
    """
    forgotten = replace(
        known,
        looks=0,
        sightings=0,
        expected=(0.0,) * SECTORS,
        seen=(0.0,) * SECTORS,
        evidence=b"",
        since_us=now_us,
        updated_us=now_us,
        reset_by=actor,
    )
    return concluded(forgotten)


def factors_of(known: CameraKnowledge | None) -> NDArray[np.float32]:
    """Return what the seen probability is multiplied by, by sector of 30 degrees around the pole; 1 for nothing known.

    The pole is the registered one moved by ``pole_east_m`` and ``pole_north_m``.
    """
    if known is None or len(known.factors) != SECTORS:
        return np.ones(SECTORS, np.float32)
    return np.array(known.factors, np.float32)


def _nothing_known(observation: CameraObservation, at_us: int) -> CameraKnowledge:
    return concluded(
        CameraKnowledge(
            camera_id=observation.camera_id,
            basis=observation.basis,
            registered_kind=observation.registered_kind,
            registered_azimuth_deg=observation.registered_azimuth_deg,
            registered_error_m=observation.registered_error_m,
            trust=1.0,
            trust_low=1.0,
            trust_high=1.0,
            dark=0.0,
            factors=(1.0,) * SECTORS,
            looks=0,
            sightings=0,
            expected=(0.0,) * SECTORS,
            seen=(0.0,) * SECTORS,
            evidence=b"",
            since_us=at_us,
            updated_us=at_us,
        )
    )


def _faded(age_us: int) -> float:
    """Return what a look of some age counts, 1 for a new one."""
    return float(2.0 ** (-age_us / HALF_LIFE_US))


def _added(old: tuple[float, ...], old_part: float, new: tuple[float, ...], new_part: float) -> tuple[float, ...]:
    """Return two sums by sector added up; one of another length counts as zeros."""
    zeros = (0.0,) * SECTORS
    pairs = zip(old if len(old) == SECTORS else zeros, new if len(new) == SECTORS else zeros, strict=True)
    return tuple(old_part * a + new_part * b for a, b in pairs)
