"""What a camera can show of a region: range by pixel density, field of view, unknown headings, clutter.

Seen probability of camera c at point x: p(x) = heading · [x in field] · range(x) · exp(-d / clutter scale), where range
is 1 up to the range of 62 px/m, a small number up to 25 px/m, and 0 beyond. Pixel densities: IEC 62676-4 (detect 25,
observe 62, recognise 125, identify 250 px/m). Without maps of streets and buildings there is no line of sight, and an
unknown heading is any heading.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.camera_columns import KIND_CODES
from pipeline.camera_table import CameraTable
from pipeline.geo import METRES_PER_DEGREE
from pipeline.policy import ViewPolicy
from pipeline.region import Region
from schemas.camera import CameraKind
from schemas.camera_assignment import ViewLevel

DETECT_PX_PER_M = 25.0
OBSERVE_PX_PER_M = 62.0
LEVELS: tuple[tuple[float, ViewLevel], ...] = (
    (250.0, ViewLevel.IDENTIFY),
    (125.0, ViewLevel.RECOGNISE),
    (OBSERVE_PX_PER_M, ViewLevel.OBSERVE),
    (DETECT_PX_PER_M, ViewLevel.DETECT),
)
_PTZ = KIND_CODES[CameraKind.PTZ]
_ALL_ROUND = KIND_CODES[CameraKind.ALL_ROUND]
_PTZ_WIDEST_DEG = 60.0
_FULL_CIRCLE_DEG = 360.0
# Of an area or way a camera watches what lies this near: about the 25 px/m range of unknown PTZ optics at their widest.
EASY_REACH_M = 80.0
# Regions computed together: enough to share numpy's cost of a call, few enough to stay in the processor's cache.
TOGETHER = 16
# No lens of a street camera is narrower; registries write 0 for "unknown", which would see infinitely far.
_FIELD_DEG_MIN = 1.0


@dataclass(frozen=True, slots=True)
class Views:
    """Candidate views of a region; a PTZ camera has one per field of view it may zoom to, others have one.

    Arrays are of length v (views) unless said otherwise; ``camera`` gives each view's place among the m candidates.

    Attributes:
        rows: camera table rows of the candidates, shape (m,).
        target_x_m: what the candidate looks at on the region's plane: its centre, or the near part of an extended
            one, shape (m,).
        target_y_m: the same.
        distance_m: from candidate to what it looks at, shape (m,).
        bearing_deg: the same way, clockwise from north, shape (m,).
        heading_known: whether the candidate's direction is known or can be chosen, shape (m,).
        camera: place of the view's camera among the candidates.
        field_deg: horizontal field of view.
        observe_range_m: range of 62 px/m.
        heading: probability that the camera points the right way, before pole-mates are counted.
        seen: seen probability without ``heading``, shape (v, n) over the region's points.
    """

    rows: NDArray[np.intp]
    target_x_m: NDArray[np.float64]
    target_y_m: NDArray[np.float64]
    distance_m: NDArray[np.float64]
    bearing_deg: NDArray[np.float64]
    heading_known: NDArray[np.bool_]
    camera: NDArray[np.intp]
    field_deg: NDArray[np.float64]
    observe_range_m: NDArray[np.float64]
    heading: NDArray[np.float64]
    seen: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """A question: what can these cameras (rows of the table) show of this region?"""

    rows: NDArray[np.intp]
    region: Region


def level_at(distance_m: float, observe_range_m: float) -> ViewLevel:
    """Return the IEC 62676-4 level at a distance for a camera with this range of 62 px/m."""
    px_per_m = OBSERVE_PX_PER_M * observe_range_m / max(distance_m, 1.0)
    return next((level for density, level in LEVELS if px_per_m >= density), ViewLevel.NONE)


def views_of(cameras: CameraTable, requests: Sequence[ViewRequest], policy: ViewPolicy) -> list[Views]:
    """Return for each request what its cameras can show of its region.

    Requests are computed together, some at a time, because numpy costs as much for one region as for ten; each gets
    exactly what it would get alone.
    """
    answers: dict[int, Views] = {}
    groups: dict[tuple[int, bool], list[int]] = {}
    for number, request in enumerate(requests):
        groups.setdefault((len(request.region.weights), request.region.extended), []).append(number)
    for (_, extended), numbers in groups.items():
        size = 1 if extended else TOGETHER
        for start in range(0, len(numbers), size):
            some = numbers[start : start + size]
            together = _views_together(cameras, [requests[number] for number in some], policy)
            answers.update(zip(some, together, strict=True))
    return [answers[number] for number in range(len(requests))]


def _views_together(cameras: CameraTable, requests: list[ViewRequest], policy: ViewPolicy) -> list[Views]:
    """Return the views of regions with equally many points, all of them compact or only one."""
    rows = np.concatenate([request.rows for request in requests])
    ends = np.cumsum([len(request.rows) for request in requests])
    of = np.repeat(np.arange(len(requests)), np.diff(ends, prepend=0))
    x_m, y_m = _on_planes(cameras, rows, requests, of)
    points_x, points_y = np.stack([r.region.x_m for r in requests]), np.stack([r.region.y_m for r in requests])
    target_x_m, target_y_m = _targets(requests, of, x_m, y_m)
    to_x, to_y = target_x_m - x_m, target_y_m - y_m
    bearing_deg = np.degrees(np.arctan2(to_x, to_y)) % _FULL_CIRCLE_DEG

    kind = cameras.kind[rows]
    camera, field_deg = _fields(kind, cameras.field_of_view_deg[rows], policy)
    observe_m = _observe_ranges_m(kind[camera], field_deg, cameras.width_px[rows][camera], policy)
    axis_deg = np.where(kind == _PTZ, bearing_deg, cameras.azimuth_deg[rows])
    all_round = kind == _ALL_ROUND
    known = all_round | ~np.isnan(axis_deg)
    heading = np.where(known[camera], 1.0, np.minimum(field_deg / _FULL_CIRCLE_DEG, 1.0))

    weak_m = OBSERVE_PX_PER_M / DETECT_PX_PER_M * observe_m
    # Most candidates are too far to show any point: only the rest is computed point by point.
    region_m = np.sqrt(points_x * points_x + points_y * points_y).max(axis=1)
    reach = np.flatnonzero((np.hypot(x_m, y_m) - region_m[of])[camera] <= weak_m)
    # What depends on the camera alone is computed once for all its views; ``at`` is each view's place among them.
    near, at = np.unique(camera[reach], return_inverse=True)
    dx, dy = points_x[of[near]] - x_m[near, None], points_y[of[near]] - y_m[near, None]
    d_m = np.sqrt(dx * dx + dy * dy)
    fade = np.exp(d_m * (-1.0 / policy.clutter_scale_m))
    d_view = d_m[at]
    strength = np.where(d_view <= observe_m[reach, None], 1.0, policy.weak_view * (d_view <= weak_m[reach, None]))
    # A point is in the field where its part along the optical axis is large enough: no arc tangent for each.
    axis = np.radians(axis_deg[near])[:, None]
    along_m = dx * np.sin(axis) + dy * np.cos(axis)
    least_m = d_view * np.cos(np.radians(field_deg[reach] / 2))[:, None]
    bound = (known & ~all_round)[camera[reach], None]
    seen = np.zeros((len(camera), points_x.shape[1]))
    seen[reach] = strength * fade[at] * (~bound | (along_m[at] >= least_m))

    distance_m = np.hypot(to_x, to_y)
    view_ends = np.searchsorted(camera, ends)
    result, start, view_start = [], 0, 0
    for request, end, view_end in zip(requests, ends.tolist(), view_ends.tolist(), strict=True):
        mine, my_views = slice(start, end), slice(view_start, view_end)
        result.append(
            Views(
                rows=request.rows,
                target_x_m=target_x_m[mine],
                target_y_m=target_y_m[mine],
                distance_m=distance_m[mine],
                bearing_deg=bearing_deg[mine],
                heading_known=known[mine],
                camera=camera[my_views] - start,
                field_deg=field_deg[my_views],
                observe_range_m=observe_m[my_views],
                heading=heading[my_views],
                seen=seen[my_views],
            )
        )
        start, view_start = end, view_end
    return result


def _on_planes(
    cameras: CameraTable, rows: NDArray[np.intp], requests: list[ViewRequest], of: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each camera is on the plane of its request's region, metres."""
    planes = [request.region.plane for request in requests]
    east_m = np.array([plane.metres_per_degree_east for plane in planes])
    lat_deg, lon_deg = np.array([plane.lat_deg for plane in planes]), np.array([plane.lon_deg for plane in planes])
    x_m = (cameras.lon_deg[rows] - lon_deg[of]) * east_m[of]
    return x_m, (cameras.lat_deg[rows] - lat_deg[of]) * METRES_PER_DEGREE


