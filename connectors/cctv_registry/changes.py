"""What a newer file changes of the cameras that stand. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.camera import Camera

# Fewer cameras than this may always go: of a registry of four, one is a quarter.
SHRINK_CAMERAS_MIN = 10
ADDED, MOVED, CHANGED, UNCHANGED, GONE = "added", "moved", "changed", "unchanged", "gone"


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
        counts: how many cameras are added, moved, changed, unchanged and gone.
        unchanged: ids of those that need not be told again.
        gone: ids of those that the file no longer lists, sorted.
        standing: how many stood before.
    """

    counts: Counter[str]
    unchanged: frozenset[str]
    gone: tuple[str, ...]
    standing: int

    def shrinks_too_much(self, most_pct: float) -> bool:
        """Return whether so many cameras are gone that the file is rather a mistake than the truth."""
        gone = len(self.gone)
        return gone >= SHRINK_CAMERAS_MIN and 100.0 * gone > most_pct * self.standing


def changes_of(cameras: Sequence[Camera], standing: Mapping[str, Standing], owners: Iterable[str]) -> Changes:
    """Return what a file changes.

    Args:
        cameras: all cameras of the file.
        standing: what stands on the topic of this kind of registry, by camera id.
        owners: whose cameras the file lists completely; empty: those whom it names. Other owners' stay as they are.
    """
    scope = frozenset(owners) or {camera.owner for camera in cameras}
    listed = {camera.camera_id for camera in cameras}
    ours = {camera_id for camera_id, known in standing.items() if known.owner in scope}
    counts: Counter[str] = Counter()
    unchanged = set()
    for camera in cameras:
        kind = _kind(Standing.of(camera), standing.get(camera.camera_id))
        counts[kind] += 1
        if kind == UNCHANGED:
            unchanged.add(camera.camera_id)
    gone = tuple(sorted(ours - listed))
    if gone:
        counts[GONE] = len(gone)
    return Changes(counts, frozenset(unchanged), gone, len(ours))


def _kind(now: Standing, before: Standing | None) -> str:
    if before is None:
        return ADDED
    if (now.lat_deg, now.lon_deg) != (before.lat_deg, before.lon_deg):
        return MOVED
    return UNCHANGED if now.event_id == before.event_id else CHANGED
