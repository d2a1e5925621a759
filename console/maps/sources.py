"""What readers of map files have in common: what they give back, their limits, and which ways people walk on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

# South, west, north, east in degrees.
Box = tuple[float, float, float, float]
# Called with how many objects were looked at.
Progress = Callable[[int], None]
Line = NDArray[np.float64]
# A country's extract has some hundred megabytes; a city's a tenth of that.
FILE_BYTES_MAX = 2 * 1024**3
GEOJSON_BYTES_MAX = 512 * 1024**2
# Some ten times a large city's.
LINES_MAX = 5_000_000
BUILDINGS_MAX = 5_000_000
PROGRESS_EVERY = 5_000
# https://wiki.openstreetmap.org/wiki/Key:highway: where people walk or could; motorways and what is not built are out.
WALKED = frozenset(
    (
        *("trunk", "primary", "secondary", "tertiary", "unclassified", "residential", "living_street", "service"),
        *("trunk_link", "primary_link", "secondary_link", "tertiary_link", "road"),
        *("pedestrian", "footway", "path", "steps", "cycleway", "bridleway", "track"),
    )
)
_YES = ("yes", "designated", "permissive")
# Roofs on posts: people stand under them and looks pass.
_NO_WALLS = ("no", "roof", "carport", "canopy", "demolished", "proposed")


@dataclass(frozen=True, slots=True)
class MapPart:
    """What one file gave.

    Attributes:
        lines: streets, each (k, 2) of longitude and latitude.
        buildings: polygons of longitude and latitude.
        left_out: how many objects were left out, by reason.
    """

    lines: list[Line] = field(default_factory=list)
    buildings: list[shapely.Geometry] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count objects that are not taken."""
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count


def is_walked(tags: Mapping[str, str]) -> bool:
    """Return whether people walk on a way with these OpenStreetMap tags, in the open.

    Tunnels and ways in buildings are no places that a street's camera shows; passages through a building are.
    """
    if tags.get("highway") not in WALKED or tags.get("motorroad") == "yes" or tags.get("foot") == "no":
        return False
    if tags.get("access") == "no" and tags.get("foot") not in _YES:
        return False
    return tags.get("indoor") != "yes" and tags.get("tunnel", "no") in ("no", "building_passage")


def has_walls(tags: Mapping[str, str]) -> bool:
    """Return whether an object with these OpenStreetMap tags is a building that blocks sight."""
    return tags.get("building", "no") not in _NO_WALLS and tags.get("location") != "underground"


def in_box(line: Line, box_deg: Box) -> list[Line]:
    """Return the runs of a line whose pieces have an end in a box."""
    south, west, north, east = box_deg
    lon_deg, lat_deg = line.T
    inside = (lat_deg >= south) & (lat_deg <= north) & (lon_deg >= west) & (lon_deg <= east)
    if inside.all():
        return [line] if len(line) > 1 else []
    kept = np.flatnonzero(inside[:-1] | inside[1:])
    if not len(kept):
        return []
    runs = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
    return [line[run[0] : run[-1] + 2] for run in runs]
