"""What a newer registry file changes of the cameras that stand. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connectors.kit.reading.registry_difference import (
    ADDED,
    CHANGED,
    GONE,
    UNCHANGED,
    Difference,
    difference_of,
    shrink_message,
    shrink_words,
)
from schemas.camera import Camera

__all__ = ["ADDED", "CHANGED", "GONE", "MOVED", "UNCHANGED", "WORDS", "Changes", "Standing", "changes_of"]

MOVED = "moved"
# In the order in which people read them.
WORDS = (ADDED, MOVED, CHANGED, UNCHANGED, GONE)


@dataclass(frozen=True, slots=True)
class Standing:
    """A camera as it stands on the topic.

    Attributes:
        event_id: id of the statement; the same camera described alike has the same.
        owner: whose it is.
        lat_deg: WGS 84 latitude.
        lon_deg: WGS 84 longitude.
    """

    event_id: str
    owner: str
    lat_deg: float
    lon_deg: float

    @classmethod
    def of(cls, camera: Camera) -> "Standing":
        """Return what is needed of a camera."""
        place = camera.location
        return cls(camera.event_id, camera.owner, place.lat_deg, place.lon_deg)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a file changes.

    Attributes:
        difference: by camera id; what is ``changed`` there is moved or changed here.
        moved: how many of the changed stand elsewhere now.
    """

    difference: Difference
    moved: int

    @property
    def counts(self) -> Counter[str]:
        """Return how many cameras are added, moved, changed, unchanged and gone; without zeros."""
        counts = self.difference.counts
        counts[MOVED] = self.moved
        counts[CHANGED] -= self.moved
        return +counts

    @property
    def unchanged(self) -> frozenset[str]:
        """Return the ids of those that need not be told again."""
        return self.difference.unchanged

    @property
    def gone(self) -> tuple[str, ...]:
        """Return the ids of those that the file no longer lists, sorted."""
        return self.difference.gone

    @property
    def standing(self) -> int:
        """Return how many stood before."""
        return self.difference.standing

    def shrink_message(self, most_pct: float, *, fingerprint: str, accept: str) -> str | None:
        """Return why the file is refused as a whole; None where it may be taken. See ``registry_difference``."""
        return shrink_message(self.difference, most_pct, what="cameras", fingerprint=fingerprint, accept=accept)

    def doubt(self, most_pct: float) -> str | None:
        """Return in words why the file is rather a mistake than the truth; None where it need not be."""
        if not self.difference.shrinks_too_much(most_pct):
            return None
        return shrink_words(self.difference, most_pct, what="cameras")


def changes_of(cameras: Sequence[Camera], standing: Mapping[str, Standing], owners: Iterable[str]) -> Changes:
    """Return what a file changes.

    Args:
        cameras: all cameras of the file.
        standing: what stands on the topic of this registry, by camera id.
        owners: whose cameras the file lists completely; empty: those whom it names. Other owners' stay as they are.
    """
    scope = frozenset(owners) or {camera.owner for camera in cameras}
    listed = {camera.camera_id: camera.event_id for camera in cameras}
    # A camera that went from an owner out of scope to one in scope is not new, and not ours to take back.
    ours = {key: known.event_id for key, known in standing.items() if known.owner in scope or key in listed}
    difference = difference_of(listed, ours)
    changed = frozenset(difference.changed)
    moved = sum(
        1 for camera in cameras if camera.camera_id in changed and _is_elsewhere(camera, standing[camera.camera_id])
    )
    return Changes(difference, moved)


def _is_elsewhere(camera: Camera, before: Standing) -> bool:
    place = camera.location
    return (place.lat_deg, place.lon_deg) != (before.lat_deg, before.lon_deg)
