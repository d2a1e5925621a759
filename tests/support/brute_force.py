"""The documented rules of choosing cameras, written again in plain Python, to check the engine against.

Nothing here uses the engine, numpy or an index: each rule is a loop over all cameras, from the words of the design. It
is slow on purpose.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.camera import Camera

METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180
NOT_ANSWERING = ("down", "maintenance", "obstructed")


@dataclass(frozen=True)
class Assumptions:
    """What the rules take for granted, as the demo city's policy says."""

    observe_range_fixed_m: float = 23.5
    observe_range_ptz_m: float = 31.3
    field_deg: float = 90.0
    zoom_fields_deg: tuple[float, ...] = (60.0, 30.0, 12.0)
    clutter_scale_m: float = 200.0
    weak_view: float = 0.05


def distance_m(here: tuple[float, float], camera: Camera) -> float:
    """Return the great-circle distance from (lat, lon) to a camera, by the spherical law of cosines on unit vectors."""
    lat_1, lon_1, lat_2, lon_2 = map(math.radians, (*here, camera.location.lat_deg, camera.location.lon_deg))
    one = (math.cos(lat_1) * math.cos(lon_1), math.cos(lat_1) * math.sin(lon_1), math.sin(lat_1))
    two = (math.cos(lat_2) * math.cos(lon_2), math.cos(lat_2) * math.sin(lon_2), math.sin(lat_2))
    return 2 * 6_371_008.8 * math.asin(math.dist(one, two) / 2)


def is_eligible(camera: Camera, health: Mapping[str, str], purposes: Iterable[str]) -> bool:
    """Return whether a camera is in service, placed, answering and of an allowed purpose."""
    allowed = set(purposes)
    location = camera.location
    placed = (
        location.quality not in ("default", "none")
        and "pile" not in camera.quality_flags
        and (location.lat_deg, location.lon_deg) != (0.0, 0.0)
    )
    return (
        camera.status == "active"
        and placed
        and health.get(camera.camera_id) not in NOT_ANSWERING
        and (not allowed or bool(allowed & set(camera.purposes)))
    )


def eligible(
    cameras: Sequence[Camera],
    health: Mapping[str, str],
    purposes: Iterable[str],
    *,
    here: tuple[float, float],
    rings_m: Sequence[float],
    enough_sites: int,
) -> tuple[list[Camera], float]:
    """Return the eligible cameras of the first ring that holds enough sites, else of the widest; and that ring."""
    allowed = list(purposes)
    found: list[Camera] = []
    for ring_m in rings_m:
        found = [c for c in cameras if is_eligible(c, health, allowed) and distance_m(here, c) <= ring_m]
        if len({c.site_id for c in found}) >= enough_sites:
            return found, ring_m
    return found, rings_m[-1]


def target_points(accuracy_m: float, count: int = 48) -> list[tuple[float, float]]:
    """Return (east_m, north_m) of equally likely places of a target with this 68 % radius: a sunflower."""
    sigma_m = max(accuracy_m, 1.0) / 1.51
    points = []
    for i in range(count):
        radius_m = sigma_m * math.sqrt(-2 * math.log(1 - (i + 0.5) / count))
        angle = i * math.pi * (3 - math.sqrt(5))
        points.append((radius_m * math.cos(angle), radius_m * math.sin(angle)))
    return points


def offset_m(here: tuple[float, float], camera: Camera) -> tuple[float, float]:
    """Return (east_m, north_m) of a camera from (lat, lon)."""
    east_deg, north_deg = camera.location.lon_deg - here[1], camera.location.lat_deg - here[0]
    return east_deg * math.cos(math.radians(here[0])) * METRES_PER_DEGREE, north_deg * METRES_PER_DEGREE


def fields_of(camera: Camera, rules: Assumptions) -> tuple[float, ...]:
    """Return the fields of view a camera can show: one a zoom for PTZ."""
    if camera.kind == "ptz":
        return rules.zoom_fields_deg
    return (360.0,) if camera.kind == "all-round" else (camera.field_of_view_deg or rules.field_deg,)


def observe_range_m(camera: Camera, field_deg: float, rules: Assumptions) -> float:
    """Return the range of 62 px/m (IEC 62676-4), or what is assumed for unknown optics."""
    half = math.radians(min(field_deg, 170.0) / 2)
    if camera.width_px and camera.kind != "all-round":
        return camera.width_px / (2 * math.tan(half) * 62)
    if camera.kind == "ptz":
        return rules.observe_range_ptz_m * math.tan(math.radians(30)) / math.tan(half)
    return rules.observe_range_fixed_m


