"""Whether a registry file is the one it is taken for, or another district's under the wrong name. Pure.

Two things tell. Its cameras lie outside the district whose they are said to be, or they stand already as another
owner's: under the same ids, or at the very same points. Of Seoul's 25 districts the worst has 9 % of its cameras
outside its own outline; another district's file has over 91 % there, and not one point in common.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.kit.cameras.changes import Standing
from connectors.kit.context import Outline
from connectors.kit.reading.registry_difference import SHRINK_ENTRIES_MIN
from schemas.camera import Camera
from schemas.location import LocationQuality

FOREIGN_FILE = "foreign-file"
FOREIGN_PCT = 50.0
# Fewer cameras than this prove nothing, as with a shrink.
FOREIGN_CAMERAS_MIN = SHRINK_ENTRIES_MIN
OWNERS_SHOWN = 3
# What a Korean office adds to its district's name: 강남구청.
_OFFICE = "청"


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose a registry file is said to be.

    Attributes:
        outlines: the city's districts by name; empty where they are not known.
        district: the one in which the file's cameras must lie; empty: those that their owners' names tell.
        owner: the owner of rows that name none; empty where nobody was told.
        owners: whose cameras the file lists completely; empty where nobody was told.
        most_pct: most cameras of the file that may lie elsewhere, or be others', percent; 100 doubts none.
    """

    outlines: Mapping[str, Outline] = field(default_factory=dict)
    district: str = ""
    owner: str = ""
    owners: tuple[str, ...] = ()
    most_pct: float = FOREIGN_PCT

    def doubt(self, cameras: Sequence[Camera], standing: Mapping[str, Standing] | None) -> str | None:
        """Return in words why the file is rather another's; None where it need not be.

        Args:
            cameras: all cameras of the file.
            standing: what stands on the topic of this kind of registry, by camera id; None where nothing tells.
        """
        return self._lies_elsewhere(cameras) or self._is_of_others(cameras, standing or {})

    def scope(self, cameras: Iterable[Camera]) -> frozenset[str]:
        """Return the owners whose cameras are gone where the file does not list them.

        They are those that were told, else those whom the file names, and the one of rows that name none: where an
        office begins to write its own name in them, its cameras would else stand under both.

        Args:
            cameras: all cameras of the file.
        """
        return frozenset(self.owners) or frozenset({camera.owner for camera in cameras} | ({self.owner} - {""}))

    def _lies_elsewhere(self, cameras: Sequence[Camera]) -> str | None:
        owners = {camera.owner for camera in cameras}
        expected = {owner: self.district or district_named(owner, self.outlines) for owner in owners}
        placed = [camera for camera in cameras if _is_placed(camera)]
        told = [camera for camera in placed if expected[camera.owner] in self.outlines]
        outside = [camera for camera in told if not _lies_in(self.outlines[expected[camera.owner]], camera)]
        if not self._is_too_much(len(outside), len(placed)):
            return None
        names = {expected[camera.owner] for camera in outside}
        where = names.pop() if len(names) == 1 else "the districts that their owners name"
        found = Counter(name for camera in outside for name, o in self.outlines.items() if _lies_in(o, camera))
        return f"{self._share(len(outside), len(placed))} lie outside {where}{_in_words('lie in', found)}"

    def _is_of_others(self, cameras: Sequence[Camera], standing: Mapping[str, Standing]) -> str | None:
        ours = self._ours(cameras, standing.values())
        points: dict[tuple[float, float], str] = {}
        # Ours last: where we have a camera ourselves, that of another beside it says nothing.
        for known in sorted(standing.values(), key=lambda known: known.owner in ours):
            points[known.lat_deg, known.lon_deg] = known.owner
        taken: Counter[str] = Counter()
        for camera in cameras:
            known_here = standing.get(camera.camera_id)
            owner = known_here.owner if known_here else points.get(_point(camera)) if _is_placed(camera) else None
            if owner is not None and owner not in ours:
                taken[owner] += 1
        if not self._is_too_much(taken.total(), len(cameras)):
            return None
        shown = ", ".join(owner for owner, _ in taken.most_common(OWNERS_SHOWN))
        return f"{self._share(taken.total(), len(cameras))} stand already as those of {shown}"

    def _ours(self, cameras: Sequence[Camera], standing: Iterable[Standing]) -> frozenset[str]:
        """Return the owners whose cameras may be in the file.

        They are those that were told, else those whom the file names. A file that names none of the told ones is
        believed where nothing stands under them: then the registry just writes its owners in another way.
        """
        named = frozenset(camera.owner for camera in cameras)
        told = frozenset(self.owners) or frozenset({self.owner} - {""})
        if told & named:
            # ``owner`` fills gaps and leaves room for others beside it, ``owners`` says all there are.
            return told if self.owners else named
        return told if any(known.owner in told for known in standing) else named

    def _is_too_much(self, count: int, total: int) -> bool:
        return count >= FOREIGN_CAMERAS_MIN and 100.0 * count > self.most_pct * total

    def _share(self, count: int, total: int) -> str:
        return f"{count} of {total} cameras ({100.0 * count / total:.0f} %, at most {self.most_pct:g} % may)"


def district_named(owner: str, names: Iterable[str]) -> str:
    """Return the one district that a name holds as a word (강남구, 서울특별시 강남구청); empty: none, or several."""
    words = f" {' '.join(word.removesuffix(_OFFICE) for word in owner.split())} "
    found = [name for name in names if f" {name} " in words]
    return found[0] if len(found) == 1 else ""


def _in_words(verb: str, found: Counter[str]) -> str:
    return "".join(f", {count} of them {verb} {name}" for name, count in found.most_common(1))


def _point(camera: Camera) -> tuple[float, float]:
    return camera.location.lat_deg, camera.location.lon_deg


def _is_placed(camera: Camera) -> bool:
    """Return whether it is known where the camera hangs: a position that stands for "unknown" tells nothing."""
    return camera.location.quality != LocationQuality.DEFAULT.value


def _lies_in(outline: Outline, camera: Camera) -> bool:
    return outline.holds(*_point(camera))
