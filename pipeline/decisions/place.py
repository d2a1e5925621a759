"""Where a case's target is now, with the uncertainty that time adds."""

import math
from dataclasses import dataclass

import shapely

from pipeline import geo
from pipeline.belief.glance import Whereabouts
from pipeline.cases.case import ALERT_PREFIX, UNUSABLE_QUALITIES, Standing, open_reports
from pipeline.geo import Plane
from pipeline.rules.policy import US_PER_S, Policy
from schemas.case_state import CaseReport, CaseState
from schemas.location import Area, Location, LocationQuality, Point
from schemas.subject_track import SubjectTrack

# Below this a person stands rather than walks, and the course is noise.
MOVING_MPS = 0.3


@dataclass(frozen=True, slots=True)
class Place:
    """Where the target is.

    Attributes:
        location: position with the accuracy it was measured with; of a person, the middle of the belief.
        position_us: when it was measured or reported; of a person, the moment of the newest evidence.
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


def polygon_of(area: Area) -> shapely.Polygon | None:
    """Return the area's polygon in (lon, lat) degrees; None without a usable ring."""
    if len({(p.lon_deg, p.lat_deg) for p in area.polygon}) < 3:
        return None
    polygon = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in area.polygon])
    if not polygon.is_valid:
        polygon = shapely.make_valid(polygon).convex_hull
    return polygon if isinstance(polygon, shapely.Polygon) and polygon.area > 0 else None


def place_of(case: CaseState, standing: Standing, policy: Policy) -> Place | None:
    """Return where to look for a target that stays where it is; None when no usable position or area is known."""
    polygon = _polygon(case, policy)
    if polygon is not None:
        centre = polygon.representative_point()
        location = Location(lat_deg=centre.y, lon_deg=centre.x, accuracy_m=0.0, quality=LocationQuality.AREA)
        return Place(location, standing.lead.observed_us, 0.0, polygon=polygon)
    positions = _positions(case, standing)
    if not positions:
        return None
    position_us, location = positions[0]
    return Place(location, position_us, max(location.accuracy_m, 1.0))


def place_of_subject(seen: Whereabouts, plane: Plane, position_us: int) -> Place:
    """Return where a person is by the belief; ``seen`` is of one case."""
    lat_deg, lon_deg = plane.to_degrees(seen.x_m, seen.y_m)
    accuracy_m, speed_mps, heading_deg = float(seen.r68_m[0]), float(seen.speed_mps[0]), float(seen.heading_deg[0])
    location = Location(
        lat_deg=round(float(lat_deg[0]), 7),
        lon_deg=round(float(lon_deg[0]), 7),
        accuracy_m=round(accuracy_m, 1),
        quality=LocationQuality.OTHER,
    )
    moves = speed_mps >= MOVING_MPS and not math.isnan(heading_deg)
    return Place(
        location,
        position_us,
        accuracy_m,
        round(heading_deg, 1) if moves else None,
        round(speed_mps, 2) if moves else None,
    )


def is_old(position_us: int, now_us: int, policy: Policy) -> bool:
    """Return whether a person's position is older than the policy calls recent."""
    return now_us - position_us > policy.movement.position_age_s * US_PER_S


def moved_m(case: CaseState, place: Place) -> float:
    """Return how far a place is from that for which the held cameras were chosen, metres; infinite without one."""
    anchor, here = case.anchor, place.location
    if anchor is None:
        return math.inf
    return math.hypot(*geo.offsets_m(anchor.lat_deg, anchor.lon_deg, here.lat_deg, here.lon_deg))


def newest_position(case: CaseState, standing: Standing, track: SubjectTrack | None) -> tuple[int, Location] | None:
    """Return (when, where) a case's subject was last by a usable report or a fix; None if nobody has said."""
    newest = max(_positions(case, standing), key=lambda item: item[0], default=None)
    if track is not None and (newest is None or track.fix_us >= newest[0]):
        location = Location(
            lat_deg=track.lat_deg, lon_deg=track.lon_deg, accuracy_m=track.accuracy_m, quality=LocationQuality.GPS
        )
        newest = (track.fix_us, location)
    return newest


def routes_of(case: CaseState, place: Place) -> list[tuple[Point, ...]]:
    """Return the ways of the responding units to the place, in driving order: their routes, else straight lines."""
    routes = []
    for unit in (unit for report in open_reports(case) for unit in report.units):
        points = unit.route if len(unit.route) > 1 else ()
        if not points and unit.position is not None and is_usable(unit.position):
            start = Point(lat_deg=unit.position.lat_deg, lon_deg=unit.position.lon_deg)
            points = (start, Point(lat_deg=place.location.lat_deg, lon_deg=place.location.lon_deg))
        if points:
            routes.append(points)
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


def _polygon(case: CaseState, policy: Policy) -> shapely.Geometry | None:
    polygons = [p for r in open_reports(case) if r.area for p in _polygons(r.area, policy)]
    return shapely.union_all(polygons) if polygons else None


def _polygons(area: Area, policy: Policy) -> list[shapely.Polygon]:
    drawn = polygon_of(area)
    if drawn is not None:
        return [drawn]
    return [district.polygon for district in policy.districts if district.name in area.district_names]
