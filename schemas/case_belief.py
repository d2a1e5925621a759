"""Where the subject of an open case can be: weighted particles after the newest evidence."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseBelief:
    """The belief of one case after its newest evidence. Internal; forgotten by a tombstone when the case ends."""

    at_us: Annotated[int, "The moment the particles stand for, UTC microseconds since the epoch."]
    number: Annotated[int, "How many pieces of evidence it was made from; seeds the randomness with the case id."]
    walk: Annotated[int, "Place of the person's kind in the policy's list of walks."]
    streets_hash: Annotated[str, "Content hash of the street map the particles walk on; empty without one."]
    particles: Annotated[bytes, "pipeline.particles.PARTICLE rows, little-endian."]
