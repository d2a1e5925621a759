"""Where a case's target is now, with the uncertainty that time adds."""

import math
from dataclasses import dataclass

import numpy as np
import shapely

from pipeline.case import ALERT_PREFIX, UNUSABLE_QUALITIES, Standing, open_reports
from pipeline.geo import Plane
from pipeline.policy import US_PER_S, Policy
from pipeline.region import Region, along, disc, polygon_of, spread_over
from schemas.case_state import CaseReport, CaseState
from schemas.location import Area, Location, LocationQuality, Point
from schemas.subject_track import SubjectTrack

# Below this a person stands rather than walks, and the course is noise.
MOVING_MPS = 0.3


@dataclass(frozen=True, slots=True)
class Place:
    """Where the target is.

    Attributes:
        location: position with the accuracy it was measured with.
        position_us: when it was measured or reported.
        accuracy_m: 68 % radius now, with what walking since then adds.
        heading_deg: where the subject goes; None if unknown or standing.
        speed_mps: how fast; None if unknown.
        polygon: the extent, in (lon, lat) degrees, for incidents that are not a point.
    """

    location: Location
    position_us: int
    accuracy_m: float
    heading_deg: float | None = None
    speed_mps: float | None = None
    polygon: shapely.Geometry | None = None

    def region(self) -> Region:
        """Return the points the target may be at."""
        if self.polygon is not None:
            return spread_over(self.polygon)
        return disc(self.location.lat_deg, self.location.lon_deg, self.accuracy_m)

    def region_ahead(self, look_ahead_s: float) -> Region | None:
        """Return where a moving subject will be soon; None when it stands or its course is unknown."""
        if self.heading_deg is None or self.speed_mps is None or look_ahead_s <= 0:
            return None
        ahead_m, heading_rad = self.speed_mps * look_ahead_s, math.radians(self.heading_deg)
        plane = Plane(self.location.lat_deg, self.location.lon_deg)
        lat_deg, lon_deg = plane.to_degrees(ahead_m * math.sin(heading_rad), ahead_m * math.cos(heading_rad))
        return disc(float(lat_deg), float(lon_deg), self.accuracy_m)


def place_of(
    case: CaseState, standing: Standing, track: SubjectTrack | None, policy: Policy, now_us: int
) -> Place | None:
    """Return where to look for the case's target; None when no usable position or area is known."""
    polygon = _polygon(case, policy)
    positions = _positions(case, standing)
    if case.subject_ref is not None:
        return _subject_place(positions, track, policy, now_us)
    if polygon is not None:
        centre = polygon.representative_point()
        location = Location(lat_deg=centre.y, lon_deg=centre.x, accuracy_m=0.0, quality=LocationQuality.AREA)
        return Place(location, standing.lead.observed_us, 0.0, polygon=polygon)
    if not positions:
        return None
    position_us, location = positions[0]
    return Place(location, position_us, max(location.accuracy_m, 1.0))


def routes_of(case: CaseState, place: Place) -> list[Region]:
    """Return the ways of the responding units to the place: their routes, else straight lines."""
    routes = []
    for unit in (unit for report in open_reports(case) for unit in report.units):
        points = unit.route if len(unit.route) > 1 else ()
        if not points and unit.position is not None and is_usable(unit.position):
            start = Point(lat_deg=unit.position.lat_deg, lon_deg=unit.position.lon_deg)
            points = (start, Point(lat_deg=place.location.lat_deg, lon_deg=place.location.lon_deg))
        if (region := along(points)) is not None:
            routes.append(region)
    return routes


def is_usable(location: Location) -> bool:
    """Return whether cameras may be chosen from a location."""
    return location.quality not in UNUSABLE_QUALITIES


def _positions(case: CaseState, standing: Standing) -> list[tuple[int, Location]]:
    """Return the usable positions of the open reports, the lead's first, then the newest."""

    def order(report: CaseReport) -> tuple[bool, int, str]:
        return report.report_id != standing.lead.report_id, -report.observed_us, report.report_id

    reports = sorted(open_reports(case), key=order)
    return [(_seen_us(r), r.location) for r in reports if r.location is not None and is_usable(r.location)]


def _seen_us(report: CaseReport) -> int:
    """Return when the target was at a report's place: an alert may tell of a place of long ago."""
    return report.occurred_us if report.report_id.startswith(ALERT_PREFIX) else report.observed_us


def _subject_place(
    positions: list[tuple[int, Location]], track: SubjectTrack | None, policy: Policy, now_us: int
) -> Place | None:
    """Return the newest position of a person, widened by how far they can have walked since."""
    move = policy.movement
    newest = max(positions, key=lambda item: item[0], default=None)
    heading_deg = speed_mps = None
    if track is not None and (newest is None or track.fix_us >= newest[0]):
        location = Location(
            lat_deg=track.lat_deg, lon_deg=track.lon_deg, accuracy_m=track.accuracy_m, quality=LocationQuality.GPS
        )
        newest = (track.fix_us, location)
        if track.speed_mps >= MOVING_MPS and not np.isnan(track.course_deg):  # NaN compares as False
            heading_deg, speed_mps = track.course_deg, track.speed_mps
    if newest is None:
        return None
    position_us, location = newest
    walked_m = move.walking_speed_mps * max(now_us - position_us, 0) / US_PER_S
    accuracy_m = min(float(np.hypot(max(location.accuracy_m, 1.0), walked_m)), move.max_radius_m)
    return Place(location, position_us, accuracy_m, heading_deg, speed_mps)


def _polygon(case: CaseState, policy: Policy) -> shapely.Geometry | None:
    polygons = [p for r in open_reports(case) if r.area for p in _polygons(r.area, policy)]
    return shapely.union_all(polygons) if polygons else None


def _polygons(area: Area, policy: Policy) -> list[shapely.Polygon]:
    drawn = polygon_of(area)
    if drawn is not None:
        return [drawn]
    return [district.polygon for district in policy.districts if district.name in area.district_names]
