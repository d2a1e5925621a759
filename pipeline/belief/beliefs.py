"""Where the subjects of a partition's open cases can be: a row of particles per case, moved on and weighed together.

Two copies are kept. ``stored`` stands for the moment of the newest evidence; it is what the topic case-beliefs holds,
and the next evidence starts from it. ``moved`` is the same belief moved on by whole steps towards now, so that a case
without evidence is not walked from the beginning at every look. Both depend on the evidence and its order alone, not on
when anybody looked: a replay and a restart give the same particles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.belief import (
    Sight,
    fix_sigma_m,
    move_many,
    spots_of,
    start_many,
    weigh_fixes,
    weigh_looks,
)
from pipeline.belief.chance import seed_of
from pipeline.belief.glance import GLANCE, Glance
from pipeline.belief.particles import PARTICLE, from_bytes, to_bytes
from pipeline.geo import Floats
from pipeline.growing_columns import FIRST_CAPACITY, GrowingColumns
from pipeline.rules.belief_policy import BeliefPolicy
from pipeline.rules.policy import US_PER_S
from pipeline.world.streets import Streets
from schemas.case_belief import CaseBelief
from schemas.codec import decode, encode

Rows = NDArray[np.intp]
# Beyond so long without evidence a walker can be anywhere; the next evidence starts the belief anew.
STALE_S = 3_600.0
# Steps are moved on one by one up to this many at once; longer gaps are walked in one go to the same end.
STEPS_MAX = int(STALE_S)
# What the same number seeds must differ by what it is used for.
_MOVE, _WEIGH, _STEP = (np.uint64(k * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) for k in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Positions of distinct subjects; arrays of equal length.

    Attributes:
        x_m: on the city's plane.
        y_m: the same.
        r68_m: stated 68 % radius.
        at_us: when it was measured.
        walk: place in the policy's walks.
    """

    x_m: Floats
    y_m: Floats
    r68_m: Floats
    at_us: NDArray[np.int64]
    walk: NDArray[np.int32]

    def only(self, chosen: NDArray[np.bool_]) -> "Evidence":
        """Return some of it."""
        return Evidence(*(getattr(self, name)[chosen] for name in ("x_m", "y_m", "r68_m", "at_us", "walk")))


@dataclass(frozen=True, slots=True)
class LookedThrough:
    """A look through one camera for one case.

    Attributes:
        key: of the case.
        at_us: when it was looked.
        particles: the belief then, before the look is weighed.
        p: how surely the camera shows each particle's place, 0 to 1.
        weak: where it shows less than observe level.
    """

    key: bytes
    at_us: int
    particles: NDArray[np.void]
    p: NDArray[np.float32]
    weak: NDArray[np.bool_]


