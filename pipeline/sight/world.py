"""What is known of the city around the cameras, and what is not."""

from dataclasses import dataclass

from pipeline.sight.sightlines import Sightlines
from pipeline.world.free_space import FreeSpace
from pipeline.world.streets import Streets

NO_STREETS = "no-streets"
NO_BUILDINGS = "no-buildings"


@dataclass(frozen=True, slots=True)
class World:
    """The parts of a city's map that are there; None where one is not.

    Attributes:
        streets: where people walk.
        free: where looks pass.
        sightlines: what the cameras see of the streets.
    """

    streets: Streets | None
    free: FreeSpace | None
    sightlines: Sightlines | None

    @classmethod
    def none(cls) -> "World":
        """Return the world of a city without a map."""
        return cls(None, None, None)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what is assumed in place of what is not known, for ``why``: "no-streets", "no-buildings"."""
        missing = [] if self.streets is not None else [NO_STREETS]
        if self.free is None or not self.free.buildings_known:
            missing.append(NO_BUILDINGS)
        return tuple(missing)
