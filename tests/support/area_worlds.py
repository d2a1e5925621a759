"""Cities with an area to watch, and what cameras truly show of it: reckoned by the documented rules on a fine grid.

Plain numpy, nothing of the engine. A mapped city is a grid of streets between blocks that nobody sees through; without
a map whatever is in range is in sight.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.choice.scenery import Scenery
from pipeline.decisions.assigned import field_of
from pipeline.world.free_space import free_space_from_streets
from pipeline.world.streets import streets_from
from schemas.camera import Camera
from schemas.camera_assignment import AssignedCamera
from schemas.incident import Incident
from schemas.location import Area
from tests.pipeline.engine_runs import DEMO, EngineRun
from tests.support.conditions import point
from tests.support.little_city import lines_deg
from tests.support.records import a_camera, a_table, an_incident, at

BLOCK_M = 80.0
# Free beside the middle of a street without buildings.
FREE_M = 8.0
KINDS = ("fixed", "known", "ptz", "all-round")
WEIGHTS = (44, 24, 26, 6)
LOOSE_HALF_DEG = 37.5
JUNCTION_M = 15.0
Spots = NDArray[np.float64]


@dataclass(frozen=True)
class AreaWorld:
    """A square area with cameras in and around it.

    Attributes:
        half_m: half of the area's side.
        mapped: whether its streets are known.
        cameras: the registry.
        spot: where each camera stands, metres from the middle.
    """

    half_m: float
    mapped: bool
    cameras: list[Camera]
    spot: dict[str, tuple[float, float]]

    def run(self) -> EngineRun:
        """Return the engine before it hears of anything."""
        run = EngineRun(a_table(*self.cameras))
        if self.mapped:
            plane = run.cameras.plane
            assert plane is not None
            off_m = np.array(plane.to_metres(at().lat_deg, at().lon_deg))
            reach_m = self.half_m + 2 * BLOCK_M
            lines_m = np.arange(-math.ceil(reach_m / BLOCK_M), math.ceil(reach_m / BLOCK_M) + 1) * BLOCK_M
            lines = [[(x + off_m[0], y + off_m[1]) for x in lines_m] for y in lines_m]
            lines += [[(x + off_m[0], y + off_m[1]) for y in lines_m] for x in lines_m]
            streets = streets_from(lines_deg(lines, plane), plane)
            run.scenery = Scenery(run.cameras, DEMO, streets, free_space_from_streets(streets))
        return run

    def report(self) -> Incident:
        """Return the report of a flood over the area."""
        corners = tuple(point(self.half_m * x, self.half_m * y) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
        area = Area(polygon=corners)
        return an_incident("flood", service="disaster", kind="flood", urgency_native="critical", area=area)

    def spots(self, camera_id: str, step_m: float) -> Spots:
        """Return the points of a fine grid of the area that lie within 210 m of a camera, shape (n, 2).

        Of a mapped city those are points along its streets, one for each ``step_m``.
        """
        east_m, north_m = self.spot[camera_id]
        fine = np.arange(step_m / 2 - self.half_m, self.half_m, step_m)
        x_m, y_m = fine[np.abs(fine - east_m) <= 210], fine[np.abs(fine - north_m) <= 210]
        if not self.mapped:
            return np.stack(np.meshgrid(x_m, y_m), axis=-1).reshape(-1, 2)
        lines = self.lines_m()
        ups = np.stack(np.meshgrid(lines[np.abs(lines - east_m) <= 210], y_m), axis=-1).reshape(-1, 2)
        across = np.stack(np.meshgrid(x_m, lines[np.abs(lines - north_m) <= 210]), axis=-1).reshape(-1, 2)
        return np.concatenate([ups, across])

    def lines_m(self) -> Spots:
        """Return where streets cross the area, the same on both axes."""
        lines = np.arange(-1000, 1001) * BLOCK_M
        return np.asarray(lines[np.abs(lines) < self.half_m])

    def whole(self, step_m: float) -> float:
        """Return how many points such a grid of the whole area has."""
        side = len(np.arange(step_m / 2 - self.half_m, self.half_m, step_m))
        return float(2 * len(self.lines_m()) * side if self.mapped else side * side)

    def truly_shown(self, cameras: Sequence[AssignedCamera], step_m: float = 2.5) -> tuple[float, list[float]]:
        """Return the share of the area that at least one of the cameras shows as it is aimed, and that each shows."""
        unseen: dict[tuple[int, int], float] = {}
        each, kinds = [], {camera.camera_id: camera for camera in self.cameras}
        for one in cameras:
            spots = self.spots(one.camera_id, step_m)
            p = self._shown(kinds[one.camera_id], one, spots)
            each.append(float(p.sum()) / self.whole(step_m))
            for (x, y), seen in zip(np.round(spots * 100).astype(int).tolist(), p.tolist(), strict=True):
                unseen[x, y] = unseen.get((x, y), 1.0) * (1.0 - seen)
        return sum(1.0 - left for left in unseen.values()) / self.whole(step_m), each

    def _shown(self, camera: Camera, one: AssignedCamera, spots: Spots) -> Spots:
        """Return with which probability a camera shows each point."""
        view, here = DEMO.view, np.array(self.spot[camera.camera_id])
        dx_m, dy_m = (spots - here).T
        d_m, bearing_deg = np.hypot(dx_m, dy_m), np.degrees(np.arctan2(dx_m, dy_m))
        observe_m, heading = view.observe_range_fixed_m, np.ones_like(dx_m)
        if camera.kind == "ptz":
            if one.aim is None:
                return np.zeros(len(spots))
            field_deg = field_of(one.aim)
            observe_m = view.observe_range_ptz_m * one.aim.zoom
            heading = _within(bearing_deg, one.aim.pan_deg, field_deg / 2)
        elif camera.azimuth_deg is not None:
            heading = _within(bearing_deg, camera.azimuth_deg, view.assumed_field_deg / 2)
        elif camera.kind == "fixed":
            heading = self._unknown_heading(here, bearing_deg)
        farthest_m = min(observe_m * 62 / 25, 200.0)
        if camera.kind == "ptz":
            widest_m, narrowest_deg = view.observe_range_ptz_m, min(view.zoom_fields_deg)
            zoomed_m = widest_m * math.tan(math.radians(30)) / math.tan(math.radians(narrowest_deg / 2))
            farthest_m = min(farthest_m, max(widest_m * 62 / 25, zoomed_m), 200.0)
        level = np.where(d_m <= observe_m, 1.0, np.where(d_m <= farthest_m, view.weak_view, 0.0))
        level = np.where(d_m <= farthest_m, level, 0.0)
        scale_m = view.clutter_scale_m if self.mapped else view.unmapped_scale_m
        p = level * np.exp(-d_m / scale_m) * heading
        return np.asarray(p * self._in_sight(here, spots) if self.mapped else p)

    def _unknown_heading(self, here: Spots, bearing_deg: Spots) -> Spots:
        if not self.mapped:
            return np.full(len(bearing_deg), DEMO.view.assumed_field_deg / 360)
        off_m = np.abs(here - np.round(here / BLOCK_M) * BLOCK_M)
        if np.hypot(*off_m) < JUNCTION_M:
            ways_deg: tuple[float, ...] = (0.0, 90.0, 180.0, 270.0)
        else:
            ways_deg = (0.0, 180.0) if off_m[0] < off_m[1] else (90.0, 270.0)
        return np.asarray(np.mean([_within(bearing_deg, way, LOOSE_HALF_DEG) for way in ways_deg], axis=0))

    def _in_sight(self, here: Spots, spots: Spots) -> Spots:
        """Return 1 where the straight line to a point stays on streets, else 0."""
        along = np.linspace(0, 1, 201)[:, None, None]
        line = here + along * (spots - here)
        off_m = np.abs(line - np.round(line / BLOCK_M) * BLOCK_M)
        return np.asarray((off_m.min(axis=2) <= FREE_M).all(axis=0), np.float64)


def _within(bearing_deg: Spots, axis_deg: float, half_deg: float) -> Spots:
    """Return 1 where a bearing is no farther than so off an axis, else 0."""
    return np.asarray(np.abs((bearing_deg - axis_deg + 180) % 360 - 180) <= half_deg, np.float64)


def area_world(square_km: float, seed: int, *, mapped: bool, per_square_km: float = 139.0) -> AreaWorld:
    """Return a square area of so many square kilometres with cameras of all kinds in it and 50 m around it."""
    rng, half_m = random.Random(seed), math.sqrt(square_km) * 500
    edge_m = half_m + 50
    spot, cameras = {}, []
    for number in range(max(round(per_square_km * (2 * edge_m / 1000) ** 2), 12)):
        x_m, y_m = rng.uniform(-edge_m, edge_m), rng.uniform(-edge_m, edge_m)
        if mapped:
            beside_m = rng.uniform(-5, 5)
            if rng.random() < 0.5:
                x_m = round(x_m / BLOCK_M) * BLOCK_M + beside_m
            else:
                y_m = round(y_m / BLOCK_M) * BLOCK_M + beside_m
        camera_id, kind = f"cam-{number:05}", rng.choices(KINDS, WEIGHTS)[0]
        azimuth_deg = float(rng.randrange(360)) if kind == "known" else None
        spot[camera_id] = (x_m, y_m)
        fields = {"site_id": camera_id, "location": at(x_m, y_m), "azimuth_deg": azimuth_deg}
        cameras.append(a_camera(camera_id, kind="fixed" if kind == "known" else kind, **fields))
    return AreaWorld(half_m, mapped, cameras, spot)
