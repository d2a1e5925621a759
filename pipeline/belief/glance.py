"""Beliefs at one moment, as a decision takes them: weighted places, and what they amount to for people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.belief.belief import move_many, places_of, where_of
from pipeline.geo import Floats
from pipeline.rules.belief_policy import BeliefPolicy
from pipeline.world.places import Places
from pipeline.world.streets import Streets

# Seeds of glances differ from those of all other uses of a belief's seed by this.
GLANCE = np.uint64(4 * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a belief amounts to at a moment; arrays of equal length, NaN where there is no common direction."""

    x_m: Floats
    y_m: Floats
    r68_m: Floats
    speed_mps: Floats
    heading_deg: Floats


@dataclass(slots=True)
class Glance:
    """Beliefs at a moment, for one decision each."""

    particles: NDArray[np.void]
    _walk: NDArray[np.int32]
    _seeds: NDArray[np.uint64]
    _streets: Streets | None
    _policy: BeliefPolicy

    def places(self) -> Places:
        """Return the weighted places of all of them."""
        return places_of(self.particles, self._streets)

    def whereabouts(self) -> Whereabouts:
        """Return middle, radius and common motion of all of them."""
        return Whereabouts(*where_of(self.particles, self._streets))

    def ahead(self, numbers: Sequence[int], seconds: float) -> Places:
        """Return the weighted places of some of them so many seconds later."""
        some = list(numbers)
        later, seeds = self.particles[some], self._seeds[some] + GLANCE
        move_many(later, np.full(len(some), seconds), self._walk[some], seeds, self._streets, self._policy)
        return places_of(later, self._streets)


@dataclass(frozen=True, slots=True)
class Later:
    """The places of one belief of a glance so many seconds later: worked out when they are asked for, many together."""

    glance: Glance
    number: int
    seconds: float


def places_later(some: Sequence[Later]) -> list[Places]:
    """Return the places of each."""
    places: dict[int, Places] = {}
    together: dict[tuple[int, float], list[int]] = {}
    for i, later in enumerate(some):
        together.setdefault((id(later.glance), later.seconds), []).append(i)
    for (_, seconds), members in together.items():
        found = some[members[0]].glance.ahead([some[i].number for i in members], seconds)
        places.update((i, found.of(case)) for case, i in enumerate(members))
    return [places[i] for i in range(len(some))]