@dataclass(frozen=True)
class View:
    """One camera with one field of view, before any is chosen.

    Attributes:
        camera: whose view it is.
        field_deg: the field.
        heading: probability that it points the right way; 1 where the heading is known or can be chosen.
        heading_known: whether it is.
        seen: for each place of the target the probability that it shows, were the heading right.
    """

    camera: Camera
    field_deg: float
    heading: float
    heading_known: bool
    seen: tuple[float, ...]


def views_of(
    cameras: Iterable[Camera], here: tuple[float, float], points: Sequence[tuple[float, float]], rules: Assumptions
) -> list[View]:
    """Return what each camera can show of a target that is equally likely at these points around (lat, lon)."""
    middle = (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
    views = []
    for camera in cameras:
        at = offset_m(here, camera)
        axis_deg = None
        if camera.kind == "ptz":
            axis_deg = _bearing_deg(at, middle)
        elif camera.kind != "all-round":
            axis_deg = camera.azimuth_deg
        known = camera.kind == "all-round" or axis_deg is not None
        for field_deg in fields_of(camera, rules):
            range_m = observe_range_m(camera, field_deg, rules)
            seen = tuple(
                _in_range(math.dist(at, point), range_m, rules) if _in_field(at, point, axis_deg, field_deg) else 0.0
                for point in points
            )
            views.append(View(camera, field_deg, 1.0 if known else min(field_deg / 360, 1.0), known, seen))
    return views


def _in_range(d_m: float, range_m: float, rules: Assumptions) -> float:
    share = 1.0 if d_m <= range_m else rules.weak_view if d_m <= range_m * 62 / 25 else 0.0
    return share * math.exp(-d_m / rules.clutter_scale_m)


def _in_field(at: tuple[float, float], point: tuple[float, float], axis_deg: float | None, field_deg: float) -> bool:
    if axis_deg is None:
        return True
    return abs((_bearing_deg(at, point) - axis_deg + 180) % 360 - 180) <= field_deg / 2


def _bearing_deg(start: tuple[float, float], end: tuple[float, float]) -> float:
    return math.degrees(math.atan2(end[0] - start[0], end[1] - start[1])) % 360


@dataclass
class Chooser:
    """A choice under way: what is left to see after the views taken so far."""

    views: list[View]
    left: list[float]
    taken: list[View] = field(default_factory=list)

    def heading(self, view: View) -> float:
        """Return the probability that a view points the right way, given that its pole-mates taken point elsewhere."""
        if view.heading_known:
            return 1.0
        mates = sum(not t.heading_known and t.camera.site_id == view.camera.site_id for t in self.taken)
        rest = 1 - mates * view.heading
        return min(view.heading / rest, 1.0) if rest > 0 else 1.0

    def gain(self, view: View) -> float:
        """Return what a view would add to the probability of a view."""
        heading = self.heading(view)
        return sum(left * heading * p for left, p in zip(self.left, view.seen, strict=True))

    def open(self) -> list[View]:
        """Return the views of cameras that are not taken."""
        taken = {view.camera.camera_id for view in self.taken}
        return [view for view in self.views if view.camera.camera_id not in taken]

    def take(self, view: View) -> None:
        """Choose a view."""
        heading = self.heading(view)
        self.left = [left * (1 - heading * p) for left, p in zip(self.left, view.seen, strict=True)]
        self.taken.append(view)

    def utility(self) -> float:
        """Return the probability that at least one of the views taken shows the target."""
        return 1 - sum(self.left)


def chooser(views: list[View]) -> Chooser:
    """Return a choice that has not begun; all places of the target are equally likely."""
    count = len(views[0].seen) if views else 1
    return Chooser(views, [1 / count] * count)


def best_utility(views: list[View], count: int) -> float:
    """Return the utility of the best set of at most so many cameras of known heading, by trying every set."""
    by_camera: dict[str, list[View]] = {}
    for view in views:
        by_camera.setdefault(view.camera.camera_id, []).append(view)
    best = 0.0
    for members in itertools.combinations(by_camera.values(), min(count, len(by_camera))):
        for chosen in itertools.product(*members):
            choice = chooser(views)
            for view in chosen:
                choice.take(view)
            best = max(best, choice.utility())
    return best