class Beliefs(GrowingColumns):
    """Beliefs by row, grown by doubling; rows of ended cases are used again.

    Attributes:
        stored: particles at ``at_us``, shape (rows, particles).
        moved: the same after ``steps`` steps, shape (rows, particles).
        at_us: moment of the newest evidence.
        number: pieces of evidence so far.
        seed: of the newest evidence.
        steps: whole steps that ``moved`` is ahead.
        walk: place in the policy's walks.
    """

    def __init__(self, policy: BeliefPolicy, streets: Streets | None) -> None:
        self.row_of: dict[bytes, int] = {}
        self._policy = policy
        self._streets = streets
        self._free: list[int] = []
        self._dirty: set[bytes] = set()
        self._forgotten: set[bytes] = set()
        self._step_us = int(policy.step_s * US_PER_S)
        self.stored: NDArray[np.void] = np.zeros((FIRST_CAPACITY, policy.particles), PARTICLE)
        self.moved: NDArray[np.void] = np.zeros((FIRST_CAPACITY, policy.particles), PARTICLE)
        self.at_us: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, np.int64)
        self.number: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        self.seed: NDArray[np.uint64] = np.zeros(FIRST_CAPACITY, np.uint64)
        self.steps: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        self.walk: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)

    def take_positions(self, keys: Sequence[bytes], evidence: Evidence) -> None:
        """Weigh a position of each subject; who has no belief yet, or a stale one, gets one from it.

        The belief is first moved to the position's own time. A position older than the belief is blurred by how late
        it came.
        """
        known = np.fromiter((key in self.row_of for key in keys), np.bool_, len(keys))
        rows = np.array([self._row_for(key) for key in keys], np.intp)
        gap_us = evidence.at_us - self.at_us[rows]
        anew = ~known | (gap_us > STALE_S * US_PER_S)
        self._count_evidence(keys, rows)
        if anew.any():
            self._start(rows[anew], evidence.only(anew))
        if not anew.all():
            self._weigh(rows[~anew], evidence.only(~anew), gap_us[~anew])

    def _start(self, rows: Rows, evidence: Evidence) -> None:
        policy = self._policy
        sigma_m = fix_sigma_m(evidence.r68_m, np.zeros(len(rows)), policy)
        self.walk[rows], self.at_us[rows] = evidence.walk, evidence.at_us
        seeds = self.seed[rows] + _WEIGH
        particles = start_many(evidence.x_m, evidence.y_m, sigma_m, evidence.walk, seeds, self._streets, policy)
        _put(self.stored, rows, particles)
        _put(self.moved, rows, particles)

    def _weigh(self, rows: Rows, evidence: Evidence, gap_us: NDArray[np.int64]) -> None:
        policy = self._policy
        particles = self._moved_to(rows, gap_us)
        sigma_m = fix_sigma_m(evidence.r68_m, -gap_us / US_PER_S, policy)
        self.walk[rows] = evidence.walk
        seeds = self.seed[rows] + _WEIGH
        weigh_fixes(particles, evidence.x_m, evidence.y_m, sigma_m, self.walk[rows], seeds, self._streets, policy)
        _put(self.stored, rows, particles)
        _put(self.moved, rows, particles)
        self.at_us[rows] = np.maximum(self.at_us[rows], evidence.at_us)

    def take_look(self, look: LookedThrough, seen: bool, reliability: float, sight: Sight | None) -> None:
        """Weigh one look through a camera.

        Args:
            look: what was looked at and what the camera shows of it.
            seen: whether the subject was seen.
            reliability: probability that this is true.
            sight: what the camera shows of the streets, for a sighting where nobody thought it possible.
        """
        row = self.row_of[look.key]
        self._count_evidence([look.key], np.array([row]))
        weigh_looks(
            look.particles,
            look.p[None, :],
            look.weak[None, :],
            np.array([seen]),
            np.array([reliability], np.float32),
            (self.seed[row : row + 1] + _WEIGH)[0],
            int(self.walk[row]),
            self._streets,
            self._policy,
            (sight,) if seen and sight is not None else (),
        )
        self.stored[row] = self.moved[row] = look.particles
        self.at_us[row] = max(int(self.at_us[row]), look.at_us)

    def before_look(self, key: bytes, at_us: int) -> NDArray[np.void]:
        """Return a copy of a case's particles at the moment of a look."""
        rows = np.array([self.row_of[key]], np.intp)
        return np.asarray(self._moved_to(rows, np.array([at_us]) - self.at_us[rows])[0])

    def spots(self, particles: NDArray[np.void]) -> tuple[NDArray[np.int32], Floats, Floats]:
        """Return street cell (-1 on the plane), x_m and y_m of one case's particles."""
        cell, x_m, y_m = spots_of(particles[None, :], self._streets)
        return cell[0], x_m[0], y_m[0]

    def _moved_to(self, rows: Rows, gap_us: NDArray[np.int64]) -> NDArray[np.void]:
        """Return copies of stored beliefs moved on to a moment; the past is left as it is."""
        particles = _copied(self.stored, rows)
        seconds = np.clip(gap_us / US_PER_S, 0.0, STALE_S)
        if seconds.any():
            seeds = self.seed[rows] + _MOVE
            move_many(particles, seconds, self.walk[rows], seeds, self._streets, self._policy)
        return particles

    def glance(self, keys: Sequence[bytes], when_us: NDArray[np.int64]) -> Glance:
        """Return the beliefs at a moment from now on, for a decision; nothing is weighed."""
        rows = np.array([self.row_of[key] for key in keys], np.intp)
        self._step(rows, when_us)
        left_s = (when_us - self.at_us[rows] - self.steps[rows].astype(np.int64) * self._step_us) / US_PER_S
        particles = _copied(self.moved, rows)
        seeds = self.seed[rows] + self.steps[rows].astype(np.uint64) * _STEP + GLANCE
        move_many(particles, np.clip(left_s, 0.0, STALE_S), self.walk[rows], seeds, self._streets, self._policy)
        return Glance(particles, self.walk[rows], seeds, self._streets, self._policy)

    def _step(self, rows: Rows, when_us: NDArray[np.int64]) -> None:
        """Move the moved copies on by whole steps, as many as fit before a moment."""
        wanted = np.clip((when_us - self.at_us[rows]) // self._step_us, 0, STEPS_MAX).astype(np.int32)
        step_s = self._policy.step_s
        while (behind := self.steps[rows] < wanted).any():
            some = rows[behind]
            self.steps[some] += 1
            seeds = self.seed[some] + self.steps[some].astype(np.uint64) * _STEP
            particles = _copied(self.moved, some)
            move_many(particles, np.full(len(some), step_s), self.walk[some], seeds, self._streets, self._policy)
            _put(self.moved, some, particles)

    def forget(self, key: bytes) -> None:
        """Forget where a case's subject can be."""
        row = self.row_of.pop(key, None)
        if row is not None:
            self._free.append(row)
            self._dirty.discard(key)
            self._forgotten.add(key)

    def changed_rows(self) -> list[tuple[bytes, bytes | None]]:
        """Return (key, wire value) of the beliefs that changed since the last call; None for forgotten ones."""
        changed: list[tuple[bytes, bytes | None]] = [(key, self._encoded(key)) for key in sorted(self._dirty)]
        changed += [(key, None) for key in sorted(self._forgotten)]
        self._dirty, self._forgotten = set(), set()
        return changed

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Take over beliefs from their rows in the wire format; those on another street map are left out.

        Raises:
            RecordDecodeError: a row is not a belief; the topic is internal, so that is damage and no bad input.
        """
        here = self._streets.content_hash if self._streets is not None else ""
        for key, value in rows.items():
            belief = decode(CaseBelief, value)
            if belief.streets_hash != here or belief.walk >= len(self._policy.walks):
                continue
            particles = from_bytes(belief.particles, self._streets)
            if len(particles) != self._policy.particles:
                continue
            row = self._row_for(key)
            self.stored[row] = self.moved[row] = particles
            self.at_us[row], self.number[row], self.walk[row] = belief.at_us, belief.number, belief.walk
            self.seed[row], self.steps[row] = seed_of(key, belief.number), 0

    def _encoded(self, key: bytes) -> bytes:
        row = self.row_of[key]
        return encode(
            CaseBelief(
                at_us=int(self.at_us[row]),
                number=int(self.number[row]),
                walk=int(self.walk[row]),
                streets_hash=self._streets.content_hash if self._streets is not None else "",
                particles=to_bytes(self.stored[row]),
            )
        )

    def _count_evidence(self, keys: Sequence[bytes], rows: Rows) -> None:
        self.number[rows] += 1
        self.seed[rows] = [seed_of(key, number) for key, number in zip(keys, self.number[rows].tolist(), strict=True)]
        self.steps[rows] = 0
        self._dirty.update(keys)
        self._forgotten.difference_update(keys)

    def _row_for(self, key: bytes) -> int:
        row = self.row_of.get(key)
        if row is None:
            row = self._free.pop() if self._free else len(self.row_of)
            self.row_of[key] = row
            self.reserve(row + 1)
            self.number[row] = 0
        return row


def _copied(particles: NDArray[np.void], rows: Rows) -> NDArray[np.void]:
    """Return copies of some rows (n, P)."""
    return _rows_of(particles)[rows].view(PARTICLE).reshape(len(rows), particles.shape[1])


def _put(particles: NDArray[np.void], rows: Rows, values: NDArray[np.void]) -> None:
    """Write some rows; ``values`` is (n, P)."""
    _rows_of(particles)[rows] = _rows_of(values)


def _rows_of(particles: NDArray[np.void]) -> NDArray[np.void]:
    """Return each row as one piece of memory: copied so it takes a tenth of the time that field by field takes."""
    return particles.view(f"V{particles.shape[1] * PARTICLE.itemsize}")[:, 0]
