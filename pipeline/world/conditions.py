"""Crowds and closed roads of a city while they last: a table fed from the topic ``conditions``.

Nothing here has a clock: what holds is asked for at a moment. Conditions of drills are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
import shapely.ops

from pipeline.errors import RuleBrokenError
from pipeline.geo import Plane, in_range
from schemas.codec import decode
from schemas.condition import Condition, ConditionKind, CrowdLevel
from schemas.errors import RecordDecodeError
from schemas.location import Point

# Seoul watches 120 places; ten thousand conditions at once are a fault of the source.
CONDITIONS_MAX = 10_000
POINTS_MAX = 2_000
CORNERS_MIN = 3
WIDTH_M_MAX = 500.0
# A way that is cut nearer to its start than this has no corridor.
WAY_M_MIN = 20.0
Errors = list[tuple[int, Exception]]
_LEVELS = frozenset(CrowdLevel) - {CrowdLevel.OTHER}


@dataclass(frozen=True, slots=True)
class Crowd:
    """A crowded area: the level, and its polygon in (lon, lat) degrees."""

    level: str
    polygon: shapely.Polygon
    until_us: int


@dataclass(frozen=True, slots=True)
class Closure:
    """A closed road: its points in order, and its width in metres."""

    line: tuple[Point, ...]
    width_m: float
    until_us: int

    def on(self, plane: Plane) -> shapely.Geometry:
        """Return the ground that is closed, on a plane, metres."""
        return shapely.LineString(_metres(self.line, plane)).buffer(self.width_m / 2)


Held = Mapping[bytes, Crowd | Closure]


class Conditions:
    """What is unusual where, by condition id.

    Attributes:
        offset: how far the topic was read; -1 for nothing.
    """

    def __init__(self) -> None:
        self.offset = -1
        self._known: dict[bytes, Crowd | Closure] = {}
        self._crowds: tuple[Crowd, ...] = ()
        # West, south, east, north of each of them, degrees.
        self._bounds = np.empty((0, 4))
        # While the moment asked for lies in here, the crowds are those of the last answer.
        self._same_us = (0, 0)
        # The same for all that holds.
        self._held: Held = {}
        self._held_us = (0, 0)

    def __len__(self) -> int:
        """Return how many conditions are known, those that have ended among them."""
        return len(self._known)

    def apply(self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int) -> Errors:
        """Take a slice of the topic, in its order; return the refused rows as (index, error).

        A refused row removes what was known by its key, because the newest word counts.
        """
        errors: Errors = []
        for index, (key, value) in enumerate(zip(keys, values, strict=True)):
            self._known.pop(key or b"", None)
            if value is None:
                continue
            try:
                found = _condition(decode(Condition, value), key)
                if found is not None and len(self._known) >= CONDITIONS_MAX:
                    raise RuleBrokenError("too-large", "condition_id", f"at most {CONDITIONS_MAX} conditions")
            except (RecordDecodeError, RuleBrokenError) as error:
                errors.append((index, error))
                continue
            if found is not None and key is not None:
                self._known[key] = found
        self.offset = max(self.offset, last_offset)
        self._same_us = self._held_us = (0, 0)
        return errors

    def in_force(self, now_us: int) -> Held:
        """Return what holds at a moment, by condition id; the same object as long as it is the same."""
        if not self._held_us[0] <= now_us < self._held_us[1]:
            held = {key: one for key, one in sorted(self._known.items()) if one.until_us > now_us}
            if held != self._held:
                self._held = held
            ends_us = [one.until_us for one in self._known.values()]
            self._held_us = (
                max((end_us for end_us in ends_us if end_us <= now_us), default=0),
                min((end_us for end_us in ends_us if end_us > now_us), default=1 << 62),
            )
        return self._held

    @staticmethod
    def changes(before: Held, after: Held) -> list[Crowd | Closure]:
        """Return what of two moments is not the same, as it was and as it is, by id; another end is no change."""
        found = []
        for key in sorted(before.keys() | after.keys()):
            old, new = before.get(key), after.get(key)
            if old is not new and (old is None or new is None or replace(old, until_us=new.until_us) != new):
                found += [one for one in (old, new) if one is not None]
        return found

    def crowds(self, now_us: int) -> tuple[Crowd, ...]:
        """Return the crowded areas of a moment, by condition id; the same object as long as they are the same."""
        if not self._same_us[0] <= now_us < self._same_us[1]:
            every = [one for _, one in sorted(self._known.items()) if isinstance(one, Crowd)]
            now = tuple(one for one in every if one.until_us > now_us)
            if now != self._crowds:
                self._crowds, self._bounds = now, np.array([one.polygon.bounds for one in now]).reshape(-1, 4)
            self._same_us = (
                max((one.until_us for one in every if one.until_us <= now_us), default=0),
                min((one.until_us for one in now), default=1 << 62),
            )
        return self._crowds

    def closures(self, now_us: int) -> list[Closure]:
        """Return the closed roads of a moment, by condition id."""
        return [one for one in self.in_force(now_us).values() if isinstance(one, Closure)]

    def level_at(self, lat_deg: float, lon_deg: float, now_us: int) -> str | None:
        """Return how crowded a position is, by the most crowded area there; None where nobody says."""
        crowds = self.crowds(now_us)
        if not crowds:
            return None
        west, south, east, north = self._bounds.T
        near = np.flatnonzero((west <= lon_deg) & (lon_deg <= east) & (south <= lat_deg) & (lat_deg <= north)).tolist()
        levels = {crowds[i].level for i in near if shapely.intersects_xy(crowds[i].polygon, lon_deg, lat_deg)}
        return next((level for level in reversed(CrowdLevel) if level in levels), None)


def cut_at_closures(
    way: Sequence[Point], closures: Sequence[Closure], plane: Plane
) -> tuple[tuple[Point, ...], float | None]:
    """Return the part of a way before the first closed road on it, and how long that is in metres.

    A way that no closure crosses is returned whole, with None; one that is closed at once is empty.
    """
    if not closures or len(way) < 2:
        return tuple(way), None
    line = shapely.LineString(_metres(way, plane))
    open_m = line.length
    for closure in closures:
        closed = line.intersection(closure.on(plane))
        if not closed.is_empty:
            first = shapely.get_coordinates(closed)
            open_m = min(open_m, float(shapely.line_locate_point(line, shapely.points(first)).min()))
    if open_m >= line.length:
        return tuple(way), None
    if open_m < WAY_M_MIN:
        return (), open_m
    part = shapely.get_coordinates(shapely.ops.substring(line, 0.0, open_m))
    lat_deg, lon_deg = plane.to_degrees(part[:, 0], part[:, 1])
    points = zip(lat_deg.tolist(), lon_deg.tolist(), strict=True)
    return tuple(Point(lat_deg=lat, lon_deg=lon) for lat, lon in points), open_m


def _metres(points: Sequence[Point], plane: Plane) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    x_m, y_m = plane.to_metres(np.array([p.lat_deg for p in points]), np.array([p.lon_deg for p in points]))
    return np.column_stack([x_m, y_m])


def _condition(record: Condition, key: bytes | None) -> Crowd | Closure | None:
    """Return a condition made ready; None for drills and kinds that decide nothing.

    Raises:
        RuleBrokenError: it cannot be used; the error names the field.
    """
    if key != record.condition_id.encode():
        raise RuleBrokenError("key-mismatch", "condition_id", "must equal the Kafka key")
    for name, points in (("polygon", record.polygon), ("line", record.line)):
        if len(points) > POINTS_MAX:
            raise RuleBrokenError("too-large", name, f"at most {POINTS_MAX} points are read")
        if not all(in_range(p.lat_deg, p.lon_deg) for p in points):
            raise RuleBrokenError("impossible-position", name, "must lie within ±90 and ±180 degrees")
    if record.exercise or record.kind not in (ConditionKind.CROWD, ConditionKind.CLOSURE):
        return None
    if record.kind == ConditionKind.CLOSURE:
        if len(set(record.line)) < 2:
            raise RuleBrokenError("missing-value", "line", "a closure needs a line of two points or more")
        if not 0 < record.width_m <= WIDTH_M_MAX:
            raise RuleBrokenError("out-of-range", "width_m", f"must be above 0 and at most {WIDTH_M_MAX:.0f}")
        return Closure(record.line, record.width_m, record.valid_until_us)
    if record.crowd_level not in _LEVELS:
        raise RuleBrokenError("unknown-code", "crowd_level", f"must be one of {', '.join(sorted(_LEVELS))}")
    if len(set(record.polygon)) < CORNERS_MIN:
        raise RuleBrokenError("missing-value", "polygon", f"a crowd needs an area of {CORNERS_MIN} corners or more")
    polygon = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in record.polygon])
    if not polygon.is_valid:
        raise RuleBrokenError("out-of-range", "polygon", "must not cross itself")
    shapely.prepare(polygon)
    return Crowd(record.crowd_level, polygon, record.valid_until_us)
