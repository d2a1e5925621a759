"""The documented rules of choosing cameras, written again in plain Python, to check the engine against.

Nothing here uses the engine, numpy or an index: each rule is a loop over all cameras, from the words of the design. It
is slow on purpose.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from pipeline.rules.policy import Policy
from schemas.camera import Camera
from schemas.camera_assignment import AssignedCamera
from tests.support.brute_force_choice import DETECT_PER_OBSERVE, Aim, Cam, Case, Numbers

METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180
Point = tuple[float, float]
# Gains are written with four digits; a larger difference is another choice.
GAIN_ROUNDING = 2e-4
NOT_ANSWERING = ("down", "maintenance", "obstructed")


@dataclass(frozen=True)
class Assumptions:
    """What the rules take for granted, as the demo city's policy says."""

    observe_range_fixed_m: float = 23.5
    observe_range_ptz_m: float = 31.3
    field_deg: float = 90.0
    zoom_fields_deg: tuple[float, ...] = (60.0, 30.0, 12.0)
    clutter_scale_m: float = 60.0  # without streets
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
    sigma_m = max(max(accuracy_m, 1.0) / 1.51, 1.0)
    points = []
    for i in range(count):
        radius_m = sigma_m * math.sqrt(-2 * math.log(1 - (i + 0.5) / count))
        angle = i * math.pi * (3 - math.sqrt(5))
        points.append((radius_m * math.cos(angle), radius_m * math.sin(angle)))
    return points


def moved(here: tuple[float, float], east_m: float, north_m: float) -> tuple[float, float]:
    """Return (lat, lon) so many metres from (lat, lon)."""
    lat_deg = here[0] + north_m / METRES_PER_DEGREE
    return lat_deg, here[1] + east_m / METRES_PER_DEGREE / math.cos(math.radians(here[0]))


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


def cams_of(
    cameras: Sequence[Camera],
    here: tuple[float, float],
    rules: Assumptions,
    spot_of: Callable[[Camera], Point] | None = None,
) -> list[Cam]:
    """Return cameras as the brute force of the choice takes them, in metres around (lat, lon) or where told."""
    sites = {site: number for number, site in enumerate(sorted({c.site_id for c in cameras}))}
    cams = []
    for camera in cameras:
        x_m, y_m = spot_of(camera) if spot_of else offset_m(here, camera)
        fields_deg = fields_of(camera, rules)
        observe_m = tuple(observe_range_m(camera, field_deg, rules) for field_deg in fields_deg)
        turning = camera.kind == "ptz"
        kind = "turning" if turning else "round" if camera.kind == "all-round" else "loose"
        cams.append(
            Cam(
                name=camera.camera_id,
                x_m=x_m,
                y_m=y_m,
                kind="fixed" if kind == "loose" and camera.azimuth_deg is not None else kind,
                azimuth_deg=camera.azimuth_deg or 0.0,
                field_deg=fields_deg[0],
                observe_m=observe_m[:1],
                reach_m=min(max(observe_m[0] * DETECT_PER_OBSERVE, observe_m[-1] if turning else 0.0), 200.0),
                site=sites[camera.site_id],
            )
        )
    return cams


def numbers_of(policy: Policy) -> Numbers:
    """Return a policy's numbers as the brute force of the choice takes them, in a city without a street map."""
    view, selection = policy.view, policy.selection
    return Numbers(
        zooms_deg=tuple(view.zoom_fields_deg),
        clutter_m=view.unmapped_scale_m,
        weak=view.weak_view,
        min_gain=selection.min_gain,
        ptz_min_gain=selection.ptz_min_gain,
        held_bonus=selection.held_bonus,
        travel_cost=selection.travel_cost,
        step_deg=selection.aim_step_deg,
        zoom_step_deg=selection.zoom_aim_step_deg,
    )


def check_choice(chosen: Sequence[AssignedCamera], case: Case) -> int:
    """Check the cameras of a first version one by one; return how many were chosen for what they see.

    At each place nothing open may have been better, gains are what they are said to be, second views begin when nothing
    adds enough, and left-over places go to the nearest.
    """
    kind = "best"
    for camera in chosen:
        cam = next(c for c in case.cams if c.name == camera.camera_id)
        now = "filled" if camera.why["nearest"] else "second" if camera.why["second"] else "best"
        if now != kind:
            assert case.best() is None, f"{camera.camera_id}: something still adds enough"
            if kind == "best":
                case.want = [spot.mass for spot in case.spots]
            if now == "filled":
                assert case.best() is None or kind == "second", f"{camera.camera_id}: second views were left out"
            kind = now
        if now == "filled":
            nearest = min(case.nearness(c) for c in case.cams if c.name not in case.chosen())
            assert case.nearness(cam)[0] == pytest.approx(nearest[0], abs=0.05), f"{camera.camera_id}: {nearest}"
            case.take(cam, None, now)
            continue
        aim = _aim_of(camera, case.numbers)
        best = case.best()
        assert best is not None
        assert case.gain(cam, aim) >= best[2] - GAIN_ROUNDING, f"{camera.camera_id}: {best[0].name} shows more"
        assert camera.why["gain"] == pytest.approx(case.gain(cam, aim), abs=GAIN_ROUNDING)
        case.take(cam, aim, now)
    assert len(chosen) == min(case.count, len(case.cams))
    return sum(taken.kind != "filled" for taken in case.taken)


def _aim_of(camera: AssignedCamera, numbers: Numbers) -> Aim:
    if camera.aim is None:
        return None
    half_deg = math.degrees(math.atan(math.tan(math.radians(30)) / camera.aim.zoom))
    return camera.aim.pan_deg, min(numbers.zooms_deg, key=lambda field_deg: abs(field_deg / 2 - half_deg))
