"""A registration made ready: its safe zones on planes of their own, its night rest, when it ends."""

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo

import shapely

from pipeline.errors import RuleBrokenError
from pipeline.geo import METRES_PER_DEGREE, in_range
from pipeline.rules.policy import US_PER_S
from schemas.location import Point
from schemas.protected_subject import ProtectedSubject, SafeZone

MINUTES_PER_DAY = 24 * 60
# A home, a day centre, a daughter's house, the park: more zones, or outlines finer than this, are a fault.
ZONES_MAX = 16
ZONE_POINTS_MAX = 500
ZONE_RADIUS_M_MAX = 20_000.0
REF_LENGTH_MAX = 64
CORNERS_MIN = 3
# Nearer to the poles a plane of degrees breaks down.
LAT_DEG_MAX = 85.0


@dataclass(frozen=True, slots=True)
class ProtectionEnded:
    """A tombstone of a registration: from now on nothing is looked for, and nothing kept."""

    case_id: str
    ingested_us: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A safe zone on the plane around its centre.

    Attributes:
        ref: its id in its owner's system.
        lat_deg: latitude of the plane's origin.
        lon_deg: longitude of the plane's origin.
        metres_per_degree_east: how long a degree of longitude is there.
        radius_m: of a circle.
        outline: of a polygon, metres east and north of the origin; None for a circle.
    """

    ref: str
    lat_deg: float
    lon_deg: float
    metres_per_degree_east: float
    radius_m: float
    outline: shapely.Polygon | None

    def outside_m(self, lat_deg: float, lon_deg: float) -> float:
        """Return how far a position lies outside, in metres; 0 inside."""
        east_m = (lon_deg - self.lon_deg) * self.metres_per_degree_east
        north_m = (lat_deg - self.lat_deg) * METRES_PER_DEGREE
        if self.outline is None:
            return max(math.hypot(east_m, north_m) - self.radius_m, 0.0)
        return float(self.outline.distance(shapely.Point(east_m, north_m)))


@dataclass(frozen=True, slots=True)
class Protection:
    """A registration as detection uses it."""

    subject: ProtectedSubject
    zones: tuple[Zone, ...]

    def holds(self, now_us: int) -> bool:
        """Return whether the registration has not ended."""
        until_us = self.subject.valid_until_us
        return until_us is None or now_us < until_us

    def nearest_zone(self, lat_deg: float, lon_deg: float) -> tuple[float, str] | None:
        """Return how far the position lies outside the nearest zone, in metres, and which that is; None without any."""
        best: tuple[float, str] | None = None
        for zone in self.zones:
            outside_m = zone.outside_m(lat_deg, lon_deg)
            if best is None or outside_m < best[0]:
                best = (outside_m, zone.ref)
            if outside_m == 0.0:
                break
        return best

    def is_at_rest(self, moment_us: int, time_zone: tzinfo) -> bool:
        """Return whether a moment lies in the person's night rest; false where none is registered."""
        start, end = self.subject.quiet_from_min, self.subject.quiet_until_min
        if start is None or end is None:
            return False
        local = datetime.fromtimestamp(moment_us // US_PER_S, time_zone)
        minute = local.hour * 60 + local.minute
        return start <= minute < end if start <= end else minute >= start or minute < end


def check_registration(subject: ProtectedSubject) -> None:
    """Do nothing for a registration that detection can use.

    Raises:
        RuleBrokenError: a field breaks a rule; the error names it, and no place.
    """
    if not subject.subject_ref:
        raise RuleBrokenError("missing-value", "subject_ref", "must not be empty")
    if len(subject.safe_zones) > ZONES_MAX:
        raise RuleBrokenError("too-large", "safe_zones", f"at most {ZONES_MAX} zones, got {len(subject.safe_zones)}")
    for zone in subject.safe_zones:
        _check_zone(zone)
    for name in ("quiet_from_min", "quiet_until_min"):
        minute = getattr(subject, name)
        if minute is not None and not 0 <= minute < MINUTES_PER_DAY:
            raise RuleBrokenError("out-of-range", name, f"must be from 0 to {MINUTES_PER_DAY - 1}, got {minute}")
    if (subject.quiet_from_min is None) != (subject.quiet_until_min is None):
        raise RuleBrokenError("missing-value", "quiet_until_min", "a night rest needs both its start and its end")


def protection_of(subject: ProtectedSubject) -> Protection:
    """Return a registration that was checked, made ready."""
    return Protection(subject, tuple(_zone(zone) for zone in subject.safe_zones))


def _check_zone(zone: SafeZone) -> None:
    if len(zone.zone_ref) > REF_LENGTH_MAX:
        raise RuleBrokenError("too-large", "safe_zones.zone_ref", f"at most {REF_LENGTH_MAX} characters")
    if len(zone.polygon) > ZONE_POINTS_MAX:
        raise RuleBrokenError("too-large", "safe_zones.polygon", f"at most {ZONE_POINTS_MAX} points are read")
    for point in (zone.centre, *zone.polygon):
        if not in_range(point.lat_deg, point.lon_deg) or abs(point.lat_deg) > LAT_DEG_MAX:
            limits = f"must lie within ±{LAT_DEG_MAX:.0f} and ±180 degrees"
            raise RuleBrokenError("impossible-position", "safe_zones", limits)
    if zone.polygon:
        outline = _outline(zone, _per_degree_east(zone.centre))
        if outline is None or not outline.is_valid or outline.is_empty:
            rule = f"must have {CORNERS_MIN} corners or more, and not cross itself"
            raise RuleBrokenError("out-of-range", "safe_zones.polygon", rule)
    elif not 0 < zone.radius_m <= ZONE_RADIUS_M_MAX:
        rule = f"a circle's must be above 0 and at most {ZONE_RADIUS_M_MAX:.0f}, got {zone.radius_m}"
        raise RuleBrokenError("out-of-range", "safe_zones.radius_m", rule)


def _zone(zone: SafeZone) -> Zone:
    east = _per_degree_east(zone.centre)
    outline = _outline(zone, east)
    if outline is not None:
        shapely.prepare(outline)
    return Zone(zone.zone_ref, zone.centre.lat_deg, zone.centre.lon_deg, east, zone.radius_m, outline)


def _per_degree_east(centre: Point) -> float:
    return METRES_PER_DEGREE * math.cos(math.radians(centre.lat_deg))


def _outline(zone: SafeZone, metres_per_degree_east: float) -> shapely.Polygon | None:
    if len(set(zone.polygon)) < CORNERS_MIN:
        return None
    centre = zone.centre
    return shapely.Polygon(
        [
            ((p.lon_deg - centre.lon_deg) * metres_per_degree_east, (p.lat_deg - centre.lat_deg) * METRES_PER_DEGREE)
            for p in zone.polygon
        ]
    )