def _targets(
    requests: list[ViewRequest], of: NDArray[np.intp], x_m: NDArray[np.float64], y_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the point that each camera looks at, on the plane of its region."""
    region = requests[0].region
    if not region.extended:
        centre_x = np.array([float(r.region.weights @ r.region.x_m) for r in requests])
        centre_y = np.array([float(r.region.weights @ r.region.y_m) for r in requests])
        return centre_x[of], centre_y[of]
    d_m = np.hypot(region.x_m - x_m[:, None], region.y_m - y_m[:, None])
    if not len(d_m):
        return x_m, y_m
    # The middle of what is within easy reach, or else the nearest point.
    near = (d_m <= EASY_REACH_M) | (d_m == d_m.min(axis=1, keepdims=True))
    share = near / near.sum(axis=1, keepdims=True)
    return share @ region.x_m, share @ region.y_m


def _fields(
    kind: NDArray[np.int8], field_of_view_deg: NDArray[np.float32], policy: ViewPolicy
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return for each view its camera and its field of view: PTZ cameras once per zoom, widest first."""
    zooms = np.array(policy.zoom_fields_deg)
    repeats = np.where(kind == _PTZ, len(zooms), 1)
    camera = np.repeat(np.arange(len(kind)), repeats)
    # NaN compares as False: below the least field, as with none, the registry does not know it.
    known = np.where(
        field_of_view_deg >= _FIELD_DEG_MIN, field_of_view_deg.astype(np.float64), policy.assumed_field_deg
    )
    field_deg = np.where(kind == _ALL_ROUND, _FULL_CIRCLE_DEG, known)[camera]
    turning = kind[camera] == _PTZ
    field_deg[turning] = np.broadcast_to(zooms, (int(turning.sum()) // len(zooms), len(zooms))).ravel()
    return camera, field_deg


def _observe_ranges_m(
    kind: NDArray[np.int8], field_deg: NDArray[np.float64], width_px: NDArray[np.int32], policy: ViewPolicy
) -> NDArray[np.float64]:
    """Return the range of 62 px/m: width_px / (2 · tan(fov / 2) · 62), or the policy's assumption for unknown optics.

    A zoom multiplies the assumed range by tan 30° / tan(fov / 2).
    """
    half = np.radians(np.minimum(field_deg, 170.0)) / 2
    computed = width_px / (2 * np.tan(half) * OBSERVE_PX_PER_M)
    zoomed = policy.observe_range_ptz_m * np.tan(np.radians(_PTZ_WIDEST_DEG / 2)) / np.tan(half)
    assumed = np.where(kind == _PTZ, zoomed, policy.observe_range_fixed_m)
    # A panorama's pixels are spread over its whole circle, for which the formula does not hold.
    usable = (width_px > 0) & (kind != _ALL_ROUND)
    return np.where(usable, computed, assumed)
