"""All that choices are made from, kept in step with the camera table: optics, grid, and what each pole has in sight."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.belief.belief import Sight
from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.shown import shown
from pipeline.geo import Plane
from pipeline.rules.policy import Policy
from pipeline.sight.camera_grid import CameraGrid
from pipeline.sight.optics import LOOSE, Optics
from pipeline.sight.sightlines import Sightlines
from pipeline.sight.world import World
from pipeline.world.conditions import Crowd
from pipeline.world.free_space import FreeSpace
from pipeline.world.streets import Streets
from schemas.location import Location

# Where a table without cameras has its plane: nothing is reckoned on it.
_NOWHERE = Plane(0.0, 0.0)


class Scenery:
    """What the cameras of a table can show of the city, as far as it is mapped.

    Attributes:
        cameras: the camera table.
        world: streets, free space and lines of sight.
        optics: columns of the cameras for the choice.
        grid: where they stand.
        view: the policy's assumptions of cameras, as they hold in this city: without streets sight fades faster.
    """

    def __init__(
        self, cameras: CameraTable, policy: Policy, streets: Streets | None = None, free: FreeSpace | None = None
    ) -> None:
        self.cameras = cameras
        self.optics = Optics()
        self.grid = CameraGrid()
        fade_m = policy.view.clutter_scale_m if streets is not None else policy.view.unmapped_scale_m
        self.view = replace(policy.view, clutter_scale_m=fade_m)
        self._revision = -1
        self._policy = policy.conditions
        self._crowds: tuple[Crowd, ...] = ()
        # By row: what crowds around a camera leave of what it shows.
        self._crowd: NDArray[np.float32] = np.ones(0, np.float32)
        sightlines = Sightlines(streets, free, policy.view.pole_error_m) if streets and free else None
        self.world = World(streets, free, sightlines)

    @property
    def streets(self) -> Streets | None:
        """The street map, None without one."""
        return self.world.streets

    @property
    def plane(self) -> Plane:
        """The plane of all metres."""
        return self.cameras.plane or _NOWHERE

    def refresh(self, now_us: int | None = None) -> None:
        """Take over what changed in the camera table since the last call, and the crowds of a moment.

        Args:
            now_us: the moment; None leaves the crowds as they are.
        """
        changed = self._refresh_cameras()
        crowds = self._crowds if now_us is None else self.cameras.conditions.crowds(now_us)
        if crowds is not self._crowds or (changed and crowds):
            self._crowds = crowds
            self._note_crowds()

    def _refresh_cameras(self) -> bool:
        """Take over what changed in the camera table since the last call; return whether anything did."""
        revision = self.cameras.revision
        if revision == self._revision:
            return False
        changed = None if self._revision < 0 else self.cameras.changed_rows_since(self._revision)
        rows = None if changed is None else np.unique(changed)
        self.optics.refresh(self.cameras, rows, self.world.streets, self.view)
        if self.world.sightlines is not None:
            self.world.sightlines.refresh(self.cameras, rows, self.optics.reach_m)
        self.grid.refresh(self.optics, rows)
        self._revision = revision
        return True

    def _note_crowds(self) -> None:
        """Lower what cameras show that stand in a crowd; where areas overlap the most crowded one counts."""
        optics, plane = self.optics, self.plane
        crowd = np.ones(len(optics.x_m), np.float32)
        # By x, so that an area asks the cameras of its own strip and not those of the whole city.
        by_x = np.argsort(optics.x_m)
        x_m, y_m = optics.x_m[by_x], optics.y_m[by_x]
        for factor, area in self._hiding_crowds():
            west, south, east, north = area.polygon.bounds
            (x0_m, x1_m), (y0_m, y1_m) = plane.to_metres([south, north], [west, east])
            strip = slice(*np.searchsorted(x_m, (x0_m, np.nextafter(x1_m, np.inf))).tolist())
            rows = by_x[strip][(y_m[strip] >= y0_m) & (y_m[strip] <= y1_m)]
            rows = rows[crowd[rows] > factor]
            lat_deg, lon_deg = plane.to_degrees(optics.x_m[rows], optics.y_m[rows])
            crowd[rows[shapely.contains_xy(area.polygon, lon_deg, lat_deg)]] = factor
        before = np.ones(len(crowd), np.float32)
        before[: len(self._crowd)] = self._crowd[: len(crowd)]
        rows = np.flatnonzero((crowd != before) | (crowd < 1))
        optics.factor[rows] = self.cameras.factor[rows] * crowd[rows, None]
        self._crowd = crowd

    def _hiding_crowds(self) -> list[tuple[np.float32, Crowd]]:
        """Return the crowds that hide anybody with what they leave of a view, the densest first."""
        factors = [np.float32(self._policy.factor_of(area.level)) for area in self._crowds]
        hiding = [(factor, area) for factor, area in zip(factors, self._crowds, strict=True) if factor < 1]
        return sorted(hiding, key=lambda one: one[0])

    def crowd_level_at(self, location: Location, now_us: int) -> str | None:
        """Return how crowded it is at a position; None where nobody says."""
        return self.cameras.conditions.level_at(location.lat_deg, location.lon_deg, now_us)

    def crowd_terms(self, row: int, factor: float) -> dict[str, float]:
        """Return the terms that a crowd adds to a camera's why; ``factor`` is of crowd and learning together."""
        crowd = float(self._crowd[row]) if row < len(self._crowd) else 1.0
        return {} if crowd >= 1.0 else {"factor": round(factor / crowd, 4), "crowd": round(crowd, 4)}

    def assumptions_for(self, rows: Sequence[int]) -> tuple[str, ...]:
        """Return what was not known of the city or of these cameras and had to be assumed."""
        chosen = list(rows)
        unknown = [
            ("headings-unknown", bool((self.optics.motion[chosen] == LOOSE).any())),
            ("optics-unknown", bool(self.optics.assumed[chosen].any())),
        ]
        return (*self.world.assumptions, *(name for name, assumed in unknown if assumed))

    def sight_of(self, row: int, pan_deg: float, field_deg: float) -> Sight | None:
        """Return what a camera, turned like this, shows of the streets; None without streets."""
        sightlines, streets = self.world.sightlines, self.world.streets
        if sightlines is None or streets is None:
            return None
        start = int(sightlines.first[row])
        cells = sightlines.cell[start : start + int(sightlines.count[row])]
        x_m, y_m = streets.cell_x_m[cells], streets.cell_y_m[cells]
        p, weak = shown(self.world, self.optics, row, pan_deg, field_deg, cells, x_m, y_m, self.view)
        return Sight(x_m, y_m, np.where(weak, self.view.weak_view, 1.0) * p)
